/* topology.h - the exchanges, queues and bindings wanted. declare.h puts them in place. */
#ifndef WEFT_AMQP_TOPOLOGY_H
#define WEFT_AMQP_TOPOLOGY_H

#include "connection/line.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uthash.h>
#include <weft/plugin.h>

struct rabbit;

/* What its next declaration is to do: look whether it is there and bind it, or make it, to be bound later. */
enum queue_stage { QUEUE_LOOK, QUEUE_MAKE };

/* A queue as declared by the host. */
struct queue {
    char *name;
    char *broker_name; /* of a broadcast queue: with this instance's suffix; else the same as name */
    char *dead_name;   /* of its dead-letter queue; NULL: a broadcast queue has none */
    uint32_t flags;
    struct weft_binding *bindings; /* texts are the topology's */
    uint32_t n_bindings;

    /* The I/O thread's. */
    struct seat seat; /* while it is declared */
    enum queue_stage stage;
    uint32_t n_expected; /* answers */
    bool in_place;
    bool refused; /* the broker has another one */
};

/* A copy of what the host declared; not changed afterwards. */
struct topology {
    char **topics;
    uint32_t n_topics;
    struct queue *queues;
    uint32_t n_queues;
};

/* An exchange that is there. */
struct topic_name {
    UT_hash_handle hh;
    char name[];
};

/* Checks and copies. NULL with an error: INVALID for names that AMQP cannot have. */
struct topology *rabbit_topology_new(const struct weft_topology *wanted, const char *own_suffix,
                                     struct weft_error *ret_error);
void rabbit_topology_free(struct topology *topology); /* NULL is fine */

/* The name at the broker and the flags for a queue that a subscription names: one of the topology's, or the dead-letter
 * queue of one. false: there is none. */
bool rabbit_topology_find(const struct topology *topology, const char *name, const char **ret_broker_name,
                          uint32_t *ret_flags);

#endif
