/* Direct events, on a transport and a journal that fail as told. */
#include "base/clock.h"
#include "event/direct/direct.h"
#include "event/direct/entry.h"
#include "event_test.h"
#include "fake_journal.h"
#include "fake_transport.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct fake_transport *transport;
static struct fake_journal *journal;
static struct weft_cache *cache;
static struct weft_direct *direct;
static struct weft_arena *arena;

static struct weft_direct *direct_on(const char *instance, uint32_t kept)
{
    const struct weft_direct_options options = { .service = "user-service", .instance = instance, .kept = kept };
    return weft_direct_new(fake_transport_host(transport), cache, &options);
}

static void direct_begin(uint32_t kept)
{
    struct weft_fault fault;
    direct = direct_on("one", kept);
    ck_assert_int_eq(weft_direct_start(direct, &fault), WEFT_OK);
}

static void setup(void)
{
    arena = weft_arena_new(4096);
    transport = fake_transport_new();
    journal = fake_journal_new();
    cache = fake_journal_open(journal);
}

static void teardown(void)
{
    weft_direct_stop(direct, weft_clock_ns() + 100 * WEFT_MS);
    direct = NULL;
    fake_transport_free(transport);
    weft_cache_free(cache);
    fake_journal_free(journal);
    weft_arena_free(arena);
}

/* The n-th event, with n as its key. */
static struct weft_bytes entry_of(int n)
{
    char key[16];
    snprintf(key, sizeof key, "%d", n);
    const struct weft_outbox_row row = { .event_id = "0190d3a0-0000-7000-8000-000000000001",
                                         .type = "user.v1.UserSeen",
                                         .topic = "user-events",
                                         .routing_key = "user.seen",
                                         .key = weft_arena_strdup(arena, key),
                                         .content_type = "application/x-protobuf",
                                         .correlation_id = "correlation",
                                         .occurred_us = 1700000000000000,
                                         .payload = "pay\0load",
                                         .payload_size = 8 };
    return weft_direct_entry_write(arena, &row, row.topic, WEFT_PUBLISH_MANDATORY);
}

static bool put(int n)
{
    struct weft_bytes entry = entry_of(n);
    return weft_direct_put(direct, entry.data, entry.size);
}

static void put_from(int from, int to)
{
    for (int n = from; n < to; n++)
        ck_assert(put(n));
}

/* Did the transport get 0, 1, ... n - 1, each for the first time in this order? */
static bool came_in_order(int n)
{
    int next = 0;
    for (size_t i = 0; i < fake_transport_published(transport) && next < n; i++)
        if (atoi(fake_transport_at(transport, i).key) == next) next++;
    return next == n;
}

static uint64_t confirmed(void)
{
    return weft_direct_counters(direct).confirmed;
}

START_TEST(direct_entry_is_the_event)
{
    struct weft_bytes entry = entry_of(7);
    struct weft_direct_event *event = weft_direct_event_new(entry.data, entry.size, "user-service");
    ck_assert_ptr_nonnull(event);
    const struct weft_message *message = &event->publish.message;
    ck_assert_str_eq(message->type, "user.v1.UserSeen");
    ck_assert_str_eq(message->key, "7");
    ck_assert_str_eq(message->source, "user-service");
    ck_assert_uint_eq(message->payload_size, 8);
    ck_assert_mem_eq(message->payload, "pay\0load", 8);
    ck_assert_int_eq(message->time_us, 1700000000000000);
    ck_assert_uint_eq(event->publish.flags, WEFT_PUBLISH_MANDATORY);
    free(event);
}
END_TEST

START_TEST(direct_bytes_that_are_no_entry_are_none)
{
    struct weft_bytes entry = entry_of(7);
    for (size_t size = 0; size < entry.size; size++)
        ck_assert_ptr_null(weft_direct_event_new(entry.data, size, "user-service"));
    char longer[1024] = { 0 };
    memcpy(longer, entry.data, entry.size);
    ck_assert_ptr_null(weft_direct_event_new(longer, entry.size + 1, "user-service"));
    for (size_t at = 0; at < entry.size; at++) { /* whatever it is then, it is read within its bounds */
        memcpy(longer, entry.data, entry.size);
        longer[at] ^= (char)0xff;
        free(weft_direct_event_new(longer, entry.size, "user-service"));
    }
}
END_TEST

START_TEST(direct_events_leave_at_once_and_in_order)
{
    direct_begin(0);
    put_from(0, 1000);
    eventually(confirmed() == 1000);
    ck_assert_uint_eq(fake_transport_published(transport), 1000);
    ck_assert(came_in_order(1000));
    ck_assert_uint_eq(weft_direct_counters(direct).journaled, 0);
}
END_TEST

START_TEST(direct_events_wait_in_the_journal_and_drain_in_order)
{
    direct_begin(0);
    put_from(0, 10);
    eventually(confirmed() == 10);
    fake_transport_answer(transport, WEFT_RC_NOT_SENT);
    put_from(10, 300);
    eventually(fake_journal_entries(journal) == 290);
    fake_transport_answer(transport, WEFT_RC_OK);
    put_from(300, 320); /* behind those in the journal */
    eventually(confirmed() == 320);
    ck_assert(came_in_order(320));
    eventually(fake_journal_entries(journal) == 0);
    eventually(!weft_direct_behind(direct));
    put_from(320, 330);
    eventually(confirmed() == 330);
    ck_assert_uint_eq(weft_direct_counters(direct).lost, 0);
}
END_TEST

START_TEST(direct_transport_that_takes_nothing_is_as_good_as_away)
{
    fake_transport_answer(transport, -1);
    fake_transport_limit(transport, 1);
    direct_begin(0);
    put_from(0, 5);
    ck_assert(fake_transport_wait(transport, 1));
    fake_transport_complete(transport, 0, WEFT_RC_MAYBE_SENT);
    eventually(weft_direct_behind(direct));
    eventually(fake_journal_entries(journal) == 5);
}
END_TEST

START_TEST(direct_events_are_sent_again_in_order_when_some_come_back)
{
    fake_transport_answer(transport, -1);
    direct_begin(0);
    put_from(0, 4);
    ck_assert(fake_transport_wait(transport, 4));
    fake_transport_answer(transport, WEFT_RC_OK);
    fake_transport_complete(transport, 1, WEFT_RC_MAYBE_SENT);
    fake_transport_complete(transport, 0, WEFT_RC_OK);
    fake_transport_complete(transport, 3, WEFT_RC_MAYBE_SENT);
    put_from(4, 6);
    fake_transport_complete(transport, 2, WEFT_RC_MAYBE_SENT);
    eventually(confirmed() == 6);
    static const char *const keys[] = { "0", "1", "2", "3", "1", "2", "3", "4", "5" };
    ck_assert_uint_eq(fake_transport_published(transport), 9);
    for (size_t i = 0; i < 9; i++)
        ck_assert_str_eq(fake_transport_at(transport, i).key, keys[i]);
}
END_TEST

START_TEST(direct_events_nobody_listens_to_or_that_are_refused_are_counted_and_gone)
{
    fake_transport_answer(transport, WEFT_RC_UNROUTED);
    direct_begin(0);
    put_from(0, 3);
    eventually(weft_direct_counters(direct).unrouted == 3);
    fake_transport_answer(transport, WEFT_RC_REFUSED);
    put_from(3, 5);
    eventually(weft_direct_counters(direct).refused == 2);
    ck_assert_uint_eq(fake_journal_entries(journal), 0);
}
END_TEST

START_TEST(direct_journal_of_one_that_died_is_drained_at_the_start)
{
    for (int n = 0; n < 200; n++) {
        struct weft_bytes entry = entry_of(n);
        fake_journal_put(journal, entry.data, entry.size);
    }
    fake_journal_steal(journal, "dead", 300);
    direct_begin(0);
    eventually(fake_journal_entries(journal) == 0);
    ck_assert(came_in_order(200));
    ck_assert_uint_eq(weft_direct_counters(direct).drained, 200);
}
END_TEST

START_TEST(direct_entry_that_is_garbage_holds_nobody_up)
{
    struct weft_bytes entry = entry_of(0);
    fake_journal_put(journal, "garbage", 7);
    fake_journal_put(journal, entry.data, entry.size);
    direct_begin(0);
    eventually(fake_journal_entries(journal) == 0);
    ck_assert_uint_eq(confirmed(), 1);
}
END_TEST

START_TEST(direct_full_journal_loses_the_oldest_and_counts)
{
    fake_transport_answer(transport, WEFT_RC_NOT_SENT);
    direct_begin(20);
    for (int n = 0; n < 50; n++)
        eventually(put(n)); /* memory is as small */
    eventually(weft_direct_counters(direct).lost >= 30 && weft_direct_counters(direct).journaled >= 50);
    ck_assert_uint_eq(fake_journal_entries(journal), 20);
    fake_transport_answer(transport, WEFT_RC_OK);
    eventually(fake_journal_entries(journal) == 0);
    eventually(confirmed() >= 20);
}
END_TEST

START_TEST(direct_events_wait_in_memory_without_a_journal_up_to_the_bound)
{
    weft_cache_free(cache);
    cache = NULL;
    fake_transport_answer(transport, WEFT_RC_NOT_SENT);
    direct_begin(10);
    int taken = 0;
    for (int n = 0; n < 40; n++)
        taken += put(n);
    ck_assert_int_ge(taken, 10);
    ck_assert_int_lt(taken, 40);
    ck_assert_uint_eq(weft_direct_counters(direct).lost, (uint64_t)(40 - taken));
    fake_transport_answer(transport, WEFT_RC_OK);
    eventually(confirmed() == (uint64_t)taken);
}
END_TEST

START_TEST(direct_events_leave_without_a_cache_that_is_away)
{
    fake_transport_answer(transport, WEFT_RC_NOT_SENT);
    fake_journal_away(journal, true);
    direct_begin(0);
    put_from(0, 20);
    eventually(weft_direct_behind(direct));
    fake_transport_answer(transport, WEFT_RC_OK);
    eventually(confirmed() == 20);
    ck_assert(came_in_order(20));
}
END_TEST

START_TEST(direct_events_that_wait_at_the_end_go_into_the_journal)
{
    fake_transport_answer(transport, -1);
    fake_transport_limit(transport, 2);
    direct_begin(0);
    put_from(0, 5);
    ck_assert(fake_transport_wait(transport, 2));
    weft_direct_stop(direct, weft_clock_ns() + 50 * WEFT_MS);
    direct = NULL;
    ck_assert_uint_eq(fake_journal_entries(journal), 5);
}
END_TEST

START_TEST(direct_events_put_before_the_start_leave_after_it)
{
    struct weft_fault fault;
    direct = direct_on("one", 0);
    put_from(0, 3);
    ck_assert_int_eq(weft_direct_start(direct, &fault), WEFT_OK);
    eventually(confirmed() == 3);
}
END_TEST

TCase *direct_case(void)
{
    TCase *tcase = tcase_create("direct");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 20);
    tcase_add_test(tcase, direct_entry_is_the_event);
    tcase_add_test(tcase, direct_bytes_that_are_no_entry_are_none);
    tcase_add_test(tcase, direct_events_leave_at_once_and_in_order);
    tcase_add_test(tcase, direct_events_wait_in_the_journal_and_drain_in_order);
    tcase_add_test(tcase, direct_transport_that_takes_nothing_is_as_good_as_away);
    tcase_add_test(tcase, direct_events_are_sent_again_in_order_when_some_come_back);
    tcase_add_test(tcase, direct_events_nobody_listens_to_or_that_are_refused_are_counted_and_gone);
    tcase_add_test(tcase, direct_journal_of_one_that_died_is_drained_at_the_start);
    tcase_add_test(tcase, direct_entry_that_is_garbage_holds_nobody_up);
    tcase_add_test(tcase, direct_full_journal_loses_the_oldest_and_counts);
    tcase_add_test(tcase, direct_events_wait_in_memory_without_a_journal_up_to_the_bound);
    tcase_add_test(tcase, direct_events_leave_without_a_cache_that_is_away);
    tcase_add_test(tcase, direct_events_that_wait_at_the_end_go_into_the_journal);
    tcase_add_test(tcase, direct_events_put_before_the_start_leave_after_it);
    return tcase;
}
