/* failures.c - deadlines, cancelling, lost connections: told as what they are, and healed by the next session. */
#include "tests.h"

#include <stdio.h>
#include <string.h>

static double seconds_since(uint64_t start_ns)
{
    return (double)(kit_now_ns() - start_ns) / 1e9;
}

static struct desk things_open(struct vault *vault)
{
    struct desk desk = desk_open(vault, WEFT_SESSION_REQUEST);
    DO(&desk, "CREATE TABLE IF NOT EXISTS things (n integer)");
    return desk;
}

/* A lost session takes no more runs and holds nothing: another one writes. */
static void expect_lost_and_healed(struct desk *desk)
{
    struct vault *vault = desk->vault;
    int32_t rc = TRY(desk, 0, "SELECT 1");
    KIT_CHECK(rc == WEFT_RC_CLOSED, "the next run of a lost session returned %d", rc);
    desk_close(desk);
    *desk = desk_open(vault, WEFT_SESSION_REQUEST);
    DO(desk, "INSERT INTO things VALUES (100)");
}

static void expect_timeout(struct desk *desk, const char *sql, double seconds)
{
    const struct weft_statement batch[] = {
        { "INSERT INTO things VALUES (1)", NULL, 0, WEFT_STATEMENT_BEGIN },
        { sql, NULL, 0, WEFT_STATEMENT_ROWS },
    };
    uint64_t start = kit_now_ns();
    int32_t rc = desk_run(desk, batch, 2, seconds);
    double took = seconds_since(start);
    KIT_CHECK(rc == WEFT_RC_TIMEOUT, "it returned %d: %s", rc, desk->result.text);
    KIT_CHECK(took > 0.9 * seconds && took < 1.1 * seconds + 0.1, "it took %.3f s of %.3f", took, seconds);
}

static void a_deadline_ends_a_statement_and_its_transaction(const struct kit *kit)
{
    struct vault *vault = vault_new(kit);
    struct desk desk = things_open(vault);
    expect_timeout(&desk, vault_long_sql(vault), 0.5);
    expect_lost_and_healed(&desk);
    KIT_CHECK(desk_number(&desk, "SELECT count(*) FROM things WHERE n = 1") == 0, "a part of it was committed");
    desk_close(&desk);
    vault_end(vault);
}

static void a_lost_session_takes_no_more_runs(const struct kit *kit)
{
    struct vault *vault = vault_new(kit);
    struct desk desk = things_open(vault);
    expect_timeout(&desk, vault_long_sql(vault), 0.2);
    for (int i = 0; i < 3; i++) {
        int32_t rc = TRY(&desk, 0, "INSERT INTO things VALUES (1)");
        KIT_CHECK(rc == WEFT_RC_CLOSED && desk.result.n_sets == 0 && desk.result.text != NULL, "run %d returned %d", i,
                  rc);
    }
    desk_close(&desk);
    vault_end(vault);
}

static void a_deadline_in_the_past_does_nothing(const struct kit *kit)
{
    struct vault *vault = vault_new(kit);
    struct desk desk = things_open(vault);
    const struct weft_statement batch = { "INSERT INTO things VALUES (1)", NULL, 0,
                                          WEFT_STATEMENT_BEGIN | WEFT_STATEMENT_COMMIT };
    int32_t rc = desk_run(&desk, &batch, 1, 0);
    KIT_CHECK(rc == WEFT_RC_TIMEOUT, "it returned %d: %s", rc, desk.result.text);
    desk_close(&desk);
    desk = things_open(vault);
    KIT_CHECK(desk_number(&desk, "SELECT count(*) FROM things") == 0, "it was done");
    desk_close(&desk);
    vault_end(vault);
}

static void waiting_for_a_lock_keeps_the_deadline(const struct kit *kit)
{
    struct vault *vault = vault_new(kit);
    struct desk holder = things_open(vault), desk = desk_open(vault, WEFT_SESSION_REQUEST);
    DO(&holder, "INSERT INTO things VALUES (1)");
    desk_begin(&holder);
    DO(&holder, "UPDATE things SET n = 2");
    const struct weft_statement update = { "UPDATE things SET n = 3", NULL, 0,
                                           WEFT_STATEMENT_BEGIN | WEFT_STATEMENT_COMMIT };
    uint64_t start = kit_now_ns();
    int32_t rc = desk_run(&desk, &update, 1, 0.5);
    double took = seconds_since(start);
    /* The commit is on its way behind the statement that waits: a store may not know better than "maybe". */
    KIT_CHECK(rc == WEFT_RC_TIMEOUT || rc == WEFT_RC_MAYBE_SENT, "it returned %d: %s", rc, desk.result.text);
    KIT_CHECK(took > 0.45 && took < 0.7, "it took %.3f s of 0.5", took);
    desk_close(&desk);
    desk_commit(&holder);
    KIT_CHECK(desk_number(&holder, "SELECT n FROM things") >= 2, "the holder's update is lost");
    desk_close(&holder);
    vault_end(vault);
}

struct cancelling {
    struct desk *desk;
    const char *sql;
    uint64_t started_ns, ended_ns;
    int32_t rc;
    uint32_t begun;
};

static void cancel_body(void *arg, unsigned number)
{
    struct cancelling *it = arg;
    if (number == 0) {
        const struct weft_statement statement = { it->sql, NULL, 0, WEFT_STATEMENT_ROWS };
        it->started_ns = kit_now_ns();
        __atomic_store_n(&it->begun, 1, __ATOMIC_RELEASE);
        it->rc = desk_run(it->desk, &statement, 1, 4);
        it->ended_ns = kit_now_ns();
        __atomic_store_n(&it->begun, 2, __ATOMIC_RELEASE);
        return;
    }
    struct timespec pause = { .tv_nsec = 200000000 };
    nanosleep(&pause, NULL); /* so that it is under way: nothing tells when a statement runs */
    it->desk->vault->ops->cancel(it->desk->session);
}

static void cancel_ends_a_run_under_way(const struct kit *kit)
{
    struct vault *vault = vault_new(kit);
    struct desk desk = things_open(vault);
    struct cancelling it = { .desk = &desk, .sql = vault_long_sql(vault) };
    threads_run(2, cancel_body, &it);
    KIT_CHECK(it.rc == WEFT_RC_TIMEOUT, "it returned %d: %s", it.rc, desk.result.text);
    KIT_CHECK(it.ended_ns - it.started_ns < 1500000000u, "it took %.3f s", (double)(it.ended_ns - it.started_ns) / 1e9);
    expect_lost_and_healed(&desk);
    desk_close(&desk);
    vault_end(vault);
}

static void cancel_of_nothing_spares_the_next_run(const struct kit *kit)
{
    struct vault *vault = vault_new(kit);
    struct desk desk = things_open(vault);
    vault->ops->cancel(desk.session);
    DO(&desk, "INSERT INTO things VALUES (1)");
    KIT_CHECK(desk_number(&desk, "SELECT count(*) FROM things") == 1, "it was not done");
    desk_close(&desk);
    vault_end(vault);
}

/* ---- with a server that can be lost ------------------------------------------------------------------------------ */

static void a_server_that_is_away_is_unavailable_within_the_deadline(const struct kit *kit)
{
    struct kit_proxy *proxy = vault_proxy(kit);
    struct vault *vault = vault_open(kit, &(struct vault_setup){ .open.proxy = proxy });
    static const enum kit_proxy_mode modes[] = { KIT_PROXY_REFUSE, KIT_PROXY_BLACK_HOLE };
    for (size_t i = 0; i < 2; i++) {
        struct weft_error error = { 0 };
        void *session = NULL;
        kit_proxy_set_mode(proxy, modes[i]);
        uint64_t start = kit_now_ns();
        int32_t rc = vault->ops->session_open(vault->self, WEFT_SESSION_REQUEST, kit_deadline(0.5), &session, &error);
        KIT_CHECK(rc == WEFT_RC_UNAVAILABLE && error.text[0] != '\0', "mode %zu returned %d: %s", i, rc, error.text);
        KIT_CHECK(seconds_since(start) < 0.7, "it took %.3f s of 0.5", seconds_since(start));
    }
    vault_close(vault);
    kit_proxy_free(proxy);
}

static void no_such_database_is_refused(const struct kit *kit)
{
    struct kit_url url;
    KIT_CHECK(kit_url_parse(kit->url, &url), "%s is no URL", kit->url);
    if (url.parts.host == NULL) kit_skip("the store has no databases");
    struct vault *vault =
        vault_open(kit, &(struct vault_setup){ .open = { .path = "no-such-database", .password = "secret-password" } });
    struct weft_error error = { 0 };
    void *session = NULL;
    int32_t rc = vault->ops->session_open(vault->self, WEFT_SESSION_REQUEST, kit_deadline(5), &session, &error);
    KIT_CHECK(rc == WEFT_RC_REFUSED && strstr(error.text, "no-such-database") != NULL, "%d: %s", rc, error.text);
    KIT_CHECK(strstr(error.text, "secret-password") == NULL && !kit_host_logged(&vault->host, "secret-password"),
              "the password is told: %s", error.text);
    vault_close(vault);
}

struct lab {
    struct kit_proxy *proxy;
    struct vault *vault, *direct;
    struct desk desk, other;
};

static struct lab lab_open(const struct kit *kit)
{
    struct lab lab = { .proxy = vault_proxy(kit) };
    lab.direct = vault_new(kit);
    lab.other = things_open(lab.direct);
    lab.vault = vault_open(kit, &(struct vault_setup){ .like = lab.direct, .open.proxy = lab.proxy });
    lab.desk = desk_open(lab.vault, WEFT_SESSION_REQUEST);
    return lab;
}

static void lab_end(struct lab *lab)
{
    desk_close(&lab->desk);
    vault_close(lab->vault);
    desk_close(&lab->other);
    vault_end(lab->direct);
    kit_proxy_free(lab->proxy);
}

static void a_cut_connection_is_unavailable_and_the_next_session_is_fine(const struct kit *kit)
{
    struct lab lab = lab_open(kit);
    desk_begin(&lab.desk);
    DO(&lab.desk, "INSERT INTO things VALUES (1)");
    kit_proxy_cut(lab.proxy);
    int32_t rc = TRY(&lab.desk, 0, "INSERT INTO things VALUES (2)");
    KIT_CHECK(rc == WEFT_RC_UNAVAILABLE, "it returned %d: %s", rc, lab.desk.result.text);
    expect_lost_and_healed(&lab.desk);
    KIT_CHECK(desk_number(&lab.other, "SELECT count(*) FROM things WHERE n < 100") == 0, "something was committed");
    lab_end(&lab);
}

static void a_commit_without_an_answer_is_maybe_and_a_read_is_a_timeout(const struct kit *kit)
{
    struct lab lab = lab_open(kit);
    const struct weft_statement write[] = {
        { "INSERT INTO things VALUES (1)", NULL, 0, WEFT_STATEMENT_BEGIN },
        { "INSERT INTO things VALUES (2)", NULL, 0, WEFT_STATEMENT_COMMIT },
    };
    struct desk reader = desk_open(lab.vault, WEFT_SESSION_READER);
    kit_proxy_set_mode(lab.proxy, KIT_PROXY_BLACK_HOLE);
    uint64_t start = kit_now_ns();
    int32_t rc = desk_run(&lab.desk, write, 2, 0.5);
    KIT_CHECK(rc == WEFT_RC_MAYBE_SENT, "the commit returned %d: %s", rc, lab.desk.result.text);
    KIT_CHECK(seconds_since(start) < 0.7, "it took %.3f s of 0.5", seconds_since(start));
    const struct weft_statement read = { "SELECT count(*) FROM things", NULL, 0, WEFT_STATEMENT_ROWS };
    rc = desk_run(&reader, &read, 1, 0.3);
    KIT_CHECK(rc == WEFT_RC_TIMEOUT || rc == WEFT_RC_UNAVAILABLE, "the read returned %d: %s", rc, reader.result.text);
    desk_close(&reader);
    kit_proxy_set_mode(lab.proxy, KIT_PROXY_PASS);
    lab_end(&lab);
}

static void a_killed_backend_is_unavailable_and_leaves_nothing(const struct kit *kit)
{
    struct lab lab = lab_open(kit);
    if (!vault_is(lab.vault, "pg")) kit_skip("there is no backend to kill");
    for (int in_commit = 0; in_commit < 2; in_commit++) {
        desk_begin(&lab.desk);
        DO(&lab.desk, "INSERT INTO things VALUES (1)");
        int64_t pid = desk_number(&lab.desk, "SELECT pg_backend_pid()");
        ROWS(&lab.other, "SELECT pg_terminate_backend($1::integer, 5000)", weft_int(pid));
        int32_t rc = TRY(&lab.desk, in_commit ? WEFT_STATEMENT_COMMIT : 0, in_commit ? NULL : "SELECT 1");
        KIT_CHECK(rc == WEFT_RC_UNAVAILABLE || (in_commit && rc == WEFT_RC_MAYBE_SENT), "%d: %s", rc,
                  lab.desk.result.text);
        expect_lost_and_healed(&lab.desk);
    }
    KIT_CHECK(desk_number(&lab.other, "SELECT count(*) FROM things WHERE n = 1") == 0, "something was committed");
    lab_end(&lab);
}

/* A pool keeps sessions while the server restarts. What is known to be dead before anything is sent is no "maybe". */
static void a_session_that_died_idle_is_unavailable_and_not_maybe(const struct kit *kit)
{
    struct lab lab = lab_open(kit);
    KIT_CHECK(desk_number(&lab.desk, "SELECT 1") == 1, "a wrong number");
    kit_proxy_set_mode(lab.proxy, KIT_PROXY_REFUSE);             /* closes in order, without a word */
    nanosleep(&(struct timespec){ .tv_nsec = 200000000 }, NULL); /* idle, as in a pool */
    kit_proxy_set_mode(lab.proxy, KIT_PROXY_PASS);
    const struct weft_statement write = { "INSERT INTO things VALUES (1)", NULL, 0,
                                          WEFT_STATEMENT_BEGIN | WEFT_STATEMENT_COMMIT };
    int32_t rc = desk_run(&lab.desk, &write, 1, DESK_SECONDS);
    KIT_CHECK(rc == WEFT_RC_UNAVAILABLE, "it returned %d: %s", rc, lab.desk.result.text);
    expect_lost_and_healed(&lab.desk);
    lab_end(&lab);
}

static void a_lost_client_does_not_hold_its_locks(const struct kit *kit)
{
    struct lab lab = lab_open(kit);
    DO(&lab.other, "INSERT INTO things VALUES (1)");
    desk_begin(&lab.desk);
    DO(&lab.desk, "UPDATE things SET n = 2");
    const struct weft_statement waits = { vault_long_sql(lab.vault), NULL, 0, 0 };
    KIT_CHECK(desk_run(&lab.desk, &waits, 1, 0.2) == WEFT_RC_TIMEOUT, "no time-out");
    desk_close(&lab.desk);
    DO(&lab.other, "UPDATE things SET n = 3"); /* within 5 s */
    lab.desk = desk_open(lab.vault, WEFT_SESSION_REQUEST);
    lab_end(&lab);
}

static void nothing_stays_idle_in_a_transaction(const struct kit *kit)
{
    struct vault *vault = vault_new(kit);
    if (!vault_is(vault, "pg")) vault_skip(vault, "the store has no list of its sessions");
    struct desk desk = things_open(vault), watcher = desk_open(vault, WEFT_SESSION_ADMIN);
    TRY(&desk, WEFT_STATEMENT_BEGIN, "SELECT nothing");
    TRY(&desk, 0, "SELECT 1");
    const struct weft_rowset *set =
        ROWS(&watcher,
             "SELECT count(*) AS n FROM pg_stat_activity WHERE application_name LIKE $1 || '/%'"
             " AND state LIKE 'idle in transaction%'",
             weft_text(vault->service));
    KIT_CHECK(cell_int(set, 0, "n") == 0, "%lld sessions do", (long long)cell_int(set, 0, "n"));
    desk_close(&desk);
    desk_close(&watcher);
    vault_end(vault);
}

const struct kit_test failures_tests[] = {
    { "a_deadline_ends_a_statement_and_its_transaction", a_deadline_ends_a_statement_and_its_transaction, KIT_SEMANTIC,
      0, 0 },
    { "a_lost_session_takes_no_more_runs", a_lost_session_takes_no_more_runs, KIT_SEMANTIC, 0, 0 },
    { "a_deadline_in_the_past_does_nothing", a_deadline_in_the_past_does_nothing, KIT_SEMANTIC, 0, 0 },
    { "waiting_for_a_lock_keeps_the_deadline", waiting_for_a_lock_keeps_the_deadline, KIT_SEMANTIC, 0, 0 },
    { "cancel_ends_a_run_under_way", cancel_ends_a_run_under_way, KIT_SEMANTIC, 0, 0 },
    { "cancel_of_nothing_spares_the_next_run", cancel_of_nothing_spares_the_next_run, KIT_SEMANTIC, 0, 0 },
    { "nothing_stays_idle_in_a_transaction", nothing_stays_idle_in_a_transaction, KIT_SEMANTIC, 0, 0 },
    { "no_such_database_is_refused", no_such_database_is_refused, KIT_SEMANTIC, 0, 0 },
    { "a_server_that_is_away_is_unavailable_within_the_deadline",
      a_server_that_is_away_is_unavailable_within_the_deadline, KIT_FAILURE, 0, 0 },
    { "a_cut_connection_is_unavailable_and_the_next_session_is_fine",
      a_cut_connection_is_unavailable_and_the_next_session_is_fine, KIT_FAILURE, 0, 0 },
    { "a_commit_without_an_answer_is_maybe_and_a_read_is_a_timeout",
      a_commit_without_an_answer_is_maybe_and_a_read_is_a_timeout, KIT_FAILURE, 0, 0 },
    { "a_killed_backend_is_unavailable_and_leaves_nothing", a_killed_backend_is_unavailable_and_leaves_nothing,
      KIT_FAILURE, 0, 0 },
    { "a_session_that_died_idle_is_unavailable_and_not_maybe", a_session_that_died_idle_is_unavailable_and_not_maybe,
      KIT_FAILURE, 0, 0 },
    { "a_lost_client_does_not_hold_its_locks", a_lost_client_does_not_hold_its_locks, KIT_FAILURE, 0, 0 },
    { NULL, NULL, 0, 0, 0 },
};
