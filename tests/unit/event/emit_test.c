#include "base/arena.h"
#include "base/clock.h"
#include "data/work.h"
#include "event/envelope.h"
#include "event/topics.h"
#include "event_test.h"
#include "stage.h"
#include "user/v1/events.weft.h"

#include <stdlib.h>
#include <string.h>

static struct stage *stage;
static struct weft_arena *arena;
static struct weft_work work;

static void setup(void)
{
    stage = stage_new();
    arena = weft_arena_new(4096);
    work = (struct weft_work){ .arena = arena,
                               .service = "order-service",
                               .store = stage_store(stage),
                               .deadline_ns = weft_clock_ns() + 10 * WEFT_SECOND,
                               .correlation_id = "corr",
                               .traceparent = "00-trace" };
}

static void teardown(void)
{
    weft_arena_free(arena);
    stage_free(stage);
}

static weft_status emit(const char *user_id, const char *email)
{
    weft_status status =
        user_v1_user_created_emit(weft_call_tx(&work), &(User__V1__UserCreated){ .user_id = (char *)(uintptr_t)user_id,
                                                                                 .email = (char *)(uintptr_t)email });
    return weft_work_finish(&work, status);
}

START_TEST(emitted_event_is_a_row_with_its_envelope)
{
    ck_assert_int_eq(emit("u1", "a@b"), WEFT_OK);
    ck_assert_str_eq(
        stage_texts(stage, "SELECT type || '|' || topic || '|' || routing_key || '|' || key || '|' || content_type"
                           " || '|' || correlation_id || '|' || traceparent FROM weft_outbox"),
        "user.v1.UserCreated|user-events|user.created|u1|application/x-protobuf|corr|00-trace");
    ck_assert_ptr_nonnull(strstr(stage_texts(stage, "SELECT schema FROM weft_outbox"), "weft:user.v1.UserCreated/1/"));
    ck_assert_int_eq(stage_int(stage, "SELECT hex(payload) = '0A0275311203614062' FROM weft_outbox"), 1);
}
END_TEST

START_TEST(event_without_key_makes_the_transaction_fail)
{
    weft_exec(weft_call_tx(&work), "INSERT INTO names (name) VALUES ('x')");
    ck_assert_int_eq(emit("", "a@b"), WEFT_INVALID_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(work.fault.text, "user_id is empty"));
    ck_assert_int_eq(stage_int(stage, "SELECT count(*) FROM names"), 0);
}
END_TEST

START_TEST(event_that_is_too_large_is_refused)
{
    size_t size = 2 << 20;
    char *email = malloc(size);
    memset(email, 'x', size - 1);
    email[size - 1] = '\0';
    ck_assert_int_eq(emit("u1", email), WEFT_INVALID_ARGUMENT);
    free(email);
    ck_assert_int_eq(stage_int(stage, "SELECT count(*) FROM weft_outbox"), 0);
}
END_TEST

START_TEST(event_with_invalid_text_is_refused)
{
    ck_assert_int_eq(emit("u1", "\xff"), WEFT_INVALID_ARGUMENT);
    ck_assert_int_eq(stage_int(stage, "SELECT count(*) FROM weft_outbox"), 0);
}
END_TEST

/* What was emitted into the outbox, read as a consumer would. */
static void read_back(const char *want_body)
{
    const char *body = stage_texts(stage, "SELECT CAST(payload AS TEXT) FROM weft_outbox");
    ck_assert_str_eq(body, want_body);
    struct weft_message message = { .content_type = "application/json", .payload = body, .payload_size = strlen(body) };
    struct weft_envelope envelope;
    struct weft_fault fault = { 0 };
    ProtobufCMessage *read;
    weft_envelope_read(arena, &message, &envelope);
    ck_assert_msg(weft_envelope_unpack(arena, &envelope, &message, &user_v1_user_created_event, &read, &fault) ==
                      WEFT_OK,
                  "%s", fault.text);
    ck_assert_str_eq(((const User__V1__UserCreated *)(const void *)read)->email, "a@b");
}

START_TEST(topic_may_have_json_bodies)
{
    static const struct weft_topic topic = { "user-events", WEFT_BODY_JSON, 0 };
    static const struct weft_topics topics = { &topic, 1 };
    stage_store(stage)->topics = &topics;
    ck_assert_int_eq(emit("u1", "a@b"), WEFT_OK);
    ck_assert_str_eq(stage_texts(stage, "SELECT content_type FROM weft_outbox"), "application/json");
    read_back("{\"userId\":\"u1\",\"email\":\"a@b\",\"name\":\"\"}");
}
END_TEST

START_TEST(topic_may_have_nestjs_bodies)
{
    static const struct weft_topic topic = { "user-events", WEFT_BODY_NESTJS, 0 };
    static const struct weft_topics topics = { &topic, 1 };
    stage_store(stage)->topics = &topics;
    ck_assert_int_eq(emit("u1", "a@b"), WEFT_OK);
    read_back("{\"pattern\":\"user.created\",\"data\":{\"userId\":\"u1\",\"email\":\"a@b\",\"name\":\"\"}}");
}
END_TEST

START_TEST(json_of_a_newer_contract_is_read)
{
    struct weft_fault fault = { 0 };
    ProtobufCMessage *read;
    static const char body[] = "{\"user_id\":\"u1\",\"email\":\"a@b\",\"phone\":{\"country\":[49]}}";
    const struct weft_message message = { .type = "user.v1.UserCreated",
                                          .payload = body,
                                          .payload_size = strlen(body) };
    struct weft_envelope envelope;
    weft_envelope_read(arena, &message, &envelope);
    ck_assert_int_eq(weft_envelope_unpack(arena, &envelope, &message, &user_v1_user_created_event, &read, &fault),
                     WEFT_OK);
}
END_TEST

static weft_status emit_at(const char *user_id, int64_t time_ms, const char *name)
{
    return user_v1_user_created_emit_at(
        weft_call_tx(&work), &(User__V1__UserCreated){ .user_id = (char *)(uintptr_t)user_id }, time_ms, name);
}

START_TEST(scheduled_event_waits_beside_the_outbox)
{
    ck_assert_int_eq(weft_work_finish(&work, emit_at("u1", 1700000000000, "reminder")), WEFT_OK);
    ck_assert_int_eq(stage_int(stage, "SELECT count(*) FROM weft_outbox"), 0);
    ck_assert_str_eq(stage_texts(stage,
                                 "SELECT name || '|' || due_at || '|' || occurred_at || '|' || type || '|' || key"
                                 " || '|' || correlation_id FROM weft_scheduled"),
                     "reminder|1700000000000000|1700000000000000|user.v1.UserCreated|u1|corr");
}
END_TEST

START_TEST(scheduled_event_of_a_transaction_that_fails_is_none)
{
    emit_at("u1", 1700000000000, NULL);
    weft_work_finish(&work, WEFT_ABORTED);
    ck_assert_int_eq(stage_int(stage, "SELECT count(*) FROM weft_scheduled"), 0);
}
END_TEST

START_TEST(name_that_is_scheduled_again_is_replaced_and_cancelled_in_order)
{
    emit_at("u1", 1700000000000, "a");
    emit_at("u2", 1800000000000, "a");
    emit_at("u3", 1700000000000, "b");
    weft_emit_cancel(weft_call_tx(&work), "b");
    weft_emit_cancel(weft_call_tx(&work), "never there");
    ck_assert_int_eq(weft_work_finish(&work, WEFT_OK), WEFT_OK);
    ck_assert_str_eq(stage_texts(stage, "SELECT key FROM weft_scheduled"), "u2");
}
END_TEST

START_TEST(time_or_name_that_cannot_be_makes_the_transaction_fail)
{
    ck_assert_int_eq(emit_at("u1", -1, NULL), WEFT_INVALID_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(weft_tx_fault(weft_call_tx(&work))->text, "at -1"));
    weft_work_finish(&work, WEFT_OK);
    ck_assert_int_eq(stage_int(stage, "SELECT count(*) FROM weft_scheduled"), 0);
}
END_TEST

TCase *emit_case(void)
{
    TCase *tcase = tcase_create("emit");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, emitted_event_is_a_row_with_its_envelope);
    tcase_add_test(tcase, event_without_key_makes_the_transaction_fail);
    tcase_add_test(tcase, event_that_is_too_large_is_refused);
    tcase_add_test(tcase, event_with_invalid_text_is_refused);
    tcase_add_test(tcase, topic_may_have_json_bodies);
    tcase_add_test(tcase, topic_may_have_nestjs_bodies);
    tcase_add_test(tcase, json_of_a_newer_contract_is_read);
    tcase_add_test(tcase, scheduled_event_waits_beside_the_outbox);
    tcase_add_test(tcase, scheduled_event_of_a_transaction_that_fails_is_none);
    tcase_add_test(tcase, name_that_is_scheduled_again_is_replaced_and_cancelled_in_order);
    tcase_add_test(tcase, time_or_name_that_cannot_be_makes_the_transaction_fail);
    return tcase;
}
