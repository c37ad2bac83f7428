/* host/service.c - modules opened, their setup run, what they register kept and checked.
 *
 * Registration never fails towards the caller, which is generated code: errors gather in `errors` and end the start
 * together, so that a service author sees all of them at once. */
#include "host/service.h"

#include "base/memory.h"
#include "host/crash.h"
#include "host/plugin/loader.h"
#include "rpc/prefetch/prefetch_key.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SERVICE_ARENA_BYTES = 8192, SERVICE_NAME_MAX = 48, SERVICE_GROUPS_MAX = 64 };

static void error_add(struct weft_service *service, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void error_add(struct weft_service *service, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    if (service->errors.size > 0) weft_buffer_text(&service->errors, "; ");
    weft_buffer_vformat(&service->errors, format, args);
    va_end(args);
}

/* [a-z0-9-]+ of at most 48, with a letter first if `letter`. */
static bool name_fits(const char *name, bool letter)
{
    size_t length = name != NULL ? strlen(name) : 0;
    if (length == 0 || length > SERVICE_NAME_MAX) return false;
    if (letter && (name[0] < 'a' || name[0] > 'z')) return false;
    return strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == length;
}

/* Room for one more at the end of a list of `n` elements: doubled at powers of two, so the arena holds at most twice
 * what is used. */
static void *list_grow(struct weft_arena *arena, void *list, size_t n, size_t element)
{
    if (n != 0 && (n < 8 || (n & (n - 1)) != 0)) return list;
    void *grown = weft_arena_alloc(arena, (n < 8 ? 8 : 2 * n) * element);
    if (n > 0) memcpy(grown, list, n * element);
    return grown;
}

/* ---- what setup calls (weft/contract.h, weft/service.h) -----------------------------------------------------------
 */

void weft_service_add_method(weft_service *service, const struct weft_method_type *type,
                             weft_method_trampoline trampoline, weft_handler handler, void *arg)
{
    if (handler == NULL) return error_add(service, "method %s has no handler", type->path);
    if ((type->flags & (WEFT_METHOD_CLIENT_STREAMS | WEFT_METHOD_SERVER_STREAMS)) != 0)
        return error_add(service, "method %s streams and was registered as a unary one", type->path);
    for (size_t i = 0; i < service->n_methods; i++)
        if (strcmp(service->methods[i].type->path, type->path) == 0)
            return error_add(service, "method %s is registered twice", type->path);
    service->methods = list_grow(service->arena, service->methods, service->n_methods, sizeof *service->methods);
    service->methods[service->n_methods++] = (struct weft_rpc_method){
        .type = type, .trampoline = trampoline, .handler = handler, .arg = arg, .service = service->name
    };
}

void weft_service_prefetch(weft_service *service, const struct weft_method_type *method, const char *key)
{
    for (size_t i = 0; i < service->n_methods; i++) {
        if (service->methods[i].type != method) continue;
        struct weft_fault fault;
        if (weft_prefetch_key_parse(service->arena, method, key, &service->methods[i].prefetch, &fault) != WEFT_OK)
            error_add(service, "%s", fault.text);
        return;
    }
    error_add(service, "prefetch '%s': register method %s first", key, method->path);
}

void weft_service_add_event(weft_service *service, const struct weft_event_type *type)
{
    for (size_t i = 0; i < service->n_emits; i++)
        if (strcmp(service->emits[i]->type, type->type) == 0) return;
    service->emits = list_grow(service->arena, service->emits, service->n_emits, sizeof *service->emits);
    service->emits[service->n_emits++] = type;
}

static size_t group_count(const weft_service *service, const char *name, bool *ret_taken)
{
    size_t n = 0;
    *ret_taken = false;
    for (const struct weft_group *group = service->groups; group != NULL; group = group->next, n++)
        *ret_taken = *ret_taken || strcmp(group->name, name) == 0;
    return n;
}

weft_group *weft_group_new(weft_service *service, const char *name, const struct weft_group_options *options)
{
    bool taken;
    const char *said = name != NULL ? name : "(null)";
    if (!name_fits(name, false))
        error_add(service, "group '%.60s': a name is 1 to %d of [a-z0-9-]", said, SERVICE_NAME_MAX);
    else if (group_count(service, name, &taken) >= SERVICE_GROUPS_MAX)
        error_add(service, "group '%s': more than %d groups", name, SERVICE_GROUPS_MAX);
    else if (taken)
        error_add(service, "group '%s' is made twice", name);
    struct weft_group *group = weft_arena_alloc(service->arena, sizeof *group);
    group->service = service;
    group->name = weft_arena_strdup(service->arena, said);
    group->queue = weft_arena_format(service->arena, "%s.%s", service->name, said);
    if (options != NULL) group->options = *options;
    struct weft_group **end = &service->groups;
    while (*end != NULL)
        end = &(*end)->next;
    *end = group;
    return group;
}

void weft_group_add_event(weft_group *group, const struct weft_event_type *type, weft_event_trampoline trampoline,
                          weft_handler handler, void *arg)
{
    struct weft_service *service = group->service;
    if (handler == NULL) return error_add(service, "group '%s': event %s has no handler", group->name, type->type);
    for (size_t i = 0; i < group->n_handlers; i++)
        if (strcmp(group->handlers[i].type->type, type->type) == 0)
            return error_add(service, "group '%s': event %s is registered twice", group->name, type->type);
    group->handlers = list_grow(service->arena, group->handlers, group->n_handlers, sizeof *group->handlers);
    group->handlers[group->n_handlers++] = (struct weft_event_handler){ type, trampoline, handler, arg };
}

void weft_service_add_migrations(weft_service *service, const struct weft_migration *migrations, size_t n)
{
    size_t all = service->n_migrations + n;
    struct weft_migration *list = weft_arena_alloc(service->arena, (all + 1) * sizeof *list);
    if (service->n_migrations > 0) memcpy(list, service->migrations, service->n_migrations * sizeof *list);
    if (n > 0) memcpy(list + service->n_migrations, migrations, n * sizeof *list);
    service->migrations = list;
    service->n_migrations = all;
}

/* ---- its life ---------------------------------------------------------------------------------------------------- */

static weft_status module_check(const struct weft_service_module *module, const char *origin, struct weft_fault *fault)
{
    if (module->magic != WEFT_SERVICE_MAGIC)
        return weft_fault_set(fault, WEFT_FAILED_PRECONDITION, "%s: weft_service_module was not made by WEFT_SERVICE()",
                              origin);
    if (module->abi != WEFT_SERVICE_ABI)
        return weft_fault_set(fault, WEFT_FAILED_PRECONDITION, "%s is built for service ABI %u, this host has %d",
                              origin, module->abi, WEFT_SERVICE_ABI);
    if (!name_fits(module->name, true))
        return weft_fault_set(fault, WEFT_INVALID_ARGUMENT,
                              "%s: '%.60s' is no service name: [a-z][a-z0-9-]*, at most %d", origin,
                              module->name != NULL ? module->name : "", SERVICE_NAME_MAX);
    if (module->setup == NULL) return weft_fault_set(fault, WEFT_INVALID_ARGUMENT, "%s has no setup function", origin);
    return WEFT_OK;
}

/* What can be said only when all is registered. */
static void registration_check(struct weft_service *service)
{
    for (const struct weft_group *group = service->groups; group != NULL; group = group->next)
        if (group->n_handlers == 0) error_add(service, "group '%s' handles no event", group->name);
}

weft_status weft_service_new(const struct weft_service_module *module, const char *origin,
                             struct weft_service **ret_service, struct weft_fault *ret_fault)
{
    weft_status status = module_check(module, origin, ret_fault);
    if (status != WEFT_OK) return status;
    struct weft_service *service = weft_memory_zeroed(1, sizeof *service);
    service->arena = weft_arena_new(SERVICE_ARENA_BYTES);
    service->name = module->name;
    service->version = module->version;
    weft_status returned = module->setup(service);
    registration_check(service);
    if (returned != WEFT_OK) error_add(service, "setup returned %s", weft_status_name(returned));
    if (service->errors.size == 0) {
        *ret_service = service;
        return WEFT_OK;
    }
    weft_fault_set(ret_fault, WEFT_INVALID_ARGUMENT, "service '%s' (%s): %s", service->name, origin,
                   service->errors.data);
    weft_service_free(service);
    return WEFT_INVALID_ARGUMENT;
}

void weft_service_free(struct weft_service *service)
{
    if (service == NULL) return;
    weft_buffer_free(&service->errors);
    weft_arena_free(service->arena);
    free(service);
}

/* ---- modules in a directory ---------------------------------------------------------------------------------------
 */

static int name_is_module(const struct dirent *entry)
{
    size_t length = strlen(entry->d_name);
    return length > 3 && entry->d_name[0] != '.' && strcmp(entry->d_name + length - 3, ".so") == 0;
}

weft_status weft_service_names(const char *directory, struct weft_arena *arena, const char *const **ret_names,
                               struct weft_fault *ret_fault)
{
    struct dirent **entries;
    int n = scandir(directory, &entries, name_is_module, alphasort);
    if (n < 0)
        return weft_fault_set(ret_fault, WEFT_NOT_FOUND, "no services: %s: %s; set service_dir", directory,
                              strerror(errno));
    const char **names = weft_arena_alloc(arena, ((size_t)n + 1) * sizeof *names);
    for (int i = 0; i < n; i++) {
        names[i] = weft_arena_format(arena, "%.*s", (int)strlen(entries[i]->d_name) - 3, entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
    *ret_names = names;
    return WEFT_OK;
}

/* The name comes from the command line: it must not lead out of the directory. */
static weft_status path_make(const char *directory, const char *name, char *ret_path, size_t size,
                             struct weft_fault *fault)
{
    if (!name_fits(name, true))
        return weft_fault_set(fault, WEFT_INVALID_ARGUMENT, "'%.60s' is no service name: [a-z][a-z0-9-]*, at most %d",
                              name, SERVICE_NAME_MAX);
    if ((size_t)snprintf(ret_path, size, "%s/%s.so", directory, name) >= size)
        return weft_fault_set(fault, WEFT_INVALID_ARGUMENT, "the path %s is too long", directory);
    return WEFT_OK;
}

/* Which services there are, when one is not. */
static weft_status service_missing(const char *directory, const char *name, struct weft_fault *fault)
{
    struct weft_arena *arena = weft_arena_new(1024);
    const char *const *names = NULL, *there = NULL;
    weft_status status = weft_service_names(directory, arena, &names, fault);
    for (; status == WEFT_OK && *names != NULL; names++)
        there = there == NULL ? *names : weft_arena_format(arena, "%s, %s", there, *names);
    if (status == WEFT_OK)
        status = weft_fault_set(fault, WEFT_NOT_FOUND, "no service '%s' in %s; there are: %s", name, directory,
                                there != NULL ? there : "none");
    weft_arena_free(arena);
    return status;
}

weft_status weft_service_load(const char *directory, const char *name, struct weft_service **ret_service,
                              struct weft_fault *ret_fault)
{
    char path[4096];
    weft_status status = path_make(directory, name, path, sizeof path, ret_fault);
    if (status == WEFT_OK) status = weft_loader_check_owner(path, ret_fault);
    if (status == WEFT_NOT_FOUND) return service_missing(directory, name, ret_fault);
    if (status != WEFT_OK) return status;
    void *module = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (module == NULL)
        return weft_fault_set(ret_fault, WEFT_FAILED_PRECONDITION, "cannot load service: %s", dlerror());
    const struct weft_service_module *exported = dlsym(module, "weft_service_module");
    if (exported == NULL)
        return weft_fault_set(ret_fault, WEFT_FAILED_PRECONDITION,
                              "%s is no service: it does not export weft_service_module", path);
    status = weft_service_new(exported, path, ret_service, ret_fault);
    if (status == WEFT_OK) weft_crash_add(exported, "service", exported->name, exported->version);
    return status;
}
