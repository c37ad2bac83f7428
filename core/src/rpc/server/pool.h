/* rpc/server/pool.h - the calls of registered methods: slots that are reused, requested from core ahead of arrivals,
 * and bounded.
 *
 * The next call of a method is requested when one arrives, not when it ends, so clients that stop reading hold only
 * their own slots. */
#ifndef WEFT_RPC_POOL_H
#define WEFT_RPC_POOL_H

#include "contract/guard.h"
#include "rpc/crew/crew.h"
#include "rpc/crew/tally.h"
#include "rpc/server/meter.h"
#include "rpc/server/server.h"
#include <grpc/grpc.h>
#include <stdatomic.h>

struct weft_prefetch;
struct weft_rpc_call;

enum weft_phase { WEFT_PHASE_STARTING, WEFT_PHASE_OPEN, WEFT_PHASE_DRAINING };

struct weft_pool_method {
    const struct weft_rpc_method *method;
    void *registered;   /* core's handle */
    uint32_t requested; /* slots that wait for a call */
    uint32_t spare;
    struct weft_rpc_meter meter;
};

struct weft_pool {
    grpc_server *server;
    grpc_completion_queue *queue;
    struct weft_crew *crew;
    struct weft_prefetch *prefetch; /* NULL: no method reads ahead, or the cache never waits */
    struct weft_tally *tally;
    struct weft_guard_limits limits;
    struct weft_metrics *metrics; /* or NULL */
    struct weft_series *inflight; /* as n_busy */
    uint64_t deadline_ns;         /* of calls that bring none, relative */
    uint32_t max_calls;
    atomic_int phase; /* enum weft_phase */
    struct weft_pool_method *methods;
    size_t n_methods;

    pthread_mutex_t lock; /* for what follows, and for `requested` above */
    struct weft_rpc_call *free_calls;
    uint32_t n_slots, max_slots; /* in being */
    uint32_t n_busy;             /* arrived and not ended */
    uint32_t n_starved;          /* methods that want more requests than there are slots */
    bool ending;                 /* nothing is requested any more */
};

/* Registers the methods with core, before it starts. INVALID_ARGUMENT: one cannot be. */
weft_status weft_pool_init(struct weft_pool *pool, const struct weft_rpc_method *methods, size_t n_methods,
                           struct weft_fault *ret_fault);
void weft_pool_destroy(struct weft_pool *pool); /* nothing is out any more */

void weft_pool_open(struct weft_pool *pool);    /* requests the first calls of each method */
void weft_pool_end(struct weft_pool *pool);     /* requests none from now on. Any thread */
bool weft_pool_is_idle(struct weft_pool *pool); /* no call has arrived that has not ended. Any thread */

/* A call has arrived in a slot of this method: requests the next. False: this is one too many at work. */
bool weft_pool_arrived(struct weft_pool *pool, struct weft_pool_method *method);
/* The slot is empty. `arrived`: it held a call; else core gave the request back. */
void weft_pool_give_back(struct weft_pool *pool, struct weft_rpc_call *call, bool arrived);

#endif
