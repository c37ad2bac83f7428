/* contract/message.h - messages as the core handles them: made, completed, packed, keyed. The owner's thread. */
#ifndef WEFT_CONTRACT_MESSAGE_H
#define WEFT_CONTRACT_MESSAGE_H

#include "base/arena.h"
#include "base/fault.h"
#include <weft/contract.h>

/* Initialised, in the arena. */
ProtobufCMessage *weft_message_make(struct weft_arena *arena, const ProtobufCMessageDescriptor *descriptor);

/* A copy of the message's own struct, and of nested ones where needed, whose `base`s are set, so that protobuf-c can
 * pack what was written as a compound literal. Fields are shared, the original is not written to. INVALID_ARGUMENT:
 * invalid UTF-8, with the field's name; a cycle or nesting over 100. */
weft_status weft_message_complete(struct weft_arena *arena, const ProtobufCMessageDescriptor *descriptor,
                                  const ProtobufCMessage *message, const ProtobufCMessage **ret_message,
                                  struct weft_fault *ret_fault);

/* Packs a complete message into the arena. */
struct weft_bytes {
    const uint8_t *data;
    size_t size;
};
struct weft_bytes weft_message_pack(struct weft_arena *arena, const ProtobufCMessage *message);

/* The event's key as text ("" when unset). */
const char *weft_message_key(struct weft_arena *arena, const struct weft_event_type *type,
                             const ProtobufCMessage *message);

#endif
