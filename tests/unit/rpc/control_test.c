/* Health and reflection. */
#include "rig.h"

#include "base/memory.h"
#include <google/protobuf/descriptor.pb-c.h>
#include <grpc/health/v1/health.pb-c.h>
#include <grpc/reflection/v1/reflection.pb-c.h>
#include <stdlib.h>
#include <string.h>

#define CHECK "/grpc.health.v1.Health/Check"
#define WATCH "/grpc.health.v1.Health/Watch"

static struct rig *rig;

static void setup(void)
{
    rig = rig_start(NULL);
}

static void teardown(void)
{
    rig_stop(rig);
}

/* ---- health ------------------------------------------------------------------------------------------------------ */

static int health_read(const struct weft_channel_reply *reply)
{
    Grpc__Health__V1__HealthCheckResponse *response =
        grpc__health__v1__health_check_response__unpack(NULL, reply->size, reply->message);
    ck_assert_ptr_nonnull(response);
    int status = (int)response->status;
    grpc__health__v1__health_check_response__free_unpacked(response, NULL);
    return status;
}

static weft_status check(const char *service, int *ret_health)
{
    Grpc__Health__V1__HealthCheckRequest request = GRPC__HEALTH__V1__HEALTH_CHECK_REQUEST__INIT;
    char name[64];
    request.service = strcpy(name, service);
    struct weft_channel_reply reply;
    struct weft_fault fault;
    weft_status status = rig_call_message(rig, CHECK, &request.base, &reply, &fault);
    if (status == WEFT_OK) *ret_health = health_read(&reply);
    weft_channel_reply_free(&reply);
    return status;
}

START_TEST(health_check_knows_the_host_and_its_services_and_no_others)
{
    int health = -1;
    ck_assert_int_eq(check("", &health), WEFT_OK);
    ck_assert_int_eq(health, 1);
    ck_assert_int_eq(check("test.v1.EchoService", &health), WEFT_OK);
    ck_assert_int_eq(health, 1);
    ck_assert_int_eq(check("grpc.health.v1.Health", &health), WEFT_OK);
    ck_assert_int_eq(check("nobody", &health), WEFT_NOT_FOUND);
    weft_rpc_server_serving(rig->server, false);
    ck_assert_int_eq(check("test.v1.EchoService", &health), WEFT_OK);
    ck_assert_int_eq(health, 2);
}
END_TEST

static struct weft_stream *stream_open(const char *path)
{
    const struct weft_channel_request request = { .path = path, .deadline_ns = weft_clock_ns() + 10 * WEFT_SECOND };
    struct weft_stream *stream;
    struct weft_fault fault;
    ck_assert_int_eq(weft_stream_open(rig->channel, &request, &stream, &fault), WEFT_OK);
    return stream;
}

static struct weft_stream *watch(const char *bytes, size_t size)
{
    struct weft_fault fault;
    struct weft_stream *stream = stream_open(WATCH);
    ck_assert_int_eq(weft_stream_send(stream, bytes, size, &fault), WEFT_OK);
    ck_assert_int_eq(weft_stream_send_end(stream, &fault), WEFT_OK);
    return stream;
}

static int watch_next(struct weft_stream *stream)
{
    struct weft_channel_reply reply;
    struct weft_fault fault;
    ck_assert_int_eq(weft_stream_receive(stream, &reply, &fault), WEFT_OK);
    ck_assert_ptr_nonnull(reply.message);
    int health = health_read(&reply);
    weft_channel_reply_free(&reply);
    return health;
}

START_TEST(health_watch_tells_at_once_then_each_change)
{
    struct weft_stream *stream = watch("", 0);
    ck_assert_int_eq(watch_next(stream), 1);
    weft_rpc_server_serving(rig->server, true); /* no news */
    weft_rpc_server_serving(rig->server, false);
    ck_assert_int_eq(watch_next(stream), 2);
    weft_rpc_server_serving(rig->server, true);
    ck_assert_int_eq(watch_next(stream), 1);
    weft_stream_close(stream);
}
END_TEST

START_TEST(health_watch_of_an_unknown_service_stays_open)
{
    struct weft_stream *stream = watch("\x0a\x06nobody", 8);
    ck_assert_int_eq(watch_next(stream), 3);
    weft_rpc_server_drain(rig->server, weft_clock_ns() + 5 * WEFT_SECOND); /* which ends it */
    struct weft_channel_reply reply;
    struct weft_fault fault;
    ck_assert_int_eq(weft_stream_receive(stream, &reply, &fault), WEFT_UNAVAILABLE);
    weft_channel_reply_free(&reply);
    weft_stream_close(stream);
}
END_TEST

START_TEST(health_watch_ends_with_the_server)
{
    struct weft_stream *stream = watch("", 0);
    ck_assert_int_eq(watch_next(stream), 1);
    weft_rpc_server_drain(rig->server, weft_clock_ns() + 5 * WEFT_SECOND);
    struct weft_channel_reply reply;
    struct weft_fault fault;
    weft_status status = weft_stream_receive(stream, &reply, &fault);
    if (status == WEFT_OK && reply.message != NULL) { /* NOT_SERVING, if it was quick */
        ck_assert_int_eq(health_read(&reply), 2);
        weft_channel_reply_free(&reply);
        status = weft_stream_receive(stream, &reply, &fault);
    }
    ck_assert_int_eq(status, WEFT_UNAVAILABLE);
    weft_channel_reply_free(&reply);
    weft_stream_close(stream);
}
END_TEST

/* ---- reflection -------------------------------------------------------------------------------------------------- */

static const char *const reflections[] = { "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
                                           "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo" };

typedef Grpc__Reflection__V1__ServerReflectionRequest reflection_request;
typedef Grpc__Reflection__V1__ServerReflectionResponse reflection_response;
#define REQUEST(kind)  GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_##kind
#define RESPONSE(kind) GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_##kind

static reflection_response *ask(struct weft_stream *stream, const reflection_request *request)
{
    uint8_t bytes[256];
    struct weft_channel_reply reply;
    struct weft_fault fault;
    size_t size = grpc__reflection__v1__server_reflection_request__pack(request, bytes);
    ck_assert_int_eq(weft_stream_send(stream, bytes, size, &fault), WEFT_OK);
    ck_assert_int_eq(weft_stream_receive(stream, &reply, &fault), WEFT_OK);
    ck_assert_ptr_nonnull(reply.message);
    reflection_response *response =
        grpc__reflection__v1__server_reflection_response__unpack(NULL, reply.size, reply.message);
    ck_assert_ptr_nonnull(response);
    ck_assert_str_eq(response->valid_host, "here");
    ck_assert_int_eq(response->original_request->message_request_case, request->message_request_case);
    weft_channel_reply_free(&reply);
    return response;
}

static reflection_response *ask_text(struct weft_stream *stream, int kind, const char *text)
{
    char copy[128];
    reflection_request request = GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__INIT;
    request.host = (char[]){ "here" };
    request.message_request_case = (Grpc__Reflection__V1__ServerReflectionRequest__MessageRequestCase)kind;
    request.file_by_filename = strcpy(copy, text); /* all texts of the oneof share a place */
    return ask(stream, &request);
}

static reflection_response *ask_extension(struct weft_stream *stream, const char *type, int number)
{
    char copy[128];
    Grpc__Reflection__V1__ExtensionRequest extension = GRPC__REFLECTION__V1__EXTENSION_REQUEST__INIT;
    extension.containing_type = strcpy(copy, type);
    extension.extension_number = number;
    reflection_request request = GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__INIT;
    request.host = (char[]){ "here" };
    request.message_request_case = REQUEST(FILE_CONTAINING_EXTENSION);
    request.file_containing_extension = &extension;
    return ask(stream, &request);
}

static void answer_free(reflection_response *response)
{
    grpc__reflection__v1__server_reflection_response__free_unpacked(response, NULL);
}

/* Is this file in the answer? */
static bool answer_has_file(const reflection_response *response, const char *name)
{
    if (response->message_response_case != RESPONSE(FILE_DESCRIPTOR_RESPONSE)) return false;
    bool found = false;
    for (size_t i = 0; i < response->file_descriptor_response->n_file_descriptor_proto; i++) {
        ProtobufCBinaryData bytes = response->file_descriptor_response->file_descriptor_proto[i];
        Google__Protobuf__FileDescriptorProto *file =
            google__protobuf__file_descriptor_proto__unpack(NULL, bytes.len, bytes.data);
        ck_assert_ptr_nonnull(file);
        found = found || strcmp(file->name, name) == 0;
        google__protobuf__file_descriptor_proto__free_unpacked(file, NULL);
    }
    return found;
}

START_TEST(reflection_lists_services)
{
    struct weft_stream *stream = stream_open(reflections[_i]);
    reflection_response *response = ask_text(stream, REQUEST(LIST_SERVICES), "*");
    ck_assert_int_eq(response->message_response_case, RESPONSE(LIST_SERVICES_RESPONSE));
    static const char *const wanted[] = { "test.v1.EchoService", "grpc.health.v1.Health",
                                          "grpc.reflection.v1.ServerReflection",
                                          "grpc.reflection.v1alpha.ServerReflection" };
    ck_assert_uint_eq(response->list_services_response->n_service, 4);
    for (size_t i = 0; i < 4; i++)
        ck_assert_str_eq(response->list_services_response->service[i]->name, wanted[i]);
    answer_free(response);
    weft_stream_close(stream);
}
END_TEST

START_TEST(reflection_finds_files_by_name_and_symbol_with_their_imports)
{
    static const struct {
        int kind;
        const char *text, *file;
    } cases[] = {
        { REQUEST(FILE_BY_FILENAME), "test/v1/echo.proto", "test/v1/echo.proto" },
        { REQUEST(FILE_BY_FILENAME), "test/v1/echo.proto", "google/protobuf/descriptor.proto" },
        { REQUEST(FILE_CONTAINING_SYMBOL), "test.v1.EchoService", "test/v1/echo.proto" },
        { REQUEST(FILE_CONTAINING_SYMBOL), "test.v1.EchoService.Echo", "test/v1/echo.proto" },
        { REQUEST(FILE_CONTAINING_SYMBOL), "test.v1.EchoRequest", "test/v1/echo.proto" },
        { REQUEST(FILE_CONTAINING_SYMBOL), "grpc.health.v1.Health", "grpc/health/v1/health.proto" },
    };
    struct weft_stream *stream = stream_open(reflections[_i]);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        reflection_response *response = ask_text(stream, cases[i].kind, cases[i].text);
        ck_assert_msg(answer_has_file(response, cases[i].file), "%s", cases[i].text);
        answer_free(response);
    }
    weft_stream_close(stream);
}
END_TEST

START_TEST(reflection_finds_extensions)
{
    struct weft_stream *stream = stream_open(reflections[_i]);
    reflection_response *numbers =
        ask_text(stream, REQUEST(ALL_EXTENSION_NUMBERS_OF_TYPE), "google.protobuf.FieldOptions");
    ck_assert_int_eq(numbers->message_response_case, RESPONSE(ALL_EXTENSION_NUMBERS_RESPONSE));
    ck_assert_uint_ge(numbers->all_extension_numbers_response->n_extension_number, 1);
    int number = numbers->all_extension_numbers_response->extension_number[0];
    reflection_response *file = ask_extension(stream, "google.protobuf.FieldOptions", number);
    ck_assert(answer_has_file(file, "weft/options.proto"));
    answer_free(numbers);
    answer_free(file);
    weft_stream_close(stream);
}
END_TEST

START_TEST(reflection_answers_an_error_to_the_unknown_and_goes_on)
{
    struct weft_stream *stream = stream_open(reflections[_i]);
    static const int kinds[] = { REQUEST(FILE_BY_FILENAME), REQUEST(FILE_CONTAINING_SYMBOL),
                                 REQUEST(ALL_EXTENSION_NUMBERS_OF_TYPE) };
    for (size_t i = 0; i < 3; i++) {
        reflection_response *response = ask_text(stream, kinds[i], "no.such.thing");
        ck_assert_int_eq(response->message_response_case, RESPONSE(ERROR_RESPONSE));
        ck_assert_int_eq(response->error_response->error_code, WEFT_NOT_FOUND);
        answer_free(response);
    }
    reflection_response *response = ask_extension(stream, "test.v1.Node", 7);
    ck_assert_int_eq(response->error_response->error_code, WEFT_NOT_FOUND);
    answer_free(response);
    struct weft_channel_reply reply;
    struct weft_fault fault;
    ck_assert_int_eq(weft_stream_send_end(stream, &fault), WEFT_OK);
    ck_assert_int_eq(weft_stream_receive(stream, &reply, &fault), WEFT_OK);
    ck_assert_ptr_null(reply.message);
    weft_channel_reply_free(&reply);
    weft_stream_close(stream);
}
END_TEST

START_TEST(reflection_ends_a_stream_of_bad_bytes)
{
    struct weft_stream *stream = stream_open(reflections[_i]);
    struct weft_channel_reply reply;
    struct weft_fault fault;
    ck_assert_int_eq(weft_stream_send(stream, "\x0a\xff", 2, &fault), WEFT_OK);
    ck_assert_int_eq(weft_stream_receive(stream, &reply, &fault), WEFT_INVALID_ARGUMENT);
    weft_channel_reply_free(&reply);
    weft_stream_close(stream);
}
END_TEST

START_TEST(reflection_survives_clients_that_leave)
{
    for (int i = 0; i < 50; i++) {
        struct weft_stream *stream = stream_open(reflections[i % 2]);
        struct weft_fault fault;
        if (i % 3 > 0) weft_stream_send(stream, "\x3a\x01*", 3, &fault);
        weft_stream_close(stream);
    }
    int health;
    ck_assert_int_eq(check("", &health), WEFT_OK);
}
END_TEST

TCase *control_case(void)
{
    TCase *tcase = tcase_create("control");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 30);
    tcase_add_test(tcase, health_check_knows_the_host_and_its_services_and_no_others);
    tcase_add_test(tcase, health_watch_tells_at_once_then_each_change);
    tcase_add_test(tcase, health_watch_of_an_unknown_service_stays_open);
    tcase_add_test(tcase, health_watch_ends_with_the_server);
    tcase_add_loop_test(tcase, reflection_lists_services, 0, 2);
    tcase_add_loop_test(tcase, reflection_finds_files_by_name_and_symbol_with_their_imports, 0, 2);
    tcase_add_loop_test(tcase, reflection_finds_extensions, 0, 2);
    tcase_add_loop_test(tcase, reflection_answers_an_error_to_the_unknown_and_goes_on, 0, 2);
    tcase_add_loop_test(tcase, reflection_ends_a_stream_of_bad_bytes, 0, 2);
    tcase_add_test(tcase, reflection_survives_clients_that_leave);
    return tcase;
}
