/* settle.h - telling the broker what became of deliveries. I/O thread. */
#ifndef WEFT_AMQP_SETTLE_H
#define WEFT_AMQP_SETTLE_H

#include "mailbox.h"

#include <stdint.h>

struct incoming;
struct rabbit;
struct subscription;

/* Takes deliveries back from the host. */
void rabbit_settle_apply(struct rabbit *rabbit, const struct settlement *settlements, size_t n);
/* basic.nack for one delivery. */
void rabbit_settle_nack(const struct subscription *subscription, uint64_t tag, bool requeue);
/* Acknowledges what can be; `singly`: also what cannot be told together. */
void rabbit_settle_subscription(struct subscription *subscription, bool singly);
/* The same for all of them; singly where it is due, or `all`. */
void rabbit_settle_flush(struct rabbit *rabbit, bool all);
/* When the next flush is due although nothing comes; UINT64_MAX: never. */
uint64_t rabbit_settle_next_ns(const struct rabbit *rabbit);

#endif
