/* Single calls: what goes in and what comes out. */
#include "rig.h"

#include <google/rpc/error_details.pb-c.h>
#include <google/rpc/status.pb-c.h>
#include <stdlib.h>
#include <string.h>

#define ECHO "/test.v1.EchoService/Echo"
#define FAIL "/test.v1.EchoService/Fail"

static struct rig *rig;

static void setup(void)
{
    rig = rig_start(NULL);
}

static void teardown(void)
{
    rig_stop(rig);
}

static Test__V1__EchoResponse *echo_read(const struct weft_channel_reply *reply)
{
    Test__V1__EchoResponse *response = test__v1__echo_response__unpack(NULL, reply->size, reply->message);
    ck_assert_ptr_nonnull(response);
    return response;
}

static Test__V1__EchoResponse *echo_with(const char *const *metadata)
{
    struct weft_channel_reply reply;
    struct weft_fault fault;
    const struct weft_channel_request request = {
        .path = ECHO, .metadata = metadata, .deadline_ns = weft_clock_ns() + 10 * WEFT_SECOND, .message = "", .size = 0
    };
    ck_assert_int_eq(weft_channel_call(rig->channel, &request, &reply, &fault), WEFT_OK);
    Test__V1__EchoResponse *response = echo_read(&reply);
    weft_channel_reply_free(&reply);
    return response;
}

START_TEST(call_gives_the_bytes_back_of_any_size)
{
    static const size_t sizes[] = { 0, 1, 1000, 70000, 3 << 20 };
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        Test__V1__EchoRequest request = TEST__V1__ECHO_REQUEST__INIT;
        request.text = (char[]){ "hello" };
        request.data = (ProtobufCBinaryData){ sizes[i], malloc(sizes[i] + 1) };
        for (size_t k = 0; k < sizes[i]; k++)
            request.data.data[k] = (uint8_t)(k * 31);
        struct weft_channel_reply reply;
        struct weft_fault fault;
        weft_status status = rig_call_message(rig, ECHO, &request.base, &reply, &fault);
        ck_assert_msg(status == WEFT_OK, "%s", fault.text);
        Test__V1__EchoResponse *response = echo_read(&reply);
        ck_assert_str_eq(response->text, "hello");
        ck_assert_uint_eq(response->data.len, sizes[i]);
        ck_assert(memcmp(response->data.data != NULL ? response->data.data : (uint8_t *)"", request.data.data,
                         sizes[i]) == 0);
        test__v1__echo_response__free_unpacked(response, NULL);
        weft_channel_reply_free(&reply);
        free(request.data.data);
    }
}
END_TEST

START_TEST(call_takes_over_a_good_correlation_id_and_replaces_a_bad_one)
{
    Test__V1__EchoResponse *good = echo_with((const char *const[]){ "x-correlation-id", "abc-1", "x-test", "7", NULL });
    ck_assert_str_eq(good->correlation_id, "abc-1");
    ck_assert_str_eq(good->metadata, "7");
    test__v1__echo_response__free_unpacked(good, NULL);
    Test__V1__EchoResponse *bad = echo_with((const char *const[]){ "x-correlation-id", "two words", NULL });
    ck_assert(weft_is_uuid(bad->correlation_id));
    test__v1__echo_response__free_unpacked(bad, NULL);
}
END_TEST

START_TEST(call_takes_over_a_trace_that_is_one)
{
    const char *trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    Test__V1__EchoResponse *good = echo_with((const char *const[]){ "traceparent", trace, NULL });
    ck_assert_str_eq(good->traceparent, trace);
    test__v1__echo_response__free_unpacked(good, NULL);
    Test__V1__EchoResponse *bad = echo_with((const char *const[]){ "traceparent", "00-short", NULL });
    ck_assert_str_eq(bad->traceparent, "");
    test__v1__echo_response__free_unpacked(bad, NULL);
}
END_TEST

START_TEST(call_without_a_deadline_gets_the_hosts)
{
    struct weft_channel_reply reply;
    struct weft_fault fault;
    const struct weft_channel_request request = { .path = ECHO, .deadline_ns = WEFT_NEVER, .message = "" };
    ck_assert_int_eq(weft_channel_call(rig->channel, &request, &reply, &fault), WEFT_OK);
    Test__V1__EchoResponse *response = echo_read(&reply);
    ck_assert_int_gt(response->left_ms, 25000);
    ck_assert_int_le(response->left_ms, 30000);
    test__v1__echo_response__free_unpacked(response, NULL);
    weft_channel_reply_free(&reply);
    Test__V1__EchoResponse *given = echo_with(NULL);
    ck_assert_int_gt(given->left_ms, 5000);
    ck_assert_int_le(given->left_ms, 10500); /* gRPC rounds a timeout up as it goes over the wire */
    test__v1__echo_response__free_unpacked(given, NULL);
}
END_TEST

START_TEST(call_fails_with_the_handlers_code_and_text)
{
    for (int code = 1; code <= 16; code++) {
        Test__V1__FailRequest request = TEST__V1__FAIL_REQUEST__INIT;
        request.code = code;
        request.text = (char[]){ "a text, with \xc3\xa4 and %" };
        struct weft_channel_reply reply;
        struct weft_fault fault;
        ck_assert_int_eq(rig_call_message(rig, FAIL, &request.base, &reply, &fault), code);
        ck_assert_str_eq(fault.text, request.text);
        ck_assert_ptr_null(reply.message);
        weft_channel_reply_free(&reply);
    }
}
END_TEST

START_TEST(call_turns_a_code_that_is_none_into_internal)
{
    Test__V1__FailRequest request = TEST__V1__FAIL_REQUEST__INIT;
    request.code = WEFT_RETRY;
    struct weft_channel_reply reply;
    struct weft_fault fault;
    weft_status status = rig_call_message(rig, FAIL, &request.base, &reply, &fault);
    ck_assert_msg(status == WEFT_INTERNAL || status == WEFT_UNKNOWN, "%s", weft_status_name(status));
    weft_channel_reply_free(&reply);
}
END_TEST

static const struct weft_channel_metadata *trailer_find(const struct weft_channel_reply *reply, const char *name)
{
    for (size_t i = 0; i < reply->n_trailers; i++)
        if (strcmp(reply->trailers[i].name, name) == 0) return &reply->trailers[i];
    return NULL;
}

START_TEST(call_names_bad_fields_in_the_status_details)
{
    char *fields[] = { (char[]){ "email" }, (char[]){ "name" } };
    Test__V1__FailRequest request = TEST__V1__FAIL_REQUEST__INIT;
    request.fields = fields;
    request.n_fields = 2;
    struct weft_channel_reply reply;
    struct weft_fault fault;
    ck_assert_int_eq(rig_call_message(rig, FAIL, &request.base, &reply, &fault), WEFT_INVALID_ARGUMENT);
    const struct weft_channel_metadata *trailer = trailer_find(&reply, "grpc-status-details-bin");
    ck_assert_ptr_nonnull(trailer);
    Google__Rpc__Status *status = google__rpc__status__unpack(NULL, trailer->size, (const uint8_t *)trailer->value);
    ck_assert_ptr_nonnull(status);
    ck_assert_int_eq(status->code, WEFT_INVALID_ARGUMENT);
    ck_assert_str_eq(status->message, fault.text);
    ck_assert_uint_eq(status->n_details, 1);
    ck_assert_str_eq(status->details[0]->type_url, "type.googleapis.com/google.rpc.BadRequest");
    Google__Rpc__BadRequest *bad =
        google__rpc__bad_request__unpack(NULL, status->details[0]->value.len, status->details[0]->value.data);
    ck_assert_uint_eq(bad->n_field_violations, 2);
    ck_assert_str_eq(bad->field_violations[0]->field, "email");
    ck_assert_str_eq(bad->field_violations[1]->description, "is bad");
    google__rpc__bad_request__free_unpacked(bad, NULL);
    google__rpc__status__free_unpacked(status, NULL);
    weft_channel_reply_free(&reply);
}
END_TEST

START_TEST(call_bounds_the_status_details)
{
    enum { MANY = 2000 };
    char name[] = "a_field_with_a_name", *fields[MANY];
    for (int i = 0; i < MANY; i++)
        fields[i] = name;
    Test__V1__FailRequest request = TEST__V1__FAIL_REQUEST__INIT;
    request.fields = fields;
    request.n_fields = MANY;
    struct weft_channel_reply reply;
    struct weft_fault fault;
    ck_assert_int_eq(rig_call_message(rig, FAIL, &request.base, &reply, &fault), WEFT_INVALID_ARGUMENT);
    const struct weft_channel_metadata *trailer = trailer_find(&reply, "grpc-status-details-bin");
    ck_assert_ptr_nonnull(trailer);
    ck_assert_uint_le(trailer->size, 6000);
    weft_channel_reply_free(&reply);
}
END_TEST

START_TEST(call_with_an_answer_that_cannot_be_sent_is_internal)
{
    Test__V1__FailRequest request = TEST__V1__FAIL_REQUEST__INIT;
    request.bad_answer = true;
    struct weft_channel_reply reply;
    struct weft_fault fault;
    ck_assert_int_eq(rig_call_message(rig, FAIL, &request.base, &reply, &fault), WEFT_INTERNAL);
    weft_channel_reply_free(&reply);
}
END_TEST

START_TEST(call_of_an_unknown_method_is_unimplemented)
{
    struct weft_channel_reply reply;
    struct weft_fault fault;
    ck_assert_int_eq(rig_call(rig, "/test.v1.EchoService/Nothing", "", 0, &reply, &fault), WEFT_UNIMPLEMENTED);
    ck_assert_str_eq(fault.text, "unknown method '/test.v1.EchoService/Nothing'");
    weft_channel_reply_free(&reply);
}
END_TEST

START_TEST(call_with_bytes_that_are_no_message_is_invalid)
{
    static const uint8_t bad[][4] = { { 0x0A, 0xFF }, { 0x0A, 0x02, 0xC3, 0x28 }, { 0x07 }, { 0x0A, 0x01, 0x00 } };
    static const size_t sizes[] = { 2, 4, 1, 3 };
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct weft_channel_reply reply;
        struct weft_fault fault;
        ck_assert_int_eq(rig_call(rig, ECHO, bad[i], sizes[i], &reply, &fault), WEFT_INVALID_ARGUMENT);
        weft_channel_reply_free(&reply);
    }
}
END_TEST

START_TEST(call_with_too_large_a_message_is_exhausted)
{
    size_t size = (4 << 20) + 1;
    void *bytes = calloc(1, size);
    struct weft_channel_reply reply;
    struct weft_fault fault;
    ck_assert_int_eq(rig_call(rig, ECHO, bytes, size, &reply, &fault), WEFT_RESOURCE_EXHAUSTED);
    weft_channel_reply_free(&reply);
    free(bytes);
}
END_TEST

/* Node inside node, each with its length: written from the inside. */
static size_t deep_message(uint8_t *end, unsigned depth)
{
    size_t size = 0;
    for (unsigned i = 0; i < depth; i++) {
        uint8_t length[8];
        size_t n = 0;
        for (size_t left = size; n == 0 || left > 0; left >>= 7)
            length[n++] = (uint8_t)((left & 0x7F) | (left > 0x7F ? 0x80 : 0));
        size += n;
        memcpy(end - size, length, n);
        *(end - ++size) = i + 1 == depth ? 0x1A : 0x0A;
    }
    return size;
}

START_TEST(call_with_a_message_100000_deep_is_invalid)
{
    size_t room = 1 << 20;
    uint8_t *bytes = malloc(room);
    size_t size = deep_message(bytes + room, 100000);
    struct weft_channel_reply reply;
    struct weft_fault fault;
    ck_assert_int_eq(rig_call(rig, ECHO, bytes + room - size, size, &reply, &fault), WEFT_INVALID_ARGUMENT);
    weft_channel_reply_free(&reply);
    free(bytes);
}
END_TEST

START_TEST(call_without_a_message_is_invalid)
{
    const struct weft_channel_request request = { .path = ECHO, .deadline_ns = weft_clock_ns() + 10 * WEFT_SECOND };
    struct weft_stream *stream;
    struct weft_channel_reply reply;
    struct weft_fault fault;
    ck_assert_int_eq(weft_stream_open(rig->channel, &request, &stream, &fault), WEFT_OK);
    weft_stream_send_end(stream, &fault);
    ck_assert_int_eq(weft_stream_receive(stream, &reply, &fault), WEFT_INVALID_ARGUMENT);
    weft_channel_reply_free(&reply);
    weft_stream_close(stream);
}
END_TEST

START_TEST(call_ends_at_its_deadline_for_the_client)
{
    const struct weft_channel_request request = { .path = "/test.v1.EchoService/Block",
                                                  .deadline_ns = weft_clock_ns() + 100 * WEFT_MS,
                                                  .message = "" };
    struct weft_channel_reply reply;
    struct weft_fault fault;
    ck_assert_int_eq(weft_channel_call(rig->channel, &request, &reply, &fault), WEFT_DEADLINE_EXCEEDED);
    weft_channel_reply_free(&reply);
    rig_open_gate(rig);
}
END_TEST

TCase *call_case(void)
{
    TCase *tcase = tcase_create("call");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 30);
    tcase_add_test(tcase, call_gives_the_bytes_back_of_any_size);
    tcase_add_test(tcase, call_takes_over_a_good_correlation_id_and_replaces_a_bad_one);
    tcase_add_test(tcase, call_takes_over_a_trace_that_is_one);
    tcase_add_test(tcase, call_without_a_deadline_gets_the_hosts);
    tcase_add_test(tcase, call_fails_with_the_handlers_code_and_text);
    tcase_add_test(tcase, call_turns_a_code_that_is_none_into_internal);
    tcase_add_test(tcase, call_names_bad_fields_in_the_status_details);
    tcase_add_test(tcase, call_bounds_the_status_details);
    tcase_add_test(tcase, call_with_an_answer_that_cannot_be_sent_is_internal);
    tcase_add_test(tcase, call_of_an_unknown_method_is_unimplemented);
    tcase_add_test(tcase, call_with_bytes_that_are_no_message_is_invalid);
    tcase_add_test(tcase, call_with_too_large_a_message_is_exhausted);
    tcase_add_test(tcase, call_with_a_message_100000_deep_is_invalid);
    tcase_add_test(tcase, call_without_a_message_is_invalid);
    tcase_add_test(tcase, call_ends_at_its_deadline_for_the_client);
    return tcase;
}
