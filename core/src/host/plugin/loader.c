/* host/plugin/loader.c - one directory, notes first, then dlopen of what is wanted. */
#include "host/plugin/loader.h"

#include "base/arena.h"
#include "base/memory.h"
#include "base/text.h"
#include "host/crash.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LOADER_MAX_FILES = 64, LOADER_ARENA_BYTES = 4096 };

struct weft_loader {
    struct weft_arena *arena;
    const char *directory;
    struct weft_plugin_file files[LOADER_MAX_FILES];
    size_t n_files;
};

const char *weft_kind_name(uint32_t kind)
{
    switch (kind) {
    case WEFT_KIND_TRANSPORT:
        return "transport";
    case WEFT_KIND_CACHE:
        return "cache";
    case WEFT_KIND_STORE:
        return "store";
    default:
        return "unknown";
    }
}

weft_status weft_loader_check_owner(const char *path, struct weft_fault *ret_fault)
{
    struct stat info;
    if (stat(path, &info) != 0) return weft_fault_set(ret_fault, WEFT_NOT_FOUND, "%s: %s", path, strerror(errno));
    if ((info.st_mode & (S_IWGRP | S_IWOTH)) != 0)
        return weft_fault_set(ret_fault, WEFT_PERMISSION_DENIED,
                              "%s is writable by its group or by others (mode %03o): chmod go-w it", path,
                              info.st_mode & 0777u);
    return WEFT_OK;
}

const char *weft_loader_default_directory(struct weft_arena *arena, const char *relative)
{
    char program[PATH_MAX], resolved[PATH_MAX];
    ssize_t size = readlink("/proc/self/exe", program, sizeof program - 1);
    program[size > 0 ? size : 0] = '\0';
    char *slash = strrchr(program, '/');
    if (slash != NULL) *slash = '\0';
    const char *path = weft_arena_format(arena, "%s/%s", program, relative);
    return realpath(path, resolved) != NULL ? weft_arena_strdup(arena, resolved) : path;
}

static const char *directory_set(const struct weft_config *config, const char *key, struct weft_arena *arena,
                                 const char *relative)
{
    const char *set = weft_config_text(config, key);
    return set != NULL ? set : weft_loader_default_directory(arena, relative);
}

const char *weft_loader_plugin_directory(const struct weft_config *config, struct weft_arena *arena)
{
    return directory_set(config, "plugin_dir", arena, "../lib/weft/plugins-" WEFT_STRINGIFY(WEFT_ABI_MAJOR));
}

const char *weft_loader_service_directory(const struct weft_config *config, struct weft_arena *arena)
{
    return directory_set(config, "service_dir", arena, "../lib/weft/services");
}

/* ---- the directory ----------------------------------------------------------------------------------------------- */

static weft_status file_examine(const char *path, struct weft_note *ret_note, struct weft_fault *fault)
{
    weft_status status = weft_loader_check_owner(path, fault);
    if (status != WEFT_OK) return status;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) return weft_fault_set(fault, WEFT_NOT_FOUND, "%s: %s", path, strerror(errno));
    struct weft_fault why = { 0 };
    status = weft_note_read(fd, ret_note, &why);
    close(fd);
    if (status != WEFT_OK) return weft_fault_set(fault, status, "%s: %s", path, why.text);
    if (ret_note->abi_major != WEFT_ABI_MAJOR)
        return weft_fault_set(fault, WEFT_FAILED_PRECONDITION, "%s is built for plugin ABI %u.%u, this host has %d.%d",
                              path, ret_note->abi_major, ret_note->abi_minor, WEFT_ABI_MAJOR, WEFT_ABI_MINOR);
    return WEFT_OK;
}

static void file_add(struct weft_loader *loader, const char *name)
{
    struct weft_fault fault = { 0 };
    struct weft_plugin_file *file = &loader->files[loader->n_files++];
    file->path = weft_arena_format(loader->arena, "%s/%s", loader->directory, name);
    if (file_examine(file->path, &file->note, &fault) != WEFT_OK)
        file->refusal = weft_arena_strdup(loader->arena, fault.text);
}

static int name_is_module(const struct dirent *entry)
{
    size_t length = strlen(entry->d_name);
    return length > 3 && entry->d_name[0] != '.' && strcmp(entry->d_name + length - 3, ".so") == 0;
}

static weft_status directory_scan(struct weft_loader *loader, struct weft_fault *fault)
{
    struct dirent **names;
    weft_status status = weft_loader_check_owner(loader->directory, fault);
    if (status != WEFT_OK) return status;
    int n = scandir(loader->directory, &names, name_is_module, alphasort);
    if (n < 0) return weft_fault_set(fault, WEFT_NOT_FOUND, "%s: %s", loader->directory, strerror(errno));
    if (n > LOADER_MAX_FILES)
        status = weft_fault_set(fault, WEFT_RESOURCE_EXHAUSTED, "%s has more than %d plugins", loader->directory,
                                LOADER_MAX_FILES);
    for (int i = 0; i < n; i++) {
        if (status == WEFT_OK) file_add(loader, names[i]->d_name);
        free(names[i]);
    }
    free(names);
    return status;
}

weft_status weft_loader_new(const char *directory, struct weft_loader **ret_loader, struct weft_fault *ret_fault)
{
    struct weft_loader *loader = weft_memory_zeroed(1, sizeof *loader);
    loader->arena = weft_arena_new(LOADER_ARENA_BYTES);
    loader->directory = weft_arena_strdup(loader->arena, directory);
    weft_status status = directory != NULL ? directory_scan(loader, ret_fault) : WEFT_OK;
    if (status == WEFT_OK)
        *ret_loader = loader;
    else
        weft_loader_free(loader);
    return status;
}

void weft_loader_free(struct weft_loader *loader)
{
    if (loader == NULL) return;
    weft_arena_free(loader->arena);
    free(loader);
}

const struct weft_plugin_file *weft_loader_files(const struct weft_loader *loader, size_t *ret_n)
{
    *ret_n = loader->n_files;
    return loader->files;
}

void weft_loader_add(struct weft_loader *loader, const struct weft_plugin *plugin)
{
    if (loader->n_files == LOADER_MAX_FILES) return;
    size_t used = 0;
    struct weft_plugin_file *file = &loader->files[0];
    memmove(file + 1, file, loader->n_files++ * sizeof *file);
    *file = (struct weft_plugin_file){ .path = "(in the process)", .plugin = plugin };
    file->note = (struct weft_note){ plugin->abi_major, plugin->abi_minor, plugin->kind, "", "" };
    snprintf(file->note.name, sizeof file->note.name, "%s", plugin->name);
    for (const char *const *scheme = plugin->schemes; *scheme != NULL && used < sizeof file->note.schemes; scheme++)
        used += (size_t)snprintf(file->note.schemes + used, sizeof file->note.schemes - used, "%s%s",
                                 used > 0 ? "," : "", *scheme);
}

/* ---- opening ----------------------------------------------------------------------------------------------------- */

/* Do the options lie within the plugin's struct, with types we know? */
static bool options_fit(const struct weft_plugin *plugin)
{
    for (uint32_t i = 0; i < plugin->n_options; i++) {
        const struct weft_option *option = &plugin->options[i];
        uint64_t size = option->type == WEFT_OPTION_BOOL ? sizeof(bool) : sizeof(int64_t);
        if (option->type < WEFT_OPTION_TEXT || option->type > WEFT_OPTION_CHOICE || option->name == NULL) return false;
        if (option->type == WEFT_OPTION_CHOICE && option->choices == NULL) return false;
        if (option->offset > plugin->options_size || size > plugin->options_size - option->offset) return false;
    }
    return true;
}

static const void *ops_of(const struct weft_plugin *plugin)
{
    switch (plugin->kind) {
    case WEFT_KIND_TRANSPORT:
        return plugin->transport;
    case WEFT_KIND_CACHE:
        return plugin->cache;
    case WEFT_KIND_STORE:
        return plugin->store;
    default:
        return NULL;
    }
}

/* Every function of 1.0 is there; those of a capability if it is claimed. */
static bool ops_fit(const struct weft_plugin *plugin)
{
    const struct weft_transport_ops *transport = plugin->transport;
    const struct weft_cache_ops *cache = plugin->cache;
    const struct weft_store_ops *store = plugin->store;
    switch (plugin->kind) {
    case WEFT_KIND_TRANSPORT:
        return WEFT_HAS(transport, unsubscribe) && transport->declare != NULL && transport->publish != NULL &&
               transport->subscribe != NULL && transport->settle != NULL && transport->unsubscribe != NULL;
    case WEFT_KIND_CACHE:
        return WEFT_HAS(cache, run) && cache->session_open != NULL && cache->session_close != NULL &&
               cache->run != NULL;
    default:
        return WEFT_HAS(store, unlock) && store->dialect != NULL && store->session_open != NULL &&
               store->session_close != NULL && store->run != NULL && store->wait != NULL && store->wake != NULL &&
               ((store->caps & WEFT_STORE_LOCK) == 0 || (store->lock != NULL && store->unlock != NULL));
    }
}

static weft_status descriptor_check(const struct weft_plugin_file *file, const struct weft_plugin *plugin,
                                    struct weft_fault *fault)
{
    const char *what = NULL;
    if (plugin->magic != WEFT_PLUGIN_MAGIC)
        what = "its descriptor does not begin with WEFT_PLUGIN_MAGIC";
    else if (plugin->abi_major != WEFT_ABI_MAJOR)
        return weft_fault_set(fault, WEFT_FAILED_PRECONDITION, "%s is built for plugin ABI %u.%u, this host has %d.%d",
                              file->path, plugin->abi_major, plugin->abi_minor, WEFT_ABI_MAJOR, WEFT_ABI_MINOR);
    else if (!WEFT_HAS(plugin, store))
        what = "its descriptor is smaller than that of plugin ABI 1.0";
    else if (plugin->name == NULL || plugin->schemes == NULL || plugin->open == NULL || plugin->close == NULL)
        what = "its descriptor lacks name, schemes, open or close";
    else if (plugin->kind != file->note.kind || strcmp(plugin->name, file->note.name) != 0)
        what = "its note and its descriptor differ in kind or name";
    else if (ops_of(plugin) == NULL)
        what = "its descriptor lacks the functions of its kind";
    else if (!ops_fit(plugin))
        what = "its table of functions is smaller than that of plugin ABI 1.0, or lacks one of them";
    else if (!options_fit(plugin))
        what = "its option table reaches beyond its options' struct, or has an unknown type";
    if (what == NULL) return WEFT_OK;
    return weft_fault_set(fault, WEFT_FAILED_PRECONDITION, "%s: %s", file->path, what);
}

/* Plugins are never unloaded: one with a thread alive would crash (and refused ones have run their constructors). */
static weft_status file_open(struct weft_plugin_file *file, struct weft_fault *fault)
{
    void *module = dlopen(file->path, RTLD_NOW | RTLD_LOCAL);
    if (module == NULL) return weft_fault_set(fault, WEFT_FAILED_PRECONDITION, "cannot load plugin: %s", dlerror());
    const struct weft_plugin *plugin = dlsym(module, "weft_plugin");
    if (plugin == NULL)
        return weft_fault_set(fault, WEFT_FAILED_PRECONDITION, "%s does not export weft_plugin", file->path);
    weft_status status = descriptor_check(file, plugin, fault);
    if (status != WEFT_OK) return status;
    weft_crash_add(plugin, "plugin", plugin->name, plugin->version);
    file->plugin = plugin;
    return WEFT_OK;
}

static bool file_serves(const struct weft_plugin_file *file, uint32_t kind, const char *scheme)
{
    if (file->note.kind != kind) return false;
    size_t length = strlen(scheme);
    for (const char *next = file->note.schemes; *next != '\0';) {
        size_t size = strcspn(next, ",");
        if (size == length && strncmp(next, scheme, length) == 0) return true;
        next += size + (next[size] == ',');
    }
    return false;
}

static weft_status scheme_unknown(const struct weft_loader *loader, uint32_t kind, const char *scheme,
                                  struct weft_fault *fault)
{
    char there[200] = "";
    const char *refusal = NULL; /* of a file whose schemes are not known: it may be the one */
    size_t used = 0;
    for (size_t i = 0; i < loader->n_files && used < sizeof there; i++) {
        const struct weft_plugin_file *file = &loader->files[i];
        if (file->refusal != NULL)
            refusal = refusal != NULL ? refusal : file->refusal;
        else if (file->note.kind == kind)
            used +=
                (size_t)snprintf(there + used, sizeof there - used, "%s%s", used > 0 ? "," : "", file->note.schemes);
    }
    return weft_fault_set(fault, WEFT_NOT_FOUND, "no %s plugin for '%s:' in %s; there are: %s%s%s",
                          weft_kind_name(kind), scheme, loader->directory != NULL ? loader->directory : "the process",
                          used > 0 ? there : "none", refusal != NULL ? "; refused: " : "",
                          refusal != NULL ? refusal : "");
}

weft_status weft_loader_find(struct weft_loader *loader, uint32_t kind, const char *scheme,
                             const struct weft_plugin **ret_plugin, struct weft_fault *ret_fault)
{
    const char *refusal = NULL;
    for (size_t i = 0; i < loader->n_files; i++) {
        struct weft_plugin_file *file = &loader->files[i];
        if (!file_serves(file, kind, scheme)) continue;
        if (file->refusal != NULL) {
            refusal = file->refusal;
            continue;
        }
        weft_status status = file->plugin == NULL ? file_open(file, ret_fault) : WEFT_OK;
        if (status == WEFT_OK) *ret_plugin = file->plugin;
        return status;
    }
    if (refusal != NULL) return weft_fault_set(ret_fault, WEFT_FAILED_PRECONDITION, "%s", refusal);
    return scheme_unknown(loader, kind, scheme, ret_fault);
}
