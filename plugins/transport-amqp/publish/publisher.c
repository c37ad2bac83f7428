/* publisher.c - the window. A message goes from the waiting ring into a slot when its frames are in the output; the
 * slot's number is its delivery tag. The broker confirms in any order, one by one or all up to a tag, and returns what
 * nobody listens to before it confirms it. */
#include "publish/publisher.h"

#include "connection/frame.h"
#include "instance.h"
#include "topology/declare.h"

#include <stdlib.h>
#include <string.h>

/* What need not be confirmed goes over a channel without confirms. */
enum { CONFIRMED_CHANNEL = RABBIT_CONTROL_CHANNEL, TRANSIENT_CHANNEL = 2, OUTPUT_HIGH = 256 * 1024 };

bool rabbit_publisher_init(struct publisher *publisher, size_t window)
{
    uint64_t n_slots = 2;
    while (n_slots < 2 * window)
        n_slots *= 2;
    *publisher = (struct publisher){ .window = window, .n_slots = n_slots, .oldest_tag = 1, .next_tag = 1 };
    publisher->waiting = calloc(window, sizeof *publisher->waiting);
    publisher->slots = calloc(n_slots, sizeof *publisher->slots);
    return publisher->waiting != NULL && publisher->slots != NULL;
}

void rabbit_publisher_destroy(struct publisher *publisher)
{
    free(publisher->waiting);
    free(publisher->slots);
    free(publisher->outgoing.entries);
}

static struct slot *slot_of(struct publisher *publisher, uint64_t tag)
{
    return &publisher->slots[tag & (publisher->n_slots - 1)];
}

bool rabbit_publisher_is_idle(const struct publisher *publisher)
{
    return publisher->n_waiting == 0 && publisher->oldest_tag == publisher->next_tag;
}

/* ---- completing ------------------------------------------------------------------------------------------------- */

void rabbit_publisher_report(struct rabbit *rabbit)
{
    struct publisher *publisher = &rabbit->publisher;
    size_t n = publisher->n_completions;
    if (n == 0) return;
    publisher->n_completions = 0;
    rabbit->host->complete(rabbit->host, publisher->completions, n);
    if (rabbit_mailbox_completed(&rabbit->mailbox, n)) rabbit->host->ready(rabbit->host);
}

/* `text` must stay valid until the report: literals only, or followed by a report. */
static void publisher_complete(struct rabbit *rabbit, const struct weft_publish *operation, int32_t rc,
                               const char *text)
{
    struct publisher *publisher = &rabbit->publisher;
    publisher->completions[publisher->n_completions++] =
        (struct weft_completion){ .operation = operation, .rc = rc, .text = text };
    if (publisher->n_completions == PUBLISHER_COMPLETIONS) rabbit_publisher_report(rabbit);
}

static void slot_complete(struct rabbit *rabbit, uint64_t tag, int32_t rc, const char *text)
{
    struct slot *slot = slot_of(&rabbit->publisher, tag);
    if (slot->operation == NULL) return;
    if (slot->returned && rc == WEFT_RC_OK) {
        rc = WEFT_RC_UNROUTED;
        text = "no queue is bound for this topic and routing key";
    }
    publisher_complete(rabbit, slot->operation, rc, text);
    *slot = (struct slot){ 0 };
}

static void publisher_settle(struct rabbit *rabbit, uint64_t tag, bool multiple, int32_t rc, const char *text)
{
    struct publisher *publisher = &rabbit->publisher;
    if (tag >= publisher->next_tag || tag < publisher->oldest_tag) return; /* none of ours */
    for (uint64_t t = multiple ? publisher->oldest_tag : tag; t <= tag; t++)
        slot_complete(rabbit, t, rc, text);
    while (publisher->oldest_tag < publisher->next_tag && slot_of(publisher, publisher->oldest_tag)->operation == NULL)
        publisher->oldest_tag++;
}

/* When the oldest is overdue; what is newer was sent later. While the broker blocks us it confirms nothing. */
uint64_t rabbit_publisher_next_ns(const struct rabbit *rabbit)
{
    const struct publisher *publisher = &rabbit->publisher;
    if (rabbit->options->confirm_timeout == 0 || publisher->blocked || publisher->oldest_tag == publisher->next_tag)
        return UINT64_MAX;
    return publisher->slots[publisher->oldest_tag & (publisher->n_slots - 1)].sent_ns +
           rabbit->options->confirm_timeout;
}

void rabbit_publisher_check(struct rabbit *rabbit)
{
    uint64_t now_ns = rabbit_now(rabbit);
    while (now_ns >= rabbit_publisher_next_ns(rabbit)) {
        rabbit->host->count(rabbit->host, "publish_overdue_total", 1);
        publisher_settle(rabbit, rabbit->publisher.oldest_tag, false, WEFT_RC_TIMEOUT,
                         "not confirmed in time: a queue that it goes to does not answer");
    }
}

void rabbit_publisher_give_up(struct rabbit *rabbit, const char *why)
{
    struct publisher *publisher = &rabbit->publisher;
    if (publisher->next_tag > publisher->oldest_tag)
        publisher_settle(rabbit, publisher->next_tag - 1, true, WEFT_RC_MAYBE_SENT, why);
    while (publisher->n_waiting > 0) {
        publisher_complete(rabbit, publisher->waiting[publisher->first_waiting], WEFT_RC_NOT_SENT, why);
        publisher->first_waiting = (publisher->first_waiting + 1) % publisher->window;
        publisher->n_waiting--;
    }
    rabbit_publisher_report(rabbit);
    publisher->oldest_tag = publisher->next_tag = 1;
    publisher->return_tag = 0;
    publisher->blocked = false;
}

/* ---- sending ---------------------------------------------------------------------------------------------------- */

bool rabbit_publisher_begin(struct rabbit *rabbit)
{
    struct connection *connection = &rabbit->publishing;
    char text[300] = "";
    amqp_confirm_select(connection->state, CONFIRMED_CHANNEL);
    enum rabbit_reply reply =
        rabbit_connection_reply(connection, CONFIRMED_CHANNEL, "confirm.select", text, sizeof text);
    if (reply == RABBIT_REPLY_OK) {
        amqp_channel_open(connection->state, TRANSIENT_CHANNEL);
        reply = rabbit_connection_reply(connection, TRANSIENT_CHANNEL, "channel.open", text, sizeof text);
    }
    if (reply != RABBIT_REPLY_OK)
        rabbit_connection_break(connection, WEFT_HEALTH_DOWN, "the broker does not confirm: %s", text);
    return reply == RABBIT_REPLY_OK;
}

void rabbit_publisher_add(struct publisher *publisher, const struct weft_publish *const *operations, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        publisher->waiting[(publisher->first_waiting + publisher->n_waiting) % publisher->window] = operations[i];
        publisher->n_waiting++;
    }
}

static void publisher_write(struct rabbit *rabbit, const struct weft_publish *operation, amqp_channel_t channel,
                            bool mandatory)
{
    const struct weft_message *message = &operation->message;
    struct outgoing *outgoing = &rabbit->publisher.outgoing;
    amqp_basic_publish_t method = { .exchange = amqp_cstring_bytes(message->topic),
                                    .routing_key = amqp_cstring_bytes(message->routing_key),
                                    .mandatory = mandatory };
    rabbit_frame_method(&rabbit->publishing, channel, AMQP_BASIC_PUBLISH_METHOD, &method);
    rabbit_frame_content(&rabbit->publishing, channel, &outgoing->properties, outgoing->properties_bytes,
                         message->payload, message->payload_size);
}

/* Sends one, or completes it at once when it cannot be sent. */
static void publisher_send_one(struct rabbit *rabbit, const struct weft_publish *operation)
{
    struct publisher *publisher = &rabbit->publisher;
    const struct weft_message *message = &operation->message;
    bool transient = (operation->flags & WEFT_PUBLISH_TRANSIENT) != 0;
    char why[400];

    const char *fault = rabbit_message_fault(message, rabbit->publishing.frame_max, rabbit->options->max_message_bytes);
    if (fault != NULL) {
        publisher_complete(rabbit, operation, WEFT_RC_REFUSED, fault);
        return;
    }
    if (!rabbit_declare_topic(rabbit, message->topic, why, sizeof why)) {
        const struct connection *asked = &rabbit->lines->connection;
        bool refused = asked->state != NULL && !asked->broken;
        publisher_complete(rabbit, operation, refused ? WEFT_RC_REFUSED : WEFT_RC_NOT_SENT, why);
        rabbit_publisher_report(rabbit); /* while `why` is there */
        return;
    }
    if (!rabbit_message_encode(&publisher->outgoing, message, !transient)) {
        publisher_complete(rabbit, operation, WEFT_RC_NOT_SENT, "out of memory");
        return;
    }
    if (transient) {
        publisher_write(rabbit, operation, TRANSIENT_CHANNEL, false);
        publisher_complete(rabbit, operation, WEFT_RC_OK, NULL);
        return;
    }
    *slot_of(publisher, publisher->next_tag++) = (struct slot){ .operation = operation, .sent_ns = rabbit_now(rabbit) };
    publisher_write(rabbit, operation, CONFIRMED_CHANNEL, (operation->flags & WEFT_PUBLISH_MANDATORY) != 0);
}

void rabbit_publisher_send(struct rabbit *rabbit)
{
    struct publisher *publisher = &rabbit->publisher;
    struct connection *connection = &rabbit->publishing;
    while (publisher->n_waiting > 0 && !publisher->blocked && connection->state != NULL && !connection->broken) {
        if (publisher->next_tag - publisher->oldest_tag == publisher->n_slots)
            break; /* one old message is not confirmed: waits for it */
        if (connection->output.size - connection->output.sent >= OUTPUT_HIGH) break;
        const struct weft_publish *operation = publisher->waiting[publisher->first_waiting];
        publisher->first_waiting = (publisher->first_waiting + 1) % publisher->window;
        publisher->n_waiting--;
        publisher_send_one(rabbit, operation);
    }
    rabbit_connection_flush(connection);
}

/* ---- what comes back -------------------------------------------------------------------------------------------- */

static bool bytes_are(amqp_bytes_t bytes, const char *text)
{
    return text != NULL && strlen(text) == bytes.len && memcmp(text, bytes.bytes, bytes.len) == 0;
}

/* Marks the returned message: the next one in the order of publishing that has its id. */
static void publisher_returned(struct rabbit *rabbit, const amqp_basic_properties_t *properties)
{
    struct publisher *publisher = &rabbit->publisher;
    bool has_id = (properties->_flags & AMQP_BASIC_MESSAGE_ID_FLAG) != 0;
    uint64_t tag =
        publisher->return_tag + 1 > publisher->oldest_tag ? publisher->return_tag + 1 : publisher->oldest_tag;
    for (; tag < publisher->next_tag; tag++) {
        struct slot *slot = slot_of(publisher, tag);
        if (slot->operation == NULL || (slot->operation->flags & WEFT_PUBLISH_MANDATORY) == 0) continue;
        const char *id = slot->operation->message.id;
        if (has_id ? bytes_are(properties->message_id, id) : id == NULL) {
            slot->returned = true;
            publisher->return_tag = tag;
            return;
        }
    }
}

static void publisher_method(struct rabbit *rabbit, const amqp_frame_t *frame)
{
    const amqp_method_t *method = &frame->payload.method;
    char text[300];
    if (method->id == AMQP_BASIC_ACK_METHOD) {
        const amqp_basic_ack_t *ack = method->decoded;
        publisher_settle(rabbit, ack->delivery_tag, ack->multiple, WEFT_RC_OK, NULL);
    } else if (method->id == AMQP_BASIC_NACK_METHOD) {
        const amqp_basic_nack_t *nack = method->decoded;
        rabbit->host->count(rabbit->host, "publish_nacked_total", 1);
        publisher_settle(rabbit, nack->delivery_tag, nack->multiple, WEFT_RC_MAYBE_SENT,
                         "the broker could not store it in every queue (basic.nack)");
    } else if (method->id == AMQP_CONNECTION_BLOCKED_METHOD) {
        const amqp_connection_blocked_t *blocked = method->decoded;
        rabbit->publisher.blocked = true;
        rabbit_log(rabbit, WEFT_LOG_WARN, "the broker takes no publishes for now: %.*s", (int)blocked->reason.len,
                   (const char *)blocked->reason.bytes);
    } else if (method->id == AMQP_CONNECTION_UNBLOCKED_METHOD) {
        rabbit->publisher.blocked = false;
        rabbit_log(rabbit, WEFT_LOG_INFO, "the broker takes publishes again");
    } else if (method->id == AMQP_CHANNEL_CLOSE_METHOD || method->id == AMQP_CONNECTION_CLOSE_METHOD) {
        rabbit_close_text(method, text, sizeof text);
        rabbit_connection_break(&rabbit->publishing, WEFT_HEALTH_DOWN, "the broker closed the publishing %s: %s",
                                method->id == AMQP_CHANNEL_CLOSE_METHOD ? "channel" : "connection", text);
    }
}

void rabbit_publisher_frame(struct rabbit *rabbit, const amqp_frame_t *frame)
{
    if (frame->frame_type == AMQP_FRAME_METHOD)
        publisher_method(rabbit, frame);
    else if (frame->frame_type == AMQP_FRAME_HEADER &&
             frame->payload.properties.class_id == AMQP_BASIC_CLASS) /* only returns have content on this connection */
        publisher_returned(rabbit, frame->payload.properties.decoded);
}
