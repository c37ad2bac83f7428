/* rpc/prefetch/prefetch.h - calls that wait for the cache together.
 *
 * A method may say which key its calls look up first (weft_service_prefetch). Such a call does not block a thread while
 * it waits: it queues here, the reads of all that have queued go to the cache in one round trip, and then its handler
 * runs with the answer at hand. So many calls in flight cost few round trips and few wake-ups; a single one costs
 * what it cost before.
 *
 * A crew of its own takes the queue, so a handler that waits all the same holds nobody up. */
#ifndef WEFT_RPC_PREFETCH_H
#define WEFT_RPC_PREFETCH_H

#include "base/fault.h"
#include "data/work.h"
#include "rpc/crew/crew.h"

struct weft_prefetch;

/* A call in the queue. `tag` is run by a worker when work->prefetched tells how the read went. */
struct weft_prefetch_item {
    struct weft_tag tag;
    struct weft_work *work; /* its `prefetched` has the key */
};

/* Of calls that all use this cache. Threads as of a crew. */
struct weft_prefetch *weft_prefetch_new(struct weft_cache *cache, uint32_t workers, uint32_t max_workers);
weft_status weft_prefetch_start(struct weft_prefetch *prefetch, struct weft_fault *ret_fault);
struct weft_crew *weft_prefetch_crew(const struct weft_prefetch *prefetch);               /* NULL of NULL */
void weft_prefetch_push(struct weft_prefetch *prefetch, struct weft_prefetch_item *item); /* any thread */
/* Joins and frees; nothing is in the queue any more. NULL is fine. */
void weft_prefetch_free(struct weft_prefetch *prefetch);

#endif
