/* topic.h - a topic: which queues a routing key reaches, and how many messages are under way. */
#ifndef WEFT_MEMORY_TOPIC_H
#define WEFT_MEMORY_TOPIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uthash.h>

struct queue;

struct route {
    struct queue *queue;
    char *pattern;
};

struct topic {
    char *name;
    UT_hash_handle hh;
    struct route *routes; /* those of one queue stand together */
    size_t n_routes;
    size_t n_under_way; /* messages that a durable queue still holds */
    bool full;          /* a publish was turned away: ready() is due once there is room */
};

/* Find by name, or NULL. */
struct topic *memory_topic_find(struct topic *topics, const char *name);
/* Finds or makes; NULL when out of memory. */
struct topic *memory_topic_get(struct topic **topics, const char *name);
bool memory_topic_add_route(struct topic *topic, struct queue *queue, const char *pattern); /* false: out of memory */
void memory_topic_clear_routes(struct topic *topic);
void memory_topic_free_all(struct topic **topics);

/* The queues that want `routing_key`, each once, at most `max` of them, broadcast queues without subscriber left out.
 * Returns how many there are. */
size_t memory_topic_route(const struct topic *topic, const char *routing_key, struct queue **ret_queues, size_t max);

#endif
