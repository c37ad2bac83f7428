/* event/consumer/batch.c - one transaction over some events.
 *
 * Hopeful: BEGIN, the inbox rows, what the handlers queued, the rows of those that failed, the outbox rows and COMMIT
 * are one round trip; the inbox statement fails if an event is not new or its key held up, and the batch runs again,
 * careful. Careful: a first round trip asks what is new and held up, and only those run.
 *
 * An event that fails while nothing of its own has been sent is cut out of the transaction and parked in it. If
 * something has been sent, the transaction is lost: the caller runs those before it, parks it, then runs those behind.
 */
#include "event/consumer/consumer_state.h"

#include "base/clock.h"
#include "data/cache/cached.h"
#include "data/tx.h"
#include "data/work.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH_CAREFUL = 16 }; /* batches that look first, after hope was in vain */

/* ---- the handlers ------------------------------------------------------------------------------------------------ */

static void batch_failed(struct weft_batch *batch, struct weft_item *item)
{
    const struct weft_consumer_options *options = &batch->lane->consumer->options;
    weft_batch_queue_failed(batch->lane, batch->tx, item);
    bool holds = item->result == WEFT_ITEM_PARKED || options->hold_on_dead;
    if (options->ordered && holds && item->envelope.key != NULL) batch->held[batch->n_held++] = item->envelope.key;
}

/* False: the item failed in a way that took the transaction with it. */
static bool batch_item(struct weft_batch *batch, struct weft_item *item)
{
    struct weft_lane *lane = batch->lane;
    item->result = WEFT_ITEM_DUPLICATE;
    item->duration_us = 0;
    if (!item->fresh) return true;
    if (item->crashed) {
        weft_item_refuse(item, "crashed: the process ended each time while this event was handled");
        batch_failed(batch, item);
        return true;
    }
    if (item->parked == NULL && weft_batch_is_held(batch, item->envelope.key)) {
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

/* Whose fault: that of the statement which failed; of nobody's, that of the first, so that each runs alone until it
 * shows. */
static enum weft_batch_end batch_blame(struct weft_batch *batch, const struct weft_tx_outcome *outcome,
                                       size_t *ret_blamed)
{
    enum weft_batch_end end = weft_batch_ended(outcome);
    *ret_blamed = outcome->owner < batch->n ? outcome->owner : 0;
    if (end == WEFT_BATCH_AWAY) return end;
    struct weft_item *item = &batch->items[*ret_blamed];
    item->status = outcome->status;
    snprintf(item->reason, sizeof item->reason, "%s: %.200s", weft_status_name(outcome->status), outcome->text);
    return end;
}

/* Cache keys that the handlers dropped, once what they hold is old. */
static void batch_drop_keys(struct weft_batch *batch)
{
    const struct weft_consumer *consumer = batch->lane->consumer;
    struct weft_work work = { .arena = batch->lane->batch_arena,
                              .service = consumer->options.service,
                              .store = consumer->store,
                              .cache = consumer->cache,
                              .deadline_ns = weft_clock_ns() + consumer->options.deadline_ns };
    weft_cached_drop(&work, batch->tx);
}

static enum weft_batch_end batch_commit(struct weft_batch *batch, size_t *ret_blamed, bool *ret_stale)
{
    struct weft_tx_outcome outcome = { .status = WEFT_OK };
    weft_mark_queue_clear(batch->lane, batch->tx, batch->items, batch->n);
    weft_tx_set_work(batch->tx, NULL);
    if (weft_tx_commit(batch->tx, &outcome) == WEFT_OK) {
        batch_drop_keys(batch);
        weft_consumer_count(&batch->lane->consumer->counters.batches);
        weft_series_add(batch->lane->consumer->meter.transactions, 1);
        weft_consumer_set_waiting(batch->lane->consumer, false);
        return WEFT_BATCH_COMMITTED;
    }
    *ret_stale = outcome.rc == WEFT_RC_CONFLICT && outcome.owner == WEFT_BATCH_INBOX;
    return batch_blame(batch, &outcome, ret_blamed);
}

/* *ret_stale: it was hopeful in vain. */
static enum weft_batch_end batch_try(struct weft_batch *batch, size_t *ret_blamed, bool *ret_stale)
{
    struct weft_lane *lane = batch->lane;
    uint64_t deadline = weft_clock_ns() + lane->consumer->options.deadline_ns;
    weft_arena_reset(lane->batch_arena);
    batch->tx = weft_tx_new(lane->batch_arena, lane->consumer->store, WEFT_SESSION_LANE, deadline, NULL);
    *ret_stale = false;
    bool open = weft_batch_open(batch);
    size_t at = 0;
    for (; open && at < batch->n; at++) {
        weft_tx_set_owner(batch->tx, (uint32_t)at);
        if (!batch_item(batch, &batch->items[at])) break;
    }
    if (!open || at == batch->n || weft_tx_fault(batch->tx)->status != WEFT_OK)
        return batch_commit(batch, ret_blamed, ret_stale);
    /* A handler gave up after its statements had been sent. */
    weft_tx_rollback(batch->tx);
    batch->items[at].tried = true;
    *ret_blamed = at;
    return WEFT_BATCH_BLAMED;
}

enum weft_batch_end weft_batch_run(struct weft_lane *lane, struct weft_item *items, size_t n, size_t *ret_blamed)
{
    struct weft_batch batch = { .lane = lane, .items = items, .n = n };
    bool stale;
    batch.hopeful = weft_batch_may_hope(lane, items, n);
    if (lane->careful > 0) lane->careful--;
    enum weft_batch_end end = batch_try(&batch, ret_blamed, &stale);
    if (!stale) return end;
    lane->careful = BATCH_CAREFUL;
    batch = (struct weft_batch){ .lane = lane, .items = items, .n = n };
    return batch_try(&batch, ret_blamed, &stale);
}
