/* host/process.h - the life of a host: load, bind, bring up, serve, drain. (struct weft_host is a plugin's view of it.)
 *
 *   weft_process_new    loads services and plugins, opens them, binds gRPC and admin; waits for nothing
 *   weft_process_start  stores migrated, topology in place, consumers and relays running: ready
 *   weft_process_stop   drains and frees
 *
 * One thread, unless said otherwise. */
#ifndef WEFT_HOST_PROCESS_H
#define WEFT_HOST_PROCESS_H

#include "base/fault.h"
#include "config/config.h"
#include "contract/registry.h"
#include "data/cache/cache.h"
#include "data/store.h"
#include "event/transport.h"
#include "host/plugin/loader.h"
#include "host/service.h"

struct weft_process;

struct weft_process_options {
    struct weft_config *config;       /* kept, not owned */
    const char *const *service_names; /* NULL-terminated; NULL with no modules: all in the service directory */
    const struct weft_service_module *const *modules; /* in the process already (tests) */
    size_t n_modules;
    const struct weft_plugin *const *plugins; /* linked into the process (tests); NULL */
    size_t n_plugins;
    bool serve; /* gRPC and admin; false for a host inside a test */
};

weft_status weft_process_new(const struct weft_process_options *options, struct weft_process **ret_process,
                             struct weft_fault *ret_fault);

/* Returns WEFT_OK when ready; CANCELLED if it was asked to stop before; else what refuses us for good. Waits, without
 * an end, for a store or broker that is away. */
weft_status weft_process_start(struct weft_process *process, struct weft_fault *ret_fault);

/* Asks it to stop: ends start and wait. Any thread. */
void weft_process_ask_stop(struct weft_process *process);
void weft_process_wait(struct weft_process *process); /* until asked to stop */

/* Drains to drain.timeout, ends what runs, frees. Also after a failed start. NULL is fine. */
void weft_process_stop(struct weft_process *process);

/* ---- what it is made of: for tests, commands and the admin pages ------------------------------------------------- */

struct weft_registry *weft_process_registry(struct weft_process *process);
struct weft_transport *weft_process_transport(struct weft_process *process);
struct weft_cache *weft_process_cache(struct weft_process *process);
/* Of a service; NULL if there is none of the name. */
const struct weft_service *weft_process_service(struct weft_process *process, const char *name);
struct weft_store *weft_process_store(struct weft_process *process, const char *service);
/* The method by path, with its service's store and cache; or NULL. */
const struct weft_rpc_method *weft_process_method(struct weft_process *process, const char *path);
uint16_t weft_process_grpc_port(struct weft_process *process); /* 0: does not serve */
uint16_t weft_process_admin_port(struct weft_process *process);

/* Any thread: is it ready; and the state of every part as JSON. */
bool weft_process_ready(struct weft_process *process);
/* Can it answer? Appends {"ready":false,"reasons":[...]}, of use if not. */
bool weft_process_readiness(struct weft_process *process, struct weft_buffer *buffer);
void weft_process_health_json(struct weft_process *process, struct weft_buffer *buffer);

#endif
