/* contract/json/json_number.c - numbers and base64 as text. */
#include "contract/json/json_text.h"

#include <ctype.h>
#include <math.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- real numbers ------------------------------------------------------------------------------------------------ */

/* The shortest form that reads back as the same number. */
void weft_json_real_write(struct weft_buffer *buffer, double real, bool is_float)
{
    char text[40];
    if (isnan(real)) {
        weft_buffer_text(buffer, "\"NaN\"");
    } else if (isinf(real)) {
        weft_buffer_text(buffer, real > 0 ? "\"Infinity\"" : "\"-Infinity\"");
    } else {
        int last = is_float ? 9 : 17; /* digits that always suffice */
        for (int digits = is_float ? 6 : 15; digits <= last; digits++) {
            snprintf(text, sizeof text, "%.*g", digits, real);
            double back = is_float ? (double)strtof(text, NULL) : strtod(text, NULL);
            if (memcmp(&back, &real, sizeof back) == 0) break;
        }
        weft_buffer_text(buffer, text);
    }
}

static size_t skip_digits(const char *text, size_t size, size_t at)
{
    while (at < size && isdigit((unsigned char)text[at]))
        at++;
    return at;
}

bool weft_json_is_number(const char *text, size_t size)
{
    size_t at = size > 0 && text[0] == '-' ? 1 : 0, after;
    if (at < size && text[at] == '0')
        after = at + 1;
    else
        after = skip_digits(text, size, at);
    if (after == at) return false;
    at = after;
    if (at < size && text[at] == '.') {
        after = skip_digits(text, size, at + 1);
        if (after == at + 1) return false;
        at = after;
    }
    if (at < size && (text[at] == 'e' || text[at] == 'E')) {
        at++;
        if (at < size && (text[at] == '+' || text[at] == '-')) at++;
        after = skip_digits(text, size, at);
        if (after == at) return false;
        at = after;
    }
    return at == size;
}

static bool is_name(const char *text, size_t size, const char *name)
{
    return size == strlen(name) && memcmp(text, name, size) == 0;
}

bool weft_json_real_read(const char *text, size_t size, bool names, bool is_float, double *ret_value)
{
    if (names && is_name(text, size, "NaN")) return *ret_value = (double)NAN, true;
    if (names && is_name(text, size, "Infinity")) return *ret_value = (double)INFINITY, true;
    if (names && is_name(text, size, "-Infinity")) return *ret_value = (double)-INFINITY, true;
    if (!weft_json_is_number(text, size)) return false;
    char small[64], *copy = size < sizeof small ? small : malloc(size + 1);
    if (copy == NULL) return false;
    memcpy(copy, text, size);
    copy[size] = '\0';
    *ret_value = is_float ? (double)strtof(copy, NULL) : strtod(copy, NULL);
    if (copy != small) free(copy);
    return isfinite(*ret_value);
}

/* ---- whole numbers ----------------------------------------------------------------------------------------------- */

/* Digits and the power of ten they are to be multiplied by. */
struct decimal {
    bool negative;
    const char *text; /* the digits, a point among them */
    size_t size;
    int64_t exponent; /* of the last digit */
};

enum { EXPONENT_MAX = 1000000 }; /* out of every range, whatever the digits before it */

static int64_t parse_exponent(const char *text, const char *end)
{
    int64_t exponent = 0;
    bool negative = *text == '-';
    for (text += negative || *text == '+'; text < end && exponent < EXPONENT_MAX; text++)
        exponent = exponent * 10 + (*text - '0');
    return negative ? -exponent : exponent;
}

/* Trailing zeros go into the exponent, so that what is left has a fraction if and only if the exponent is below 0. */
static struct decimal parse_decimal(const char *text, size_t size)
{
    struct decimal decimal = { .negative = *text == '-' };
    decimal.text = text + decimal.negative;
    const char *end = text + size, *e = decimal.text;
    while (e < end && *e != 'e' && *e != 'E')
        e++;
    if (e < end) decimal.exponent = parse_exponent(e + 1, end);
    const char *point = memchr(decimal.text, '.', (size_t)(e - decimal.text));
    if (point != NULL) decimal.exponent -= e - point - 1;
    while (e > decimal.text && (e[-1] == '0' || e[-1] == '.')) {
        if (*--e == '0') decimal.exponent++;
    }
    decimal.size = (size_t)(e - decimal.text);
    return decimal;
}

/* The value without its sign; false: it has a fraction, or is above UINT64_MAX. */
static bool decimal_value(const struct decimal *decimal, uint64_t *ret_value)
{
    uint64_t value = 0;
    *ret_value = 0;
    if (decimal->size == 0) return true; /* zeros alone */
    if (decimal->exponent < 0) return false;
    for (size_t i = 0; i < decimal->size; i++) {
        if (decimal->text[i] == '.') continue;
        if (__builtin_mul_overflow(value, 10u, &value) ||
            __builtin_add_overflow(value, (unsigned)(decimal->text[i] - '0'), &value))
            return false;
    }
    for (int64_t i = 0; i < decimal->exponent; i++)
        if (__builtin_mul_overflow(value, 10u, &value)) return false;
    *ret_value = value;
    return true;
}

bool weft_json_signed_read(const char *text, size_t size, int64_t min, int64_t max, int64_t *ret_value)
{
    uint64_t value;
    if (!weft_json_is_number(text, size)) return false;
    struct decimal decimal = parse_decimal(text, size);
    if (!decimal_value(&decimal, &value)) return false;
    uint64_t limit = decimal.negative ? 0 - (uint64_t)min : (uint64_t)max;
    if (value > limit) return false;
    *ret_value = (int64_t)(decimal.negative ? 0 - value : value);
    return true;
}

bool weft_json_unsigned_read(const char *text, size_t size, uint64_t max, uint64_t *ret_value)
{
    uint64_t value;
    if (!weft_json_is_number(text, size)) return false;
    struct decimal decimal = parse_decimal(text, size);
    if (!decimal_value(&decimal, &value) || value > max || (decimal.negative && value > 0)) return false;
    *ret_value = value;
    return true;
}

/* ---- base64 ------------------------------------------------------------------------------------------------------ */

void weft_json_base64_write(struct weft_buffer *buffer, const uint8_t *data, size_t size)
{
    unsigned char block[65]; /* 48 bytes make 64 characters and a NUL */
    for (size_t at = 0; at < size; at += 48) {
        size_t n = size - at < 48 ? size - at : 48;
        int written = EVP_EncodeBlock(block, data + at, (int)n);
        weft_buffer_add(buffer, block, (size_t)written);
    }
}

/* Into the plain alphabet; 0: not base64 at all. */
static unsigned char plain_digit(char c)
{
    if (c == '-') return '+';
    if (c == '_') return '/';
    return isalnum((unsigned char)c) || c == '+' || c == '/' ? (unsigned char)c : 0;
}

bool weft_json_base64_read(const char *text, size_t size, uint8_t *ret_data, size_t *ret_size)
{
    size_t total = 0;
    size_t padding = 0; /* it tells nothing that the size does not */
    if (size % 4 == 0)
        while (padding < 2 && padding < size && text[size - 1 - padding] == '=')
            padding++;
    size -= padding;
    if (size % 4 == 1) return false;
    for (size_t at = 0; at < size; at += 4) {
        unsigned char group[4] = { 'A', 'A', 'A', 'A' }, bytes[3];
        size_t n = size - at < 4 ? size - at : 4;
        for (size_t i = 0; i < n; i++)
            if ((group[i] = plain_digit(text[at + i])) == 0) return false;
        if (EVP_DecodeBlock(bytes, group, 4) != 3) return false;
        memcpy(ret_data + total, bytes, n - 1);
        total += n - 1;
    }
    *ret_size = total;
    return true;
}
