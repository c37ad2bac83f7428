/* event/direct/direct_state.h - from inside, for the files of this folder alone.
 *
 * Its thread owns everything but what stands under the mutex. An event is in one list at a time:
 *
 *   fresh --> pending --> flying --confirmed-->          live: the transport is there
 *                            '--not confirmed--> pending
 *
 *   fresh --> pending --> the journal --> claimed --> flying --> (as above, but to claimed)     behind */
#ifndef WEFT_EVENT_DIRECT_STATE_H
#define WEFT_EVENT_DIRECT_STATE_H

#include "event/direct/direct.h"
#include "event/direct/entry.h"

#include <pthread.h>

struct weft_direct {
    struct weft_publish_sink sink; /* its address is ours */
    struct weft_transport *transport;
    struct weft_cache *cache;
    const struct weft_topics *topics;
    struct weft_tap *tap;
    char *service;
    char *journal; /* the key of the service's journal */
    char *claimer; /* our name in claims, no other's */
    uint32_t kept;
    bool journals; /* the cache has journals */
    bool shared;   /* that outlive the process */
    bool started;
    pthread_t thread;

    pthread_mutex_t mutex; /* of these: */
    pthread_cond_t woken;
    struct weft_direct_list fresh;
    size_t n_waiting, bytes_waiting; /* as the thread last saw: beside the fresh ones */
    struct weft_direct_event *completed;
    int64_t n_out; /* with the transport; below zero for a moment, when one completes before it is counted */
    bool waiting, ready, stopping;
    bool left; /* the thread has ended: the last completion frees */
    uint64_t stop_ns;

    /* The thread's: */
    struct weft_direct_list pending, claimed, flying;
    size_t n_failed; /* of those flying: to go again, once the others are back */
    bool behind;     /* events go through the journal (atomic: others look) */
    bool blocked;    /* the transport took fewer than offered */
    uint64_t claimed_until_ns;
    int64_t place; /* in the journal, of the last that was claimed; 0: none is claimed */
    uint64_t publish_at_ns, publish_pause_ns;
    uint64_t journal_at_ns, journal_pause_ns;
    uint64_t journal_failed_ns; /* since when; 0: it has not */
    uint64_t look_at_ns;        /* live: for what others left in the journal */

    struct weft_direct_counters counters; /* atomic */
};

/* flight.c */
void weft_direct_complete(struct weft_publish_sink *sink, const struct weft_completion *completions, size_t n);
void weft_direct_collect(struct weft_direct *direct);
void weft_direct_publish(struct weft_direct *direct);
uint64_t weft_direct_publish_due(const struct weft_direct *direct);
/* spill.c */
void weft_direct_spill(struct weft_direct *direct);
uint64_t weft_direct_spill_due(const struct weft_direct *direct);
/* What is left at the end: into the journal, in order. Returns how many events are lost. */
size_t weft_direct_save(struct weft_direct *direct);

void weft_direct_go_behind(struct weft_direct *direct, const char *why);
void weft_direct_free(struct weft_direct *direct);

static inline void direct_count(uint64_t *counter, uint64_t n)
{
    __atomic_fetch_add(counter, n, __ATOMIC_RELAXED);
}
static inline uint64_t direct_sooner(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

#endif
