/* event/direct/direct.c - the life of a service's direct events: what is put, the thread, what wakes it, the end.
 *
 * The thread goes round: take what was put and what completed, publish, make a round trip to the journal if one is due,
 * else wait for the first thing that is. */
#include "event/direct/direct_state.h"

#include "base/clock.h"
#include "base/id.h"
#include "base/memory.h"
#include "observe/log.h"

#include <stdio.h>
#include <stdlib.h>

enum { DIRECT_KEPT = 10000, DIRECT_BYTES = 64 << 20 };

/* ---- any thread -------------------------------------------------------------------------------------------------- */

static void direct_ready(struct weft_publish_sink *sink)
{
    struct weft_direct *direct = (struct weft_direct *)(void *)sink;
    pthread_mutex_lock(&direct->mutex);
    direct->ready = true;
    bool waiting = direct->waiting;
    pthread_mutex_unlock(&direct->mutex);
    if (waiting) pthread_cond_signal(&direct->woken);
}

const struct weft_topics *weft_direct_topics(const struct weft_direct *direct)
{
    return direct->topics;
}

static void put_lost(struct weft_direct *direct)
{
    direct_count(&direct->counters.lost, 1);
    weft_log_limited("direct-full", WEFT_LOG_WARN, "direct", &(struct weft_log_fields){ .service = direct->service },
                     "too many direct events wait for the transport (%u): new ones are lost", direct->kept);
}

bool weft_direct_put(struct weft_direct *direct, const void *entry, size_t size)
{
    struct weft_direct_event *event = weft_direct_event_new(entry, size, direct->service);
    if (event == NULL) return false;
    pthread_mutex_lock(&direct->mutex);
    bool room = direct->fresh.n + direct->n_waiting < direct->kept &&
                direct->fresh.bytes + direct->bytes_waiting + size <= DIRECT_BYTES;
    bool wake = room && direct->waiting && direct->fresh.n == 0;
    if (room) weft_direct_list_add(&direct->fresh, event);
    pthread_mutex_unlock(&direct->mutex);
    if (wake) pthread_cond_signal(&direct->woken);
    if (room) {
        direct_count(&direct->counters.put, 1);
        return true;
    }
    free(event);
    put_lost(direct);
    return false;
}

struct weft_direct_counters weft_direct_counters(const struct weft_direct *direct)
{
    struct weft_direct_counters counters;
    const uint64_t *from = (const uint64_t *)&direct->counters;
    uint64_t *to = (uint64_t *)&counters;
    for (size_t i = 0; i < sizeof counters / sizeof *to; i++)
        to[i] = __atomic_load_n(&from[i], __ATOMIC_RELAXED);
    return counters;
}

bool weft_direct_behind(const struct weft_direct *direct)
{
    return __atomic_load_n(&direct->behind, __ATOMIC_RELAXED);
}

/* ---- the thread -------------------------------------------------------------------------------------------------- */

/* With the mutex. */
static bool direct_is_woken(const struct weft_direct *direct)
{
    return direct->fresh.n != 0 || direct->completed != NULL || direct->ready;
}

static void direct_wait(struct weft_direct *direct)
{
    uint64_t due = direct_sooner(weft_direct_publish_due(direct), weft_direct_spill_due(direct));
    if (due <= weft_clock_ns()) return;
    pthread_mutex_lock(&direct->mutex);
    if (direct->stopping) due = direct_sooner(due, direct->stop_ns);
    struct timespec until = weft_clock_timespec(due);
    bool stopping = direct->stopping;
    int ended = 0;
    direct->waiting = true;
    while (!direct_is_woken(direct) && direct->stopping == stopping && ended == 0)
        ended = pthread_cond_clockwait(&direct->woken, &direct->mutex, CLOCK_MONOTONIC, &until);
    direct->waiting = false;
    pthread_mutex_unlock(&direct->mutex);
}

/* Behind, others drain what is in the journal, if there are others. */
static bool direct_is_over(struct weft_direct *direct)
{
    pthread_mutex_lock(&direct->mutex);
    bool stopping = direct->stopping, late = weft_clock_ns() >= direct->stop_ns, fresh = direct->fresh.n != 0;
    pthread_mutex_unlock(&direct->mutex);
    if (!stopping || late) return stopping;
    bool drained = direct->behind ? direct->shared && direct->flying.n == 0 : direct->flying.n == 0;
    return !fresh && direct->pending.n == 0 && drained;
}

static void *direct_main(void *arg)
{
    struct weft_direct *direct = arg;
    for (;;) {
        weft_direct_collect(direct);
        if (direct_is_over(direct)) break;
        weft_direct_publish(direct);
        weft_direct_spill(direct);
        direct_wait(direct);
    }
    return NULL;
}

/* ---- its life ---------------------------------------------------------------------------------------------------- */

static char *direct_text(const char *format, const char *first, const char *second)
{
    size_t size = (size_t)snprintf(NULL, 0, format, first, second) + 1;
    char *text = weft_memory_get(size);
    snprintf(text, size, format, first, second);
    return text;
}

struct weft_direct *weft_direct_new(struct weft_transport *transport, struct weft_cache *cache,
                                    const struct weft_direct_options *options)
{
    struct weft_direct *direct = weft_memory_zeroed(1, sizeof *direct);
    uint32_t caps = cache != NULL ? weft_cache_caps(cache) : 0;
    char random[33];
    weft_id_random(random);
    direct->sink = (struct weft_publish_sink){ weft_direct_complete, direct_ready };
    direct->transport = transport;
    direct->cache = cache;
    direct->topics = options->topics;
    direct->tap = options->tap;
    direct->service = weft_memory_text(options->service);
    direct->journal = direct_text("direct:%s%s", options->service, "");
    direct->claimer = direct_text("%.200s/%.32s", options->instance, random);
    direct->kept = options->kept != 0 ? options->kept : DIRECT_KEPT;
    direct->journals = (caps & WEFT_CACHE_JOURNAL) != 0;
    direct->shared = (caps & WEFT_CACHE_SHARED) != 0;
    if (!direct->shared) direct->look_at_ns = WEFT_NEVER; /* nobody else writes into it, and it is empty */
    pthread_mutex_init(&direct->mutex, NULL);
    pthread_cond_init(&direct->woken, NULL);
    return direct;
}

void weft_direct_free(struct weft_direct *direct)
{
    weft_direct_list_free(&direct->fresh);
    weft_direct_list_free(&direct->pending);
    weft_direct_list_free(&direct->claimed);
    weft_direct_list_free(&direct->flying);
    free(direct->service);
    free(direct->journal);
    free(direct->claimer);
    pthread_cond_destroy(&direct->woken);
    pthread_mutex_destroy(&direct->mutex);
    free(direct);
}

weft_status weft_direct_start(struct weft_direct *direct, struct weft_fault *ret_fault)
{
    weft_transport_add_sink(direct->transport, &direct->sink);
    direct->started = pthread_create(&direct->thread, NULL, direct_main, direct) == 0;
    if (direct->started) return WEFT_OK;
    weft_transport_remove_sink(direct->transport, &direct->sink);
    return weft_fault_set(ret_fault, WEFT_RESOURCE_EXHAUSTED, "no thread for the direct events of %s", direct->service);
}

static void direct_join(struct weft_direct *direct, uint64_t deadline_ns)
{
    pthread_mutex_lock(&direct->mutex);
    direct->stopping = true;
    direct->stop_ns = deadline_ns;
    pthread_mutex_unlock(&direct->mutex);
    pthread_cond_signal(&direct->woken);
    pthread_join(direct->thread, NULL);
    weft_transport_remove_sink(direct->transport, &direct->sink);
}

/* What is still under way completes later, at the latest when the plugin closes: the last completion frees the rest. */
static void direct_leave(struct weft_direct *direct)
{
    pthread_mutex_lock(&direct->mutex);
    direct->left = true;
    bool last = direct->n_out == 0;
    pthread_mutex_unlock(&direct->mutex);
    if (last) weft_direct_free(direct);
}

void weft_direct_stop(struct weft_direct *direct, uint64_t deadline_ns)
{
    if (direct == NULL) return;
    if (direct->started) direct_join(direct, deadline_ns);
    weft_direct_collect(direct);
    size_t n_lost = weft_direct_save(direct);
    if (n_lost > 0)
        weft_log(WEFT_LOG_WARN, "direct", &(struct weft_log_fields){ .service = direct->service },
                 "%zu direct events are lost: the transport did not take them and no journal keeps them", n_lost);
    direct_leave(direct);
}
