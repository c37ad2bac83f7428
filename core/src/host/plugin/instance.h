/* host/plugin/instance.h - one opened plugin: its URL and options, its table of host functions, its health. */
#ifndef WEFT_HOST_INSTANCE_H
#define WEFT_HOST_INSTANCE_H

#include "base/fault.h"
#include "config/config.h"
#include "event/transport.h"
#include "host/plugin/loader.h"
#include <stdbool.h>
#include <weft/plugin.h>

struct weft_instance;

struct weft_instance_options {
    uint32_t kind;
    const char *url;
    const char *url_origin; /* for error texts: "WEFT_STORE" */
    const struct weft_config *config;
    const char *service;  /* stores */
    const char *instance; /* this process among its like */
    const char *data_dir;
    struct weft_transport
        *transport;               /* transports: where completions and deliveries go; is attached before open returns */
    void (*on_health)(void *arg); /* a state changed; any thread, must not wait. May be NULL */
    void *on_health_arg;
};

/* Finds the plugin, fills its options, opens it. INVALID_ARGUMENT, NOT_FOUND, FAILED_PRECONDITION with a text for a
 * person. Does not wait for the backend. */
weft_status weft_instance_open(struct weft_loader *loader, const struct weft_instance_options *options,
                               struct weft_instance **ret_instance, struct weft_fault *ret_fault);
void weft_instance_close(struct weft_instance *instance, uint64_t deadline_ns); /* frees; NULL is fine */

const struct weft_plugin *weft_instance_plugin(const struct weft_instance *instance);
void *weft_instance_self(const struct weft_instance *instance);
const char *weft_instance_url(const struct weft_instance *instance); /* masked */

/* State and why, any thread. */
struct weft_instance_health {
    int32_t state;    /* enum weft_health */
    int64_t since_us; /* wall clock */
    uint64_t n_up;    /* times that it came up */
    char text[512];
};
struct weft_instance_health weft_instance_health(struct weft_instance *instance);
const char *weft_health_name(int32_t state); /* "connecting", "up", "down", "refused" */

/* The plugin's counters and gauges, any thread: calls `each` for every one. */
void weft_instance_metrics(struct weft_instance *instance,
                           void (*each)(void *arg, const char *name, int64_t value, bool is_counter), void *arg);

#endif
