/* param.c - a weft_value as a libpq parameter. Text, whose type the server infers, for all but bytes. */
#include "pg.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static bool param_text(const char *text, struct pg_param *ret_param)
{
    *ret_param = (struct pg_param){ text, 0, 0 };
    return text != NULL;
}

static bool param_format(struct weft_bump *bump, struct pg_param *ret_param, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static bool param_format(struct weft_bump *bump, struct pg_param *ret_param, const char *format, ...)
{
    enum { SCALAR_BYTES = 48 };
    char *text = weft_bump_alloc(bump, SCALAR_BYTES);
    if (text == NULL) return false;
    va_list args;
    va_start(args, format);
    vsnprintf(text, SCALAR_BYTES, format, args);
    va_end(args);
    return param_text(text, ret_param);
}

static bool param_time(struct weft_bump *bump, int64_t us, struct pg_param *ret_param)
{
    int64_t seconds = us / 1000000, rest = us % 1000000;
    if (rest < 0) {
        rest += 1000000;
        seconds--;
    }
    time_t when = (time_t)seconds;
    struct tm utc;
    /* A year that ISO 8601 cannot write in four digits is no time of an event: the server would refuse it as well. */
    if (gmtime_r(&when, &utc) == NULL || utc.tm_year < -1899 || utc.tm_year > 8099) return false;
    return param_format(bump, ret_param, "%04d-%02d-%02d %02d:%02d:%02d.%06d+00", utc.tm_year + 1900, utc.tm_mon + 1,
                        utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec, (int)rest);
}

/* An array literal, {1,2,3} (PostgreSQL documentation, section 8.15.6). */
static bool param_ints(struct weft_bump *bump, const struct weft_value *value, struct pg_param *ret_param)
{
    char *text = weft_bump_alloc(bump, value->size * 21 + 3), *at = text;
    if (text == NULL) return false;
    *at++ = '{';
    for (uint64_t i = 0; i < value->size; i++)
        at += sprintf(at, i == 0 ? "%lld" : ",%lld", (long long)value->as.ints[i]);
    *at++ = '}';
    *at = '\0';
    return param_text(text, ret_param);
}

static char *quote_element(char *at, const char *element)
{
    *at++ = '"';
    for (; *element != '\0'; element++) {
        if (*element == '"' || *element == '\\') *at++ = '\\';
        *at++ = *element;
    }
    *at++ = '"';
    return at;
}

static bool param_texts(struct weft_bump *bump, const struct weft_value *value, struct pg_param *ret_param)
{
    size_t size = 3;
    for (uint64_t i = 0; i < value->size; i++)
        size += value->as.texts[i] == NULL ? sizeof "NULL" : 2 * strlen(value->as.texts[i]) + 3;
    char *text = weft_bump_alloc(bump, size), *at = text;
    if (text == NULL) return false;
    *at++ = '{';
    for (uint64_t i = 0; i < value->size; i++) {
        if (i > 0) *at++ = ',';
        at = value->as.texts[i] == NULL ? stpcpy(at, "NULL") : quote_element(at, value->as.texts[i]);
    }
    *at++ = '}';
    *at = '\0';
    return param_text(text, ret_param);
}

bool pg_param_make(struct weft_bump *bump, const struct weft_value *value, struct pg_param *ret_param)
{
    switch (value->type) {
    case WEFT_TYPE_NULL:
        *ret_param = (struct pg_param){ NULL, 0, 0 };
        return true;
    case WEFT_TYPE_BOOL:
        return param_text(value->as.integer != 0 ? "t" : "f", ret_param);
    case WEFT_TYPE_INT:
        return param_format(bump, ret_param, "%lld", (long long)value->as.integer);
    case WEFT_TYPE_DOUBLE:
        return param_format(bump, ret_param, "%.17g", value->as.real);
    case WEFT_TYPE_TEXT:
        return strlen(value->as.text) == value->size && param_text(value->as.text, ret_param);
    case WEFT_TYPE_BYTES:
        if (value->size > INT32_MAX) return false;
        *ret_param = (struct pg_param){ value->as.bytes, (int)value->size, 1 };
        return true;
    case WEFT_TYPE_TIME:
        return param_time(bump, value->as.integer, ret_param);
    case WEFT_TYPE_INTS:
        return param_ints(bump, value, ret_param);
    case WEFT_TYPE_TEXTS:
        return param_texts(bump, value, ret_param);
    default:
        return false;
    }
}
