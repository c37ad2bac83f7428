#include "base/clock.h"
#include "event/consumer/retry.h"
#include "event_test.h"

START_TEST(wait_doubles_up_to_the_most)
{
    const struct weft_retry retry =
        weft_retry_complete((struct weft_retry){ .initial_ns = 100 * WEFT_MS, .most_ns = 450 * WEFT_MS });
    const int64_t wanted_us[] = { 100000, 200000, 400000, 450000, 450000 };
    for (uint32_t i = 0; i < 5; i++)
        ck_assert_int_eq(weft_retry_wait_us(&retry, i + 1, 7), wanted_us[i]);
    ck_assert_int_eq(weft_retry_wait_us(&retry, UINT32_MAX, 7), 450000);
}
END_TEST

START_TEST(jitter_spreads_a_wait_to_both_sides_and_no_further)
{
    const struct weft_retry retry = weft_retry_complete(
        (struct weft_retry){ .initial_ns = 100 * WEFT_MS, .most_ns = WEFT_SECOND, .jitter_percent = 20 });
    int64_t least = INT64_MAX, most = 0;
    for (uint64_t random = 0; random < 1000; random++) {
        int64_t wait_us = weft_retry_wait_us(&retry, 1, random * 0x9e3779b97f4a7c15u);
        if (wait_us < least) least = wait_us;
        if (wait_us > most) most = wait_us;
    }
    ck_assert(least >= 80000 && least < 85000);
    ck_assert(most <= 120000 && most > 115000);
}
END_TEST

START_TEST(policy_has_defaults_and_no_most_below_its_first_wait)
{
    struct weft_retry retry = weft_retry_complete((struct weft_retry){ 0 });
    ck_assert_uint_eq(retry.max_attempts, 10);
    ck_assert_uint_eq(retry.initial_ns, WEFT_SECOND);
    ck_assert_uint_eq(retry.most_ns, 600 * WEFT_SECOND);
    retry = weft_retry_complete((struct weft_retry){ .initial_ns = 5 * WEFT_SECOND, .most_ns = WEFT_SECOND });
    ck_assert_int_eq(weft_retry_wait_us(&retry, 3, 0), 5000000);
}
END_TEST

TCase *retry_case(void)
{
    TCase *tcase = tcase_create("retry");
    tcase_add_test(tcase, wait_doubles_up_to_the_most);
    tcase_add_test(tcase, jitter_spreads_a_wait_to_both_sides_and_no_further);
    tcase_add_test(tcase, policy_has_defaults_and_no_most_below_its_first_wait);
    return tcase;
}
