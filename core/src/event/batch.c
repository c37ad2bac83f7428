/* event/batch.c - one transaction over some events.
 *
 * Two round trips: BEGIN, the inbox, and in ordered groups the keys that are held up by a parked event; then, with the
 * handlers run, all their statements, the rows of those that failed, the outbox rows and COMMIT.
 *
 * An event that fails while nothing of its own has been sent is cut out of the transaction and parked in it. If
 * something has been sent, the transaction is lost: the caller runs those before it, then it alone, then those behind.
 */
#include "event/consumer_state.h"

#include "base/clock.h"
#include "data/cached.h"
#include "data/tx.h"
#include "data/work.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct batch {
    struct weft_lane *lane;
    struct weft_item *items;
    size_t n;
    weft_tx *tx;
    const char **held; /* keys that are held up */
    size_t n_held;
};

static int text_compare(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Sorts, so that transactions take their inbox rows in one order and cannot deadlock on them, and drops what is twice.
 */
static size_t texts_unique(const char **texts, size_t n)
{
    size_t kept = 0;
    qsort(texts, n, sizeof *texts, text_compare);
    for (size_t i = 0; i < n; i++)
        if (kept == 0 || strcmp(texts[kept - 1], texts[i]) != 0) texts[kept++] = texts[i];
    return kept;
}

/* ---- the first round trip ---------------------------------------------------------------------------------------- */

static const char **batch_ids(const struct batch *batch, size_t *ret_n)
{
    const char **ids = weft_arena_alloc(batch->lane->batch_arena, batch->n * sizeof *ids);
    size_t n = 0;
    for (size_t i = 0; i < batch->n; i++)
        if (batch->items[i].envelope.id[0] != '\0') ids[n++] = batch->items[i].envelope.id;
    *ret_n = texts_unique(ids, n);
    return ids;
}

static const char **batch_keys(const struct batch *batch, size_t *ret_n)
{
    const char **keys = weft_arena_alloc(batch->lane->batch_arena, batch->n * sizeof *keys);
    size_t n = 0;
    for (size_t i = 0; i < batch->n; i++)
        if (batch->items[i].envelope.key != NULL) keys[n++] = batch->items[i].envelope.key;
    *ret_n = texts_unique(keys, n);
    return keys;
}

/* Of two deliveries of one event in a batch the first is fresh. */
static void batch_set_fresh(struct batch *batch, const struct weft_rowset *fresh)
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

static void batch_set_held(struct batch *batch, const struct weft_rowset *held)
{
    batch->held = weft_arena_alloc(batch->lane->batch_arena, (held->n_rows + batch->n) * sizeof *batch->held);
    for (uint32_t i = 0; i < held->n_rows; i++)
        batch->held[batch->n_held++] =
            weft_arena_strdup(batch->lane->batch_arena, held->values[(size_t)i * held->n_columns].as.text);
}

static bool batch_is_held(const struct batch *batch, const char *key)
{
    for (size_t i = 0; key != NULL && i < batch->n_held; i++)
        if (strcmp(batch->held[i], key) == 0) return true;
    return false;
}

/* What is new, and what is held up. False: the transaction has failed. */
static bool batch_open(struct batch *batch)
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

/* A due row is claimed by removing it: whoever else has it in hand waits for the row, and then finds it gone. */
static bool batch_open_parked(struct batch *batch)
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

/* ---- the handlers ------------------------------------------------------------------------------------------------ */

static void batch_failed(struct batch *batch, struct weft_item *item)
{
    const struct weft_consumer_options *options = &batch->lane->consumer->options;
    weft_batch_queue_failed(batch->lane, batch->tx, item);
    bool holds = item->result == WEFT_ITEM_PARKED || options->hold_on_dead;
    if (options->ordered && holds && item->envelope.key != NULL) batch->held[batch->n_held++] = item->envelope.key;
}

/* False: the item failed in a way that took the transaction with it. */
static bool batch_item(struct batch *batch, struct weft_item *item)
{
    struct weft_lane *lane = batch->lane;
    item->result = WEFT_ITEM_DUPLICATE;
    item->duration_us = 0;
    if (!item->fresh) return true;
    if (item->crashed) {
        item->status = WEFT_REJECT;
        snprintf(item->reason, sizeof item->reason,
                 "crashed: the process ended each time while this event was handled");
        batch_failed(batch, item);
        return true;
    }
    if (item->parked == NULL && batch_is_held(batch, item->envelope.key)) {
        weft_batch_queue_behind(lane, batch->tx, item);
        return true;
    }
    struct weft_tx_mark mark = weft_tx_mark(batch->tx);
    item->result = WEFT_ITEM_HANDLED;
    if (weft_item_handle(lane, batch->tx, item) == WEFT_OK) return true;
    if (item->parked != NULL || !weft_tx_cut(batch->tx, mark)) return false;
    batch_failed(batch, item);
    return true;
}

/* ---- how it ends ------------------------------------------------------------------------------------------------- */

enum weft_batch_end weft_batch_ended(const struct weft_tx_outcome *outcome)
{
    if (outcome->status == WEFT_OK) return WEFT_BATCH_COMMITTED;
    switch (outcome->rc) {
    case WEFT_RC_RETRY:
        return WEFT_BATCH_TANGLED;
    case WEFT_RC_TIMEOUT:
        return WEFT_BATCH_LATE;
    case WEFT_RC_UNAVAILABLE:
    case WEFT_RC_MAYBE_SENT:
    case WEFT_RC_CLOSED:
        return WEFT_BATCH_AWAY;
    default:
        return WEFT_BATCH_BLAMED;
    }
}

/* Whose fault: that of the statement which failed, else that of the handler which gave up; of nobody's, that of the
 * first, so that each runs alone until it shows. */
static enum weft_batch_end batch_blame(struct batch *batch, const struct weft_tx_outcome *outcome, size_t at,
                                       size_t *ret_blamed)
{
    enum weft_batch_end end = outcome->status == WEFT_OK ? WEFT_BATCH_BLAMED : weft_batch_ended(outcome);
    *ret_blamed = outcome->status == WEFT_OK ? at : outcome->owner < batch->n ? outcome->owner : 0;
    if (outcome->status == WEFT_OK || end == WEFT_BATCH_AWAY) return end;
    struct weft_item *item = &batch->items[*ret_blamed];
    item->status = outcome->status;
    snprintf(item->reason, sizeof item->reason, "%s: %.200s", weft_status_name(outcome->status), outcome->text);
    return end;
}

/* Cache keys that the handlers dropped, once what they hold is old. */
static void batch_drop_keys(struct batch *batch)
{
    const struct weft_consumer *consumer = batch->lane->consumer;
    struct weft_work work = { .arena = batch->lane->batch_arena,
                              .service = consumer->options.service,
                              .store = consumer->store,
                              .cache = consumer->cache,
                              .deadline_ns = weft_clock_ns() + consumer->options.deadline_ns };
    weft_cached_delete(&work, weft_tx_cache_drops(batch->tx));
}

enum weft_batch_end weft_batch_run(struct weft_lane *lane, struct weft_item *items, size_t n, size_t *ret_blamed)
{
    struct weft_consumer *consumer = lane->consumer;
    struct weft_tx_outcome outcome = { .status = WEFT_OK };
    weft_arena_reset(lane->batch_arena);
    uint64_t deadline = weft_clock_ns() + consumer->options.deadline_ns;
    struct batch batch = { .lane = lane, .items = items, .n = n };
    batch.tx = weft_tx_new(lane->batch_arena, consumer->store, WEFT_SESSION_LANE, deadline, NULL);
    bool open = items[0].parked != NULL ? batch_open_parked(&batch) : batch_open(&batch);
    size_t at = 0;
    for (; open && at < n; at++) {
        weft_tx_set_owner(batch.tx, (uint32_t)at);
        if (!batch_item(&batch, &items[at])) break;
    }
    if (open && at < n && weft_tx_fault(batch.tx)->status == WEFT_OK) {
        weft_tx_rollback(batch.tx);
        return batch_blame(&batch, &outcome, at, ret_blamed);
    }
    weft_batch_queue_clear(lane, batch.tx, items, n);
    weft_tx_set_work(batch.tx, NULL);
    if (weft_tx_commit(batch.tx, &outcome) != WEFT_OK) return batch_blame(&batch, &outcome, at, ret_blamed);
    batch_drop_keys(&batch);
    weft_consumer_count(&consumer->counters.batches);
    return WEFT_BATCH_COMMITTED;
}
