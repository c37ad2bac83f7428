/* command/plugin/plugins.h - the plugins of the plugin directory, opened for what their descriptors say. */
#ifndef WEFT_COMMAND_PLUGIN_PLUGINS_H
#define WEFT_COMMAND_PLUGIN_PLUGINS_H

#include "command/command.h"
#include "host/plugin/loader.h"

/* Loads every plugin file that is not refused and calls `each` with it (file->plugin is set), sorted by file name. The
 * `.so` are loaded, which runs no function of theirs; none is opened as an instance. `refused` (may be NULL) gets the
 * text of each that cannot be. */
weft_status weft_plugins_each(const struct weft_command_line *line, const struct weft_config *config,
                              weft_status (*each)(void *arg, const struct weft_plugin_file *file,
                                                  struct weft_fault *fault),
                              void (*refused)(void *arg, const char *text), void *arg, struct weft_fault *ret_fault);

#endif
