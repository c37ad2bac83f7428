/* publish.c - taking messages, routing them, and confirming them when the last durable queue has settled.
 *
 * That a confirm waits for the consumers is what makes this transport safe: nothing here survives the process, so the
 * host's outbox keeps the event until it has been handled. A queue without consumers therefore holds its messages, the
 * topic's window fills up, and publish takes no more.
 */
#include "memory.h"

#include <stdlib.h>
#include <utlist.h>

static void completions_flush(struct memory *memory)
{
    if (memory->n_completions > 0) memory->host->complete(memory->host, memory->completions, memory->n_completions);
    memory->n_completions = 0;
}

static void complete(struct memory *memory, const struct weft_publish *operation, int32_t rc, const char *text)
{
    if (memory->n_completions == COMPLETION_ARRAY) completions_flush(memory);
    memory->completions[memory->n_completions++] =
        (struct weft_completion){ .operation = operation, .rc = rc, .text = text };
}

void memory_flush(struct memory *memory)
{
    while (memory->touched != NULL) {
        struct queue *queue = memory->touched;
        memory->touched = queue->next_touched;
        queue->touched = false;
        memory_queue_serve(queue, memory->host);
    }
    completions_flush(memory);
    if (memory->ready_due) memory->host->ready(memory->host);
    memory->ready_due = false;
}

/* The last durable queue has settled: confirms, and makes room. Waiting until half of the window is free hands the
 * publisher one wake-up for many messages. */
static void parcel_confirm(struct memory *memory, struct parcel *parcel)
{
    struct topic *topic = parcel->topic;
    topic->n_under_way--;
    if (topic->full && topic->n_under_way <= (size_t)memory->options.window / 2) {
        topic->full = false;
        memory->ready_due = true;
    }
    if (parcel->operation != NULL) complete(memory, parcel->operation, WEFT_RC_OK, NULL);
    parcel->operation = NULL;
}

void memory_release_parcel(struct memory *memory, struct parcel *parcel)
{
    if (--parcel->n_living > 0) return;
    DL_DELETE(memory->parcels, parcel);
    memory_parcel_free(parcel);
}

void memory_finish_entry(struct memory *memory, struct entry *entry)
{
    struct parcel *parcel = entry->parcel;
    if ((entry->queue->flags & WEFT_QUEUE_BROADCAST) == 0 && --parcel->n_holding == 0) parcel_confirm(memory, parcel);
    memory_release_parcel(memory, parcel);
}

/* A broadcast queue promises nothing and holds nobody up: when its reader is too slow the oldest message goes. */
static void broadcast_make_room(struct memory *memory, struct queue *queue)
{
    if (queue->n_ready < (size_t)memory->options.broadcast_limit) return;
    struct entry *oldest = memory_queue_drop_oldest(queue);
    memory->host->count(memory->host, "broadcast_dropped_total", 1);
    memory_finish_entry(memory, oldest);
}

static void parcel_enqueue(struct memory *memory, struct parcel *parcel, struct queue *const *queues)
{
    for (uint32_t i = 0; i < parcel->n_entries; i++) {
        if ((queues[i]->flags & WEFT_QUEUE_BROADCAST) != 0) broadcast_make_room(memory, queues[i]);
        memory_queue_append(queues[i], &parcel->entries[i]);
        memory_touch(memory, queues[i]);
    }
}

static uint32_t count_durable(struct queue *const *queues, size_t n)
{
    uint32_t n_durable = 0;
    for (size_t i = 0; i < n; i++)
        n_durable += (queues[i]->flags & WEFT_QUEUE_BROADCAST) == 0;
    return n_durable;
}

/* Takes an operation for n > 0 queues. false: out of memory. */
static bool publish_send(struct memory *memory, const struct weft_publish *operation, struct topic *topic,
                         struct queue *const *queues, size_t n)
{
    struct parcel *parcel = memory_parcel_new(operation, (uint32_t)n);
    if (parcel == NULL) return false;
    parcel->topic = topic;
    parcel->number = ++memory->last_number;
    parcel->n_living = (uint32_t)n;
    parcel->n_holding = count_durable(queues, n);
    DL_APPEND(memory->parcels, parcel);
    if (parcel->n_holding > 0) topic->n_under_way++;
    if (parcel->n_holding > 0 && (operation->flags & WEFT_PUBLISH_TRANSIENT) == 0)
        parcel->operation = operation;
    else
        complete(memory, operation, WEFT_RC_OK, NULL);
    parcel_enqueue(memory, parcel, queues);
    return true;
}

/* Why an operation can never be sent, or NULL. */
static const char *publish_fault(const struct memory *memory, const struct weft_message *message)
{
    if (message->topic == NULL || *message->topic == '\0') return "the message has no topic";
    if (message->routing_key == NULL) return "the message has no routing key";
    if (strlen(message->routing_key) > 255) return "the routing key has more than 255 bytes";
    if (message->payload_size > memory->options.max_message_bytes)
        return "the payload is larger than the option max_message_bytes";
    if (message->payload_size > 0 && message->payload == NULL) return "the message has a payload size but no payload";
    return NULL;
}

/* Takes one operation, or leaves it: false when the topic's window is full. */
static bool publish_one(struct memory *memory, const struct weft_publish *operation)
{
    const struct weft_message *message = &operation->message;
    const char *fault = publish_fault(memory, message);
    if (fault != NULL) {
        complete(memory, operation, WEFT_RC_REFUSED, fault);
        return true;
    }

    struct topic *topic = memory_topic_find(memory->topics, message->topic);
    size_t n =
        topic != NULL ? memory_topic_route(topic, message->routing_key, memory->reached, memory->reached_size) : 0;
    uint32_t n_durable = count_durable(memory->reached, n);
    if (n_durable == 0 && (operation->flags & WEFT_PUBLISH_MANDATORY) != 0) {
        complete(memory, operation, WEFT_RC_UNROUTED, "no queue is bound for this topic and routing key");
        return true;
    }
    if (n_durable > 0 && topic->n_under_way >= (size_t)memory->options.window) {
        topic->full = true;
        return false;
    }
    if (n == 0)
        complete(memory, operation, WEFT_RC_OK, NULL);
    else if (!publish_send(memory, operation, topic, memory->reached, n))
        complete(memory, operation, WEFT_RC_NOT_SENT, "out of memory");
    return true;
}

size_t memory_publish(void *self, const struct weft_publish *const *operations, size_t n)
{
    struct memory *memory = self;
    size_t taken = 0;
    while (taken < n && publish_one(memory, operations[taken]))
        taken++;
    memory_flush(memory);
    return taken;
}

void memory_abandon(struct memory *memory)
{
    struct parcel *parcel, *next;
    DL_FOREACH_SAFE(memory->parcels, parcel, next)
    {
        if (parcel->operation != NULL)
            complete(memory, parcel->operation, parcel->delivered ? WEFT_RC_MAYBE_SENT : WEFT_RC_NOT_SENT,
                     "the transport was closed before its consumers settled");
        DL_DELETE(memory->parcels, parcel);
        memory_parcel_free(parcel);
    }
    completions_flush(memory);
}
