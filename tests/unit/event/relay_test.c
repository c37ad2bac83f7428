#include "base/clock.h"
#include "event/relay/relay.h"
#include "event_test.h"
#include "fake_store.h"
#include "fake_transport.h"

#include <stdio.h>
#include <string.h>

static struct fake_store *rows;
static struct fake_transport *transport;
static struct weft_store *store;
static struct weft_relay *relay;

static struct weft_relay *relay_on(struct weft_store *of, const char *instance)
{
    struct weft_relay *started;
    struct weft_fault fault;
    const struct weft_relay_options options = {
        .instance = instance, .window = 100, .batch = 20, .lease_ns = 300 * WEFT_MS, .poll_ns = 100 * WEFT_MS
    };
    ck_assert_int_eq(weft_relay_start(of, fake_transport_host(transport), &options, &started, &fault), WEFT_OK);
    return started;
}

static void setup(void)
{
    rows = fake_store_new();
    transport = fake_transport_new();
    store = fake_store_open(rows, "user-service");
}

static void start(void)
{
    relay = relay_on(store, "one");
}

static void teardown(void)
{
    weft_relay_stop(relay, weft_clock_ns() + 100 * WEFT_MS);
    fake_transport_free(transport);
    weft_store_free(store);
    fake_store_free(rows);
}

static void commit(int64_t id, const char *key)
{
    fake_store_insert(rows, id, key, "user.v1.UserCreated");
    if (store->on_outbox != NULL) store->on_outbox(store->on_outbox_arg);
}

START_TEST(relay_removes_rows_once_they_are_confirmed)
{
    for (int i = 1; i <= 50; i++)
        commit(i, i % 2 == 0 ? "even" : NULL);
    start();
    eventually(fake_store_rows(rows) == 0);
    ck_assert_uint_eq(fake_transport_published(transport), 50);
    commit(51, "a");
    eventually(fake_store_rows(rows) == 0);
    ck_assert_uint_eq(fake_transport_published(transport), 51);
    struct fake_publish last = fake_transport_at(transport, 50);
    ck_assert_uint_eq(last.flags, WEFT_PUBLISH_MANDATORY);
}
END_TEST

START_TEST(relay_removes_answers_that_have_expired_until_there_are_no_more)
{
    fake_store_expire(rows, 2500);
    start();
    eventually(fake_store_expired(rows) == 0);
}
END_TEST

START_TEST(relay_keeps_a_row_until_its_confirm)
{
    fake_transport_answer(transport, -1);
    start();
    commit(1, "a");
    commit(2, "a");
    commit(3, "b");
    ck_assert(fake_transport_wait(transport, 2));
    eventually(fake_store_claims(rows) > 3);
    ck_assert_uint_eq(fake_transport_published(transport), 2);
    ck_assert_uint_eq(fake_store_rows(rows), 3);
    for (size_t i = 0; i < 2; i++)
        if (strcmp(fake_transport_at(transport, i).key, "a") == 0) fake_transport_complete(transport, i, WEFT_RC_OK);
    ck_assert(fake_transport_wait(transport, 3));
    ck_assert_int_eq(fake_transport_at(transport, 2).sequence, 2);
}
END_TEST

START_TEST(relay_publishes_again_in_order_when_the_broker_says_maybe)
{
    fake_transport_answer(transport, -1);
    start();
    commit(1, "a");
    commit(2, "a");
    ck_assert(fake_transport_wait(transport, 1));
    fake_transport_complete(transport, 0, WEFT_RC_MAYBE_SENT);
    ck_assert(fake_transport_wait(transport, 2));
    fake_transport_answer(transport, WEFT_RC_OK);
    fake_transport_complete(transport, 1, WEFT_RC_NOT_SENT);
    eventually(fake_store_rows(rows) == 0);
    static const int64_t order[] = { 1, 1, 1, 2 };
    for (size_t i = 0; i < 4; i++)
        ck_assert_int_eq(fake_transport_at(transport, i).sequence, order[i]);
}
END_TEST

START_TEST(relay_holds_what_nobody_hears_and_resumes_in_order)
{
    fake_transport_answer(transport, WEFT_RC_UNROUTED);
    start();
    commit(1, "a");
    commit(2, "a");
    commit(3, NULL);
    eventually(fake_store_held(rows) == 3);
    commit(4, "a");
    eventually(fake_store_held(rows) == 4);
    ck_assert(fake_store_is_held(rows, 1, "unrouted"));
    size_t before = fake_transport_published(transport);
    fake_transport_answer(transport, WEFT_RC_OK);
    eventually(fake_store_rows(rows) == 0);
    int64_t last = 0;
    for (size_t i = before; i < fake_transport_published(transport); i++) {
        struct fake_publish publish = fake_transport_at(transport, i);
        if (strcmp(publish.key, "a") != 0) continue;
        ck_assert_int_gt(publish.sequence, last);
        last = publish.sequence;
    }
    ck_assert_int_eq(last, 4);
}
END_TEST

START_TEST(relay_goes_on_with_other_keys_while_one_is_held)
{
    fake_transport_answer(transport, -1);
    start();
    commit(1, "a");
    ck_assert(fake_transport_wait(transport, 1));
    fake_transport_answer(transport, WEFT_RC_OK);
    fake_transport_complete(transport, 0, WEFT_RC_REFUSED);
    eventually(fake_store_is_held(rows, 1, "refused by the transport: the test says so") || fake_store_rows(rows) == 0);
    commit(2, "b");
    eventually(fake_store_rows(rows) == 0);
}
END_TEST

START_TEST(relay_learns_of_held_keys_when_it_takes_over)
{
    fake_transport_answer(transport, WEFT_RC_UNROUTED);
    start();
    commit(1, "a");
    eventually(fake_store_held(rows) == 1);
    weft_relay_stop(relay, weft_clock_ns() + WEFT_SECOND);
    fake_transport_answer(transport, -1);
    size_t before = fake_transport_published(transport);
    fake_store_insert(rows, 2, "a", "t");
    start();
    eventually(fake_store_held(rows) == 2);
    ck_assert(fake_transport_wait(transport, before + 1));
    ck_assert_int_eq(fake_transport_at(transport, before).sequence, 1);
}
END_TEST

START_TEST(relay_finds_a_row_that_committed_late)
{
    start();
    commit(10, "a");
    eventually(fake_store_rows(rows) == 0);
    commit(5, "b");
    eventually(fake_store_rows(rows) == 0);
    ck_assert_uint_eq(fake_transport_published(transport), 2);
}
END_TEST

START_TEST(relay_is_not_filled_by_one_key)
{
    fake_transport_answer(transport, -1);
    for (int i = 1; i <= 300; i++)
        fake_store_insert(rows, i, "hot", "t");
    fake_store_insert(rows, 1000, "cold", "t");
    start();
    ck_assert(fake_transport_wait(transport, 2));
    ck_assert_str_eq(fake_transport_at(transport, 1).key, "cold");
    fake_transport_answer(transport, WEFT_RC_OK);
    fake_transport_complete(transport, 0, WEFT_RC_OK);
    fake_transport_complete(transport, 1, WEFT_RC_OK);
    eventually(fake_store_rows(rows) == 0);
}
END_TEST

START_TEST(relay_waits_while_the_plugin_is_full)
{
    fake_transport_answer(transport, -1);
    fake_transport_limit(transport, 2);
    start();
    for (int i = 1; i <= 4; i++)
        commit(i, NULL);
    ck_assert(fake_transport_wait(transport, 2));
    fake_transport_complete(transport, 0, WEFT_RC_OK);
    fake_transport_complete(transport, 1, WEFT_RC_OK);
    fake_transport_ready(transport);
    ck_assert(fake_transport_wait(transport, 4));
}
END_TEST

START_TEST(relay_outlives_a_store_that_is_away)
{
    start();
    commit(1, "a");
    eventually(fake_store_rows(rows) == 0);
    fake_store_fail(rows, WEFT_RC_UNAVAILABLE);
    commit(2, "a");
    commit(3, "a");
    eventually(!weft_relay_holds(relay));
    fake_store_fail(rows, WEFT_RC_OK);
    eventually(fake_store_rows(rows) == 0);
    ck_assert_int_eq(fake_transport_at(transport, 1).sequence, 2);
    ck_assert_int_eq(fake_transport_at(transport, 2).sequence, 3);
}
END_TEST

START_TEST(relay_stands_by_until_the_lease_runs_out)
{
    fake_store_steal(rows, "another", 400);
    start();
    commit(1, "a");
    ck_assert_uint_eq(__atomic_load_n(&store->notify_others, __ATOMIC_RELAXED), 1);
    ck_assert(!weft_relay_holds(relay));
    eventually(fake_store_rows(rows) == 0);
    ck_assert(weft_relay_holds(relay));
    ck_assert_uint_eq(__atomic_load_n(&store->notify_others, __ATOMIC_RELAXED), 0);
}
END_TEST

START_TEST(relay_that_lost_the_lease_publishes_nothing)
{
    fake_transport_answer(transport, -1);
    start();
    commit(1, "a");
    commit(2, "a");
    ck_assert(fake_transport_wait(transport, 1));
    fake_store_steal(rows, "another", 700);
    eventually(!weft_relay_holds(relay));
    fake_transport_complete(transport, 0, WEFT_RC_OK);
    eventually(fake_store_rows(rows) == 1);
    ck_assert_uint_eq(fake_transport_published(transport), 1);
    fake_transport_answer(transport, WEFT_RC_OK);
    eventually(fake_store_rows(rows) == 0);
}
END_TEST

START_TEST(two_relays_take_turns)
{
    struct weft_store *other_store = fake_store_open(rows, "user-service");
    start();
    eventually(weft_relay_holds(relay));
    struct weft_relay *other = relay_on(other_store, "two");
    for (int i = 1; i <= 100; i++)
        commit(i, "a");
    eventually(fake_store_rows(rows) == 0);
    ck_assert(!weft_relay_holds(other));
    weft_relay_stop(relay, weft_clock_ns() + WEFT_SECOND);
    relay = other;
    fake_store_insert(rows, 101, "a", "t");
    eventually(fake_store_rows(rows) == 0);
    ck_assert_uint_eq(fake_transport_published(transport), 101);
    weft_relay_stop(relay, weft_clock_ns() + WEFT_SECOND);
    weft_store_free(other_store);
    relay = NULL;
}
END_TEST

START_TEST(relay_that_stops_passes_on_what_there_is)
{
    start();
    eventually(weft_relay_holds(relay));
    for (int i = 1; i <= 500; i++)
        fake_store_insert(rows, i, i % 3 == 0 ? "a" : NULL, "t");
    weft_relay_stop(relay, weft_clock_ns() + 5 * WEFT_SECOND);
    relay = NULL;
    ck_assert_uint_eq(fake_store_rows(rows), 0);
}
END_TEST

START_TEST(relay_stops_at_its_deadline_with_rows_under_way)
{
    fake_transport_answer(transport, -1);
    start();
    commit(1, "a");
    commit(2, NULL);
    ck_assert(fake_transport_wait(transport, 2));
    uint64_t began = weft_clock_ns();
    weft_relay_stop(relay, began + 100 * WEFT_MS);
    relay = NULL;
    ck_assert_uint_lt(weft_clock_ns() - began, WEFT_SECOND);
    ck_assert_uint_eq(fake_store_rows(rows), 2);
    /* The plugin completes them when it closes. */
    fake_transport_complete(transport, 0, WEFT_RC_OK);
    fake_transport_complete(transport, 1, WEFT_RC_MAYBE_SENT);
}
END_TEST

START_TEST(relay_groups_what_comes_while_it_is_busy)
{
    start();
    eventually(weft_relay_holds(relay));
    for (int i = 1; i <= 2000; i++)
        commit(i, NULL);
    eventually(fake_store_rows(rows) == 0);
    struct weft_relay_counters counters = weft_relay_counters(relay);
    ck_assert_uint_eq(counters.confirmed, 2000);
    ck_assert_uint_lt(counters.trips, 1000);
}
END_TEST

TCase *relay_case(void)
{
    TCase *tcase = tcase_create("relay");
    tcase_set_timeout(tcase, 20);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, relay_removes_rows_once_they_are_confirmed);
    tcase_add_test(tcase, relay_removes_answers_that_have_expired_until_there_are_no_more);
    tcase_add_test(tcase, relay_keeps_a_row_until_its_confirm);
    tcase_add_test(tcase, relay_publishes_again_in_order_when_the_broker_says_maybe);
    tcase_add_test(tcase, relay_holds_what_nobody_hears_and_resumes_in_order);
    tcase_add_test(tcase, relay_goes_on_with_other_keys_while_one_is_held);
    tcase_add_test(tcase, relay_learns_of_held_keys_when_it_takes_over);
    tcase_add_test(tcase, relay_finds_a_row_that_committed_late);
    tcase_add_test(tcase, relay_is_not_filled_by_one_key);
    tcase_add_test(tcase, relay_waits_while_the_plugin_is_full);
    tcase_add_test(tcase, relay_outlives_a_store_that_is_away);
    tcase_add_test(tcase, relay_stands_by_until_the_lease_runs_out);
    tcase_add_test(tcase, relay_that_lost_the_lease_publishes_nothing);
    tcase_add_test(tcase, two_relays_take_turns);
    tcase_add_test(tcase, relay_that_stops_passes_on_what_there_is);
    tcase_add_test(tcase, relay_stops_at_its_deadline_with_rows_under_way);
    tcase_add_test(tcase, relay_groups_what_comes_while_it_is_busy);
    return tcase;
}
