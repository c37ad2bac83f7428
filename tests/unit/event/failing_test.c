/* Events that fail by what they are: too large, damaged, or under way when a process ended. */
#include "base/clock.h"
#include "event/consumer/consumer.h"
#include "event_test.h"
#include "fake_transport.h"
#include "stage.h"
#include "user/v1/events.weft.h"

#include <stdio.h>
#include <string.h>

#define FIRST  "018f2c5e-0000-7000-8000-000000000001"
#define SECOND "018f2c5e-0000-7000-8000-000000000002"

static struct stage *stage;
static struct fake_transport *transport;
static struct weft_consumer *consumer;
static bool looks; /* atomic: the handler notes the markers it sees */
static char marks[32];
static uint32_t runs; /* atomic */

/* By the event that runs first: "2,1" is the first event's marker and the second's. */
static void note_marks(weft_event *event)
{
    weft_rows *rows;
    if (marks[0] != '\0') return;
    weft_fetch(weft_event_tx(event), &rows, "SELECT count FROM weft_marker ORDER BY event_id");
    while (weft_next(rows))
        snprintf(marks + strlen(marks), sizeof marks - strlen(marks), "%s%s", marks[0] == '\0' ? "" : ",",
                 weft_get_text(rows, 0));
}

static weft_status on_created(weft_event *event, const User__V1__UserCreated *in, void *arg)
{
    (void)arg;
    __atomic_fetch_add(&runs, 1, __ATOMIC_RELAXED);
    if (__atomic_load_n(&looks, __ATOMIC_RELAXED)) note_marks(event);
    weft_exec(weft_event_tx(event), "INSERT INTO effects (key, label) VALUES ($1, $2)", in->user_id, in->email);
    return strcmp(in->email, "fail") == 0 ? weft_retry(event, "not \xff now") : WEFT_OK;
}

static void setup(void)
{
    static const struct weft_event_handler handler = { &user_v1_user_created_event, user_v1_user_created_trampoline,
                                                       (weft_handler)on_created, NULL };
    const struct weft_consumer_options options = { .service = "order-service",
                                                   .group = "user-events",
                                                   .queue = "order-service.user-events",
                                                   .poll_ns = 50 * WEFT_MS,
                                                   .retry = { .initial_ns = 3600 * WEFT_SECOND },
                                                   .handlers = &handler,
                                                   .n_handlers = 1 };
    struct weft_fault fault = { 0 };
    stage = stage_new();
    transport = fake_transport_new();
    ck_assert_int_eq(
        weft_consumer_start(&options, stage_store(stage), NULL, fake_transport_host(transport), &consumer, &fault),
        WEFT_OK);
}

static void teardown(void)
{
    weft_consumer_stop(consumer, weft_clock_ns() + WEFT_SECOND);
    fake_transport_free(transport);
    stage_free(stage);
}

static void mark(const char *values)
{
    char sql[256];
    snprintf(sql, sizeof sql, "INSERT INTO weft_marker (consumer_group, event_id, count) VALUES %s RETURNING count",
             values);
    stage_texts(stage, sql);
}

#define settled(n) eventually(fake_transport_settled(transport) == (n))
#define reason()   stage_texts(stage, "SELECT reason FROM weft_failed_event")

START_TEST(first_redelivery_marks_the_batch_once_and_runs_it_together)
{
    const struct fake_event events[] = {
        { .id = FIRST, .key = "a", .email = "x", .flags = WEFT_DELIVERY_REDELIVERED },
        { .id = SECOND, .key = "b", .email = "y", .flags = WEFT_DELIVERY_REDELIVERED }
    };
    __atomic_store_n(&looks, true, __ATOMIC_RELAXED);
    fake_transport_deliver(transport, events, 2);
    settled(2);
    ck_assert_str_eq(marks, "1,1");
    ck_assert_uint_eq(weft_consumer_counters(consumer).batches, 1);
    ck_assert_int_eq(stage_int(stage, "SELECT count(*) FROM weft_marker"), 0);
}
END_TEST

START_TEST(only_the_event_that_runs_is_marked_again)
{
    const struct fake_event events[] = {
        { .id = FIRST, .key = "a", .email = "x", .flags = WEFT_DELIVERY_REDELIVERED },
        { .id = SECOND, .key = "b", .email = "y", .flags = WEFT_DELIVERY_REDELIVERED }
    };
    mark("('user-events', '" FIRST "', 1), ('user-events', '" SECOND "', 1)");
    __atomic_store_n(&looks, true, __ATOMIC_RELAXED);
    fake_transport_deliver(transport, events, 2);
    settled(2);
    ck_assert_str_eq(marks, "2,1");
    ck_assert_uint_eq(weft_consumer_counters(consumer).batches, 2);
}
END_TEST

START_TEST(neighbour_of_an_event_that_ends_processes_is_spared)
{
    const struct fake_event events[] = {
        { .id = FIRST, .key = "a", .email = "x", .flags = WEFT_DELIVERY_REDELIVERED },
        { .id = SECOND, .key = "b", .email = "y", .flags = WEFT_DELIVERY_REDELIVERED }
    };
    mark("('user-events', '" FIRST "', 3), ('user-events', '" SECOND "', 1)");
    fake_transport_deliver(transport, events, 2);
    settled(2);
    ck_assert_str_eq(stage_texts(stage, "SELECT label FROM effects"), "y");
    ck_assert_str_eq(stage_texts(stage, "SELECT event_id FROM weft_failed_event WHERE state = 'dead'"), FIRST);
    ck_assert(strncmp(reason(), "crashed: ", 9) == 0);
    ck_assert_int_eq(stage_int(stage, "SELECT count(*) FROM weft_marker"), 0);
}
END_TEST

START_TEST(event_without_id_that_comes_again_is_marked_by_its_content)
{
    const struct fake_event event = { .key = "a", .email = "x", .flags = WEFT_DELIVERY_REDELIVERED };
    __atomic_store_n(&looks, true, __ATOMIC_RELAXED);
    fake_transport_deliver(transport, &event, 1);
    settled(1);
    ck_assert_str_eq(marks, "1");
    ck_assert_int_eq(stage_int(stage, "SELECT count(*) FROM weft_marker"), 0);
}
END_TEST

START_TEST(oversized_event_is_dead_with_size_digest_and_beginning)
{
    const struct weft_cut cut = { .payload_size = 17000000, .payload_sha256 = { 0xab } };
    const struct fake_event event = { .id = FIRST, .key = "a", .email = "begins so", .cut = &cut };
    fake_transport_deliver(transport, &event, 1);
    settled(1);
    ck_assert_uint_eq(__atomic_load_n(&runs, __ATOMIC_RELAXED), 0);
    ck_assert_str_eq(reason(), "oversized: its body has 17000000 bytes, at most 4194304 are read");
    ck_assert_int_eq(stage_int(stage, "SELECT full_size FROM weft_failed_event"), 17000000);
    ck_assert_str_eq(stage_texts(stage, "SELECT substr(hex(full_sha256), 1, 4) FROM weft_failed_event"), "AB00");
    ck_assert_int_gt(stage_int(stage, "SELECT length(payload) FROM weft_failed_event"), 0);
}
END_TEST

START_TEST(event_with_too_many_headers_is_dead_even_if_its_type_was_among_them)
{
    const struct weft_cut cut = { .payload_size = 20, .n_headers = 10000 };
    const struct fake_event event = { .id = FIRST, .email = "x", .type = "", .cut = &cut };
    fake_transport_deliver(transport, &event, 1);
    settled(1);
    ck_assert_str_eq(reason(), "oversized: it has 10000 headers, at most 1024 are read");
}
END_TEST

START_TEST(text_that_is_no_utf8_is_kept_with_replacements)
{
    const struct fake_event event = { .id = FIRST, .key = "a", .email = "fail", .note = "caf\xe9" };
    fake_transport_deliver(transport, &event, 1);
    settled(1);
    ck_assert_str_eq(reason(), "RETRY: not \xef\xbf\xbd now");
    ck_assert_ptr_nonnull(strstr(stage_texts(stage, "SELECT headers FROM weft_failed_event"), "caf\xef\xbf\xbd"));
}
END_TEST

START_TEST(replayed_event_is_taken_by_the_running_consumer)
{
    stage_texts(stage, "INSERT INTO weft_failed_event (consumer_group, event_id, state, attempts, due_at, reason, type,"
                       " topic, payload) VALUES ('user-events', '" FIRST "', 'dead', 10, 0, 'RETRY: no',"
                       " 'user.v1.UserCreated', 'user-events', x'0a0161120178') RETURNING seq");
    stage_texts(stage, "UPDATE weft_failed_event SET state = 'parked', attempts = 0 RETURNING seq");
    eventually(stage_int(stage, "SELECT count(*) FROM weft_failed_event") == 0);
    ck_assert_str_eq(stage_texts(stage, "SELECT label FROM effects"), "x");
}
END_TEST

TCase *failing_case(void)
{
    TCase *tcase = tcase_create("failing");
    tcase_set_timeout(tcase, 20);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, first_redelivery_marks_the_batch_once_and_runs_it_together);
    tcase_add_test(tcase, only_the_event_that_runs_is_marked_again);
    tcase_add_test(tcase, neighbour_of_an_event_that_ends_processes_is_spared);
    tcase_add_test(tcase, event_without_id_that_comes_again_is_marked_by_its_content);
    tcase_add_test(tcase, oversized_event_is_dead_with_size_digest_and_beginning);
    tcase_add_test(tcase, event_with_too_many_headers_is_dead_even_if_its_type_was_among_them);
    tcase_add_test(tcase, text_that_is_no_utf8_is_kept_with_replacements);
    tcase_add_test(tcase, replayed_event_is_taken_by_the_running_consumer);
    return tcase;
}
