/* contract/registry.h - what the host knows of contracts: events by type, methods by path, files by name and symbol.
 * Filled at start by one thread, then read by any. */
#ifndef WEFT_CONTRACT_REGISTRY_H
#define WEFT_CONTRACT_REGISTRY_H

#include "base/fault.h"
#include <weft/contract.h>

struct weft_registry;

struct weft_registry *weft_registry_new(void);
void weft_registry_free(struct weft_registry *registry);
/* ALREADY_EXISTS: the same type with another fingerprint or topic. The same again is fine. */
weft_status weft_registry_add_event(struct weft_registry *registry, const struct weft_event_type *type,
                                    struct weft_fault *);
weft_status weft_registry_add_method(struct weft_registry *registry, const struct weft_method_type *type,
                                     struct weft_fault *);
weft_status weft_registry_add_file(struct weft_registry *registry, const struct weft_file *file, struct weft_fault *);

const struct weft_event_type *weft_registry_event(const struct weft_registry *registry, const char *type); /* or NULL */
const struct weft_method_type *weft_registry_method(const struct weft_registry *registry, const char *path);
const struct weft_file *weft_registry_file(const struct weft_registry *registry, const char *name);
/* The file that declares a message, enum, service, method, field or extension by its full name; or NULL. */
const struct weft_file *weft_registry_symbol(const struct weft_registry *registry, const char *symbol);
/* Names of services with methods: NULL-terminated, the registry's. */
const char *const *weft_registry_services(const struct weft_registry *registry);

#endif
