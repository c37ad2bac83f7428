/* contract/json/json_text.h - values whose JSON form is text of its own kind: times, masks, base64, numbers. Any
 * thread. */
#ifndef WEFT_CONTRACT_JSON_TEXT_H
#define WEFT_CONTRACT_JSON_TEXT_H

#include "base/buffer.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Writers append the text without quotes; false: the value has no such form. */
bool weft_json_timestamp_write(struct weft_buffer *buffer, int64_t seconds, int32_t nanos); /* RFC 3339, Z */
bool weft_json_duration_write(struct weft_buffer *buffer, int64_t seconds, int32_t nanos);  /* "1.500s" */
bool weft_json_path_write(struct weft_buffer *buffer, const char *path);                    /* a_b.c_d: "aB.cD" */
void weft_json_base64_write(struct weft_buffer *buffer, const uint8_t *data, size_t size);
void weft_json_real_write(struct weft_buffer *buffer, double real,
                          bool is_float); /* quotes NaN and infinities itself */

/* Readers: false when the text is not of the form, or out of range. */
bool weft_json_timestamp_read(const char *text, size_t size, int64_t *ret_seconds, int32_t *ret_nanos);
bool weft_json_duration_read(const char *text, size_t size, int64_t *ret_seconds, int32_t *ret_nanos);
bool weft_json_path_read(struct weft_buffer *buffer, const char *text, size_t size); /* "aB.cD": appends a_b.c_d */
/* Plain or URL-safe alphabet, padded or not. `ret_data` has room for size / 4 * 3 + 3 bytes. */
bool weft_json_base64_read(const char *text, size_t size, uint8_t *ret_data, size_t *ret_size);
/* Is it a number by JSON's grammar (RFC 8259 section 6), the whole text? */
bool weft_json_is_number(const char *text, size_t size);
/* A number whose value is whole, 1e3 and 5.0 included, and from `min` to `max`. */
bool weft_json_signed_read(const char *text, size_t size, int64_t min, int64_t max, int64_t *ret_value);
bool weft_json_unsigned_read(const char *text, size_t size, uint64_t max, uint64_t *ret_value);
/* A number, or NaN, Infinity, -Infinity if `names`. False too when it is too large for a double, or float. */
bool weft_json_real_read(const char *text, size_t size, bool names, bool is_float, double *ret_value);

#endif
