/* topology.c - the host's wishes checked and copied. */
#include "topology/topology.h"

#include "instance.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_MAX_BYTES = 255 };

/* ---- the copy --------------------------------------------------------------------------------------------------- */

static bool name_check(const char *what, const char *name, size_t most, struct weft_error *ret_error)
{
    if (name == NULL || *name == '\0')
        rabbit_error(ret_error, WEFT_RC_INVALID, "a %s has no name", what);
    else if (strlen(name) > most)
        rabbit_error(ret_error, WEFT_RC_INVALID, "%s '%.40s...' has %zu bytes, at most %zu are allowed", what, name,
                     strlen(name), most);
    else if (strncmp(name, "amq.", 4) == 0)
        rabbit_error(ret_error, WEFT_RC_INVALID, "%s '%s': names that begin with 'amq.' are the broker's own", what,
                     name);
    else
        return true;
    return false;
}

static bool binding_check(const struct weft_queue *queue, const struct weft_binding *binding,
                          struct weft_error *ret_error)
{
    if (!name_check("binding's topic", binding->topic, NAME_MAX_BYTES, ret_error)) return false;
    if (binding->routing_key != NULL && strlen(binding->routing_key) <= NAME_MAX_BYTES) return true;
    rabbit_error(ret_error, WEFT_RC_INVALID, "queue '%s' is bound to '%s' by a routing key of more than %d bytes",
                 queue->name, binding->topic, NAME_MAX_BYTES);
    return false;
}

static bool topology_check(const struct weft_topology *wanted, struct weft_error *ret_error)
{
    size_t queue_most = NAME_MAX_BYTES - 17; /* room for .dead and the suffix of broadcast queues */
    for (uint32_t i = 0; i < wanted->n_topics; i++) {
        if (!name_check("topic", wanted->topics[i], NAME_MAX_BYTES, ret_error)) return false;
    }
    for (uint32_t i = 0; i < wanted->n_queues; i++) {
        const struct weft_queue *queue = &wanted->queues[i];
        if (!name_check("queue", queue->name, queue_most, ret_error)) return false;
        for (uint32_t j = 0; j < queue->n_bindings; j++) {
            if (!binding_check(queue, &queue->bindings[j], ret_error)) return false;
        }
    }
    return true;
}

static char *text_join(const char *a, const char *b)
{
    char *joined = NULL;
    return asprintf(&joined, "%s%s", a, b) < 0 ? NULL : joined;
}

static bool queue_copy(struct queue *queue, const struct weft_queue *wanted, const char *own_suffix)
{
    bool broadcast = (wanted->flags & WEFT_QUEUE_BROADCAST) != 0;
    queue->flags = wanted->flags;
    queue->name = strdup(wanted->name);
    queue->broker_name = text_join(wanted->name, broadcast ? own_suffix : "");
    queue->dead_name = broadcast ? NULL : text_join(wanted->name, ".dead");
    queue->bindings = calloc(wanted->n_bindings + 1, sizeof *queue->bindings);
    if (queue->name == NULL || queue->broker_name == NULL || queue->bindings == NULL) return false;
    for (uint32_t i = 0; i < wanted->n_bindings; i++) {
        char *topic = strdup(wanted->bindings[i].topic), *key = strdup(wanted->bindings[i].routing_key);
        queue->bindings[queue->n_bindings++] = (struct weft_binding){ .topic = topic, .routing_key = key };
        if (topic == NULL || key == NULL) return false;
    }
    return broadcast || queue->dead_name != NULL;
}

static bool topology_copy(struct topology *topology, const struct weft_topology *wanted, const char *own_suffix)
{
    topology->topics = calloc(wanted->n_topics + 1, sizeof *topology->topics);
    topology->queues = calloc(wanted->n_queues + 1, sizeof *topology->queues);
    if (topology->topics == NULL || topology->queues == NULL) return false;
    for (uint32_t i = 0; i < wanted->n_topics; i++) {
        topology->topics[topology->n_topics++] = strdup(wanted->topics[i]);
        if (topology->topics[i] == NULL) return false;
    }
    for (uint32_t i = 0; i < wanted->n_queues; i++) {
        topology->n_queues++;
        if (!queue_copy(&topology->queues[i], &wanted->queues[i], own_suffix)) return false;
    }
    return true;
}

struct topology *rabbit_topology_new(const struct weft_topology *wanted, const char *own_suffix,
                                     struct weft_error *ret_error)
{
    if (!topology_check(wanted, ret_error)) return NULL;
    struct topology *topology = calloc(1, sizeof *topology);
    if (topology != NULL && topology_copy(topology, wanted, own_suffix)) return topology;
    rabbit_topology_free(topology);
    rabbit_error(ret_error, WEFT_RC_UNAVAILABLE, "out of memory while declaring %u queues", wanted->n_queues);
    return NULL;
}

static void queue_free(struct queue *queue)
{
    for (uint32_t i = 0; i < queue->n_bindings; i++) {
        free((char *)(uintptr_t)queue->bindings[i].topic);
        free((char *)(uintptr_t)queue->bindings[i].routing_key);
    }
    free(queue->bindings);
    free(queue->name);
    free(queue->broker_name);
    free(queue->dead_name);
}

void rabbit_topology_free(struct topology *topology)
{
    if (topology == NULL) return;
    for (uint32_t i = 0; i < topology->n_topics; i++)
        free(topology->topics[i]);
    for (uint32_t i = 0; i < topology->n_queues; i++)
        queue_free(&topology->queues[i]);
    free(topology->topics);
    free(topology->queues);
    free(topology);
}

bool rabbit_topology_find(const struct topology *topology, const char *name, const char **ret_broker_name,
                          uint32_t *ret_flags)
{
    for (uint32_t i = 0; topology != NULL && i < topology->n_queues; i++) {
        const struct queue *queue = &topology->queues[i];
        bool dead = queue->dead_name != NULL && strcmp(queue->dead_name, name) == 0;
        if (!dead && strcmp(queue->name, name) != 0) continue;
        *ret_broker_name = dead ? queue->dead_name : queue->broker_name;
        *ret_flags = dead ? 0 : queue->flags;
        return true;
    }
    return false;
}
