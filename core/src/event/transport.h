/* event/transport.h - the host's end of a transport plugin: all calls into it go through here, one at a time (the
 * dispatcher), and what it calls back is handed to the relay or group it belongs to. */
#ifndef WEFT_EVENT_TRANSPORT_H
#define WEFT_EVENT_TRANSPORT_H

#include "base/fault.h"
#include <weft/plugin.h>

struct weft_transport;

/* Where completions go: host_data of every publish is its sink. What belongs to one publish is found by the operation's
 * address: embed the struct weft_publish. */
struct weft_publish_sink {
    void (*complete)(struct weft_publish_sink *sink, const struct weft_completion *completions,
                     size_t n);                    /* only queues */
    void (*ready)(struct weft_publish_sink *sink); /* room again */
};
/* Where deliveries go: a subscription's tag. */
struct weft_delivery_sink {
    size_t (*deliver)(struct weft_delivery_sink *sink, const struct weft_delivery *const *deliveries, size_t n);
};

struct weft_transport *weft_transport_new(void);
void weft_transport_attach(struct weft_transport *transport, const struct weft_transport_ops *ops, void *self);
void weft_transport_free(struct weft_transport *transport);

weft_status weft_transport_declare(struct weft_transport *transport, const struct weft_topology *topology,
                                   struct weft_fault *);
size_t weft_transport_publish(struct weft_transport *transport, const struct weft_publish *const *operations, size_t n);
weft_status weft_transport_subscribe(struct weft_transport *transport, const struct weft_subscription *subscription,
                                     struct weft_delivery_sink *sink, struct weft_fault *ret_fault);
void weft_transport_settle(struct weft_transport *transport, struct weft_delivery_sink *sink,
                           const struct weft_settle *settles, size_t n);
void weft_transport_unsubscribe(struct weft_transport *transport, struct weft_delivery_sink *sink);
uint32_t weft_transport_caps(const struct weft_transport *transport);
/* Between these a sink hears ready; after remove none is under way. Any thread but the plugin's. */
void weft_transport_add_sink(struct weft_transport *transport, struct weft_publish_sink *sink);
void weft_transport_remove_sink(struct weft_transport *transport, struct weft_publish_sink *sink);

/* Called by the host's table for the plugin, any thread. */
void weft_transport_on_complete(struct weft_transport *transport, const struct weft_completion *completions, size_t n);
size_t weft_transport_on_deliver(struct weft_transport *transport, void *tag,
                                 const struct weft_delivery *const *deliveries, size_t n);
void weft_transport_on_ready(struct weft_transport *transport);

#endif
