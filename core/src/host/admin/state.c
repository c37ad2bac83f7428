/* host/admin/state.c - asks plugins' instances, stores, relays and groups for what they know of themselves. */
#include "host/admin/state.h"

#include "base/clock.h"

#include <stdio.h>
#include <string.h>

static struct weft_part_state instance_state(const char *part, struct weft_instance *instance)
{
    struct weft_instance_health health = weft_instance_health(instance);
    struct weft_part_state state = { .part = part,
                                     .plugin = weft_instance_plugin(instance),
                                     .url = weft_instance_url(instance),
                                     .state = weft_health_name(health.state),
                                     .up = health.state == WEFT_HEALTH_UP,
                                     .since_us = health.since_us,
                                     .n_healed = health.n_up > 1 ? health.n_up - 1 : 0 };
    snprintf(state.why, sizeof state.why, "%s", health.text);
    return state;
}

/* Store plugins need not report: who uses the store knows. */
static struct weft_part_state store_state(struct weft_process *process, struct weft_part *part)
{
    struct weft_part_state state = instance_state("store", part->store_instance);
    struct weft_store_state store = weft_store_state(part->store);
    char waiting[sizeof part->waiting];
    pthread_mutex_lock(&process->mutex);
    memcpy(waiting, part->waiting, sizeof waiting);
    pthread_mutex_unlock(&process->mutex);
    state.service = part->service->name;
    state.n_healed += store.n_healed;
    bool lost = store.lost || waiting[0] != '\0';
    if (!lost && (state.up || weft_instance_health(part->store_instance).state != WEFT_HEALTH_CONNECTING)) return state;
    state.up = !lost;
    state.state = lost ? "down" : "up";
    state.since_us = store.since_us;
    snprintf(state.why, sizeof state.why, "%s", waiting[0] != '\0' ? waiting : store.why);
    return state;
}

/* With the process' mutex, for the relay and its groups end in a drain. */
static struct weft_part_state relay_state(const struct weft_part *part)
{
    struct weft_part_state state = { .part = "relay", .service = part->service->name, .state = "stopped" };
    if (part->relay == NULL) return state;
    bool holds = weft_relay_holds(part->relay);
    state.state = holds ? "relaying" : "standby";
    state.since_us = weft_relay_since_us(part->relay);
    if (!holds) snprintf(state.why, sizeof state.why, "another instance relays, or the store is away");
    return state;
}

static const struct weft_consumer *consumer_find(const struct weft_part *part, const struct weft_group *group)
{
    for (size_t i = 0; i < part->n_consumers; i++)
        if (strcmp(weft_consumer_group(part->consumers[i]), group->name) == 0) return part->consumers[i];
    return NULL;
}

static struct weft_part_state group_state(struct weft_process *process, const struct weft_part *part,
                                          const struct weft_group *group)
{
    const struct weft_consumer *consumer = consumer_find(part, group);
    struct weft_part_state state = { .part = "group", .service = part->service->name, .group = group->name };
    bool ready = weft_process_phase(process) == WEFT_PHASE_READY;
    if (consumer == NULL) {
        state.state = ready ? "paused" : "stopped";
        if (ready) snprintf(state.why, sizeof state.why, "by its setting 'paused'; its queue fills up");
        return state;
    }
    int64_t waiting_us = weft_consumer_waiting_us(consumer);
    state.state = waiting_us != 0 ? "waiting" : "consuming";
    state.since_us = waiting_us != 0 ? waiting_us : weft_consumer_started_us(consumer);
    if (waiting_us != 0) snprintf(state.why, sizeof state.why, "for its store; events in hand are kept");
    return state;
}

/* One at a time is read under the mutex and told without it. */
static void part_each(struct weft_process *process, struct weft_part *part,
                      void (*each)(void *arg, const struct weft_part_state *state), void *arg)
{
    struct weft_part_state state;
    if (part->store != NULL) {
        state = store_state(process, part);
        each(arg, &state);
        pthread_mutex_lock(&process->mutex);
        state = relay_state(part);
        pthread_mutex_unlock(&process->mutex);
        each(arg, &state);
    }
    for (const struct weft_group *group = part->service->groups; group != NULL; group = group->next) {
        pthread_mutex_lock(&process->mutex);
        state = group_state(process, part, group);
        pthread_mutex_unlock(&process->mutex);
        each(arg, &state);
    }
}

void weft_states_each(struct weft_process *process, void (*each)(void *arg, const struct weft_part_state *state),
                      void *arg)
{
    struct weft_part_state state = instance_state("transport", process->transport_instance);
    each(arg, &state);
    state = instance_state("cache", process->cache_instance);
    each(arg, &state);
    for (size_t i = 0; i < process->n_parts; i++)
        part_each(process, &process->parts[i], each, arg);
}
