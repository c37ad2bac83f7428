/* topology.c - what the host declares: checked as a whole first, then put in place of what was there. */
#include "memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { NAME_MAX_BYTES = 255 };

int32_t memory_error(struct weft_error *ret_error, int32_t rc, const char *format, ...)
{
    va_list args;
    ret_error->rc = rc;
    va_start(args, format);
    vsnprintf(ret_error->text, sizeof ret_error->text, format, args);
    va_end(args);
    return rc;
}

static bool topic_is_listed(const struct weft_topology *topology, const char *name)
{
    for (uint32_t i = 0; i < topology->n_topics; i++) {
        if (strcmp(topology->topics[i], name) == 0) return true;
    }
    return false;
}

static int32_t name_check(const char *what, const char *name, struct weft_error *ret_error)
{
    if (name == NULL || *name == '\0') return memory_error(ret_error, WEFT_RC_INVALID, "a %s has no name", what);
    if (strlen(name) > NAME_MAX_BYTES)
        return memory_error(ret_error, WEFT_RC_INVALID, "%s '%.40s...' has %zu bytes, at most %d are allowed", what,
                            name, strlen(name), NAME_MAX_BYTES);
    return WEFT_RC_OK;
}

static int32_t binding_check(const struct weft_topology *topology, const struct weft_queue *queue,
                             const struct weft_binding *binding, struct weft_error *ret_error)
{
    int32_t rc = name_check("binding's topic", binding->topic, ret_error);
    if (rc == WEFT_RC_OK && !topic_is_listed(topology, binding->topic))
        rc = memory_error(ret_error, WEFT_RC_INVALID, "queue '%s' is bound to '%s', which is not among the topics",
                          queue->name, binding->topic);
    if (rc == WEFT_RC_OK && (binding->routing_key == NULL || strlen(binding->routing_key) > NAME_MAX_BYTES))
        rc = memory_error(ret_error, WEFT_RC_INVALID,
                          "queue '%s' is bound to '%s' by a routing key of more than %d bytes", queue->name,
                          binding->topic, NAME_MAX_BYTES);
    return rc;
}

static bool queue_is_twice(const struct weft_topology *topology, uint32_t index)
{
    for (uint32_t i = 0; i < index; i++) {
        if (strcmp(topology->queues[i].name, topology->queues[index].name) == 0) return true;
    }
    return false;
}

/* A queue's kind stays: messages in it count on it. */
static int32_t flags_check(struct memory *memory, const struct weft_queue *wanted, struct weft_error *ret_error)
{
    const struct queue *queue = memory_queue_find(memory->queues, wanted->name);
    if (queue != NULL && queue->flags != wanted->flags)
        return memory_error(ret_error, WEFT_RC_INVALID, "queue '%s' exists with other flags: has %u, want %u",
                            wanted->name, queue->flags, wanted->flags);
    return WEFT_RC_OK;
}

static int32_t topology_check(struct memory *memory, const struct weft_topology *topology, struct weft_error *ret_error)
{
    int32_t rc = WEFT_RC_OK;
    for (uint32_t i = 0; i < topology->n_topics && rc == WEFT_RC_OK; i++)
        rc = name_check("topic", topology->topics[i], ret_error);
    for (uint32_t i = 0; i < topology->n_queues && rc == WEFT_RC_OK; i++) {
        const struct weft_queue *queue = &topology->queues[i];
        rc = name_check("queue", queue->name, ret_error);
        if (rc == WEFT_RC_OK && queue_is_twice(topology, i))
            rc = memory_error(ret_error, WEFT_RC_INVALID, "queue '%s' is declared twice", queue->name);
        if (rc == WEFT_RC_OK) rc = flags_check(memory, queue, ret_error);
        for (uint32_t j = 0; j < queue->n_bindings && rc == WEFT_RC_OK; j++)
            rc = binding_check(topology, queue, &queue->bindings[j], ret_error);
    }
    return rc;
}

/* A queue that is no longer declared keeps its messages but gets no more. */
static void topology_clear(struct memory *memory)
{
    struct topic *topic, *next;
    HASH_ITER(hh, memory->topics, topic, next)
    memory_topic_clear_routes(topic);
}

static bool queue_bind(struct memory *memory, const struct weft_queue *wanted)
{
    struct queue *queue = memory_queue_get(&memory->queues, wanted->name);
    if (queue == NULL) return false;
    queue->flags = wanted->flags;
    for (uint32_t i = 0; i < wanted->n_bindings; i++) {
        struct topic *topic = memory_topic_get(&memory->topics, wanted->bindings[i].topic);
        if (topic == NULL || !memory_topic_add_route(topic, queue, wanted->bindings[i].routing_key)) return false;
    }
    return true;
}

static bool topology_apply(struct memory *memory, const struct weft_topology *topology)
{
    topology_clear(memory);
    for (uint32_t i = 0; i < topology->n_topics; i++) {
        if (memory_topic_get(&memory->topics, topology->topics[i]) == NULL) return false;
    }
    for (uint32_t i = 0; i < topology->n_queues; i++) {
        if (!queue_bind(memory, &topology->queues[i])) return false;
    }
    size_t size = HASH_COUNT(memory->queues);
    struct queue **reached = reallocarray(memory->reached, size + 1, sizeof *reached);
    if (reached == NULL) return false;
    memory->reached = reached;
    memory->reached_size = size;
    return true;
}

int32_t memory_declare(void *self, const struct weft_topology *topology, struct weft_error *ret_error)
{
    struct memory *memory = self;
    int32_t rc = topology_check(memory, topology, ret_error);
    if (rc != WEFT_RC_OK) return rc;
    if (!topology_apply(memory, topology))
        return memory_error(ret_error, WEFT_RC_UNAVAILABLE, "out of memory while declaring %u queues",
                            topology->n_queues);
    memory->host->health(memory->host, WEFT_HEALTH_UP, NULL);
    return WEFT_RC_OK;
}
