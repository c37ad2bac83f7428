/* data/cache/drops.c - ids of rows whose work is done, in two lists: one is filled while the other is being removed. */
#include "data/cache/drops.h"

#include "base/id.h"
#include "base/memory.h"
#include "observe/log.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { DROPS_NOTED = 2048, DROPS_BATCH = 256 }; /* more ids than that are left for the replay */

struct drops_list {
    char ids[DROPS_NOTED][WEFT_ID_SIZE];
    const char *texts[DROPS_NOTED];
    size_t n;
};

struct weft_drops {
    struct weft_cache *cache;
    pthread_mutex_t mutex; /* over `noted` */
    struct drops_list *noted, *taken;
};

struct weft_drops *weft_drops_new(struct weft_cache *cache, const struct weft_dialect *dialect)
{
    if ((weft_cache_caps(cache) & WEFT_CACHE_SHARED) == 0 || dialect->cache_drop_insert == NULL) return NULL;
    struct weft_drops *drops = weft_memory_zeroed(1, sizeof *drops);
    drops->cache = cache;
    drops->noted = weft_memory_zeroed(1, sizeof *drops->noted);
    drops->taken = weft_memory_zeroed(1, sizeof *drops->taken);
    pthread_mutex_init(&drops->mutex, NULL);
    return drops;
}

void weft_drops_free(struct weft_drops *drops)
{
    if (drops == NULL) return;
    pthread_mutex_destroy(&drops->mutex);
    free(drops->noted);
    free(drops->taken);
    free(drops);
}

static void list_add(struct drops_list *list, const char *id)
{
    if (list->n == DROPS_NOTED || strlen(id) >= WEFT_ID_SIZE) return;
    list->texts[list->n] = strcpy(list->ids[list->n], id);
    list->n++;
}

void weft_drops_done(struct weft_drops *drops, const char *id)
{
    if (drops == NULL || id == NULL) return;
    pthread_mutex_lock(&drops->mutex);
    list_add(drops->noted, id);
    pthread_mutex_unlock(&drops->mutex);
}

const char *const *weft_drops_take(struct weft_drops *drops, size_t *ret_n)
{
    *ret_n = 0;
    if (drops == NULL) return NULL;
    pthread_mutex_lock(&drops->mutex);
    struct drops_list *taken = drops->noted;
    drops->noted = drops->taken;
    drops->noted->n = 0;
    pthread_mutex_unlock(&drops->mutex);
    drops->taken = taken;
    *ret_n = taken->n;
    return taken->texts;
}

static const struct weft_value *row_column(const struct weft_rowset *rows, uint32_t row, uint32_t column)
{
    return &rows->values[(size_t)row * rows->n_columns + column];
}

/* Up to DROPS_BATCH rows in one round trip. */
static bool replay_batch(struct weft_drops *drops, const struct weft_rowset *rows, uint32_t from, uint32_t n)
{
    struct weft_cache_op ops[DROPS_BATCH];
    struct weft_cache_result results[DROPS_BATCH];
    struct weft_cache_lease lease;
    for (uint32_t i = 0; i < n; i++) {
        const struct weft_value *key = row_column(rows, from + i, 1);
        ops[i] = (struct weft_cache_op){ .verb = WEFT_CACHE_DEL, .key = key->as.text, .key_size = key->size };
    }
    bool done = weft_cache_try(drops->cache, ops, n, results, &lease) == WEFT_RC_OK;
    for (uint32_t i = 0; i < n && done; i++)
        done = !weft_cache_del_failed(&ops[i], &results[i]);
    weft_cache_release(&lease);
    for (uint32_t i = 0; i < n && done; i++)
        weft_drops_done(drops, row_column(rows, from + i, 0)->as.text);
    return done;
}

bool weft_drops_replay(struct weft_drops *drops, const struct weft_rowset *rows)
{
    for (uint32_t from = 0; from < rows->n_rows; from += DROPS_BATCH) {
        uint32_t left = rows->n_rows - from, n = left < DROPS_BATCH ? left : DROPS_BATCH;
        if (!replay_batch(drops, rows, from, n)) return false;
    }
    weft_cache_count(&weft_cache_tally(drops->cache)->replays, rows->n_rows);
    if (rows->n_rows > 0)
        weft_log_limited("data.cache.replay", WEFT_LOG_INFO, "cache", NULL,
                         "%u keys dropped from the cache that an earlier drop had not reached", rows->n_rows);
    return true;
}
