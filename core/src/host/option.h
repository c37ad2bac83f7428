/* host/option.h - values typed by a table: the same parser for a plugin's options and for the host's own settings. */
#ifndef WEFT_HOST_OPTION_H
#define WEFT_HOST_OPTION_H

#include "base/arena.h"
#include "base/fault.h"
#include "host/config.h"
#include "host/url.h"
#include <weft/plugin.h>

union weft_option_value { /* by the option's type, as plugin.h describes them */
    const char *text;
    bool truth;
    int64_t integer; /* INT, CHOICE */
    uint64_t amount; /* DURATION in nanoseconds, SIZE in bytes */
};

/* Reads `text` as the option's type. INVALID_ARGUMENT: the fault's text says what was wanted, without naming the option
 * and, for secrets, without the value. TEXT is borrowed. */
weft_status weft_option_parse(const struct weft_option *option, const char *text, union weft_option_value *ret_value,
                              struct weft_fault *ret_fault);

/* Fills the plugin's option struct, made in the arena (NULL if it has none), out of, first found wins: command line
 * (--set plugins.<name>.<option>), the URL's query, environment (WEFT_<NAME>_<OPTION>; secrets also with _FILE),
 * weft.yaml, the table's default. INVALID_ARGUMENT names option, origin and, for unknown ones, the nearest. */
weft_status weft_option_fill(const struct weft_plugin *plugin, const struct weft_url_parts *url,
                             const struct weft_config *config, struct weft_arena *arena, void **ret_options,
                             struct weft_fault *ret_fault);

#endif
