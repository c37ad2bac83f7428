/* setup.c - options and URL of an instance. */
#include "setup.h"

#include "option.h"

#include <stdio.h>
#include <string.h>

static const struct kit_setup plain;

void *kit_setup_options(const struct kit *kit, const struct kit_setup *setup)
{
    const char *settings[KIT_OPTIONS_MAX + 1];
    char error[256], name[64];
    size_t n = kit->n_options;
    if (setup == NULL) setup = &plain;
    memcpy(settings, kit->options, n * sizeof *settings);
    if (setup->option != NULL) {
        snprintf(name, sizeof name, "%.*s", (int)strcspn(setup->option, "="), setup->option);
        if (kit_option_known(kit->plugin, name)) settings[n++] = setup->option;
    }
    void *options = kit_options_new(kit->plugin, settings, n, error, sizeof error);
    KIT_CHECK(options != NULL, "options: %s", error);
    return options;
}

void kit_setup_url(const struct kit *kit, const struct kit_setup *setup, struct kit_url *ret_url)
{
    if (setup == NULL) setup = &plain;
    const char *text = setup->url != NULL ? setup->url : kit->url;
    KIT_CHECK(kit_url_parse(text, ret_url), "%s is no URL", text);
    struct weft_url *url = &ret_url->parts;
    if (setup->user != NULL) url->user = setup->user;
    if (setup->password != NULL) url->password = setup->password;
    if (setup->path != NULL) url->path = setup->path;
    if (setup->proxy != NULL) {
        url->host = "127.0.0.1";
        url->port = kit_proxy_port(setup->proxy);
    }
}

struct kit_proxy *kit_setup_proxy(const struct kit *kit, uint32_t port)
{
    struct kit_url url;
    KIT_CHECK(kit_url_parse(kit->url, &url), "%s is no URL", kit->url);
    if (url.parts.host == NULL) kit_skip("the URL has no host to put a proxy before");
    struct kit_proxy *proxy = kit_proxy_new(url.parts.host, url.parts.port != 0 ? url.parts.port : port);
    KIT_CHECK(proxy != NULL, "the proxy did not start");
    return proxy;
}
