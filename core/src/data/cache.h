/* data/cache.h - the host's cache: one plugin instance with a pool of sessions, shared by all services. Any thread.
 * Failures cost time, never correctness: they are logged (limited) and counted here, and callers see a miss. */
#ifndef WEFT_DATA_CACHE_H
#define WEFT_DATA_CACHE_H

#include <stdbool.h>
#include <weft/plugin.h>

struct weft_cache;

/* `timeout_ns` bounds each run. */
struct weft_cache *weft_cache_new(const struct weft_cache_ops *ops, void *self, uint32_t max_sessions,
                                  uint64_t timeout_ns);
void weft_cache_free(struct weft_cache *cache);
uint32_t weft_cache_caps(const struct weft_cache *cache); /* WEFT_CACHE_LEASES, ... of its plugin */

/* One batch, one round trip, on a pooled session; results are copied by the callback style of `use`: valid until the
 * lease is given back. Returns the plugin's rc. */
struct weft_cache_lease {
    struct weft_cache *cache;
    void *session;
};
int32_t weft_cache_run(struct weft_cache *cache, const struct weft_cache_op *ops, size_t n,
                       struct weft_cache_result *ret_results, struct weft_cache_lease *ret_lease);
void weft_cache_release(struct weft_cache_lease *lease); /* ends the results' life */

#endif
