/* event/consumer/batch_failed.c - what becomes of an event that fails: parked until its next try, or dead. */
#include "event/consumer/consumer_state.h"

#include "base/clock.h"
#include "data/tx.h"

#include <stdlib.h>
#include <string.h>

/* Spreads neighbouring clock readings over all 64 bits (splitmix64, Steele et al.): events that fail together are to
 * return apart. */
static uint64_t failed_random(void)
{
    uint64_t x = weft_clock_ns() * 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

static bool failed_is_final(const struct weft_consumer *consumer, const struct weft_item *item)
{
    return item->status == WEFT_REJECT || item->attempt >= consumer->options.retry.max_attempts;
}

void weft_batch_queue_failed(struct weft_lane *lane, weft_tx *tx, struct weft_item *item)
{
    struct weft_consumer *consumer = lane->consumer;
    const struct weft_dialect *dialect = consumer->store->dialect;
    struct weft_value params[WEFT_FAILED_INSERT_PARAMS];
    bool dead = failed_is_final(consumer, item);
    int64_t wait_us = weft_retry_wait_us(&consumer->options.retry, item->attempt, failed_random());
    item->result = dead ? WEFT_ITEM_DEAD : WEFT_ITEM_PARKED;
    item->due_us = weft_clock_wall_us() + wait_us;
    if (item->parked != NULL) {
        weft_item_failed_update(lane->batch_arena, item, dead, item->attempt, wait_us, params);
        weft_tx_queue(tx, dialect->failed_update, params, WEFT_FAILED_UPDATE_PARAMS);
        return;
    }
    weft_item_failed_insert(lane->batch_arena, item, consumer->options.group, dead, item->attempt, wait_us, params);
    weft_tx_queue(tx, dialect->failed_insert, params, WEFT_FAILED_INSERT_PARAMS);
}

/* No attempt was made; it is due when it is the first of its key. */
void weft_batch_queue_behind(struct weft_lane *lane, weft_tx *tx, struct weft_item *item)
{
    struct weft_value params[WEFT_FAILED_INSERT_PARAMS];
    item->result = WEFT_ITEM_BEHIND;
    strcpy(item->reason, "behind: an earlier event of its key has failed");
    weft_item_failed_insert(lane->batch_arena, item, lane->consumer->options.group, false, 0, 0, params);
    weft_tx_queue(tx, lane->consumer->store->dialect->failed_insert, params, WEFT_FAILED_INSERT_PARAMS);
}

/* Since the failure rolled back, another instance may have handled it. */
static bool park_is_fresh(struct weft_lane *lane, weft_tx *tx, const struct weft_item *item)
{
    const struct weft_consumer *consumer = lane->consumer;
    const char *id = item->envelope.id;
    if (item->parked != NULL || *id == '\0') return true;
    const struct weft_value inbox[] = { weft_text(consumer->options.group), weft_texts(&id, 1) };
    const struct weft_rowset *fresh;
    return weft_tx_rows(tx, consumer->store->dialect->inbox_insert, inbox, 2, &fresh) == WEFT_OK && fresh->n_rows == 1;
}

enum weft_batch_end weft_batch_park(struct weft_lane *lane, struct weft_item *item)
{
    struct weft_consumer *consumer = lane->consumer;
    struct weft_tx_outcome outcome;
    weft_arena_reset(lane->batch_arena);
    weft_tx *tx = weft_tx_new(lane->batch_arena, consumer->store, WEFT_SESSION_LANE,
                              weft_clock_ns() + consumer->options.deadline_ns, NULL);
    item->result = WEFT_ITEM_DUPLICATE;
    if (park_is_fresh(lane, tx, item)) weft_batch_queue_failed(lane, tx, item);
    weft_mark_queue_clear(lane, tx, item, 1);
    weft_tx_commit(tx, &outcome);
    return weft_batch_ended(&outcome);
}
