/* event/relay/relay_publish.c - rows go to the transport, and come back completed. */
#include "event/relay/relay_state.h"

#include "base/clock.h"
#include "base/memory.h"
#include "observe/log.h"

#include <stdio.h>
#include <stdlib.h>

enum { PUBLISH_BATCH = 256 };
#define PUBLISH_PAUSE_FIRST_NS (20 * WEFT_MS)
#define PUBLISH_PAUSE_MOST_NS  (2 * WEFT_SECOND)
#define PUBLISH_BLOCKED_NS     WEFT_SECOND /* safety net, should ready() be missed */
#define PUBLISH_FLUSH_NS       (10 * WEFT_MS)

/* ---- completions: the plugin's thread ---------------------------------------------------------------------------- */

static bool completion_link(struct weft_relay *relay, const struct weft_completion *completion, uint64_t now)
{
    struct weft_window_row *row = (struct weft_window_row *)(void *)completion->operation;
    row->rc = completion->rc;
    row->completed = NULL;
    if (completion->rc == WEFT_RC_REFUSED) row->why = weft_memory_text(completion->text);
    if (relay->completed_last == NULL)
        relay->completed_first = row;
    else
        relay->completed_last->completed = row;
    relay->completed_last = row;
    if (completion->rc == WEFT_RC_OK && !row->live)
        weft_series_observe(relay->meter.confirm_seconds, now - row->sent_ns);
    return completion->rc == WEFT_RC_OK;
}

/* Good news can wait for company: `wake_at` says how much of it. Bad news cannot. */
void weft_relay_complete(struct weft_publish_sink *sink, const struct weft_completion *completions, size_t n)
{
    struct weft_relay *relay = (struct weft_relay *)(void *)sink;
    bool good = true;
    uint64_t now = weft_clock_ns();
    weft_series_add(relay->meter.inflight, -(int64_t)n);
    pthread_mutex_lock(&relay->mutex);
    for (size_t i = 0; i < n; i++)
        good &= completion_link(relay, &completions[i], now);
    relay->n_completed += (uint32_t)n;
    bool last = relay->left && relay->n_completed == weft_window_under_way(relay->window);
    relay->trouble |= !good;
    bool wake = relay->waiting && (!good || relay->n_completed >= relay->wake_at);
    pthread_mutex_unlock(&relay->mutex);
    if (last)
        weft_relay_free(relay);
    else if (wake)
        pthread_cond_signal(&relay->woken);
}

/* ---- completions: the relay's thread ----------------------------------------------------------------------------- */

static void row_confirmed(struct weft_relay *relay, struct weft_window_row *row)
{
    relay_count(&relay->counters.confirmed, 1);
    weft_relay_meter_count(&relay->meter, row, RELAY_CONFIRMED);
    if (weft_tap_is_open(relay->tap)) weft_tap_add(relay->tap, &row->publish.message);
    relay->publish_pause_ns = 0;
    relay->done[relay->n_done++] = row->id;
    if (row->probe && row->key != NULL) weft_relay_marks_add(&relay->release, row);
    if (row->probe) relay->probe_at_ns = 0; /* somebody listens again: on with the next */
    weft_window_remove(relay->window, row);
    if (row->live_topic != NULL && relay->holds)
        weft_window_add_live(relay->window, row);
    else
        weft_window_row_free(row);
}

static void row_warn(struct weft_relay *relay, const struct weft_window_row *row)
{
    const struct weft_message *message = &row->publish.message;
    const struct weft_log_fields fields = { .service = relay->store->service,
                                            .correlation_id = message->correlation_id,
                                            .event_id = message->id,
                                            .event_type = message->type };
    if (row->rc == WEFT_RC_REFUSED)
        weft_log_limited("relay-refused", WEFT_LOG_ERROR, "relay", &fields, "the transport refuses an event, held: %s",
                         row->why == NULL ? "no reason given" : row->why);
    else if (row->rc == WEFT_RC_TIMEOUT)
        weft_log_limited("relay-unconfirmed", WEFT_LOG_WARN, "relay", &fields,
                         "%s on %s is not confirmed in time: held and tried again, the others go on", message->type,
                         message->topic);
    else if (weft_relay_unheard_add(relay, message->type)) /* once a type, until nothing is held any more */
        weft_log(
            WEFT_LOG_WARN, "relay", &fields,
            "nobody listens to %s on %s with routing key %s: such events are held in the outbox until somebody does",
            message->type, message->topic, message->routing_key);
}

static enum relay_mark row_mark(const struct weft_window_row *row)
{
    return row->rc == WEFT_RC_REFUSED ? RELAY_REFUSED : row->rc == WEFT_RC_TIMEOUT ? RELAY_UNCONFIRMED : RELAY_UNROUTED;
}

/* It reached nobody, was refused, or is not confirmed: it and the later rows of its key are held, so that they take no
 * room from the others. A probe's rows are already. */
static void row_held(struct weft_relay *relay, struct weft_window_row *row)
{
    bool refused = row->rc != WEFT_RC_UNROUTED;
    relay_count(refused ? &relay->counters.refused : &relay->counters.unrouted, 1);
    weft_relay_meter_count(&relay->meter, row, refused ? RELAY_NOT_TAKEN : RELAY_NOT_ROUTED);
    if (!row->probe) {
        struct relay_marks *marks = &relay->marks[row_mark(row)];
        if (row->rc == WEFT_RC_REFUSED && row->why != NULL)
            snprintf(marks->reason, sizeof marks->reason, "refused by the transport: %s", row->why);
        weft_relay_marks_add(marks, row);
        row_warn(relay, row);
    }
    relay->held_loose |= row->key == NULL;
    weft_window_hold(relay->window, row);
}

/* Not gone, or perhaps: again, in order, unless it is one that will be tried later anyway. */
static bool row_again(struct weft_relay *relay, struct weft_window_row *row)
{
    relay_count(&relay->counters.again, 1);
    weft_relay_meter_count(&relay->meter, row, RELAY_AGAIN);
    if (row->probe || !relay->holds) {
        weft_window_remove(relay->window, row);
        weft_window_row_free(row);
        return false;
    }
    weft_window_again(relay->window, row);
    return true;
}

/* Returns whether it has to be published again. */
static bool row_completed(struct weft_relay *relay, struct weft_window_row *row)
{
    if (row->live) {
        weft_window_remove(relay->window, row);
        weft_window_row_free(row);
        return false;
    }
    switch (row->rc) {
    case WEFT_RC_OK:
        row_confirmed(relay, row);
        return false;
    case WEFT_RC_UNROUTED:
    case WEFT_RC_REFUSED:
    case WEFT_RC_TIMEOUT:
        if (!relay->holds) return row_again(relay, row);
        row_held(relay, row);
        return false;
    default:
        return row_again(relay, row);
    }
}

static void publish_pause(struct weft_relay *relay)
{
    uint64_t pause = relay->publish_pause_ns == 0 ? PUBLISH_PAUSE_FIRST_NS : relay->publish_pause_ns * 2;
    relay->publish_pause_ns = relay_sooner(pause, PUBLISH_PAUSE_MOST_NS);
    relay->publish_at_ns = weft_clock_ns() + relay->publish_pause_ns;
}

void weft_relay_collect(struct weft_relay *relay)
{
    pthread_mutex_lock(&relay->mutex);
    struct weft_window_row *row = relay->completed_first;
    relay->completed_first = relay->completed_last = NULL;
    relay->n_completed = 0;
    bool ready = relay->ready;
    relay->ready = relay->trouble = false;
    pthread_mutex_unlock(&relay->mutex);
    bool again = false;
    for (struct weft_window_row *next; row != NULL; row = next) {
        next = row->completed;
        again |= row_completed(relay, row);
    }
    if (again) publish_pause(relay);
    if (!ready) return;
    relay->blocked = false;
    relay->publish_at_ns = 0;
}

/* ---- publishing -------------------------------------------------------------------------------------------------- */

static bool publish_batch(struct weft_relay *relay, uint64_t now)
{
    const struct weft_publish *operations[PUBLISH_BATCH];
    size_t n = weft_window_ready(relay->window, operations, PUBLISH_BATCH);
    if (n == 0) return false;
    if (weft_window_under_way(relay->window) == 0 && relay->n_done == 0)
        relay->flush_at_ns = weft_clock_ns() + PUBLISH_FLUSH_NS;
    for (size_t i = 0; i < n; i++) /* before: what is taken may complete meanwhile */
        ((struct weft_window_row *)(uintptr_t)operations[i])->sent_ns = now;
    weft_series_add(relay->meter.inflight, (int64_t)n);
    size_t taken = weft_transport_publish(relay->transport, operations, n);
    weft_series_add(relay->meter.inflight, (int64_t)taken - (int64_t)n);
    weft_window_sent(relay->window, taken);
    relay_count(&relay->counters.published, taken);
    if (taken == n) return true;
    relay->blocked = true;
    relay->publish_at_ns = weft_clock_ns() + PUBLISH_BLOCKED_NS;
    return false;
}

/* Only while the lease is ours by our own clock, which began to count before the database's did. */
void weft_relay_publish(struct weft_relay *relay)
{
    uint64_t now = weft_clock_ns();
    if (!relay->holds || now < relay->publish_at_ns || !weft_window_has_ready(relay->window)) return;
    if (now >= relay->lease_until_ns) {
        weft_relay_lose(relay, "the lease could not be renewed in time");
        return;
    }
    while (publish_batch(relay, now)) {
    }
}

uint64_t weft_relay_publish_due(const struct weft_relay *relay)
{
    return relay->holds && weft_window_has_ready(relay->window) ? relay->publish_at_ns : WEFT_NEVER;
}
