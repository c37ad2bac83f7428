/* command/plugin/plugins.c - every plugin there is. */
#include "command/plugin/plugins.h"

#include <string.h>

/* By its first scheme, as a host would. */
static weft_status file_load(struct weft_loader *loader, const struct weft_plugin_file *file, struct weft_fault *fault)
{
    char scheme[sizeof file->note.schemes];
    const struct weft_plugin *plugin;
    if (file->refusal != NULL) return weft_fault_set(fault, WEFT_FAILED_PRECONDITION, "%s", file->refusal);
    memcpy(scheme, file->note.schemes, sizeof scheme);
    scheme[strcspn(scheme, ",")] = '\0';
    weft_status status = weft_loader_find(loader, file->note.kind, scheme, &plugin, fault);
    if (status != WEFT_OK || file->plugin != NULL) return status;
    return weft_fault_set(fault, WEFT_FAILED_PRECONDITION, "%s: another plugin serves '%s:'", file->path, scheme);
}

weft_status weft_plugins_each(const struct weft_command_line *line, const struct weft_config *config,
                              weft_status (*each)(void *arg, const struct weft_plugin_file *file,
                                                  struct weft_fault *fault),
                              void (*refused)(void *arg, const char *text), void *arg, struct weft_fault *ret_fault)
{
    struct weft_loader *loader = NULL;
    size_t n;
    const char *directory = weft_loader_plugin_directory(config, line->arena);
    weft_status status = weft_loader_new(directory, &loader, ret_fault);
    if (status != WEFT_OK) return status;
    const struct weft_plugin_file *files = weft_loader_files(loader, &n);
    for (size_t i = 0; i < n && status == WEFT_OK; i++) {
        struct weft_fault why = { 0 };
        if (file_load(loader, &files[i], &why) == WEFT_OK)
            status = each(arg, &files[i], ret_fault);
        else if (refused != NULL)
            refused(arg, why.text);
    }
    weft_loader_free(loader);
    return status;
}
