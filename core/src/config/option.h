/* config/option.h - values typed by a table: one parser for plugins' options and for the host's own settings. Any
 * thread.
 */
#ifndef WEFT_CONFIG_OPTION_H
#define WEFT_CONFIG_OPTION_H

#include "base/fault.h"
#include <stdbool.h>
#include <weft/plugin.h>

union weft_option_value { /* by the option's type, as plugin.h describes them */
    const char *text;
    bool truth;
    int64_t integer; /* INT, CHOICE */
    uint64_t amount; /* DURATION in nanoseconds, SIZE in bytes */
};

/* Reads `text` as the option's type. INVALID_ARGUMENT: the fault's text begins with the value ("'12x' is no number")
 * or, for secrets, with "the value", and says what was wanted. TEXT is borrowed. */
weft_status weft_option_parse(const struct weft_option *option, const char *text, union weft_option_value *ret_value,
                              struct weft_fault *ret_fault);

/* What the option takes, for a person: "true or false", "1 to 64", "1ms to 1h", "one of auto, check, off"; "" for text.
 * Returns ret_text. */
const char *weft_option_range(const struct weft_option *option, char *ret_text, size_t size);

#endif
