/* config/url.c - RFC 3986, as far as backends' URLs go: authority, path, query; no fragments. */
#include "config/url.h"

#include "base/text.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { URL_MAX_BYTES = 4096, URL_MAX_OPTIONS = 64 };

/* What is being taken apart: `text` to say in errors, all strings in the arena. */
struct url_reader {
    struct weft_arena *arena;
    const char *text;
    struct weft_fault *fault;
};

static weft_status url_wrong(struct url_reader *reader, const char *what)
{
    struct weft_buffer masked __attribute__((cleanup(weft_buffer_free))) = WEFT_BUFFER_EMPTY;
    weft_url_mask(reader->text, &masked);
    return weft_fault_set(reader->fault, WEFT_INVALID_ARGUMENT, "the URL '%s' %s", masked.data, what);
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

/* Percent-decodes a part; NULL when it is malformed or holds a NUL. */
static const char *part_decode(struct weft_arena *arena, const char *part, size_t size)
{
    char *decoded = weft_arena_alloc(arena, size + 1);
    size_t length = 0;
    for (size_t i = 0; i < size; i++) {
        int byte = (unsigned char)part[i];
        if (part[i] == '%') {
            int high = i + 2 < size ? hex_digit(part[i + 1]) : -1;
            int low = i + 2 < size ? hex_digit(part[i + 2]) : -1;
            if (high < 0 || low < 0) return NULL;
            byte = high * 16 + low;
            i += 2;
        }
        if (byte == 0) return NULL;
        decoded[length++] = (char)byte;
    }
    return weft_text_is_utf8(decoded, length) ? decoded : NULL;
}

static weft_status part_read(struct url_reader *reader, const char *part, size_t size, const char **ret_part)
{
    const char *decoded = part_decode(reader->arena, part, size);
    if (decoded == NULL) return url_wrong(reader, "has a malformed percent sequence or a byte that is not text");
    *ret_part = decoded;
    return WEFT_OK;
}

static weft_status port_read(struct url_reader *reader, const char *digits, size_t size, uint32_t *ret_port)
{
    unsigned long port = 0;
    if (size == 0 || size > 5) return url_wrong(reader, "has a port that is not 1 to 65535");
    for (size_t i = 0; i < size; i++) {
        if (!isdigit((unsigned char)digits[i])) return url_wrong(reader, "has a port that is not a number");
        port = port * 10 + (unsigned long)(digits[i] - '0');
    }
    if (port == 0 || port > 65535) return url_wrong(reader, "has a port that is not 1 to 65535");
    *ret_port = (uint32_t)port;
    return WEFT_OK;
}

/* host, host:port, [v6]:port */
static weft_status host_read(struct url_reader *reader, const char *text, size_t size, struct weft_url *url)
{
    const char *end = text + size, *host = text, *host_end, *colon;
    if (size > 0 && *text == '[') {
        host = text + 1;
        host_end = memchr(host, ']', (size_t)(end - host));
        if (host_end == NULL) return url_wrong(reader, "has '[' without ']' in its host");
        colon = host_end + 1;
        if (colon != end && *colon != ':') return url_wrong(reader, "has something else than a port after ']'");
    } else {
        colon = memrchr(text, ':', size);
        host_end = colon != NULL ? colon : end;
        if (colon == NULL) colon = end;
    }
    weft_status status = part_read(reader, host, (size_t)(host_end - host), &url->host);
    if (status != WEFT_OK || colon == end) return status;
    return port_read(reader, colon + 1, (size_t)(end - colon - 1), &url->port);
}

/* user:password@host:port */
static weft_status authority_read(struct url_reader *reader, const char *text, size_t size, struct weft_url *url)
{
    const char *at = memrchr(text, '@', size);
    if (at != NULL) {
        const char *colon = memchr(text, ':', (size_t)(at - text));
        const char *user_end = colon != NULL ? colon : at;
        weft_status status = part_read(reader, text, (size_t)(user_end - text), &url->user);
        if (status != WEFT_OK) return status;
        if (colon != NULL) status = part_read(reader, colon + 1, (size_t)(at - colon - 1), &url->password);
        if (status != WEFT_OK) return status;
        size -= (size_t)(at + 1 - text);
        text = at + 1;
    }
    return host_read(reader, text, size, url);
}

static weft_status options_read(struct url_reader *reader, const char *query, struct weft_url_parts *parts)
{
    struct weft_url_option *options = weft_arena_alloc(reader->arena, URL_MAX_OPTIONS * sizeof *options);
    for (const char *next = query; *next != '\0';) {
        size_t size = strcspn(next, "&");
        const char *equals = memchr(next, '=', size);
        if (equals == NULL || equals == next) return url_wrong(reader, "has a query option that is not name=value");
        if (parts->n_options == URL_MAX_OPTIONS) return url_wrong(reader, "has more than 64 query options");
        struct weft_url_option *option = &options[parts->n_options];
        weft_status status = part_read(reader, next, (size_t)(equals - next), &option->name);
        if (status == WEFT_OK)
            status = part_read(reader, equals + 1, (size_t)(next + size - equals - 1), &option->value);
        if (status != WEFT_OK) return status;
        for (size_t i = 0; i < parts->n_options; i++)
            if (strcmp(options[i].name, option->name) == 0) return url_wrong(reader, "has a query option twice");
        parts->n_options++;
        next += size;
        if (*next == '&') next++;
    }
    parts->options = options;
    return WEFT_OK;
}

/* The length of "scheme" before its colon; 0: no URL. */
static size_t scheme_length(const char *text)
{
    if (!isalpha((unsigned char)*text)) return 0;
    size_t length = 1;
    while (isalnum((unsigned char)text[length]) || strchr("+-.", text[length] != '\0' ? text[length] : ' ') != NULL)
        length++;
    return text[length] == ':' ? length : 0;
}

static weft_status rest_read(struct url_reader *reader, const char *rest, size_t size, struct weft_url *url)
{
    if (size < 2 || strncmp(rest, "//", 2) != 0) return part_read(reader, rest, size, &url->path);
    const char *authority = rest + 2, *end = rest + size;
    const char *slash = memchr(authority, '/', (size_t)(end - authority));
    const char *authority_end = slash != NULL ? slash : end;
    weft_status status = authority_read(reader, authority, (size_t)(authority_end - authority), url);
    if (status != WEFT_OK) return status;
    bool keeps_slash = authority_end == authority; /* sqlite:///dir/ is absolute */
    const char *path = slash == NULL ? end : (keeps_slash ? slash : slash + 1);
    return part_read(reader, path, (size_t)(end - path), &url->path);
}

weft_status weft_url_parse(struct weft_arena *arena, const char *text, struct weft_url_parts *ret_parts,
                           struct weft_fault *ret_fault)
{
    struct url_reader reader = { arena, text, ret_fault };
    struct weft_url_parts parts = { 0 };
    size_t length = scheme_length(text);
    if (length == 0) return url_wrong(&reader, "is none: want scheme:..., for example amqp://localhost or memory:");
    if (strlen(text) > URL_MAX_BYTES) return url_wrong(&reader, "is longer than 4096 bytes");
    char *scheme = weft_arena_copy(arena, text, length);
    for (char *c = scheme; *c != '\0'; c++)
        *c = (char)tolower((unsigned char)*c);
    parts.url.scheme = scheme;
    const char *rest = text + length + 1;
    size_t size = strcspn(rest, "?");
    weft_status status = rest_read(&reader, rest, size, &parts.url);
    if (status == WEFT_OK && rest[size] == '?') status = options_read(&reader, rest + size + 1, &parts);
    if (status == WEFT_OK) *ret_parts = parts;
    return status;
}

static bool name_is_secret(const char *name, size_t size)
{
    static const char *const words[] = { "pass", "secret", "token", "key" };
    for (size_t w = 0; w < sizeof words / sizeof *words; w++) {
        size_t length = strlen(words[w]);
        for (size_t i = 0; i + length <= size; i++)
            if (strncasecmp(name + i, words[w], length) == 0) return true;
    }
    return false;
}

static void query_mask(const char *query, struct weft_buffer *buffer)
{
    for (const char *next = query; *next != '\0';) {
        size_t size = strcspn(next, "&");
        const char *equals = memchr(next, '=', size);
        if (equals != NULL && name_is_secret(next, (size_t)(equals - next))) {
            weft_buffer_add(buffer, next, (size_t)(equals + 1 - next));
            weft_buffer_text(buffer, "***");
        } else {
            weft_buffer_add(buffer, next, size);
        }
        next += size;
        if (*next == '&') weft_buffer_byte(buffer, *next++);
    }
}

void weft_url_mask(const char *text, struct weft_buffer *buffer)
{
    size_t scheme = scheme_length(text);
    if (scheme == 0) {
        weft_buffer_text(buffer, "***");
        return;
    }
    const char *rest = text + scheme + 1;
    size_t size = strcspn(rest, "?");
    const char *at = memrchr(rest, '@', size);
    const char *from = strncmp(rest, "//", 2) == 0 ? rest + 2 : rest;
    const char *colon = at != NULL ? memchr(from, ':', (size_t)(at - from)) : NULL;
    if (colon != NULL) {
        weft_buffer_add(buffer, text, (size_t)(colon + 1 - text));
        weft_buffer_text(buffer, "***");
        weft_buffer_add(buffer, at, (size_t)(rest + size - at));
    } else {
        weft_buffer_add(buffer, text, (size_t)(rest + size - text));
    }
    if (rest[size] == '?') {
        weft_buffer_byte(buffer, '?');
        query_mask(rest + size + 1, buffer);
    }
}
