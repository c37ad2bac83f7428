/* The tap: what it keeps, for whom, and when it keeps nothing. */
#include "event/tap.h"
#include "event_test.h"

#include "base/clock.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

static struct weft_tap *tap;
static char seen[4096];
static uint64_t missed;

static void setup(void)
{
    tap = weft_tap_new();
    seen[0] = '\0';
    missed = 0;
}

static void teardown(void)
{
    weft_tap_free(tap);
}

static bool never(void *arg)
{
    (void)arg;
    return false;
}
static bool always(void *arg)
{
    (void)arg;
    return true;
}

static void note(void *arg, uint64_t number, const struct weft_message *message)
{
    (void)arg;
    size_t used = strlen(seen);
    snprintf(seen + used, sizeof seen - used, "%llu:%s ", (unsigned long long)number, message->id);
}

static uint64_t reads(uint64_t after, uint64_t wait_ns, bool (*ended)(void *))
{
    struct weft_tap_reader reader = {
        .after = after, .deadline_ns = weft_clock_ns() + wait_ns, .step_ns = 10 * WEFT_MS, .ended = ended, .each = note
    };
    return weft_tap_read(tap, &reader, &missed);
}

static void add(const char *id, size_t size)
{
    static const char payload[64 * 1024];
    struct weft_message message = { .id = id,
                                    .type = "a.B",
                                    .topic = "t",
                                    .routing_key = "r",
                                    .content_type = "application/x-protobuf",
                                    .payload = payload,
                                    .payload_size = size };
    weft_tap_add(tap, &message);
}

START_TEST(tap_keeps_nothing_until_somebody_looks)
{
    ck_assert(!weft_tap_is_open(tap));
    ck_assert(!weft_tap_is_open(NULL));
    add("before", 1);
    ck_assert_uint_eq(reads(WEFT_TAP_NEWEST, 0, never), 0);
    ck_assert(weft_tap_is_open(tap));
    add("after", 1);
    ck_assert_uint_eq(reads(0, 0, never), 1);
    ck_assert_str_eq(seen, "1:after ");
}
END_TEST

START_TEST(tap_goes_on_where_a_reader_was)
{
    reads(WEFT_TAP_NEWEST, 0, never);
    add("a", 1);
    add("b", 1);
    ck_assert_uint_eq(reads(1, 0, never), 2);
    ck_assert_str_eq(seen, "2:b ");
    ck_assert_uint_eq(reads(2, 0, never), 2);
    ck_assert_str_eq(seen, "2:b ");
}
END_TEST

START_TEST(tap_drops_the_oldest_and_says_how_many)
{
    reads(WEFT_TAP_NEWEST, 0, never);
    for (int i = 0; i < WEFT_TAP_EVENTS + 10; i++)
        add("x", 1);
    ck_assert_uint_eq(reads(0, 0, never), 10 + WEFT_TAP_BATCH);
    ck_assert_uint_eq(missed, 10);
    reads(10 + WEFT_TAP_BATCH, 0, never);
    ck_assert_uint_eq(missed, 0);
}
END_TEST

START_TEST(tap_is_bounded_in_bytes)
{
    reads(WEFT_TAP_NEWEST, 0, never);
    for (int i = 0; i < 200; i++)
        add("x", 64 * 1024);
    reads(0, 0, never);
    ck_assert_uint_gt(missed, 200 - WEFT_TAP_BYTES / (64 * 1024));
    ck_assert_uint_lt(missed, 200);
}
END_TEST

static void *add_later(void *arg)
{
    (void)arg;
    add("late", 1);
    return NULL;
}

START_TEST(tap_wakes_a_reader_who_waits)
{
    pthread_t thread;
    reads(WEFT_TAP_NEWEST, 0, never);
    ck_assert_int_eq(pthread_create(&thread, NULL, add_later, NULL), 0);
    ck_assert_uint_eq(reads(0, 5 * WEFT_SECOND, never), 1);
    ck_assert_str_eq(seen, "1:late ");
    pthread_join(thread, NULL);
}
END_TEST

START_TEST(tap_lets_a_reader_go_when_the_host_ends)
{
    uint64_t began = weft_clock_ns();
    reads(WEFT_TAP_NEWEST, 0, never);
    reads(0, 30 * WEFT_SECOND, always);
    ck_assert_uint_lt(weft_clock_ns() - began, 5 * WEFT_SECOND);
}
END_TEST

TCase *tap_case(void)
{
    TCase *tcase = tcase_create("tap");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, tap_keeps_nothing_until_somebody_looks);
    tcase_add_test(tcase, tap_goes_on_where_a_reader_was);
    tcase_add_test(tcase, tap_drops_the_oldest_and_says_how_many);
    tcase_add_test(tcase, tap_is_bounded_in_bytes);
    tcase_add_test(tcase, tap_wakes_a_reader_who_waits);
    tcase_add_test(tcase, tap_lets_a_reader_go_when_the_host_ends);
    return tcase;
}
