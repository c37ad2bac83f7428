/* contract/guard.h - the one gate for bytes from outside. protobuf-c checks neither size, depth, field count, UTF-8 nor
 * NUL, and a deep message overflows its stack: so the wire is read here first, without recursion. Any thread. */
#ifndef WEFT_CONTRACT_GUARD_H
#define WEFT_CONTRACT_GUARD_H

#include "base/arena.h"
#include "base/fault.h"
#include <stdint.h>

struct weft_guard_limits {
    uint64_t max_bytes;
    uint32_t max_depth;  /* messages inside messages */
    uint32_t max_fields; /* in all, unknown ones included */
    uint64_t max_memory; /* what the unpacked message takes; 0: 8 * max_bytes. A two-byte field can ask for hundreds */
};

enum { WEFT_GUARD_DEPTH_MAX = 100 }; /* max_depth is at most this: unpacking recurses */

#define WEFT_GUARD_DEFAULT                                                                                             \
    {                                                                                                                  \
        4u << 20, WEFT_GUARD_DEPTH_MAX, 100000, 32u << 20                                                              \
    }

/* Unpacks into the arena. Fails with INVALID_ARGUMENT (too deep, malformed, invalid UTF-8 or NUL in a string, naming
 * the field) or RESOURCE_EXHAUSTED (too large, too many fields, too much memory); *ret_message is untouched then. */
weft_status weft_guard_unpack(const struct weft_guard_limits *limits, const ProtobufCMessageDescriptor *descriptor,
                              const void *bytes, size_t size, struct weft_arena *arena, ProtobufCMessage **ret_message,
                              struct weft_fault *ret_fault);

#endif
