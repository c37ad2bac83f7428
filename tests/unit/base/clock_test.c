#include "base/clock.h"
#include "base_test.h"

static void formats_as(int64_t wall_us, const char *expected)
{
    char text[28];
    weft_clock_format(wall_us, text);
    ck_assert_str_eq(text, expected);
}

START_TEST(clock_formats_rfc_3339_with_microseconds)
{
    formats_as(0, "1970-01-01T00:00:00.000000Z");
    formats_as(1795533972123456, "2026-11-24T15:26:12.123456Z");
    formats_as(1795533972000001, "2026-11-24T15:26:12.000001Z"); /* the same second again */
    formats_as(951782400000000, "2000-02-29T00:00:00.000000Z");
    formats_as(INT64_MAX, "9999-12-31T23:59:59.999999Z");
    formats_as(-5, "1970-01-01T00:00:00.000000Z");
}
END_TEST

START_TEST(clock_advance_moves_the_wall_clock_alone)
{
    int64_t wall = weft_clock_wall_us();
    uint64_t ns = weft_clock_ns();
    weft_clock_advance(3600 * 1000000ll);
    ck_assert_int_ge(weft_clock_wall_us() - wall, 3600 * 1000000ll);
    ck_assert_uint_lt(weft_clock_ns() - ns, 3600 * WEFT_SECOND);
    weft_clock_advance(-3600 * 1000000ll);
}
END_TEST

START_TEST(clock_never_is_a_time_the_kernel_takes)
{
    struct timespec never = weft_clock_timespec(WEFT_NEVER);
    ck_assert_int_gt(never.tv_sec, 1000000000);
    ck_assert_int_lt(never.tv_nsec, 1000000000);
    struct timespec some = weft_clock_timespec(5 * WEFT_SECOND + 7);
    ck_assert_int_eq(some.tv_sec, 5);
    ck_assert_int_eq(some.tv_nsec, 7);
}
END_TEST

TCase *clock_case(void)
{
    TCase *tests = tcase_create("clock");
    tcase_add_test(tests, clock_formats_rfc_3339_with_microseconds);
    tcase_add_test(tests, clock_advance_moves_the_wall_clock_alone);
    tcase_add_test(tests, clock_never_is_a_time_the_kernel_takes);
    return tests;
}
