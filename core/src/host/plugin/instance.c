/* host/plugin/instance.c - a plugin's instance and the host's end of it. The table handed to the plugin is the first
 * member of the instance, so that a plugin's calls find their way back without a search. */
#include "host/plugin/instance.h"

#include "base/arena.h"
#include "base/buffer.h"
#include "base/clock.h"
#include "base/memory.h"
#include "config/url.h"
#include "host/plugin/plugin_option.h"
#include "observe/log.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { INSTANCE_ARENA_BYTES = 4096, INSTANCE_METRICS = 64, INSTANCE_METRIC_NAME = 48 };

struct metric {
    char name[INSTANCE_METRIC_NAME];
    bool is_counter;
    _Atomic int64_t value;
};

struct weft_instance {
    struct weft_host host; /* what the plugin sees; first */
    struct weft_arena *arena;
    const struct weft_plugin *plugin;
    void *self;
    struct weft_url_parts url;
    const char *masked;
    struct weft_transport *transport;
    void (*on_health)(void *arg);
    void *on_health_arg;
    char context[48];      /* "transport.amqp": who speaks in the log */
    pthread_mutex_t mutex; /* guards health and the making of metrics */
    struct weft_instance_health health;
    struct metric metrics[INSTANCE_METRICS]; /* named under the mutex, then only their values change */
    _Atomic size_t n_metrics; /* raised (release) once a metric is named, read (acquire) before names are */
};

static struct weft_instance *instance_of(const struct weft_host *host)
{
    return (struct weft_instance *)(uintptr_t)host;
}

const char *weft_health_name(int32_t state)
{
    switch (state) {
    case WEFT_HEALTH_CONNECTING:
        return "connecting";
    case WEFT_HEALTH_UP:
        return "up";
    case WEFT_HEALTH_DOWN:
        return "down";
    case WEFT_HEALTH_REFUSED:
        return "refused";
    default:
        return "unknown";
    }
}

/* ---- what the plugin calls --------------------------------------------------------------------------------------- */

static void host_log(const struct weft_host *host, int32_t level, const char *text)
{
    struct weft_instance *instance = instance_of(host);
    struct weft_log_fields fields = { .plugin = instance->plugin->name };
    weft_log(level, instance->context, &fields, "%s", text != NULL ? text : "");
}

static uint64_t host_now(const struct weft_host *host)
{
    (void)host;
    return weft_clock_ns();
}

static struct metric *metric_named(struct weft_instance *instance, const char *name)
{
    size_t n = atomic_load_explicit(&instance->n_metrics, memory_order_acquire);
    for (size_t i = 0; i < n; i++)
        if (strcmp(instance->metrics[i].name, name) == 0) return &instance->metrics[i];
    return NULL;
}

/* The metric, made at its first use; NULL when there are too many. */
static struct metric *metric_get(struct weft_instance *instance, const char *name, bool is_counter)
{
    struct metric *metric = metric_named(instance, name);
    if (metric != NULL) return metric;
    pthread_mutex_lock(&instance->mutex);
    metric = metric_named(instance, name);
    size_t n = atomic_load_explicit(&instance->n_metrics, memory_order_relaxed);
    if (metric == NULL && n < INSTANCE_METRICS) {
        metric = &instance->metrics[n];
        snprintf(metric->name, sizeof metric->name, "%s", name);
        metric->is_counter = is_counter;
        atomic_store_explicit(&instance->n_metrics, n + 1, memory_order_release);
    }
    pthread_mutex_unlock(&instance->mutex);
    if (metric == NULL)
        weft_log_limited("instance.metrics", WEFT_LOG_WARN, instance->context, NULL,
                         "more than %d metrics; '%s' is dropped", INSTANCE_METRICS, name);
    return metric;
}

static void host_count(const struct weft_host *host, const char *name, uint64_t delta)
{
    struct metric *metric = metric_get(instance_of(host), name, true);
    if (metric != NULL) atomic_fetch_add_explicit(&metric->value, (int64_t)delta, memory_order_relaxed);
}

static void host_gauge(const struct weft_host *host, const char *name, int64_t value)
{
    struct metric *metric = metric_get(instance_of(host), name, false);
    if (metric != NULL) atomic_store_explicit(&metric->value, value, memory_order_relaxed);
}

/* A warning at most: whoever cannot go on without the plugin says so, once, as an error. */
static void health_log(const struct weft_instance *instance, const struct weft_instance_health *health)
{
    bool bad = health->state == WEFT_HEALTH_DOWN || health->state == WEFT_HEALTH_REFUSED ||
               (health->state == WEFT_HEALTH_UP && health->text[0] != '\0');
    struct weft_log_fields fields = { .plugin = instance->plugin->name };
    weft_log(bad ? WEFT_LOG_WARN : WEFT_LOG_INFO, instance->context, &fields, "%s is %s%s%s", instance->masked,
             weft_health_name(health->state), health->text[0] != '\0' ? ": " : "", health->text);
}

static void host_health(const struct weft_host *host, int32_t state, const char *text)
{
    struct weft_instance *instance = instance_of(host);
    struct weft_instance_health health = { .state = state };
    snprintf(health.text, sizeof health.text, "%s", text != NULL ? text : "");
    pthread_mutex_lock(&instance->mutex);
    bool changed = instance->health.state != state || strcmp(instance->health.text, health.text) != 0;
    bool stays = instance->health.state == state;
    health.since_us = stays ? instance->health.since_us : weft_clock_wall_us();
    health.n_up = instance->health.n_up + (!stays && state == WEFT_HEALTH_UP);
    instance->health = health;
    pthread_mutex_unlock(&instance->mutex);
    if (!changed) return;
    health_log(instance, &health);
    if (instance->on_health != NULL) instance->on_health(instance->on_health_arg);
}

static void host_complete(const struct weft_host *host, const struct weft_completion *completions, size_t n)
{
    weft_transport_on_complete(instance_of(host)->transport, completions, n);
}

static size_t host_deliver(const struct weft_host *host, void *tag, const struct weft_delivery *const *deliveries,
                           size_t n)
{
    return weft_transport_on_deliver(instance_of(host)->transport, tag, deliveries, n);
}

static void host_ready(const struct weft_host *host)
{
    weft_transport_on_ready(instance_of(host)->transport);
}

/* Nothing is kept in the process yet. */
static void host_invalidate(const struct weft_host *host, const void *key, size_t size)
{
    (void)host;
    (void)key;
    (void)size;
}

static const struct weft_host host_table = {
    .size = sizeof(struct weft_host),
    .abi_major = WEFT_ABI_MAJOR,
    .abi_minor = WEFT_ABI_MINOR,
    .log = host_log,
    .now_ns = host_now,
    .count = host_count,
    .gauge = host_gauge,
    .health = host_health,
    .complete = host_complete,
    .deliver = host_deliver,
    .ready = host_ready,
    .invalidate = host_invalidate,
};

/* ---- its life ---------------------------------------------------------------------------------------------------- */

static const char *url_masked(struct weft_arena *arena, const char *text)
{
    struct weft_buffer masked __attribute__((cleanup(weft_buffer_free))) = WEFT_BUFFER_EMPTY;
    weft_url_mask(text, &masked);
    return weft_arena_strdup(arena, masked.data);
}

static void instance_free(struct weft_instance *instance)
{
    pthread_mutex_destroy(&instance->mutex);
    weft_arena_free(instance->arena);
    free(instance);
}

static struct weft_instance *instance_new(const struct weft_instance_options *options)
{
    struct weft_instance *instance = weft_memory_zeroed(1, sizeof *instance);
    instance->host = host_table;
    instance->arena = weft_arena_new(INSTANCE_ARENA_BYTES);
    instance->masked = url_masked(instance->arena, options->url);
    instance->transport = options->transport;
    instance->on_health = options->on_health;
    instance->on_health_arg = options->on_health_arg;
    instance->health.since_us = weft_clock_wall_us();
    pthread_mutex_init(&instance->mutex, NULL);
    return instance;
}

static weft_status plugin_open(struct weft_instance *instance, const struct weft_instance_options *options,
                               const void *filled, struct weft_fault *fault)
{
    struct weft_arena *arena = instance->arena;
    struct weft_open *open = weft_arena_alloc(arena, sizeof *open);
    *open = (struct weft_open){ .size = sizeof *open,
                                .host = &instance->host,
                                .url = &instance->url.url,
                                .options = filled,
                                .service = weft_arena_strdup(arena, options->service),
                                .instance = weft_arena_strdup(arena, options->instance),
                                .data_dir = weft_arena_strdup(arena, options->data_dir) };
    struct weft_error error = { .rc = WEFT_RC_OK };
    if (instance->plugin->open(open, &instance->self, &error) == WEFT_RC_OK) return WEFT_OK;
    return weft_fault_set(fault, WEFT_INVALID_ARGUMENT, "%s: %s: %.400s", options->url_origin, instance->masked,
                          error.text);
}

static weft_status instance_fill(struct weft_instance *instance, struct weft_loader *loader,
                                 const struct weft_instance_options *options, struct weft_fault *fault)
{
    const void *filled = NULL;
    struct weft_fault why = { 0 };
    weft_status status = weft_url_parse(instance->arena, options->url, &instance->url, &why);
    if (status == WEFT_OK)
        status = weft_loader_find(loader, options->kind, instance->url.url.scheme, &instance->plugin, &why);
    if (status != WEFT_OK) return weft_fault_set(fault, status, "%s: %.450s", options->url_origin, why.text);
    snprintf(instance->context, sizeof instance->context, "%s.%s", weft_kind_name(options->kind),
             instance->plugin->name);
    status = weft_plugin_option_fill(instance->plugin, &instance->url, options->url_origin, options->config,
                                     instance->arena, &filled, fault);
    if (status == WEFT_OK) status = plugin_open(instance, options, filled, fault);
    return status;
}

weft_status weft_instance_open(struct weft_loader *loader, const struct weft_instance_options *options,
                               struct weft_instance **ret_instance, struct weft_fault *ret_fault)
{
    struct weft_instance *instance = instance_new(options);
    weft_status status = instance_fill(instance, loader, options, ret_fault);
    if (status != WEFT_OK) {
        instance_free(instance);
        return status;
    }
    if (options->kind == WEFT_KIND_TRANSPORT)
        weft_transport_attach(options->transport, instance->plugin->transport, instance->self);
    *ret_instance = instance;
    return WEFT_OK;
}

void weft_instance_close(struct weft_instance *instance, uint64_t deadline_ns)
{
    if (instance == NULL) return;
    instance->plugin->close(instance->self, deadline_ns);
    instance_free(instance);
}

const struct weft_plugin *weft_instance_plugin(const struct weft_instance *instance)
{
    return instance->plugin;
}
void *weft_instance_self(const struct weft_instance *instance)
{
    return instance->self;
}
const char *weft_instance_url(const struct weft_instance *instance)
{
    return instance->masked;
}

struct weft_instance_health weft_instance_health(struct weft_instance *instance)
{
    pthread_mutex_lock(&instance->mutex);
    struct weft_instance_health health = instance->health;
    pthread_mutex_unlock(&instance->mutex);
    return health;
}

void weft_instance_metrics(struct weft_instance *instance,
                           void (*each)(void *arg, const char *name, int64_t value, bool is_counter), void *arg)
{
    size_t n = atomic_load_explicit(&instance->n_metrics, memory_order_acquire);
    for (size_t i = 0; i < n; i++) {
        struct metric *metric = &instance->metrics[i];
        each(arg, metric->name, atomic_load_explicit(&metric->value, memory_order_relaxed), metric->is_counter);
    }
}
