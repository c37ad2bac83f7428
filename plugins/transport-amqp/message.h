/* message.h - between weft's message and AMQP's properties, headers and body. I/O thread. */
#ifndef WEFT_AMQP_MESSAGE_H
#define WEFT_AMQP_MESSAGE_H

#include <amqp.h>
#include <amqp_framing.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <weft/plugin.h>

struct subscription;

/* A message as it goes out: points into the operation. */
struct outgoing {
    amqp_basic_properties_t properties;
    size_t properties_bytes;     /* upper bound once encoded */
    amqp_table_entry_t *entries; /* kept from message to message */
    size_t entries_capacity;
};

/* Why AMQP cannot carry the message, or NULL. */
const char *rabbit_message_fault(const struct weft_message *message, size_t frame_max, uint64_t max_message_bytes);
/* false: out of memory. */
bool rabbit_message_encode(struct outgoing *outgoing, const struct weft_message *message, bool persistent);

/* A delivery in one allocation: this, the headers, the texts, the body or its beginning. */
struct incoming {
    struct weft_delivery delivery; /* plugin_data leads back here */
    struct weft_cut cut;           /* delivery.cut points here if the message is too large */
    struct subscription *subscription;
    uint64_t tag;                 /* of the channel */
    uint64_t epoch;               /* of the subscription's channel: of an earlier one it is only freed */
    struct incoming *prev, *next; /* in one of the subscription's lists */
    char *body;
    size_t body_size, body_kept, body_filled; /* announced by the broker; room for it; come so far */
};

/* Bytes that are collected before their place in an incoming is known; kept from message to message. */
struct scratch {
    char *bytes;
    size_t size, capacity;
};

struct arrival {
    const char *exchange, *routing_key; /* of the basic.deliver */
    const amqp_basic_properties_t *properties;
    size_t body_size, body_most; /* of a larger one only the beginning is kept */
};

/* Makes a delivery without its body. Headers of every type become text; arrays and tables JSON. NULL: out of memory. */
struct incoming *rabbit_message_decode(struct scratch *scratch, const struct arrival *arrival);

#endif
