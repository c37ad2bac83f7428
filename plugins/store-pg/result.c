/* result.c - rows as typed values. Results come as text; numbers and times are read, texts stay where they are. */
#include "pg.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { /* catalog pg_type; fixed for all versions */
       OID_BOOL = 16,
       OID_BYTEA = 17,
       OID_INT8 = 20,
       OID_INT2 = 21,
       OID_INT4 = 23,
       OID_OID = 26,
       OID_FLOAT4 = 700,
       OID_FLOAT8 = 701,
       OID_TIMESTAMP = 1114,
       OID_TIMESTAMPTZ = 1184
};

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* bytea_output = hex: \x and two digits a byte. */
static bool bytes_read(struct weft_bump *bump, const char *text, size_t size, struct weft_value *ret_value)
{
    if (size < 2 || text[0] != '\\' || text[1] != 'x') return false;
    size_t n = (size - 2) / 2;
    char *bytes = weft_bump_alloc(bump, n + 1);
    if (bytes == NULL) return false;
    for (size_t i = 0; i < n; i++) {
        int high = hex_digit(text[2 + 2 * i]), low = hex_digit(text[3 + 2 * i]);
        if (high < 0 || low < 0) return false;
        bytes[i] = (char)(high << 4 | low);
    }
    bytes[n] = '\0';
    *ret_value = weft_bytes(bytes, n);
    return true;
}

static bool digits_read(const char **at, int count, int *ret_number)
{
    int number = 0;
    for (int i = 0; i < count; i++, (*at)++) {
        if (**at < '0' || **at > '9') return false;
        number = number * 10 + (**at - '0');
    }
    *ret_number = number;
    return true;
}

static int64_t fraction_read(const char **at)
{
    int64_t us = 0, scale = 100000;
    if (**at != '.') return 0;
    for ((*at)++; **at >= '0' && **at <= '9'; (*at)++, scale /= 10)
        us += (**at - '0') * scale;
    return us;
}

/* "2026-11-24 15:26:12.5+00": DateStyle ISO, TimeZone UTC. Infinities and other eras stay text. */
static bool time_read(const char *text, struct weft_value *ret_value)
{
    struct tm utc = { 0 };
    const char *at = text;
    if (!digits_read(&at, 4, &utc.tm_year) || *at++ != '-' || !digits_read(&at, 2, &utc.tm_mon) || *at++ != '-' ||
        !digits_read(&at, 2, &utc.tm_mday) || *at++ != ' ' || !digits_read(&at, 2, &utc.tm_hour) || *at++ != ':' ||
        !digits_read(&at, 2, &utc.tm_min) || *at++ != ':' || !digits_read(&at, 2, &utc.tm_sec))
        return false;
    int64_t us = fraction_read(&at);
    if (*at != '\0' && strcmp(at, "+00") != 0) return false;
    utc.tm_year -= 1900;
    utc.tm_mon -= 1;
    *ret_value = weft_time_us((int64_t)timegm(&utc) * 1000000 + us);
    return true;
}

static bool number_read(const char *text, struct weft_value *ret_value)
{
    char *end;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    *ret_value = weft_int(number);
    return errno == 0 && *end == '\0';
}

static struct weft_value text_value(const char *text, size_t size)
{
    struct weft_value value = weft_null();
    value.type = WEFT_TYPE_TEXT;
    value.size = size;
    value.as.text = text;
    return value;
}

static bool value_read(struct weft_bump *bump, Oid type, const char *text, size_t size, struct weft_value *ret_value)
{
    switch (type) {
    case OID_BOOL:
        *ret_value = weft_bool(text[0] == 't');
        return true;
    case OID_INT2:
    case OID_INT4:
    case OID_INT8:
    case OID_OID:
        return number_read(text, ret_value);
    case OID_FLOAT4:
    case OID_FLOAT8:
        *ret_value = weft_double(strtod(text, NULL));
        return true;
    case OID_BYTEA:
        return bytes_read(bump, text, size, ret_value);
    case OID_TIMESTAMP:
    case OID_TIMESTAMPTZ:
        if (!time_read(text, ret_value)) *ret_value = text_value(text, size);
        return true;
    default:
        *ret_value = text_value(text, size);
        return true;
    }
}

static bool values_read(struct weft_bump *bump, const PGresult *result, struct weft_value *values, int rows,
                        int columns)
{
    for (int row = 0; row < rows; row++) {
        for (int column = 0; column < columns; column++, values++) {
            if (PQgetisnull(result, row, column))
                *values = weft_null();
            else if (!value_read(bump, PQftype(result, column), PQgetvalue(result, row, column),
                                 (size_t)PQgetlength(result, row, column), values))
                return false;
        }
    }
    return true;
}

static int64_t affected_read(const PGresult *result)
{
    /* Of a SELECT the tag counts rows too; only changes are affected rows. */
    const char *tag = PQcmdStatus((PGresult *)result);
    if (strncmp(tag, "SELECT", 6) == 0) return 0;
    return strtoll(PQcmdTuples((PGresult *)result), NULL, 10);
}

bool pg_rowset_make(struct weft_bump *bump, const PGresult *result, bool rows, struct weft_rowset *ret_set)
{
    *ret_set = (struct weft_rowset){ .affected = affected_read(result) };
    if (!rows) return true;
    int n_rows = PQntuples(result), n_columns = PQnfields(result);
    struct weft_value *values = weft_bump_alloc(bump, (size_t)n_rows * (size_t)n_columns * sizeof *values + 1);
    const char **columns = weft_bump_alloc(bump, (size_t)n_columns * sizeof *columns + 1);
    if (values == NULL || columns == NULL || !values_read(bump, result, values, n_rows, n_columns)) return false;
    for (int i = 0; i < n_columns; i++)
        columns[i] = PQfname(result, i);
    ret_set->values = values;
    ret_set->columns = columns;
    ret_set->n_rows = (uint32_t)n_rows;
    ret_set->n_columns = (uint32_t)n_columns;
    return true;
}
