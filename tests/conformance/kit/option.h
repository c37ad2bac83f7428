/* option.h - filling a plugin's options struct from its table, as a host does. */
#ifndef WEFT_KIT_OPTION_H
#define WEFT_KIT_OPTION_H

#include <stdbool.h>
#include <stddef.h>
#include <weft/plugin.h>

/* A zeroed struct with the defaults, then the settings "name=value", the later ones winning. Texts point into settings
 * and the table. NULL with a text for an unknown option or a value that cannot be. The caller frees it. */
void *kit_options_new(const struct weft_plugin *plugin, const char *const *settings, size_t n, char *ret_error,
                      size_t size);

/* Does the plugin have that option? */
bool kit_option_known(const struct weft_plugin *plugin, const char *name);

#endif
