/* broker.h - a plain AMQP client beside the plugin, to look at the broker and to do what foreign programs do. */
#ifndef WEFT_KIT_BROKER_H
#define WEFT_KIT_BROKER_H

#include "station.h"

#include <amqp.h>
#include <amqp_framing.h>

struct broker {
    amqp_connection_state_t state;
    const struct kit *kit;
};

/* What amqp_basic_get gave; the properties live until the next call. */
struct fetched {
    const amqp_basic_properties_t *properties;
    char body[256];
    size_t size;
};

struct broker broker_open(const struct kit *kit);
void broker_close(struct broker *broker);
/* Names get the test's prefix, as a station's do. */
void broker_publish(struct broker *broker, const char *topic, const char *routing_key,
                    const amqp_basic_properties_t *properties, const char *body);
bool broker_get(struct broker *broker, const char *queue, struct fetched *ret_fetched); /* and acknowledges */
void broker_delete_queue(struct broker *broker, const char *queue);
void broker_delete_topic(struct broker *broker, const char *topic);
/* A classic queue with one argument. */
void broker_declare_queue(struct broker *broker, const char *queue, const char *argument, int64_t value);

#endif
