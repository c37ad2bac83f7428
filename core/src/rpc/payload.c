/* rpc/payload.c - reading a byte buffer. */
#include "rpc/payload.h"

#include <grpc/byte_buffer.h>
#include <grpc/byte_buffer_reader.h>

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

weft_status weft_payload_open(struct weft_payload *payload, grpc_byte_buffer *buffer, size_t max_bytes,
                              struct weft_fault *ret_fault)
{
    (void)max_bytes;
    *payload = (struct weft_payload){ .bytes = "", .joined = grpc_empty_slice() };
    if (buffer == NULL) return weft_fault_set(ret_fault, WEFT_INVALID_ARGUMENT, "the call came without a message");
    const grpc_slice_buffer *slices = &buffer->data.raw.slice_buffer;
    if (slices->count > 1) return payload_join(payload, buffer, ret_fault);
    if (slices->count == 1) {
        payload->bytes = GRPC_SLICE_START_PTR(slices->slices[0]);
        payload->size = GRPC_SLICE_LENGTH(slices->slices[0]);
    }
    return WEFT_OK;
}

void weft_payload_close(struct weft_payload *payload)
{
    grpc_slice_unref(payload->joined);
}
