/* errors.c - each way in which a statement can be wrong is told apart. */
#include "tests.h"

#include <stdio.h>
#include <string.h>

static struct desk users_open(const struct kit *kit)
{
    struct desk desk = desk_open(vault_new(kit), WEFT_SESSION_REQUEST);
    DO(&desk, "CREATE TABLE users (id uuid PRIMARY KEY, email text NOT NULL, age integer,"
              " CONSTRAINT users_age_check CHECK (age >= 0), CONSTRAINT users_email_key UNIQUE (email))");
    DO(&desk, "CREATE TABLE orders (user_id uuid REFERENCES users (id))");
    return desk;
}

static void users_end(struct desk *desk)
{
    struct vault *vault = desk->vault;
    desk_close(desk);
    vault_end(vault);
}

static int32_t user_insert(struct desk *desk, unsigned n, const char *email, int age)
{
    char id[37];
    return TRY(desk, 0, "INSERT INTO users (id, email, age) VALUES ($1, $2, $3)", weft_text(uuid_of(n, id)),
               weft_text(email), weft_int(age));
}

/* What failed, why, at which constraint (a part of its name), and a text for a person. */
static void expect(struct desk *desk, int32_t rc, int32_t want_rc, uint32_t want_reason, const char *want_constraint)
{
    const struct weft_result *result = &desk->result;
    KIT_CHECK(rc == want_rc && result->reason == want_reason, "rc %d, reason %u, want %d and %u: %s", rc,
              result->reason, want_rc, want_reason, result->text);
    KIT_CHECK(result->text != NULL && result->text[0] != '\0', "there is no text");
    if (want_constraint == NULL) return;
    KIT_CHECK(result->constraint != NULL && strstr(result->constraint, want_constraint) != NULL,
              "the constraint is '%s', want '%s'", result->constraint != NULL ? result->constraint : "NULL",
              want_constraint);
}

static void violations_are_told_apart_and_name_the_constraint(const struct kit *kit)
{
    struct desk desk = users_open(kit);
    char id[37];
    KIT_CHECK(user_insert(&desk, 1, "a@x", 1) == WEFT_RC_OK, "%s", desk.result.text);
    bool names_columns = vault_is(desk.vault, "sqlite");
    expect(&desk, user_insert(&desk, 2, "a@x", 1), WEFT_RC_CONFLICT, WEFT_REASON_UNIQUE,
           names_columns ? "users.email" : "users_email_key");
    expect(&desk, user_insert(&desk, 1, "b@x", 1), WEFT_RC_CONFLICT, WEFT_REASON_UNIQUE,
           names_columns ? "users.id" : "users_pkey");
    expect(&desk, user_insert(&desk, 3, "c@x", -1), WEFT_RC_CONFLICT, WEFT_REASON_CHECK, "users_age_check");
    expect(&desk, user_insert(&desk, 3, NULL, 1), WEFT_RC_CONFLICT, WEFT_REASON_NOT_NULL, "users.email");
    int32_t rc = TRY(&desk, 0, "INSERT INTO orders VALUES ($1)", weft_text(uuid_of(99, id)));
    expect(&desk, rc, WEFT_RC_CONFLICT, WEFT_REASON_FOREIGN_KEY, names_columns ? NULL : "orders_user_id_fkey");
    KIT_CHECK(desk_number(&desk, "SELECT count(*) FROM users") == 1, "the session is of no more use");
    users_end(&desk);
}

static void bad_sql_is_invalid_and_says_why(const struct kit *kit)
{
    static const char *const texts[] = { "SELEKT 1", "SELECT * FROM nothing", "SELECT nothing FROM users",
                                         "INSERT INTO users VALUES (1, 2, 3, 4, 5)", "SELECT \"text\" FROM users" };
    struct desk desk = users_open(kit);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        expect(&desk, TRY(&desk, WEFT_STATEMENT_ROWS, texts[i]), WEFT_RC_INVALID, WEFT_REASON_NONE, NULL);
        expect(&desk, TRY(&desk, WEFT_STATEMENT_ROWS | WEFT_STATEMENT_ONCE, texts[i]), WEFT_RC_INVALID,
               WEFT_REASON_NONE, NULL);
    }
    KIT_CHECK(user_insert(&desk, 1, "a@x", 1) == WEFT_RC_OK, "%s", desk.result.text);
    users_end(&desk);
}

static void a_malformed_value_is_told_and_not_repeated(const struct kit *kit)
{
    struct desk desk = users_open(kit);
    if (vault_is(desk.vault, "sqlite")) {
        desk_close(&desk);
        vault_skip(desk.vault, "SQLite takes any value");
    }
    int32_t rc = TRY(&desk, 0, "DELETE FROM users WHERE id = $1", weft_text("secret-value"));
    expect(&desk, rc, WEFT_RC_INVALID, WEFT_REASON_BAD_VALUE, NULL);
    KIT_CHECK(strstr(desk.result.text, "secret-value") == NULL, "the value is in the text: %s", desk.result.text);
    rc = TRY(&desk, 0, "UPDATE users SET age = $1", weft_int(INT64_MAX));
    expect(&desk, rc, WEFT_RC_INVALID, WEFT_REASON_BAD_VALUE, NULL);
    rc = TRY(&desk, 0, "UPDATE users SET email = $1", weft_text("bad \xff utf-8"));
    expect(&desk, rc, WEFT_RC_INVALID, WEFT_REASON_BAD_VALUE, NULL);
    users_end(&desk);
}

static void a_violation_repeats_no_value(const struct kit *kit)
{
    struct desk desk = users_open(kit);
    user_insert(&desk, 1, "secret-value", 1);
    KIT_CHECK(user_insert(&desk, 2, "secret-value", 1) == WEFT_RC_CONFLICT, "no conflict");
    KIT_CHECK(strstr(desk.result.text, "secret-value") == NULL, "the value is in the text: %s", desk.result.text);
    KIT_CHECK(!kit_host_logged(&desk.vault->host, "secret-value"), "the value is in the log");
    users_end(&desk);
}

static void a_reader_that_writes_is_refused_or_writes(const struct kit *kit)
{
    struct desk desk = users_open(kit), reader = desk_open(desk.vault, WEFT_SESSION_READER);
    int32_t rc = TRY(&reader, 0, "DELETE FROM users");
    KIT_CHECK(rc == WEFT_RC_OK || rc == WEFT_RC_INVALID, "it returned %d: %s", rc, reader.result.text);
    KIT_CHECK(desk_number(&reader, "SELECT count(*) FROM users") == 0, "the reader reads no more");
    desk_close(&reader);
    users_end(&desk);
}

struct crossing {
    struct vault *vault;
    pthread_barrier_t barrier;
    int32_t rc[2];
    uint32_t reason[2];
};

/* Locks one row, meets the other thread where that can be, then wants its row. */
static void cross(void *arg, unsigned number)
{
    static const char *const updates[] = { "UPDATE users SET age = age + 1 WHERE email = 'a'",
                                           "UPDATE users SET age = age + 1 WHERE email = 'b'" };
    struct crossing *crossing = arg;
    struct desk desk = desk_open(crossing->vault, WEFT_SESSION_REQUEST);
    bool meets = vault_is(crossing->vault, "pg");
    int32_t rc = TRY(&desk, WEFT_STATEMENT_BEGIN, updates[number]);
    if (meets) pthread_barrier_wait(&crossing->barrier);
    if (rc == WEFT_RC_OK) rc = TRY(&desk, WEFT_STATEMENT_COMMIT, updates[1 - number]);
    crossing->rc[number] = rc;
    crossing->reason[number] = desk.result.reason;
    for (int again = 0; rc == WEFT_RC_RETRY && again < 10; again++) { /* as it is */
        rc = TRY(&desk, WEFT_STATEMENT_BEGIN, updates[number]);
        if (rc == WEFT_RC_OK) rc = TRY(&desk, WEFT_STATEMENT_COMMIT, updates[1 - number]);
    }
    KIT_CHECK(rc == WEFT_RC_OK, "run again: %d %s", rc, desk.result.text);
    desk_close(&desk);
}

static void a_deadlock_fails_one_which_may_be_run_again(const struct kit *kit)
{
    struct desk desk = users_open(kit);
    struct crossing crossing = { .vault = desk.vault };
    user_insert(&desk, 1, "a", 0);
    user_insert(&desk, 2, "b", 0);
    pthread_barrier_init(&crossing.barrier, NULL, 2);
    threads_run(2, cross, &crossing);
    for (int i = 0; i < 2; i++)
        KIT_CHECK(crossing.rc[i] == WEFT_RC_OK ||
                      (crossing.rc[i] == WEFT_RC_RETRY && crossing.reason[i] == WEFT_REASON_DEADLOCK),
                  "%d, reason %u", crossing.rc[i], crossing.reason[i]);
    KIT_CHECK(desk_number(&desk, "SELECT count(*) FROM users WHERE age = 2") == 2, "an update was lost");
    users_end(&desk);
}

const struct kit_test errors_tests[] = {
    { "violations_are_told_apart_and_name_the_constraint", violations_are_told_apart_and_name_the_constraint,
      KIT_SEMANTIC, 0, 0 },
    { "bad_sql_is_invalid_and_says_why", bad_sql_is_invalid_and_says_why, KIT_SEMANTIC, 0, 0 },
    { "a_malformed_value_is_told_and_not_repeated", a_malformed_value_is_told_and_not_repeated, KIT_SEMANTIC, 0, 0 },
    { "a_violation_repeats_no_value", a_violation_repeats_no_value, KIT_SEMANTIC, 0, 0 },
    { "a_reader_that_writes_is_refused_or_writes", a_reader_that_writes_is_refused_or_writes, KIT_SEMANTIC, 0, 0 },
    { "a_deadlock_fails_one_which_may_be_run_again", a_deadlock_fails_one_which_may_be_run_again, KIT_SEMANTIC, 0, 0 },
    { NULL, NULL, 0, 0, 0 },
};
