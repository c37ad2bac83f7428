/* event/object.c - a walk over the members of one JSON object (RFC 8259), without recursion and without copies.
 * What a value holds inside is only stepped over; whoever reads it finds its errors. */
#include "event/object.h"

#include <stdint.h>
#include <string.h>

static void object_space(struct weft_object *object)
{
    while (object->at < object->end && strchr(" \t\r\n", *object->at) != NULL && *object->at != '\0')
        object->at++;
}

static bool object_accept(struct weft_object *object, char wanted)
{
    object_space(object);
    if (object->at == object->end || *object->at != wanted) return false;
    object->at++;
    return true;
}

static bool object_break(struct weft_object *object)
{
    object->broken = true;
    return false;
}

struct weft_object weft_object_open(const void *text, size_t size)
{
    struct weft_object object = { text, (const char *)text + size, false };
    if (size == 0 || !object_accept(&object, '{')) object.broken = true;
    return object;
}

/* Past a string, whose opening quote has been taken. */
static bool object_string(struct weft_object *object)
{
    for (; object->at < object->end; object->at++) {
        if (*object->at == '\\' && object->at + 1 < object->end)
            object->at++;
        else if (*object->at == '"')
            return object->at++, true;
    }
    return object_break(object);
}

/* Past a value: to the comma or brace that ends it on this level. */
static bool object_value(struct weft_object *object)
{
    size_t depth = 0;
    while (object->at < object->end) {
        char byte = *object->at;
        if (depth == 0 && (byte == ',' || byte == '}')) return true;
        object->at++;
        if (byte == '"' && !object_string(object)) return false;
        if (byte == '{' || byte == '[') depth++;
        if ((byte == '}' || byte == ']') && depth-- == 0) break;
    }
    return object_break(object);
}

bool weft_object_next(struct weft_object *object, struct weft_span *ret_name, struct weft_span *ret_value)
{
    if (object->broken || object_accept(object, '}')) return false;
    object_accept(object, ',');
    if (!object_accept(object, '"')) return object_break(object);
    const char *name = object->at;
    if (!object_string(object)) return false;
    *ret_name = (struct weft_span){ name, (size_t)(object->at - name) - 1 };
    if (!object_accept(object, ':')) return object_break(object);
    object_space(object);
    const char *value = object->at;
    if (!object_value(object)) return false;
    size_t size = (size_t)(object->at - value);
    while (size > 0 && strchr(" \t\r\n", value[size - 1]) != NULL)
        size--;
    *ret_value = (struct weft_span){ value, size };
    return size > 0 || object_break(object);
}

static bool text_hex(const char *at, const char *end, uint32_t *ret_code)
{
    uint32_t code = 0;
    if (end - at < 4) return false;
    for (size_t i = 0; i < 4; i++) {
        static const char digits[] = "0123456789abcdef";
        const char *digit = at[i] == '\0' ? NULL : strchr(digits, at[i] >= 'A' && at[i] <= 'F' ? at[i] + 32 : at[i]);
        if (digit == NULL) return false;
        code = code << 4 | (uint32_t)(digit - digits);
    }
    *ret_code = code;
    return true;
}

static char *text_utf8(char *out, uint32_t code)
{
    static const struct {
        uint32_t below;
        uint8_t lead, more;
    } forms[] = { { 0x80, 0, 0 }, { 0x800, 0xc0, 1 }, { 0x10000, 0xe0, 2 }, { 0x110000, 0xf0, 3 } };
    size_t i = 0;
    while (code >= forms[i].below)
        i++;
    *out++ = (char)(forms[i].lead | code >> 6 * forms[i].more);
    for (uint32_t left = forms[i].more; left > 0; left--)
        *out++ = (char)(0x80 | (code >> 6 * (left - 1) & 0x3f));
    return out;
}

/* \uXXXX at `at`, of two where they are a surrogate pair; how far it reached, or NULL. */
static const char *text_unicode(const char *at, const char *end, uint32_t *ret_code)
{
    uint32_t low;
    if (!text_hex(at, end, ret_code)) return NULL;
    at += 4;
    if (*ret_code < 0xd800 || *ret_code > 0xdfff) return at;
    if (*ret_code > 0xdbff || end - at < 6 || at[0] != '\\' || at[1] != 'u' || !text_hex(at + 2, end, &low))
        return NULL;
    if (low < 0xdc00 || low > 0xdfff) return NULL;
    *ret_code = 0x10000 + ((*ret_code & 0x3ff) << 10 | (low & 0x3ff));
    return at + 6;
}

/* What stands behind a backslash; how far it reached, or NULL. */
static const char *text_escape(const char *at, const char *end, char **out)
{
    static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
    if (at == end || *at == '\0') return NULL;
    const char *name = strchr(names, *at);
    if (name != NULL) {
        *(*out)++ = values[name - names];
        return at + 1;
    }
    uint32_t code;
    if (*at != 'u' || (at = text_unicode(at + 1, end, &code)) == NULL || code == 0) return NULL;
    *out = text_utf8(*out, code);
    return at;
}

char *weft_object_text(struct weft_arena *arena, struct weft_span value)
{
    if (value.size < 2 || value.text[0] != '"' || value.text[value.size - 1] != '"') return NULL;
    const char *at = value.text + 1, *end = value.text + value.size - 1;
    char *text = weft_arena_alloc(arena, value.size), *out = text;
    while (at < end) {
        if (*at == '\0') return NULL;
        if (*at != '\\')
            *out++ = *at++;
        else if ((at = text_escape(at + 1, end, &out)) == NULL)
            return NULL;
    }
    *out = '\0';
    return text;
}
