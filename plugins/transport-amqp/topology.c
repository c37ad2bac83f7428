/* topology.c - topic exchanges, queues, dead-letter queues. Declaring what is there already changes nothing; what is
 * there with other arguments is told and left alone. */
#include "topology.h"

#include "instance.h"

#include <amqp.h>
#include <amqp_framing.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_MAX_BYTES = 255, ARGUMENTS_MAX = 8, KNOWN_TOPICS_MAX = 4096, BROADCAST_LENGTH = 10000 };

static const uint64_t broadcast_expires_ms = 60000; /* outlives a reconnect, not the process */

/* ---- the copy --------------------------------------------------------------------------------------------------- */

static bool name_check(const char *what, const char *name, size_t most, struct weft_error *ret_error)
{
    if (name == NULL || *name == '\0')
        rabbit_error(ret_error, WEFT_RC_INVALID, "a %s has no name", what);
    else if (strlen(name) > most)
        rabbit_error(ret_error, WEFT_RC_INVALID, "%s '%.40s...' has %zu bytes, at most %zu are allowed", what, name,
                     strlen(name), most);
    else if (strncmp(name, "amq.", 4) == 0)
        rabbit_error(ret_error, WEFT_RC_INVALID, "%s '%s': names that begin with 'amq.' are the broker's own", what,
                     name);
    else
        return true;
    return false;
}

static bool binding_check(const struct weft_queue *queue, const struct weft_binding *binding,
                          struct weft_error *ret_error)
{
    if (!name_check("binding's topic", binding->topic, NAME_MAX_BYTES, ret_error)) return false;
    if (binding->routing_key != NULL && strlen(binding->routing_key) <= NAME_MAX_BYTES) return true;
    rabbit_error(ret_error, WEFT_RC_INVALID, "queue '%s' is bound to '%s' by a routing key of more than %d bytes",
                 queue->name, binding->topic, NAME_MAX_BYTES);
    return false;
}

static bool topology_check(const struct weft_topology *wanted, struct weft_error *ret_error)
{
    size_t queue_most = NAME_MAX_BYTES - 17; /* room for .dead and the suffix of broadcast queues */
    for (uint32_t i = 0; i < wanted->n_topics; i++) {
        if (!name_check("topic", wanted->topics[i], NAME_MAX_BYTES, ret_error)) return false;
    }
    for (uint32_t i = 0; i < wanted->n_queues; i++) {
        const struct weft_queue *queue = &wanted->queues[i];
        if (!name_check("queue", queue->name, queue_most, ret_error)) return false;
        for (uint32_t j = 0; j < queue->n_bindings; j++) {
            if (!binding_check(queue, &queue->bindings[j], ret_error)) return false;
        }
    }
    return true;
}

static char *text_join(const char *a, const char *b)
{
    char *joined = NULL;
    return asprintf(&joined, "%s%s", a, b) < 0 ? NULL : joined;
}

static bool queue_copy(struct queue *queue, const struct weft_queue *wanted, const char *own_suffix)
{
    bool broadcast = (wanted->flags & WEFT_QUEUE_BROADCAST) != 0;
    queue->flags = wanted->flags;
    queue->name = strdup(wanted->name);
    queue->broker_name = text_join(wanted->name, broadcast ? own_suffix : "");
    queue->dead_name = broadcast ? NULL : text_join(wanted->name, ".dead");
    queue->bindings = calloc(wanted->n_bindings + 1, sizeof *queue->bindings);
    if (queue->name == NULL || queue->broker_name == NULL || queue->bindings == NULL) return false;
    for (uint32_t i = 0; i < wanted->n_bindings; i++) {
        char *topic = strdup(wanted->bindings[i].topic), *key = strdup(wanted->bindings[i].routing_key);
        queue->bindings[queue->n_bindings++] = (struct weft_binding){ .topic = topic, .routing_key = key };
        if (topic == NULL || key == NULL) return false;
    }
    return broadcast || queue->dead_name != NULL;
}

static bool topology_copy(struct topology *topology, const struct weft_topology *wanted, const char *own_suffix)
{
    topology->topics = calloc(wanted->n_topics + 1, sizeof *topology->topics);
    topology->queues = calloc(wanted->n_queues + 1, sizeof *topology->queues);
    if (topology->topics == NULL || topology->queues == NULL) return false;
    for (uint32_t i = 0; i < wanted->n_topics; i++) {
        topology->topics[topology->n_topics++] = strdup(wanted->topics[i]);
        if (topology->topics[i] == NULL) return false;
    }
    for (uint32_t i = 0; i < wanted->n_queues; i++) {
        topology->n_queues++;
        if (!queue_copy(&topology->queues[i], &wanted->queues[i], own_suffix)) return false;
    }
    return true;
}

struct topology *rabbit_topology_new(const struct weft_topology *wanted, const char *own_suffix,
                                     struct weft_error *ret_error)
{
    if (!topology_check(wanted, ret_error)) return NULL;
    struct topology *topology = calloc(1, sizeof *topology);
    if (topology != NULL && topology_copy(topology, wanted, own_suffix)) return topology;
    rabbit_topology_free(topology);
    rabbit_error(ret_error, WEFT_RC_UNAVAILABLE, "out of memory while declaring %u queues", wanted->n_queues);
    return NULL;
}

static void queue_free(struct queue *queue)
{
    for (uint32_t i = 0; i < queue->n_bindings; i++) {
        free((char *)(uintptr_t)queue->bindings[i].topic);
        free((char *)(uintptr_t)queue->bindings[i].routing_key);
    }
    free(queue->bindings);
    free(queue->name);
    free(queue->broker_name);
    free(queue->dead_name);
}

void rabbit_topology_free(struct topology *topology)
{
    if (topology == NULL) return;
    for (uint32_t i = 0; i < topology->n_topics; i++)
        free(topology->topics[i]);
    for (uint32_t i = 0; i < topology->n_queues; i++)
        queue_free(&topology->queues[i]);
    free(topology->topics);
    free(topology->queues);
    free(topology);
}

bool rabbit_topology_find(const struct topology *topology, const char *name, const char **ret_broker_name,
                          uint32_t *ret_flags)
{
    for (uint32_t i = 0; topology != NULL && i < topology->n_queues; i++) {
        const struct queue *queue = &topology->queues[i];
        bool dead = queue->dead_name != NULL && strcmp(queue->dead_name, name) == 0;
        if (!dead && strcmp(queue->name, name) != 0) continue;
        *ret_broker_name = dead ? queue->dead_name : queue->broker_name;
        *ret_flags = dead ? 0 : queue->flags;
        return true;
    }
    return false;
}

/* ---- at the broker ---------------------------------------------------------------------------------------------- */

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

static enum rabbit_reply exchange_declare(struct rabbit *rabbit, const char *topic, char *ret_text, size_t size)
{
    struct connection *connection = &rabbit->consuming;
    char what[300];
    amqp_exchange_declare(connection->state, RABBIT_CONTROL_CHANNEL, amqp_cstring_bytes(topic),
                          amqp_cstring_bytes("topic"), 0, 1, 0, 0, amqp_empty_table);
    snprintf(what, sizeof what, "declaring exchange '%s'", topic);
    return rabbit_connection_reply(connection, RABBIT_CONTROL_CHANNEL, what, ret_text, size);
}

static enum rabbit_reply queue_declare(struct rabbit *rabbit, const char *name, struct arguments *arguments,
                                       char *ret_text, size_t size)
{
    struct connection *connection = &rabbit->consuming;
    amqp_table_t table = { .num_entries = arguments->n, .entries = arguments->entries };
    char what[300];
    amqp_queue_declare(connection->state, RABBIT_CONTROL_CHANNEL, amqp_cstring_bytes(name), 0, 1, 0, 0, table);
    snprintf(what, sizeof what, "declaring queue '%s'", name);
    return rabbit_connection_reply(connection, RABBIT_CONTROL_CHANNEL, what, ret_text, size);
}

static enum rabbit_reply queue_bind(struct rabbit *rabbit, const char *name, const struct weft_binding *binding,
                                    char *ret_text, size_t size)
{
    struct connection *connection = &rabbit->consuming;
    char what[600];
    amqp_queue_bind(connection->state, RABBIT_CONTROL_CHANNEL, amqp_cstring_bytes(name),
                    amqp_cstring_bytes(binding->topic), amqp_cstring_bytes(binding->routing_key), amqp_empty_table);
    snprintf(what, sizeof what, "binding queue '%s' to '%s'", name, binding->topic);
    return rabbit_connection_reply(connection, RABBIT_CONTROL_CHANNEL, what, ret_text, size);
}

static enum rabbit_reply queue_apply(struct rabbit *rabbit, const struct queue *queue, char *ret_text, size_t size)
{
    struct arguments arguments = { .n = 0 }, dead_arguments = { .n = 0 };
    enum rabbit_reply reply = RABBIT_REPLY_OK;

    if (queue->dead_name != NULL) {
        arguments_common(&dead_arguments, rabbit->options);
        reply = queue_declare(rabbit, queue->dead_name, &dead_arguments, ret_text, size);
        arguments_durable(&arguments, queue, rabbit->options);
    } else {
        arguments_broadcast(&arguments);
    }
    if (reply == RABBIT_REPLY_OK) reply = queue_declare(rabbit, queue->broker_name, &arguments, ret_text, size);
    for (uint32_t i = 0; i < queue->n_bindings && reply == RABBIT_REPLY_OK; i++)
        reply = queue_bind(rabbit, queue->broker_name, &queue->bindings[i], ret_text, size);
    return reply;
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

void rabbit_topology_forget(struct rabbit *rabbit)
{
    struct topic_name *known, *next;
    HASH_ITER(hh, rabbit->known_topics, known, next)
    {
        HASH_DEL(rabbit->known_topics, known);
        free(known);
    }
}

bool rabbit_topology_apply(struct rabbit *rabbit, char *ret_text, size_t size)
{
    const struct topology *topology = rabbit->topology;
    enum rabbit_reply reply = RABBIT_REPLY_OK;
    char reason[400] = "";
    if (!rabbit_connection_drain(&rabbit->consuming)) return false;
    for (uint32_t i = 0; i < topology->n_topics && reply == RABBIT_REPLY_OK; i++) {
        reply = exchange_declare(rabbit, topology->topics[i], reason, sizeof reason);
        if (reply == RABBIT_REPLY_OK) topic_know(rabbit, topology->topics[i]);
        rabbit_keep_alive(rabbit);
    }
    for (uint32_t i = 0; i < topology->n_queues && reply == RABBIT_REPLY_OK; i++) {
        reply = queue_apply(rabbit, &topology->queues[i], reason, sizeof reason);
        rabbit_keep_alive(rabbit);
    }
    if (reply == RABBIT_REPLY_REFUSED)
        snprintf(ret_text, size, "the broker has another topology: %s; change or delete what is there", reason);
    return reply == RABBIT_REPLY_OK;
}

bool rabbit_topology_ensure(struct rabbit *rabbit, const char *topic, char *ret_text, size_t size)
{
    struct topic_name *known = NULL;
    HASH_FIND_STR(rabbit->known_topics, topic, known);
    if (known != NULL) return true;
    if (!rabbit_connection_drain(&rabbit->consuming)) {
        snprintf(ret_text, size, "%s", rabbit->consuming.fault);
        return false;
    }
    /* An exchange of another type than topic does as well: 406 says that it is there. */
    enum rabbit_reply reply = exchange_declare(rabbit, topic, ret_text, size);
    if (reply == RABBIT_REPLY_REFUSED && strncmp(ret_text, "406", 3) == 0) reply = RABBIT_REPLY_OK;
    if (reply == RABBIT_REPLY_OK) topic_know(rabbit, topic);
    return reply == RABBIT_REPLY_OK;
}
