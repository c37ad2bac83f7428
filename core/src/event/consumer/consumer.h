/* event/consumer/consumer.h - a group at work in this process: its subscription, its lanes, its parked rows. */
#ifndef WEFT_EVENT_CONSUMER_H
#define WEFT_EVENT_CONSUMER_H

#include "base/fault.h"
#include "contract/registry.h"
#include "data/cache/cache.h"
#include "data/store.h"
#include "event/consumer/retry.h"
#include "event/transport.h"
#include "observe/metrics/metrics.h"

struct weft_event_handler {
    const struct weft_event_type *type;
    weft_event_trampoline trampoline;
    weft_handler handler;
    void *arg;
};

struct weft_consumer_options {
    const char *service;
    const char *group; /* "user-events" */
    const char *queue; /* "order-service.user-events" */
    bool ordered, external_effects, hold_on_dead, broadcast;
    uint32_t lanes;  /* 0: 1 */
    uint32_t batch;  /* events a transaction, at most; 0: 100 */
    uint32_t credit; /* 0: 400, or 2 * lanes * batch if that is more, at most 1000 */
    uint32_t spare;
    uint64_t deadline_ns; /* of a handler, relative; 0: 30 s */
    uint64_t poll_ns;     /* how often rows that others made due are looked for; 0: 1 s */
    struct weft_retry retry;
    const struct weft_event_handler *handlers;
    size_t n_handlers;
    struct weft_direct *direct;   /* of the handlers' direct events; or NULL */
    struct weft_metrics *metrics; /* outlives the consumer; NULL: nothing is counted */
};

struct weft_consumer;

/* Since the start; read by any thread. */
struct weft_consumer_counters {
    uint64_t batches; /* transactions committed */
    uint64_t handled, duplicate, unknown, without_id;
    uint64_t parked, behind, dead; /* rows written: failed, waiting behind a failed one of its key, given up */
    uint64_t paused;               /* times that a lane waited for the store */
};
struct weft_consumer_counters weft_consumer_counters(const struct weft_consumer *consumer);

const char *weft_consumer_group(const struct weft_consumer *consumer);
int64_t weft_consumer_started_us(const struct weft_consumer *consumer); /* wall clock */
int64_t weft_consumer_waiting_us(const struct weft_consumer *consumer); /* since when for its store; 0: it does not */

weft_status weft_consumer_start(const struct weft_consumer_options *options, struct weft_store *store,
                                struct weft_cache *cache, struct weft_transport *transport,
                                struct weft_consumer **ret_consumer, struct weft_fault *ret_fault);
/* Ends deliveries, finishes the batches in hand, returns the rest, frees. */
void weft_consumer_stop(struct weft_consumer *consumer, uint64_t deadline_ns);

#endif
