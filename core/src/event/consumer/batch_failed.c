/* event/consumer/batch_failed.c - what becomes of an event that fails: parked until its next try, or dead. */
#include "event/consumer/consumer_state.h"

#include "base/clock.h"
#include "data/tx.h"

#include <stdlib.h>
#include <string.h>

#define FAILED_WAIT_MOST_NS (600 * WEFT_SECOND)
enum {
    FAILED_MARKS_ALONE = 2, /* under way at two ends of a process: it runs alone from now on */
    FAILED_MARKS_DEAD = 4   /* three ends, and the next would be the fourth */
};

/* Doubles with each attempt; a tenth more or less, so that what failed together does not return together. */
static int64_t failed_wait_us(const struct weft_consumer *consumer, uint32_t attempts)
{
    uint64_t wait_ns = consumer->options.retry_ns;
    for (uint32_t i = 1; i < attempts && wait_ns < FAILED_WAIT_MOST_NS; i++)
        wait_ns *= 2;
    if (wait_ns > FAILED_WAIT_MOST_NS) wait_ns = FAILED_WAIT_MOST_NS;
    uint64_t jitter = weft_clock_ns() % (wait_ns / 5 + 1);
    return (int64_t)((wait_ns - wait_ns / 10 + jitter) / 1000);
}

static bool failed_is_final(const struct weft_consumer *consumer, const struct weft_item *item)
{
    return item->status == WEFT_REJECT || item->attempt >= consumer->options.max_attempts;
}

void weft_batch_queue_failed(struct weft_lane *lane, weft_tx *tx, struct weft_item *item)
{
    struct weft_consumer *consumer = lane->consumer;
    const struct weft_dialect *dialect = consumer->store->dialect;
    struct weft_value params[WEFT_FAILED_INSERT_PARAMS];
    bool dead = failed_is_final(consumer, item);
    int64_t wait_us = failed_wait_us(consumer, item->attempt);
    item->result = dead ? WEFT_ITEM_DEAD : WEFT_ITEM_PARKED;
    item->due_us = weft_clock_wall_us() + wait_us;
    if (item->parked != NULL) {
        weft_item_failed_update(item, dead, item->attempt, wait_us, params);
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
    strcpy(item->reason, "behind a failed event of its key");
    weft_item_failed_insert(lane->batch_arena, item, lane->consumer->options.group, false, 0, 0, params);
    weft_tx_queue(tx, lane->consumer->store->dialect->failed_insert, params, WEFT_FAILED_INSERT_PARAMS);
}

static const char **suspect_ids(struct weft_lane *lane, const struct weft_item *items, size_t n, size_t *ret_n)
{
    const char **ids = weft_arena_alloc(lane->batch_arena, n * sizeof *ids);
    *ret_n = 0;
    for (size_t i = 0; i < n; i++)
        if (items[i].suspect) ids[(*ret_n)++] = items[i].envelope.id;
    return ids;
}

void weft_batch_queue_clear(struct weft_lane *lane, weft_tx *tx, const struct weft_item *items, size_t n)
{
    size_t n_ids;
    const char **ids = suspect_ids(lane, items, n, &n_ids);
    if (n_ids == 0) return;
    const struct weft_value params[] = { weft_text(lane->consumer->options.group), weft_texts(ids, n_ids) };
    weft_tx_queue(tx, lane->consumer->store->dialect->marker_clear, params, 2);
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
    weft_batch_queue_clear(lane, tx, item, 1);
    weft_tx_commit(tx, &outcome);
    return weft_batch_ended(&outcome);
}

/* ---- markers ----------------------------------------------------------------------------------------------------- */

static void item_marked(struct weft_item *items, size_t n, const char *id, int64_t count)
{
    for (size_t i = 0; i < n; i++) {
        if (!items[i].suspect || strcmp(items[i].envelope.id, id) != 0) continue;
        items[i].alone |= count >= FAILED_MARKS_ALONE;
        items[i].crashed = count >= FAILED_MARKS_DEAD;
    }
}

/* One committed statement says of all that may have ended a process that they are under way again. */
enum weft_batch_end weft_batch_mark(struct weft_lane *lane, struct weft_item *items, size_t n)
{
    struct weft_consumer *consumer = lane->consumer;
    struct weft_tx_outcome outcome;
    const struct weft_rowset *rows;
    size_t n_ids;
    weft_arena_reset(lane->batch_arena);
    const char **ids = suspect_ids(lane, items, n, &n_ids);
    if (n_ids == 0) return WEFT_BATCH_COMMITTED;
    const struct weft_value params[] = { weft_text(consumer->options.group), weft_texts(ids, n_ids) };
    weft_tx *tx = weft_tx_new(lane->batch_arena, consumer->store, WEFT_SESSION_LANE,
                              weft_clock_ns() + consumer->options.deadline_ns, NULL);
    if (weft_tx_rows(tx, consumer->store->dialect->marker_add, params, 2, &rows) == WEFT_OK)
        for (uint32_t i = 0; i < rows->n_rows; i++) {
            const struct weft_value *columns = rows->values + (size_t)i * rows->n_columns;
            item_marked(items, n, columns[0].as.text, columns[1].as.integer);
        }
    weft_tx_commit(tx, &outcome);
    return weft_batch_ended(&outcome);
}
