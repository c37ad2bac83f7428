/* setup.h - what the host hands to a plugin at open: the kit's URL and options, with what a test wants to differ. */
#ifndef WEFT_KIT_SETUP_H
#define WEFT_KIT_SETUP_H

#include "proxy.h"
#include "runner.h"
#include "url.h"

/* What differs from the plain one; all may be NULL. */
struct kit_setup {
    const char *url;             /* instead of the kit's */
    const char *option;          /* "name=value"; ignored when the plugin has no such option */
    const char *user, *password; /* instead of the URL's */
    const char *path;            /* instead of the URL's */
    struct kit_proxy *proxy;     /* goes through it */
};

/* The plugin's options struct, which the caller frees. `setup` may be NULL. Fails the test when an option is refused.
 */
void *kit_setup_options(const struct kit *kit, const struct kit_setup *setup);
/* The URL taken apart and changed. `setup` may be NULL. Fails the test when it cannot be read. */
void kit_setup_url(const struct kit *kit, const struct kit_setup *setup, struct kit_url *ret_url);

/* A proxy before the server of the kit's URL, `port` being its port when the URL has none; the caller frees it. Skips
 * the test when the URL has no host. */
struct kit_proxy *kit_setup_proxy(const struct kit *kit, uint32_t port);

#endif
