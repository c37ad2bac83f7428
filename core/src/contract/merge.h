/* contract/merge.h - submessages that are sent in pieces. A field that holds one message may stand on the wire several
 * times; its pieces are then to be merged (protobuf.dev/programming-guides/encoding, "Last One Wins"). protobuf-c 1.4.1
 * merges wrongly, or refuses. As merging is the same as joining the pieces' bytes, we join them before it looks. */
#ifndef WEFT_CONTRACT_MERGE_H
#define WEFT_CONTRACT_MERGE_H

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Appends the message with each such field once to `out`. `bytes` have passed the guard's scan: they are well formed
 * and not too deep. False: more than `budget` bytes would have to be copied on the way. */
struct weft_buffer;
bool weft_merge(const ProtobufCMessageDescriptor *descriptor, const uint8_t *bytes, size_t size, uint64_t *budget,
                struct weft_buffer *out);

#endif
