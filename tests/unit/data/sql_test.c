/* Rows, queries outside the transaction, locks. */
#include "data_test.h"
#include "fake_store.h"

#include "base/clock.h"

#include <math.h>

static const char *const columns[] = { "a", "b", "c", "d", "e", "f" };

static struct fake_store *fake;
static struct weft_work *work;

static void begin_with(uint32_t caps)
{
    fake = fake_store_new(caps);
    work = fake_work_new(fake);
}

static void begin(void)
{
    begin_with(0);
}

static void end(void)
{
    fake_work_free(work);
    fake_store_free(fake);
}

static weft_rows *rows_of(const struct weft_value *values, uint32_t n_rows, uint32_t n_columns)
{
    weft_rows *rows = NULL;
    fake->answers[fake->n_runs].set =
        (struct weft_rowset){ .values = values, .columns = columns, .n_rows = n_rows, .n_columns = n_columns };
    ck_assert_int_eq(weft_query(work, &rows, "select"), WEFT_OK);
    return rows;
}

START_TEST(rows_step_one_after_the_other)
{
    const struct weft_value values[] = { weft_int(1), weft_int(2), weft_int(3) };
    weft_rows *rows = rows_of(values, 3, 1);
    ck_assert_uint_eq(weft_row_count(rows), 3);
    for (int i = 1; i <= 3; i++) {
        ck_assert(weft_next(rows));
        ck_assert_int_eq(weft_get_int(rows, 0), i);
    }
    ck_assert(!weft_next(rows));
    ck_assert(!weft_next(rows));
}
END_TEST

START_TEST(rows_outlive_the_session_that_read_them)
{
    char text[] = "anna";
    const struct weft_value values[] = { weft_text(text), weft_bytes("\0x", 2) };
    weft_rows *rows = rows_of(values, 1, 2);
    memset(text, 'z', 4);
    ck_assert(weft_next(rows));
    ck_assert_str_eq(weft_get_text(rows, 0), "anna");
    ck_assert_uint_eq(weft_get_bytes(rows, 1).len, 2);
    ck_assert_mem_eq(weft_get_bytes(rows, 1).data, "\0x", 2);
}
END_TEST

START_TEST(null_reads_as_nothing)
{
    const struct weft_value values[] = { weft_null() };
    weft_rows *rows = rows_of(values, 1, 1);
    ck_assert(weft_next(rows));
    ck_assert(weft_is_null(rows, 0));
    ck_assert_str_eq(weft_get_text(rows, 0), "");
    ck_assert_int_eq(weft_get_int(rows, 0), 0);
    ck_assert_ptr_null(weft_get_bytes(rows, 0).data);
    ck_assert_int_eq(weft_get_time_ms(rows, 0), 0);
    ck_assert(!weft_get_bool(rows, 0));
}
END_TEST

START_TEST(column_or_row_that_is_not_there_reads_as_null)
{
    const struct weft_value values[] = { weft_int(1) };
    weft_rows *rows = rows_of(values, 1, 1);
    ck_assert(weft_is_null(rows, 0)); /* not stepped to yet */
    ck_assert(weft_next(rows));
    ck_assert(weft_is_null(rows, 1));
    ck_assert(weft_is_null(rows, UINT32_MAX));
}
END_TEST

START_TEST(values_convert)
{
    const struct weft_value values[] = { weft_int(-5),    weft_double(2.5),      weft_bool(true),
                                         weft_text("42"), weft_time_us(1234567), weft_double(NAN) };
    weft_rows *rows = rows_of(values, 1, 6);
    ck_assert(weft_next(rows));
    ck_assert_str_eq(weft_get_text(rows, 0), "-5");
    ck_assert_str_eq(weft_get_text(rows, 1), "2.5");
    ck_assert_str_eq(weft_get_text(rows, 2), "true");
    ck_assert_str_eq(weft_get_text(rows, 4), "1970-01-01T00:00:01.234567Z");
    ck_assert_int_eq(weft_get_int(rows, 1), 2);
    ck_assert_int_eq(weft_get_int(rows, 3), 42);
    ck_assert_int_eq(weft_get_int(rows, 5), 0);
    ck_assert_int_eq(weft_get_time_ms(rows, 4), 1234);
    ck_assert(weft_get_bool(rows, 2));
    ck_assert_double_eq(weft_get_double(rows, 0), -5.0);
}
END_TEST

START_TEST(query_takes_no_transaction)
{
    weft_exec(weft_call_tx(work), "insert a");
    const struct weft_value values[] = { weft_int(1) };
    rows_of(values, 1, 1);
    ck_assert_str_eq(fake->runs[0], "select");
    weft_work_finish(work, WEFT_OK);
    ck_assert_str_eq(fake->runs[1], "BEGIN; insert a; COMMIT");
    ck_assert_int_eq(fake->n_opened, 1); /* the session was given back at once and served both */
}
END_TEST

START_TEST(query_beside_an_open_transaction_uses_its_session)
{
    weft_rows *rows;
    weft_fetch(weft_call_tx(work), &rows, "select a");
    weft_query(work, &rows, "select b");
    ck_assert_str_eq(fake->runs[1], "select b");
    ck_assert_int_eq(fake->n_opened, 1);
    weft_work_finish(work, WEFT_OK);
}
END_TEST

START_TEST(query_beside_an_open_transaction_has_a_reader_where_there_are_readers)
{
    end();
    begin_with(WEFT_STORE_READERS);
    weft_rows *rows;
    struct weft_work *other = fake_work_new(fake);
    weft_fetch(weft_call_tx(work), &rows, "select a"); /* both hold one of two sessions */
    weft_fetch(weft_call_tx(other), &rows, "select a");
    ck_assert_int_eq(weft_query(work, &rows, "select b"), WEFT_OK);
    ck_assert_int_eq(weft_query(other, &rows, "select b"), WEFT_OK);
    ck_assert_int_eq(fake->n_opened, 3);
    weft_work_finish(work, WEFT_OK);
    weft_work_finish(other, WEFT_OK);
    fake_work_free(other);
}
END_TEST

START_TEST(query_that_fails_makes_the_work_fail)
{
    fake->answers[0] = (struct fake_answer){ .rc = WEFT_RC_INVALID, .text = "no such table" };
    weft_rows *rows = NULL;
    ck_assert_int_eq(weft_query(work, &rows, "select"), WEFT_INTERNAL);
    ck_assert_ptr_null(rows);
    weft_exec(weft_call_tx(work), "insert a");
    ck_assert_int_eq(weft_work_finish(work, WEFT_OK), WEFT_INTERNAL);
    ck_assert_uint_eq(fake->n_runs, 1);
}
END_TEST

START_TEST(query_finds_a_new_session_for_a_dead_one)
{
    weft_rows *rows;
    weft_query(work, &rows, "select");
    fake->answers[1].rc = WEFT_RC_UNAVAILABLE;
    ck_assert_int_eq(weft_query(work, &rows, "select"), WEFT_OK);
    ck_assert_uint_eq(fake->n_runs, 3);
}
END_TEST

START_TEST(key_lock_is_queued)
{
    weft_lock_key(weft_call_tx(work), "cart-1");
    weft_work_finish(work, WEFT_OK);
    ck_assert_str_eq(fake->runs[0], "BEGIN; lock key (cart-1); COMMIT");
}
END_TEST

START_TEST(key_lock_is_nothing_where_begin_is_lock_enough)
{
    fake->dialect.key_lock = NULL;
    ck_assert_int_eq(weft_lock_key(weft_call_tx(work), "cart-1"), WEFT_OK);
    weft_work_finish(work, WEFT_OK);
    ck_assert_uint_eq(fake->n_runs, 0);
}
END_TEST

TCase *sql_case(void)
{
    TCase *tcase = tcase_create("sql");
    tcase_add_checked_fixture(tcase, begin, end);
    tcase_add_test(tcase, rows_step_one_after_the_other);
    tcase_add_test(tcase, rows_outlive_the_session_that_read_them);
    tcase_add_test(tcase, null_reads_as_nothing);
    tcase_add_test(tcase, column_or_row_that_is_not_there_reads_as_null);
    tcase_add_test(tcase, values_convert);
    tcase_add_test(tcase, query_takes_no_transaction);
    tcase_add_test(tcase, query_beside_an_open_transaction_uses_its_session);
    tcase_add_test(tcase, query_beside_an_open_transaction_has_a_reader_where_there_are_readers);
    tcase_add_test(tcase, query_that_fails_makes_the_work_fail);
    tcase_add_test(tcase, query_finds_a_new_session_for_a_dead_one);
    tcase_add_test(tcase, key_lock_is_queued);
    tcase_add_test(tcase, key_lock_is_nothing_where_begin_is_lock_enough);
    return tcase;
}
