#include "base/digest.h"

#include <openssl/sha.h>
#include <stdio.h>

void weft_digest(const void *bytes, size_t size, uint8_t ret_digest[WEFT_DIGEST_BYTES])
{
    SHA256(bytes, size, ret_digest);
}

void weft_digest_hex(const uint8_t digest[WEFT_DIGEST_BYTES], char ret_hex[2 * WEFT_DIGEST_BYTES + 1])
{
    for (size_t i = 0; i < WEFT_DIGEST_BYTES; i++)
        snprintf(ret_hex + 2 * i, 3, "%02x", digest[i]);
}
