/* data/cache/cache.h - the host's cache: one plugin instance with a pool of sessions, shared by all services. Any
 * thread.
 *
 * Failures cost time, never correctness: they are logged (limited) here, and callers see a miss.
 *  - A cache that fails several times in a row is left alone for a moment, so one that hangs costs a timeout now and
 * then, not one a call.
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
};

/* One batch, one round trip, on a pooled session. With OK the results are valid until the lease is given back; with any
 * other rc nothing was answered and the lease is empty (giving it back is fine). UNAVAILABLE also when the cache is
 * being left alone or no session was free in time. */
int32_t weft_cache_run(struct weft_cache *cache, const struct weft_cache_op *ops, size_t n,
                       struct weft_cache_result *ret_results, struct weft_cache_lease *ret_lease);
void weft_cache_release(struct weft_cache_lease *lease); /* ends the results' life; for __attribute__((cleanup)) too */

#endif
