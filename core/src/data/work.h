/* data/work.h - the unit of work: what a handler runs in. Made by rpc (a call) or event (a delivery), finished by
 * weft_work_finish exactly once, on any thread, one thread at a time. */
#ifndef WEFT_DATA_WORK_H
#define WEFT_DATA_WORK_H

#include "base/arena.h"
#include "base/fault.h"
#include "data/cache/cache.h"
#include "data/group/committer.h"
#include "data/store.h"
#include <weft/service.h>

struct weft_work_event { /* what an event handler may ask for */
    const char *id, *type, *key, *group;
    uint32_t attempt;
    uint32_t spare;
};

struct weft_rpc_local;
struct weft_direct;

struct weft_work {
    struct weft_arena *arena;
    const char *service;
    struct weft_store *store;   /* NULL: the service keeps nothing */
    struct weft_cache *cache;   /* NULL: none */
    struct weft_direct *direct; /* where direct events go (event/direct); NULL: nowhere */
    uint64_t deadline_ns;       /* always set */
    const char *correlation_id;
    const char *causation_id;             /* the event's id that made this work, or NULL */
    const char *traceparent, *tracestate; /* or NULL */
    const char *method;                   /* calls: the path; or NULL */
    const struct weft_work_event *event;  /* events; or NULL */
    /* Calls: looks up metadata. May be NULL. */
    const char *(*metadata)(const struct weft_work *work, const char *key);
    /* Called before anything that may wait (store, cache, nested call): rpc hands leadership on. May be NULL. */
    void (*before_wait)(struct weft_work *work);
    void *owner;                          /* rpc's or event's own */
    const struct weft_rpc_local *local;   /* methods of this host, for calls without the network; or NULL */
    weft_tx *tx;                          /* made lazily; a lane hands in the batch's */
    uint32_t session_purpose;             /* WEFT_SESSION_REQUEST or WEFT_SESSION_LANE */
    bool shares_tx;                       /* tx belongs to a batch: finish neither commits nor rolls back */
    struct weft_cache_lease_token *fills; /* leases taken by weft_cached, for weft_cache_fill */
    struct weft_prefetched *prefetched;   /* what weft_cached will be asked first (data/cache/cached.h); or NULL */
    struct weft_fault fault;
};

/* Ends the work: commits if `returned` is WEFT_OK and nothing failed, else rolls back; then drops cache keys. Returns
 * the status to answer with; work->fault tells it. The arena is the caller's to free. */
weft_status weft_work_finish(struct weft_work *work, weft_status returned);

/* Gives the commit away, when there is nothing in it that could not go with others' (data/group), so that no thread
 * waits for it: join->ended, set by the caller, is told on another thread; then weft_work_joined, or weft_work_finish
 * where waiting is allowed, finishes the work. False: finish it now. */
bool weft_work_join(struct weft_work *work, weft_status returned, struct weft_join *join);
/* As weft_work_finish of a work whose transaction has ended in a group. Does not wait. */
weft_status weft_work_joined(struct weft_work *work);

/* Before a wait. */
static inline void weft_work_wait(struct weft_work *work)
{
    if (work->before_wait != NULL) work->before_wait(work);
}

#endif
