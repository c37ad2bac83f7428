/* host/topology.c - what the broker must have for these services: a topic for everything emitted or handled, a queue
 * for every group, bound to what it handles. */
#include "host/parts.h"

#include <string.h>

/* Topics of broadcast events are fed by a second, transient publish, so that a watcher never satisfies mandatory. */
static const char *topic_of(struct weft_arena *arena, const struct weft_event_type *type, bool broadcast)
{
    return broadcast ? weft_arena_format(arena, "%s.live", type->topic) : type->topic;
}

static void topic_add(const char **topics, uint32_t *n_topics, const char *topic)
{
    for (uint32_t i = 0; i < *n_topics; i++)
        if (strcmp(topics[i], topic) == 0) return;
    topics[(*n_topics)++] = topic;
}

static size_t handlers_count(const struct weft_part *part)
{
    size_t n = 0;
    for (const struct weft_group *group = part->service->groups; group != NULL; group = group->next)
        n += group->n_handlers;
    return n;
}

static size_t groups_count(const struct weft_part *part)
{
    size_t n = 0;
    for (const struct weft_group *group = part->service->groups; group != NULL; group = group->next)
        n++;
    return n;
}

const char *weft_topology_queue(struct weft_arena *arena, const struct weft_group *group, const char *instance)
{
    if (!group->options.broadcast) return group->queue;
    return weft_arena_format(arena, "%s.%s", group->queue, instance);
}

static struct weft_queue queue_make(struct weft_arena *arena, const struct weft_group *group, const char *instance)
{
    bool broadcast = group->options.broadcast;
    struct weft_binding *bindings = weft_arena_alloc(arena, group->n_handlers * sizeof *bindings);
    for (size_t i = 0; i < group->n_handlers; i++) {
        const struct weft_event_type *type = group->handlers[i].type;
        bindings[i] = (struct weft_binding){ topic_of(arena, type, broadcast), type->routing_key };
    }
    return (struct weft_queue){ .name = weft_topology_queue(arena, group, instance),
                                .bindings = bindings,
                                .n_bindings = (uint32_t)group->n_handlers,
                                .flags = (group->options.ordered ? WEFT_QUEUE_ORDERED : 0u) |
                                         (broadcast ? WEFT_QUEUE_BROADCAST : 0u) };
}

static void part_topics(struct weft_arena *arena, const struct weft_part *part, const char **topics, uint32_t *n_topics)
{
    const struct weft_service *service = part->service;
    for (size_t i = 0; i < service->n_emits; i++) {
        topic_add(topics, n_topics, service->emits[i]->topic);
        if ((service->emits[i]->flags & WEFT_EVENT_BROADCAST) != 0)
            topic_add(topics, n_topics, topic_of(arena, service->emits[i], true));
    }
    for (const struct weft_group *group = service->groups; group != NULL; group = group->next)
        for (size_t i = 0; i < group->n_handlers; i++)
            topic_add(topics, n_topics, topic_of(arena, group->handlers[i].type, group->options.broadcast));
}

struct weft_topology *weft_topology_build(struct weft_arena *arena, const struct weft_part *parts, size_t n_parts,
                                          const char *instance)
{
    size_t topics_most = 0, n_queues = 0;
    for (size_t i = 0; i < n_parts; i++) {
        topics_most += 2 * parts[i].service->n_emits + handlers_count(&parts[i]);
        n_queues += groups_count(&parts[i]);
    }
    const char **topics = weft_arena_alloc(arena, (topics_most + 1) * sizeof *topics);
    struct weft_queue *queues = weft_arena_alloc(arena, (n_queues + 1) * sizeof *queues), *next = queues;
    struct weft_topology *topology = weft_arena_alloc(arena, sizeof *topology);
    topology->size = sizeof *topology;
    for (size_t i = 0; i < n_parts; i++) {
        part_topics(arena, &parts[i], topics, &topology->n_topics);
        for (const struct weft_group *group = parts[i].service->groups; group != NULL; group = group->next)
            *next++ = queue_make(arena, group, instance);
    }
    topology->topics = topics;
    topology->queues = queues;
    topology->n_queues = (uint32_t)n_queues;
    return topology;
}

static bool type_is_emitted(const struct weft_part *parts, size_t n_parts, const char *type)
{
    for (size_t i = 0; i < n_parts; i++)
        for (size_t e = 0; e < parts[i].service->n_emits; e++)
            if (strcmp(parts[i].service->emits[e]->type, type) == 0) return true;
    return false;
}

const char *weft_topology_orphans(struct weft_arena *arena, const struct weft_part *parts, size_t n_parts)
{
    const char *orphans = NULL;
    for (size_t i = 0; i < n_parts; i++)
        for (const struct weft_group *group = parts[i].service->groups; group != NULL; group = group->next)
            for (size_t h = 0; h < group->n_handlers; h++) {
                const char *type = group->handlers[h].type->type;
                if (type_is_emitted(parts, n_parts, type)) continue;
                orphans = orphans == NULL ? type : weft_arena_format(arena, "%s, %s", orphans, type);
            }
    return orphans;
}
