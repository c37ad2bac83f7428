/* rpc/server/payload.h - messages as the bytes that core has received, or is to send. The owner's thread. */
#ifndef WEFT_RPC_PAYLOAD_H
#define WEFT_RPC_PAYLOAD_H

#include "base/fault.h"
#include <grpc/grpc.h>
#include <protobuf-c/protobuf-c.h>
#include <stddef.h>

struct weft_payload {
    const void *bytes; /* in place if core has them in one piece */
    size_t size;
    grpc_slice joined;       /* else: the pieces joined */
    unsigned char *inflated; /* decompressed; or NULL */
};

/* The buffer stays the caller's and is kept as it is until close, which follows on WEFT_OK only. Decompresses, up to
 * `max_bytes`. INVALID_ARGUMENT: no message, or not what its encoding says; RESOURCE_EXHAUSTED: too large;
 * UNIMPLEMENTED: an encoding we do not know. */
weft_status weft_payload_open(struct weft_payload *payload, grpc_byte_buffer *buffer, size_t max_bytes,
                              struct weft_fault *ret_fault);
void weft_payload_close(struct weft_payload *payload);

/* The way back: a complete message of `size` bytes packed, in one piece. The caller destroys it. */
grpc_byte_buffer *weft_payload_pack(const ProtobufCMessage *message, size_t size);

#endif
