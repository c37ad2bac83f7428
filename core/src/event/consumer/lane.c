/* event/consumer/lane.c - a lane's thread: takes what is there, up to a batch, and brings it to an end.
 *
 * There is no timer: a lone event is handled at once, and while a batch is under way the next one gathers. */
#include "event/consumer/consumer_state.h"

#include "base/clock.h"
#include "base/memory.h"
#include "observe/log.h"

#include <stdlib.h>
#include <string.h>

enum {
    LANE_ARENA_BYTES = 64 << 10,
    LANE_TANGLED_SPLIT = 3, /* deadlocks in a row after which a batch is halved */
    LANE_TANGLED_MOST = 20, /* and after which a lone event has had an attempt */
    LANE_DUE_AT_ONCE = 8    /* parked rows between two batches */
};
#define LANE_IDLE_NS        (10 * WEFT_SECOND)
#define LANE_PAUSE_FIRST_NS (10 * WEFT_MS)
#define LANE_PAUSE_MOST_NS  (5 * WEFT_SECOND)

/* ---- waiting for the store --------------------------------------------------------------------------------------- */

/* Longer each time. False: the consumer stops. */
static bool lane_pause(struct weft_lane *lane, uint32_t tries)
{
    struct weft_consumer *consumer = lane->consumer;
    uint64_t pause = LANE_PAUSE_FIRST_NS << (tries < 9 ? tries : 9);
    if (pause > LANE_PAUSE_MOST_NS) pause = LANE_PAUSE_MOST_NS;
    struct timespec until = weft_clock_timespec(weft_clock_ns() + pause);
    weft_consumer_count(&consumer->counters.paused);
    weft_series_add(consumer->meter.pauses, 1);
    weft_consumer_set_waiting(consumer, true);
    pthread_mutex_lock(&consumer->mutex);
    int ended = 0;
    while (!weft_consumer_is_stopping(consumer) && ended == 0)
        ended = pthread_cond_clockwait(&consumer->changed, &consumer->mutex, CLOCK_MONOTONIC, &until);
    pthread_mutex_unlock(&consumer->mutex);
    return !weft_consumer_is_stopping(consumer);
}

/* ---- settling ---------------------------------------------------------------------------------------------------- */

static void lane_settle(struct weft_lane *lane, const struct weft_item *items, size_t n, uint32_t verdict)
{
    size_t n_settles = 0;
    for (size_t i = 0; i < n; i++) {
        weft_item_told(lane, &items[i]);
        if (items[i].result == WEFT_ITEM_PARKED) weft_due_hint(lane->consumer, items[i].due_us);
        if (items[i].delivery == NULL) continue;
        lane->settles[n_settles++] = (struct weft_settle){ .delivery = items[i].delivery, .verdict = verdict };
    }
    weft_series_add(lane->consumer->meter.inflight, -(int64_t)n_settles);
    weft_transport_settle(lane->consumer->transport, &lane->consumer->sink, lane->settles, n_settles);
}

/* Its row cannot be written whatever we try: the broker's dead-letter queue, if there is one, is the last place left.
 */
static void lane_give_up(struct weft_lane *lane, struct weft_item *item)
{
    item->result = WEFT_ITEM_DEAD;
    lane_settle(lane, item, 1, WEFT_VERDICT_DEAD);
}

/* False: the consumer stops, the item is still open. */
static bool lane_park(struct weft_lane *lane, struct weft_item *item)
{
    for (uint32_t tries = 0;; tries++) {
        enum weft_batch_end end = weft_batch_park(lane, item);
        if (end == WEFT_BATCH_COMMITTED) {
            lane_settle(lane, item, 1, WEFT_VERDICT_ACK);
            return true;
        }
        if (end == WEFT_BATCH_BLAMED) {
            lane_give_up(lane, item);
            return true;
        }
        item->result = WEFT_ITEM_OPEN;
        if (!lane_pause(lane, tries)) return false;
    }
}

/* ---- batches ----------------------------------------------------------------------------------------------------- */

/* How far a transaction that begins at `from` reaches. */
static size_t lane_reach(const struct weft_lane *lane, size_t from)
{
    size_t to = from;
    if (lane->consumer->options.external_effects || lane->items[from].alone) return from + 1;
    while (to < lane->n_items && !lane->items[to].alone)
        to++;
    return to;
}

/* A batch that did not commit: less of it, a pause, or, if it is one event's fault, its row. False: the consumer stops.
 */
static bool lane_after(struct weft_lane *lane, enum weft_batch_end end, size_t from, size_t *to, uint32_t tries)
{
    bool lone = *to - from == 1;
    if (lone && (end == WEFT_BATCH_BLAMED || end == WEFT_BATCH_LATE ||
                 (end == WEFT_BATCH_TANGLED && tries >= LANE_TANGLED_MOST)))
        return lane_park(lane, &lane->items[from]);
    if (end == WEFT_BATCH_BLAMED) {
        *to = lane_reach(lane, from);
        return true;
    }
    if (!lone && (end == WEFT_BATCH_LATE || (end == WEFT_BATCH_TANGLED && tries >= LANE_TANGLED_SPLIT)))
        *to = from + (*to - from) / 2;
    return lane_pause(lane, tries);
}

static void items_open(struct weft_item *items, size_t n)
{
    for (size_t i = 0; i < n; i++)
        items[i].result = WEFT_ITEM_OPEN;
}

static bool lane_mark_first(struct weft_lane *lane)
{
    for (uint32_t tries = 0; weft_mark_first(lane, lane->items, lane->n_items) != WEFT_BATCH_COMMITTED; tries++)
        if (!lane_pause(lane, tries)) return false;
    return true;
}

/* Before an event runs alone that may have ended a process. */
static bool lane_mark_again(struct weft_lane *lane, struct weft_item *item)
{
    for (uint32_t tries = 0; weft_mark_again(lane, item) != WEFT_BATCH_COMMITTED; tries++)
        if (!lane_pause(lane, tries)) return false;
    return true;
}

/* Brings all items to an end, in order. False: the consumer stops, some are open. */
static bool lane_run(struct weft_lane *lane)
{
    uint32_t tries = 0;
    for (size_t from = 0, to = 0; from < lane->n_items;) {
        size_t blamed = 0;
        if (lane->items[from].tried) { /* those before it have committed; it has had its attempt */
            lane->items[from].tried = false;
            if (!lane_park(lane, &lane->items[from++])) return false;
            tries = 0;
            continue;
        }
        if (to <= from) to = lane_reach(lane, from);
        if (tries == 0 && lane->items[from].alone && !lane_mark_again(lane, &lane->items[from])) return false;
        enum weft_batch_end end = weft_batch_run(lane, lane->items + from, to - from, &blamed);
        if (end == WEFT_BATCH_COMMITTED) {
            lane_settle(lane, lane->items + from, to - from, WEFT_VERDICT_ACK);
            from = to;
            tries = 0;
            continue;
        }
        items_open(lane->items + from, to - from);
        if (end == WEFT_BATCH_BLAMED) lane->items[from + blamed].alone = true;
        if (!lane_after(lane, end, from, &to, tries++)) return false;
        if (lane->items[from].result != WEFT_ITEM_OPEN) from = to;
        if (weft_consumer_is_stopping(lane->consumer)) return from >= lane->n_items;
    }
    return true;
}

/* ---- broadcast, and services without a store --------------------------------------------------------------------- */

static void lane_run_plain(struct weft_lane *lane)
{
    bool broadcast = lane->consumer->options.broadcast;
    for (size_t i = 0; i < lane->n_items; i++) {
        struct weft_item *item = &lane->items[i];
        weft_arena_reset(lane->batch_arena);
        bool ok = weft_item_handle(lane, NULL, item) == WEFT_OK;
        item->result = ok ? WEFT_ITEM_HANDLED : WEFT_ITEM_DEAD;
        lane_settle(lane, item, 1, ok || broadcast ? WEFT_VERDICT_ACK : WEFT_VERDICT_DEAD);
    }
}

/* ---- the thread -------------------------------------------------------------------------------------------------- */

static bool delivery_is_suspect(const struct weft_delivery *delivery)
{
    return (delivery->flags & WEFT_DELIVERY_REDELIVERED) != 0 || delivery->count > 0;
}

/* Those without a handler end here; the others are the round's items. */
static void lane_read(struct weft_lane *lane, size_t n)
{
    lane->n_items = 0;
    for (size_t i = 0; i < n; i++) {
        const struct weft_delivery *delivery = lane->taken[i];
        struct weft_item *item = &lane->items[lane->n_items];
        *item = (struct weft_item){ .delivery = delivery, .message = &delivery->message, .cut = delivery->cut };
        weft_item_read(lane, item);
        item->suspect = delivery_is_suspect(delivery);
        if (item->suspect) weft_item_set_mark(item);
        /* What is too large may have lost its type on the way: it is no event of others that we pass over. */
        if (item->handler != NULL || (item->cut != NULL && item->envelope.type[0] == '\0')) {
            lane->n_items++;
            continue;
        }
        item->result = WEFT_ITEM_UNKNOWN;
        lane_settle(lane, item, 1, WEFT_VERDICT_ACK);
    }
}

static void lane_round(struct weft_lane *lane, size_t n)
{
    weft_arena_reset(lane->arena);
    lane_read(lane, n);
    if (lane->consumer->plain)
        lane_run_plain(lane);
    else if (!lane_mark_first(lane) || !lane_run(lane))
        return; /* stopping: what is open is given back */
    lane->n_items = 0;
}

/* Claiming a due row commits a marker first: should the handler end the process, the next claim knows. */
static void lane_due(struct weft_lane *lane, struct weft_parked *parked)
{
    struct weft_item *item = &lane->items[0];
    weft_arena_reset(lane->arena);
    *item = (struct weft_item){ .parked = parked,
                                .message = &parked->message,
                                .cut = parked->cut.payload_size > 0 ? &parked->cut : NULL,
                                .suspect = true,
                                .alone = true };
    lane->n_items = 1;
    weft_item_read(lane, item);
    weft_item_set_mark(item);
    if (item->handler != NULL) {
        lane_run(lane);
    } else {
        weft_item_refuse(item, "unhandled: there is no handler for its type any more");
        lane_park(lane, item);
    }
    lane->n_items = 0;
    weft_parked_free(parked);
    weft_due_returned(lane->consumer);
}

static void *lane_main(void *arg)
{
    struct weft_lane *lane = arg;
    struct weft_consumer *consumer = lane->consumer;
    while (!weft_consumer_is_stopping(consumer)) {
        void *due[LANE_DUE_AT_ONCE];
        size_t n_due = weft_mailbox_take(lane->due, due, LANE_DUE_AT_ONCE, 0);
        for (size_t i = 0; i < n_due; i++)
            lane_due(lane, due[i]);
        uint64_t until = n_due > 0 ? 0 : weft_clock_ns() + LANE_IDLE_NS;
        size_t n = weft_mailbox_take(lane->deliveries, lane->taken, consumer->options.batch, until);
        if (n > 0) lane_round(lane, n);
    }
    return NULL;
}

/* ---- its life ---------------------------------------------------------------------------------------------------- */

bool weft_lane_start(struct weft_lane *lane, struct weft_consumer *consumer)
{
    size_t batch = consumer->options.batch;
    *lane = (struct weft_lane){ .consumer = consumer,
                                .deliveries = weft_mailbox_new(batch),
                                .due = weft_mailbox_new(LANE_DUE_AT_ONCE),
                                .arena = weft_arena_new(LANE_ARENA_BYTES),
                                .batch_arena = weft_arena_new(LANE_ARENA_BYTES),
                                .items = weft_memory_zeroed(batch, sizeof *lane->items),
                                .taken = weft_memory_zeroed(batch, sizeof *lane->taken),
                                .settles = weft_memory_zeroed(batch, sizeof *lane->settles) };
    lane->started = pthread_create(&lane->thread, NULL, lane_main, lane) == 0;
    return lane->started;
}

void weft_lane_join(struct weft_lane *lane)
{
    if (!lane->started) return;
    weft_mailbox_wake(lane->deliveries);
    pthread_join(lane->thread, NULL);
    lane->started = false;
}

static void lane_requeue(struct weft_lane *lane, const struct weft_delivery *delivery)
{
    const struct weft_settle settle = { .delivery = delivery, .verdict = WEFT_VERDICT_REQUEUE };
    weft_series_add(lane->consumer->meter.inflight, -1);
    weft_transport_settle(lane->consumer->transport, &lane->consumer->sink, &settle, 1);
}

void weft_lane_return(struct weft_lane *lane)
{
    void *next;
    if (lane->deliveries == NULL) return;
    for (size_t i = 0; i < lane->n_items; i++)
        if (lane->items[i].result == WEFT_ITEM_OPEN && lane->items[i].delivery != NULL)
            lane_requeue(lane, lane->items[i].delivery);
    lane->n_items = 0;
    while (weft_mailbox_take(lane->deliveries, &next, 1, 0) == 1)
        lane_requeue(lane, next);
    while (weft_mailbox_take(lane->due, &next, 1, 0) == 1)
        weft_parked_free(next);
}

void weft_lane_free(struct weft_lane *lane)
{
    if (lane->deliveries == NULL) return;
    weft_mailbox_free(lane->deliveries);
    weft_mailbox_free(lane->due);
    weft_arena_free(lane->arena);
    weft_arena_free(lane->batch_arena);
    free(lane->items);
    free(lane->taken);
    free(lane->settles);
}
