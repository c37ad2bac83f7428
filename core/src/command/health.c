/* command/health.c - `weft health [ADDR]`: asks grpc.health.v1, as a probe does. For container images, which have no
 * other client in them. */
#include "command/command.h"

#include "base/arena.h"
#include "base/clock.h"
#include "contract/guard.h"
#include "contract/message.h"
#include "rpc/client/channel.h"
#include "rpc/server/server.h"

#include <argp.h>
#include <grpc/health/v1/health.pb-c.h>
#include <stdio.h>

static const char name[] = "health";

#define HEALTH_TIMEOUT (3 * WEFT_SECOND) /* below what an orchestrator waits for a probe */
enum { HEALTH_ARENA_BYTES = 4096 };

struct arguments {
    const char *address, *service;
};

static const struct argp_option options[] = {
    { "service", 'S', "NAME", 0, "a gRPC service, for example user.v1.UserService; default: the server as a whole", 0 },
    { 0 },
};

static error_t health_parse(int key, char *argument, struct argp_state *state)
{
    struct arguments *arguments = state->input;
    switch (key) {
    case 'S':
        arguments->service = argument;
        return 0;
    case ARGP_KEY_ARG:
        if (state->arg_num > 0) argp_error(state, "'%s' is too much: want one ADDR", argument);
        arguments->address = argument;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp health_argp = {
    options,
    health_parse,
    "[ADDR]",
    "Asks a gRPC server whether it is serving; ADDR defaults to 127.0.0.1:50051.\v"
    "Exit status: 0 it serves, 1 it does not or does not answer within 3 s, 2 wrong usage.",
    NULL,
    NULL,
    NULL
};

static weft_status answer_read(const struct weft_channel_reply *reply, struct weft_arena *arena, bool *ret_serving,
                               struct weft_fault *fault)
{
    static const struct weft_guard_limits limits = WEFT_GUARD_DEFAULT;
    ProtobufCMessage *message = NULL;
    weft_status status = weft_guard_unpack(&limits, &grpc__health__v1__health_check_response__descriptor,
                                           reply->message, reply->size, arena, &message, fault);
    if (status != WEFT_OK) return status;
    *ret_serving = ((const Grpc__Health__V1__HealthCheckResponse *)message)->status ==
                   GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVING;
    return WEFT_OK;
}

static weft_status health_ask(const struct arguments *arguments, struct weft_channel *channel, struct weft_arena *arena,
                              bool *ret_serving, struct weft_fault *fault)
{
    Grpc__Health__V1__HealthCheckRequest question = GRPC__HEALTH__V1__HEALTH_CHECK_REQUEST__INIT;
    question.service = weft_arena_strdup(arena, arguments->service);
    struct weft_bytes packed = weft_message_pack(arena, &question.base);
    struct weft_channel_request request = { .path = "/grpc.health.v1.Health/Check",
                                            .deadline_ns = weft_clock_ns() + HEALTH_TIMEOUT,
                                            .message = packed.data,
                                            .size = packed.size };
    struct weft_channel_reply reply __attribute__((cleanup(weft_channel_reply_free))) = { 0 };
    struct weft_fault why = { 0 };
    weft_status status = weft_channel_call(channel, &request, &reply, &why);
    if (status == WEFT_OK) return answer_read(&reply, arena, ret_serving, fault);
    /* Not INVALID_ARGUMENT, which would be our caller's wrong usage: it is the server's answer. */
    return weft_fault_set(fault, WEFT_UNAVAILABLE, "%s: %s: %.400s", arguments->address, weft_status_name(status),
                          why.text);
}

int weft_command_health(int argc, char **argv)
{
    struct arguments arguments = { .address = "127.0.0.1:50051", .service = "" };
    struct weft_fault fault = { 0 };
    bool serving = false;
    argp_err_exit_status = WEFT_EXIT_USAGE;
    argp_parse(&health_argp, argc, argv, 0, NULL, &arguments);
    weft_rpc_init();
    struct weft_arena *arena = weft_arena_new(HEALTH_ARENA_BYTES);
    struct weft_channel *channel = weft_channel_new(arguments.address, 0);
    weft_status status = health_ask(&arguments, channel, arena, &serving, &fault);
    weft_channel_free(channel);
    weft_arena_free(arena);
    if (status != WEFT_OK) return weft_command_fail(name, &fault);
    puts(serving ? "SERVING" : "NOT_SERVING");
    return serving ? WEFT_EXIT_OK : WEFT_EXIT_FAILED;
}
