/* contract/wire.h - the wire format's smallest pieces (protobuf.dev/programming-guides/encoding). Any thread. */
#ifndef WEFT_CONTRACT_WIRE_H
#define WEFT_CONTRACT_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { WEFT_WIRE_VARINT = 0, WEFT_WIRE_FIXED64 = 1, WEFT_WIRE_DELIMITED = 2, WEFT_WIRE_FIXED32 = 5 };

/* Reads a varint of at most `max` bytes and moves `at` behind it; false: it is cut off or longer. */
static inline bool weft_wire_varint(const uint8_t **at, const uint8_t *end, size_t max, uint64_t *ret_value)
{
    uint64_t value = 0;
    size_t left = (size_t)(end - *at);
    for (size_t i = 0; i < max && i < left; i++) {
        uint8_t byte = (*at)[i];
        value |= (uint64_t)(byte & 0x7F) << (7 * i);
        if (byte < 0x80) {
            *at += i + 1;
            *ret_value = value;
            return true;
        }
    }
    return false;
}

#endif
