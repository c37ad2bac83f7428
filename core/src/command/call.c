/* command/call.c - `weft call ADDR METHOD JSON`: types by reflection, JSON in, JSON out. */
#include "command/command.h"
#include "command/reflection.h"

#include "base/arena.h"
#include "base/buffer.h"
#include "base/clock.h"
#include "config/option.h"
#include "contract/guard.h"
#include "contract/json/json.h"
#include "contract/message.h"
#include "rpc/server/details.h"
#include "rpc/server/server.h"

#include <argp.h>
#include <ctype.h>
#include <google/rpc/error_details.pb-c.h>
#include <google/rpc/status.pb-c.h>
#include <stdio.h>
#include <string.h>

static const char name[] = "call";

enum { CALL_HEADERS_MAX = 32, CALL_ARENA_BYTES = 64 * 1024, CALL_INPUT_MAX = 4 << 20 };

struct arguments {
    const char *address, *method, *json;
    const char *metadata[2 * CALL_HEADERS_MAX + 1]; /* name, value, ..., NULL */
    size_t n_headers;
    bool compact, verbose;
    uint64_t timeout_ns;
    struct weft_arena *arena;
};

static const struct argp_option options[] = {
    { "header", 'H', "NAME: VALUE", 0, "metadata to send, for example 'x-correlation-id: abc' or 'idempotency-key: 1'",
      0 },
    { "timeout", 't', "TIME", 0, "of the whole call; default: 10s", 0 },
    { "compact", 'c', NULL, 0, "the answer on one line", 0 },
    { "verbose", 'v', NULL, 0, "metadata that came back, on stderr", 0 },
    { 0 },
};

static void header_parse(struct arguments *arguments, const char *text, struct argp_state *state)
{
    const char *colon = strchr(text, ':');
    if (colon == NULL || colon == text) argp_error(state, "--header '%s': want 'name: value'", text);
    if (arguments->n_headers == CALL_HEADERS_MAX) argp_error(state, "more than %d headers", CALL_HEADERS_MAX);
    char *key = weft_arena_copy(arguments->arena, text, (size_t)(colon - text));
    for (char *c = key; *c != '\0'; c++)
        *c = (char)tolower((unsigned char)*c);
    arguments->metadata[2 * arguments->n_headers] = key;
    arguments->metadata[2 * arguments->n_headers + 1] = colon + 1 + strspn(colon + 1, " ");
    arguments->n_headers++;
}

static void timeout_parse(struct arguments *arguments, const char *text, struct argp_state *state)
{
    static const struct weft_option option = { .type = WEFT_OPTION_DURATION,
                                               .min = WEFT_MS,
                                               .max = 3600 * WEFT_SECOND };
    union weft_option_value value;
    struct weft_fault why = { 0 };
    if (weft_option_parse(&option, text, &value, &why) != WEFT_OK) argp_error(state, "--timeout: %s", why.text);
    arguments->timeout_ns = value.amount;
}

static void positional_parse(struct arguments *arguments, const char *text, struct argp_state *state)
{
    const char **places[] = { &arguments->address, &arguments->method, &arguments->json };
    if (state->arg_num >= 3) argp_error(state, "too much: want ADDR METHOD [JSON]");
    *places[state->arg_num] = text;
}

static error_t call_parse(int key, char *argument, struct argp_state *state)
{
    struct arguments *arguments = state->input;
    switch (key) {
    case 'H':
        header_parse(arguments, argument, state);
        return 0;
    case 't':
        timeout_parse(arguments, argument, state);
        return 0;
    case 'c':
        arguments->compact = true;
        return 0;
    case 'v':
        arguments->verbose = true;
        return 0;
    case ARGP_KEY_ARG:
        positional_parse(arguments, argument, state);
        return 0;
    case ARGP_KEY_END:
        if (state->arg_num < 2) argp_error(state, "want ADDR METHOD [JSON]");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp call_argp = {
    options,
    call_parse,
    "ADDR METHOD [JSON]",
    "Calls a method of any gRPC server that has reflection; the request and the answer are JSON. METHOD is "
    "package.Service/Method, JSON '-' reads stdin and defaults to {}.\v"
    "Exit status: 0 OK, 1 the call failed (its status on stderr), 2 wrong usage or request.",
    NULL,
    NULL,
    NULL
};

/* ---- request ----------------------------------------------------------------------------------------------------- */

/* "-" is standard input. */
static weft_status json_take(struct arguments *arguments, const char **ret_json, struct weft_fault *fault)
{
    *ret_json = arguments->json != NULL ? arguments->json : "{}";
    if (strcmp(*ret_json, "-") != 0) return WEFT_OK;
    char *input = weft_arena_alloc(arguments->arena, CALL_INPUT_MAX + 1);
    size_t size = fread(input, 1, CALL_INPUT_MAX + 1, stdin);
    if (size > CALL_INPUT_MAX) return weft_fault_set(fault, WEFT_INVALID_ARGUMENT, "stdin has more than 4 MiB");
    input[size] = '\0';
    *ret_json = input;
    return WEFT_OK;
}

/* The service's part of "user.v1.UserService/CreateUser"; NULL if there is none. */
static const char *service_of(struct weft_arena *arena, const char *method)
{
    const char *slash = strrchr(method, '/');
    if (slash == NULL) slash = strrchr(method, '.');
    return slash != NULL && slash != method ? weft_arena_format(arena, "%.*s", (int)(slash - method), method) : NULL;
}

static weft_status request_make(struct arguments *arguments, const struct weft_method_type *type,
                                struct weft_bytes *ret_packed, struct weft_fault *fault)
{
    const char *json;
    ProtobufCMessage *message = NULL;
    struct weft_fault why = { 0 };
    weft_status status = json_take(arguments, &json, fault);
    if (status != WEFT_OK) return status;
    if (weft_json_read(type->input, json, strlen(json), arguments->arena, &message, &why) != WEFT_OK)
        return weft_fault_set(fault, WEFT_INVALID_ARGUMENT, "the request: %.450s", why.text);
    *ret_packed = weft_message_pack(arguments->arena, message);
    return WEFT_OK;
}

/* ---- answer ------------------------------------------------------------------------------------------------------ */

static weft_status answer_print(const struct arguments *arguments, const struct weft_method_type *type,
                                const struct weft_channel_reply *reply, struct weft_fault *fault)
{
    static const struct weft_guard_limits limits = WEFT_GUARD_DEFAULT;
    struct weft_buffer text __attribute__((cleanup(weft_buffer_free))) = WEFT_BUFFER_EMPTY;
    ProtobufCMessage *message = NULL;
    uint32_t flags = WEFT_JSON_DEFAULTS | (arguments->compact ? 0u : WEFT_JSON_INDENT);
    weft_status status = weft_guard_unpack(&limits, type->output->descriptor, reply->message, reply->size,
                                           arguments->arena, &message, fault);
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
static int refusal_print(const struct arguments *arguments, const struct weft_channel_reply *reply,
                         const struct weft_fault *fault)
{
    struct weft_buffer line __attribute__((cleanup(weft_buffer_free))) = WEFT_BUFFER_EMPTY;
    weft_buffer_format(&line, "%s: %s", weft_status_name(fault->status), fault->text);
    details_add(arguments->arena, reply, &line);
    for (char *c = line.data; *c != '\0'; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f) *c = ' ';
    fprintf(stderr, "weft call: %s: %s\n", arguments->address, line.data);
    return WEFT_EXIT_FAILED;
}

static int unary_call(struct arguments *arguments, struct weft_channel *channel, const struct weft_method_type *type,
                      const struct weft_channel_request *request)
{
    struct weft_channel_reply reply __attribute__((cleanup(weft_channel_reply_free))) = { 0 };
    struct weft_fault fault = { 0 };
    weft_status status = weft_channel_call(channel, request, &reply, &fault);
    if (arguments->verbose) metadata_print("<", reply.headers, reply.n_headers);
    if (arguments->verbose) metadata_print("<<", reply.trailers, reply.n_trailers);
    if (status != WEFT_OK) return refusal_print(arguments, &reply, &fault);
    status = answer_print(arguments, type, &reply, &fault);
    return status == WEFT_OK ? WEFT_EXIT_OK : weft_command_fail(name, &fault);
}

/* Many answers: each printed as it comes. */
static int stream_call(struct arguments *arguments, struct weft_channel *channel, const struct weft_method_type *type,
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
        status = answer_print(arguments, type, &reply, &fault);
        fflush(stdout);
    }
    int result = status == WEFT_OK ? WEFT_EXIT_OK : refusal_print(arguments, &reply, &fault);
    weft_channel_reply_free(&reply);
    weft_stream_close(stream);
    return result;
}

/* ---- the call ---------------------------------------------------------------------------------------------------- */

static weft_status method_find(struct arguments *arguments, struct weft_channel *channel, struct weft_dynamic *dynamic,
                               uint64_t deadline_ns, const struct weft_method_type **ret_type, struct weft_fault *fault)
{
    struct weft_fault why = { 0 };
    const char *method = arguments->method + (arguments->method[0] == '/');
    const char *service = service_of(arguments->arena, method);
    if (service == NULL)
        return weft_fault_set(fault, WEFT_INVALID_ARGUMENT, "'%s' is no method: want package.Service/Method", method);
    weft_status status = weft_reflection_load(channel, service, deadline_ns, dynamic, &why);
    if (status != WEFT_OK)
        return weft_fault_set(fault, status, "%s: %s: %.400s", arguments->address, weft_status_name(status), why.text);
    status = weft_dynamic_method(dynamic, method, ret_type, fault);
    if (status == WEFT_OK && ((*ret_type)->flags & WEFT_METHOD_CLIENT_STREAMS) != 0)
        return weft_fault_set(fault, WEFT_UNIMPLEMENTED, "%s streams requests, which this command does not do", method);
    return status;
}

static int method_call(struct arguments *arguments, struct weft_channel *channel, struct weft_dynamic *dynamic)
{
    uint64_t deadline = weft_clock_ns() + arguments->timeout_ns;
    const struct weft_method_type *type = NULL;
    struct weft_fault fault = { 0 };
    struct weft_bytes packed = { 0 };
    weft_status status = method_find(arguments, channel, dynamic, deadline, &type, &fault);
    if (status == WEFT_OK) status = request_make(arguments, type, &packed, &fault);
    if (status != WEFT_OK) return weft_command_fail(name, &fault);
    struct weft_channel_request request = { .path = type->path,
                                            .metadata = arguments->metadata,
                                            .deadline_ns = deadline,
                                            .message = packed.data,
                                            .size = packed.size };
    bool streams = (type->flags & WEFT_METHOD_SERVER_STREAMS) != 0;
    return (streams ? stream_call : unary_call)(arguments, channel, type, &request);
}

int weft_command_call(int argc, char **argv)
{
    struct arguments arguments = { .timeout_ns = 10 * WEFT_SECOND, .arena = weft_arena_new(CALL_ARENA_BYTES) };
    argp_err_exit_status = WEFT_EXIT_USAGE;
    argp_parse(&call_argp, argc, argv, 0, NULL, &arguments);
    weft_rpc_init();
    struct weft_channel *channel = weft_channel_new(arguments.address, 0);
    struct weft_dynamic *dynamic = weft_dynamic_new();
    int result = method_call(&arguments, channel, dynamic);
    weft_dynamic_free(dynamic);
    weft_channel_free(channel);
    weft_arena_free(arguments.arena);
    return result;
}
