/* rpc/crew/crew.h - the workers: threads that share one source of work as leader and followers.
 *
 * One thread, the leader, waits on the source and runs what arrives itself: no hand-over between threads, no system
 * call but the source's own. Before a handler waits it hands leadership on to a follower; when none is left a reserve
 * thread is started, up to a bound. A handler runs only while a successor stands by, so somebody always is on the
 * source; with none left, calls are deferred until a worker comes back. */
#ifndef WEFT_RPC_CREW_H
#define WEFT_RPC_CREW_H

#include "base/fault.h"
#include "rpc/crew/tag.h"
#include <stdint.h>

struct weft_crew;

/* What gives work: gRPC's completion queue, or what calls wait for together. */
struct weft_crew_source {
    /* Waits for the next, as long as it takes. False: nothing comes any more. The leader's thread. */
    bool (*next)(void *arg, struct weft_tag **ret_tag, bool *ret_ok);
    void *arg;
};

/* `workers` threads are started by start and stay, up to `max_workers` come and go. max_workers is 2 at least: one to
 * wait and one on the source. */
struct weft_crew *weft_crew_new(struct weft_crew_source source, uint32_t workers, uint32_t max_workers);
weft_status weft_crew_start(struct weft_crew *crew,
                            struct weft_fault *ret_fault); /* UNAVAILABLE: no thread to be had */
/* Joins and frees. The source has ended, or start was never called; NULL is fine. */
void weft_crew_free(struct weft_crew *crew);

/* May this worker run what waits: does it not lead, or stands a successor by? */
bool weft_worker_may_wait(struct weft_worker *worker);
/* Leadership goes to a follower. Nothing happens when the worker does not lead, or is NULL. The worker's own thread. */
void weft_worker_hand_on(struct weft_worker *worker);
/* Marks what the leader runs in person, so that one that is stuck can be relieved. The worker's own thread. */
void weft_worker_enter(struct weft_worker *worker);
void weft_worker_leave(struct weft_worker *worker);

/* Has it run by the next worker that is free. Any thread. */
void weft_crew_defer(struct weft_crew *crew, struct weft_tag *job);

/* Called now and then: a leader that was inside one handler at the last call and still is has waited in a way that we
 * cannot see, or computes for long; its leadership goes to a follower. Any thread, one at a time. */
void weft_crew_relieve(struct weft_crew *crew);

#endif
