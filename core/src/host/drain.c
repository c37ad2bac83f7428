/* host/drain.c - the end of a process: in the order in which work flows through it, so that what is upstream is done
 * before what it needs ends. */
#include "base/clock.h"
#include "data/cache/drops.h"
#include "host/parts.h"
#include "observe/log.h"

#include <stdlib.h>

#define DRAIN_HOPELESS (1 * WEFT_SECOND) /* for relays whose transport cannot take or keep events */
#define DRAIN_CLOSE    (5 * WEFT_SECOND)

/* Balancers need a moment to notice that we are not ready any more; a second signal ends the process meanwhile. */
static void delay_wait(const struct weft_process *process)
{
    uint64_t delay = weft_config_amount(process->config, "drain.delay");
    if (delay == 0 || process->rpc == NULL) return;
    struct timespec span = { .tv_sec = (time_t)(delay / WEFT_SECOND), .tv_nsec = (long)(delay % WEFT_SECOND) };
    clock_nanosleep(CLOCK_MONOTONIC, 0, &span, NULL);
}

/* Handlers emit, and so wake relays: the last one has returned before those end. */
static void rpc_stop(struct weft_process *process, uint64_t deadline)
{
    if (process->rpc == NULL) return;
    weft_rpc_server_drain(process->rpc, deadline);
    weft_rpc_server_stop(process->rpc);
    process->rpc = NULL;
}

static void consumers_stop(struct weft_process *process, uint64_t deadline)
{
    for (size_t i = 0; i < process->n_parts; i++) {
        struct weft_part *part = &process->parts[i];
        size_t n = part->n_consumers;
        pthread_mutex_lock(&process->mutex);
        part->n_consumers = 0;
        pthread_mutex_unlock(&process->mutex);
        for (size_t c = 0; c < n; c++)
            weft_consumer_stop(part->consumers[c], deadline);
    }
}

/* ---- admin requests that write ----------------------------------------------------------------------------------- */

bool weft_process_act_begin(struct weft_process *process)
{
    pthread_mutex_lock(&process->mutex);
    bool ready = weft_process_phase(process) == WEFT_PHASE_READY;
    process->n_acting += ready;
    pthread_mutex_unlock(&process->mutex);
    return ready;
}

void weft_process_act_end(struct weft_process *process)
{
    pthread_mutex_lock(&process->mutex);
    process->n_acting--;
    pthread_cond_broadcast(&process->changed);
    pthread_mutex_unlock(&process->mutex);
}

/* No new ones begin once we drain, and each has a deadline of its own. */
static void acts_await(struct weft_process *process)
{
    pthread_mutex_lock(&process->mutex);
    while (process->n_acting > 0)
        pthread_cond_wait(&process->changed, &process->mutex);
    pthread_mutex_unlock(&process->mutex);
}

/* ---- the order --------------------------------------------------------------------------------------------------- */

/* Events that stay are in the store, or the journal, and leave at the next start. So a relay waits only for a broker
 * that is there and keeps what it takes; the embedded one confirms when its consumers have, and they are gone. */
static uint64_t relays_patience(struct weft_process *process, uint64_t deadline)
{
    if (process->transport_instance == NULL) return deadline; /* a failed start: there is nothing to wait with */
    bool keeps = (weft_transport_caps(process->transport) & WEFT_TRANSPORT_DURABLE) != 0;
    bool up = weft_instance_health(process->transport_instance).state == WEFT_HEALTH_UP;
    uint64_t hopeless = keeps ? weft_clock_ns() + DRAIN_HOPELESS : weft_clock_ns();
    return keeps && up ? deadline : hopeless;
}

static void relays_stop(struct weft_process *process, uint64_t deadline)
{
    acts_await(process);
    uint64_t patience = relays_patience(process, deadline);
    for (size_t i = 0; i < process->n_parts; i++) {
        struct weft_relay *relay = process->parts[i].relay;
        if (relay == NULL) continue;
        pthread_mutex_lock(&process->mutex);
        process->parts[i].relay = NULL;
        pthread_mutex_unlock(&process->mutex);
        weft_relay_stop(relay, patience);
    }
}

static void directs_stop(struct weft_process *process, uint64_t deadline)
{
    uint64_t patience = relays_patience(process, deadline);
    for (size_t i = 0; i < process->n_parts; i++) {
        struct weft_direct *direct = process->parts[i].direct;
        pthread_mutex_lock(&process->mutex);
        process->parts[i].direct = NULL;
        pthread_mutex_unlock(&process->mutex);
        weft_direct_stop(direct, patience);
    }
}

static void stores_close(struct weft_process *process)
{
    for (size_t i = 0; i < process->n_parts; i++) {
        struct weft_part *part = &process->parts[i];
        if (part->store != NULL) {
            weft_drops_free(part->store->drops);
            weft_store_free(part->store);
        }
        weft_instance_close(part->store_instance, weft_clock_ns() + DRAIN_CLOSE);
        weft_service_free(part->service);
    }
}

static void plugins_close(struct weft_process *process)
{
    weft_instance_close(process->transport_instance, weft_clock_ns() + DRAIN_CLOSE);
    weft_transport_free(process->transport);
    weft_cache_free(process->cache);
    weft_instance_close(process->cache_instance, weft_clock_ns() + DRAIN_CLOSE);
}

static void process_drain(struct weft_process *process)
{
    uint64_t began = weft_clock_ns();
    weft_log(WEFT_LOG_INFO, "host", NULL, "draining");
    if (process->rpc != NULL) weft_rpc_server_serving(process->rpc, false);
    delay_wait(process);
    uint64_t deadline = weft_clock_ns() + weft_config_amount(process->config, "drain.timeout");
    rpc_stop(process, deadline);
    consumers_stop(process, deadline);
    relays_stop(process, deadline);
    directs_stop(process, deadline);
    weft_log(WEFT_LOG_INFO, "host", NULL, "drained after %.0f ms", (double)(weft_clock_ns() - began) / 1e6);
}

void weft_process_stop(struct weft_process *process)
{
    if (process == NULL) return;
    pthread_mutex_lock(&process->mutex); /* against an act that begins */
    int phase = atomic_exchange_explicit(&process->phase, WEFT_PHASE_DRAINING, memory_order_acq_rel);
    pthread_mutex_unlock(&process->mutex);
    if (phase == WEFT_PHASE_READY) {
        process_drain(process);
    } else { /* a failed start: what has started ends at once */
        rpc_stop(process, weft_clock_ns());
        consumers_stop(process, weft_clock_ns());
        relays_stop(process, weft_clock_ns());
        directs_stop(process, weft_clock_ns());
    }
    weft_admin_stop(process->admin);
    plugins_close(process);
    stores_close(process);
    weft_tap_free(process->tap);
    weft_rpc_local_free(process->local);
    weft_registry_free(process->registry);
    weft_loader_free(process->loader);
    weft_metrics_free(process->metrics);
    pthread_cond_destroy(&process->changed);
    pthread_mutex_destroy(&process->mutex);
    weft_arena_free(process->arena);
    free(process);
}
