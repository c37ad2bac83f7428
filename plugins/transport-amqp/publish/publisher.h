/* publisher.h - publishing with confirms: what waits, what is out, and what became of it. I/O thread. */
#ifndef WEFT_AMQP_PUBLISHER_H
#define WEFT_AMQP_PUBLISHER_H

#include "connection/connection.h"
#include "message.h"

#include <weft/plugin.h>

struct rabbit;

/* A message that is out; the slot of its delivery tag. */
struct slot {
    const struct weft_publish *operation; /* NULL: completed */
    uint64_t sent_ns;
    bool returned; /* nobody listens: its confirm becomes UNROUTED */
};

enum { PUBLISHER_COMPLETIONS = 64 };

struct publisher {
    const struct weft_publish **waiting; /* a ring: taken, not yet sent */
    size_t window, first_waiting, n_waiting;

    struct slot *slots; /* a ring by tag; a power of two and at least twice the window, for confirms are out of order */
    uint64_t n_slots;
    uint64_t oldest_tag, next_tag; /* those that may be out: oldest <= tag < next */
    uint64_t return_tag;           /* returns come in the order of publishing: the search goes on from here */
    bool blocked;                  /* the broker reads no more from this connection until it tells */

    struct outgoing outgoing;
    struct weft_completion completions[PUBLISHER_COMPLETIONS];
    size_t n_completions;
};

bool rabbit_publisher_init(struct publisher *publisher, size_t window);
void rabbit_publisher_destroy(struct publisher *publisher);

/* The connection is open: asks for confirms. false: it broke. */
bool rabbit_publisher_begin(struct rabbit *rabbit);
/* Takes over what publish has taken. */
void rabbit_publisher_add(struct publisher *publisher, const struct weft_publish *const *operations, size_t n);
/* Sends what the window, the socket and the broker allow. */
void rabbit_publisher_send(struct rabbit *rabbit);
/* A frame from the publishing connection. */
void rabbit_publisher_frame(struct rabbit *rabbit, const amqp_frame_t *frame);
/* Completes what the broker has not confirmed in time. */
void rabbit_publisher_check(struct rabbit *rabbit);
uint64_t rabbit_publisher_next_ns(const struct rabbit *rabbit); /* when that is due; UINT64_MAX: never */
/* Reports what is completed, and ready(). */
void rabbit_publisher_report(struct rabbit *rabbit);
/* The connection is gone: what is out is MAYBE_SENT, what waits is NOT_SENT. */
void rabbit_publisher_give_up(struct rabbit *rabbit, const char *why);
bool rabbit_publisher_is_idle(const struct publisher *publisher);

#endif
