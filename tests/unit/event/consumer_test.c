#include "base/clock.h"
#include "event/consumer/consumer.h"
#include "event_test.h"
#include "fake_transport.h"
#include "stage.h"
#include "user/v1/events.weft.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static struct stage *stage;
static struct fake_transport *transport;
static struct weft_consumer *consumer;
static uint32_t runs; /* of the handler; atomic */
static bool slow;     /* atomic */
static char ids[64][37];

/* What it does is the event's email. */
static weft_status on_created(weft_event *event, const User__V1__UserCreated *in, void *arg)
{
    (void)arg;
    weft_tx *tx = weft_event_tx(event);
    weft_rows *rows;
    __atomic_fetch_add(&runs, 1, __ATOMIC_RELAXED);
    if (__atomic_load_n(&slow, __ATOMIC_RELAXED)) nanosleep(&(struct timespec){ .tv_nsec = 50000000 }, NULL);
    weft_exec(tx, "INSERT INTO effects (key, label) VALUES ($1, $2)", in->user_id, in->email);
    if (strcmp(in->email, "fail") == 0) return weft_retry(event, "not now");
    if (strcmp(in->email, "fail-once") == 0 && weft_event_attempt(event) == 1) return weft_retry(event, "not now");
    if (strcmp(in->email, "reject") == 0) return weft_reject(event, "never");
    if (strcmp(in->email, "twice") == 0) weft_exec(tx, "INSERT INTO names (name) VALUES ('taken')");
    if (strcmp(in->email, "fetch-fail") == 0) {
        weft_fetch(tx, &rows, "SELECT count(*) FROM effects");
        return weft_fail(event, WEFT_FAILED_PRECONDITION, "after a look");
    }
    if (strcmp(in->email, "emit") == 0)
        return user_v1_user_deleted_emit(tx, &(User__V1__UserDeleted){ .user_id = in->user_id });
    return WEFT_OK;
}

static struct weft_consumer_options options(void)
{
    static const struct weft_event_handler handler = { &user_v1_user_created_event, user_v1_user_created_trampoline,
                                                       (weft_handler)on_created, NULL };
    return (struct weft_consumer_options){ .service = "order-service",
                                           .group = "user-events",
                                           .queue = "order-service.user-events",
                                           .lanes = 2,
                                           .poll_ns = 5 * WEFT_SECOND,
                                           .retry = { .max_attempts = 3, .initial_ns = 20 * WEFT_MS },
                                           .handlers = &handler,
                                           .n_handlers = 1 };
}

static struct weft_consumer *start_on(struct weft_store *store, struct weft_transport *on,
                                      struct weft_consumer_options with)
{
    struct weft_fault fault = { 0 };
    struct weft_consumer *started;
    ck_assert_msg(weft_consumer_start(&with, store, NULL, on, &started, &fault) == WEFT_OK, "%s", fault.text);
    return started;
}

static void start(struct weft_consumer_options with)
{
    uint64_t before = stage_runs(stage);
    consumer = start_on(stage_store(stage), fake_transport_host(transport), with);
    /* Parked rows have been looked for, and will be again in 5 s: until then each run is a lane's. */
    eventually(with.broadcast || stage_runs(stage) > before);
}

static void start_ordered(void)
{
    struct weft_consumer_options with = options();
    with.ordered = true;
    start(with);
}

static void setup(void)
{
    for (int i = 0; i < 64; i++)
        snprintf(ids[i], sizeof ids[i], "018f2c5e-0000-7000-8000-%012d", i);
    stage = stage_new();
    transport = fake_transport_new();
}

static void teardown(void)
{
    weft_consumer_stop(consumer, weft_clock_ns() + WEFT_SECOND);
    fake_transport_free(transport);
    stage_free(stage);
}

static const char *id_of(int number)
{
    return ids[number];
}

static void deliver(int number, const char *key, const char *email)
{
    const struct fake_event event = { .id = id_of(number), .key = key, .email = email };
    fake_transport_deliver(transport, &event, 1);
}

static int64_t failed(const char *state)
{
    char sql[128];
    snprintf(sql, sizeof sql, "SELECT count(*) FROM weft_failed_event WHERE state = '%s'", state);
    return stage_int(stage, sql);
}

#define labels()   stage_texts(stage, "SELECT label FROM effects ORDER BY seq")
#define settled(n) eventually(fake_transport_settled(transport) == (n))

START_TEST(event_is_handled_and_acknowledged)
{
    start(options());
    deliver(1, "a", "one");
    settled(1);
    ck_assert_uint_eq(fake_transport_verdict(transport, 0), WEFT_VERDICT_ACK);
    ck_assert_str_eq(labels(), "one");
    ck_assert_str_eq(stage_texts(stage, "SELECT consumer_group FROM weft_inbox"), "user-events");
}
END_TEST

START_TEST(batch_is_one_transaction_and_one_round_trip)
{
    struct weft_consumer_options with = options();
    with.lanes = 1;
    start(with);
    uint64_t before = stage_runs(stage);
    __atomic_store_n(&slow, true, __ATOMIC_RELAXED);
    deliver(0, "a", "first");
    eventually(__atomic_load_n(&runs, __ATOMIC_RELAXED) == 1);
    struct fake_event events[50];
    char keys[50][8];
    for (int i = 0; i < 50; i++) {
        snprintf(keys[i], sizeof keys[i], "k%d", i);
        events[i] = (struct fake_event){ .id = id_of(i + 1), .key = keys[i], .email = "x" };
    }
    __atomic_store_n(&slow, false, __ATOMIC_RELAXED);
    fake_transport_deliver(transport, events, 50);
    settled(51);
    ck_assert_uint_eq(stage_runs(stage) - before, 2);
    ck_assert_uint_eq(weft_consumer_counters(consumer).batches, 2);
    ck_assert_uint_eq(weft_consumer_counters(consumer).handled, 51);
    ck_assert_int_eq(stage_int(stage, "SELECT count(*) FROM effects"), 51);
}
END_TEST

START_TEST(duplicate_changes_nothing)
{
    start(options());
    deliver(1, "a", "one");
    settled(1);
    deliver(1, "a", "one");
    const struct fake_event twins[] = { { .id = id_of(2), .key = "b", .email = "two" },
                                        { .id = id_of(2), .key = "b", .email = "two" } };
    fake_transport_deliver(transport, twins, 2);
    settled(4);
    ck_assert_int_eq(stage_int(stage, "SELECT count(*) FROM effects"), 2);
    ck_assert_uint_eq(weft_consumer_counters(consumer).duplicate, 2);
}
END_TEST

START_TEST(redelivery_after_a_crash_before_the_ack_changes_nothing)
{
    start(options());
    deliver(1, "a", "one");
    settled(1);
    const struct fake_event again = { .id = id_of(1), .key = "a", .email = "one", .flags = WEFT_DELIVERY_REDELIVERED };
    fake_transport_deliver(transport, &again, 1);
    settled(2);
    ck_assert_str_eq(labels(), "one");
    ck_assert_int_eq(stage_int(stage, "SELECT count(*) FROM weft_marker"), 0);
}
END_TEST

START_TEST(failing_event_is_parked_and_its_neighbours_commit)
{
    struct weft_consumer_options with = options();
    with.lanes = 1;
    with.retry.initial_ns = with.retry.most_ns = 3600 * WEFT_SECOND;
    start(with);
    const struct fake_event events[] = { { .id = id_of(1), .key = "a", .email = "before" },
                                         { .id = id_of(2), .key = "b", .email = "fail" },
                                         { .id = id_of(3), .key = "c", .email = "after" } };
    fake_transport_deliver(transport, events, 3);
    settled(3);
    ck_assert_str_eq(labels(), "before,after");
    ck_assert_str_eq(stage_texts(stage, "SELECT event_id FROM weft_failed_event"), id_of(2));
    ck_assert_str_eq(stage_texts(stage, "SELECT reason FROM weft_failed_event"), "RETRY: not now");
    ck_assert_int_eq(stage_int(stage, "SELECT count(*) FROM weft_inbox"), 3);
}
END_TEST

START_TEST(event_whose_statement_fails_at_the_commit_is_found_and_parked)
{
    struct weft_consumer_options with = options();
    with.lanes = 1;
    with.retry.initial_ns = with.retry.most_ns = 3600 * WEFT_SECOND;
    start(with);
    const struct fake_event events[] = { { .id = id_of(1), .key = "a", .email = "twice" },
                                         { .id = id_of(2), .key = "b", .email = "x" },
                                         { .id = id_of(3), .key = "c", .email = "twice" },
                                         { .id = id_of(4), .key = "d", .email = "fetch-fail" },
                                         { .id = id_of(5), .key = "e", .email = "y" } };
    fake_transport_deliver(transport, events, 5);
    settled(5);
    ck_assert_str_eq(labels(), "twice,x,y");
    ck_assert_str_eq(stage_texts(stage, "SELECT substr(event_id, 36) FROM weft_failed_event ORDER BY event_id"), "3,4");
    ck_assert_str_eq(stage_texts(stage, "SELECT attempts FROM weft_failed_event"), "1,1");
}
END_TEST

START_TEST(parked_event_is_handled_when_it_is_due)
{
    start(options());
    deliver(1, "a", "fail-once");
    settled(1);
    eventually(stage_int(stage, "SELECT count(*) FROM weft_failed_event") == 0);
    ck_assert_str_eq(labels(), "fail-once");
    ck_assert_int_eq(stage_int(stage, "SELECT count(*) FROM weft_marker"), 0);
    ck_assert_uint_eq(weft_consumer_counters(consumer).parked, 1);
    eventually(weft_consumer_counters(consumer).handled == 1);
}
END_TEST

START_TEST(event_out_of_attempts_is_dead)
{
    start(options());
    deliver(1, "a", "fail");
    eventually(failed("dead") == 1);
    ck_assert_uint_eq(__atomic_load_n(&runs, __ATOMIC_RELAXED), 3);
    ck_assert_int_eq(stage_int(stage, "SELECT attempts FROM weft_failed_event"), 3);
    ck_assert_str_eq(labels(), "");
}
END_TEST

START_TEST(rejected_and_undecodable_events_are_dead_at_once)
{
    start(options());
    deliver(1, "a", "reject");
    const struct fake_event damaged = { .id = id_of(2), .key = "b", .payload = "\x0a\x7f too short" };
    fake_transport_deliver(transport, &damaged, 1);
    settled(2);
    ck_assert_int_eq(failed("dead"), 2);
    ck_assert_str_eq(labels(), "");
}
END_TEST

START_TEST(event_of_an_unknown_type_is_acknowledged)
{
    start(options());
    const struct fake_event event = { .id = id_of(1), .key = "a", .email = "x", .type = "user.v1.Other" };
    fake_transport_deliver(transport, &event, 1);
    settled(1);
    ck_assert_uint_eq(weft_consumer_counters(consumer).unknown, 1);
    ck_assert_uint_eq(__atomic_load_n(&runs, __ATOMIC_RELAXED), 0);
}
END_TEST

START_TEST(event_without_id_is_handled)
{
    start(options());
    const struct fake_event event = { .key = "a", .email = "x" };
    fake_transport_deliver(transport, &event, 1);
    fake_transport_deliver(transport, &event, 1);
    settled(2);
    ck_assert_str_eq(labels(), "x,x");
    ck_assert_uint_eq(weft_consumer_counters(consumer).without_id, 2);
}
END_TEST

START_TEST(what_a_handler_emits_commits_with_its_effect)
{
    start(options());
    deliver(1, "a", "emit");
    settled(1);
    ck_assert_str_eq(stage_texts(stage, "SELECT type FROM weft_outbox"), "user.v1.UserDeleted");
    ck_assert_str_eq(stage_texts(stage, "SELECT causation_id FROM weft_outbox"), id_of(1));
    ck_assert_str_eq(stage_texts(stage, "SELECT correlation_id FROM weft_outbox"), "correlation");
}
END_TEST

START_TEST(ordered_group_parks_later_events_of_a_failing_key_behind_it)
{
    start_ordered();
    const struct fake_event events[] = { { .id = id_of(1), .key = "a", .email = "fail-once" },
                                         { .id = id_of(2), .key = "a", .email = "second" },
                                         { .id = id_of(3), .key = "b", .email = "other" } };
    fake_transport_deliver(transport, events, 3);
    deliver(4, "a", "third");
    settled(4);
    eventually(stage_int(stage, "SELECT count(*) FROM weft_failed_event") == 0);
    ck_assert_str_eq(stage_texts(stage, "SELECT label FROM effects WHERE key = 'a' ORDER BY seq"),
                     "fail-once,second,third");
}
END_TEST

START_TEST(ordered_group_goes_on_after_a_dead_event)
{
    start_ordered();
    deliver(1, "a", "reject");
    deliver(2, "a", "second");
    settled(2);
    ck_assert_str_eq(labels(), "second");
}
END_TEST

START_TEST(ordered_group_that_holds_stays_behind_a_dead_event)
{
    struct weft_consumer_options with = options();
    with.ordered = with.hold_on_dead = true;
    start(with);
    const struct fake_event events[] = { { .id = id_of(1), .key = "a", .email = "reject" },
                                         { .id = id_of(2), .key = "a", .email = "second" } };
    fake_transport_deliver(transport, events, 2);
    deliver(3, "a", "third");
    deliver(4, "b", "other");
    settled(4);
    ck_assert_str_eq(labels(), "other");
    ck_assert_int_eq(failed("parked"), 2);
}
END_TEST

START_TEST(store_that_is_away_keeps_the_deliveries)
{
    start(options());
    stage_fail(stage, WEFT_RC_UNAVAILABLE, 1000, false);
    deliver(1, "a", "one");
    eventually(weft_consumer_counters(consumer).paused > 2);
    ck_assert_uint_eq(fake_transport_settled(transport), 0);
    stage_fail(stage, WEFT_RC_OK, 0, false);
    settled(1);
    ck_assert_str_eq(labels(), "one");
    ck_assert_int_eq(stage_int(stage, "SELECT count(*) FROM weft_failed_event"), 0);
}
END_TEST

START_TEST(commit_of_unknown_outcome_is_found_in_the_inbox)
{
    struct weft_consumer_options with = options();
    with.lanes = 1;
    start(with);
    __atomic_store_n(&slow, true, __ATOMIC_RELAXED);
    deliver(1, "a", "one");
    eventually(__atomic_load_n(&runs, __ATOMIC_RELAXED) == 1);
    stage_fail(stage, WEFT_RC_MAYBE_SENT, 1, true);
    settled(1);
    ck_assert_str_eq(labels(), "one");
    ck_assert_uint_eq(weft_consumer_counters(consumer).duplicate, 1);
}
END_TEST

START_TEST(deadlock_is_no_attempt)
{
    start(options());
    stage_fail(stage, WEFT_RC_RETRY, 3, false);
    deliver(1, "a", "one");
    settled(1);
    ck_assert_str_eq(labels(), "one");
    ck_assert_uint_eq(weft_consumer_counters(consumer).parked, 0);
}
END_TEST

START_TEST(event_that_ended_the_process_three_times_is_dead)
{
    start(options());
    stage_texts(stage, "INSERT INTO weft_marker (consumer_group, event_id, count) VALUES"
                       " ('user-events', '018f2c5e-0000-7000-8000-000000000001', 3) RETURNING count");
    const struct fake_event events[] = {
        { .id = id_of(1), .key = "a", .email = "killer", .flags = WEFT_DELIVERY_REDELIVERED },
        { .id = id_of(2), .key = "a", .email = "neighbour", .flags = WEFT_DELIVERY_REDELIVERED }
    };
    fake_transport_deliver(transport, events, 2);
    settled(2);
    ck_assert_str_eq(labels(), "neighbour");
    ck_assert_int_eq(failed("dead"), 1);
    ck_assert_int_eq(stage_int(stage, "SELECT count(*) FROM weft_marker"), 0);
}
END_TEST

START_TEST(unordered_group_that_stops_finishes_its_batch_and_returns_the_rest)
{
    struct weft_consumer_options with = options();
    with.lanes = 1;
    with.batch = 1;
    start(with);
    __atomic_store_n(&slow, true, __ATOMIC_RELAXED);
    const struct fake_event events[] = { { .id = id_of(1), .key = "a", .email = "one" },
                                         { .id = id_of(2), .key = "a", .email = "two" },
                                         { .id = id_of(3), .key = "a", .email = "three" } };
    fake_transport_deliver(transport, events, 3);
    eventually(__atomic_load_n(&runs, __ATOMIC_RELAXED) == 1);
    weft_consumer_stop(consumer, weft_clock_ns() + WEFT_SECOND);
    consumer = NULL;
    ck_assert(!fake_transport_subscribed(transport));
    ck_assert_uint_eq(fake_transport_verdict(transport, 0), WEFT_VERDICT_ACK);
    ck_assert_uint_eq(fake_transport_verdict(transport, 1), WEFT_VERDICT_REQUEUE);
    ck_assert_uint_eq(fake_transport_verdict(transport, 2), WEFT_VERDICT_REQUEUE);
    ck_assert_str_eq(labels(), "one");
}
END_TEST

START_TEST(group_stops_while_the_store_is_away)
{
    start(options());
    stage_fail(stage, WEFT_RC_UNAVAILABLE, UINT32_MAX, false);
    deliver(1, "a", "one");
    eventually(weft_consumer_counters(consumer).paused > 1);
    weft_consumer_stop(consumer, weft_clock_ns() + WEFT_SECOND);
    consumer = NULL;
    ck_assert_uint_eq(fake_transport_verdict(transport, 0), WEFT_VERDICT_REQUEUE);
}
END_TEST

START_TEST(two_instances_handle_a_parked_event_once)
{
    struct weft_consumer *other = start_on(stage_store_again(stage), fake_transport_host(transport), options());
    start(options());
    for (int i = 0; i < 20; i++)
        deliver(i, "a", "fail-once");
    settled(20);
    eventually(stage_int(stage, "SELECT count(*) FROM weft_failed_event") == 0);
    ck_assert_int_eq(stage_int(stage, "SELECT count(*) FROM effects"), 20);
    weft_consumer_stop(other, weft_clock_ns() + WEFT_SECOND);
}
END_TEST

START_TEST(broadcast_group_uses_no_inbox)
{
    struct weft_consumer_options with = options();
    with.broadcast = true;
    start(with);
    deliver(1, "a", "one");
    deliver(1, "a", "one");
    deliver(2, "a", "fail");
    settled(3);
    ck_assert_str_eq(labels(), "one,one");
    ck_assert_int_eq(stage_int(stage, "SELECT count(*) FROM weft_inbox"), 0);
    ck_assert_int_eq(stage_int(stage, "SELECT count(*) FROM weft_failed_event"), 0);
}
END_TEST

TCase *consumer_case(void)
{
    TCase *tcase = tcase_create("consumer");
    tcase_set_timeout(tcase, 20);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, event_is_handled_and_acknowledged);
    tcase_add_test(tcase, batch_is_one_transaction_and_one_round_trip);
    tcase_add_test(tcase, duplicate_changes_nothing);
    tcase_add_test(tcase, redelivery_after_a_crash_before_the_ack_changes_nothing);
    tcase_add_test(tcase, failing_event_is_parked_and_its_neighbours_commit);
    tcase_add_test(tcase, event_whose_statement_fails_at_the_commit_is_found_and_parked);
    tcase_add_test(tcase, parked_event_is_handled_when_it_is_due);
    tcase_add_test(tcase, event_out_of_attempts_is_dead);
    tcase_add_test(tcase, rejected_and_undecodable_events_are_dead_at_once);
    tcase_add_test(tcase, event_of_an_unknown_type_is_acknowledged);
    tcase_add_test(tcase, event_without_id_is_handled);
    tcase_add_test(tcase, what_a_handler_emits_commits_with_its_effect);
    tcase_add_test(tcase, ordered_group_parks_later_events_of_a_failing_key_behind_it);
    tcase_add_test(tcase, ordered_group_goes_on_after_a_dead_event);
    tcase_add_test(tcase, ordered_group_that_holds_stays_behind_a_dead_event);
    tcase_add_test(tcase, store_that_is_away_keeps_the_deliveries);
    tcase_add_test(tcase, commit_of_unknown_outcome_is_found_in_the_inbox);
    tcase_add_test(tcase, deadlock_is_no_attempt);
    tcase_add_test(tcase, event_that_ended_the_process_three_times_is_dead);
    tcase_add_test(tcase, unordered_group_that_stops_finishes_its_batch_and_returns_the_rest);
    tcase_add_test(tcase, group_stops_while_the_store_is_away);
    tcase_add_test(tcase, two_instances_handle_a_parked_event_once);
    tcase_add_test(tcase, broadcast_group_uses_no_inbox);
    return tcase;
}
