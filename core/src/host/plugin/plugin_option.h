/* host/plugin/plugin_option.h - a plugin's option struct, filled by the table in its descriptor. The host's thread. */
#ifndef WEFT_HOST_PLUGIN_OPTION_H
#define WEFT_HOST_PLUGIN_OPTION_H

#include "base/arena.h"
#include "base/fault.h"
#include "config/config.h"
#include "config/url.h"
#include <weft/plugin.h>

/* Fills the struct, made in the arena (NULL if the plugin has none), out of, first found wins: command line
 * (--set plugins.<name>.<option>), the URL's query, environment (WEFT_<NAME>_<OPTION>; secrets also with _FILE),
 * weft.yaml, the table's default. `url_origin` says where the URL is from. INVALID_ARGUMENT names option, origin and,
 * for unknown ones, the nearest. */
weft_status weft_plugin_option_fill(const struct weft_plugin *plugin, const struct weft_url_parts *url,
                                    const char *url_origin, const struct weft_config *config, struct weft_arena *arena,
                                    const void **ret_options, struct weft_fault *ret_fault);

/* One option as it is in force and where it is from: "default", the variable, file:line, --set, or `url_origin`. `url`
 * NULL: the plugin is not the one in use. Text NULL: not set, and no default. Not masked. */
weft_status weft_plugin_option_find(const struct weft_plugin *plugin, const struct weft_option *option,
                                    const struct weft_url_parts *url, const char *url_origin,
                                    const struct weft_config *config, struct weft_arena *arena,
                                    struct weft_config_value *ret_value, struct weft_fault *ret_fault);

#endif
