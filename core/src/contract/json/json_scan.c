/* contract/json/json_scan.c - jansson is not used: it gives numbers as double or int64 and forgets how they were spelt,
 * and a uint64 or 1.0 for an integer must be told from the spelling. */
#include "contract/json/json_scan.h"

#include "base/text.h"
#include "contract/json/json_text.h"
#include <stdio.h>
#include <string.h>

enum { DEPTH_MAX = 100, MEMORY_MAX = 64 << 20 };

void weft_json_scan_init(struct weft_json_scan *scan, const char *text, size_t size, struct weft_arena *arena,
                         struct weft_fault *fault)
{
    *scan = (struct weft_json_scan){ .start = text, .at = text, .end = text + size, .arena = arena, .fault = fault };
    scan->arena_before = weft_arena_used(arena);
}

bool weft_json_text_is(struct weft_json_text text, const char *wanted)
{
    return strlen(wanted) == text.size && memcmp(text.data, wanted, text.size) == 0;
}

/* ---- errors ------------------------------------------------------------------------------------------------------ */

weft_status weft_json_scan_fail(struct weft_json_scan *scan, const char *format, ...)
{
    char what[300];
    va_list args;
    size_t line = 1;
    const char *line_start = scan->start;
    for (const char *c = scan->start; c < scan->at; c++)
        if (*c == '\n') line++, line_start = c + 1;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    return weft_fault_set(scan->fault, WEFT_INVALID_ARGUMENT, "JSON, line %zu, column %zu: %s%s%s%s%s%s", line,
                          (size_t)(scan->at - line_start) + 1, scan->field != NULL ? "field " : "",
                          scan->field != NULL ? scan->field : "", scan->field != NULL ? " of " : "",
                          scan->field != NULL ? scan->message : "", scan->field != NULL ? ": " : "", what);
}

const char *weft_json_kind_name(enum weft_json_kind kind)
{
    static const char *const names[] = { "an object", "a list", "a string", "a number",
                                         "true",      "false",  "null",     "something that is not JSON" };
    return names[kind];
}

/* What stands here without quotes: "nul", "True", an identifier. */
static struct weft_json_text bare_word(const struct weft_json_scan *scan)
{
    const char *end = scan->at;
    while (end < scan->end &&
           (*end == '_' || (*end >= '0' && *end <= '9') || ((*end | 0x20) >= 'a' && (*end | 0x20) <= 'z')))
        end++;
    bool letter = end > scan->at && (*scan->at < '0' || *scan->at > '9');
    return (struct weft_json_text){ scan->at, letter ? (size_t)(end - scan->at) : 0 };
}

static weft_status unexpected(struct weft_json_scan *scan, const char *wanted)
{
    enum weft_json_kind kind = weft_json_scan_peek(scan);
    if (scan->at == scan->end) return weft_json_scan_fail(scan, "%s is wanted, and the text ends here", wanted);
    struct weft_json_text word = bare_word(scan);
    bool known = weft_json_text_is(word, "null") || weft_json_text_is(word, "true") || weft_json_text_is(word, "false");
    if (word.size > 0 && !known)
        return weft_json_scan_fail(scan, "'%.*s' is not JSON; %s is wanted", (int)(word.size < 40 ? word.size : 40),
                                   word.data, wanted);
    return weft_json_scan_fail(scan, "%s is wanted, not %s", wanted, weft_json_kind_name(kind));
}

/* ---- words and numbers ------------------------------------------------------------------------------------------- */

static void skip_space(struct weft_json_scan *scan)
{
    while (scan->at < scan->end && (*scan->at == ' ' || *scan->at == '\n' || *scan->at == '\r' || *scan->at == '\t'))
        scan->at++;
}

enum weft_json_kind weft_json_scan_peek(struct weft_json_scan *scan)
{
    skip_space(scan);
    if (scan->at == scan->end) return WEFT_JSON_BAD;
    switch (*scan->at) {
    case '{':
        return WEFT_JSON_OBJECT;
    case '[':
        return WEFT_JSON_ARRAY;
    case '"':
        return WEFT_JSON_STRING;
    case 't':
        return WEFT_JSON_TRUE;
    case 'f':
        return WEFT_JSON_FALSE;
    case 'n':
        return WEFT_JSON_NULL;
    default:
        return *scan->at == '-' || (*scan->at >= '0' && *scan->at <= '9') ? WEFT_JSON_NUMBER : WEFT_JSON_BAD;
    }
}

static bool take_word(struct weft_json_scan *scan, const char *word)
{
    size_t size = strlen(word);
    if ((size_t)(scan->end - scan->at) < size || memcmp(scan->at, word, size) != 0) return false;
    scan->at += size;
    return true;
}

weft_status weft_json_scan_bool(struct weft_json_scan *scan, bool *ret_value)
{
    skip_space(scan);
    if (take_word(scan, "true"))
        *ret_value = true;
    else if (take_word(scan, "false"))
        *ret_value = false;
    else
        return unexpected(scan, "true or false");
    return WEFT_OK;
}

weft_status weft_json_scan_null(struct weft_json_scan *scan)
{
    skip_space(scan);
    return take_word(scan, "null") ? WEFT_OK : unexpected(scan, "null");
}

weft_status weft_json_scan_number(struct weft_json_scan *scan, struct weft_json_text *ret_text)
{
    if (weft_json_scan_peek(scan) != WEFT_JSON_NUMBER) return unexpected(scan, "a number");
    const char *end = scan->at;
    while (end < scan->end && memchr("+-.0123456789Ee", *end, 15) != NULL)
        end++;
    *ret_text = (struct weft_json_text){ scan->at, (size_t)(end - scan->at) };
    if (!weft_json_is_number(ret_text->data, ret_text->size)) return weft_json_scan_fail(scan, "a number is misspelt");
    scan->at = end;
    return WEFT_OK;
}

/* ---- strings ----------------------------------------------------------------------------------------------------- */

static bool hex4(const char *digits, const char *end, uint32_t *ret_unit)
{
    uint32_t unit = 0;
    if (end - digits < 4) return false;
    for (int i = 0; i < 4; i++) {
        const char *hex = "0123456789abcdef", *found = memchr(hex, digits[i] | 0x20, 16);
        if (found == NULL || (digits[i] & 0x40 ? digits[i] < 'A' : digits[i] > '9')) return false;
        unit = unit << 4 | (uint32_t)(found - hex);
    }
    *ret_unit = unit;
    return true;
}

/* The code point of \uXXXX, or of two that make a surrogate pair; the cursor stands behind the first 'u'. */
static bool take_unicode(struct weft_json_scan *scan, uint32_t *ret_point)
{
    uint32_t high, low;
    if (!hex4(scan->at, scan->end, &high)) return false;
    scan->at += 4;
    *ret_point = high;
    if (high < 0xD800 || high > 0xDFFF) return true;
    if (high > 0xDBFF || scan->end - scan->at < 6 || scan->at[0] != '\\' || scan->at[1] != 'u') return false;
    if (!hex4(scan->at + 2, scan->end, &low) || low < 0xDC00 || low > 0xDFFF) return false;
    scan->at += 6;
    *ret_point = 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00);
    return true;
}

static size_t put_utf8(char *out, uint32_t point)
{
    if (point < 0x80) return out[0] = (char)point, 1;
    size_t size = point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    for (size_t i = size - 1; i > 0; i--, point >>= 6)
        out[i] = (char)(0x80 | (point & 0x3F));
    out[0] = (char)((0xF00 >> size) | point); /* 110, 1110, 11110 */
    return size;
}

/* Resolves the escape behind a backslash; returns the bytes written, at least 1, or 0: there is no such escape. */
static size_t take_escape(struct weft_json_scan *scan, char *out)
{
    static const char letters[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
    uint32_t point;
    if (scan->at == scan->end) return 0;
    const char *letter = memchr(letters, *scan->at, sizeof letters - 1);
    scan->at++;
    if (letter != NULL) return *out = meanings[letter - letters], 1;
    if (scan->at[-1] != 'u' || !take_unicode(scan, &point)) return 0;
    return put_utf8(out, point);
}

/* The rest of a string that has escapes, whose first `done` bytes are plain. Escapes only shrink. */
static weft_status take_escaped(struct weft_json_scan *scan, const char *first, const char *close,
                                struct weft_json_text *ret_text)
{
    char *out = weft_arena_alloc(scan->arena, (size_t)(close - first) + 1);
    size_t size = (size_t)(scan->at - first);
    memcpy(out, first, size);
    while (scan->at < close) {
        if (*scan->at != '\\') {
            out[size++] = *scan->at++;
            continue;
        }
        scan->at++;
        size_t n = take_escape(scan, out + size);
        if (n == 0)
            return weft_json_scan_fail(scan, "a string has an escape that does not exist or half of a surrogate pair");
        size += n;
    }
    *ret_text = (struct weft_json_text){ out, size };
    return WEFT_OK;
}

/* The closing quote; NULL: there is none, and the cursor stands where it went wrong. */
static const char *find_close(struct weft_json_scan *scan, const char **ret_escape)
{
    *ret_escape = NULL;
    for (const char *c = scan->at; c < scan->end; c++) {
        if (*c == '"') return c;
        if ((unsigned char)*c < 0x20) return scan->at = c, NULL;
        if (*c != '\\') continue;
        if (*ret_escape == NULL) *ret_escape = c;
        c++;
    }
    return scan->at = scan->end, NULL;
}

weft_status weft_json_scan_string(struct weft_json_scan *scan, struct weft_json_text *ret_text)
{
    if (weft_json_scan_peek(scan) != WEFT_JSON_STRING) return unexpected(scan, "a string");
    const char *first = ++scan->at, *escape, *close = find_close(scan, &escape);
    if (close == NULL && scan->at < scan->end)
        return weft_json_scan_fail(scan, "a string has a control character; escape it");
    if (close == NULL) return weft_json_scan_fail(scan, "a string does not end");
    if (!weft_text_is_utf8(first, (size_t)(close - first)))
        return weft_json_scan_fail(scan, "a string is not valid UTF-8");
    weft_status status = WEFT_OK;
    if (escape != NULL) {
        scan->at = escape;
        status = take_escaped(scan, first, close, ret_text);
        if (status != WEFT_OK) return status;
    } else {
        *ret_text = (struct weft_json_text){ first, (size_t)(close - first) };
    }
    scan->at = close + 1;
    return WEFT_OK;
}

/* ---- brackets ---------------------------------------------------------------------------------------------------- */

weft_status weft_json_scan_open(struct weft_json_scan *scan, enum weft_json_kind kind)
{
    if (weft_json_scan_peek(scan) != kind) return unexpected(scan, weft_json_kind_name(kind));
    if (scan->depth >= DEPTH_MAX) return weft_json_scan_fail(scan, "it is nested deeper than %d", DEPTH_MAX);
    scan->depth++;
    scan->at++;
    return WEFT_OK;
}

/* A comma before all but the first; or the end. */
static weft_status take_next(struct weft_json_scan *scan, bool first, char close, bool *ret_more)
{
    skip_space(scan);
    if (weft_arena_used(scan->arena) - scan->arena_before > MEMORY_MAX)
        return weft_fault_set(scan->fault, WEFT_RESOURCE_EXHAUSTED,
                              "the message would take more than %d bytes of memory; send it in parts", MEMORY_MAX);
    if (scan->at < scan->end && *scan->at == close) {
        scan->at++;
        scan->depth--;
        *ret_more = false;
        return WEFT_OK;
    }
    *ret_more = true;
    if (first) return WEFT_OK;
    if (scan->at == scan->end || *scan->at != ',') return weft_json_scan_fail(scan, "',' or '%c' is wanted", close);
    scan->at++;
    return WEFT_OK;
}

weft_status weft_json_scan_element(struct weft_json_scan *scan, bool first, bool *ret_more)
{
    return take_next(scan, first, ']', ret_more);
}

weft_status weft_json_scan_member(struct weft_json_scan *scan, bool first, struct weft_json_text *ret_name,
                                  bool *ret_more)
{
    weft_status status = take_next(scan, first, '}', ret_more);
    if (status != WEFT_OK || !*ret_more) return status;
    if (weft_json_scan_peek(scan) != WEFT_JSON_STRING) return unexpected(scan, "a name in double quotes");
    status = weft_json_scan_string(scan, ret_name);
    if (status != WEFT_OK) return status;
    skip_space(scan);
    if (scan->at == scan->end || *scan->at != ':') return weft_json_scan_fail(scan, "':' is wanted");
    scan->at++;
    return WEFT_OK;
}

static weft_status skip_members(struct weft_json_scan *scan, enum weft_json_kind kind)
{
    bool more = true;
    struct weft_json_text name;
    weft_status status = weft_json_scan_open(scan, kind);
    for (bool first = true; status == WEFT_OK; first = false) {
        status = kind == WEFT_JSON_OBJECT ? weft_json_scan_member(scan, first, &name, &more)
                                          : weft_json_scan_element(scan, first, &more);
        if (status != WEFT_OK || !more) return status;
        status = weft_json_scan_skip(scan);
    }
    return status;
}

weft_status weft_json_scan_skip(struct weft_json_scan *scan)
{
    struct weft_json_text text;
    bool truth;
    enum weft_json_kind kind = weft_json_scan_peek(scan);
    switch (kind) {
    case WEFT_JSON_OBJECT:
    case WEFT_JSON_ARRAY:
        return skip_members(scan, kind);
    case WEFT_JSON_STRING:
        return weft_json_scan_string(scan, &text);
    case WEFT_JSON_NUMBER:
        return weft_json_scan_number(scan, &text);
    case WEFT_JSON_TRUE:
    case WEFT_JSON_FALSE:
        return weft_json_scan_bool(scan, &truth);
    case WEFT_JSON_NULL:
        return weft_json_scan_null(scan);
    default:
        return unexpected(scan, "a value");
    }
}

weft_status weft_json_scan_end(struct weft_json_scan *scan)
{
    skip_space(scan);
    return scan->at == scan->end ? WEFT_OK : weft_json_scan_fail(scan, "something follows the document");
}
