/* data/cache/sealed.c - two bytes that say what follows, and a CRC-32 over key, type and message. No protobuf message
 * begins with the first byte (its wire type is none). */
#include "data/cache/sealed.h"

#include <string.h>
#include <zlib.h>

static const uint8_t seal_mark[2] = { 0xff, 1 };

static uint32_t seal_sum(const char *key, const ProtobufCMessageDescriptor *descriptor, const void *packed, size_t size)
{
    uLong sum = crc32_z(0, (const Bytef *)key, strlen(key) + 1);
    sum = crc32_z(sum, (const Bytef *)descriptor->name, strlen(descriptor->name) + 1);
    return (uint32_t)(size == 0 ? sum : crc32_z(sum, packed, size));
}

static void sum_write(uint8_t *to, uint32_t sum)
{
    for (unsigned byte = 0; byte < sizeof sum; byte++)
        to[byte] = (uint8_t)(sum >> (8 * byte));
}

struct weft_bytes weft_sealed_pack(struct weft_arena *arena, const char *key, const ProtobufCMessage *message)
{
    size_t size = protobuf_c_message_get_packed_size(message);
    uint8_t *sealed = weft_arena_alloc(arena, WEFT_SEAL_BYTES + size);
    protobuf_c_message_pack(message, sealed + WEFT_SEAL_BYTES);
    memcpy(sealed, seal_mark, sizeof seal_mark);
    sum_write(sealed + sizeof seal_mark, seal_sum(key, message->descriptor, sealed + WEFT_SEAL_BYTES, size));
    return (struct weft_bytes){ .data = sealed, .size = WEFT_SEAL_BYTES + size };
}

bool weft_sealed_open(const char *key, const ProtobufCMessageDescriptor *descriptor, const void *value, size_t size,
                      struct weft_bytes *ret_packed)
{
    const uint8_t *sealed = value;
    uint8_t sum[sizeof(uint32_t)];
    if (size < WEFT_SEAL_BYTES || memcmp(sealed, seal_mark, sizeof seal_mark) != 0) return false;
    sum_write(sum, seal_sum(key, descriptor, sealed + WEFT_SEAL_BYTES, size - WEFT_SEAL_BYTES));
    if (memcmp(sealed + sizeof seal_mark, sum, sizeof sum) != 0) return false;
    *ret_packed =
        (struct weft_bytes){ .data = (void *)(uintptr_t)(sealed + WEFT_SEAL_BYTES), .size = size - WEFT_SEAL_BYTES };
    return true;
}
