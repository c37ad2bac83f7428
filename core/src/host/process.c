/* host/process.c - a process is put together: services, plugins, stores, servers. Nothing here waits for the network.
 */
#include "host/process.h"

#include "base/clock.h"
#include "base/memory.h"
#include "data/cache/drops.h"
#include "data/group/committer.h"
#include "host/admin/pages.h"
#include "host/parts.h"
#include "observe/admin/token.h"
#include "observe/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PROCESS_ARENA_BYTES = 16 * 1024 };

/* ---- services ---------------------------------------------------------------------------------------------------- */

static weft_status part_add(struct weft_process *process, struct weft_service *service, struct weft_fault *fault)
{
    for (size_t i = 0; i < process->n_parts; i++)
        if (strcmp(process->parts[i].service->name, service->name) == 0) {
            weft_fault_set(fault, WEFT_INVALID_ARGUMENT, "service '%s' is given twice", service->name);
            weft_service_free(service);
            return WEFT_INVALID_ARGUMENT;
        }
    process->parts[process->n_parts++].service = service;
    return WEFT_OK;
}

static weft_status modules_add(struct weft_process *process, struct weft_fault *fault)
{
    weft_status status = WEFT_OK;
    for (size_t i = 0; i < process->options.n_modules && status == WEFT_OK; i++) {
        struct weft_service *service = NULL;
        status = weft_service_new(process->options.modules[i], "(in the process)", &service, fault);
        if (status == WEFT_OK) status = part_add(process, service, fault);
    }
    return status;
}

static weft_status services_load(struct weft_process *process, const char *directory, const char *const *names,
                                 struct weft_fault *fault)
{
    weft_status status = WEFT_OK;
    for (; *names != NULL && status == WEFT_OK; names++) {
        struct weft_service *service = NULL;
        status = weft_service_load(directory, *names, &service, fault);
        if (status == WEFT_OK) status = part_add(process, service, fault);
    }
    return status;
}

static size_t names_count(const char *const *names)
{
    size_t n = 0;
    while (names != NULL && names[n] != NULL)
        n++;
    return n;
}

/* Services that are there and not run may be spoken of in a weft.yaml that several hosts share. */
static weft_status others_tell(struct weft_process *process, const char *const *names, struct weft_fault *fault)
{
    weft_status status = WEFT_OK;
    for (; names != NULL && *names != NULL && status == WEFT_OK; names++)
        if (weft_process_service(process, *names) == NULL)
            status = weft_config_add_service(process->config, *names, NULL, fault);
    return status;
}

static weft_status services_gather(struct weft_process *process, struct weft_fault *fault)
{
    const char *const *wanted = process->options.service_names, *const *there = NULL;
    bool only_modules = wanted == NULL && process->options.n_modules > 0;
    const char *directory = weft_loader_service_directory(process->config, process->arena);
    struct weft_fault why = { 0 };
    weft_status status = weft_service_names(directory, process->arena, &there, &why);
    if (status != WEFT_OK && wanted == NULL && !only_modules) return weft_fault_set(fault, status, "%s", why.text);
    const char *const *names = only_modules ? NULL : wanted != NULL ? wanted : there;
    size_t n = names_count(names) + process->options.n_modules;
    if (n == 0) return weft_fault_set(fault, WEFT_NOT_FOUND, "there are no services in %s", directory);
    process->parts = weft_arena_alloc(process->arena, n * sizeof *process->parts);
    status = modules_add(process, fault);
    if (status == WEFT_OK && names != NULL) status = services_load(process, directory, names, fault);
    if (status == WEFT_OK && !only_modules) status = others_tell(process, there, fault);
    return status;
}

/* ---- what services say: settings, contracts -----------------------------------------------------------------------
 */

static weft_status groups_tell(struct weft_process *process, const struct weft_service *service,
                               struct weft_fault *fault)
{
    size_t n = 0;
    for (const struct weft_group *group = service->groups; group != NULL; group = group->next)
        n++;
    const char **names = weft_arena_alloc(process->arena, (n + 1) * sizeof *names);
    n = 0;
    for (const struct weft_group *group = service->groups; group != NULL; group = group->next)
        names[n++] = group->name;
    return weft_config_add_service(process->config, service->name, names, fault);
}

static weft_status event_tell(struct weft_process *process, const struct weft_event_type *type,
                              struct weft_fault *fault)
{
    weft_status status = weft_registry_add_event(process->registry, type, fault);
    return status == WEFT_OK ? weft_config_add_topic(process->config, type->topic, fault) : status;
}

static weft_status contracts_tell(struct weft_process *process, const struct weft_service *service,
                                  struct weft_fault *fault)
{
    weft_status status = WEFT_OK;
    for (size_t i = 0; i < service->n_methods && status == WEFT_OK; i++)
        status = weft_registry_add_method(process->registry, service->methods[i].type, fault);
    for (size_t i = 0; i < service->n_emits && status == WEFT_OK; i++)
        status = event_tell(process, service->emits[i], fault);
    for (const struct weft_group *group = service->groups; group != NULL; group = group->next)
        for (size_t i = 0; i < group->n_handlers && status == WEFT_OK; i++)
            status = event_tell(process, group->handlers[i].type, fault);
    return status;
}

static weft_status names_check(struct weft_process *process, struct weft_fault *fault)
{
    size_t n;
    const struct weft_plugin_file *files = weft_loader_files(process->loader, &n);
    const char **plugins = weft_arena_alloc(process->arena, (n + 1) * sizeof *plugins);
    for (size_t i = 0, known = 0; i < n; i++)
        if (files[i].note.name[0] != '\0') plugins[known++] = files[i].note.name;
    return weft_config_check_names(process->config, plugins, fault);
}

static weft_status services_tell(struct weft_process *process, struct weft_fault *fault)
{
    weft_status status = WEFT_OK;
    process->registry = weft_registry_new();
    process->tap = weft_tap_new();
    for (size_t i = 0; i < process->n_parts && status == WEFT_OK; i++) {
        status = groups_tell(process, process->parts[i].service, fault);
        if (status == WEFT_OK) status = contracts_tell(process, process->parts[i].service, fault);
    }
    return status == WEFT_OK ? names_check(process, fault) : status;
}

static void topics_gather(struct weft_process *process)
{
    const struct weft_topology *topology =
        weft_topology_build(process->arena, process->parts, process->n_parts, process->instance);
    struct weft_topic *list = weft_arena_alloc(process->arena, (topology->n_topics + 1) * sizeof *list);
    char key[WEFT_CONFIG_KEY];
    for (uint32_t i = 0; i < topology->n_topics; i++) {
        int64_t body = weft_config_int(process->config, weft_config_key(key, "topics.%s.body", topology->topics[i]));
        list[i] = (struct weft_topic){ .name = topology->topics[i], .body = (enum weft_body)body };
    }
    process->topics = (struct weft_topics){ list, topology->n_topics };
}

/* ---- plugins ----------------------------------------------------------------------------------------------------- */

/* Wakes who waits in start: the state of a plugin has changed. */
static void health_changed(void *arg)
{
    struct weft_process *process = arg;
    pthread_mutex_lock(&process->mutex);
    pthread_cond_broadcast(&process->changed);
    pthread_mutex_unlock(&process->mutex);
}

static struct weft_instance_options instance_options(struct weft_process *process, uint32_t kind, const char *key)
{
    return (struct weft_instance_options){ .kind = kind,
                                           .url = weft_config_text(process->config, key),
                                           .url_origin = weft_config_origin(process->config, key),
                                           .config = process->config,
                                           .instance = process->instance,
                                           .data_dir = weft_config_text(process->config, "data_dir"),
                                           .transport = process->transport,
                                           .on_health = health_changed,
                                           .on_health_arg = process };
}

static bool service_keeps(const struct weft_service *service)
{
    bool consumes = false, remembers = false;
    for (size_t i = 0; i < service->n_methods; i++)
        remembers = remembers || (service->methods[i].type->flags & WEFT_METHOD_IDEMPOTENCY_KEY) != 0;
    for (const struct weft_group *group = service->groups; group != NULL; group = group->next)
        consumes = consumes || !group->options.broadcast;
    return consumes || remembers || service->n_emits > 0 || service->n_migrations > 0;
}

static weft_status store_open(struct weft_process *process, struct weft_part *part, struct weft_fault *fault)
{
    struct weft_instance_options options = instance_options(process, WEFT_KIND_STORE, "store");
    bool own;
    options.url = weft_config_store(process->config, part->service->name, process->arena, &options.url_origin, &own);
    options.service = part->service->name;
    if (!own && !service_keeps(part->service)) return WEFT_OK;
    weft_status status = weft_instance_open(process->loader, &options, &part->store_instance, fault);
    if (status != WEFT_OK) return status;
    part->store =
        weft_store_new(weft_instance_plugin(part->store_instance)->store, weft_instance_self(part->store_instance),
                       part->service->name, (uint32_t)weft_config_int(process->config, "store_sessions"));
    part->store->topics = &process->topics;
    part->store->request_kept_ns = weft_config_amount(process->config, "idempotency_kept");
    part->store->drops = weft_drops_new(process->cache, part->store->dialect);
    if (weft_config_bool(process->config, "commit_groups")) part->store->committer = weft_committer_start(part->store);
    snprintf(part->waiting, sizeof part->waiting, "not yet reached");
    return WEFT_OK;
}

static void direct_make(struct weft_process *process, struct weft_part *part)
{
    struct weft_direct_options options = { .service = part->service->name,
                                           .instance = process->instance,
                                           .topics = &process->topics,
                                           .tap = process->tap,
                                           .kept = (uint32_t)weft_config_int(process->config, "direct_kept") };
    part->direct = weft_direct_new(process->transport, process->cache, &options);
}

static weft_status plugins_open(struct weft_process *process, struct weft_fault *fault)
{
    process->transport = weft_transport_new();
    struct weft_instance_options transport = instance_options(process, WEFT_KIND_TRANSPORT, "transport");
    struct weft_instance_options cache = instance_options(process, WEFT_KIND_CACHE, "cache");
    weft_status status = weft_instance_open(process->loader, &transport, &process->transport_instance, fault);
    if (status == WEFT_OK) status = weft_instance_open(process->loader, &cache, &process->cache_instance, fault);
    if (status == WEFT_OK)
        process->cache = weft_cache_new(weft_instance_plugin(process->cache_instance)->cache,
                                        weft_instance_self(process->cache_instance),
                                        (uint32_t)weft_config_int(process->config, "cache_sessions"),
                                        weft_config_amount(process->config, "cache_timeout"));
    for (size_t i = 0; i < process->n_parts && status == WEFT_OK; i++)
        status = store_open(process, &process->parts[i], fault);
    for (size_t i = 0; i < process->n_parts && status == WEFT_OK; i++)
        direct_make(process, &process->parts[i]);
    return status;
}

static weft_status loader_make(struct weft_process *process, struct weft_fault *fault)
{
    const char *directory = weft_loader_plugin_directory(process->config, process->arena);
    const bool set = weft_config_text(process->config, "plugin_dir") != NULL;
    /* A test that brings its plugins along need not have a folder of them. */
    if (!set && process->options.n_plugins > 0 && access(directory, F_OK) != 0) directory = NULL;
    weft_status status = weft_loader_new(directory, &process->loader, fault);
    for (size_t i = 0; i < process->options.n_plugins && status == WEFT_OK; i++)
        weft_loader_add(process->loader, process->options.plugins[i]);
    return status;
}

/* ---- servers ----------------------------------------------------------------------------------------------------- */

/* The methods of all services, with what their handlers work on. */
static struct weft_rpc_method *methods_gather(struct weft_process *process, size_t *ret_n)
{
    size_t n = 0, used = 0;
    for (size_t i = 0; i < process->n_parts; i++)
        n += process->parts[i].service->n_methods;
    const struct weft_rpc_method **pointers = weft_arena_alloc(process->arena, (n + 1) * sizeof *pointers);
    for (size_t i = 0; i < process->n_parts; i++) {
        struct weft_part *part = &process->parts[i];
        for (size_t m = 0; m < part->service->n_methods; m++) {
            part->service->methods[m].store = part->store;
            part->service->methods[m].cache = process->cache;
            part->service->methods[m].direct = part->direct;
            part->service->methods[m].seconds =
                WEFT_SERIES(process->metrics, HANDLER_SECONDS, part->service->methods[m].type->path, NULL, NULL, NULL);
            pointers[used++] = &part->service->methods[m];
        }
    }
    process->local = weft_rpc_local_new(pointers, n);
    struct weft_rpc_method *all = weft_arena_alloc(process->arena, (n + 1) * sizeof *all);
    for (size_t i = 0; i < n; i++) {
        ((struct weft_rpc_method *)(uintptr_t)pointers[i])->local = process->local; /* our own, see above */
        all[i] = *pointers[i];
    }
    *ret_n = n;
    return all;
}

/* As set, else of the data folder. Without one the host runs; nobody may act on it. */
static weft_status token_get(const struct weft_config *config, char ret_token[WEFT_TOKEN_SIZE],
                             struct weft_fault *fault)
{
    const char *set = weft_config_text(config, "admin.token");
    struct weft_fault why = { 0 };
    if (set != NULL) {
        snprintf(ret_token, WEFT_TOKEN_SIZE, "%s", set);
        return weft_token_check(set, weft_config_origin(config, "admin.token"), fault);
    }
    if (weft_token_make(weft_config_text(config, "data_dir"), ret_token, &why) == WEFT_OK) return WEFT_OK;
    ret_token[0] = '\0';
    weft_log(WEFT_LOG_WARN, "host", NULL,
             "no admin.token is set and none can be made, so nobody may act on this host: %s", why.text);
    return WEFT_OK;
}

static weft_status admin_bind(struct weft_process *process, struct weft_fault *fault)
{
    char token[WEFT_TOKEN_SIZE];
    const char *listen = weft_config_text(process->config, "admin.listen");
    if (strcmp(listen, "off") == 0) return WEFT_OK;
    weft_status status = token_get(process->config, token, fault);
    struct weft_admin_options options = {
        .listen = listen, .token = token[0] != '\0' ? token : NULL, .routes = weft_process_routes, .arg = process
    };
    if (status == WEFT_OK) status = weft_admin_start(&options, &process->admin, fault);
    return status;
}

static weft_status servers_bind(struct weft_process *process, struct weft_fault *fault)
{
    size_t n;
    const struct weft_rpc_method *methods = methods_gather(process, &n);
    if (!process->options.serve) return WEFT_OK;
    const struct weft_config *config = process->config;
    struct weft_rpc_options options = { .listen = weft_config_text(config, "grpc.listen"),
                                        .workers = (uint32_t)weft_config_int(config, "grpc.workers"),
                                        .max_workers = (uint32_t)weft_config_int(config, "grpc.max_workers"),
                                        .max_message_bytes = (uint32_t)weft_config_amount(config, "grpc.max_message"),
                                        .deadline_ns = weft_config_amount(config, "grpc.deadline"),
                                        .metrics = process->metrics };
    weft_status status = weft_rpc_server_new(&options, process->registry, methods, n, &process->rpc, fault);
    if (status == WEFT_OK) status = weft_rpc_server_start(process->rpc, fault);
    if (status == WEFT_OK) status = admin_bind(process, fault);
    return status;
}

/* ---- its life ---------------------------------------------------------------------------------------------------- */

static const char *instance_name(struct weft_process *process)
{
    const char *set = weft_config_text(process->config, "instance");
    if (set != NULL) return set;
    char host[65] = "localhost";
    gethostname(host, sizeof host - 1);
    return weft_arena_format(process->arena, "%s-%d", host, (int)getpid());
}

static weft_status process_make(struct weft_process *process, struct weft_fault *fault)
{
    process->instance = instance_name(process);
    weft_status status = loader_make(process, fault);
    if (status == WEFT_OK) status = services_gather(process, fault);
    if (status == WEFT_OK) status = services_tell(process, fault);
    if (status == WEFT_OK) topics_gather(process);
    if (status == WEFT_OK) status = plugins_open(process, fault);
    if (status == WEFT_OK) status = servers_bind(process, fault);
    return status;
}

weft_status weft_process_new(const struct weft_process_options *options, struct weft_process **ret_process,
                             struct weft_fault *ret_fault)
{
    struct weft_process *process = weft_memory_zeroed(1, sizeof *process);
    pthread_condattr_t monotonic;
    process->options = *options;
    process->config = options->config;
    process->arena = weft_arena_new(PROCESS_ARENA_BYTES);
    process->metrics = weft_metrics_new();
    process->started_ns = weft_clock_ns();
    pthread_mutex_init(&process->mutex, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&process->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    weft_status status = process_make(process, ret_fault);
    if (status == WEFT_OK)
        *ret_process = process;
    else
        weft_process_stop(process);
    return status;
}

void weft_process_ask_stop(struct weft_process *process)
{
    pthread_mutex_lock(&process->mutex);
    process->stopping = true;
    pthread_cond_broadcast(&process->changed);
    pthread_mutex_unlock(&process->mutex);
}

void weft_process_wait(struct weft_process *process)
{
    pthread_mutex_lock(&process->mutex);
    while (!process->stopping)
        pthread_cond_wait(&process->changed, &process->mutex);
    pthread_mutex_unlock(&process->mutex);
}

/* ---- what it is made of ------------------------------------------------------------------------------------------ */

static struct weft_part *part_find(struct weft_process *process, const char *service)
{
    for (size_t i = 0; i < process->n_parts; i++)
        if (strcmp(process->parts[i].service->name, service) == 0) return &process->parts[i];
    return NULL;
}

struct weft_registry *weft_process_registry(struct weft_process *process)
{
    return process->registry;
}
struct weft_transport *weft_process_transport(struct weft_process *process)
{
    return process->transport;
}
struct weft_cache *weft_process_cache(struct weft_process *process)
{
    return process->cache;
}

const struct weft_service *weft_process_service(struct weft_process *process, const char *name)
{
    const struct weft_part *part = part_find(process, name);
    return part != NULL ? part->service : NULL;
}

struct weft_store *weft_process_store(struct weft_process *process, const char *service)
{
    const struct weft_part *part = part_find(process, service);
    return part != NULL ? part->store : NULL;
}

const struct weft_rpc_method *weft_process_method(struct weft_process *process, const char *path)
{
    return weft_rpc_local_find(process->local, path);
}

uint16_t weft_process_grpc_port(struct weft_process *process)
{
    return process->rpc != NULL ? weft_rpc_server_port(process->rpc) : 0;
}

uint16_t weft_process_admin_port(struct weft_process *process)
{
    return process->admin != NULL ? weft_admin_port(process->admin) : 0;
}

bool weft_process_ready(struct weft_process *process)
{
    return weft_process_phase(process) == WEFT_PHASE_READY;
}
