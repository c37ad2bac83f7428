/* rpc/prefetch/prefetch.c - a queue in front of the cache, and the crew that takes it in batches. */
#include "rpc/prefetch/prefetch.h"

#include "base/clock.h"
#include "base/mailbox.h"
#include "base/memory.h"
#include "data/cache/cached.h"

#include <stdatomic.h>
#include <stdlib.h>

struct weft_prefetch {
    struct weft_cache *cache;
    struct weft_mailbox *queue;
    struct weft_crew *crew;
    atomic_bool ended;
    /* The leader's: what has been read and not been run yet. */
    void *batch[WEFT_PREFETCH_MAX];
    size_t n, next;
};

static void batch_read(struct weft_prefetch *prefetch)
{
    struct weft_work *works[WEFT_PREFETCH_MAX];
    for (size_t i = 0; i < prefetch->n; i++) {
        struct weft_prefetch_item *item = prefetch->batch[i];
        weft_tag_back(&item->tag);
        works[i] = item->work;
    }
    weft_cached_prefetch(prefetch->cache, works, prefetch->n);
}

/* The crew's source. Waits for calls only when the last batch has been handed out: the rest of it is run by the next
 * leader if a handler of it waits. */
static bool prefetch_next(void *arg, struct weft_tag **ret_tag, bool *ret_ok)
{
    struct weft_prefetch *prefetch = arg;
    while (prefetch->next == prefetch->n) {
        prefetch->next = 0;
        prefetch->n = weft_mailbox_take(prefetch->queue, prefetch->batch, WEFT_PREFETCH_MAX, WEFT_NEVER);
        if (prefetch->n == 0 && atomic_load_explicit(&prefetch->ended, memory_order_acquire)) return false;
        if (prefetch->n != 0) batch_read(prefetch);
    }
    struct weft_prefetch_item *item = prefetch->batch[prefetch->next++];
    *ret_tag = &item->tag;
    *ret_ok = true;
    return true;
}

struct weft_prefetch *weft_prefetch_new(struct weft_cache *cache, uint32_t workers, uint32_t max_workers)
{
    struct weft_prefetch *prefetch = weft_memory_zeroed(1, sizeof *prefetch);
    prefetch->cache = cache;
    prefetch->queue = weft_mailbox_new(WEFT_PREFETCH_MAX);
    prefetch->crew = weft_crew_new((struct weft_crew_source){ prefetch_next, prefetch }, workers, max_workers);
    return prefetch;
}

weft_status weft_prefetch_start(struct weft_prefetch *prefetch, struct weft_fault *ret_fault)
{
    return weft_crew_start(prefetch->crew, ret_fault);
}

struct weft_crew *weft_prefetch_crew(const struct weft_prefetch *prefetch)
{
    return prefetch != NULL ? prefetch->crew : NULL;
}

void weft_prefetch_push(struct weft_prefetch *prefetch, struct weft_prefetch_item *item)
{
    weft_tag_given(&item->tag);
    weft_mailbox_push(prefetch->queue, (void *[]){ item }, 1);
}

void weft_prefetch_free(struct weft_prefetch *prefetch)
{
    if (prefetch == NULL) return;
    atomic_store_explicit(&prefetch->ended, true, memory_order_release);
    weft_mailbox_wake(prefetch->queue);
    weft_crew_free(prefetch->crew);
    weft_mailbox_free(prefetch->queue);
    free(prefetch);
}
