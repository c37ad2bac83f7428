/* host/service.h - a service as the host sees it: what its setup registered. Filled by the host's thread, then
 * constant. */
#ifndef WEFT_HOST_SERVICE_H
#define WEFT_HOST_SERVICE_H

#include "base/arena.h"
#include "base/buffer.h"
#include "base/fault.h"
#include "event/consumer/consumer.h"
#include "rpc/server/server.h"
#include <weft/service.h>

struct weft_group {
    struct weft_service *service;
    const char *name;  /* "user-events" */
    const char *queue; /* "order-service.user-events" */
    struct weft_group_options options;
    struct weft_event_handler *handlers;
    size_t n_handlers;
    struct weft_group *next;
};

struct weft_service {
    const char *name, *version;
    struct weft_arena *arena;
    struct weft_rpc_method *methods;
    size_t n_methods;
    const struct weft_event_type **emits; /* types it says it emits */
    size_t n_emits;
    struct weft_group *groups; /* in order of their making */
    struct weft_migration *migrations;
    size_t n_migrations;
    struct weft_buffer errors; /* of registration: one a line */
};

/* Runs the module's setup. `origin` is the file, for error texts. FAILED_PRECONDITION: another service ABI;
 * INVALID_ARGUMENT: a bad name, or registrations that cannot be, all of them in the text. */
weft_status weft_service_new(const struct weft_service_module *module, const char *origin,
                             struct weft_service **ret_service, struct weft_fault *ret_fault);
void weft_service_free(struct weft_service *service); /* NULL is fine */

/* Opens <directory>/<name>.so, which stays loaded, and runs its setup. */
weft_status weft_service_load(const char *directory, const char *name, struct weft_service **ret_service,
                              struct weft_fault *ret_fault);

/* The names of all modules in the directory, sorted, NULL-terminated, in the arena. */
weft_status weft_service_names(const char *directory, struct weft_arena *arena, const char *const **ret_names,
                               struct weft_fault *ret_fault);

#endif
