/* event/consumer/consumer.c - the life of a group: it starts its lanes, shares deliveries out among them, and drains.
 */
#include "event/consumer/consumer_state.h"

#include "base/clock.h"
#include "base/memory.h"
#include "observe/log.h"

#include <stdlib.h>
#include <string.h>

enum {
    CONSUMER_CREDIT_LEAST = 400,
    CONSUMER_LANES = 1, /* a lane takes a hundred events a commit; more lanes make smaller batches */
    CONSUMER_BATCH = 100,
    CONSUMER_CREDIT_MOST = 1000,
    CONSUMER_CHUNK = 256 /* deliveries shared out at a time */
};

/* ---- deliveries: the plugin's thread ----------------------------------------------------------------------------- */

/* FNV-1a (Fowler, Noll, Vo): short keys, no enemy to fear but a hot lane. */
static uint32_t key_hash(const char *key)
{
    uint32_t hash = 2166136261u;
    for (; *key != '\0'; key++)
        hash = (hash ^ (unsigned char)*key) * 16777619u;
    return hash;
}

static uint32_t consumer_lane(struct weft_consumer *consumer, const char *key)
{
    uint32_t turn = key == NULL ? __atomic_fetch_add(&consumer->next_lane, 1, __ATOMIC_RELAXED) : key_hash(key);
    return turn % consumer->options.lanes;
}

struct weft_lane *weft_consumer_lane(struct weft_consumer *consumer, const char *key)
{
    return &consumer->lanes[consumer_lane(consumer, key)];
}

static void consumer_share(struct weft_consumer *consumer, const struct weft_delivery *const *deliveries, size_t n)
{
    uint8_t lanes[CONSUMER_CHUNK];
    void *share[CONSUMER_CHUNK];
    for (size_t i = 0; i < n; i++)
        lanes[i] = (uint8_t)consumer_lane(consumer, weft_envelope_key(&deliveries[i]->message));
    for (uint32_t lane = 0; lane < consumer->options.lanes; lane++) {
        size_t n_share = 0;
        for (size_t i = 0; i < n; i++)
            if (lanes[i] == lane) share[n_share++] = (void *)(uintptr_t)deliveries[i];
        weft_mailbox_push(consumer->lanes[lane].deliveries, share, n_share);
    }
}

/* One push a lane and array: the lane is woken once. None is taken while the group stops: they stay the plugin's. */
static size_t consumer_deliver(struct weft_delivery_sink *sink, const struct weft_delivery *const *deliveries, size_t n)
{
    struct weft_consumer *consumer = (struct weft_consumer *)(void *)sink;
    if (weft_consumer_is_stopping(consumer)) return 0;
    weft_series_add(consumer->meter.inflight, (int64_t)n);
    for (size_t from = 0; from < n; from += CONSUMER_CHUNK)
        consumer_share(consumer, deliveries + from, n - from < CONSUMER_CHUNK ? n - from : CONSUMER_CHUNK);
    return n;
}

/* ---- starting ---------------------------------------------------------------------------------------------------- */

static uint32_t or_default(uint32_t value, uint32_t initial, uint32_t most)
{
    if (value == 0) return initial;
    return value < most ? value : most;
}

static void consumer_options(struct weft_consumer *consumer, const struct weft_consumer_options *given)
{
    struct weft_consumer_options *options = &consumer->options;
    *options = *given;
    options->lanes = or_default(given->lanes, CONSUMER_LANES, WEFT_LANES_MOST);
    options->batch = or_default(given->batch, CONSUMER_BATCH, WEFT_BATCH_MOST);
    uint32_t credit = 2 * options->lanes * options->batch;
    if (credit < CONSUMER_CREDIT_LEAST) credit = CONSUMER_CREDIT_LEAST;
    options->credit =
        or_default(given->credit, credit < CONSUMER_CREDIT_MOST ? credit : CONSUMER_CREDIT_MOST, UINT32_MAX);
    options->retry = weft_retry_complete(given->retry);
    if (options->deadline_ns == 0) options->deadline_ns = 30 * WEFT_SECOND;
    if (options->poll_ns == 0) options->poll_ns = WEFT_SECOND;
    size_t size = given->n_handlers * sizeof *consumer->handlers;
    consumer->handlers = weft_memory_get(size + 1);
    if (size > 0) memcpy(consumer->handlers, given->handlers, size);
    options->handlers = consumer->handlers;
    weft_group_meter_init(&consumer->meter, options);
}

static struct weft_consumer *consumer_new(const struct weft_consumer_options *options)
{
    struct weft_consumer *consumer = weft_memory_zeroed(1, sizeof *consumer);
    consumer->sink.deliver = consumer_deliver;
    consumer_options(consumer, options);
    consumer->due_us = INT64_MAX;
    consumer->started_us = weft_clock_wall_us();
    pthread_mutex_init(&consumer->mutex, NULL);
    pthread_cond_init(&consumer->changed, NULL);
    return consumer;
}

static bool consumer_threads(struct weft_consumer *consumer)
{
    for (uint32_t i = 0; i < consumer->options.lanes; i++)
        if (!weft_lane_start(&consumer->lanes[i], consumer)) return false;
    return consumer->plain || weft_due_start(consumer);
}

static weft_status consumer_subscribe(struct weft_consumer *consumer, struct weft_fault *ret_fault)
{
    const struct weft_consumer_options *options = &consumer->options;
    const struct weft_subscription subscription = {
        .size = sizeof subscription,
        .flags = (options->ordered ? WEFT_QUEUE_ORDERED : 0u) | (options->broadcast ? WEFT_QUEUE_BROADCAST : 0u),
        .queue = options->queue,
        .credit = options->credit,
    };
    weft_status status = weft_transport_subscribe(consumer->transport, &subscription, &consumer->sink, ret_fault);
    if (status == WEFT_OK) weft_letters_subscribe(consumer);
    return status;
}

/* ---- stopping ---------------------------------------------------------------------------------------------------- */

static void consumer_end_threads(struct weft_consumer *consumer)
{
    pthread_mutex_lock(&consumer->mutex);
    __atomic_store_n(&consumer->stopping, true, __ATOMIC_RELEASE);
    pthread_cond_broadcast(&consumer->changed);
    pthread_mutex_unlock(&consumer->mutex);
    for (uint32_t i = 0; i < consumer->options.lanes; i++)
        if (consumer->lanes[i].started) weft_mailbox_wake(consumer->lanes[i].deliveries);
    for (uint32_t i = 0; i < consumer->options.lanes; i++)
        weft_lane_join(&consumer->lanes[i]);
    weft_due_join(consumer);
}

static void consumer_free(struct weft_consumer *consumer)
{
    for (uint32_t i = 0; i < consumer->options.lanes; i++)
        weft_lane_free(&consumer->lanes[i]);
    pthread_cond_destroy(&consumer->changed);
    pthread_mutex_destroy(&consumer->mutex);
    weft_group_meter_free(&consumer->meter);
    free(consumer->handlers);
    free(consumer);
}

static void consumer_tell(const struct weft_consumer *consumer)
{
    struct weft_consumer_counters counters = weft_consumer_counters(consumer);
    weft_log(WEFT_LOG_INFO, "consumer",
             &(struct weft_log_fields){ .service = consumer->options.service, .group = consumer->options.group },
             "the group has ended: %llu events handled in %llu transactions, %llu duplicates, %llu parked, %llu dead",
             (unsigned long long)counters.handled, (unsigned long long)counters.batches,
             (unsigned long long)counters.duplicate, (unsigned long long)counters.parked,
             (unsigned long long)counters.dead);
}

/* Unordered: nothing comes any more, what is in hand is finished, the rest goes back at once to whoever is there.
 * Ordered: giving back singly would mix the order up (the broker puts them behind those that the next consumer already
 * has), so nothing is settled until the subscription has ended with what it holds; settling then only frees. */
void weft_consumer_stop(struct weft_consumer *consumer, uint64_t deadline_ns)
{
    (void)deadline_ns; /* a batch ends by its own deadline */
    if (consumer == NULL) return;
    bool ordered = consumer->options.ordered;
    weft_letters_unsubscribe(consumer);
    if (!ordered) weft_transport_unsubscribe(consumer->transport, &consumer->sink);
    consumer_end_threads(consumer);
    if (ordered) weft_transport_unsubscribe(consumer->transport, &consumer->sink);
    for (uint32_t i = 0; i < consumer->options.lanes; i++)
        weft_lane_return(&consumer->lanes[i]);
    weft_letters_return(consumer);
    consumer_tell(consumer);
    consumer_free(consumer);
}

weft_status weft_consumer_start(const struct weft_consumer_options *options, struct weft_store *store,
                                struct weft_cache *cache, struct weft_transport *transport,
                                struct weft_consumer **ret_consumer, struct weft_fault *ret_fault)
{
    struct weft_consumer *consumer = consumer_new(options);
    consumer->store = store;
    consumer->cache = cache;
    consumer->transport = transport;
    consumer->plain = options->broadcast || store == NULL;
    weft_status status =
        consumer_threads(consumer)
            ? consumer_subscribe(consumer, ret_fault)
            : weft_fault_set(ret_fault, WEFT_RESOURCE_EXHAUSTED, "no thread for a lane of group %s", options->group);
    if (status == WEFT_OK) {
        weft_series_set(consumer->meter.active, 1);
        *ret_consumer = consumer;
        return WEFT_OK;
    }
    consumer_end_threads(consumer);
    consumer_free(consumer);
    return status;
}

struct weft_consumer_counters weft_consumer_counters(const struct weft_consumer *consumer)
{
    struct weft_consumer_counters counters;
    const uint64_t *from = (const uint64_t *)&consumer->counters;
    uint64_t *to = (uint64_t *)&counters;
    for (size_t i = 0; i < sizeof counters / sizeof *to; i++)
        to[i] = __atomic_load_n(&from[i], __ATOMIC_RELAXED);
    return counters;
}

const char *weft_consumer_group(const struct weft_consumer *consumer)
{
    return consumer->options.group;
}

int64_t weft_consumer_started_us(const struct weft_consumer *consumer)
{
    return consumer->started_us;
}

int64_t weft_consumer_waiting_us(const struct weft_consumer *consumer)
{
    return __atomic_load_n(&consumer->waiting_us, __ATOMIC_RELAXED);
}
