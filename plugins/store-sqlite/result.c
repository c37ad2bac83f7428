/* result.c - SQLite keeps integers, reals, texts and blobs; what an integer means is said by the column's declared
 * type. */
#include "result.h"

#include <string.h>
#include <strings.h>

struct rows {
    struct weft_value *values;
    uint32_t n_columns;
    uint64_t n, capacity; /* values */
};

/* timestamp, timestamptz, datetime: microseconds since the epoch. bool, boolean: 0 and 1. */
static uint32_t integer_type(const char *declared)
{
    if (declared == NULL) return WEFT_TYPE_INT;
    if (strncasecmp(declared, "timestamp", 9) == 0 || strcasecmp(declared, "datetime") == 0) return WEFT_TYPE_TIME;
    return strncasecmp(declared, "bool", 4) == 0 ? WEFT_TYPE_BOOL : WEFT_TYPE_INT;
}

static bool value_copy(struct weft_value *value, uint32_t type, const void *bytes, int size, struct weft_bump *bump)
{
    value->type = type;
    value->size = (uint64_t)size;
    value->as.text = weft_bump_copy(bump, bytes, (size_t)size);
    return value->as.text != NULL;
}

static bool value_read(sqlite3_stmt *handle, int column, struct weft_value *value, struct weft_bump *bump)
{
    *value = weft_null();
    switch (sqlite3_column_type(handle, column)) {
    case SQLITE_INTEGER:
        *value = weft_integer_of(integer_type(sqlite3_column_decltype(handle, column)),
                                 sqlite3_column_int64(handle, column));
        return true;
    case SQLITE_FLOAT:
        *value = weft_double(sqlite3_column_double(handle, column));
        return true;
    case SQLITE_TEXT: {
        const void *text = sqlite3_column_text(handle, column);
        return value_copy(value, WEFT_TYPE_TEXT, text, sqlite3_column_bytes(handle, column), bump);
    }
    case SQLITE_BLOB: {
        const void *blob = sqlite3_column_blob(handle, column);
        return value_copy(value, WEFT_TYPE_BYTES, blob, sqlite3_column_bytes(handle, column), bump);
    }
    default:
        return true;
    }
}

static bool rows_grow(struct rows *rows, struct weft_bump *bump)
{
    const uint64_t capacity = rows->capacity == 0 ? rows->n_columns * 4u : rows->capacity * 2;
    struct weft_value *values = weft_bump_alloc(bump, capacity * sizeof *values);
    if (values == NULL) return false;
    if (rows->n > 0) memcpy(values, rows->values, rows->n * sizeof *values);
    rows->values = values;
    rows->capacity = capacity;
    return true;
}

static bool row_read(sqlite3_stmt *handle, struct rows *rows, struct weft_bump *bump)
{
    if (rows->n + rows->n_columns > rows->capacity && !rows_grow(rows, bump)) return false;
    for (uint32_t i = 0; i < rows->n_columns; i++)
        if (!value_read(handle, (int)i, &rows->values[rows->n + i], bump)) return false;
    rows->n += rows->n_columns;
    return true;
}

static const char *const *columns_copy(sqlite3_stmt *handle, uint32_t n, struct weft_bump *bump)
{
    const char **columns = weft_bump_alloc(bump, (n + 1) * sizeof *columns);
    for (uint32_t i = 0; columns != NULL && i < n; i++) {
        columns[i] = weft_bump_text(bump, sqlite3_column_name(handle, (int)i));
        if (columns[i] == NULL) return NULL;
    }
    return columns;
}

int weft_sqlite_rows_read(sqlite3_stmt *handle, struct weft_bump *bump, struct weft_rowset *ret_set)
{
    /* The first step may prepare the statement anew after a change of the schema, and only then knows its columns. */
    int code = sqlite3_step(handle);
    struct rows rows = { .n_columns = (uint32_t)sqlite3_column_count(handle) };
    const char *const *columns = columns_copy(handle, rows.n_columns, bump);
    if (columns == NULL) return SQLITE_TOOBIG;
    for (; code == SQLITE_ROW; code = sqlite3_step(handle))
        if (!row_read(handle, &rows, bump)) return SQLITE_TOOBIG;
    ret_set->values = rows.values;
    ret_set->columns = columns;
    ret_set->n_columns = rows.n_columns;
    ret_set->n_rows = rows.n_columns == 0 ? 0 : (uint32_t)(rows.n / rows.n_columns);
    return code;
}
