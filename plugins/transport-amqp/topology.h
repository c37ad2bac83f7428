/* topology.h - the exchanges, queues and bindings wanted, and putting them in place. */
#ifndef WEFT_AMQP_TOPOLOGY_H
#define WEFT_AMQP_TOPOLOGY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uthash.h>
#include <weft/plugin.h>

struct rabbit;

/* A queue as declared by the host. */
struct queue {
    char *name;
    char *broker_name; /* of a broadcast queue: with this instance's suffix; else the same as name */
    char *dead_name;   /* of its dead-letter queue; NULL: a broadcast queue has none */
    uint32_t flags;
    struct weft_binding *bindings; /* texts are the topology's */
    uint32_t n_bindings;
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

/* I/O thread: declares and binds everything over the consuming connection. false: it is broken, or the broker has
 * another topology and ret_text names the difference. */
bool rabbit_topology_apply(struct rabbit *rabbit, char *ret_text, size_t size);
/* I/O thread: is the exchange there? One that nobody declared here is looked for, and made if it is missing. false:
 * not, for the reason in ret_text. */
bool rabbit_topology_ensure(struct rabbit *rabbit, const char *topic, char *ret_text, size_t size);
void rabbit_topology_forget(struct rabbit *rabbit); /* what is known of the broker's exchanges */

#endif
