/* command/call/health.c - `weft health [ADDR]`: asks grpc.health.v1, as a probe does. For container images, which have
 * no other client in them. */
#include "command/command.h"

#include "base/clock.h"
#include "contract/guard.h"
#include "contract/message.h"
#include "rpc/client/channel.h"
#include "rpc/server/server.h"

#include <grpc/health/v1/health.pb-c.h>
#include <stdio.h>

#define HEALTH_TIMEOUT (3 * WEFT_SECOND) /* below what an orchestrator waits for a probe */
struct arguments {
    const char *service;
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

static weft_status health_ask(const struct weft_command_line *line, const char *address, struct weft_channel *channel,
                              bool *ret_serving, struct weft_fault *fault)
{
    Grpc__Health__V1__HealthCheckRequest question = GRPC__HEALTH__V1__HEALTH_CHECK_REQUEST__INIT;
    const struct arguments *arguments = line->arguments;
    question.service = weft_arena_strdup(line->arena, arguments->service);
    struct weft_bytes packed = weft_message_pack(line->arena, &question.base);
    struct weft_channel_request request = { .path = "/grpc.health.v1.Health/Check",
                                            .deadline_ns = weft_clock_ns() + HEALTH_TIMEOUT,
                                            .message = packed.data,
                                            .size = packed.size };
    struct weft_channel_reply reply __attribute__((cleanup(weft_channel_reply_free))) = { 0 };
    struct weft_fault why = { 0 };
    weft_status status = weft_channel_call(channel, &request, &reply, &why);
    if (status == WEFT_OK) return answer_read(&reply, line->arena, ret_serving, fault);
    /* One exit status for all: what runs a container's probe wants 0 or 1. */
    return weft_fault_set(fault, WEFT_UNKNOWN, "%s: %s: %.400s", address, weft_status_name(status), why.text);
}

static int health(struct weft_command_line *line)
{
    const char *address = line->n_words > 0 ? line->words[0] : "127.0.0.1:50051";
    struct weft_fault fault = { 0 };
    bool serving = false;
    weft_rpc_init();
    struct weft_channel *channel = weft_channel_new(address, 0);
    weft_status status = health_ask(line, address, channel, &serving, &fault);
    weft_channel_free(channel);
    if (status != WEFT_OK) return weft_command_fail(line, &fault);
    puts(serving ? "SERVING" : "NOT_SERVING");
    return serving ? WEFT_EXIT_OK : WEFT_EXIT_FAILED;
}

static const struct weft_command_option options[] = {
    { { "service", "a gRPC service, for example user.v1.UserService; default: the server as a whole", "", NULL,
        WEFT_OPTION_TEXT, 0, offsetof(struct arguments, service), 0, 0 },
      'S',
      "NAME",
      false },
};

const struct weft_command weft_command_health = {
    .name = "health",
    .summary = "ask a gRPC server whether it is serving",
    .about = "Asks a gRPC server (grpc.health.v1) whether it is serving; ADDR defaults to 127.0.0.1:50051. A probe for "
             "container images.",
    .words = "[ADDR]",
    .max_words = 1,
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .arguments_size = sizeof(struct arguments),
    .exits = { [WEFT_EXIT_OK] = "it serves", [WEFT_EXIT_FAILED] = "it does not, or does not answer within 3 s" },
    .example = "weft health 127.0.0.1:50051\n",
    .run = health,
};
