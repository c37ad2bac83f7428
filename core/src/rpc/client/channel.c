/* rpc/client/channel.c - channels and unary calls. A call plucks from a completion queue of the channel's pool, so the
 * thread that waits for an answer is the one that reads it from the socket. */
#include "rpc/client/channel.h"

#include "base/arena.h"
#include "base/memory.h"
#include "rpc/client/exchange.h"
#include "rpc/server/deadline.h"
#include <assert.h>
#include <grpc/byte_buffer.h>
#include <grpc/byte_buffer_reader.h>
#include <grpc/grpc_security.h>
#include <grpc/support/alloc.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define MAX_METADATA (64 << 10) /* what servers may send: error details */
#define MAX_POOLED   64

struct weft_channel {
    grpc_channel *channel;
    pthread_mutex_t lock;
    grpc_completion_queue *queues[MAX_POOLED]; /* not in use */
    size_t n_queues;
};

struct weft_channel *weft_channel_new(const char *target, uint32_t max_message_bytes)
{
    grpc_init();
    struct weft_channel *channel = weft_memory_zeroed(1, sizeof *channel);
    grpc_arg args[] = {
        { GRPC_ARG_INTEGER, GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH, .value.integer = (int)max_message_bytes },
        { GRPC_ARG_INTEGER, GRPC_ARG_MAX_METADATA_SIZE, .value.integer = MAX_METADATA },
        /* Connections of its own: shared ones are polled by whoever made them first, who may have gone. */
        { GRPC_ARG_INTEGER, GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, .value.integer = 1 },
        { GRPC_ARG_INTEGER, GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, .value.integer = 100 },
        { GRPC_ARG_INTEGER, GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, .value.integer = 5000 },
    };
    if (max_message_bytes == 0) args[0].value.integer = 4 << 20;
    const grpc_channel_args all = { sizeof args / sizeof args[0], args };
    grpc_channel_credentials *credentials = grpc_insecure_credentials_create();
    channel->channel = grpc_channel_create(target, credentials, &all);
    grpc_channel_credentials_release(credentials);
    pthread_mutex_init(&channel->lock, NULL);
    return channel;
}

static void queue_free(grpc_completion_queue *queue)
{
    grpc_completion_queue_shutdown(queue);
    grpc_completion_queue_destroy(queue);
}

void weft_channel_free(struct weft_channel *channel)
{
    if (channel == NULL) return;
    pthread_mutex_lock(&channel->lock);
    for (size_t i = 0; i < channel->n_queues; i++)
        queue_free(channel->queues[i]);
    pthread_mutex_unlock(&channel->lock);
    grpc_channel_destroy(channel->channel);
    pthread_mutex_destroy(&channel->lock);
    free(channel);
    grpc_shutdown();
}

grpc_completion_queue *weft_channel_queue_take(struct weft_channel *channel)
{
    grpc_completion_queue *queue = NULL;
    pthread_mutex_lock(&channel->lock);
    if (channel->n_queues > 0) queue = channel->queues[--channel->n_queues];
    pthread_mutex_unlock(&channel->lock);
    return queue != NULL ? queue : grpc_completion_queue_create_for_pluck(NULL);
}

void weft_channel_queue_give(struct weft_channel *channel, grpc_completion_queue *queue)
{
    pthread_mutex_lock(&channel->lock);
    bool fits = channel->n_queues < MAX_POOLED;
    if (fits) channel->queues[channel->n_queues++] = queue;
    pthread_mutex_unlock(&channel->lock);
    if (!fits) queue_free(queue);
}

grpc_call *weft_channel_call_new(struct weft_channel *channel, grpc_completion_queue *queue,
                                 const struct weft_channel_request *request)
{
    grpc_slice path = grpc_slice_from_copied_string(request->path);
    grpc_call *call = grpc_channel_create_call(channel->channel, NULL, GRPC_PROPAGATE_DEFAULTS, queue, path, NULL,
                                               weft_deadline_to_gpr(request->deadline_ns), NULL);
    grpc_slice_unref(path);
    return call;
}

/* ---- metadata ---------------------------------------------------------------------------------------------------- */

static bool metadata_is_legal(const grpc_metadata *metadata)
{
    return grpc_header_key_is_legal(metadata->key) &&
           (grpc_is_binary_header(metadata->key) || grpc_header_nonbin_value_is_legal(metadata->value));
}

weft_status weft_channel_metadata_make(const char *const *pairs, struct weft_channel_send_metadata *ret_metadata,
                                       struct weft_fault *ret_fault)
{
    size_t n = 0;
    while (pairs != NULL && pairs[2 * n] != NULL && pairs[2 * n + 1] != NULL)
        n++;
    struct weft_channel_send_metadata made = { n > 0 ? weft_memory_zeroed(n, sizeof(grpc_metadata)) : NULL, n };
    weft_status status = WEFT_OK;
    for (size_t i = 0; i < n; i++) { /* copied: core may keep a value for its header compression */
        made.metadata[i].key = grpc_slice_from_copied_string(pairs[2 * i]);
        made.metadata[i].value = grpc_slice_from_copied_string(pairs[2 * i + 1]);
        if (!metadata_is_legal(&made.metadata[i]))
            status =
                weft_fault_set(ret_fault, WEFT_INVALID_ARGUMENT,
                               "metadata '%s' cannot be sent: names are lower case letters, digits, '-', '_', '.'; "
                               "values are printable ASCII",
                               pairs[2 * i]);
    }
    if (status == WEFT_OK)
        *ret_metadata = made;
    else
        weft_channel_metadata_free(&made);
    return status;
}

void weft_channel_metadata_free(struct weft_channel_send_metadata *metadata)
{
    for (size_t i = 0; i < metadata->n; i++) {
        grpc_slice_unref(metadata->metadata[i].key);
        grpc_slice_unref(metadata->metadata[i].value);
    }
    free(metadata->metadata);
}

/* ---- an exchange ------------------------------------------------------------------------------------------------- */

bool weft_channel_pluck(grpc_completion_queue *queue, void *tag)
{
    return grpc_completion_queue_pluck(queue, tag, gpr_inf_future(GPR_CLOCK_MONOTONIC), NULL).success != 0;
}

weft_status weft_channel_status(grpc_status_code code, grpc_slice details, struct weft_fault *ret_fault)
{
    if (code == GRPC_STATUS_OK) return WEFT_OK;
    weft_status status = (unsigned)code <= WEFT_UNAUTHENTICATED ? (weft_status)code : WEFT_UNKNOWN;
    return weft_fault_set(ret_fault, status, "%.*s", (int)GRPC_SLICE_LENGTH(details),
                          (const char *)GRPC_SLICE_START_PTR(details));
}

static weft_status exchange_batch(struct weft_exchange *exchange, grpc_completion_queue *queue,
                                  const struct weft_channel_send_metadata *metadata, grpc_byte_buffer *message,
                                  struct weft_fault *ret_fault)
{
    grpc_status_code code = GRPC_STATUS_UNKNOWN;
    grpc_slice details = grpc_empty_slice();
    grpc_op ops[] = {
        { .op = GRPC_OP_SEND_INITIAL_METADATA,
          .data.send_initial_metadata = { .count = metadata->n, .metadata = metadata->metadata } },
        { .op = GRPC_OP_SEND_MESSAGE, .data.send_message = { message } },
        { .op = GRPC_OP_SEND_CLOSE_FROM_CLIENT },
        { .op = GRPC_OP_RECV_INITIAL_METADATA, .data.recv_initial_metadata = { &exchange->headers } },
        { .op = GRPC_OP_RECV_MESSAGE, .data.recv_message = { &exchange->response } },
        { .op = GRPC_OP_RECV_STATUS_ON_CLIENT,
          .data.recv_status_on_client = { .trailing_metadata = &exchange->trailers,
                                          .status = &code,
                                          .status_details = &details } },
    };
    grpc_call_error error = grpc_call_start_batch(exchange->call, ops, sizeof ops / sizeof ops[0], exchange, NULL);
    assert(error == GRPC_CALL_OK);
    (void)error;
    weft_channel_pluck(queue, exchange);
    weft_status status = weft_channel_status(code, details, ret_fault);
    grpc_slice_unref(details);
    return status;
}

weft_status weft_exchange_run(struct weft_exchange *exchange, struct weft_channel *channel,
                              const struct weft_channel_request *request, grpc_byte_buffer *message,
                              struct weft_fault *ret_fault)
{
    *exchange = (struct weft_exchange){ 0 };
    grpc_metadata_array_init(&exchange->headers);
    grpc_metadata_array_init(&exchange->trailers);
    struct weft_channel_send_metadata metadata;
    weft_status status = weft_channel_metadata_make(request->metadata, &metadata, ret_fault);
    if (status != WEFT_OK) return status;
    grpc_completion_queue *queue = weft_channel_queue_take(channel);
    exchange->call = weft_channel_call_new(channel, queue, request);
    status = exchange_batch(exchange, queue, &metadata, message, ret_fault);
    weft_channel_queue_give(channel, queue);
    weft_channel_metadata_free(&metadata);
    if (status == WEFT_OK && exchange->response == NULL)
        status = weft_fault_set(ret_fault, WEFT_INTERNAL, "the server answered OK without a message");
    return status;
}

void weft_exchange_close(struct weft_exchange *exchange)
{
    grpc_byte_buffer_destroy(exchange->response);
    grpc_metadata_array_destroy(&exchange->headers);
    grpc_metadata_array_destroy(&exchange->trailers);
    if (exchange->call != NULL) grpc_call_unref(exchange->call);
}

/* ---- replies ----------------------------------------------------------------------------------------------------- */

static struct weft_arena *reply_memory(struct weft_channel_reply *reply)
{
    if (reply->memory == NULL) reply->memory = weft_arena_new(1024);
    return reply->memory;
}

void weft_reply_message(struct weft_channel_reply *reply, grpc_byte_buffer *buffer)
{
    grpc_byte_buffer_reader reader;
    grpc_byte_buffer_reader_init(&reader, buffer);
    grpc_slice all = grpc_byte_buffer_reader_readall(&reader);
    grpc_byte_buffer_reader_destroy(&reader);
    reply->message = weft_arena_copy(reply_memory(reply), GRPC_SLICE_START_PTR(all), GRPC_SLICE_LENGTH(all));
    reply->size = GRPC_SLICE_LENGTH(all);
    grpc_slice_unref(all);
}

static struct weft_channel_metadata *metadata_copy(struct weft_arena *arena, const grpc_metadata_array *from)
{
    struct weft_channel_metadata *to = weft_arena_alloc(arena, (from->count + 1) * sizeof *to);
    for (size_t i = 0; i < from->count; i++) {
        grpc_slice name = from->metadata[i].key, value = from->metadata[i].value;
        to[i].name = weft_arena_copy(arena, GRPC_SLICE_START_PTR(name), GRPC_SLICE_LENGTH(name));
        to[i].value = weft_arena_copy(arena, GRPC_SLICE_START_PTR(value), GRPC_SLICE_LENGTH(value));
        to[i].size = GRPC_SLICE_LENGTH(value);
    }
    return to;
}

void weft_reply_metadata(struct weft_channel_reply *reply, const grpc_metadata_array *headers,
                         const grpc_metadata_array *trailers)
{
    reply->headers = metadata_copy(reply_memory(reply), headers);
    reply->n_headers = headers->count;
    reply->trailers = metadata_copy(reply_memory(reply), trailers);
    reply->n_trailers = trailers->count;
}

void weft_channel_reply_free(struct weft_channel_reply *reply)
{
    weft_arena_free(reply->memory);
    *reply = (struct weft_channel_reply){ 0 };
}

weft_status weft_channel_call(struct weft_channel *channel, const struct weft_channel_request *request,
                              struct weft_channel_reply *ret_reply, struct weft_fault *ret_fault)
{
    *ret_reply = (struct weft_channel_reply){ 0 };
    __attribute__((cleanup(weft_exchange_close))) struct weft_exchange exchange;
    grpc_slice bytes = grpc_slice_from_copied_buffer(request->message, request->size);
    grpc_byte_buffer *message = grpc_raw_byte_buffer_create(&bytes, 1);
    weft_status status = weft_exchange_run(&exchange, channel, request, message, ret_fault);
    grpc_byte_buffer_destroy(message);
    grpc_slice_unref(bytes);
    if (exchange.response != NULL) weft_reply_message(ret_reply, exchange.response);
    weft_reply_metadata(ret_reply, &exchange.headers, &exchange.trailers);
    return status;
}
