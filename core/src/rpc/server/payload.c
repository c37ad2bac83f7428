/* rpc/server/payload.c - reading a byte buffer. Messages are decompressed here and not by core, which does it on the
 * thread that waits on the queue, and to the end before it looks at the size: 100 KiB of gzip hold a second and 100 MiB
 * up. */
#include "rpc/server/payload.h"

#include "base/memory.h"
#include <grpc/byte_buffer.h>
#include <grpc/byte_buffer_reader.h>
#include <stdlib.h>
#include <zlib.h>

#define INFLATE_FIRST (16u << 10)
#define ZLIB_WINDOW   15
#define ZLIB_GZIP     16 /* added to the window: a gzip header instead of zlib's */

static weft_status payload_join(struct weft_payload *payload, grpc_byte_buffer *buffer, struct weft_fault *ret_fault)
{
    grpc_byte_buffer_reader reader;
    if (!grpc_byte_buffer_reader_init(&reader, buffer))
        return weft_fault_set(ret_fault, WEFT_INVALID_ARGUMENT, "the message cannot be read");
    payload->joined = grpc_byte_buffer_reader_readall(&reader);
    grpc_byte_buffer_reader_destroy(&reader);
    payload->bytes = GRPC_SLICE_START_PTR(payload->joined);
    payload->size = GRPC_SLICE_LENGTH(payload->joined);
    return WEFT_OK;
}

/* Takes the bytes as core has them: in place if they are in one piece. */
static weft_status payload_take(struct weft_payload *payload, grpc_byte_buffer *buffer, struct weft_fault *ret_fault)
{
    const grpc_slice_buffer *slices = &buffer->data.raw.slice_buffer;
    if (slices->count > 1) return payload_join(payload, buffer, ret_fault);
    if (slices->count == 1) {
        payload->bytes = GRPC_SLICE_START_PTR(slices->slices[0]);
        payload->size = GRPC_SLICE_LENGTH(slices->slices[0]);
    }
    return WEFT_OK;
}

/* Inflates into payload->inflated, which grows as needed up to one byte over the limit. Returns zlib's last word. */
static int payload_fill(struct weft_payload *payload, z_stream *stream, size_t max_bytes)
{
    int rc = Z_OK;
    for (size_t size = 0, done = 0; rc == Z_OK && done <= max_bytes;) {
        size = size == 0 ? INFLATE_FIRST : 2 * size;
        if (size > max_bytes) size = max_bytes + 1;
        payload->inflated = weft_memory_resize(payload->inflated, size);
        stream->next_out = payload->inflated + done;
        stream->avail_out = (uInt)(size - done);
        rc = inflate(stream, Z_NO_FLUSH);
        done = size - stream->avail_out;
        if (rc == Z_OK && stream->avail_out > 0) rc = Z_BUF_ERROR; /* the input has ended before its end */
    }
    return rc;
}

static weft_status payload_inflate(struct weft_payload *payload, int window, size_t max_bytes,
                                   struct weft_fault *ret_fault)
{
    z_stream stream = { .next_in = (Bytef *)(uintptr_t)payload->bytes, .avail_in = (uInt)payload->size };
    if (inflateInit2(&stream, window) != Z_OK)
        return weft_fault_set(ret_fault, WEFT_RESOURCE_EXHAUSTED, "no memory to decompress the message");
    int rc = payload_fill(payload, &stream, max_bytes);
    size_t size = stream.total_out, left = stream.avail_in;
    inflateEnd(&stream);
    if (size > max_bytes)
        return weft_fault_set(ret_fault, WEFT_RESOURCE_EXHAUSTED,
                              "the message has more than %zu bytes once decompressed, which is the limit", max_bytes);
    if (rc != Z_STREAM_END || left > 0)
        return weft_fault_set(ret_fault, WEFT_INVALID_ARGUMENT, "the message is not what its compression says");
    payload->bytes = payload->inflated;
    payload->size = size;
    return WEFT_OK;
}

static weft_status payload_decompress(struct weft_payload *payload, grpc_compression_algorithm compression,
                                      size_t max_bytes, struct weft_fault *ret_fault)
{
    switch (compression) {
    case GRPC_COMPRESS_NONE:
        return WEFT_OK;
    case GRPC_COMPRESS_DEFLATE:
        return payload_inflate(payload, ZLIB_WINDOW, max_bytes, ret_fault);
    case GRPC_COMPRESS_GZIP:
        return payload_inflate(payload, ZLIB_WINDOW + ZLIB_GZIP, max_bytes, ret_fault);
    default:
        return weft_fault_set(ret_fault, WEFT_UNIMPLEMENTED, "messages may be compressed by gzip or deflate");
    }
}

weft_status weft_payload_open(struct weft_payload *payload, grpc_byte_buffer *buffer, size_t max_bytes,
                              struct weft_fault *ret_fault)
{
    *payload = (struct weft_payload){ .bytes = "", .joined = grpc_empty_slice() };
    if (buffer == NULL) return weft_fault_set(ret_fault, WEFT_INVALID_ARGUMENT, "the call came without a message");
    weft_status status = payload_take(payload, buffer, ret_fault);
    if (status == WEFT_OK) status = payload_decompress(payload, buffer->data.raw.compression, max_bytes, ret_fault);
    if (status != WEFT_OK) weft_payload_close(payload);
    return status;
}

void weft_payload_close(struct weft_payload *payload)
{
    grpc_slice_unref(payload->joined);
    free(payload->inflated);
}

grpc_byte_buffer *weft_payload_pack(const ProtobufCMessage *message, size_t size)
{
    grpc_slice slice = grpc_slice_malloc(size);
    protobuf_c_message_pack(message, GRPC_SLICE_START_PTR(slice));
    grpc_byte_buffer *buffer = grpc_raw_byte_buffer_create(&slice, 1);
    grpc_slice_unref(slice);
    return buffer;
}
