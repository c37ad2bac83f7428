/* plugin.c - dlopen and the descriptor. */
#include "plugin.h"

#include <dlfcn.h>
#include <stdbool.h>
#include <stdio.h>

static const char *descriptor_fault(const struct weft_plugin *plugin, uint32_t kind)
{
    if (plugin->magic != WEFT_PLUGIN_MAGIC) return "the descriptor's magic is wrong";
    if (plugin->abi_major != WEFT_ABI_MAJOR) return "it was built for another major of the ABI";
    if (plugin->kind != kind) return "it is of another kind";
    if (plugin->name == NULL || plugin->version == NULL || plugin->schemes == NULL || plugin->schemes[0] == NULL)
        return "name, version or schemes are missing";
    if (plugin->open == NULL || plugin->close == NULL) return "open or close is missing";
    if ((plugin->transport != NULL) != (kind == WEFT_KIND_TRANSPORT) ||
        (plugin->cache != NULL) != (kind == WEFT_KIND_CACHE) || (plugin->store != NULL) != (kind == WEFT_KIND_STORE))
        return "it must have the functions of its kind and no others";
    return NULL;
}

const struct weft_plugin *kit_plugin_load(const char *file, uint32_t kind, char *ret_error, size_t size)
{
    void *handle = dlopen(file, RTLD_NOW | RTLD_LOCAL);
    if (handle == NULL) {
        snprintf(ret_error, size, "%s", dlerror());
        return NULL;
    }
    const struct weft_plugin *plugin = dlsym(handle, "weft_plugin");
    const char *fault = plugin != NULL ? descriptor_fault(plugin, kind) : "it exports no symbol weft_plugin";
    if (fault == NULL) return plugin;
    snprintf(ret_error, size, "%s: %s", file, fault);
    return NULL;
}
