/* How works end, and what they are told. */
#include "data_test.h"
#include "fake_store.h"

#include "base/clock.h"

static struct fake_store *fake;
static struct weft_work *work;
static int n_waits;

static void begin(void)
{
    fake = fake_store_new(0);
    work = fake_work_new(fake);
    n_waits = 0;
}

static void end(void)
{
    fake_work_free(work);
    fake_store_free(fake);
}

static void count_wait(struct weft_work *waiting)
{
    (void)waiting;
    n_waits++;
}

START_TEST(handler_says_why)
{
    const weft_status status = weft_fail(work, WEFT_NOT_FOUND, "no user %d", 7);
    ck_assert_int_eq(weft_work_finish(work, status), WEFT_NOT_FOUND);
    ck_assert_str_eq(work->fault.text, "no user 7");
}
END_TEST

START_TEST(bare_status_is_told_by_its_name)
{
    ck_assert_int_eq(weft_work_finish(work, WEFT_ABORTED), WEFT_ABORTED);
    ck_assert_str_eq(work->fault.text, "ABORTED");
}
END_TEST

START_TEST(failure_that_is_not_returned_still_fails)
{
    weft_exec(weft_call_tx(work), "insert a");
    weft_fail(work, WEFT_NOT_FOUND, "no user");
    ck_assert_int_eq(weft_work_finish(work, WEFT_OK), WEFT_NOT_FOUND);
    ck_assert_uint_eq(fake->n_runs, 0);
}
END_TEST

START_TEST(each_bad_field_is_named)
{
    weft_fail_field(work, "email", "must not be empty");
    const weft_status status = weft_fail_field(work, "name", "has %d bytes", 300);
    ck_assert_int_eq(weft_work_finish(work, status), WEFT_INVALID_ARGUMENT);
    ck_assert_uint_eq(work->fault.n_violations, 2);
    ck_assert_str_eq(work->fault.violations[1].field, "name");
    ck_assert_str_eq(work->fault.violations[1].description, "has 300 bytes");
    ck_assert_str_eq(work->fault.text, "email: must not be empty; name: has 300 bytes");
}
END_TEST

START_TEST(many_bad_fields_are_cut_not_overrun)
{
    for (int i = 0; i < 100; i++)
        weft_fail_field(work, "field", "is wrong in a way that takes some words to tell");
    ck_assert_int_eq(weft_work_finish(work, WEFT_INVALID_ARGUMENT), WEFT_INVALID_ARGUMENT);
    ck_assert_uint_eq(work->fault.n_violations, 100);
    ck_assert_uint_lt(strlen(work->fault.text), sizeof work->fault.text);
}
END_TEST

START_TEST(status_of_a_statement_comes_with_its_text)
{
    fake->answers[0].affected = -1;
    const weft_status status = weft_exec_expect(weft_call_tx(work), 1, WEFT_NOT_FOUND, "update a");
    ck_assert_int_eq(weft_work_finish(work, status), WEFT_NOT_FOUND);
    ck_assert_str_eq(work->fault.text, "not found");
}
END_TEST

START_TEST(handlers_own_words_win_over_the_statements)
{
    fake->answers[0].affected = -1;
    weft_exec_expect(weft_call_tx(work), 1, WEFT_NOT_FOUND, "update a");
    const weft_status status = weft_fail(work, WEFT_NOT_FOUND, "no order 7");
    ck_assert_int_eq(weft_work_finish(work, status), WEFT_NOT_FOUND);
    ck_assert_str_eq(work->fault.text, "no order 7");
}
END_TEST

START_TEST(number_that_is_no_status_is_internal)
{
    ck_assert_int_eq(weft_work_finish(work, (weft_status)4711), WEFT_INTERNAL);
}
END_TEST

START_TEST(call_cannot_end_as_an_event_does)
{
    ck_assert_int_eq(weft_work_finish(work, WEFT_RETRY), WEFT_INTERNAL);
}
END_TEST

START_TEST(event_is_retried_and_rejected_with_a_reason)
{
    const struct weft_work_event event = { .id = "e", .type = "t", .key = "k", .group = "g", .attempt = 3 };
    work->event = &event;
    ck_assert_int_eq(weft_work_finish(work, weft_retry(work, "not %s", "yet")), WEFT_RETRY);
    ck_assert_str_eq(work->fault.text, "not yet");
    ck_assert_int_eq(weft_work_finish(work, weft_reject(work, "never")), WEFT_REJECT);
    ck_assert_uint_eq(weft_event_attempt(work), 3);
    ck_assert_str_eq(weft_event_key(work), "k");
}
END_TEST

START_TEST(shared_transaction_is_left_to_its_batch)
{
    weft_tx *tx = weft_call_tx(work);
    work->shares_tx = true;
    weft_exec(tx, "insert a");
    ck_assert_int_eq(weft_work_finish(work, WEFT_OK), WEFT_OK);
    ck_assert_uint_eq(fake->n_runs, 0);
    weft_tx_fail(tx, WEFT_ABORTED, "x");
    ck_assert_int_eq(weft_work_finish(work, WEFT_OK), WEFT_ABORTED);
    weft_tx_rollback(tx);
}
END_TEST

START_TEST(leadership_is_passed_on_before_each_wait)
{
    work->before_wait = count_wait;
    weft_rows *rows;
    weft_exec(weft_call_tx(work), "insert a");
    ck_assert_int_eq(n_waits, 0);
    weft_query(work, &rows, "select");
    ck_assert_int_eq(n_waits, 1);
    weft_work_finish(work, WEFT_OK);
    ck_assert_int_eq(n_waits, 2);
}
END_TEST

START_TEST(service_without_store_fails_with_a_reason)
{
    work->store = NULL;
    weft_rows *rows = NULL;
    ck_assert_int_eq(weft_exec(weft_call_tx(work), "insert a"), WEFT_INTERNAL);
    ck_assert_int_eq(weft_lock_key(weft_call_tx(work), "a"), WEFT_INTERNAL);
    ck_assert_int_eq(weft_query(work, &rows, "select"), WEFT_INTERNAL);
    ck_assert_int_eq(weft_work_finish(work, WEFT_OK), WEFT_INTERNAL);
}
END_TEST

START_TEST(store_that_is_away_is_unavailable_and_says_no_more)
{
    fake->open_rc = WEFT_RC_REFUSED;
    weft_exec(weft_call_tx(work), "insert a");
    ck_assert_int_eq(weft_work_finish(work, WEFT_OK), WEFT_UNAVAILABLE);
    ck_assert_ptr_null(strstr(work->fault.text, "127.0.0.1"));
}
END_TEST

START_TEST(work_knows_ids_and_times)
{
    ck_assert(weft_is_uuid(weft_uuid(work)));
    ck_assert(!weft_is_uuid(NULL));
    ck_assert_str_eq(weft_uuid_of(work, "0190AbCD-0000-7000-8000-00000000000F"),
                     "0190abcd-0000-7000-8000-00000000000f");
    ck_assert_ptr_null(weft_uuid_of(work, "0190abcd"));
    ck_assert_ptr_null(weft_uuid_of(work, NULL));
    ck_assert_int_gt(weft_left_ms(work), 500);
    work->deadline_ns = 0;
    ck_assert_int_eq(weft_left_ms(work), 0);
    const int64_t before = weft_now_ms(work);
    weft_clock_advance(5000000);
    ck_assert_int_ge(weft_now_ms(work), before + 5000);
    ck_assert_str_eq(weft_format(work, "user:%d", 7), "user:7");
    ck_assert_ptr_null(weft_metadata(work, "key"));
}
END_TEST

TCase *work_case(void)
{
    TCase *tcase = tcase_create("work");
    tcase_add_checked_fixture(tcase, begin, end);
    tcase_add_test(tcase, handler_says_why);
    tcase_add_test(tcase, bare_status_is_told_by_its_name);
    tcase_add_test(tcase, failure_that_is_not_returned_still_fails);
    tcase_add_test(tcase, each_bad_field_is_named);
    tcase_add_test(tcase, many_bad_fields_are_cut_not_overrun);
    tcase_add_test(tcase, status_of_a_statement_comes_with_its_text);
    tcase_add_test(tcase, handlers_own_words_win_over_the_statements);
    tcase_add_test(tcase, number_that_is_no_status_is_internal);
    tcase_add_test(tcase, call_cannot_end_as_an_event_does);
    tcase_add_test(tcase, event_is_retried_and_rejected_with_a_reason);
    tcase_add_test(tcase, shared_transaction_is_left_to_its_batch);
    tcase_add_test(tcase, leadership_is_passed_on_before_each_wait);
    tcase_add_test(tcase, service_without_store_fails_with_a_reason);
    tcase_add_test(tcase, store_that_is_away_is_unavailable_and_says_no_more);
    tcase_add_test(tcase, work_knows_ids_and_times);
    return tcase;
}
