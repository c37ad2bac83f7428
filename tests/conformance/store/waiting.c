/* waiting.c - wait, wake and notify; locks on a key. */
#include "tests.h"

#include <string.h>
#include <time.h>

struct waiter {
    struct vault *vault;
    struct desk desk;
    const char *sql; /* to notify with; NULL: wake */
    int32_t rc;
    double took;
};

static void first_wait_returns_at_once(struct desk *desk)
{
    int32_t rc = desk->vault->ops->wait(desk->session, "outbox", kit_deadline(5));
    KIT_CHECK(rc == WEFT_RC_OK, "the first wait returned %d", rc);
}

static void a_wait_ends_with_its_deadline(const struct kit *kit)
{
    struct vault *vault = vault_new(kit);
    struct desk desk = desk_open(vault, WEFT_SESSION_LISTENER);
    uint64_t start = kit_now_ns();
    first_wait_returns_at_once(&desk);
    KIT_CHECK(kit_now_ns() - start < 1000000000u, "the first wait waited");
    start = kit_now_ns();
    int32_t rc = vault->ops->wait(desk.session, "outbox", kit_deadline(0.3));
    double took = (double)(kit_now_ns() - start) / 1e9;
    KIT_CHECK(rc == WEFT_RC_TIMEOUT && took > 0.27 && took < 0.4, "it returned %d after %.3f s", rc, took);
    desk_close(&desk);
    vault_end(vault);
}

static void wait_body(void *arg, unsigned number)
{
    struct waiter *waiter = arg;
    struct vault *vault = waiter->vault;
    if (number == 0) {
        uint64_t start = kit_now_ns();
        waiter->rc = vault->ops->wait(waiter->desk.session, "outbox", kit_deadline(4));
        waiter->took = (double)(kit_now_ns() - start) / 1e9;
        return;
    }
    struct timespec pause = { .tv_nsec = 100000000 };
    nanosleep(&pause, NULL); /* so that the other one waits; both orders are right */
    if (waiter->sql == NULL) {
        vault->ops->wake(waiter->desk.session);
        return;
    }
    struct desk desk = desk_open(vault, WEFT_SESSION_REQUEST);
    DO(&desk, waiter->sql, weft_text("outbox"));
    desk_close(&desk);
}

static void wake_ends_a_wait_or_the_next_one(const struct kit *kit)
{
    struct waiter waiter = { .vault = vault_new(kit) };
    waiter.desk = desk_open(waiter.vault, WEFT_SESSION_LISTENER);
    first_wait_returns_at_once(&waiter.desk);
    threads_run(2, wait_body, &waiter);
    KIT_CHECK(waiter.rc == WEFT_RC_OK && waiter.took < 2, "it returned %d after %.3f s", waiter.rc, waiter.took);
    waiter.vault->ops->wake(waiter.desk.session);
    waiter.vault->ops->wake(waiter.desk.session);
    int32_t rc = waiter.vault->ops->wait(waiter.desk.session, "outbox", kit_deadline(5));
    KIT_CHECK(rc == WEFT_RC_OK, "a wake between waits was lost: %d", rc);
    rc = waiter.vault->ops->wait(waiter.desk.session, "outbox", kit_deadline(0.1));
    KIT_CHECK(rc == WEFT_RC_TIMEOUT, "two wakes ended two waits: %d", rc);
    desk_close(&waiter.desk);
    vault_end(waiter.vault);
}

static void notify_reaches_other_sessions_at_commit(const struct kit *kit)
{
    struct waiter waiter = { .vault = vault_new(kit) };
    const struct weft_store_ops *ops = waiter.vault->ops;
    waiter.sql = waiter.vault->dialect->notify;
    KIT_CHECK(waiter.sql != NULL, "it claims to notify and has no text for it");
    waiter.desk = desk_open(waiter.vault, WEFT_SESSION_LISTENER);
    first_wait_returns_at_once(&waiter.desk);
    threads_run(2, wait_body, &waiter);
    KIT_CHECK(waiter.rc == WEFT_RC_OK && waiter.took < 2, "it returned %d after %.3f s", waiter.rc, waiter.took);

    struct desk desk = desk_open(waiter.vault, WEFT_SESSION_REQUEST);
    desk_begin(&desk);
    ROWS(&desk, waiter.sql, weft_text("outbox"));
    KIT_CHECK(ops->wait(waiter.desk.session, "outbox", kit_deadline(0.2)) == WEFT_RC_TIMEOUT, "before the commit");
    desk_commit(&desk); /* nobody waits now: the notice is kept */
    KIT_CHECK(ops->wait(waiter.desk.session, "outbox", kit_deadline(5)) == WEFT_RC_OK, "after the commit: nothing");
    DO(&desk, waiter.sql, weft_text("other"));
    KIT_CHECK(ops->wait(waiter.desk.session, "outbox", kit_deadline(0.2)) == WEFT_RC_TIMEOUT, "of another channel");
    desk_close(&desk);
    desk_close(&waiter.desk);
    vault_end(waiter.vault);
}

static void two_services_do_not_wake_each_other(const struct kit *kit)
{
    struct vault *a = vault_new(kit), *b = vault_open(kit, &(struct vault_setup){ .name = "b" });
    vault_migrate(b);
    struct desk listener = desk_open(a, WEFT_SESSION_LISTENER), desk = desk_open(b, WEFT_SESSION_REQUEST);
    first_wait_returns_at_once(&listener);
    DO(&desk, b->dialect->notify, weft_text("outbox"));
    KIT_CHECK(a->ops->wait(listener.session, "outbox", kit_deadline(0.2)) == WEFT_RC_TIMEOUT, "b woke a");
    desk_close(&listener);
    desk_close(&desk);
    vault_end(a);
    vault_end(b);
}

static void a_locked_key_is_had_by_one_transaction_at_a_time(const struct kit *kit)
{
    struct vault *vault = vault_new(kit);
    const char *sql = vault->dialect->key_lock;
    if (sql == NULL) vault_skip(vault, "a BEGIN is lock enough");
    struct desk a = desk_open(vault, WEFT_SESSION_REQUEST), b = desk_open(vault, WEFT_SESSION_REQUEST);
    const struct weft_value key = weft_text("k"), other = weft_text("l");
    const struct weft_statement lock = { sql, &key, 1, WEFT_STATEMENT_BEGIN };
    const struct weft_statement lock_other = { sql, &other, 1, WEFT_STATEMENT_BEGIN };
    KIT_CHECK(desk_run(&a, &lock, 1, 1) == WEFT_RC_OK, "%s", a.result.text);
    KIT_CHECK(desk_run(&b, &lock_other, 1, 1) == WEFT_RC_OK, "another key: %s", b.result.text);
    desk_rollback(&b);
    KIT_CHECK(desk_run(&b, &lock, 1, 0.2) == WEFT_RC_TIMEOUT, "two have it");
    desk_close(&b);
    desk_commit(&a);
    b = desk_open(vault, WEFT_SESSION_REQUEST);
    KIT_CHECK(desk_run(&b, &lock, 1, 5) == WEFT_RC_OK, "it is not free: %s", b.result.text);
    desk_close(&a);
    desk_close(&b);
    vault_end(vault);
}

const struct kit_test waiting_tests[] = {
    { "a_wait_ends_with_its_deadline", a_wait_ends_with_its_deadline, KIT_SEMANTIC, 0, 0 },
    { "wake_ends_a_wait_or_the_next_one", wake_ends_a_wait_or_the_next_one, KIT_SEMANTIC, 0, 0 },
    { "notify_reaches_other_sessions_at_commit", notify_reaches_other_sessions_at_commit, KIT_SEMANTIC,
      WEFT_STORE_NOTIFY, 0 },
    { "two_services_do_not_wake_each_other", two_services_do_not_wake_each_other, KIT_SEMANTIC, WEFT_STORE_NOTIFY, 0 },
    { "a_locked_key_is_had_by_one_transaction_at_a_time", a_locked_key_is_had_by_one_transaction_at_a_time,
      KIT_SEMANTIC, 0, 0 },
    { NULL, NULL, 0, 0, 0 },
};
