/* base/digest.h - what identifies bytes that are not kept. Any thread. */
#ifndef WEFT_BASE_DIGEST_H
#define WEFT_BASE_DIGEST_H

#include <stddef.h>
#include <stdint.h>

enum { WEFT_DIGEST_BYTES = 32 };

void weft_digest(const void *bytes, size_t size, uint8_t ret_digest[WEFT_DIGEST_BYTES]); /* SHA-256 (FIPS 180-4) */
void weft_digest_hex(const uint8_t digest[WEFT_DIGEST_BYTES], char ret_hex[2 * WEFT_DIGEST_BYTES + 1]);

#endif
