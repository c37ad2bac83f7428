/* command/call/reflection.c - the client's side of server reflection (grpc/grpc, doc/server-reflection.md). */
#include "command/call/reflection.h"

#include "base/arena.h"
#include "contract/guard.h"
#include "contract/message.h"

#include <grpc/reflection/v1/reflection.pb-c.h>
#include <string.h>

enum { REFLECTION_FILES_MAX = 512, REFLECTION_ARENA_BYTES = 64 * 1024 };

typedef Grpc__Reflection__V1__ServerReflectionRequest request_message;
typedef Grpc__Reflection__V1__ServerReflectionResponse response_message;

struct asking {
    struct weft_stream *stream;
    struct weft_arena *arena;
    struct weft_dynamic *dynamic;
    struct weft_fault *fault;
};

static weft_status question_send(struct asking *asking, const request_message *request)
{
    struct weft_bytes packed = weft_message_pack(asking->arena, &request->base);
    return weft_stream_send(asking->stream, packed.data, packed.size, asking->fault);
}

static weft_status answer_receive(struct asking *asking, response_message **ret_answer)
{
    static const struct weft_guard_limits limits = WEFT_GUARD_DEFAULT;
    struct weft_channel_reply reply __attribute__((cleanup(weft_channel_reply_free))) = { 0 };
    ProtobufCMessage *message = NULL;
    weft_status status = weft_stream_receive(asking->stream, &reply, asking->fault);
    if (status != WEFT_OK) return status;
    if (reply.message == NULL)
        return weft_fault_set(asking->fault, WEFT_INTERNAL, "reflection ended without an answer");
    const void *bytes = weft_arena_copy(asking->arena, reply.message, reply.size);
    status = weft_guard_unpack(&limits, &grpc__reflection__v1__server_reflection_response__descriptor, bytes,
                               reply.size, asking->arena, &message, asking->fault);
    *ret_answer = (response_message *)message;
    return status;
}

static weft_status files_add(struct asking *asking, const response_message *answer)
{
    weft_status status = WEFT_OK;
    if (answer->message_response_case ==
        GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_ERROR_RESPONSE)
        return weft_fault_set(asking->fault, (weft_status)answer->error_response->error_code, "%s",
                              answer->error_response->error_message);
    if (answer->message_response_case !=
        GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_FILE_DESCRIPTOR_RESPONSE)
        return weft_fault_set(asking->fault, WEFT_INTERNAL, "reflection answered something that was not asked");
    const Grpc__Reflection__V1__FileDescriptorResponse *files = answer->file_descriptor_response;
    for (size_t i = 0; i < files->n_file_descriptor_proto && status == WEFT_OK; i++)
        status = weft_dynamic_add(asking->dynamic, files->file_descriptor_proto[i].data,
                                  files->file_descriptor_proto[i].len, asking->fault);
    return status;
}

static weft_status question_ask(struct asking *asking, const request_message *request)
{
    response_message *answer = NULL;
    weft_status status = question_send(asking, request);
    if (status == WEFT_OK) status = answer_receive(asking, &answer);
    return status == WEFT_OK ? files_add(asking, answer) : status;
}

static weft_status missing_ask(struct asking *asking)
{
    request_message request = GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__INIT;
    request.message_request_case = GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_FILE_BY_FILENAME;
    const char *missing;
    weft_status status = WEFT_OK;
    for (size_t asked = 0; status == WEFT_OK && (missing = weft_dynamic_missing(asking->dynamic)) != NULL; asked++) {
        if (asked == REFLECTION_FILES_MAX)
            return weft_fault_set(asking->fault, WEFT_RESOURCE_EXHAUSTED, "the contract imports more than %d files",
                                  REFLECTION_FILES_MAX);
        request.file_by_filename = weft_arena_strdup(asking->arena, missing);
        status = question_ask(asking, &request);
    }
    return status;
}

/* v1alpha is the same protocol under another name. */
static weft_status version_load(struct weft_channel *channel, const char *path, const char *service,
                                uint64_t deadline_ns, struct weft_dynamic *dynamic, struct weft_fault *fault)
{
    struct weft_channel_request open = { .path = path, .deadline_ns = deadline_ns };
    struct asking asking = { .arena = weft_arena_new(REFLECTION_ARENA_BYTES), .dynamic = dynamic, .fault = fault };
    request_message request = GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__INIT;
    request.message_request_case =
        GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_FILE_CONTAINING_SYMBOL;
    request.file_containing_symbol = weft_arena_strdup(asking.arena, service);
    weft_status status = weft_stream_open(channel, &open, &asking.stream, fault);
    if (status == WEFT_OK) status = question_ask(&asking, &request);
    if (status == WEFT_OK) status = missing_ask(&asking);
    weft_stream_close(asking.stream);
    weft_arena_free(asking.arena);
    return status;
}

weft_status weft_reflection_load(struct weft_channel *channel, const char *service, uint64_t deadline_ns,
                                 struct weft_dynamic *dynamic, struct weft_fault *ret_fault)
{
    static const char *const paths[] = { "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
                                         "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo" };
    weft_status status = version_load(channel, paths[0], service, deadline_ns, dynamic, ret_fault);
    if (status == WEFT_UNIMPLEMENTED)
        status = version_load(channel, paths[1], service, deadline_ns, dynamic, ret_fault);
    return status;
}
