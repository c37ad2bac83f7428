/* rpc/client/client.c - typed calls of services: inside the host if it has the method, else through a channel. */
#include <weft/client.h>

#include "base/clock.h"
#include "base/memory.h"
#include "contract/guard.h"
#include "contract/message.h"
#include "data/tx.h"
#include "data/work.h"
#include "rpc/client/exchange.h"
#include "rpc/client/local.h"
#include "rpc/server/payload.h"
#include <grpc/byte_buffer.h>
#include <stdio.h>
#include <stdlib.h>

#define DEFAULT_TIMEOUT_MS 5000

struct weft_client {
    struct weft_channel *channel;
    uint64_t timeout_ns;
};

static _Thread_local char client_error[1024];

weft_client *weft_client_new(const char *target, uint32_t timeout_ms)
{
    struct weft_client *client = weft_memory_zeroed(1, sizeof *client);
    client->channel = weft_channel_new(target, 0);
    client->timeout_ns = (timeout_ms != 0 ? timeout_ms : DEFAULT_TIMEOUT_MS) * WEFT_MS;
    return client;
}

void weft_client_free(weft_client *client)
{
    if (client == NULL) return;
    weft_channel_free(client->channel);
    free(client);
}

const char *weft_client_error(void)
{
    return client_error;
}

/* ---- through the network ----------------------------------------------------------------------------------------- */

static void buffer_destroy(grpc_byte_buffer **buffer)
{
    grpc_byte_buffer_destroy(*buffer);
}

static weft_status network_call(struct weft_client *client, const struct weft_work *work, struct weft_arena *arena,
                                const struct weft_method_type *type, const ProtobufCMessage *in,
                                ProtobufCMessage **ret_out, struct weft_fault *ret_fault)
{
    const struct weft_guard_limits limits = WEFT_GUARD_DEFAULT;
    const char *metadata[7] = { NULL };
    size_t n = 0;
    if (work != NULL && work->correlation_id != NULL)
        metadata[n++] = "x-correlation-id", metadata[n++] = work->correlation_id;
    if (work != NULL && work->traceparent != NULL) metadata[n++] = "traceparent", metadata[n++] = work->traceparent;
    if (work != NULL && work->tracestate != NULL) metadata[n++] = "tracestate", metadata[n++] = work->tracestate;
    const struct weft_channel_request request = {
        .path = type->path,
        .metadata = metadata,
        .deadline_ns = work != NULL ? work->deadline_ns : weft_clock_ns() + client->timeout_ns,
    };
    __attribute__((cleanup(buffer_destroy))) grpc_byte_buffer *message =
        weft_payload_pack(in, protobuf_c_message_get_packed_size(in));
    __attribute__((cleanup(weft_exchange_close))) struct weft_exchange exchange;
    weft_status status = weft_exchange_run(&exchange, client->channel, &request, message, ret_fault);
    if (status != WEFT_OK) return status;
    struct weft_payload payload;
    status = weft_payload_open(&payload, exchange.response, limits.max_bytes, ret_fault);
    if (status != WEFT_OK) return status;
    status =
        weft_guard_unpack(&limits, type->output->descriptor, payload.bytes, payload.size, arena, ret_out, ret_fault);
    weft_payload_close(&payload);
    return status;
}

/* ---- inside the host --------------------------------------------------------------------------------------------- */

static weft_status inside_call(const struct weft_rpc_method *method, struct weft_work *work,
                               const struct weft_method_type *type, const ProtobufCMessage *in,
                               ProtobufCMessage **ret_out, struct weft_fault *ret_fault)
{
    const struct weft_guard_limits limits = WEFT_GUARD_DEFAULT;
    struct weft_bytes bytes = weft_message_pack(work->arena, in), response;
    const struct weft_local_request request = { .parent = work,
                                                .arena = work->arena,
                                                .correlation_id = work->correlation_id,
                                                .deadline_ns = work->deadline_ns,
                                                .bytes = bytes.data,
                                                .size = bytes.size };
    weft_status status = weft_local_call(method, &request, &response, ret_fault);
    if (status != WEFT_OK) return status;
    return weft_guard_unpack(&limits, type->output->descriptor, response.data, response.size, work->arena, ret_out,
                             ret_fault);
}

/* ---- both -------------------------------------------------------------------------------------------------------- */

/* An open transaction would hold its locks and its session until the other service answers, which may need the same. */
static weft_status work_may_call(const struct weft_work *work, const struct weft_method_type *type,
                                 struct weft_fault *ret_fault)
{
    if (work->tx == NULL || !weft_tx_sent(work->tx)) return WEFT_OK;
    return weft_fault_set(ret_fault, WEFT_FAILED_PRECONDITION,
                          "%s called while a transaction is open: call it before the first weft_fetch or "
                          "weft_exec_expect",
                          type->path);
}

static weft_status work_call(struct weft_client *client, struct weft_work *work, const struct weft_method_type *type,
                             const ProtobufCMessage *in, ProtobufCMessage **ret_out, struct weft_fault *ret_fault)
{
    const ProtobufCMessage *complete;
    weft_status status = work_may_call(work, type, ret_fault);
    if (status == WEFT_OK)
        status = weft_message_complete(work->arena, type->input->descriptor, in, &complete, ret_fault);
    if (status != WEFT_OK) return status;
    const struct weft_rpc_method *method = work->local != NULL ? weft_rpc_local_find(work->local, type->path) : NULL;
    if (method != NULL) return inside_call(method, work, type, complete, ret_out, ret_fault);
    weft_work_wait(work);
    return network_call(client, work, work->arena, type, complete, ret_out, ret_fault);
}

static void arena_free(struct weft_arena **arena)
{
    weft_arena_free(*arena);
}

/* Without a work the answer lives on the heap: what has passed the guard is packed and unpacked once more. */
static weft_status lone_call(struct weft_client *client, const struct weft_method_type *type,
                             const ProtobufCMessage *in, ProtobufCMessage **ret_out, struct weft_fault *ret_fault)
{
    __attribute__((cleanup(arena_free))) struct weft_arena *arena = weft_arena_new(4096);
    const ProtobufCMessage *complete;
    ProtobufCMessage *out;
    weft_status status = weft_message_complete(arena, type->input->descriptor, in, &complete, ret_fault);
    if (status == WEFT_OK) status = network_call(client, NULL, arena, type, complete, &out, ret_fault);
    if (status != WEFT_OK) return status;
    struct weft_bytes bytes = weft_message_pack(arena, out);
    ProtobufCMessage *copy = protobuf_c_message_unpack(type->output->descriptor, NULL, bytes.size, bytes.data);
    if (copy == NULL) return weft_fault_set(ret_fault, WEFT_RESOURCE_EXHAUSTED, "no memory for the answer");
    *ret_out = copy;
    return WEFT_OK;
}

weft_status weft_client_call(struct weft_client *client, weft_work *work, const struct weft_method_type *type,
                             const ProtobufCMessage *in, ProtobufCMessage **ret_out)
{
    struct weft_fault fault = { 0 };
    weft_status status = work != NULL ? work_call(client, work, type, in, ret_out, &fault)
                                      : lone_call(client, type, in, ret_out, &fault);
    if (status != WEFT_OK) snprintf(client_error, sizeof client_error, "%s: %s", type->path, fault.text);
    return status;
}
