/* host/plugin/loader.h - finds plugins in one directory by kind and scheme, and opens the `.so` only once its note
 * fits. The host's thread. */
#ifndef WEFT_HOST_LOADER_H
#define WEFT_HOST_LOADER_H

#include "base/arena.h"
#include "base/fault.h"
#include "config/config.h"
#include "host/plugin/note.h"
#include <stddef.h>
#include <weft/plugin.h>

struct weft_loader;

/* A file of the directory: what its note says, or why it is refused. */
struct weft_plugin_file {
    const char *path;
    struct weft_note note;
    const char *refusal;              /* NULL: fine so far */
    const struct weft_plugin *plugin; /* once opened */
};

/* Scans the directory (NULL: none): reads notes, runs nothing. NOT_FOUND: no such directory; PERMISSION_DENIED: others
 * may write to it. Files that are refused are listed with the reason. */
weft_status weft_loader_new(const char *directory, struct weft_loader **ret_loader, struct weft_fault *ret_fault);
void weft_loader_free(struct weft_loader *loader); /* plugins stay loaded, as they always do */

const struct weft_plugin_file *weft_loader_files(const struct weft_loader *loader, size_t *ret_n);

/* A plugin that is linked into the process; found before those of the directory. */
void weft_loader_add(struct weft_loader *loader, const struct weft_plugin *plugin);

/* Opens, once, the plugin of this kind that serves the scheme, and checks its descriptor. NOT_FOUND: none, with the
 * schemes that there are; FAILED_PRECONDITION: refused, with the file and both versions. */
weft_status weft_loader_find(struct weft_loader *loader, uint32_t kind, const char *scheme,
                             const struct weft_plugin **ret_plugin, struct weft_fault *ret_fault);

/* "transport", "cache", "store". */
const char *weft_kind_name(uint32_t kind);

/* What the settings plugin_dir and service_dir say, or where both are as installed and in the build tree. In the arena,
 * or the config's. */
const char *weft_loader_plugin_directory(const struct weft_config *config, struct weft_arena *arena);
const char *weft_loader_service_directory(const struct weft_config *config, struct weft_arena *arena);

/* `relative` to the directory of the running executable, "../lib/weft/plugins-1"; in the arena. */
const char *weft_loader_default_directory(struct weft_arena *arena, const char *relative);

/* PERMISSION_DENIED: group or others may write to it. NOT_FOUND. */
weft_status weft_loader_check_owner(const char *path, struct weft_fault *ret_fault);

#endif
