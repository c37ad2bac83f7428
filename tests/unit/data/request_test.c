/* Commands with an idempotency key: what is sent, and what comes of a try that meets another. */
#include "data_test.h"
#include "fake_store.h"

#include "data/request/request.h"

#include <string.h>

static struct fake_store *fake;
static struct weft_work *work;
static struct weft_request request;
static struct weft_value row[2]; /* hash, answer */

static const struct weft_bytes message = { (const uint8_t *)"a book", 6 }, answer = { (const uint8_t *)"order 1", 7 };

static void begin(void)
{
    fake = fake_store_new(0);
    work = fake_work_new(fake);
    work->method = "/m";
}

static void end(void)
{
    fake_work_free(work);
    fake_store_free(fake);
}

/* The store answers the run with this number by the row of a command that was done before. */
static void found(size_t run, const uint8_t *hash)
{
    row[0] = weft_bytes(hash, WEFT_REQUEST_HASH_SIZE);
    row[1] = weft_bytes("order 1", 7);
    fake->answers[run].set = (struct weft_rowset){ .values = row, .n_rows = 1, .n_columns = 2 };
}

static weft_status start(const char *key)
{
    return weft_request_begin(&request, work, key, message);
}

static weft_status finish(weft_status returned)
{
    return weft_request_end(&request, weft_work_finish(work, returned));
}

static bool is_answered(void)
{
    return request.answered && request.answer.size == 7 && memcmp(request.answer.data, "order 1", 7) == 0;
}

/* The run up to its parameters that are no text. */
static void check_run(size_t run, const char *begins)
{
    ck_assert_msg(strncmp(fake->runs[run], begins, strlen(begins)) == 0, "%s", fake->runs[run]);
}

START_TEST(a_command_keeps_its_answer_first_in_its_transaction)
{
    ck_assert_int_eq(start("k1"), WEFT_OK);
    ck_assert(!request.answered);
    weft_exec(weft_call_tx(work), "insert a");
    weft_request_keep(&request, answer);
    ck_assert_int_eq(finish(WEFT_OK), WEFT_OK);
    ck_assert_uint_eq(fake->n_runs, 2);
    ck_assert_str_eq(fake->runs[0], "find (/m, , k1)");
    check_run(1, "BEGIN; drop (/m, , k1); keep (/m, , k1, ");
    ck_assert_ptr_nonnull(strstr(fake->runs[1], ", order 1, "));
    ck_assert_ptr_nonnull(strstr(fake->runs[1], "); insert a; COMMIT"));
}
END_TEST

START_TEST(a_transaction_that_reads_fills_the_answer_in_at_its_end)
{
    weft_rows *rows;
    ck_assert_int_eq(start("k1"), WEFT_OK);
    ck_assert_int_eq(weft_fetch(weft_call_tx(work), &rows, "select b"), WEFT_OK);
    weft_request_keep(&request, answer);
    ck_assert_int_eq(finish(WEFT_OK), WEFT_OK);
    check_run(1, "BEGIN; drop (/m, , k1); keep (/m, , k1, ");
    ck_assert_ptr_null(strstr(fake->runs[1], "order 1"));
    ck_assert_str_eq(fake->runs[2], "answer (/m, , k1, order 1); COMMIT");
}
END_TEST

START_TEST(a_repeated_command_has_its_answer_in_one_round_trip)
{
    ck_assert_int_eq(start("k1"), WEFT_OK);
    uint8_t hash[WEFT_REQUEST_HASH_SIZE];
    memcpy(hash, request.hash, sizeof hash);
    weft_tx_rollback(work->tx);
    found(1, hash);
    ck_assert_int_eq(start("k1"), WEFT_OK);
    ck_assert(is_answered());
    ck_assert_uint_eq(fake->n_runs, 2);
}
END_TEST

START_TEST(a_key_of_another_request_is_refused)
{
    static const uint8_t other[WEFT_REQUEST_HASH_SIZE] = { 1 };
    found(0, other);
    ck_assert_int_eq(start("k1"), WEFT_INVALID_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(work->fault.text, "another request"));
    ck_assert_ptr_null(work->tx);
}
END_TEST

START_TEST(a_key_is_1_to_128_visible_characters)
{
    char longest[130];
    memset(longest, 'k', sizeof longest);
    longest[129] = '\0';
    ck_assert_int_eq(start(""), WEFT_INVALID_ARGUMENT);
    ck_assert_int_eq(start("two words"), WEFT_INVALID_ARGUMENT);
    ck_assert_int_eq(start("caf\xc3\xa9"), WEFT_INVALID_ARGUMENT);
    ck_assert_int_eq(start(longest), WEFT_INVALID_ARGUMENT);
    ck_assert_uint_eq(fake->n_runs, 0);
    ck_assert_int_eq(start(longest + 1), WEFT_OK);
}
END_TEST

/* Its row could not be inserted, for another try's was there first. */
static void beaten(size_t run)
{
    fake->answers[run] = (struct fake_answer){
        .rc = WEFT_RC_CONFLICT, .reason = WEFT_REASON_UNIQUE, .failed = 1, .constraint = "weft_request_pkey"
    };
}

START_TEST(of_two_tries_at_a_time_the_second_has_the_answer_of_the_first)
{
    ck_assert_int_eq(start("k1"), WEFT_OK);
    weft_exec(weft_call_tx(work), "insert a");
    weft_request_keep(&request, answer);
    beaten(1);
    found(2, request.hash);
    ck_assert_int_eq(finish(WEFT_OK), WEFT_OK);
    ck_assert(is_answered());
}
END_TEST

START_TEST(a_try_that_meets_another_while_it_reads_has_its_answer_too)
{
    weft_rows *rows;
    ck_assert_int_eq(start("k1"), WEFT_OK);
    beaten(1);
    found(2, request.hash);
    ck_assert_int_eq(weft_fetch(weft_call_tx(work), &rows, "select b"), WEFT_ALREADY_EXISTS);
    ck_assert_int_eq(finish(WEFT_NOT_FOUND), WEFT_OK);
    ck_assert(is_answered());
}
END_TEST

START_TEST(a_try_that_was_beaten_by_one_that_is_gone_may_be_repeated)
{
    ck_assert_int_eq(start("k1"), WEFT_OK);
    beaten(1);
    ck_assert_int_eq(finish(WEFT_OK), WEFT_ABORTED);
    ck_assert(!request.answered);
}
END_TEST

START_TEST(a_commit_that_nobody_confirmed_is_looked_up)
{
    ck_assert_int_eq(start("k1"), WEFT_OK);
    weft_request_keep(&request, answer);
    fake->answers[1] = (struct fake_answer){ .rc = WEFT_RC_MAYBE_SENT, .failed = UINT32_MAX };
    found(2, request.hash);
    ck_assert_int_eq(finish(WEFT_OK), WEFT_OK);
    ck_assert(is_answered());
}
END_TEST

START_TEST(a_command_that_fails_keeps_nothing_and_says_why)
{
    ck_assert_int_eq(start("k1"), WEFT_OK);
    weft_exec(weft_call_tx(work), "insert a");
    ck_assert_int_eq(finish(weft_fail(work, WEFT_FAILED_PRECONDITION, "no such customer")), WEFT_FAILED_PRECONDITION);
    ck_assert_str_eq(work->fault.text, "no such customer");
    ck_assert_uint_eq(fake->n_runs, 2);
    ck_assert_str_eq(fake->runs[1], "find (/m, , k1)");
}
END_TEST

START_TEST(a_store_that_is_away_is_an_error_and_no_new_command)
{
    fake->answers[0].rc = WEFT_RC_UNAVAILABLE;
    ck_assert_int_eq(start("k1"), WEFT_UNAVAILABLE);
    ck_assert_ptr_null(work->tx);
}
END_TEST

TCase *request_case(void)
{
    TCase *tcase = tcase_create("request");
    tcase_add_checked_fixture(tcase, begin, end);
    tcase_add_test(tcase, a_command_keeps_its_answer_first_in_its_transaction);
    tcase_add_test(tcase, a_transaction_that_reads_fills_the_answer_in_at_its_end);
    tcase_add_test(tcase, a_repeated_command_has_its_answer_in_one_round_trip);
    tcase_add_test(tcase, a_key_of_another_request_is_refused);
    tcase_add_test(tcase, a_key_is_1_to_128_visible_characters);
    tcase_add_test(tcase, of_two_tries_at_a_time_the_second_has_the_answer_of_the_first);
    tcase_add_test(tcase, a_try_that_meets_another_while_it_reads_has_its_answer_too);
    tcase_add_test(tcase, a_try_that_was_beaten_by_one_that_is_gone_may_be_repeated);
    tcase_add_test(tcase, a_commit_that_nobody_confirmed_is_looked_up);
    tcase_add_test(tcase, a_command_that_fails_keeps_nothing_and_says_why);
    tcase_add_test(tcase, a_store_that_is_away_is_an_error_and_no_new_command);
    return tcase;
}
