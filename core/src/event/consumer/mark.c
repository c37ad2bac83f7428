/* event/consumer/mark.c - markers of events that may have ended a process.
 *
 * An event that comes again was perhaps under way when its process ended, with its whole batch. The first time one
 * committed statement marks all of them, and they run together as ever. Who comes again with a marker runs alone, and
 * the marker is counted up before each run: so only the event that was running when the process ended counts, and no
 * neighbour. An outcome removes the marker in its own transaction. */
#include "event/consumer/consumer_state.h"

#include "base/clock.h"
#include "data/tx.h"

#include <string.h>

enum { MARK_MOST = 3 }; /* runs without an outcome; the next one would be the fourth */

static const char **marked_ids(struct weft_lane *lane, const struct weft_item *items, size_t n, size_t *ret_n)
{
    const char **ids = weft_arena_alloc(lane->batch_arena, n * sizeof *ids);
    *ret_n = 0;
    for (size_t i = 0; i < n; i++)
        if (items[i].suspect) ids[(*ret_n)++] = items[i].mark;
    return ids;
}

static weft_tx *mark_tx(struct weft_lane *lane)
{
    weft_arena_reset(lane->batch_arena);
    return weft_tx_new(lane->batch_arena, lane->consumer->store, WEFT_SESSION_LANE,
                       weft_clock_ns() + lane->consumer->options.deadline_ns, NULL);
}

static void items_run_alone(struct weft_item *items, size_t n, const struct weft_rowset *marked)
{
    for (uint32_t row = 0; row < marked->n_rows; row++)
        for (size_t i = 0; i < n; i++)
            if (items[i].suspect && strcmp(items[i].mark, marked->values[(size_t)row * marked->n_columns].as.text) == 0)
                items[i].alone = true;
}

enum weft_batch_end weft_mark_first(struct weft_lane *lane, struct weft_item *items, size_t n)
{
    const struct weft_dialect *dialect = lane->consumer->store->dialect;
    struct weft_tx_outcome outcome;
    const struct weft_rowset *sets;
    size_t n_ids;
    weft_tx *tx = mark_tx(lane);
    const char **ids = marked_ids(lane, items, n, &n_ids);
    if (n_ids == 0) return WEFT_BATCH_COMMITTED; /* the transaction is empty and holds nothing */
    const struct weft_value params[] = { weft_text(lane->consumer->options.group), weft_texts(ids, n_ids) };
    const struct weft_statement both[] = { { dialect->marker_list, params, 2, 0 },
                                           { dialect->marker_first, params, 2, 0 } };
    if (weft_tx_read(tx, both, 2, &sets) == WEFT_OK) items_run_alone(items, n, &sets[0]);
    weft_tx_commit(tx, &outcome);
    return weft_batch_ended(&outcome);
}

enum weft_batch_end weft_mark_again(struct weft_lane *lane, struct weft_item *item)
{
    struct weft_tx_outcome outcome;
    const struct weft_rowset *rows;
    const char *id = item->mark;
    const struct weft_value params[] = { weft_text(lane->consumer->options.group), weft_texts(&id, 1) };
    if (!item->suspect) return WEFT_BATCH_COMMITTED;
    weft_tx *tx = mark_tx(lane);
    if (weft_tx_rows(tx, lane->consumer->store->dialect->marker_add, params, 2, &rows) == WEFT_OK && rows->n_rows == 1)
        item->crashed = rows->values[1].as.integer > MARK_MOST;
    if (item->crashed) item->attempt += MARK_MOST - 1;
    weft_tx_commit(tx, &outcome);
    return weft_batch_ended(&outcome);
}

void weft_mark_queue_clear(struct weft_lane *lane, weft_tx *tx, const struct weft_item *items, size_t n)
{
    size_t n_ids;
    const char **ids = marked_ids(lane, items, n, &n_ids);
    if (n_ids == 0) return;
    const struct weft_value params[] = { weft_text(lane->consumer->options.group), weft_texts(ids, n_ids) };
    weft_tx_queue(tx, lane->consumer->store->dialect->marker_clear, params, 2);
}
