/* event/direct/flight.c - events go to the transport, and come back completed.
 *
 * Many are under way at a time, in order. Once one comes back unconfirmed nothing more is sent until all have come
 * back, so that they go again in their order; what the broker had taken of them it then gets twice. */
#include "event/direct/direct_state.h"

#include "base/clock.h"
#include "observe/log.h"

#include <stdlib.h>

enum { FLIGHT_MOST = 256 };
#define FLIGHT_PAUSE_FIRST_NS (20 * WEFT_MS)
#define FLIGHT_PAUSE_MOST_NS  WEFT_SECOND
#define FLIGHT_BLOCKED_NS     (200 * WEFT_MS) /* so long full is as good as away */

/* ---- completions: the plugin's thread ---------------------------------------------------------------------------- */

void weft_direct_complete(struct weft_publish_sink *sink, const struct weft_completion *completions, size_t n)
{
    struct weft_direct *direct = (struct weft_direct *)(void *)sink;
    pthread_mutex_lock(&direct->mutex);
    for (size_t i = 0; i < n; i++) {
        struct weft_direct_event *event = (struct weft_direct_event *)(uintptr_t)completions[i].operation;
        event->rc = completions[i].rc;
        event->completed = direct->completed;
        direct->completed = event;
    }
    direct->n_out -= (int64_t)n;
    bool last = direct->left && direct->n_out == 0, wake = direct->waiting;
    pthread_mutex_unlock(&direct->mutex);
    if (last)
        weft_direct_free(direct);
    else if (wake)
        pthread_cond_signal(&direct->woken);
}

/* ---- completions: our thread ------------------------------------------------------------------------------------- */

static void event_warn(const struct weft_direct *direct, const struct weft_direct_event *event)
{
    const struct weft_message *message = &event->publish.message;
    const struct weft_log_fields fields = { .service = direct->service,
                                            .correlation_id = message->correlation_id,
                                            .event_id = message->id,
                                            .event_type = message->type };
    if (event->rc == WEFT_RC_REFUSED)
        weft_log_limited("direct-refused", WEFT_LOG_ERROR, "direct", &fields, "the transport refuses a direct event");
    else
        weft_log_limited("direct-unrouted", WEFT_LOG_WARN, "direct", &fields,
                         "nobody listens to %s with routing key %s: the direct event is gone", message->topic,
                         message->routing_key);
}

/* What becomes of an event that has completed. True: it is to go again, and keeps its place until the others are back.
 */
static bool event_settle(struct weft_direct *direct, struct weft_direct_event *event)
{
    struct weft_direct_counters *counters = &direct->counters;
    switch (event->rc) {
    case WEFT_RC_OK:
        direct_count(&counters->confirmed, 1);
        if (weft_tap_is_open(direct->tap)) weft_tap_add(direct->tap, &event->publish.message);
        direct->publish_pause_ns = 0;
        break;
    case WEFT_RC_UNROUTED:
    case WEFT_RC_REFUSED:
        direct_count(event->rc == WEFT_RC_REFUSED ? &counters->refused : &counters->unrouted, 1);
        event_warn(direct, event);
        break;
    default:
        return true;
    }
    free(event);
    return false;
}

static void flying_sweep(struct weft_direct *direct)
{
    struct weft_direct_list flying = direct->flying;
    direct->flying = (struct weft_direct_list){ 0 };
    direct->n_failed = 0;
    for (struct weft_direct_event *event; (event = weft_direct_list_take(&flying)) != NULL;) {
        if (event->settled && !event_settle(direct, event)) continue;
        direct->n_failed += event->settled;
        weft_direct_list_add(&direct->flying, event);
    }
}

/* Where those that go come from. */
static struct weft_direct_list *publish_source(struct weft_direct *direct)
{
    return direct->behind ? &direct->claimed : &direct->pending;
}

/* All have come back: those that were not confirmed are the first to go again. */
static void flying_return(struct weft_direct *direct)
{
    if (direct->n_failed == 0 || direct->n_failed != direct->flying.n) return;
    uint64_t pause = direct->publish_pause_ns == 0 ? FLIGHT_PAUSE_FIRST_NS : direct->publish_pause_ns * 2;
    direct->publish_pause_ns = direct_sooner(pause, FLIGHT_PAUSE_MOST_NS);
    direct->publish_at_ns = weft_clock_ns() + direct->publish_pause_ns;
    direct_count(&direct->counters.again, direct->n_failed);
    direct->n_failed = 0;
    for (struct weft_direct_event *event = direct->flying.first; event != NULL; event = event->next)
        event->settled = false;
    weft_direct_list_prepend(publish_source(direct), &direct->flying);
    weft_direct_go_behind(direct, "the transport lost some that were under way");
}

void weft_direct_collect(struct weft_direct *direct)
{
    pthread_mutex_lock(&direct->mutex);
    weft_direct_list_append(&direct->pending, &direct->fresh);
    direct->n_waiting = direct->pending.n;
    direct->bytes_waiting = direct->pending.bytes;
    struct weft_direct_event *completed = direct->completed;
    direct->completed = NULL;
    bool ready = direct->ready;
    direct->ready = false;
    pthread_mutex_unlock(&direct->mutex);
    bool any = completed != NULL;
    for (; completed != NULL; completed = completed->completed)
        completed->settled = true;
    if (any) {
        flying_sweep(direct);
        flying_return(direct);
    }
    if (!ready) return;
    direct->blocked = false;
    direct->publish_at_ns = 0;
}

/* ---- publishing -------------------------------------------------------------------------------------------------- */

static void publish_taken(struct weft_direct *direct, size_t n)
{
    struct weft_direct_list *source = publish_source(direct);
    for (size_t i = 0; i < n; i++)
        weft_direct_list_add(&direct->flying, weft_direct_list_take(source));
    pthread_mutex_lock(&direct->mutex);
    direct->n_out += (int64_t)n;
    pthread_mutex_unlock(&direct->mutex);
}

/* Full or away, which the transport does not tell: if it still is the next time, it is as good as away. */
static void publish_blocked(struct weft_direct *direct, size_t taken)
{
    direct->publish_at_ns = weft_clock_ns() + FLIGHT_BLOCKED_NS;
    if (direct->blocked && taken == 0 && direct->flying.n == 0) weft_direct_go_behind(direct, "the transport is away");
    direct->blocked = true;
}

uint64_t weft_direct_publish_due(const struct weft_direct *direct)
{
    const struct weft_direct_list *source = direct->behind ? &direct->claimed : &direct->pending;
    bool may = source->n != 0 && direct->n_failed == 0 && direct->flying.n < FLIGHT_MOST;
    if (direct->behind && weft_clock_ns() >= direct->claimed_until_ns) may = false; /* perhaps another's by now */
    return may ? direct->publish_at_ns : WEFT_NEVER;
}

void weft_direct_publish(struct weft_direct *direct)
{
    const struct weft_publish *operations[FLIGHT_MOST];
    size_t n = 0, room = FLIGHT_MOST - direct->flying.n;
    if (weft_direct_publish_due(direct) > weft_clock_ns()) return;
    for (struct weft_direct_event *event = publish_source(direct)->first; event != NULL && n < room;
         event = event->next) {
        event->publish.host_data = &direct->sink;
        operations[n++] = &event->publish;
    }
    if (n == 0) return;
    size_t taken = weft_transport_publish(direct->transport, operations, n);
    publish_taken(direct, taken);
    if (taken < n)
        publish_blocked(direct, taken);
    else
        direct->blocked = false;
}
