/* contract/json/json.h - the proto3 JSON mapping (protobuf.dev/programming-guides/json) over descriptors and side
 * tables. */
#ifndef WEFT_CONTRACT_JSON_H
#define WEFT_CONTRACT_JSON_H

#include "base/arena.h"
#include "base/buffer.h"
#include "base/fault.h"
#include <weft/contract.h>

enum {
    WEFT_JSON_MASK = 1,     /* sensitive fields as "***" */
    WEFT_JSON_DEFAULTS = 2, /* fields that are unset, too */
    WEFT_JSON_INDENT = 4
};

/* Appends the message. INTERNAL on invalid values (a timestamp out of range), with the field's name. */
weft_status weft_json_write(const struct weft_message_type *type, const ProtobufCMessage *message, uint32_t flags,
                            struct weft_buffer *buffer, struct weft_fault *ret_fault);

/* Reads one JSON document into the arena. INVALID_ARGUMENT with line, column and field: malformed, unknown field, wrong
 * type, out of range, duplicate key, deeper than 100. */
weft_status weft_json_read(const struct weft_message_type *type, const char *text, size_t size,
                           struct weft_arena *arena, ProtobufCMessage **ret_message, struct weft_fault *ret_fault);
/* The same for what another version of the contract may have written: unknown fields are passed over, as protobuf does.
 */
weft_status weft_json_read_known(const struct weft_message_type *type, const char *text, size_t size,
                                 struct weft_arena *arena, ProtobufCMessage **ret_message,
                                 struct weft_fault *ret_fault);

#endif
