/* rpc/crew/tally.h - how many things of ours gRPC's core still holds or has given back unhandled. A queue that is shut
 * down while one is out aborts the process, so the server's end waits for exactly none. Any thread. */
#ifndef WEFT_RPC_TALLY_H
#define WEFT_RPC_TALLY_H

#include <pthread.h>
#include <stdatomic.h>

struct weft_tally {
    atomic_size_t out;
    pthread_mutex_t lock;
    pthread_cond_t none;
};

static inline void weft_tally_init(struct weft_tally *tally)
{
    atomic_init(&tally->out, 0);
    pthread_mutex_init(&tally->lock, NULL);
    pthread_cond_init(&tally->none, NULL);
}

static inline void weft_tally_destroy(struct weft_tally *tally)
{
    pthread_cond_destroy(&tally->none);
    pthread_mutex_destroy(&tally->lock);
}

/* Before it is given to core. */
static inline void weft_tally_add(struct weft_tally *tally)
{
    atomic_fetch_add_explicit(&tally->out, 1, memory_order_relaxed);
}

/* When it has been handled: the last thing its handler does. The lock is taken by the last one only, and keeps the
 * tally in being until its broadcast is over. */
static inline void weft_tally_done(struct weft_tally *tally)
{
    size_t out = atomic_load_explicit(&tally->out, memory_order_relaxed);
    while (out > 1)
        if (atomic_compare_exchange_weak_explicit(&tally->out, &out, out - 1, memory_order_release,
                                                  memory_order_relaxed))
            return;
    pthread_mutex_lock(&tally->lock);
    if (atomic_fetch_sub_explicit(&tally->out, 1, memory_order_acq_rel) == 1) pthread_cond_broadcast(&tally->none);
    pthread_mutex_unlock(&tally->lock);
}

/* Waits until none is out: each has a deadline of its own, which its handler and core keep. */
static inline void weft_tally_wait(struct weft_tally *tally)
{
    pthread_mutex_lock(&tally->lock);
    while (atomic_load_explicit(&tally->out, memory_order_acquire) != 0)
        pthread_cond_wait(&tally->none, &tally->lock);
    pthread_mutex_unlock(&tally->lock);
}

#endif
