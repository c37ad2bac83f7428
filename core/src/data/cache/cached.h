/* data/cache/cached.h - cache-aside of a work. The handler's thread. */
#ifndef WEFT_DATA_CACHED_H
#define WEFT_DATA_CACHED_H

#include "data/work.h"

/* A value looked up before the handler asked for it. Of the work's arena. */
struct weft_prefetched {
    const char *key; /* 1 to 1024 bytes */
    int32_t rc;      /* enum weft_rc: OK with a value, NOT_FOUND with a lease's token; any other: not answered */
    uint32_t spare;
    const void *value;
    size_t value_size;
    int64_t token;
};

enum { WEFT_PREFETCH_MAX = 32 }; /* keys a round trip: the more, the longer the first waits for the last */

/* A prefetch of the key for this work, not run yet; NULL: the work has no cache, or the key cannot be one. */
struct weft_prefetched *weft_cached_will_prefetch(struct weft_work *work, const char *key);
/* Looks up the keys of `works`' prefetches, n of them to WEFT_PREFETCH_MAX, in one round trip; weft_cached then answers
 * from them, once each. May wait for as long as the cache's time limit. The thread that has the works in its hands. */
void weft_cached_prefetch(struct weft_cache *cache, struct weft_work *const *works, size_t n);

/* Deletes the keys, a NULL-terminated list, in one round trip. True: they are gone, or there is nothing to delete. */
bool weft_cached_delete(struct weft_work *work, const char *const *keys);
/* Deletes what the transaction drops, after the commit that changed what the keys hold: by weft_work_finish, and by a
 * lane for its batch. */
void weft_cached_drop(struct weft_work *work, const weft_tx *tx);

#endif
