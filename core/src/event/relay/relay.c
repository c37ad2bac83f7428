/* event/relay/relay.c - the life of a relay: its thread, what wakes it, how it ends.
 *
 * The thread goes round: take what completed, publish what is ready, make a round trip to the store if one is due, else
 * wait for the first thing that is. It is woken by a commit in this process (once, however many follow before it
 * looks), by a notice of another process, by completions and by room in the plugin; a poll is the safety net.
 */
#include "event/relay/relay_state.h"

#include "base/clock.h"
#include "base/memory.h"
#include "observe/log.h"

#include <stdlib.h>

enum { RELAY_WINDOW = 1000, RELAY_BATCH = 200, RELAY_ROWS_A_KEY = 32 };
#define RELAY_POLL_NS       WEFT_SECOND
#define RELAY_POLL_BLIND_NS (500 * WEFT_MS) /* others may write, and cannot tell us */
#define RELAY_LEASE_NS      (3 * WEFT_SECOND)

/* ---- what wakes it: any thread ----------------------------------------------------------------------------------- */

void weft_relay_wake(struct weft_relay *relay)
{
    if (__atomic_exchange_n(&relay->dirty, 1, __ATOMIC_SEQ_CST) != 0) return;
    pthread_mutex_lock(&relay->mutex);
    bool waiting = relay->waiting;
    pthread_mutex_unlock(&relay->mutex);
    if (waiting) pthread_cond_signal(&relay->woken);
}

static void relay_on_outbox(void *arg)
{
    weft_relay_wake(arg);
}

static void relay_ready(struct weft_publish_sink *sink)
{
    struct weft_relay *relay = (struct weft_relay *)(void *)sink;
    pthread_mutex_lock(&relay->mutex);
    relay->ready = true;
    bool waiting = relay->waiting;
    pthread_mutex_unlock(&relay->mutex);
    if (waiting) pthread_cond_signal(&relay->woken);
}

/* ---- waiting ----------------------------------------------------------------------------------------------------- */

/* How many completions are worth a wake-up. With rows behind the ones under way each one is; with a backlog it is half
 * a batch; else they can wait for the next claim, or until they have waited long enough. */
static uint32_t relay_wake_at(const struct weft_relay *relay, uint64_t now)
{
    uint32_t under_way = weft_window_under_way(relay->window), half = relay->batch / 2 + 1;
    if (weft_window_waiting(relay->window) > 0 || weft_window_held(relay->window) > 0 || relay->stopping) return 1;
    if (relay->backlog) return under_way < half ? under_way : half;
    return now < relay->flush_at_ns ? half : 1;
}

static uint64_t relay_due(struct weft_relay *relay, uint64_t now)
{
    uint64_t due = relay_sooner(weft_relay_publish_due(relay), weft_relay_trip_due(relay));
    if (weft_window_under_way(relay->window) > 0 && now < relay->flush_at_ns)
        due = relay_sooner(due, relay->flush_at_ns);
    return due;
}

/* Has anything happened that a wait would sleep through? With the mutex. */
static bool relay_is_woken(const struct weft_relay *relay, uint32_t dirty)
{
    return relay->ready || relay->trouble || relay->stopping != relay->draining ||
           relay->n_completed >= relay->wake_at || __atomic_load_n(&relay->dirty, __ATOMIC_SEQ_CST) != dirty;
}

static void relay_wait(struct weft_relay *relay)
{
    uint32_t dirty = __atomic_load_n(&relay->dirty, __ATOMIC_SEQ_CST);
    uint64_t now = weft_clock_ns(), due = relay_due(relay, now);
    if (due <= now) return;
    pthread_mutex_lock(&relay->mutex);
    if (relay->stopping) due = relay_sooner(due, relay->stop_ns);
    relay->wake_at = relay_wake_at(relay, now);
    relay->waiting = true;
    struct timespec until = weft_clock_timespec(due);
    if (!relay_is_woken(relay, dirty)) pthread_cond_clockwait(&relay->woken, &relay->mutex, CLOCK_MONOTONIC, &until);
    relay->waiting = false;
    pthread_mutex_unlock(&relay->mutex);
}

/* ---- the thread -------------------------------------------------------------------------------------------------- */

/* Nothing left to pass on: what is under way in a transport that keeps nothing has no confirm to wait for, since those
 * who would give it have stopped before us. */
static bool relay_is_empty(const struct weft_relay *relay)
{
    bool durable = (weft_transport_caps(relay->transport) & WEFT_TRANSPORT_DURABLE) != 0;
    if (!relay->emptied || relay->backlog || __atomic_load_n(&relay->dirty, __ATOMIC_SEQ_CST) != 0) return false;
    if (weft_window_has_ready(relay->window)) return false;
    return durable ? weft_window_known(relay->window) == 0 : true;
}

static bool relay_is_over(struct weft_relay *relay)
{
    pthread_mutex_lock(&relay->mutex);
    bool began = relay->stopping && !relay->draining;
    relay->draining = relay->stopping;
    uint64_t stop_ns = relay->stop_ns;
    pthread_mutex_unlock(&relay->mutex);
    if (!relay->draining) return false;
    if (began) {
        relay->backlog = true; /* one more look */
        relay->emptied = false;
    }
    return weft_clock_ns() >= stop_ns || !relay->holds || relay_is_empty(relay);
}

static void *relay_main(void *arg)
{
    struct weft_relay *relay = arg;
    for (;;) {
        weft_relay_collect(relay);
        if (relay_is_over(relay)) break;
        weft_relay_publish(relay);
        if (weft_relay_trip_due(relay) <= weft_clock_ns())
            weft_relay_trip(relay);
        else
            relay_wait(relay);
    }
    weft_relay_collect(relay);
    weft_relay_give_back(relay);
    return NULL;
}

/* ---- its life ---------------------------------------------------------------------------------------------------- */

static void relay_options(struct weft_relay *relay, const struct weft_relay_options *options)
{
    uint32_t caps = relay->store->ops->caps;
    bool blind = (caps & WEFT_STORE_SHARED) != 0 && (caps & WEFT_STORE_NOTIFY) == 0;
    relay->registry = options->registry;
    relay->tap = options->tap;
    weft_relay_meter_init(&relay->meter, options->metrics, relay->store->service);
    relay->instance = weft_memory_text(options->instance);
    relay->capacity = options->window == 0 ? RELAY_WINDOW : options->window;
    relay->batch = options->batch == 0 ? RELAY_BATCH : options->batch;
    if (relay->batch > relay->capacity) relay->batch = relay->capacity;
    relay->poll_ns = options->poll_ns != 0 ? options->poll_ns : blind ? RELAY_POLL_BLIND_NS : RELAY_POLL_NS;
    relay->lease_ns = options->lease_ns == 0 ? RELAY_LEASE_NS : options->lease_ns;
    relay->locks = (caps & WEFT_STORE_LOCK) != 0;
}

static void relay_memory(struct weft_relay *relay)
{
    static const char *const reasons[RELAY_MARKS] = {
        [RELAY_UNROUTED] = "unrouted: no queue is bound to it",
        [RELAY_REFUSED] = "refused by the transport",
        [RELAY_UNCONFIRMED] = "not confirmed in time: a queue that it goes to does not answer",
        [RELAY_BEHIND] = "behind a held event of its key",
    };
    size_t most = (size_t)relay->capacity + relay->batch + RELAY_PROBES;
    relay->window = weft_window_new(relay->capacity + RELAY_PROBES, RELAY_ROWS_A_KEY);
    relay->done = weft_memory_zeroed(most, sizeof *relay->done);
    relay->ids = weft_memory_zeroed(most, sizeof *relay->ids);
    relay->busy = weft_memory_zeroed(most, sizeof(char *));
    for (size_t i = 0; i < RELAY_MARKS; i++)
        relay->marks[i] = weft_relay_marks_new(most, reasons[i]);
    relay->release = weft_relay_marks_new(most, "");
}

void weft_relay_free(struct weft_relay *relay)
{
    for (size_t i = 0; i < RELAY_MARKS; i++)
        weft_relay_marks_free(&relay->marks[i]);
    weft_relay_marks_free(&relay->release);
    weft_relay_unheard_clear(relay);
    weft_window_free(relay->window);
    free(relay->done);
    free(relay->ids);
    free(relay->busy);
    free(relay->instance);
    weft_relay_meter_free(&relay->meter);
    pthread_cond_destroy(&relay->woken);
    pthread_mutex_destroy(&relay->mutex);
    free(relay);
}

weft_status weft_relay_start(struct weft_store *store, struct weft_transport *transport,
                             const struct weft_relay_options *options, struct weft_relay **ret_relay,
                             struct weft_fault *ret_fault)
{
    struct weft_relay *relay = weft_memory_zeroed(1, sizeof *relay);
    relay->sink = (struct weft_publish_sink){ weft_relay_complete, relay_ready };
    relay->store = store;
    relay->transport = transport;
    relay->since_us = weft_clock_wall_us();
    relay_options(relay, options);
    relay_memory(relay);
    pthread_mutex_init(&relay->mutex, NULL);
    pthread_cond_init(&relay->woken, NULL);
    __atomic_store_n(&store->notify_others, 1, __ATOMIC_RELAXED);
    if ((store->ops->caps & WEFT_STORE_NOTIFY) != 0)
        relay->listener = weft_listener_start(store, WEFT_OUTBOX_CHANNEL, relay_on_outbox, relay);
    weft_transport_add_sink(transport, &relay->sink);
    if (pthread_create(&relay->thread, NULL, relay_main, relay) != 0) {
        weft_transport_remove_sink(transport, &relay->sink);
        weft_listener_stop(relay->listener);
        weft_relay_free(relay);
        return weft_fault_set(ret_fault, WEFT_RESOURCE_EXHAUSTED, "no thread for the relay of %s", store->service);
    }
    store->on_outbox_arg = relay;
    store->on_outbox = relay_on_outbox;
    *ret_relay = relay;
    return WEFT_OK;
}

/* What is still under way completes later, at the latest when the plugin closes: the last completion frees the rest. */
static void relay_leave(struct weft_relay *relay)
{
    pthread_mutex_lock(&relay->mutex);
    uint32_t under_way = weft_window_under_way(relay->window);
    relay->left = true;
    bool last = relay->n_completed == under_way;
    pthread_mutex_unlock(&relay->mutex);
    if (last) weft_relay_free(relay);
}

static void relay_tell(const struct weft_relay *relay)
{
    struct weft_relay_counters counters = weft_relay_counters(relay);
    weft_log(WEFT_LOG_INFO, "relay", &(struct weft_log_fields){ .service = relay->store->service },
             "the relay has ended: %llu events confirmed, %llu published again, %llu round trips to the store",
             (unsigned long long)counters.confirmed, (unsigned long long)counters.again,
             (unsigned long long)counters.trips);
}

void weft_relay_stop(struct weft_relay *relay, uint64_t deadline_ns)
{
    if (relay == NULL) return;
    pthread_mutex_lock(&relay->mutex);
    relay->stopping = true;
    relay->stop_ns = deadline_ns;
    pthread_mutex_unlock(&relay->mutex);
    pthread_cond_signal(&relay->woken);
    pthread_join(relay->thread, NULL);
    relay->store->on_outbox = NULL;
    weft_listener_stop(relay->listener);
    weft_transport_remove_sink(relay->transport, &relay->sink);
    relay_tell(relay);
    relay_leave(relay);
}

struct weft_relay_counters weft_relay_counters(const struct weft_relay *relay)
{
    struct weft_relay_counters counters;
    const uint64_t *from = (const uint64_t *)&relay->counters;
    uint64_t *to = (uint64_t *)&counters;
    for (size_t i = 0; i < sizeof counters / sizeof *to; i++)
        to[i] = __atomic_load_n(&from[i], __ATOMIC_RELAXED);
    return counters;
}

bool weft_relay_holds(const struct weft_relay *relay)
{
    return __atomic_load_n(&relay->holds, __ATOMIC_RELAXED);
}

int64_t weft_relay_since_us(const struct weft_relay *relay)
{
    return __atomic_load_n(&relay->since_us, __ATOMIC_RELAXED);
}
