/* line.h - consuming connections, and the channels on them.
 *
 * All queues share one line while they behave. RabbitMQ closes the whole connection (541 INTERNAL_ERROR) when one
 * quorum queue has no leader, or says nothing for a minute: whoever was asking then gets a line of its own for the next
 * try, so that it takes nobody down with it.
 *
 * A seat is what needs a channel on a line: the declaration of a queue, or a subscription. It asks and goes on; the
 * answers come as frames. I/O thread. */
#ifndef WEFT_AMQP_LINE_H
#define WEFT_AMQP_LINE_H

#include "connection/connection.h"

enum { LINE_CHANNELS = 2048, LINES_MAX = 64 };

struct line;
struct seat;

/* What a seat is for. */
struct seat_kind {
    void (*frame)(struct rabbit *rabbit, struct seat *seat, const amqp_frame_t *frame); /* but those that end it */
    void (*gone)(struct rabbit *rabbit, struct seat *seat); /* its channel is gone, whoever ended that */
    void (*refused)(struct rabbit *rabbit, struct seat *seat, int code,
                    const char *text); /* by the broker; after gone */
};

struct seat {
    const struct seat_kind *kind;
    struct line *line;
    amqp_channel_t channel; /* 0: none */
    uint64_t asked_ns;      /* when the broker was asked what it has not answered; 0: nothing */
    uint64_t retry_ns;      /* not to be tried again before */
    uint64_t backoff_ns;
    bool alone;      /* wants a line of its own */
    char fault[320]; /* why the last try failed; empty: it did not */
};

struct line {
    struct connection connection;
    struct line *prev, *next;
    bool over;                         /* its only seat has left: to be closed */
    bool accusing;                     /* the broker closed the connection for something that was asked on it */
    struct seat *seats[LINE_CHANNELS]; /* by channel; NULL: free, or closing */
    bool closing[LINE_CHANNELS];       /* channel.close is sent, close-ok has not come */
};

/* NULL: out of memory, or too many. The first is the shared one. */
struct line *rabbit_line_new(struct rabbit *rabbit);
void rabbit_line_free(struct rabbit *rabbit, struct line *line);
/* The connection is broken: takes the channels from the seats. Those who were asking when the broker closed it want
 * lines of their own. */
void rabbit_line_lost(struct rabbit *rabbit, struct line *line);
void rabbit_line_frame(struct rabbit *rabbit, struct line *line, const amqp_frame_t *frame);
/* Closes lines that are over, or lost and not shared. */
void rabbit_line_sweep(struct rabbit *rabbit);

/* Has it no channel, and may it have one now? */
bool rabbit_seat_is_due(const struct rabbit *rabbit, const struct seat *seat);
/* Gives it a channel, whose opening is on its way; what is asked next may follow at once. false: not now. */
bool rabbit_seat_take(struct rabbit *rabbit, struct seat *seat);
/* All that was asked is answered. */
void rabbit_seat_works(struct seat *seat);
/* Closes its channel, if it has one. */
void rabbit_seat_leave(struct rabbit *rabbit, struct seat *seat);
/* Leaves, notes why, and is due again after a while, which grows from try to try. */
void rabbit_seat_fail(struct rabbit *rabbit, struct seat *seat, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Fails those who were not answered in time. */
void rabbit_seat_check(struct rabbit *rabbit, struct seat *seat);
/* When it has to be looked at again; UINT64_MAX: never. */
uint64_t rabbit_seat_next_ns(const struct seat *seat);

#endif
