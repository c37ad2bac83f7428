/* data/rows.c - what a handler reads of rows. A column that is not there, or a row not stepped to, reads as NULL. */
#include "data/rows.h"

#include "base/clock.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct weft_rows {
    struct weft_arena *arena;
    struct weft_value *values;
    uint32_t n_rows, n_columns;
    uint32_t next; /* the row that weft_next steps to; the current one is before it */
    uint32_t spare;
};

static bool has_bytes(const struct weft_value *value)
{
    return value->type == WEFT_TYPE_TEXT || value->type == WEFT_TYPE_BYTES;
}

weft_rows *weft_rows_new(struct weft_arena *arena, const struct weft_rowset *set)
{
    weft_rows *rows = weft_arena_alloc(arena, sizeof *rows);
    const size_t n = (size_t)set->n_rows * set->n_columns;
    rows->arena = arena;
    rows->n_rows = set->n_rows;
    rows->n_columns = set->n_columns;
    if (n == 0) return rows;
    rows->values = weft_arena_copy(arena, set->values, n * sizeof *rows->values);
    size_t size = 0;
    for (size_t i = 0; i < n; i++)
        size += has_bytes(&rows->values[i]) ? rows->values[i].size + 1 : 0;
    char *at = weft_arena_alloc(arena, size); /* one piece for all texts; zeroed, so a NUL follows each */
    for (size_t i = 0; i < n; i++) {
        struct weft_value *value = &rows->values[i];
        if (!has_bytes(value)) continue;
        if (value->size > 0) memcpy(at, value->as.bytes, value->size);
        value->as.bytes = at;
        at += value->size + 1;
    }
    return rows;
}

bool weft_next(weft_rows *rows)
{
    if (rows == NULL || rows->next >= rows->n_rows) return false;
    rows->next++;
    return true;
}

uint32_t weft_row_count(const weft_rows *rows)
{
    return rows->n_rows;
}

static const struct weft_value *row_value(const weft_rows *rows, uint32_t column)
{
    static const struct weft_value null = { 0 };
    if (rows->next == 0 || column >= rows->n_columns) return &null;
    return &rows->values[(size_t)(rows->next - 1) * rows->n_columns + column];
}

bool weft_is_null(const weft_rows *rows, uint32_t column)
{
    return row_value(rows, column)->type == WEFT_TYPE_NULL;
}

static char *time_text(struct weft_arena *arena, int64_t us)
{
    char *text = weft_arena_alloc(arena, 28);
    weft_clock_format(us, text);
    return text;
}

char *weft_get_text(const weft_rows *rows, uint32_t column)
{
    const struct weft_value *value = row_value(rows, column);
    switch (value->type) {
    case WEFT_TYPE_TEXT:
    case WEFT_TYPE_BYTES:
        return (char *)value->as.text; /* ours: in the arena */
    case WEFT_TYPE_BOOL:
        return weft_arena_strdup(rows->arena, value->as.integer != 0 ? "true" : "false");
    case WEFT_TYPE_INT:
        return weft_arena_format(rows->arena, "%lld", (long long)value->as.integer);
    case WEFT_TYPE_DOUBLE:
        return weft_arena_format(rows->arena, "%.17g", value->as.real);
    case WEFT_TYPE_TIME:
        return time_text(rows->arena, value->as.integer);
    default:
        return (char *)protobuf_c_empty_string; /* as an unset string field of a message */
    }
}

static int64_t real_integer(double real)
{
    if (isnan(real)) return 0;
    if (real >= 0x1p63) return INT64_MAX;
    return real <= -0x1p63 ? INT64_MIN : (int64_t)real;
}

int64_t weft_get_int(const weft_rows *rows, uint32_t column)
{
    const struct weft_value *value = row_value(rows, column);
    switch (value->type) {
    case WEFT_TYPE_BOOL:
    case WEFT_TYPE_INT:
    case WEFT_TYPE_TIME:
        return value->as.integer;
    case WEFT_TYPE_DOUBLE:
        return real_integer(value->as.real);
    case WEFT_TYPE_TEXT:
        return strtoll(value->as.text, NULL, 10);
    default:
        return 0;
    }
}

double weft_get_double(const weft_rows *rows, uint32_t column)
{
    const struct weft_value *value = row_value(rows, column);
    if (value->type == WEFT_TYPE_DOUBLE) return value->as.real;
    if (value->type == WEFT_TYPE_TEXT) return strtod(value->as.text, NULL);
    return (double)weft_get_int(rows, column);
}

bool weft_get_bool(const weft_rows *rows, uint32_t column)
{
    const struct weft_value *value = row_value(rows, column);
    if (value->type != WEFT_TYPE_TEXT) return weft_get_int(rows, column) != 0;
    return strcmp(value->as.text, "t") == 0 || strcmp(value->as.text, "true") == 0 || strcmp(value->as.text, "1") == 0;
}

/* Stores without a time type of their own keep microseconds as an integer. */
int64_t weft_get_time_ms(const weft_rows *rows, uint32_t column)
{
    const int64_t us = weft_get_int(rows, column);
    return us / 1000 - (us % 1000 < 0 ? 1 : 0);
}

ProtobufCBinaryData weft_get_bytes(const weft_rows *rows, uint32_t column)
{
    const struct weft_value *value = row_value(rows, column);
    ProtobufCBinaryData data = { 0, NULL };
    if (!has_bytes(value)) return data;
    data.len = value->size;
    data.data = (uint8_t *)value->as.bytes;
    return data;
}
