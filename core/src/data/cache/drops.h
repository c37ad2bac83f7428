/* data/cache/drops.h - drops of cache keys that happen although the process dies between the commit and the DEL.
 *
 * A transaction that drops keys of a shared cache writes them into weft_cache_drop as well, in its own commit. Once the
 * DEL is done the rows' id is noted here; the relay removes what was noted along with its next round trip to the store.
 * Rows that stay - their process died, or the cache was away - are read by the relay about once a second and deleted
 * from the cache again, which does no harm if it had been done. One for each store; any thread. */
#ifndef WEFT_DATA_DROPS_H
#define WEFT_DATA_DROPS_H

#include "data/cache/cache.h"

struct weft_drops;

/* NULL, which is fine for all below, when the cache is of this process alone and goes with it, or the dialect has no
 * such table. */
struct weft_drops *weft_drops_new(struct weft_cache *cache, const struct weft_dialect *dialect);
void weft_drops_free(struct weft_drops *drops);

/* The keys of the rows `id` have been deleted. */
void weft_drops_done(struct weft_drops *drops, const char *id);
/* The ids noted since the last time: rows to be removed. One thread; valid until its next call. What it does not manage
 * to remove is replayed, so nothing need be given back. */
const char *const *weft_drops_take(struct weft_drops *drops, size_t *ret_n);

/* Deletes the keys of rows that were left, columns id and key, and notes their ids. False: the cache is away. */
bool weft_drops_replay(struct weft_drops *drops, const struct weft_rowset *rows);

#endif
