/* data/cache/cache.h - the host's cache: one plugin instance with a pool of sessions, shared by all services. Any
 * thread.
 *
 * Failures cost time, never correctness: they are logged (limited) here, and callers see a miss.
 *  - A cache that fails several times in a row is left alone for a moment, so one that hangs costs a timeout now and
 *    then, not one a call; one call at a time tries whether it is back.
 *  - A DEL that could not be sent is remembered, and sent before anything is read from the cache again. */
#ifndef WEFT_DATA_CACHE_H
#define WEFT_DATA_CACHE_H

#include <stdbool.h>
#include <weft/plugin.h>

struct weft_cache;

/* `timeout_ns` bounds each run. */
struct weft_cache *weft_cache_new(const struct weft_cache_ops *ops, void *self, uint32_t max_sessions,
                                  uint64_t timeout_ns);
void weft_cache_free(struct weft_cache *cache);           /* all leases are given back; NULL is fine */
uint32_t weft_cache_caps(const struct weft_cache *cache); /* WEFT_CACHE_LEASES, ... of its plugin */

struct weft_cache_lease {
    struct weft_cache *cache;
    void *session; /* NULL: none */
    bool probes;   /* this run tried whether the cache is back */
};

/* One batch, one round trip, on a pooled session. With OK the results are valid until the lease is given back; with any
 * other rc nothing was answered and the lease is empty (giving it back is fine). UNAVAILABLE also when the cache is
 * being left alone or no session was free in time. */
int32_t weft_cache_run(struct weft_cache *cache, const struct weft_cache_op *ops, size_t n,
                       struct weft_cache_result *ret_results, struct weft_cache_lease *ret_lease);
/* The same, but DELs that fail are not remembered: their caller will repeat them. */
int32_t weft_cache_try(struct weft_cache *cache, const struct weft_cache_op *ops, size_t n,
                       struct weft_cache_result *ret_results, struct weft_cache_lease *ret_lease);
/* A single DEL can fail in a run that went well: on a read-only replica, or without the right to. */
bool weft_cache_del_failed(const struct weft_cache_op *op, const struct weft_cache_result *result);
void weft_cache_release(struct weft_cache_lease *lease); /* ends the results' life; for __attribute__((cleanup)) too */

/* Since the start. */
struct weft_cache_counters {
    uint64_t hits, misses; /* of look-ups by weft_cached; one that could not be made is a miss */
    uint64_t damaged;      /* values found that are none of ours, or not whole: misses too */
    uint64_t fills;        /* values put in after a miss */
    uint64_t drops;        /* keys deleted after a commit */
    uint64_t replays;      /* keys deleted again, out of rows whose drop was not known to be done */
    uint64_t errors;       /* runs that failed */
    uint64_t left_alone;   /* runs not made, since the cache had failed several times in a row */
    uint64_t opens;        /* how often it came to that */
};
struct weft_cache_counters weft_cache_counters(const struct weft_cache *cache); /* any thread */
/* For those who count: weft_cache_count(&weft_cache_tally(cache)->hits, 1). */
struct weft_cache_counters *weft_cache_tally(struct weft_cache *cache);

static inline void weft_cache_count(uint64_t *counter, uint64_t n)
{
    __atomic_fetch_add(counter, n, __ATOMIC_RELAXED);
}

#endif
