/* transactions.c - what commits, what does not, and who sees it when. */
#include "tests.h"

#include <stdio.h>
#include <string.h>

struct pair {
    struct vault *vault;
    struct desk writer, reader;
};

static struct pair pair_open(const struct kit *kit)
{
    struct pair pair = { .vault = vault_new(kit) };
    pair.writer = desk_open(pair.vault, WEFT_SESSION_REQUEST);
    DO(&pair.writer, "CREATE TABLE things (n integer PRIMARY KEY, t text)");
    pair.reader = desk_open(pair.vault, WEFT_SESSION_READER);
    return pair;
}

static void pair_end(struct pair *pair)
{
    desk_close(&pair->writer);
    desk_close(&pair->reader);
    vault_end(pair->vault);
}

static int64_t pair_count(struct pair *pair)
{
    return desk_number(&pair->reader, "SELECT count(*) FROM things");
}

static void a_commit_is_visible_and_what_is_open_is_not(const struct kit *kit)
{
    struct pair pair = pair_open(kit);
    desk_begin(&pair.writer);
    DO(&pair.writer, "INSERT INTO things (n) VALUES (1)");
    KIT_CHECK(pair_count(&pair) == 0, "others see what is not committed");
    KIT_CHECK(desk_number(&pair.writer, "SELECT count(*) FROM things") == 1, "it does not see its own row");
    desk_commit(&pair.writer);
    KIT_CHECK(pair_count(&pair) == 1, "what is committed is not seen");
    pair_end(&pair);
}

static void a_rollback_leaves_nothing(const struct kit *kit)
{
    struct pair pair = pair_open(kit);
    desk_begin(&pair.writer);
    DO(&pair.writer, "INSERT INTO things (n) VALUES (1)");
    desk_rollback(&pair.writer);
    KIT_CHECK(pair_count(&pair) == 0, "a row survived");
    KIT_CHECK(desk_number(&pair.writer, "SELECT count(*) FROM things") == 0, "the session still sees it");
    desk_rollback(&pair.writer); /* with nothing open: nothing */
    pair_end(&pair);
}

static void a_batch_is_one_transaction_and_gives_a_set_for_each(const struct kit *kit)
{
    struct pair pair = pair_open(kit);
    const struct weft_value n = weft_int(5);
    const struct weft_statement batch[] = {
        { "INSERT INTO things (n) VALUES ($1)", &n, 1, WEFT_STATEMENT_BEGIN },
        { "SELECT n AS seen FROM things", NULL, 0, WEFT_STATEMENT_ROWS },
        { "UPDATE things SET t = 'x'", NULL, 0, 0 },
        { NULL, NULL, 0, WEFT_STATEMENT_COMMIT },
    };
    int32_t rc = desk_run(&pair.writer, batch, 4, DESK_SECONDS);
    const struct weft_rowset *sets = pair.writer.result.sets;
    KIT_CHECK(rc == WEFT_RC_OK && pair.writer.result.n_sets == 4, "it returned %d and %u sets: %s", rc,
              pair.writer.result.n_sets, pair.writer.result.text);
    KIT_CHECK(sets[0].affected == 1 && sets[2].affected == 1, "affected");
    KIT_CHECK(cell_int(&sets[1], 0, "seen") == 5, "the row within");
    KIT_CHECK(pair_count(&pair) == 1, "it is not there");
    pair_end(&pair);
}

static void a_batch_stops_at_the_first_failure_and_leaves_nothing(const struct kit *kit)
{
    struct pair pair = pair_open(kit);
    DO(&pair.writer, "INSERT INTO things (n) VALUES (2)");
    const struct weft_statement batch[] = {
        { "INSERT INTO things (n) VALUES (1)", NULL, 0, WEFT_STATEMENT_BEGIN },
        { "INSERT INTO things (n) VALUES (2)", NULL, 0, 0 },
        { "INSERT INTO things (n) VALUES (3)", NULL, 0, WEFT_STATEMENT_COMMIT },
    };
    for (int i = 0; i < 3; i++) { /* prepared statements of a failed batch serve the next */
        int32_t rc = desk_run(&pair.writer, batch, 3, DESK_SECONDS);
        const struct weft_result *result = &pair.writer.result;
        KIT_CHECK(rc == WEFT_RC_CONFLICT && result->failed == 1 && result->n_sets == 1,
                  "it returned %d, failed at %u with %u sets", rc, result->failed, result->n_sets);
        KIT_CHECK(pair_count(&pair) == 1, "%lld rows", (long long)pair_count(&pair));
    }
    DO(&pair.writer, "INSERT INTO things (n) VALUES (3)");
    pair_end(&pair);
}

static void after_a_failure_the_session_is_outside_a_transaction(const struct kit *kit)
{
    struct pair pair = pair_open(kit);
    desk_begin(&pair.writer);
    DO(&pair.writer, "INSERT INTO things (n) VALUES (1)");
    KIT_CHECK(TRY(&pair.writer, 0, "INSERT INTO things (n) VALUES (1)") == WEFT_RC_CONFLICT, "no conflict");
    KIT_CHECK(TRY(&pair.writer, WEFT_STATEMENT_COMMIT, NULL) == WEFT_RC_INVALID, "there is something to commit");
    DO(&pair.writer, "INSERT INTO things (n) VALUES (2)");
    KIT_CHECK(pair_count(&pair) == 1, "%lld rows, want the last one", (long long)pair_count(&pair));
    pair_end(&pair);
}

static void a_transaction_left_open_goes_on_with_the_next_run(const struct kit *kit)
{
    struct pair pair = pair_open(kit);
    const struct weft_statement first = { "INSERT INTO things (n) VALUES (1)", NULL, 0, WEFT_STATEMENT_BEGIN };
    const struct weft_statement last[] = {
        { "INSERT INTO things (n) VALUES (2)", NULL, 0, 0 },
        { "INSERT INTO things (n) VALUES (3)", NULL, 0, WEFT_STATEMENT_COMMIT },
    };
    KIT_CHECK(desk_run(&pair.writer, &first, 1, DESK_SECONDS) == WEFT_RC_OK, "%s", pair.writer.result.text);
    KIT_CHECK(pair_count(&pair) == 0, "it is committed already");
    KIT_CHECK(desk_run(&pair.writer, last, 2, DESK_SECONDS) == WEFT_RC_OK, "%s", pair.writer.result.text);
    KIT_CHECK(pair_count(&pair) == 3, "%lld rows", (long long)pair_count(&pair));
    pair_end(&pair);
}

static void closing_a_session_rolls_back_and_lets_others_write(const struct kit *kit)
{
    struct pair pair = pair_open(kit);
    struct desk other = desk_open(pair.vault, WEFT_SESSION_REQUEST);
    desk_begin(&other);
    DO(&other, "INSERT INTO things (n) VALUES (1)");
    desk_close(&other);
    DO(&pair.writer, "INSERT INTO things (n) VALUES (1)");
    KIT_CHECK(pair_count(&pair) == 1, "%lld rows", (long long)pair_count(&pair));
    pair_end(&pair);
}

static void texts_that_begin_or_end_a_transaction_are_refused(const struct kit *kit)
{
    static const char *const texts[] = { "BEGIN", "COMMIT", " rollback", "/* x */ END", "-- x\nCOMMIT" };
    struct pair pair = pair_open(kit);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        desk_begin(&pair.writer);
        DO(&pair.writer, "INSERT INTO things (n) VALUES (1)");
        KIT_CHECK(TRY(&pair.writer, 0, texts[i]) == WEFT_RC_INVALID, "'%s' was taken", texts[i]);
        KIT_CHECK(pair_count(&pair) == 0, "'%s' committed", texts[i]);
        KIT_CHECK(TRY(&pair.writer, 0, texts[i]) == WEFT_RC_INVALID, "'%s' was taken outside", texts[i]);
    }
    DO(&pair.writer, "INSERT INTO things (n) VALUES (1)");
    pair_end(&pair);
}

static void misplaced_begin_and_commit_are_refused(const struct kit *kit)
{
    struct pair pair = pair_open(kit);
    KIT_CHECK(TRY(&pair.writer, WEFT_STATEMENT_COMMIT, NULL) == WEFT_RC_INVALID, "a COMMIT of nothing");
    desk_begin(&pair.writer);
    KIT_CHECK(TRY(&pair.writer, WEFT_STATEMENT_BEGIN, NULL) == WEFT_RC_INVALID, "a BEGIN within");
    DO(&pair.writer, "INSERT INTO things (n) VALUES (1)");
    KIT_CHECK(pair_count(&pair) == 1, "the session is still in a transaction");
    pair_end(&pair);
}

static void two_statements_in_a_text_need_a_script(const struct kit *kit)
{
    struct pair pair = pair_open(kit);
    const char *two = "INSERT INTO things (n) VALUES (1); INSERT INTO things (n) VALUES (2);";
    KIT_CHECK(TRY(&pair.writer, 0, two) == WEFT_RC_INVALID, "two were taken for one");
    KIT_CHECK(pair_count(&pair) == 0, "one of two was run");
    DO(&pair.writer, "INSERT INTO things (n) VALUES (3); -- a comment\n");
    desk_begin(&pair.writer);
    KIT_CHECK(TRY(&pair.writer, WEFT_STATEMENT_SCRIPT, two) == WEFT_RC_OK, "script: %s", pair.writer.result.text);
    desk_rollback(&pair.writer);
    KIT_CHECK(pair_count(&pair) == 1, "a script in a transaction survived its rollback");
    pair_end(&pair);
}

static void a_failing_script_leaves_nothing(const struct kit *kit)
{
    struct pair pair = pair_open(kit);
    const struct weft_statement batch[] = {
        { "INSERT INTO things (n) VALUES (1)", NULL, 0, WEFT_STATEMENT_BEGIN },
        { "CREATE TABLE more (n integer); INSERT INTO nothing VALUES (1)", NULL, 0, WEFT_STATEMENT_SCRIPT },
        { NULL, NULL, 0, WEFT_STATEMENT_COMMIT },
    };
    int32_t rc = desk_run(&pair.writer, batch, 3, DESK_SECONDS);
    KIT_CHECK(rc == WEFT_RC_INVALID && pair.writer.result.failed == 1, "%d at %u", rc, pair.writer.result.failed);
    KIT_CHECK(pair_count(&pair) == 0, "a row survived");
    KIT_CHECK(TRY(&pair.writer, 0, "INSERT INTO more VALUES (1)") == WEFT_RC_INVALID, "a table survived");
    pair_end(&pair);
}

static void a_deferred_constraint_fails_the_commit(const struct kit *kit)
{
    struct pair pair = pair_open(kit);
    DO(&pair.writer, "CREATE TABLE parts (thing integer REFERENCES things (n) DEFERRABLE INITIALLY DEFERRED)");
    const struct weft_statement batch[] = {
        { "INSERT INTO parts VALUES (77)", NULL, 0, WEFT_STATEMENT_BEGIN },
        { "INSERT INTO things (n) VALUES (1)", NULL, 0, WEFT_STATEMENT_COMMIT },
    };
    int32_t rc = desk_run(&pair.writer, batch, 2, DESK_SECONDS);
    KIT_CHECK(rc == WEFT_RC_CONFLICT && pair.writer.result.reason == WEFT_REASON_FOREIGN_KEY, "%d, reason %u", rc,
              pair.writer.result.reason);
    KIT_CHECK(pair.writer.result.failed == 2, "failed is %u, want 2: the commit", pair.writer.result.failed);
    desk_begin(&pair.writer);
    DO(&pair.writer, "INSERT INTO parts VALUES (77)");
    KIT_CHECK(TRY(&pair.writer, WEFT_STATEMENT_COMMIT, NULL) == WEFT_RC_CONFLICT, "the commit of a run of its own");
    KIT_CHECK(pair_count(&pair) == 0, "a row survived");
    pair_end(&pair);
}

/* Far more texts than any cache of prepared statements keeps, used again and again. */
static void thousands_of_texts_do_not_get_in_each_others_way(const struct kit *kit)
{
    struct pair pair = pair_open(kit);
    char sql[64];
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 1000; i++) {
            snprintf(sql, sizeof sql, "SELECT %d AS n", i);
            KIT_CHECK(cell_int(ROWS(&pair.writer, sql), 0, "n") == i, "%s", sql);
            KIT_CHECK(cell_int(ROWS(&pair.writer, "SELECT -1 AS n"), 0, "n") == -1, "the constant one");
        }
    }
    pair_end(&pair);
}

static void a_session_outlives_a_change_of_its_tables(const struct kit *kit)
{
    struct pair pair = pair_open(kit);
    struct desk other = desk_open(pair.vault, WEFT_SESSION_REQUEST);
    DO(&pair.writer, "INSERT INTO things (n) VALUES (1)");
    for (int i = 0; i < 8; i++)
        ROWS(&pair.writer, "SELECT * FROM things");
    DO(&other, "ALTER TABLE things ADD COLUMN more integer");
    int32_t rc = TRY(&pair.writer, WEFT_STATEMENT_ROWS, "SELECT * FROM things");
    if (rc == WEFT_RC_UNAVAILABLE) { /* told to come again with another session */
        desk_close(&pair.writer);
        pair.writer = desk_open(pair.vault, WEFT_SESSION_REQUEST);
        rc = TRY(&pair.writer, WEFT_STATEMENT_ROWS, "SELECT * FROM things");
    }
    KIT_CHECK(rc == WEFT_RC_OK && pair.writer.result.sets[0].n_columns == 3, "%d: %s", rc, pair.writer.result.text);
    desk_close(&other);
    pair_end(&pair);
}

static void add_hundred(void *arg, unsigned number)
{
    struct desk desk = desk_open(arg, number % 2 == 0 ? WEFT_SESSION_REQUEST : WEFT_SESSION_LANE);
    const struct weft_statement batch[] = {
        { "SELECT t FROM things WHERE n = 1", NULL, 0, WEFT_STATEMENT_BEGIN | WEFT_STATEMENT_ROWS },
        { "UPDATE things SET t = 'x' WHERE n = 1", NULL, 0, 0 },
        { "UPDATE sums SET sum = sum + 1", NULL, 0, WEFT_STATEMENT_COMMIT },
    };
    for (int i = 0; i < 20; i++) {
        int32_t rc = desk_run(&desk, batch, 3, 20);
        KIT_CHECK(rc == WEFT_RC_OK, "thread %u, round %d: %d %s", number, i, rc, desk.result.text);
    }
    desk_close(&desk);
}

static void twenty_writers_lose_no_update(const struct kit *kit)
{
    struct pair pair = pair_open(kit);
    DO(&pair.writer, "INSERT INTO things (n) VALUES (1)");
    DO(&pair.writer, "CREATE TABLE sums (sum integer)");
    DO(&pair.writer, "INSERT INTO sums VALUES (0)");
    threads_run(20, add_hundred, pair.vault);
    KIT_CHECK(desk_number(&pair.writer, "SELECT sum FROM sums") == 400, "the sum is wrong");
    pair_end(&pair);
}

static void an_empty_batch_is_fine(const struct kit *kit)
{
    struct pair pair = pair_open(kit);
    KIT_CHECK(desk_run(&pair.writer, NULL, 0, DESK_SECONDS) == WEFT_RC_OK, "no statement at all");
    KIT_CHECK(pair.writer.result.n_sets == 0, "%u sets", pair.writer.result.n_sets);
    const struct weft_statement both = { NULL, NULL, 0, WEFT_STATEMENT_BEGIN | WEFT_STATEMENT_COMMIT };
    KIT_CHECK(desk_run(&pair.writer, &both, 1, DESK_SECONDS) == WEFT_RC_OK, "an empty transaction: %s",
              pair.writer.result.text);
    pair_end(&pair);
}

const struct kit_test transactions_tests[] = {
    { "a_commit_is_visible_and_what_is_open_is_not", a_commit_is_visible_and_what_is_open_is_not, KIT_SEMANTIC, 0, 0 },
    { "a_rollback_leaves_nothing", a_rollback_leaves_nothing, KIT_SEMANTIC, 0, 0 },
    { "a_batch_is_one_transaction_and_gives_a_set_for_each", a_batch_is_one_transaction_and_gives_a_set_for_each,
      KIT_SEMANTIC, 0, 0 },
    { "a_batch_stops_at_the_first_failure_and_leaves_nothing", a_batch_stops_at_the_first_failure_and_leaves_nothing,
      KIT_SEMANTIC, 0, 0 },
    { "after_a_failure_the_session_is_outside_a_transaction", after_a_failure_the_session_is_outside_a_transaction,
      KIT_SEMANTIC, 0, 0 },
    { "a_transaction_left_open_goes_on_with_the_next_run", a_transaction_left_open_goes_on_with_the_next_run,
      KIT_SEMANTIC, 0, 0 },
    { "closing_a_session_rolls_back_and_lets_others_write", closing_a_session_rolls_back_and_lets_others_write,
      KIT_SEMANTIC, 0, 0 },
    { "texts_that_begin_or_end_a_transaction_are_refused", texts_that_begin_or_end_a_transaction_are_refused,
      KIT_SEMANTIC, 0, 0 },
    { "misplaced_begin_and_commit_are_refused", misplaced_begin_and_commit_are_refused, KIT_SEMANTIC, 0, 0 },
    { "two_statements_in_a_text_need_a_script", two_statements_in_a_text_need_a_script, KIT_SEMANTIC, 0, 0 },
    { "a_failing_script_leaves_nothing", a_failing_script_leaves_nothing, KIT_SEMANTIC, 0, 0 },
    { "a_deferred_constraint_fails_the_commit", a_deferred_constraint_fails_the_commit, KIT_SEMANTIC, 0, 0 },
    { "thousands_of_texts_do_not_get_in_each_others_way", thousands_of_texts_do_not_get_in_each_others_way,
      KIT_SEMANTIC, 0, 0 },
    { "a_session_outlives_a_change_of_its_tables", a_session_outlives_a_change_of_its_tables, KIT_SEMANTIC, 0, 0 },
    { "twenty_writers_lose_no_update", twenty_writers_lose_no_update, KIT_STRESS, 0, 60 },
    { "an_empty_batch_is_fine", an_empty_batch_is_fine, KIT_SEMANTIC, 0, 0 },
    { NULL, NULL, 0, 0, 0 },
};
