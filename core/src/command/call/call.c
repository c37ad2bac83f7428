/* command/call/call.c - `weft call ADDR METHOD JSON`: types by reflection, JSON in, JSON out. */
#include "command/call/reflection.h"
#include "command/command.h"
#include "command/input.h"

#include "base/arena.h"
#include "base/buffer.h"
#include "base/clock.h"
#include "base/text.h"
#include "contract/guard.h"
#include "contract/json/json.h"
#include "contract/message.h"
#include "rpc/server/details.h"
#include "rpc/server/server.h"

#include <ctype.h>
#include <google/rpc/error_details.pb-c.h>
#include <google/rpc/status.pb-c.h>
#include <stdio.h>
#include <string.h>

enum { CALL_HEADERS_MAX = WEFT_WORDS_MAX, CALL_INPUT_MAX = 4 << 20 };

struct arguments {
    struct weft_words headers;
    uint64_t timeout_ns;
    bool compact, verbose;
    const char *data;
};

/* The call under way. */
struct call {
    const struct weft_command_line *line;
    const struct arguments *arguments;
    struct weft_arena *arena;
    const char *address, *method;
    const char *metadata[2 * CALL_HEADERS_MAX + 1]; /* name, value, ..., NULL */
};

/* ---- request ----------------------------------------------------------------------------------------------------- */

/* "Name: value" to metadata; gRPC's names are in lower case. */
static weft_status headers_make(struct call *call, struct weft_fault *fault)
{
    const struct weft_words *headers = &call->arguments->headers;
    for (size_t i = 0; i < headers->n; i++) {
        const char *text = headers->list[i], *colon = strchr(text, ':');
        if (colon == NULL || colon == text)
            return weft_fault_set(fault, WEFT_INVALID_ARGUMENT, "--header '%.100s': want 'name: value'", text);
        char *name = weft_arena_copy(call->arena, text, (size_t)(colon - text));
        for (char *c = name; *c != '\0'; c++)
            *c = (char)tolower((unsigned char)*c);
        call->metadata[2 * i] = name;
        call->metadata[2 * i + 1] = colon + 1 + strspn(colon + 1, " ");
    }
    return WEFT_OK;
}

/* The service's part of "user.v1.UserService/CreateUser"; NULL if there is none. */
static const char *service_of(struct weft_arena *arena, const char *method)
{
    const char *slash = strrchr(method, '/');
    if (slash == NULL) slash = strrchr(method, '.');
    return slash != NULL && slash != method ? weft_arena_format(arena, "%.*s", (int)(slash - method), method) : NULL;
}

static weft_status request_make(struct call *call, const struct weft_method_type *type, struct weft_bytes *ret_packed,
                                struct weft_fault *fault)
{
    const char *json;
    ProtobufCMessage *message = NULL;
    struct weft_fault why = { 0 };
    weft_status status = weft_command_input(call->line, 2, call->arguments->data, CALL_INPUT_MAX, &json, fault);
    if (status != WEFT_OK) return status;
    if (weft_json_read(type->input, json, strlen(json), call->arena, &message, &why) != WEFT_OK)
        return weft_fault_set(fault, WEFT_INVALID_ARGUMENT, "the request: %.450s", why.text);
    *ret_packed = weft_message_pack(call->arena, message);
    return WEFT_OK;
}

/* ---- answer ------------------------------------------------------------------------------------------------------ */

static weft_status answer_print(const struct call *call, const struct weft_method_type *type,
                                const struct weft_channel_reply *reply, struct weft_fault *fault)
{
    static const struct weft_guard_limits limits = WEFT_GUARD_DEFAULT;
    struct weft_buffer text __attribute__((cleanup(weft_buffer_free))) = WEFT_BUFFER_EMPTY;
    ProtobufCMessage *message = NULL;
    bool one_line = call->arguments->compact || (type->flags & WEFT_METHOD_SERVER_STREAMS) != 0;
    uint32_t flags = WEFT_JSON_DEFAULTS | (one_line ? 0u : WEFT_JSON_INDENT);
    weft_status status =
        weft_guard_unpack(&limits, type->output->descriptor, reply->message, reply->size, call->arena, &message, fault);
    if (status == WEFT_OK) status = weft_json_write(type->output, message, flags, &text, fault);
    if (status == WEFT_OK) puts(text.data);
    return status;
}

static void metadata_print(const char *what, const struct weft_channel_metadata *metadata, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strlen(metadata[i].value) == metadata[i].size)
            fprintf(stderr, "%s %s: %s\n", what, metadata[i].name, metadata[i].value);
}

/* Servers as a rule say it in the text already. */
static void violation_add(const char *field, const char *description, struct weft_buffer *line)
{
    if (strstr(line->data, field) != NULL && strstr(line->data, description) != NULL) return;
    weft_buffer_format(line, "; %s: %s", field, description);
}

/* Appends the violations of a google.rpc.BadRequest to the one line of an error. */
static void violations_add(struct weft_arena *arena, const Google__Protobuf__Any *any, struct weft_buffer *line)
{
    static const struct weft_guard_limits limits = WEFT_GUARD_DEFAULT;
    ProtobufCMessage *message = NULL;
    struct weft_fault ignored = { 0 };
    if (strcmp(any->type_url, "type.googleapis.com/google.rpc.BadRequest") != 0) {
        weft_buffer_format(line, "; %s", any->type_url);
        return;
    }
    if (weft_guard_unpack(&limits, &google__rpc__bad_request__descriptor, any->value.data, any->value.len, arena,
                          &message, &ignored) != WEFT_OK)
        return;
    const Google__Rpc__BadRequest *request = (const Google__Rpc__BadRequest *)message;
    for (size_t i = 0; i < request->n_field_violations; i++)
        violation_add(request->field_violations[i]->field, request->field_violations[i]->description, line);
}

static void details_add(struct weft_arena *arena, const struct weft_channel_reply *reply, struct weft_buffer *line)
{
    static const struct weft_guard_limits limits = WEFT_GUARD_DEFAULT;
    for (size_t i = 0; i < reply->n_trailers; i++) {
        ProtobufCMessage *message = NULL;
        struct weft_fault ignored = { 0 };
        if (strcmp(reply->trailers[i].name, WEFT_DETAILS_KEY) != 0) continue;
        if (weft_guard_unpack(&limits, &google__rpc__status__descriptor, reply->trailers[i].value,
                              reply->trailers[i].size, arena, &message, &ignored) != WEFT_OK)
            continue;
        const Google__Rpc__Status *status = (const Google__Rpc__Status *)message;
        for (size_t d = 0; d < status->n_details; d++)
            violations_add(arena, status->details[d], line);
    }
}

/* A refusal by the server: its status, text and details on one line, with nothing a terminal would obey. */
static int refusal_print(const struct call *call, const struct weft_channel_reply *reply,
                         const struct weft_fault *fault)
{
    struct weft_buffer line __attribute__((cleanup(weft_buffer_free))) = WEFT_BUFFER_EMPTY;
    weft_buffer_format(&line, "%s: %s", weft_status_name(fault->status), fault->text);
    details_add(call->arena, reply, &line);
    weft_text_tame(line.data);
    fflush(stdout);
    fprintf(stderr, "weft call: %s: %s\n", call->address, line.data);
    /* Wrong input to the server is no wrong usage of this command. */
    return fault->status == WEFT_INVALID_ARGUMENT ? WEFT_EXIT_FAILED : (int)weft_exit_of(fault->status);
}

static int unary_call(struct call *call, struct weft_channel *channel, const struct weft_method_type *type,
                      const struct weft_channel_request *request)
{
    struct weft_channel_reply reply __attribute__((cleanup(weft_channel_reply_free))) = { 0 };
    struct weft_fault fault = { 0 };
    weft_status status = weft_channel_call(channel, request, &reply, &fault);
    if (call->arguments->verbose) metadata_print("<", reply.headers, reply.n_headers);
    if (call->arguments->verbose) metadata_print("<<", reply.trailers, reply.n_trailers);
    if (status != WEFT_OK) return refusal_print(call, &reply, &fault);
    status = answer_print(call, type, &reply, &fault);
    return status == WEFT_OK ? WEFT_EXIT_OK : weft_command_fail(call->line, &fault);
}

/* Many answers: each printed as it comes. */
static int stream_call(struct call *call, struct weft_channel *channel, const struct weft_method_type *type,
                       const struct weft_channel_request *request)
{
    struct weft_stream *stream = NULL;
    struct weft_fault fault = { 0 };
    struct weft_channel_reply reply = { 0 };
    weft_status status = weft_stream_open(channel, request, &stream, &fault);
    if (status == WEFT_OK) status = weft_stream_send(stream, request->message, request->size, &fault);
    if (status == WEFT_OK) status = weft_stream_send_end(stream, &fault);
    while (status == WEFT_OK) {
        weft_channel_reply_free(&reply);
        status = weft_stream_receive(stream, &reply, &fault);
        if (status != WEFT_OK || reply.message == NULL) break;
        status = answer_print(call, type, &reply, &fault);
        fflush(stdout);
    }
    int result = status == WEFT_OK ? WEFT_EXIT_OK : refusal_print(call, &reply, &fault);
    weft_channel_reply_free(&reply);
    weft_stream_close(stream);
    return result;
}

/* ---- the call ---------------------------------------------------------------------------------------------------- */

static weft_status method_find(struct call *call, struct weft_channel *channel, struct weft_dynamic *dynamic,
                               uint64_t deadline_ns, const struct weft_method_type **ret_type, struct weft_fault *fault)
{
    struct weft_fault why = { 0 };
    const char *method = call->method + (call->method[0] == '/');
    const char *service = service_of(call->arena, method);
    if (service == NULL)
        return weft_fault_set(fault, WEFT_INVALID_ARGUMENT, "'%s' is no method: want package.Service/Method", method);
    weft_status status = weft_reflection_load(channel, service, deadline_ns, dynamic, &why);
    if (status != WEFT_OK)
        return weft_fault_set(fault, status, "%s: %s: %.400s", call->address, weft_status_name(status), why.text);
    status = weft_dynamic_method(dynamic, method, ret_type, fault);
    if (status == WEFT_OK && ((*ret_type)->flags & WEFT_METHOD_CLIENT_STREAMS) != 0)
        return weft_fault_set(fault, WEFT_UNIMPLEMENTED, "%s streams requests, which this command does not do", method);
    return status;
}

static int method_call(struct call *call, struct weft_channel *channel, struct weft_dynamic *dynamic)
{
    uint64_t deadline = weft_clock_ns() + call->arguments->timeout_ns;
    const struct weft_method_type *type = NULL;
    struct weft_fault fault = { 0 };
    struct weft_bytes packed = { 0 };
    weft_status status = headers_make(call, &fault);
    if (status == WEFT_OK) status = method_find(call, channel, dynamic, deadline, &type, &fault);
    if (status == WEFT_OK) status = request_make(call, type, &packed, &fault);
    if (status != WEFT_OK) return weft_command_fail(call->line, &fault);
    struct weft_channel_request request = { .path = type->path,
                                            .metadata = call->metadata,
                                            .deadline_ns = deadline,
                                            .message = packed.data,
                                            .size = packed.size };
    bool streams = (type->flags & WEFT_METHOD_SERVER_STREAMS) != 0;
    return (streams ? stream_call : unary_call)(call, channel, type, &request);
}

static int call_run(struct weft_command_line *line)
{
    struct call call = { .line = line,
                         .arguments = line->arguments,
                         .arena = line->arena,
                         .address = line->words[0],
                         .method = line->words[1] };
    weft_rpc_init();
    struct weft_channel *channel = weft_channel_new(call.address, 0);
    struct weft_dynamic *dynamic = weft_dynamic_new();
    int result = method_call(&call, channel, dynamic);
    weft_dynamic_free(dynamic);
    weft_channel_free(channel);
    return result;
}

static const struct weft_command_option options[] = {
    WEFT_COMMAND_TEXT('d', "data", "JSON", data, "the request, instead of the third word; '-' reads stdin"),
    WEFT_COMMAND_TEXTS('H', "header", "'NAME: VALUE'", headers,
                       "metadata to send, for example 'x-correlation-id: abc' or 'idempotency-key: 1'"),
    WEFT_COMMAND_TIME('t', "timeout", timeout_ns, "10s", WEFT_MS, 3600 * WEFT_SECOND, "of the whole call"),
    WEFT_COMMAND_FLAG('C', "compact", compact, "an answer on one line (a stream's always are)"),
    WEFT_COMMAND_FLAG('v', "verbose", verbose, "metadata that came back, on stderr"),
};

const struct weft_command weft_command_call = {
    .name = "call",
    .summary = "call a method by its name, with JSON, by gRPC reflection",
    .about = "Calls a method of any gRPC server that has reflection; the request and the answer are JSON. METHOD is "
             "package.Service/Method; JSON '-' reads stdin, and none is {}. A method that streams answers gives one "
             "JSON object a line.",
    .words = "ADDR METHOD [JSON]",
    .min_words = 2,
    .max_words = 3,
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .arguments_size = sizeof(struct arguments),
    .exits = { [WEFT_EXIT_OK] = "the answer is on stdout",
               [WEFT_EXIT_FAILED] = "the server refused; its status, text and details are on stderr",
               [WEFT_EXIT_USAGE] = "wrong usage, or a request that does not fit the method's type",
               [WEFT_EXIT_UNREACHABLE] = "UNAVAILABLE or DEADLINE_EXCEEDED",
               [WEFT_EXIT_NOT_FOUND] = "NOT_FOUND, or there is no such service or method",
               [WEFT_EXIT_DENIED] = "PERMISSION_DENIED or UNAUTHENTICATED" },
    .example =
        "weft call 127.0.0.1:50051 user.v1.UserService/CreateUser '{\"email\":\"ann@example.com\",\"name\":\"Ann\"}'\n"
        "weft call -H 'x-correlation-id: abc' 127.0.0.1:50051 user.v1.UserService/ListUsers\n",
    .run = call_run,
};
