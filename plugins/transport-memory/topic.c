/* topic.c - routing. */
#include "topic.h"

#include "pattern.h"
#include "queue.h"

#include <stdlib.h>
#include <string.h>

struct topic *memory_topic_find(struct topic *topics, const char *name)
{
    struct topic *topic = NULL;
    HASH_FIND_STR(topics, name, topic);
    return topic;
}

struct topic *memory_topic_get(struct topic **topics, const char *name)
{
    struct topic *topic = memory_topic_find(*topics, name);
    if (topic != NULL) return topic;
    topic = calloc(1, sizeof *topic);
    if (topic == NULL || (topic->name = strdup(name)) == NULL) {
        free(topic);
        return NULL;
    }
    HASH_ADD_KEYPTR(hh, *topics, topic->name, strlen(topic->name), topic);
    return topic;
}

bool memory_topic_add_route(struct topic *topic, struct queue *queue, const char *pattern)
{
    char *copy = strdup(pattern);
    struct route *grown = reallocarray(topic->routes, topic->n_routes + 1, sizeof *grown);
    if (grown != NULL) topic->routes = grown;
    if (copy == NULL || grown == NULL) {
        free(copy);
        return false;
    }
    topic->routes[topic->n_routes++] = (struct route){ .queue = queue, .pattern = copy };
    return true;
}

void memory_topic_clear_routes(struct topic *topic)
{
    for (size_t i = 0; i < topic->n_routes; i++)
        free(topic->routes[i].pattern);
    free(topic->routes);
    topic->routes = NULL;
    topic->n_routes = 0;
}

void memory_topic_free_all(struct topic **topics)
{
    struct topic *topic, *next;
    HASH_ITER(hh, *topics, topic, next)
    {
        HASH_DEL(*topics, topic);
        memory_topic_clear_routes(topic);
        free(topic->name);
        free(topic);
    }
}

size_t memory_topic_route(const struct topic *topic, const char *routing_key, struct queue **ret_queues, size_t max)
{
    size_t n = 0;
    const struct queue *last = NULL;
    for (size_t i = 0; i < topic->n_routes && n < max; i++) {
        const struct route *route = &topic->routes[i];
        if (route->queue == last || !memory_queue_is_listening(route->queue) ||
            !memory_pattern_match(route->pattern, routing_key))
            continue;
        last = route->queue;
        ret_queues[n++] = route->queue;
    }
    return n;
}
