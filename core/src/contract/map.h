/* contract/map.h - maps as protobuf-c holds them: arrays of entries, in which a key may stand more than once. */
#ifndef WEFT_CONTRACT_MAP_H
#define WEFT_CONTRACT_MAP_H

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stddef.h>

/* Which entries count: of those with one key the last. ret_keep[i] is set for each of the n; returns how many count.
 * `entries` may hold NULL: never kept. */
size_t weft_map_last(const ProtobufCMessageDescriptor *entry, const ProtobufCMessage *const *entries, size_t n,
                     bool *ret_keep);

#endif
