/* url.h - taking a URL apart, as a host does before it calls open. */
#ifndef WEFT_KIT_URL_H
#define WEFT_KIT_URL_H

#include <stdbool.h>
#include <stddef.h>
#include <weft/plugin.h>

struct kit_url {
    struct weft_url parts;
    char text[1024];   /* what the parts point into */
    const char *query; /* "a=b&c=d", still encoded, or NULL */
};

/* false: not a URL or too long. */
bool kit_url_parse(const char *url, struct kit_url *ret_url);

#endif
