/* declare.h - putting the topology in place at the broker. I/O thread. */
#ifndef WEFT_AMQP_DECLARE_H
#define WEFT_AMQP_DECLARE_H

#include "topology/topology.h"

/* The exchanges, over the shared line, waiting for the answers. false: it is broken, or an exchange is refused and
 * ret_text says why. */
bool rabbit_declare_topics(struct rabbit *rabbit, char *ret_text, size_t size);
/* Is the exchange there? One that nobody declared here is looked for, and made if it is missing. false: not, for the
 * reason in ret_text. */
bool rabbit_declare_topic(struct rabbit *rabbit, const char *topic, char *ret_text, size_t size);
void rabbit_declare_forget(struct rabbit *rabbit); /* what is known of the broker's exchanges */

/* Goes on with the queues, each on a seat of its own. */
void rabbit_declare_queues(struct rabbit *rabbit);
/* The queue at the broker may be gone, or all of them with name NULL: to be declared again. */
void rabbit_declare_again(struct rabbit *rabbit, const char *broker_name);
bool rabbit_declare_is_in_place(const struct rabbit *rabbit, const char *broker_name);
/* Before the topology is freed: its queues leave their seats. */
void rabbit_declare_abandon(struct rabbit *rabbit);
uint64_t rabbit_declare_next_ns(const struct rabbit *rabbit);

/* How far it is. */
enum declared {
    DECLARED_ALL,     /* every queue is in place */
    DECLARED_PENDING, /* one has not been tried to the end */
    DECLARED_FAILED,  /* one does not answer; the others are in place */
    DECLARED_REFUSED  /* the broker has another one */
};
enum declared rabbit_declare_state(const struct rabbit *rabbit, const struct queue **ret_queue);

#endif
