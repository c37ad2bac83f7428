/* host/bringup.c - from bound to ready. What is away is waited for, live and not ready; what refuses us ends the start.
 * The broker connects while stores migrate: the topology is handed over first and asked for last. */
#include "base/clock.h"
#include "base/id.h"
#include "data/migrate.h"
#include "event/consumer/consumer.h"
#include "host/parts.h"
#include "observe/log.h"

#include <stdio.h>
#include <string.h>

#define BRINGUP_FIRST_WAIT   (100 * WEFT_MS)
#define BRINGUP_LONGEST_WAIT (5 * WEFT_SECOND)
#define BRINGUP_MIGRATE_TIME (60 * WEFT_SECOND)

static weft_status stopped(struct weft_fault *fault)
{
    return weft_fault_set(fault, WEFT_CANCELLED, "asked to stop before it was ready");
}

static bool is_stopping(struct weft_process *process)
{
    pthread_mutex_lock(&process->mutex);
    bool stopping = process->stopping;
    pthread_mutex_unlock(&process->mutex);
    return stopping;
}

/* ---- stores ------------------------------------------------------------------------------------------------------ */

/* Waits before the next try, ends early when asked to stop. The wait grows and has jitter, so that many hosts do not
 * knock at a starting database together. */
static void pause_grow(struct weft_process *process, uint64_t *wait_ns)
{
    char hex[33];
    unsigned random = 0;
    weft_id_random(hex);
    sscanf(hex, "%4x", &random);
    uint64_t jittered = *wait_ns / 2 + *wait_ns / 2 * random / 0xffff;
    struct timespec until = weft_clock_timespec(weft_clock_ns() + jittered);
    pthread_mutex_lock(&process->mutex);
    int ended = 0;
    while (!process->stopping && ended == 0)
        ended = pthread_cond_clockwait(&process->changed, &process->mutex, CLOCK_MONOTONIC, &until);
    pthread_mutex_unlock(&process->mutex);
    *wait_ns = *wait_ns * 2 < BRINGUP_LONGEST_WAIT ? *wait_ns * 2 : BRINGUP_LONGEST_WAIT;
}

static void waiting_set(struct weft_process *process, struct weft_part *part, const char *why)
{
    pthread_mutex_lock(&process->mutex);
    snprintf(part->waiting, sizeof part->waiting, "%.255s", why);
    pthread_mutex_unlock(&process->mutex);
}

static bool is_passing(weft_status status)
{
    return status == WEFT_UNAVAILABLE || status == WEFT_DEADLINE_EXCEEDED || status == WEFT_ABORTED ||
           status == WEFT_RESOURCE_EXHAUSTED;
}

static weft_status store_prepare(struct weft_process *process, struct weft_part *part, struct weft_fault *fault)
{
    struct weft_log_fields fields = { .service = part->service->name };
    enum weft_migrate mode = (enum weft_migrate)weft_config_int(process->config, "migrate");
    uint64_t wait_ns = BRINGUP_FIRST_WAIT;
    for (;;) {
        struct weft_fault why = { 0 };
        weft_status status = weft_migrate_run(part->store, part->service->migrations, part->service->n_migrations, mode,
                                              weft_clock_ns() + BRINGUP_MIGRATE_TIME, &why);
        waiting_set(process, part, status == WEFT_OK ? "" : why.text);
        if (status == WEFT_OK) return WEFT_OK;
        if (!is_passing(status))
            return weft_fault_set(fault, status, "%s: store %s: %.400s", part->service->name,
                                  weft_instance_url(part->store_instance), why.text);
        weft_log_limited("bringup.store", WEFT_LOG_WARN, "host", &fields, "waiting for the store %s: %s",
                         weft_instance_url(part->store_instance), why.text);
        pause_grow(process, &wait_ns);
        if (is_stopping(process)) return stopped(fault);
    }
}

/* ---- the broker -------------------------------------------------------------------------------------------------- */

static weft_status transport_refuse(struct weft_process *process, const char *text, struct weft_fault *fault)
{
    return weft_fault_set(fault, WEFT_FAILED_PRECONDITION, "transport %s: %.400s",
                          weft_instance_url(process->transport_instance), text);
}

static weft_status topology_declare(struct weft_process *process, struct weft_fault *fault)
{
    const struct weft_topology *topology =
        weft_topology_build(process->arena, process->parts, process->n_parts, process->instance);
    struct weft_fault why = { 0 };
    weft_status status = weft_transport_declare(process->transport, topology, &why);
    return status == WEFT_OK ? WEFT_OK : transport_refuse(process, why.text, fault);
}

/* Until topology is in place. */
static weft_status transport_await(struct weft_process *process, struct weft_fault *fault)
{
    weft_status status = WEFT_OK;
    pthread_mutex_lock(&process->mutex);
    for (;;) {
        struct weft_instance_health health = weft_instance_health(process->transport_instance);
        if (process->stopping)
            status = stopped(fault);
        else if (health.state == WEFT_HEALTH_REFUSED)
            status = transport_refuse(process, health.text, fault);
        else if (health.state != WEFT_HEALTH_UP) {
            pthread_cond_wait(&process->changed, &process->mutex);
            continue;
        }
        break;
    }
    pthread_mutex_unlock(&process->mutex);
    return status;
}

static void orphans_warn(struct weft_process *process)
{
    if ((weft_transport_caps(process->transport) & WEFT_TRANSPORT_PROCESSES) != 0) return;
    const char *orphans = weft_topology_orphans(process->arena, process->parts, process->n_parts);
    if (orphans == NULL) return;
    weft_log(WEFT_LOG_WARN, "host", NULL,
             "the transport %s stays within this process, and no service here emits %s: nothing will arrive. Run the "
             "service that does in this host too, or set WEFT_TRANSPORT (or RABBITMQ_URI) to a broker for both",
             weft_instance_url(process->transport_instance), orphans);
}

/* ---- what runs --------------------------------------------------------------------------------------------------- */

static int64_t group_setting(const struct weft_process *process, const struct weft_group *group, const char *word)
{
    char key[WEFT_CONFIG_KEY];
    weft_config_key(key, "services.%s.groups.%s.%s", group->service->name, group->name, word);
    return weft_config_int(process->config, key);
}

static bool group_is_paused(const struct weft_process *process, const struct weft_group *group)
{
    char key[WEFT_CONFIG_KEY];
    weft_config_key(key, "services.%s.groups.%s.paused", group->service->name, group->name);
    return weft_config_bool(process->config, key);
}

static uint64_t group_amount(const struct weft_process *process, const struct weft_group *group, const char *word)
{
    char key[WEFT_CONFIG_KEY];
    weft_config_key(key, "services.%s.groups.%s.%s", group->service->name, group->name, word);
    return weft_config_amount(process->config, key);
}

static bool group_is_set(const struct weft_process *process, const struct weft_group *group, const char *word)
{
    char key[WEFT_CONFIG_KEY];
    weft_config_key(key, "services.%s.groups.%s.%s", group->service->name, group->name, word);
    return weft_config_is_set(process->config, key);
}

/* The service's own, where nothing else is set. */
static struct weft_retry group_retry(const struct weft_process *process, const struct weft_group *group)
{
    const struct weft_group_options *own = &group->options;
    struct weft_retry retry = { .max_attempts = (uint32_t)group_setting(process, group, "max_attempts"),
                                .jitter_percent = (uint32_t)group_setting(process, group, "backoff_jitter"),
                                .initial_ns = group_amount(process, group, "backoff_initial"),
                                .most_ns = group_amount(process, group, "backoff_max") };
    if (retry.max_attempts == 0) retry.max_attempts = own->max_attempts;
    if (retry.initial_ns == 0) retry.initial_ns = own->backoff_initial_ms * WEFT_MS;
    if (retry.most_ns == 0) retry.most_ns = own->backoff_max_ms * WEFT_MS;
    return retry;
}

static bool group_holds(const struct weft_process *process, const struct weft_group *group)
{
    if (!group_is_set(process, group, "on_dead")) return group->options.hold_on_dead;
    return group_setting(process, group, "on_dead") == 1; /* "hold", the table's second */
}

static weft_status consumer_start(struct weft_process *process, struct weft_part *part, const struct weft_group *group,
                                  struct weft_fault *fault)
{
    const struct weft_group_options *options = &group->options;
    struct weft_consumer_options consumer = { .service = part->service->name,
                                              .group = group->name,
                                              .queue = weft_topology_queue(process->arena, group, process->instance),
                                              .ordered = options->ordered,
                                              .external_effects = options->external_effects,
                                              .hold_on_dead = group_holds(process, group),
                                              .broadcast = options->broadcast,
                                              .lanes = (uint32_t)group_setting(process, group, "lanes"),
                                              .batch = (uint32_t)group_setting(process, group, "batch"),
                                              .retry = group_retry(process, group),
                                              .direct = part->direct,
                                              .handlers = group->handlers,
                                              .n_handlers = group->n_handlers,
                                              .metrics = process->metrics };
    weft_status status = weft_consumer_start(&consumer, part->store, process->cache, process->transport,
                                             &part->consumers[part->n_consumers], fault);
    if (status != WEFT_OK) return status;
    pthread_mutex_lock(&process->mutex);
    part->n_consumers++;
    pthread_mutex_unlock(&process->mutex);
    return WEFT_OK;
}

static weft_status consumers_start(struct weft_process *process, struct weft_part *part, struct weft_fault *fault)
{
    size_t n = 0;
    for (const struct weft_group *group = part->service->groups; group != NULL; group = group->next)
        n++;
    part->consumers = weft_arena_alloc(process->arena, (n + 1) * sizeof *part->consumers);
    for (const struct weft_group *group = part->service->groups; group != NULL; group = group->next) {
        struct weft_log_fields fields = { .service = part->service->name, .group = group->name };
        if (group_is_paused(process, group)) {
            weft_series_set(WEFT_SERIES(process->metrics, GROUP_ACTIVE, part->service->name, group->name), 0);
            weft_log(WEFT_LOG_INFO, "host", &fields, "group '%s' is paused: its queue fills up", group->name);
            continue;
        }
        weft_status status = consumer_start(process, part, group, fault);
        if (status != WEFT_OK) return status;
    }
    return WEFT_OK;
}

static weft_status part_start(struct weft_process *process, struct weft_part *part, struct weft_fault *fault)
{
    struct weft_relay_options relay = {
        .instance = process->instance, .registry = process->registry, .tap = process->tap, .metrics = process->metrics
    };
    struct weft_relay *started = NULL;
    weft_status status = weft_direct_start(part->direct, fault);
    if (status == WEFT_OK) status = consumers_start(process, part, fault);
    if (status == WEFT_OK && part->store != NULL)
        status = weft_relay_start(part->store, process->transport, &relay, &started, fault);
    pthread_mutex_lock(&process->mutex);
    part->relay = started;
    pthread_mutex_unlock(&process->mutex);
    return status;
}

static bool store_is_lost(struct weft_process *process)
{
    bool lost = false;
    for (size_t i = 0; i < process->n_parts; i++)
        lost |= process->parts[i].store != NULL && weft_store_state(process->parts[i].store).lost;
    return lost;
}

/* gRPC's health says what /readyz says: a balancer turns away while a store is lost. Under the mutex, so that what was
 * seen last is said last, and nothing is once the drain has begun. */
static void serving_follow(void *arg)
{
    struct weft_process *process = arg;
    pthread_mutex_lock(&process->mutex);
    if (process->rpc != NULL && weft_process_phase(process) == WEFT_PHASE_READY)
        weft_rpc_server_serving(process->rpc, !store_is_lost(process));
    pthread_mutex_unlock(&process->mutex);
}

static void stores_follow(struct weft_process *process)
{
    for (size_t i = 0; i < process->n_parts; i++) {
        struct weft_store *store = process->parts[i].store;
        if (store == NULL) continue;
        store->on_change = serving_follow;
        store->on_change_arg = process;
    }
}

static void ready_say(struct weft_process *process)
{
    double ms = (double)(weft_clock_ns() - process->started_ns) / 1e6;
    char grpc[64] = "", admin[64] = "";
    if (process->rpc != NULL) snprintf(grpc, sizeof grpc, ", gRPC on port %u", weft_process_grpc_port(process));
    if (process->admin != NULL) snprintf(admin, sizeof admin, ", admin on port %u", weft_process_admin_port(process));
    weft_log(WEFT_LOG_INFO, "host", NULL, "ready after %.1f ms: %zu service%s%s%s, transport %s", ms, process->n_parts,
             process->n_parts == 1 ? "" : "s", grpc, admin, weft_instance_url(process->transport_instance));
}

weft_status weft_process_start(struct weft_process *process, struct weft_fault *ret_fault)
{
    stores_follow(process);
    weft_status status = topology_declare(process, ret_fault);
    for (size_t i = 0; i < process->n_parts && status == WEFT_OK; i++)
        if (process->parts[i].store != NULL) status = store_prepare(process, &process->parts[i], ret_fault);
    if (status == WEFT_OK) status = transport_await(process, ret_fault);
    if (status == WEFT_OK) orphans_warn(process);
    for (size_t i = 0; i < process->n_parts && status == WEFT_OK; i++)
        status = part_start(process, &process->parts[i], ret_fault);
    if (status != WEFT_OK) return status;
    atomic_store_explicit(&process->phase, WEFT_PHASE_READY, memory_order_release);
    serving_follow(process);
    ready_say(process);
    return WEFT_OK;
}
