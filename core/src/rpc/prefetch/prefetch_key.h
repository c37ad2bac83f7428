/* rpc/prefetch/prefetch_key.h - which cache key a call begins with: text with one field of the request in it. */
#ifndef WEFT_RPC_PREFETCH_KEY_H
#define WEFT_RPC_PREFETCH_KEY_H

#include "base/arena.h"
#include "base/fault.h"
#include <weft/contract.h>

/* "user:profile:{id}" taken apart. */
struct weft_prefetch_key {
    const char *before, *after;             /* "user:profile:", "" */
    const ProtobufCFieldDescriptor *string; /* a string field of the method's input */
};

/* Into the arena. INVALID_ARGUMENT: there is not one {field} in `text`, or it is no string of the method's input. */
weft_status weft_prefetch_key_parse(struct weft_arena *arena, const struct weft_method_type *method, const char *text,
                                    const struct weft_prefetch_key **ret_key, struct weft_fault *ret_fault);

/* The key of this request, in the arena; NULL: the field is empty or absent. Any thread. */
const char *weft_prefetch_key_of(const struct weft_prefetch_key *key, struct weft_arena *arena,
                                 const ProtobufCMessage *in);

#endif
