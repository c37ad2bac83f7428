/* plugin.h - loading a plugin file as a host does. */
#ifndef WEFT_KIT_PLUGIN_H
#define WEFT_KIT_PLUGIN_H

#include <stddef.h>
#include <weft/plugin.h>

/* Loads the file and checks its descriptor. NULL with a text when it is no plugin of that kind and ABI. */
const struct weft_plugin *kit_plugin_load(const char *file, uint32_t kind, char *ret_error, size_t size);

#endif
