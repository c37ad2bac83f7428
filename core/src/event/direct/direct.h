/* event/direct/direct.h - events without a transaction (weft_emit_direct): straight to the transport, and behind the
 * cache's journal while that is away. One a service, with a thread of its own, which waits for both so that handlers
 * never do. */
#ifndef WEFT_EVENT_DIRECT_H
#define WEFT_EVENT_DIRECT_H

#include "base/fault.h"
#include "data/cache/cache.h"
#include "event/tap.h"
#include "event/topics.h"
#include "event/transport.h"

struct weft_direct;

struct weft_direct_options {
    const char *service;              /* whose events; instances of the same service share a journal */
    const char *instance;             /* this process among them */
    const struct weft_topics *topics; /* kept, not copied; NULL: protobuf for all */
    struct weft_tap *tap;             /* shown what is confirmed; NULL: none */
    uint32_t kept;                    /* events that wait, in memory and again in the journal, at most; 0: 10,000 */
};

/* Events may be put from now on; they leave once it is started. `cache` may be NULL. */
struct weft_direct *weft_direct_new(struct weft_transport *transport, struct weft_cache *cache,
                                    const struct weft_direct_options *options);
weft_status weft_direct_start(struct weft_direct *direct, struct weft_fault *ret_fault);
/* Lets what waits leave until the deadline, and puts the rest into the journal, if processes share it. Frees, also if
 * it was never started. NULL is fine. */
void weft_direct_stop(struct weft_direct *direct, uint64_t deadline_ns);

const struct weft_topics *weft_direct_topics(const struct weft_direct *direct);
/* Takes an entry (entry.h), which is copied. False: too much waits; it is lost, and counted. Any thread. */
bool weft_direct_put(struct weft_direct *direct, const void *entry, size_t size);

/* Since the start; any thread. */
struct weft_direct_counters {
    uint64_t put;       /* events taken from handlers */
    uint64_t confirmed; /* by the transport */
    uint64_t unrouted;  /* nobody listened */
    uint64_t refused;   /* by the transport, for good */
    uint64_t again;     /* sent and not confirmed: they go again */
    uint64_t journaled; /* put into the journal */
    uint64_t drained;   /* taken out of it, other instances' too */
    uint64_t lost;      /* too many waited in memory or in the journal, or the process ended */
};
struct weft_direct_counters weft_direct_counters(const struct weft_direct *direct);
bool weft_direct_behind(const struct weft_direct *direct); /* do its events go through the journal now? Any thread */

#endif
