/* event/relay/relay.h - the thread that publishes a store's outbox rows and removes them once confirmed. One a service
 * store.
 */
#ifndef WEFT_EVENT_RELAY_H
#define WEFT_EVENT_RELAY_H

#include "base/fault.h"
#include "contract/registry.h"
#include "data/store.h"
#include "event/tap.h"
#include "event/transport.h"
#include "observe/metrics/metrics.h"

struct weft_relay;

struct weft_relay_options {
    const char *instance; /* holder of the lease */
    uint32_t window;      /* rows known at a time; 0: 1000 */
    uint32_t batch;       /* rows a claim; 0: 200 */
    uint64_t poll_ns;     /* safety net while idle; 0: 1 s (500 ms if others may write without notice) */
    uint64_t lease_ns;    /* 0: 3 s */
    struct weft_tap *tap; /* shown what is confirmed; NULL: none */
    const struct weft_registry *registry; /* flags of types (unrouted_ok, broadcast); NULL: none known */
    struct weft_metrics *metrics;         /* outlives the relay and the transport; NULL: nothing is counted */
};

/* Starts it; sets store->on_outbox. Waits for a store that is away by itself. */
weft_status weft_relay_start(struct weft_store *store, struct weft_transport *transport,
                             const struct weft_relay_options *options, struct weft_relay **ret_relay,
                             struct weft_fault *);
/* Since the start; read by any thread. */
struct weft_relay_counters {
    uint64_t claimed, published, confirmed, again, unrouted, refused; /* rows */
    uint64_t trips;                                                   /* round trips to the store */
    uint64_t takeovers;                                               /* of the lease */
};
struct weft_relay_counters weft_relay_counters(const struct weft_relay *relay);
bool weft_relay_holds(const struct weft_relay *relay);       /* is this instance the one that relays? Any thread */
int64_t weft_relay_since_us(const struct weft_relay *relay); /* it does, or does not, since (wall clock). Any thread */

void weft_relay_wake(struct weft_relay *relay); /* any thread */
/* Passes on until the outbox is empty or the deadline is there, gives the lease back, ends the thread, frees. */
void weft_relay_stop(struct weft_relay *relay, uint64_t deadline_ns);

#endif
