/* The whole way: emitted in a transaction, relayed, handled, over the embedded store and transport. */
#include "base/clock.h"
#include "data/work.h"
#include "event/consumer/consumer.h"
#include "event/relay/relay.h"
#include "event_test.h"
#include "stage.h"
#include "user/v1/events.weft.h"

#include <stdio.h>
#include <stdlib.h>

static struct stage *stage;
static struct weft_transport *transport;
static struct weft_relay *relay;
static struct weft_consumer *consumer;

static weft_status on_created(weft_event *event, const User__V1__UserCreated *in, void *arg)
{
    (void)arg;
    weft_exec(weft_event_tx(event), "INSERT INTO effects (key, label) VALUES ($1, $2)", in->user_id, in->email);
    /* One in seven fails the first time. */
    if (atoi(in->email) % 7 == 0 && weft_event_attempt(event) == 1) return weft_retry(event, "the first time");
    return WEFT_OK;
}

static void consume(bool ordered)
{
    static const struct weft_event_handler handler = { &user_v1_user_created_event, user_v1_user_created_trampoline,
                                                       (weft_handler)on_created, NULL };
    const struct weft_consumer_options options = { .service = "order-service",
                                                   .group = "user-events",
                                                   .queue = "order-service.user-events",
                                                   .ordered = ordered,
                                                   .lanes = 4,
                                                   .retry = { .initial_ns = 5 * WEFT_MS },
                                                   .handlers = &handler,
                                                   .n_handlers = 1 };
    struct weft_fault fault = { 0 };
    ck_assert_int_eq(weft_consumer_start(&options, stage_store(stage), NULL, transport, &consumer, &fault), WEFT_OK);
}

static void setup_ordered(void)
{
    struct weft_fault fault = { 0 };
    const struct weft_relay_options options = { .instance = "test" };
    stage = stage_new();
    transport = stage_transport(stage, WEFT_QUEUE_ORDERED);
    ck_assert_int_eq(weft_relay_start(stage_store(stage), transport, &options, &relay, &fault), WEFT_OK);
    consume(true);
}

static void teardown(void)
{
    weft_consumer_stop(consumer, weft_clock_ns() + WEFT_SECOND);
    weft_relay_stop(relay, weft_clock_ns() + WEFT_SECOND);
    stage_free(stage);
}

static struct weft_work work_in(struct weft_arena *arena)
{
    return (struct weft_work){ .arena = arena,
                               .service = "order-service",
                               .store = stage_store(stage),
                               .deadline_ns = weft_clock_ns() + 10 * WEFT_SECOND,
                               .correlation_id = "corr" };
}

static void emit(int number, int keys)
{
    char key[16], label[16];
    snprintf(key, sizeof key, "k%d", number % keys);
    snprintf(label, sizeof label, "%d", number);
    struct weft_arena *arena = weft_arena_new(4096);
    struct weft_work work = work_in(arena);
    user_v1_user_created_emit(weft_call_tx(&work), &(User__V1__UserCreated){ .user_id = key, .email = label });
    ck_assert_int_eq(weft_work_finish(&work, WEFT_OK), WEFT_OK);
    weft_arena_free(arena);
}

START_TEST(every_event_takes_effect_once_and_in_order_of_its_key)
{
    for (int i = 1; i <= 300; i++)
        emit(i, 5);
    eventually(stage_int(stage, "SELECT count(*) FROM effects") == 300);
    eventually(stage_int(stage, "SELECT count(*) FROM weft_outbox") == 0);
    ck_assert_int_eq(stage_int(stage, "SELECT count(*) FROM effects a JOIN effects b ON a.key = b.key AND a.seq < b.seq"
                                      " AND CAST(a.label AS INTEGER) > CAST(b.label AS INTEGER)"),
                     0);
    ck_assert_int_eq(stage_int(stage, "SELECT count(*) FROM weft_failed_event"), 0);
}
END_TEST

START_TEST(consumer_that_stops_under_load_loses_nothing)
{
    for (int i = 1; i <= 100; i++)
        emit(i, 3);
    weft_consumer_stop(consumer, weft_clock_ns() + WEFT_SECOND);
    for (int i = 101; i <= 200; i++)
        emit(i, 3);
    consume(true);
    eventually(stage_int(stage, "SELECT count(*) FROM effects") == 200);
    ck_assert_int_eq(stage_int(stage, "SELECT count(*) FROM effects a JOIN effects b ON a.key = b.key AND a.seq < b.seq"
                                      " AND CAST(a.label AS INTEGER) > CAST(b.label AS INTEGER)"),
                     0);
}
END_TEST

START_TEST(scheduled_event_arrives_when_it_is_due_and_not_before)
{
    struct weft_arena *arena = weft_arena_new(4096);
    struct weft_work work = work_in(arena);
    int64_t now_ms = weft_clock_wall_us() / 1000;
    weft_tx *tx = weft_call_tx(&work);
    user_v1_user_created_emit_at(tx, &(User__V1__UserCreated){ .user_id = "k", .email = "3" }, now_ms + 600, NULL);
    user_v1_user_created_emit_at(tx, &(User__V1__UserCreated){ .user_id = "k", .email = "2" }, now_ms + 300, NULL);
    user_v1_user_created_emit_at(tx, &(User__V1__UserCreated){ .user_id = "k", .email = "9" }, now_ms + 3600000,
                                 "hour");
    user_v1_user_created_emit_at(tx, &(User__V1__UserCreated){ .user_id = "k", .email = "1" }, now_ms - 1, NULL);
    ck_assert_int_eq(weft_work_finish(&work, WEFT_OK), WEFT_OK);
    weft_arena_free(arena);
    eventually(stage_int(stage, "SELECT count(*) FROM effects") == 3);
    ck_assert_str_eq(stage_texts(stage, "SELECT label FROM effects ORDER BY seq"), "1,2,3");
    ck_assert_int_ge(weft_clock_wall_us() / 1000, now_ms + 600);
    ck_assert_str_eq(stage_texts(stage, "SELECT name FROM weft_scheduled"), "hour");
}
END_TEST

TCase *way_case(void)
{
    TCase *tcase = tcase_create("way");
    tcase_set_timeout(tcase, 20);
    tcase_add_checked_fixture(tcase, setup_ordered, teardown);
    tcase_add_test(tcase, every_event_takes_effect_once_and_in_order_of_its_key);
    tcase_add_test(tcase, consumer_that_stops_under_load_loses_nothing);
    tcase_add_test(tcase, scheduled_event_arrives_when_it_is_due_and_not_before);
    return tcase;
}
