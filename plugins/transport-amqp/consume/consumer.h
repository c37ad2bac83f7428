/* consumer.h - subscriptions at the broker: a seat for each, from basic.consume to its close. */
#ifndef WEFT_AMQP_CONSUMER_H
#define WEFT_AMQP_CONSUMER_H

#include "connection/line.h"
#include "message.h"

#include <amqp.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uthash.h>

struct rabbit;

enum { CONSUMER_SHORT_TEXT = 256 };

struct subscription {
    /* Set once. */
    void *tag;   /* the host's */
    char *queue; /* at the broker */
    uint32_t flags, credit;
    UT_hash_handle hh; /* in the host's table of those that are subscribed */

    bool active; /* under `delivering`: cleared when unsubscribe is called */

    /* The I/O thread's from here on. */
    struct subscription *prev, *next; /* in the list of all that are not yet freed */
    struct seat seat;
    uint64_t epoch;            /* counts the channels it has had */
    bool leaving;              /* unsubscribed: no new channel */
    bool refused;              /* the host took less than offered: nothing until it settles */
    struct incoming *ready;    /* complete, to be delivered; by tag */
    struct incoming *in_hand;  /* in the host's hands and of this epoch; by tag */
    struct incoming *stale;    /* in the host's hands, of an earlier epoch */
    size_t n_held;             /* both of them: together never more than the credit */
    struct incoming *arriving; /* its body is not complete */
    uint64_t arriving_tag;     /* of the last basic.deliver; 0: none is under way */
    bool arriving_redelivered;
    EVP_MD_CTX *digest; /* SHA-256 of a body that is too large to be kept; made for the first one */
    char exchange[CONSUMER_SHORT_TEXT], routing_key[CONSUMER_SHORT_TEXT]; /* of the last basic.deliver */
    uint64_t last_tag; /* highest delivered by the broker in this epoch */

    uint64_t *acks; /* settled, not yet told to the broker; not sorted */
    size_t n_acks;
    uint64_t acks_since_ns; /* when the first of them came */
};

struct consumers {
    struct subscription *all;
    struct scratch scratch;
};

struct subscription *rabbit_subscription_new(const char *queue, uint32_t flags, uint32_t credit, void *tag);
void rabbit_subscription_free(struct subscription *subscription); /* with all deliveries */

/* I/O thread. */
void rabbit_consumer_add(struct rabbit *rabbit, struct subscription *subscription);
void rabbit_consumer_leave(struct rabbit *rabbit, struct subscription *subscription);
/* Begins subscriptions that are not, and whose queue is in place. */
void rabbit_consumer_open(struct rabbit *rabbit);
/* One whose last try failed; NULL: none. */
const struct subscription *rabbit_consumer_failed(const struct rabbit *rabbit);
uint64_t rabbit_consumer_next_ns(const struct rabbit *rabbit);
/* Delivers what is ready, in arrays. */
void rabbit_consumer_deliver(struct rabbit *rabbit);
/* Ends those that are unsubscribed and have nothing left in the host's hands. */
void rabbit_consumer_retire(struct rabbit *rabbit);
void rabbit_consumer_free_all(struct rabbit *rabbit);

#endif
