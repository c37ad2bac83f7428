/* broker.c - librabbitmq, one call after the other. */
#include "broker.h"

#include "url.h"

#include <amqp_tcp_socket.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CHANNEL = 1 };

static void need(struct broker *broker, const char *what)
{
    amqp_rpc_reply_t reply = amqp_get_rpc_reply(broker->state);
    KIT_CHECK(reply.reply_type == AMQP_RESPONSE_NORMAL, "the plain client failed at %s", what);
}

struct broker broker_open(const struct kit *kit)
{
    struct broker broker = { .state = amqp_new_connection(), .kit = kit };
    struct kit_url url;
    KIT_CHECK(kit_url_parse(kit->url, &url), "the URL cannot be read");
    const struct weft_url *parts = &url.parts;
    amqp_socket_t *socket = amqp_tcp_socket_new(broker.state);
    int status = amqp_socket_open(socket, parts->host, parts->port != 0 ? (int)parts->port : 5672);
    KIT_CHECK(status == AMQP_STATUS_OK, "the plain client cannot connect");
    amqp_rpc_reply_t login =
        amqp_login(broker.state, parts->path != NULL && *parts->path != '\0' ? parts->path : "/", 0, 131072, 0,
                   AMQP_SASL_METHOD_PLAIN, parts->user != NULL ? parts->user : "guest",
                   parts->password != NULL ? parts->password : "guest");
    KIT_CHECK(login.reply_type == AMQP_RESPONSE_NORMAL, "the plain client cannot log in");
    amqp_channel_open(broker.state, CHANNEL);
    need(&broker, "channel.open");
    return broker;
}

void broker_close(struct broker *broker)
{
    amqp_connection_close(broker->state, AMQP_REPLY_SUCCESS);
    amqp_destroy_connection(broker->state);
}

static amqp_bytes_t own_name(const struct broker *broker, const char *name, char room[256])
{
    snprintf(room, 256, "%s.%s", broker->kit->prefix, name);
    return amqp_cstring_bytes(room);
}

void broker_publish(struct broker *broker, const char *topic, const char *routing_key,
                    const amqp_basic_properties_t *properties, const char *body)
{
    char room[256];
    int status = amqp_basic_publish(broker->state, CHANNEL, own_name(broker, topic, room),
                                    amqp_cstring_bytes(routing_key), 0, 0, properties, amqp_cstring_bytes(body));
    KIT_CHECK(status == AMQP_STATUS_OK, "the plain client cannot publish");
}

bool broker_get(struct broker *broker, const char *queue, struct fetched *ret_fetched)
{
    static amqp_message_t message;
    char room[256];
    amqp_rpc_reply_t reply = amqp_basic_get(broker->state, CHANNEL, own_name(broker, queue, room), 1);
    KIT_CHECK(reply.reply_type == AMQP_RESPONSE_NORMAL, "the plain client failed at basic.get");
    if (reply.reply.id == AMQP_BASIC_GET_EMPTY_METHOD) return false;
    amqp_read_message(broker->state, CHANNEL, &message, 0);
    ret_fetched->properties = &message.properties;
    ret_fetched->size = message.body.len < sizeof ret_fetched->body ? message.body.len : sizeof ret_fetched->body;
    memcpy(ret_fetched->body, message.body.bytes, ret_fetched->size);
    return true;
}

void broker_delete_queue(struct broker *broker, const char *queue)
{
    char room[256];
    amqp_queue_delete(broker->state, CHANNEL, own_name(broker, queue, room), 0, 0);
    need(broker, "queue.delete");
}

void broker_delete_topic(struct broker *broker, const char *topic)
{
    char room[256];
    amqp_exchange_delete(broker->state, CHANNEL, own_name(broker, topic, room), 0);
    need(broker, "exchange.delete");
}

void broker_declare_queue(struct broker *broker, const char *queue, const char *argument, int64_t value)
{
    char room[256];
    amqp_table_entry_t entry = { .key = amqp_cstring_bytes(argument) };
    entry.value.kind = AMQP_FIELD_KIND_I64;
    entry.value.value.i64 = value;
    amqp_table_t table = { .num_entries = 1, .entries = &entry };
    amqp_queue_declare(broker->state, CHANNEL, own_name(broker, queue, room), 0, 1, 0, 0, table);
    need(broker, "queue.declare");
}
