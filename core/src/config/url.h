/* config/url.h - the URL of a backend: taken apart, percent-decoded, and printed without its password. Any thread. */
#ifndef WEFT_CONFIG_URL_H
#define WEFT_CONFIG_URL_H

#include "base/arena.h"
#include "base/buffer.h"
#include "base/fault.h"
#include <weft/plugin.h>

struct weft_url_option { /* one name=value of the query, decoded */
    const char *name, *value;
};

struct weft_url_parts {
    struct weft_url url; /* what a plugin sees */
    const struct weft_url_option *options;
    size_t n_options;
};

/* Takes `text` apart into the arena: scheme://user:password@host:port/path?name=value or scheme:path?name=value. The
 * scheme becomes lower case. An empty authority (sqlite:///dir/) gives host "" and the path with its slash.
 * INVALID_ARGUMENT says what is wrong, with the masked URL. */
weft_status weft_url_parse(struct weft_arena *arena, const char *text, struct weft_url_parts *ret_parts,
                           struct weft_fault *ret_fault);

/* Appends the URL with "***" for its password and for query values whose name speaks of a secret; a text that is no URL
 * is not shown at all. */
void weft_url_mask(const char *text, struct weft_buffer *buffer);

#endif
