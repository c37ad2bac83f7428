/* event/transport.c - the dispatcher of a transport plugin.
 *
 * Two mutexes, never held together. `calls` makes the host's calls into the plugin one at a time, as the ABI promises;
 * a plugin may call back from inside such a call, so nothing that a callback needs is guarded by it. `sinks` guards the
 * list of who hears that there is room again. Completions and deliveries need no lock here: they name their sink.
 */
#include "event/transport.h"

#include "base/memory.h"

#include <pthread.h>
#include <stdlib.h>

enum { TRANSPORT_SINKS = 256 }; /* relays of one host: one a service */

struct weft_transport {
    pthread_mutex_t calls;
    const struct weft_transport_ops *ops;
    void *self;
    pthread_mutex_t sinks;
    struct weft_publish_sink *list[TRANSPORT_SINKS];
    size_t n_list;
};

struct weft_transport *weft_transport_new(void)
{
    struct weft_transport *transport = weft_memory_zeroed(1, sizeof *transport);
    pthread_mutex_init(&transport->calls, NULL);
    pthread_mutex_init(&transport->sinks, NULL);
    return transport;
}

void weft_transport_attach(struct weft_transport *transport, const struct weft_transport_ops *ops, void *self)
{
    pthread_mutex_lock(&transport->calls);
    transport->ops = ops;
    transport->self = self;
    pthread_mutex_unlock(&transport->calls);
}

void weft_transport_free(struct weft_transport *transport)
{
    if (transport == NULL) return;
    pthread_mutex_destroy(&transport->calls);
    pthread_mutex_destroy(&transport->sinks);
    free(transport);
}

static weft_status transport_status(const struct weft_error *error, struct weft_fault *ret_fault)
{
    weft_status status =
        error->rc == WEFT_RC_INVALID || error->rc == WEFT_RC_REFUSED ? WEFT_FAILED_PRECONDITION : WEFT_UNAVAILABLE;
    return weft_fault_set(ret_fault, status, "transport: %s", error->text);
}

weft_status weft_transport_declare(struct weft_transport *transport, const struct weft_topology *topology,
                                   struct weft_fault *ret_fault)
{
    struct weft_error error = { .rc = WEFT_RC_OK };
    pthread_mutex_lock(&transport->calls);
    int32_t rc = transport->ops->declare(transport->self, topology, &error);
    pthread_mutex_unlock(&transport->calls);
    if (rc == WEFT_RC_OK) return WEFT_OK;
    error.rc = rc;
    return transport_status(&error, ret_fault);
}

size_t weft_transport_publish(struct weft_transport *transport, const struct weft_publish *const *operations, size_t n)
{
    pthread_mutex_lock(&transport->calls);
    size_t taken = transport->ops->publish(transport->self, operations, n);
    pthread_mutex_unlock(&transport->calls);
    return taken;
}

weft_status weft_transport_subscribe(struct weft_transport *transport, const struct weft_subscription *subscription,
                                     struct weft_delivery_sink *sink, struct weft_fault *ret_fault)
{
    struct weft_error error = { .rc = WEFT_RC_OK };
    pthread_mutex_lock(&transport->calls);
    int32_t rc = transport->ops->subscribe(transport->self, subscription, sink, &error);
    pthread_mutex_unlock(&transport->calls);
    if (rc == WEFT_RC_OK) return WEFT_OK;
    error.rc = rc;
    return transport_status(&error, ret_fault);
}

void weft_transport_settle(struct weft_transport *transport, struct weft_delivery_sink *sink,
                           const struct weft_settle *settles, size_t n)
{
    if (n == 0) return;
    pthread_mutex_lock(&transport->calls);
    transport->ops->settle(transport->self, sink, settles, n);
    pthread_mutex_unlock(&transport->calls);
}

void weft_transport_unsubscribe(struct weft_transport *transport, struct weft_delivery_sink *sink)
{
    pthread_mutex_lock(&transport->calls);
    transport->ops->unsubscribe(transport->self, sink);
    pthread_mutex_unlock(&transport->calls);
}

uint32_t weft_transport_caps(const struct weft_transport *transport)
{
    return transport->ops->caps;
}

void weft_transport_add_sink(struct weft_transport *transport, struct weft_publish_sink *sink)
{
    pthread_mutex_lock(&transport->sinks);
    if (transport->n_list < TRANSPORT_SINKS) transport->list[transport->n_list++] = sink;
    pthread_mutex_unlock(&transport->sinks);
}

void weft_transport_remove_sink(struct weft_transport *transport, struct weft_publish_sink *sink)
{
    pthread_mutex_lock(&transport->sinks);
    for (size_t i = 0; i < transport->n_list; i++) {
        if (transport->list[i] != sink) continue;
        transport->list[i] = transport->list[--transport->n_list];
        break;
    }
    pthread_mutex_unlock(&transport->sinks);
}

/* A plugin completes in arrays that mix the publishes of several relays: each relay gets its runs. */
void weft_transport_on_complete(struct weft_transport *transport, const struct weft_completion *completions, size_t n)
{
    (void)transport;
    for (size_t from = 0; from < n;) {
        struct weft_publish_sink *sink = completions[from].operation->host_data;
        size_t to = from + 1;
        while (to < n && completions[to].operation->host_data == sink)
            to++;
        sink->complete(sink, completions + from, to - from);
        from = to;
    }
}

size_t weft_transport_on_deliver(struct weft_transport *transport, void *tag,
                                 const struct weft_delivery *const *deliveries, size_t n)
{
    (void)transport;
    struct weft_delivery_sink *sink = tag;
    return sink->deliver(sink, deliveries, n);
}

void weft_transport_on_ready(struct weft_transport *transport)
{
    pthread_mutex_lock(&transport->sinks);
    for (size_t i = 0; i < transport->n_list; i++)
        transport->list[i]->ready(transport->list[i]);
    pthread_mutex_unlock(&transport->sinks);
}
