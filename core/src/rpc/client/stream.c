/* rpc/client/stream.c - streams of a client. Each step waits for its tag; the status has a tag of its own, asked for at
 * the opening and waited for at the end. */
#include "base/memory.h"
#include "rpc/client/exchange.h"
#include <assert.h>
#include <grpc/byte_buffer.h>
#include <stdlib.h>

struct weft_stream {
    struct weft_channel *channel;
    grpc_completion_queue *queue;
    grpc_call *call;
    grpc_metadata_array headers, trailers;
    bool has_headers, has_ended;
    grpc_status_code code; /* these two are set when it has ended */
    grpc_slice details;
    char step, status; /* tags */
};

static void stream_batch(struct weft_stream *stream, const grpc_op *ops, size_t n_ops, void *tag)
{
    grpc_call_error error = grpc_call_start_batch(stream->call, ops, n_ops, tag, NULL);
    assert(error == GRPC_CALL_OK);
    (void)error;
}

static bool stream_step(struct weft_stream *stream, const grpc_op *ops, size_t n_ops)
{
    stream_batch(stream, ops, n_ops, &stream->step);
    return weft_channel_pluck(stream->queue, &stream->step);
}

static weft_status stream_end(struct weft_stream *stream, struct weft_fault *ret_fault)
{
    if (!stream->has_ended) weft_channel_pluck(stream->queue, &stream->status);
    stream->has_ended = true;
    return weft_channel_status(stream->code, stream->details, ret_fault);
}

/* A step that failed: the stream has an end that says why. */
static weft_status stream_broken(struct weft_stream *stream, struct weft_fault *ret_fault)
{
    weft_status status = stream_end(stream, ret_fault);
    return status != WEFT_OK ? status : weft_fault_set(ret_fault, WEFT_CANCELLED, "the server has ended the stream");
}

static void stream_ask_status(struct weft_stream *stream)
{
    const grpc_op op = { .op = GRPC_OP_RECV_STATUS_ON_CLIENT,
                         .data.recv_status_on_client = { .trailing_metadata = &stream->trailers,
                                                         .status = &stream->code,
                                                         .status_details = &stream->details } };
    stream_batch(stream, &op, 1, &stream->status);
}

weft_status weft_stream_open(struct weft_channel *channel, const struct weft_channel_request *request,
                             struct weft_stream **ret_stream, struct weft_fault *ret_fault)
{
    struct weft_channel_send_metadata metadata;
    weft_status status = weft_channel_metadata_make(request->metadata, &metadata, ret_fault);
    if (status != WEFT_OK) return status;
    struct weft_stream *stream = weft_memory_zeroed(1, sizeof *stream);
    stream->channel = channel;
    stream->queue = weft_channel_queue_take(channel);
    stream->call = weft_channel_call_new(channel, stream->queue, request);
    stream->details = grpc_empty_slice();
    grpc_metadata_array_init(&stream->headers);
    grpc_metadata_array_init(&stream->trailers);
    stream_ask_status(stream);
    const grpc_op op = { .op = GRPC_OP_SEND_INITIAL_METADATA,
                         .data.send_initial_metadata = { .count = metadata.n, .metadata = metadata.metadata } };
    if (!stream_step(stream, &op, 1)) status = stream_broken(stream, ret_fault);
    weft_channel_metadata_free(&metadata);
    if (status == WEFT_OK)
        *ret_stream = stream;
    else
        weft_stream_close(stream);
    return status;
}

weft_status weft_stream_send(struct weft_stream *stream, const void *message, size_t size, struct weft_fault *ret_fault)
{
    grpc_slice bytes = grpc_slice_from_copied_buffer(message, size);
    grpc_byte_buffer *buffer = grpc_raw_byte_buffer_create(&bytes, 1);
    const grpc_op op = { .op = GRPC_OP_SEND_MESSAGE, .data.send_message = { buffer } };
    bool sent = stream_step(stream, &op, 1);
    grpc_byte_buffer_destroy(buffer);
    grpc_slice_unref(bytes);
    return sent ? WEFT_OK : stream_broken(stream, ret_fault);
}

weft_status weft_stream_send_end(struct weft_stream *stream, struct weft_fault *ret_fault)
{
    const grpc_op op = { .op = GRPC_OP_SEND_CLOSE_FROM_CLIENT };
    return stream_step(stream, &op, 1) ? WEFT_OK : stream_broken(stream, ret_fault);
}

weft_status weft_stream_receive(struct weft_stream *stream, struct weft_channel_reply *ret_reply,
                                struct weft_fault *ret_fault)
{
    grpc_byte_buffer *message = NULL;
    const grpc_op ops[] = {
        { .op = GRPC_OP_RECV_MESSAGE, .data.recv_message = { &message } },
        { .op = GRPC_OP_RECV_INITIAL_METADATA, .data.recv_initial_metadata = { &stream->headers } }, /* once */
    };
    *ret_reply = (struct weft_channel_reply){ 0 };
    stream_step(stream, ops, stream->has_headers ? 1 : 2);
    stream->has_headers = true;
    if (message != NULL) {
        weft_reply_message(ret_reply, message);
        grpc_byte_buffer_destroy(message);
        return WEFT_OK;
    }
    weft_status status = stream_end(stream, ret_fault);
    weft_reply_metadata(ret_reply, &stream->headers, &stream->trailers);
    return status;
}

void weft_stream_close(struct weft_stream *stream)
{
    if (stream == NULL) return;
    if (!stream->has_ended) {
        grpc_call_cancel(stream->call, NULL);
        weft_channel_pluck(stream->queue, &stream->status);
    }
    grpc_call_unref(stream->call);
    weft_channel_queue_give(stream->channel, stream->queue);
    grpc_metadata_array_destroy(&stream->headers);
    grpc_metadata_array_destroy(&stream->trailers);
    grpc_slice_unref(stream->details);
    free(stream);
}
