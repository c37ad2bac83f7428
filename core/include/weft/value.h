/* weft/value.h - typed values: what goes into a SQL statement and what comes out of one.
 *
 * Shared by service authors (service.h) and plugin authors (plugin.h). A value borrows what it points to: whoever
 * passes it keeps the memory alive until the call returns, unless the function that takes it says that it copies.
 */
#ifndef WEFT_VALUE_H
#define WEFT_VALUE_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

enum weft_type {
    WEFT_TYPE_NULL = 0,
    WEFT_TYPE_BOOL = 1,   /* as.integer, 0 or 1 */
    WEFT_TYPE_INT = 2,    /* as.integer */
    WEFT_TYPE_DOUBLE = 3, /* as.real */
    WEFT_TYPE_TEXT = 4,   /* as.text: UTF-8, size bytes without the NUL that follows; no NUL inside. UUIDs and JSON too */
    WEFT_TYPE_BYTES = 5,  /* as.bytes, size bytes */
    WEFT_TYPE_TIME = 6,   /* as.integer: microseconds since 1970-01-01T00:00:00Z */
    WEFT_TYPE_INTS = 7,   /* as.ints, size elements; parameters only. PostgreSQL: an array; SQLite: a JSON array */
    WEFT_TYPE_TEXTS = 8   /* as.texts, size elements, NULL elements are SQL NULL; parameters only, as above */
};

/* One value. Travels in arrays by value: 24 bytes for all of ABI major 1. */
struct weft_value {
    uint32_t type; /* enum weft_type */
    uint32_t spare;
    uint64_t size; /* bytes or elements, by type; 0 for scalars */
    union {
        int64_t integer;
        double real;
        const char *text;
        const void *bytes;
        const int64_t *ints;
        const char *const *texts;
    } as;
};

static inline struct weft_value weft_null(void)
{
    struct weft_value value;
    memset(&value, 0, sizeof value);
    return value;
}

/* What the next ones are made of. */
static inline struct weft_value weft_integer_of(uint32_t type, int64_t integer)
{
    struct weft_value value = weft_null();
    value.type = type;
    value.as.integer = integer;
    return value;
}

static inline struct weft_value weft_bool(bool truth) { return weft_integer_of(WEFT_TYPE_BOOL, truth ? 1 : 0); }
static inline struct weft_value weft_int(int64_t integer) { return weft_integer_of(WEFT_TYPE_INT, integer); }
static inline struct weft_value weft_time_us(int64_t us) { return weft_integer_of(WEFT_TYPE_TIME, us); }
static inline struct weft_value weft_time_ms(int64_t ms) { return weft_integer_of(WEFT_TYPE_TIME, ms * 1000); }

static inline struct weft_value weft_double(double real)
{
    struct weft_value value = weft_null();
    value.type = WEFT_TYPE_DOUBLE;
    value.as.real = real;
    return value;
}

/* NULL text is SQL NULL. */
static inline struct weft_value weft_text(const char *text)
{
    struct weft_value value = weft_null();
    if (text != NULL) {
        value.type = WEFT_TYPE_TEXT;
        value.size = strlen(text);
        value.as.text = text;
    }
    return value;
}

/* NULL bytes are SQL NULL, whatever their size. */
static inline struct weft_value weft_bytes(const void *bytes, uint64_t size)
{
    struct weft_value value = weft_null();
    if (bytes != NULL) {
        value.type = WEFT_TYPE_BYTES;
        value.size = size;
        value.as.bytes = bytes;
    }
    return value;
}

static inline struct weft_value weft_ints(const int64_t *ints, uint64_t count)
{
    struct weft_value value = weft_null();
    value.type = WEFT_TYPE_INTS;
    value.size = count;
    value.as.ints = ints;
    return value;
}

static inline struct weft_value weft_texts(const char *const *texts, uint64_t count)
{
    struct weft_value value = weft_null();
    value.type = WEFT_TYPE_TEXTS;
    value.size = count;
    value.as.texts = texts;
    return value;
}

/* For the macros of sql.h: a value stays what it is. */
static inline struct weft_value weft_value_same(struct weft_value value) { return value; }

#ifdef __cplusplus
}
#endif
#endif
