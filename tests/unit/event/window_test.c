#include "event/relay/window.h"
#include "event_test.h"

static struct weft_window *window;

static void setup(void)
{
    window = weft_window_new(64, 8);
}
static void teardown(void)
{
    weft_window_free(window);
}

static struct weft_window_row *row_of(int64_t id, const char *key)
{
    const struct weft_value columns[] = { weft_int(id),         weft_text("id"),   weft_text("type"),
                                          weft_text("topic"),   weft_text("r"),    weft_text(key),
                                          weft_text("content"), weft_null(),       weft_text("corr"),
                                          weft_null(),          weft_null(),       weft_null(),
                                          weft_time_us(1),      weft_bytes("p", 1) };
    return weft_window_row_new(columns, "service", NULL);
}

static struct weft_window_row *add(int64_t id, const char *key)
{
    struct weft_window_row *row = row_of(id, key);
    ck_assert(weft_window_add(window, row));
    return row;
}

/* Sends all that is ready and gives the first one's id; 0 if none was. */
static int64_t send_ready(size_t *ret_n)
{
    const struct weft_publish *operations[64];
    *ret_n = weft_window_ready(window, operations, 64);
    int64_t first = *ret_n == 0 ? 0 : ((const struct weft_window_row *)(const void *)operations[0])->id;
    weft_window_sent(window, *ret_n);
    return first;
}

static void confirm(struct weft_window_row *row)
{
    weft_window_remove(window, row);
    weft_window_row_free(row);
}

START_TEST(window_lets_one_row_of_a_key_go_at_a_time)
{
    size_t n;
    struct weft_window_row *first = add(1, "a");
    add(2, "a");
    add(3, "b");
    add(4, NULL);
    add(5, NULL);
    ck_assert_int_eq(send_ready(&n), 1);
    ck_assert_uint_eq(n, 4);
    ck_assert_uint_eq(weft_window_waiting(window), 1);
    confirm(first);
    ck_assert_int_eq(send_ready(&n), 2);
    ck_assert_uint_eq(n, 1);
}
END_TEST

START_TEST(window_puts_a_late_row_where_its_id_belongs)
{
    size_t n;
    struct weft_window_row *rows[] = { add(1, "a"), add(5, "a"), add(3, "a") };
    ck_assert_int_eq(send_ready(&n), 1);
    confirm(rows[0]);
    ck_assert_int_eq(send_ready(&n), 3);
    confirm(rows[2]);
    ck_assert_int_eq(send_ready(&n), 5);
}
END_TEST

START_TEST(window_gives_a_row_again_before_the_next_of_its_key)
{
    size_t n;
    struct weft_window_row *first = add(1, "a");
    add(2, "a");
    send_ready(&n);
    weft_window_again(window, first);
    ck_assert_int_eq(send_ready(&n), 1);
    ck_assert_uint_eq(n, 1);
}
END_TEST

START_TEST(window_holds_a_key_with_all_that_is_behind)
{
    size_t n;
    struct weft_window_row *first = add(1, "a");
    add(2, "a");
    send_ready(&n);
    weft_window_hold(window, first);
    ck_assert_uint_eq(weft_window_known(window), 0);
    ck_assert_uint_eq(weft_window_held(window), 1);
    struct weft_window_row *later = row_of(3, "a"), *probe = row_of(1, "a");
    ck_assert(!weft_window_add(window, later));
    ck_assert(weft_window_add_probe(window, probe));
    ck_assert_int_eq(send_ready(&n), 1);
    confirm(probe);
    weft_window_release(window, "a");
    ck_assert_uint_eq(weft_window_held(window), 0);
    ck_assert(weft_window_add(window, later));
    ck_assert_int_eq(send_ready(&n), 3);
}
END_TEST

START_TEST(window_names_keys_that_have_enough_until_half_is_gone)
{
    size_t n;
    const char *keys[8];
    struct weft_window_row *rows[8];
    for (int i = 0; i < 8; i++)
        rows[i] = add(i + 1, "hot");
    ck_assert_uint_eq(weft_window_busy_keys(window, keys, 8), 1);
    ck_assert_str_eq(keys[0], "hot");
    for (int i = 0; i < 4; i++) {
        ck_assert_uint_eq(weft_window_busy(window), 1);
        send_ready(&n);
        confirm(rows[i]);
    }
    ck_assert_uint_eq(weft_window_busy(window), 0);
}
END_TEST

START_TEST(window_forgets_all_but_what_is_under_way)
{
    size_t n;
    struct weft_window_row *first = add(1, "a");
    add(2, "a");
    send_ready(&n);
    add(3, "b");
    add(4, "b");
    weft_window_hold_key(window, "c");
    weft_window_forget(window);
    ck_assert_uint_eq(weft_window_known(window), 1);
    ck_assert_uint_eq(weft_window_under_way(window), 1);
    ck_assert_uint_eq(weft_window_held(window), 0);
    ck_assert(!weft_window_has_ready(window));
    confirm(first);
    ck_assert(!weft_window_has_ready(window));
}
END_TEST

TCase *window_case(void)
{
    TCase *tcase = tcase_create("window");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, window_lets_one_row_of_a_key_go_at_a_time);
    tcase_add_test(tcase, window_puts_a_late_row_where_its_id_belongs);
    tcase_add_test(tcase, window_gives_a_row_again_before_the_next_of_its_key);
    tcase_add_test(tcase, window_holds_a_key_with_all_that_is_behind);
    tcase_add_test(tcase, window_names_keys_that_have_enough_until_half_is_gone);
    tcase_add_test(tcase, window_forgets_all_but_what_is_under_way);
    return tcase;
}
