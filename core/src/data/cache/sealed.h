/* data/cache/sealed.h - values as they stand in the cache: a message behind a seal, so that what is not exactly what
 * was put there under this key, as this type, is known for damaged. Protobuf alone would read half a message, or
 * another type's, without complaint. Any thread. */
#ifndef WEFT_DATA_SEALED_H
#define WEFT_DATA_SEALED_H

#include "contract/message.h"

enum { WEFT_SEAL_BYTES = 6 };

/* The message, complete, packed and sealed, in the arena. */
struct weft_bytes weft_sealed_pack(struct weft_arena *arena, const char *key, const ProtobufCMessage *message);
/* The packed message within, borrowed; false: damaged. */
bool weft_sealed_open(const char *key, const ProtobufCMessageDescriptor *descriptor, const void *value, size_t size,
                      struct weft_bytes *ret_packed);

#endif
