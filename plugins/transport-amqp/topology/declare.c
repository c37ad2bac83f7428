/* declare.c - topic exchanges, queues, dead-letter queues. Declaring what is there already changes nothing; what is
 * there with other arguments is told and left alone.
 *
 * A queue is declared and bound in one flight. But a new one is bound only after a while (option queue_settle):
 * RabbitMQ writes its tables and its list of quorum queues with up to 2 s of delay, and a queue that is younger than
 * that when the broker is killed is gone, or without leader for good, with all that was confirmed for it. What nobody
 * can route to it waits in the outbox instead. */
#include "topology/declare.h"

#include "connection/frame.h"
#include "instance.h"

#include <amqp.h>
#include <amqp_framing.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ARGUMENTS_MAX = 8, KNOWN_TOPICS_MAX = 4096, BROADCAST_LENGTH = 10000 };

static const uint64_t broadcast_expires_ms = 60000; /* outlives a reconnect, not the process */

/* ---- exchanges -------------------------------------------------------------------------------------------------- */

static enum rabbit_reply exchange_declare(struct rabbit *rabbit, const char *topic, char *ret_text, size_t size)
{
    struct connection *connection = &rabbit->lines->connection;
    char what[300];
    amqp_exchange_declare(connection->state, RABBIT_CONTROL_CHANNEL, amqp_cstring_bytes(topic),
                          amqp_cstring_bytes("topic"), 0, 1, 0, 0, amqp_empty_table);
    snprintf(what, sizeof what, "declaring exchange '%s'", topic);
    return rabbit_connection_reply(connection, RABBIT_CONTROL_CHANNEL, what, ret_text, size);
}

static void topic_know(struct rabbit *rabbit, const char *topic)
{
    struct topic_name *known = NULL;
    HASH_FIND_STR(rabbit->known_topics, topic, known);
    if (known != NULL || HASH_COUNT(rabbit->known_topics) >= KNOWN_TOPICS_MAX) return;
    known = calloc(1, sizeof *known + strlen(topic) + 1);
    if (known == NULL) return; /* it will be looked for again */
    strcpy(known->name, topic);
    HASH_ADD_STR(rabbit->known_topics, name, known);
}

void rabbit_declare_forget(struct rabbit *rabbit)
{
    struct topic_name *known, *next;
    HASH_ITER(hh, rabbit->known_topics, known, next)
    {
        HASH_DEL(rabbit->known_topics, known);
        free(known);
    }
}

bool rabbit_declare_topics(struct rabbit *rabbit, char *ret_text, size_t size)
{
    const struct topology *topology = rabbit->topology;
    enum rabbit_reply reply = RABBIT_REPLY_OK;
    char reason[400] = "";
    if (!rabbit_connection_drain(&rabbit->lines->connection)) return false;
    for (uint32_t i = 0; i < topology->n_topics && reply == RABBIT_REPLY_OK; i++) {
        reply = exchange_declare(rabbit, topology->topics[i], reason, sizeof reason);
        if (reply == RABBIT_REPLY_OK) topic_know(rabbit, topology->topics[i]);
        rabbit_keep_alive(rabbit);
    }
    if (reply == RABBIT_REPLY_REFUSED)
        snprintf(ret_text, size, "the broker has another topology: %s; change or delete what is there", reason);
    return reply == RABBIT_REPLY_OK;
}

bool rabbit_declare_topic(struct rabbit *rabbit, const char *topic, char *ret_text, size_t size)
{
    struct connection *connection = &rabbit->lines->connection;
    struct topic_name *known = NULL;
    HASH_FIND_STR(rabbit->known_topics, topic, known);
    if (known != NULL) return true;
    if (connection->state == NULL || !rabbit_connection_drain(connection)) {
        snprintf(ret_text, size, "%s", connection->fault);
        return false;
    }
    /* An exchange of another type than topic does as well: 406 says that it is there. */
    enum rabbit_reply reply = exchange_declare(rabbit, topic, ret_text, size);
    if (reply == RABBIT_REPLY_REFUSED && strncmp(ret_text, "406", 3) == 0) reply = RABBIT_REPLY_OK;
    if (reply == RABBIT_REPLY_OK) topic_know(rabbit, topic);
    return reply == RABBIT_REPLY_OK;
}

/* ---- arguments of queues ---------------------------------------------------------------------------------------- */

struct arguments {
    amqp_table_entry_t entries[ARGUMENTS_MAX];
    int n;
};

static amqp_table_entry_t *argument_add(struct arguments *arguments, const char *name, uint8_t kind)
{
    amqp_table_entry_t *entry = &arguments->entries[arguments->n++];
    entry->key = amqp_cstring_bytes(name);
    entry->value.kind = kind;
    return entry;
}

static void argument_text(struct arguments *arguments, const char *name, const char *text)
{
    argument_add(arguments, name, AMQP_FIELD_KIND_UTF8)->value.value.bytes = amqp_cstring_bytes(text);
}

static void argument_number(struct arguments *arguments, const char *name, int64_t number)
{
    argument_add(arguments, name, AMQP_FIELD_KIND_I64)->value.value.i64 = number;
}

static void argument_true(struct arguments *arguments, const char *name)
{
    argument_add(arguments, name, AMQP_FIELD_KIND_BOOLEAN)->value.value.boolean = 1;
}

/* The kind of a durable queue, which its dead-letter queue shares. */
static void arguments_common(struct arguments *arguments, const struct rabbit_options *options)
{
    if (options->queue_type == QUEUE_QUORUM) argument_text(arguments, "x-queue-type", "quorum");
    if (options->queue_expires > 0)
        argument_number(arguments, "x-expires", (int64_t)(options->queue_expires / 1000000));
}

static void arguments_durable(struct arguments *arguments, const struct queue *queue,
                              const struct rabbit_options *options)
{
    arguments_common(arguments, options);
    if ((queue->flags & WEFT_QUEUE_ORDERED) != 0) argument_true(arguments, "x-single-active-consumer");
    argument_text(arguments, "x-dead-letter-exchange", "");
    argument_text(arguments, "x-dead-letter-routing-key", queue->dead_name);
    if (options->queue_type != QUEUE_QUORUM) return;
    /* A far backstop for messages that kill every consumer. At-least-once dead lettering demands reject-publish (the
     * broker's manual, Quorum Queues, "At-Least-Once Dead Lettering"); without a length limit nothing is rejected. */
    argument_number(arguments, "x-delivery-limit", options->delivery_limit);
    argument_text(arguments, "x-dead-letter-strategy", "at-least-once");
    argument_text(arguments, "x-overflow", "reject-publish");
}

static void arguments_broadcast(struct arguments *arguments)
{
    argument_number(arguments, "x-expires", (int64_t)broadcast_expires_ms);
    argument_number(arguments, "x-max-length", BROADCAST_LENGTH);
}

/* ---- queues ----------------------------------------------------------------------------------------------------- */

/* The dead-letter queue belongs to it. */
static bool queue_is(const struct queue *queue, const char *broker_name)
{
    return strcmp(queue->broker_name, broker_name) == 0 ||
           (queue->dead_name != NULL && strcmp(queue->dead_name, broker_name) == 0);
}

static struct queue *queue_of(struct seat *seat)
{
    return (struct queue *)(void *)((char *)seat - offsetof(struct queue, seat));
}

static void queue_ask(struct queue *queue, const char *name, struct arguments *arguments, bool passive)
{
    amqp_queue_declare_t declare = { .queue = amqp_cstring_bytes(name), .durable = 1, .passive = passive };
    if (arguments != NULL)
        declare.arguments = (amqp_table_t){ .num_entries = arguments->n, .entries = arguments->entries };
    rabbit_frame_method(&queue->seat.line->connection, queue->seat.channel, AMQP_QUEUE_DECLARE_METHOD, &declare);
    queue->n_expected++;
}

static void queue_ask_bindings(struct queue *queue)
{
    for (uint32_t i = 0; i < queue->n_bindings; i++) {
        amqp_queue_bind_t bind = { .queue = amqp_cstring_bytes(queue->broker_name),
                                   .exchange = amqp_cstring_bytes(queue->bindings[i].topic),
                                   .routing_key = amqp_cstring_bytes(queue->bindings[i].routing_key) };
        rabbit_frame_method(&queue->seat.line->connection, queue->seat.channel, AMQP_QUEUE_BIND_METHOD, &bind);
        queue->n_expected++;
    }
}

/* All questions of a stage in one flight: an answer that ends the channel makes the broker pass over the rest. */
static void queue_begin(struct rabbit *rabbit, struct queue *queue)
{
    struct arguments arguments = { .n = 0 }, dead_arguments = { .n = 0 };
    if (!rabbit_seat_take(rabbit, &queue->seat)) return;
    queue->n_expected = 1; /* channel.open-ok */
    bool settles = queue->dead_name != NULL && rabbit->options->queue_settle > 0;
    if (settles && queue->stage == QUEUE_LOOK) queue_ask(queue, queue->broker_name, NULL, true);
    if (queue->dead_name != NULL) {
        arguments_common(&dead_arguments, rabbit->options);
        queue_ask(queue, queue->dead_name, &dead_arguments, false);
        arguments_durable(&arguments, queue, rabbit->options);
    } else {
        arguments_broadcast(&arguments);
    }
    queue_ask(queue, queue->broker_name, &arguments, false);
    if (queue->stage != QUEUE_MAKE) queue_ask_bindings(queue);
}

static void queue_answered(struct rabbit *rabbit, struct seat *seat, const amqp_frame_t *frame)
{
    struct queue *queue = queue_of(seat);
    if (frame->frame_type != AMQP_FRAME_METHOD || queue->n_expected == 0 || --queue->n_expected > 0) return;
    rabbit_seat_works(seat);
    rabbit_seat_leave(rabbit, seat);
    queue->refused = false;
    queue->in_place = queue->stage != QUEUE_MAKE;
    queue->stage = QUEUE_LOOK;
    seat->retry_ns = queue->in_place ? 0 : rabbit_now(rabbit) + rabbit->options->queue_settle;
}

static void queue_gone(struct rabbit *rabbit, struct seat *seat)
{
    (void)rabbit;
    queue_of(seat)->n_expected = 0;
}

/* Not there yet: to be made. An exchange that is missing: from the beginning. Anything else is for the operator. */
static void queue_refused(struct rabbit *rabbit, struct seat *seat, int code, const char *text)
{
    struct queue *queue = queue_of(seat);
    bool looking = queue->stage == QUEUE_LOOK && rabbit->options->queue_settle > 0 && queue->dead_name != NULL;
    if (code == AMQP_NOT_FOUND && looking && strstr(text, "no queue") != NULL) {
        queue->stage = QUEUE_MAKE;
        seat->retry_ns = 0;
        return;
    }
    queue->stage = QUEUE_LOOK;
    queue->refused = code != AMQP_NOT_FOUND;
    if (code == AMQP_NOT_FOUND) rabbit->topics_in_place = false;
    rabbit_seat_fail(rabbit, seat, "declaring queue '%s': %s", queue->broker_name, text);
}

static const struct seat_kind queue_seat = { .frame = queue_answered, .gone = queue_gone, .refused = queue_refused };

void rabbit_declare_queues(struct rabbit *rabbit)
{
    for (uint32_t i = 0; i < rabbit->topology->n_queues && rabbit->topics_in_place; i++) {
        struct queue *queue = &rabbit->topology->queues[i];
        queue->seat.kind = &queue_seat;
        rabbit_seat_check(rabbit, &queue->seat);
        if (!queue->in_place && rabbit_seat_is_due(rabbit, &queue->seat)) queue_begin(rabbit, queue);
    }
}

void rabbit_declare_again(struct rabbit *rabbit, const char *broker_name)
{
    for (uint32_t i = 0; rabbit->topology != NULL && i < rabbit->topology->n_queues; i++) {
        struct queue *queue = &rabbit->topology->queues[i];
        if (broker_name == NULL || queue_is(queue, broker_name)) queue->in_place = false;
    }
}

bool rabbit_declare_is_in_place(const struct rabbit *rabbit, const char *broker_name)
{
    for (uint32_t i = 0; rabbit->topology != NULL && i < rabbit->topology->n_queues; i++) {
        const struct queue *queue = &rabbit->topology->queues[i];
        if (queue_is(queue, broker_name)) return queue->in_place;
    }
    return false;
}

void rabbit_declare_abandon(struct rabbit *rabbit)
{
    for (uint32_t i = 0; rabbit->topology != NULL && i < rabbit->topology->n_queues; i++)
        rabbit_seat_leave(rabbit, &rabbit->topology->queues[i].seat);
}

uint64_t rabbit_declare_next_ns(const struct rabbit *rabbit)
{
    uint64_t next_ns = UINT64_MAX;
    for (uint32_t i = 0; rabbit->topology != NULL && i < rabbit->topology->n_queues; i++) {
        const struct queue *queue = &rabbit->topology->queues[i];
        uint64_t mine_ns = queue->in_place ? UINT64_MAX : rabbit_seat_next_ns(&queue->seat);
        if (mine_ns < next_ns) next_ns = mine_ns;
    }
    return next_ns;
}

enum declared rabbit_declare_state(const struct rabbit *rabbit, const struct queue **ret_queue)
{
    enum declared state = DECLARED_ALL;
    for (uint32_t i = 0; i < rabbit->topology->n_queues; i++) {
        const struct queue *queue = &rabbit->topology->queues[i];
        if (queue->in_place) continue;
        enum declared mine = queue->refused                 ? DECLARED_REFUSED
                             : queue->seat.fault[0] != '\0' ? DECLARED_FAILED
                                                            : DECLARED_PENDING;
        if (state == DECLARED_REFUSED || (mine == DECLARED_FAILED && state == DECLARED_PENDING)) continue;
        state = mine;
        *ret_queue = queue;
    }
    return state;
}
