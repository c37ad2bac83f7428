/* consumer.c - every subscription has a channel of its own: its prefetch is its credit, its tags are its own, and
 * closing it gives everything back in order. An ordered subscription ends by that, never by basic.cancel, after which
 * the next consumer would get later messages before those that return. */
#include "consumer.h"

#include "frame.h"
#include "instance.h"
#include "settle.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

enum { FIRST_CHANNEL = RABBIT_CONTROL_CHANNEL + 1, DELIVERY_ARRAY = 64, PREFETCH_MAX = 65535 };

static const uint64_t refused_wait_ns = 1000000000;

struct subscription *rabbit_subscription_new(const char *queue, uint32_t flags, uint32_t credit, void *tag)
{
    struct subscription *subscription = calloc(1, sizeof *subscription);
    if (subscription == NULL) return NULL;
    subscription->tag = tag;
    subscription->flags = flags;
    subscription->credit = credit < PREFETCH_MAX ? credit : PREFETCH_MAX;
    subscription->active = true;
    subscription->queue = strdup(queue);
    subscription->acks = calloc(subscription->credit, sizeof *subscription->acks);
    if (subscription->queue != NULL && subscription->acks != NULL) return subscription;
    rabbit_subscription_free(subscription);
    return NULL;
}

static void incoming_free_list(struct incoming **list)
{
    struct incoming *incoming, *next;
    DL_FOREACH_SAFE(*list, incoming, next)
    free(incoming);
    *list = NULL;
}

void rabbit_subscription_free(struct subscription *subscription)
{
    incoming_free_list(&subscription->ready);
    incoming_free_list(&subscription->in_hand);
    incoming_free_list(&subscription->stale);
    free(subscription->arriving);
    free(subscription->queue);
    free(subscription->acks);
    free(subscription);
}

void rabbit_consumer_free_all(struct rabbit *rabbit)
{
    struct subscription *subscription, *next;
    DL_FOREACH_SAFE(rabbit->consumers.all, subscription, next)
    rabbit_subscription_free(subscription);
    rabbit->consumers.all = NULL;
    free(rabbit->consumers.scratch.bytes);
}

/* ---- channels --------------------------------------------------------------------------------------------------- */

/* The channel is gone: what the host still has is void, what it has not got will come again. */
static void channel_gone(struct rabbit *rabbit, struct subscription *subscription)
{
    if (subscription->channel != 0) rabbit->consumers.channels[subscription->channel] = NULL;
    subscription->channel = 0;
    subscription->epoch++;
    subscription->n_acks = 0;
    subscription->last_tag = subscription->arriving_tag = 0;
    free(subscription->arriving);
    subscription->arriving = NULL;
    incoming_free_list(&subscription->ready);
    DL_CONCAT(subscription->stale, subscription->in_hand);
    subscription->in_hand = NULL;
}

static void channel_close(struct rabbit *rabbit, struct subscription *subscription)
{
    amqp_channel_close_t close = { .reply_code = AMQP_REPLY_SUCCESS };
    rabbit_frame_method(&rabbit->consuming, subscription->channel, AMQP_CHANNEL_CLOSE_METHOD, &close);
    rabbit->consumers.closing[subscription->channel] = true;
    channel_gone(rabbit, subscription);
}

static amqp_channel_t channel_free_number(const struct rabbit *rabbit)
{
    int most = amqp_get_channel_max(rabbit->consuming.state);
    for (int i = FIRST_CHANNEL; i < CONSUMER_CHANNELS && (most == 0 || i <= most); i++) {
        if (rabbit->consumers.channels[i] == NULL && !rabbit->consumers.closing[i]) return (amqp_channel_t)i;
    }
    return 0;
}

/* channel.open, basic.qos, basic.consume. */
static enum rabbit_reply consumer_begin(struct rabbit *rabbit, struct subscription *subscription,
                                        amqp_channel_t channel, char *ret_text, size_t size)
{
    struct connection *connection = &rabbit->consuming;
    char name[128];
    amqp_channel_open(connection->state, channel);
    enum rabbit_reply reply = rabbit_connection_reply(connection, channel, "channel.open", ret_text, size);
    if (reply == RABBIT_REPLY_OK) {
        amqp_basic_qos(connection->state, channel, 0, (uint16_t)subscription->credit, 0);
        reply = rabbit_connection_reply(connection, channel, "basic.qos", ret_text, size);
    }
    if (reply == RABBIT_REPLY_OK) {
        snprintf(name, sizeof name, "%s-%u", rabbit->name, channel);
        amqp_basic_consume(connection->state, channel, amqp_cstring_bytes(subscription->queue),
                           amqp_cstring_bytes(name), 0, 0, 0, amqp_empty_table);
        reply = rabbit_connection_reply(connection, channel, "basic.consume", ret_text, size);
    }
    return reply;
}

static void consumer_open_one(struct rabbit *rabbit, struct subscription *subscription)
{
    char text[300] = "";
    amqp_channel_t channel = channel_free_number(rabbit);
    if (channel == 0) { /* those that are closing will be free soon */
        rabbit->consumers.retry_ns = rabbit_now(rabbit) + refused_wait_ns;
        return;
    }
    subscription->channel = channel;
    rabbit->consumers.channels[channel] = subscription;
    if (consumer_begin(rabbit, subscription, channel, text, sizeof text) != RABBIT_REPLY_REFUSED) return;
    rabbit_log(rabbit, WEFT_LOG_WARN, "cannot consume from queue '%s': %s; declaring the topology again",
               subscription->queue, text);
    channel_close(rabbit, subscription);
    rabbit->topology_in_place = false;
    rabbit->consumers.retry_ns = rabbit_now(rabbit) + refused_wait_ns;
}

void rabbit_consumer_open(struct rabbit *rabbit)
{
    struct subscription *subscription;
    if (rabbit_now(rabbit) < rabbit->consumers.retry_ns) return;
    DL_FOREACH(rabbit->consumers.all, subscription)
    {
        if (subscription->channel != 0 || subscription->leaving) continue;
        if (!rabbit->topology_in_place || !rabbit_connection_drain(&rabbit->consuming)) return;
        consumer_open_one(rabbit, subscription);
        rabbit_keep_alive(rabbit);
    }
}

void rabbit_consumer_lost(struct rabbit *rabbit)
{
    struct subscription *subscription;
    DL_FOREACH(rabbit->consumers.all, subscription)
    channel_gone(rabbit, subscription);
    memset(rabbit->consumers.closing, 0, sizeof rabbit->consumers.closing);
}

/* ---- coming and going ------------------------------------------------------------------------------------------- */

void rabbit_consumer_add(struct rabbit *rabbit, struct subscription *subscription)
{
    DL_APPEND(rabbit->consumers.all, subscription);
}

static void return_undelivered(struct rabbit *rabbit, struct subscription *subscription)
{
    struct incoming *incoming;
    DL_FOREACH(subscription->ready, incoming)
    rabbit_settle_nack(rabbit, subscription, incoming->tag, true);
    incoming_free_list(&subscription->ready);
}

static void consumer_cancel(struct rabbit *rabbit, const struct subscription *subscription)
{
    char name[128];
    snprintf(name, sizeof name, "%s-%u", rabbit->name, subscription->channel);
    amqp_basic_cancel_t cancel = { .consumer_tag = amqp_cstring_bytes(name), .nowait = 1 };
    rabbit_frame_method(&rabbit->consuming, subscription->channel, AMQP_BASIC_CANCEL_METHOD, &cancel);
}

static void queue_delete(struct rabbit *rabbit, const struct subscription *subscription)
{
    amqp_queue_delete_t drop = { .queue = amqp_cstring_bytes(subscription->queue), .nowait = 1 };
    rabbit_frame_method(&rabbit->consuming, subscription->channel, AMQP_QUEUE_DELETE_METHOD, &drop);
}

void rabbit_consumer_leave(struct rabbit *rabbit, struct subscription *subscription)
{
    subscription->leaving = true;
    if (subscription->channel == 0) return;
    if ((subscription->flags & (WEFT_QUEUE_ORDERED | WEFT_QUEUE_BROADCAST)) == 0) {
        consumer_cancel(rabbit, subscription);
        return_undelivered(rabbit, subscription);
        return;
    }
    rabbit_settle_subscription(rabbit, subscription, true);
    if ((subscription->flags & WEFT_QUEUE_BROADCAST) != 0) queue_delete(rabbit, subscription);
    channel_close(rabbit, subscription);
}

void rabbit_consumer_retire(struct rabbit *rabbit)
{
    struct subscription *subscription, *next;
    DL_FOREACH_SAFE(rabbit->consumers.all, subscription, next)
    {
        if (!subscription->leaving || subscription->n_held > 0) continue;
        if (subscription->channel != 0) {
            rabbit_settle_subscription(rabbit, subscription, true);
            channel_close(rabbit, subscription);
        }
        DL_DELETE(rabbit->consumers.all, subscription);
        rabbit_subscription_free(subscription);
    }
}

/* ---- deliveries ------------------------------------------------------------------------------------------------- */

/* Offers an array from the head of the ready list; how many the host took. */
static size_t deliver_some(struct rabbit *rabbit, struct subscription *subscription)
{
    const struct weft_delivery *deliveries[DELIVERY_ARRAY];
    size_t room = subscription->credit - subscription->n_held, n = 0, taken = 0;
    struct incoming *incoming;
    for (incoming = subscription->ready; incoming != NULL && n < room && n < DELIVERY_ARRAY; incoming = incoming->next)
        deliveries[n++] = &incoming->delivery;
    if (n == 0) return 0;

    pthread_mutex_lock(&rabbit->delivering);
    bool active = subscription->active;
    if (active) taken = rabbit->host->deliver(rabbit->host, subscription->tag, deliveries, n);
    pthread_mutex_unlock(&rabbit->delivering);

    subscription->refused = active && taken < n;
    for (size_t i = 0; i < taken; i++) {
        incoming = subscription->ready;
        DL_DELETE(subscription->ready, incoming);
        DL_APPEND(subscription->in_hand, incoming);
    }
    subscription->n_held += taken;
    return taken;
}

void rabbit_consumer_deliver(struct rabbit *rabbit)
{
    struct subscription *subscription;
    DL_FOREACH(rabbit->consumers.all, subscription)
    {
        while (subscription->ready != NULL && !subscription->refused && deliver_some(rabbit, subscription) > 0)
            ;
    }
}

static void short_text(char ret_text[CONSUMER_SHORT_TEXT], amqp_bytes_t bytes)
{
    size_t size = bytes.len < CONSUMER_SHORT_TEXT ? bytes.len : CONSUMER_SHORT_TEXT - 1;
    if (size > 0) memcpy(ret_text, bytes.bytes, size);
    ret_text[size] = '\0';
}

static void delivery_begin(struct subscription *subscription, const amqp_basic_deliver_t *deliver)
{
    free(subscription->arriving); /* a broker that breaks off a body shall not make us leak */
    subscription->arriving = NULL;
    subscription->arriving_tag = subscription->last_tag = deliver->delivery_tag;
    subscription->arriving_redelivered = deliver->redelivered;
    short_text(subscription->exchange, deliver->exchange);
    short_text(subscription->routing_key, deliver->routing_key);
}

static void delivery_complete(struct rabbit *rabbit, struct subscription *subscription)
{
    struct incoming *incoming = subscription->arriving;
    subscription->arriving = NULL;
    subscription->arriving_tag = 0;
    if (subscription->leaving) { /* came while basic.cancel was on its way */
        rabbit_settle_nack(rabbit, subscription, incoming->tag, true);
        free(incoming);
        return;
    }
    DL_APPEND(subscription->ready, incoming);
}

/* Too large, or no memory for it: to the dead-letter queue, or back. The frames of its body find nothing to fill. */
static void delivery_decline(struct rabbit *rabbit, struct subscription *subscription, uint64_t size)
{
    bool too_large = size > rabbit->options->max_message_bytes;
    rabbit_log(rabbit, WEFT_LOG_ERROR, "a message of %llu bytes from queue '%s' %s", (unsigned long long)size,
               subscription->queue,
               too_large ? "is larger than max_message_bytes and goes to its dead-letter queue" : "finds no memory");
    rabbit->host->count(rabbit->host, "declined_total", 1);
    rabbit_settle_nack(rabbit, subscription, subscription->arriving_tag, !too_large);
    subscription->arriving_tag = 0;
}

static void delivery_header(struct rabbit *rabbit, struct subscription *subscription, const amqp_frame_t *frame)
{
    struct arrival arrival = { .exchange = subscription->exchange,
                               .routing_key = subscription->routing_key,
                               .properties = frame->payload.properties.decoded,
                               .body_size = frame->payload.properties.body_size };
    struct incoming *incoming = NULL;
    if (subscription->arriving_tag == 0 || subscription->arriving != NULL ||
        frame->payload.properties.class_id != AMQP_BASIC_CLASS)
        return;
    if (arrival.body_size <= rabbit->options->max_message_bytes)
        incoming = rabbit_message_decode(&rabbit->consumers.scratch, &arrival);
    if (incoming == NULL) {
        delivery_decline(rabbit, subscription, frame->payload.properties.body_size);
        return;
    }
    incoming->subscription = subscription;
    incoming->tag = subscription->arriving_tag;
    incoming->epoch = subscription->epoch;
    if (subscription->arriving_redelivered) incoming->delivery.flags |= WEFT_DELIVERY_REDELIVERED;
    subscription->arriving = incoming;
    if (incoming->body_size == 0) delivery_complete(rabbit, subscription);
}

static void delivery_body(struct rabbit *rabbit, struct subscription *subscription, amqp_bytes_t bytes)
{
    struct incoming *incoming = subscription->arriving;
    if (incoming == NULL) return;
    size_t room = incoming->body_size - incoming->body_filled;
    size_t size = bytes.len < room ? bytes.len : room;
    memcpy(incoming->body + incoming->body_filled, bytes.bytes, size);
    incoming->body_filled += size;
    if (incoming->body_filled == incoming->body_size) delivery_complete(rabbit, subscription);
}

/* ---- frames ----------------------------------------------------------------------------------------------------- */

/* The broker closed the channel (consumer_timeout, a queue deleted) or ended the consumer: begins again, with the
 * topology first, for the queue may be gone. */
static void consumer_ended(struct rabbit *rabbit, struct subscription *subscription, const char *why)
{
    rabbit_log(rabbit, WEFT_LOG_WARN, "the broker ended consuming from queue '%s': %s; beginning again",
               subscription->queue, why);
    rabbit->host->count(rabbit->host, "consumers_ended_total", 1);
    rabbit->topology_in_place = false;
}

static void channel_closed(struct rabbit *rabbit, struct subscription *subscription, const amqp_frame_t *frame)
{
    amqp_channel_close_ok_t agreed = { 0 };
    char text[300];
    rabbit_frame_method(&rabbit->consuming, frame->channel, AMQP_CHANNEL_CLOSE_OK_METHOD, &agreed);
    rabbit->consumers.closing[frame->channel] = false;
    if (subscription == NULL) return;
    rabbit_close_text(&frame->payload.method, text, sizeof text);
    channel_gone(rabbit, subscription);
    consumer_ended(rabbit, subscription, text);
}

/* Channel 0 and the control channel: nothing that we do there makes the broker close them, so start afresh. */
static void control_method(struct rabbit *rabbit, const amqp_method_t *method)
{
    char text[300];
    if (method->id != AMQP_CONNECTION_CLOSE_METHOD && method->id != AMQP_CHANNEL_CLOSE_METHOD) return;
    rabbit_close_text(method, text, sizeof text);
    rabbit_connection_break(&rabbit->consuming, WEFT_HEALTH_DOWN, "the broker closed the consuming connection: %s",
                            text);
}

static void consumer_method(struct rabbit *rabbit, struct subscription *subscription, const amqp_frame_t *frame)
{
    const amqp_method_t *method = &frame->payload.method;
    if (method->id == AMQP_CHANNEL_CLOSE_OK_METHOD) {
        rabbit->consumers.closing[frame->channel] = false;
    } else if (method->id == AMQP_CHANNEL_CLOSE_METHOD) {
        channel_closed(rabbit, subscription, frame);
    } else if (subscription != NULL && method->id == AMQP_BASIC_DELIVER_METHOD) {
        delivery_begin(subscription, method->decoded);
    } else if (subscription != NULL && method->id == AMQP_BASIC_CANCEL_METHOD) {
        channel_close(rabbit, subscription); /* a notice: the queue was deleted, or its leader is gone */
        consumer_ended(rabbit, subscription, "cancelled, the queue is gone");
    } /* else an answer to what was sent without waiting */
}

void rabbit_consumer_frame(struct rabbit *rabbit, const amqp_frame_t *frame)
{
    if (frame->channel >= CONSUMER_CHANNELS) return;
    struct subscription *subscription = rabbit->consumers.channels[frame->channel];
    if (frame->frame_type == AMQP_FRAME_METHOD && frame->channel < FIRST_CHANNEL)
        control_method(rabbit, &frame->payload.method);
    else if (frame->frame_type == AMQP_FRAME_METHOD)
        consumer_method(rabbit, subscription, frame);
    else if (subscription != NULL && frame->frame_type == AMQP_FRAME_HEADER)
        delivery_header(rabbit, subscription, frame);
    else if (subscription != NULL && frame->frame_type == AMQP_FRAME_BODY)
        delivery_body(rabbit, subscription, frame->payload.body_fragment);
}
