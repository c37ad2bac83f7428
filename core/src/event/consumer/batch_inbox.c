/* event/consumer/batch_inbox.c - how a transaction over some events begins: which are new, which keys are held up. */
#include "event/consumer/consumer_state.h"

#include "data/tx.h"

#include <stdlib.h>
#include <string.h>

static int text_compare(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Sorts, so that transactions take their inbox rows in one order and cannot deadlock on them; drops what is twice. */
static size_t texts_unique(const char **texts, size_t n)
{
    size_t kept = 0;
    qsort(texts, n, sizeof *texts, text_compare);
    for (size_t i = 0; i < n; i++)
        if (kept == 0 || strcmp(texts[kept - 1], texts[i]) != 0) texts[kept++] = texts[i];
    return kept;
}

/* ---- the first round trip ---------------------------------------------------------------------------------------- */

static const char **batch_ids(const struct weft_batch *batch, size_t *ret_n)
{
    const char **ids = weft_arena_alloc(batch->lane->batch_arena, batch->n * sizeof *ids);
    size_t n = 0;
    for (size_t i = 0; i < batch->n; i++)
        if (batch->items[i].envelope.id[0] != '\0') ids[n++] = batch->items[i].envelope.id;
    *ret_n = texts_unique(ids, n);
    return ids;
}

static const char **batch_keys(const struct weft_batch *batch, size_t *ret_n)
{
    const char **keys = weft_arena_alloc(batch->lane->batch_arena, batch->n * sizeof *keys);
    size_t n = 0;
    for (size_t i = 0; i < batch->n; i++)
        if (batch->items[i].envelope.key != NULL) keys[n++] = batch->items[i].envelope.key;
    *ret_n = texts_unique(keys, n);
    return keys;
}

/* Of two deliveries of one event in a batch the first is fresh. */
static void batch_set_fresh(struct weft_batch *batch, const struct weft_rowset *fresh)
{
    struct weft_arena *arena = batch->lane->batch_arena;
    const char **ids = weft_arena_alloc(arena, (fresh->n_rows + 1) * sizeof *ids);
    bool *taken = weft_arena_alloc(arena, (fresh->n_rows + 1) * sizeof *taken);
    for (uint32_t i = 0; i < fresh->n_rows; i++)
        ids[i] = weft_arena_strdup(arena, fresh->values[(size_t)i * fresh->n_columns].as.text);
    qsort(ids, fresh->n_rows, sizeof *ids, text_compare);
    for (size_t i = 0; i < batch->n; i++) {
        const char *id = batch->items[i].envelope.id;
        const char **found = bsearch(&id, ids, fresh->n_rows, sizeof *ids, text_compare);
        batch->items[i].fresh = *id == '\0' || (found != NULL && !taken[found - ids]);
        if (found != NULL) taken[found - ids] = true;
    }
}

static void batch_set_held(struct weft_batch *batch, const struct weft_rowset *held)
{
    batch->held = weft_arena_alloc(batch->lane->batch_arena, (held->n_rows + batch->n) * sizeof *batch->held);
    for (uint32_t i = 0; i < held->n_rows; i++)
        batch->held[batch->n_held++] =
            weft_arena_strdup(batch->lane->batch_arena, held->values[(size_t)i * held->n_columns].as.text);
}

bool weft_batch_is_held(const struct weft_batch *batch, const char *key)
{
    for (size_t i = 0; key != NULL && i < batch->n_held; i++)
        if (strcmp(batch->held[i], key) == 0) return true;
    return false;
}

/* Asks: a round trip before the handlers. */
static bool batch_open_careful(struct weft_batch *batch)
{
    const struct weft_consumer_options *options = &batch->lane->consumer->options;
    const struct weft_dialect *dialect = batch->lane->consumer->store->dialect;
    const struct weft_rowset *sets;
    size_t n_ids, n_keys;
    const char **ids = batch_ids(batch, &n_ids), **keys = batch_keys(batch, &n_keys);
    const struct weft_value inbox[] = { weft_text(options->group), weft_texts(ids, n_ids) };
    const struct weft_value held[] = { weft_text(options->group), weft_texts(keys, n_keys),
                                       weft_bool(options->hold_on_dead) };
    const struct weft_statement reads[] = { { dialect->inbox_insert, inbox, 2, 0 },
                                            { dialect->failed_keys, held, 3, 0 } };
    weft_tx_set_owner(batch->tx, UINT32_MAX);
    if (weft_tx_read(batch->tx, reads, options->ordered ? 2 : 1, &sets) != WEFT_OK) return false;
    batch_set_fresh(batch, &sets[0]);
    if (options->ordered) batch_set_held(batch, &sets[1]);
    return true;
}

/* Only an event that is most likely new, once in the batch, may be taken for new: what may have been handled before is
 * looked up, and a handler with effects elsewhere does not run in vain. */
bool weft_batch_may_hope(const struct weft_lane *lane, const struct weft_item *items, size_t n)
{
    if (lane->careful > 0 || lane->consumer->options.external_effects || items[0].parked != NULL) return false;
    for (size_t i = 0; i < n; i++)
        if (items[i].suspect || items[i].envelope.id[0] == '\0') return false;
    return true;
}

/* Queues the inbox rows; the store tells at the commit. False: an event is in the batch twice. */
static bool batch_open_hopeful(struct weft_batch *batch)
{
    const struct weft_consumer_options *options = &batch->lane->consumer->options;
    size_t n_ids, n_keys = 0;
    const char **ids = batch_ids(batch, &n_ids), **keys = NULL;
    if (n_ids < batch->n) return false;
    if (options->ordered) keys = batch_keys(batch, &n_keys);
    const struct weft_value params[] = { weft_text(options->group), weft_texts(ids, n_ids), weft_texts(keys, n_keys),
                                         weft_bool(options->hold_on_dead) };
    weft_tx_set_owner(batch->tx, WEFT_BATCH_INBOX);
    weft_tx_queue(batch->tx, batch->lane->consumer->store->dialect->inbox_add, params, 4);
    batch->held = weft_arena_alloc(batch->lane->batch_arena, batch->n * sizeof *batch->held);
    for (size_t i = 0; i < batch->n; i++)
        batch->items[i].fresh = true;
    return true;
}

/* A due row is claimed by removing it: whoever else has it in hand waits for the row, and then finds it gone. */
static bool batch_open_parked(struct weft_batch *batch)
{
    struct weft_item *item = &batch->items[0];
    const struct weft_value seq = weft_int(item->parked->seq);
    const struct weft_rowset *gone;
    weft_tx_set_owner(batch->tx, UINT32_MAX);
    if (weft_tx_rows(batch->tx, batch->lane->consumer->store->dialect->failed_delete, &seq, 1, &gone) != WEFT_OK)
        return false;
    item->fresh = gone->affected == 1;
    return true;
}

bool weft_batch_open(struct weft_batch *batch)
{
    if (batch->items[0].parked != NULL) return batch_open_parked(batch);
    return (batch->hopeful && batch_open_hopeful(batch)) || batch_open_careful(batch);
}
