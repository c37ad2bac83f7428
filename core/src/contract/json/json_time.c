/* contract/json/json_time.c - timestamps, durations and field masks as text (google/protobuf/timestamp.proto,
 * duration.proto and field_mask.proto say how). */
#include "contract/json/json_text.h"

#include <ctype.h>
#include <string.h>
#include <time.h>

#define TIMESTAMP_MIN (-62135596800) /* 0001-01-01T00:00:00Z */
#define TIMESTAMP_MAX 253402300799   /* 9999-12-31T23:59:59Z */
#define DURATION_MAX  315576000000   /* about 10,000 years */
#define NANOS_MAX     999999999

/* ---- writing ----------------------------------------------------------------------------------------------------- */

/* Nothing, or a point with 3, 6 or 9 digits. */
static void write_nanos(struct weft_buffer *buffer, int32_t nanos)
{
    if (nanos == 0) return;
    if (nanos % 1000000 == 0)
        weft_buffer_format(buffer, ".%03d", nanos / 1000000);
    else if (nanos % 1000 == 0)
        weft_buffer_format(buffer, ".%06d", nanos / 1000);
    else
        weft_buffer_format(buffer, ".%09d", nanos);
}

bool weft_json_timestamp_write(struct weft_buffer *buffer, int64_t seconds, int32_t nanos)
{
    time_t time = seconds;
    struct tm tm;
    if (seconds < TIMESTAMP_MIN || seconds > TIMESTAMP_MAX || nanos < 0 || nanos > NANOS_MAX) return false;
    if (gmtime_r(&time, &tm) == NULL) return false;
    weft_buffer_format(buffer, "%04d-%02d-%02dT%02d:%02d:%02d", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday,
                       tm.tm_hour, tm.tm_min, tm.tm_sec);
    write_nanos(buffer, nanos);
    weft_buffer_byte(buffer, 'Z');
    return true;
}

bool weft_json_duration_write(struct weft_buffer *buffer, int64_t seconds, int32_t nanos)
{
    if (seconds < -DURATION_MAX || seconds > DURATION_MAX || nanos < -NANOS_MAX || nanos > NANOS_MAX) return false;
    if ((seconds < 0 && nanos > 0) || (seconds > 0 && nanos < 0)) return false;
    bool negative = seconds < 0 || nanos < 0;
    weft_buffer_format(buffer, "%s%lld", negative ? "-" : "", (long long)(seconds < 0 ? -seconds : seconds));
    write_nanos(buffer, nanos < 0 ? -nanos : nanos);
    weft_buffer_byte(buffer, 's');
    return true;
}

bool weft_json_path_write(struct weft_buffer *buffer, const char *path)
{
    for (const char *c = path; *c != '\0'; c++) {
        if (isupper((unsigned char)*c)) return false; /* it would not come back the same */
        if (*c != '_') {
            weft_buffer_byte(buffer, *c);
            continue;
        }
        c++;
        if (!islower((unsigned char)*c)) return false;
        weft_buffer_byte(buffer, (char)toupper((unsigned char)*c));
    }
    return true;
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

struct text {
    const char *at, *end;
};

static bool take(struct text *text, char wanted)
{
    if (text->at == text->end || *text->at != wanted) return false;
    text->at++;
    return true;
}

static bool take_digits(struct text *text, int n, int *ret_value)
{
    int value = 0;
    for (; n > 0; n--, text->at++) {
        if (text->at == text->end || !isdigit((unsigned char)*text->at)) return false;
        value = value * 10 + (*text->at - '0');
    }
    *ret_value = value;
    return true;
}

/* Nothing, or a point with one to nine digits. */
static bool take_nanos(struct text *text, int32_t *ret_nanos)
{
    int32_t nanos = 0, unit = NANOS_MAX + 1;
    *ret_nanos = 0;
    if (!take(text, '.')) return true;
    for (; text->at < text->end && isdigit((unsigned char)*text->at) && unit > 1; text->at++) {
        unit /= 10;
        nanos += (*text->at - '0') * unit;
    }
    *ret_nanos = nanos;
    return unit <= NANOS_MAX;
}

/* "Z", or "+01:00": seconds to take away. */
static bool take_offset(struct text *text, int *ret_offset)
{
    int hours, minutes;
    *ret_offset = 0;
    if (take(text, 'Z')) return true;
    int sign = take(text, '+') ? 1 : take(text, '-') ? -1 : 0;
    if (sign == 0 || !take_digits(text, 2, &hours) || !take(text, ':') || !take_digits(text, 2, &minutes)) return false;
    *ret_offset = sign * (hours * 3600 + minutes * 60);
    return hours < 24 && minutes < 60;
}

static bool take_date_time(struct text *text, struct tm *tm)
{
    bool form = take_digits(text, 4, &tm->tm_year) && take(text, '-') && take_digits(text, 2, &tm->tm_mon) &&
                take(text, '-') && take_digits(text, 2, &tm->tm_mday) && take(text, 'T') &&
                take_digits(text, 2, &tm->tm_hour) && take(text, ':') && take_digits(text, 2, &tm->tm_min) &&
                take(text, ':') && take_digits(text, 2, &tm->tm_sec);
    tm->tm_year -= 1900;
    tm->tm_mon -= 1;
    return form && tm->tm_hour < 24 && tm->tm_min < 60 && tm->tm_sec < 60;
}

bool weft_json_timestamp_read(const char *bytes, size_t size, int64_t *ret_seconds, int32_t *ret_nanos)
{
    struct text text = { bytes, bytes + size };
    struct tm tm = { .tm_isdst = 0 };
    int offset;
    if (!take_date_time(&text, &tm) || !take_nanos(&text, ret_nanos) || !take_offset(&text, &offset) ||
        text.at != text.end)
        return false;
    struct tm normal = tm; /* timegm makes the 31st of February the 3rd of March */
    int64_t seconds = timegm(&normal);
    if (normal.tm_mon != tm.tm_mon || normal.tm_mday != tm.tm_mday) return false;
    *ret_seconds = seconds - offset;
    return *ret_seconds >= TIMESTAMP_MIN && *ret_seconds <= TIMESTAMP_MAX;
}

bool weft_json_duration_read(const char *bytes, size_t size, int64_t *ret_seconds, int32_t *ret_nanos)
{
    struct text text = { bytes, bytes + size };
    int64_t seconds = 0;
    int32_t nanos;
    bool negative = take(&text, '-');
    const char *first = text.at;
    for (; text.at < text.end && isdigit((unsigned char)*text.at); text.at++) {
        seconds = seconds * 10 + (*text.at - '0');
        if (seconds > DURATION_MAX) return false;
    }
    if (text.at == first || !take_nanos(&text, &nanos) || !take(&text, 's') || text.at != text.end) return false;
    *ret_seconds = negative ? -seconds : seconds;
    *ret_nanos = negative ? -nanos : nanos;
    return true;
}

bool weft_json_path_read(struct weft_buffer *buffer, const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)text[i];
        if (!isalnum(c) && c != '.') return false;
        if (isupper(c)) weft_buffer_byte(buffer, '_');
        weft_buffer_byte(buffer, (char)tolower(c));
    }
    return true;
}
