/* settle.c - one basic.ack for many, but only up to the lowest delivery that is not settled: lanes share a channel, and
 * what lies below would be lost with the process. What is settled above it is held back for a moment, in the hope of
 * the lowest, and then told singly, so that a slow handler neither eats up the credit nor makes others come again. */
#include "consume/settle.h"

#include "connection/frame.h"
#include "instance.h"

#include <stdlib.h>
#include <utlist.h>

static const uint64_t hold_ns = 20000000; /* 20 ms */

void rabbit_settle_nack(const struct subscription *subscription, uint64_t tag, bool requeue)
{
    amqp_basic_nack_t nack = { .delivery_tag = tag, .requeue = requeue };
    rabbit_frame_method(&subscription->seat.line->connection, subscription->seat.channel, AMQP_BASIC_NACK_METHOD,
                        &nack);
}

static void settle_ack(const struct subscription *subscription, uint64_t tag, bool multiple)
{
    amqp_basic_ack_t ack = { .delivery_tag = tag, .multiple = multiple };
    rabbit_frame_method(&subscription->seat.line->connection, subscription->seat.channel, AMQP_BASIC_ACK_METHOD, &ack);
}

static void settle_one(struct rabbit *rabbit, const struct settlement *settlement)
{
    struct incoming *incoming = settlement->incoming;
    struct subscription *subscription = incoming->subscription;

    subscription->refused = false;
    subscription->n_held--;
    if (incoming->epoch != subscription->epoch) { /* the broker delivers it again */
        DL_DELETE(subscription->stale, incoming);
    } else {
        DL_DELETE(subscription->in_hand, incoming);
        if (settlement->verdict == WEFT_VERDICT_ACK) {
            if (subscription->n_acks == 0) subscription->acks_since_ns = rabbit_now(rabbit);
            subscription->acks[subscription->n_acks++] = incoming->tag;
        } else {
            rabbit_settle_nack(subscription, incoming->tag, settlement->verdict == WEFT_VERDICT_REQUEUE);
        }
    }
    free(incoming);
}

void rabbit_settle_apply(struct rabbit *rabbit, const struct settlement *settlements, size_t n)
{
    for (size_t i = 0; i < n; i++)
        settle_one(rabbit, &settlements[i]);
}

/* The lowest tag without a verdict. */
static uint64_t lowest_unsettled(const struct subscription *subscription)
{
    if (subscription->in_hand != NULL) return subscription->in_hand->tag;
    if (subscription->ready != NULL) return subscription->ready->tag;
    if (subscription->arriving_tag != 0) return subscription->arriving_tag;
    return subscription->last_tag + 1;
}

void rabbit_settle_subscription(struct subscription *subscription, bool singly)
{
    uint64_t lowest = lowest_unsettled(subscription), highest = 0;
    size_t kept = 0;
    for (size_t i = 0; i < subscription->n_acks; i++) {
        uint64_t tag = subscription->acks[i];
        if (tag < lowest)
            highest = tag > highest ? tag : highest;
        else if (singly)
            settle_ack(subscription, tag, false);
        else
            subscription->acks[kept++] = tag;
    }
    subscription->n_acks = kept;
    if (highest > 0) settle_ack(subscription, highest, true);
}

void rabbit_settle_flush(struct rabbit *rabbit, bool all)
{
    uint64_t now_ns = rabbit_now(rabbit);
    struct subscription *subscription;
    DL_FOREACH(rabbit->consumers.all, subscription)
    {
        if (subscription->n_acks == 0 || subscription->seat.channel == 0) continue;
        bool singly = all || subscription->leaving || subscription->n_acks > subscription->credit / 2 ||
                      now_ns >= subscription->acks_since_ns + hold_ns;
        rabbit_settle_subscription(subscription, singly);
    }
}

uint64_t rabbit_settle_next_ns(const struct rabbit *rabbit)
{
    uint64_t next_ns = UINT64_MAX;
    const struct subscription *subscription;
    DL_FOREACH(rabbit->consumers.all, subscription)
    {
        if (subscription->n_acks > 0 && subscription->seat.channel != 0 &&
            subscription->acks_since_ns + hold_ns < next_ns)
            next_ns = subscription->acks_since_ns + hold_ns;
    }
    return next_ns;
}
