/* consumer.c - every subscription has a channel of its own: its prefetch is its credit, its tags are its own, and
 * closing it gives everything back in order. An ordered subscription ends by that, never by basic.cancel, after which
 * the next consumer would get later messages before those that return. */
#include "consume/consumer.h"

#include "connection/frame.h"
#include "consume/settle.h"
#include "instance.h"
#include "topology/declare.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

enum { DELIVERY_ARRAY = 64, PREFETCH_MAX = 65535 };

static const struct seat_kind consumer_seat;

static struct subscription *subscription_of(struct seat *seat)
{
    return (struct subscription *)(void *)((char *)seat - offsetof(struct subscription, seat));
}

struct subscription *rabbit_subscription_new(const char *queue, uint32_t flags, uint32_t credit, void *tag)
{
    struct subscription *subscription = calloc(1, sizeof *subscription);
    if (subscription == NULL) return NULL;
    subscription->tag = tag;
    subscription->flags = flags;
    subscription->credit = credit < PREFETCH_MAX ? credit : PREFETCH_MAX;
    subscription->active = true;
    subscription->seat.kind = &consumer_seat;
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
    EVP_MD_CTX_free(subscription->digest);
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
static void consumer_gone(struct rabbit *rabbit, struct seat *seat)
{
    struct subscription *subscription = subscription_of(seat);
    (void)rabbit;
    subscription->epoch++;
    subscription->n_acks = 0;
    subscription->last_tag = subscription->arriving_tag = 0;
    free(subscription->arriving);
    subscription->arriving = NULL;
    incoming_free_list(&subscription->ready);
    DL_CONCAT(subscription->stale, subscription->in_hand);
    subscription->in_hand = NULL;
}

static void consumer_name(const struct rabbit *rabbit, const struct subscription *subscription, char name[128])
{
    snprintf(name, 128, "%s-%u", rabbit->name, subscription->seat.channel);
}

/* channel.open, basic.qos, basic.consume in one flight; basic.consume-ok is the last answer. */
static void consumer_begin(struct rabbit *rabbit, struct subscription *subscription)
{
    struct seat *seat = &subscription->seat;
    char name[128];
    if (!rabbit_seat_take(rabbit, seat)) return;
    consumer_name(rabbit, subscription, name);
    amqp_basic_qos_t qos = { .prefetch_count = (uint16_t)subscription->credit };
    amqp_basic_consume_t consume = { .queue = amqp_cstring_bytes(subscription->queue),
                                     .consumer_tag = amqp_cstring_bytes(name) };
    rabbit_frame_method(&seat->line->connection, seat->channel, AMQP_BASIC_QOS_METHOD, &qos);
    rabbit_frame_method(&seat->line->connection, seat->channel, AMQP_BASIC_CONSUME_METHOD, &consume);
}

void rabbit_consumer_open(struct rabbit *rabbit)
{
    struct subscription *subscription;
    DL_FOREACH(rabbit->consumers.all, subscription)
    {
        rabbit_seat_check(rabbit, &subscription->seat);
        if (subscription->leaving || !rabbit_seat_is_due(rabbit, &subscription->seat)) continue;
        if (rabbit_declare_is_in_place(rabbit, subscription->queue)) consumer_begin(rabbit, subscription);
    }
}

const struct subscription *rabbit_consumer_failed(const struct rabbit *rabbit)
{
    const struct subscription *subscription;
    DL_FOREACH(rabbit->consumers.all, subscription)
    {
        if (!subscription->leaving && subscription->seat.fault[0] != '\0') return subscription;
    }
    return NULL;
}

uint64_t rabbit_consumer_next_ns(const struct rabbit *rabbit)
{
    uint64_t next_ns = UINT64_MAX;
    const struct subscription *subscription;
    DL_FOREACH(rabbit->consumers.all, subscription)
    {
        if (subscription->seat.channel == 0 && !rabbit_declare_is_in_place(rabbit, subscription->queue)) continue;
        uint64_t mine_ns = rabbit_seat_next_ns(&subscription->seat);
        if (mine_ns < next_ns) next_ns = mine_ns;
    }
    return next_ns;
}

/* ---- coming and going ------------------------------------------------------------------------------------------- */

void rabbit_consumer_add(struct rabbit *rabbit, struct subscription *subscription)
{
    DL_APPEND(rabbit->consumers.all, subscription);
}

static void return_undelivered(struct subscription *subscription)
{
    struct incoming *incoming;
    DL_FOREACH(subscription->ready, incoming)
    rabbit_settle_nack(subscription, incoming->tag, true);
    incoming_free_list(&subscription->ready);
}

static void consumer_cancel(const struct rabbit *rabbit, const struct subscription *subscription)
{
    char name[128];
    consumer_name(rabbit, subscription, name);
    amqp_basic_cancel_t cancel = { .consumer_tag = amqp_cstring_bytes(name), .nowait = 1 };
    rabbit_frame_method(&subscription->seat.line->connection, subscription->seat.channel, AMQP_BASIC_CANCEL_METHOD,
                        &cancel);
}

static void queue_delete(const struct subscription *subscription)
{
    amqp_queue_delete_t drop = { .queue = amqp_cstring_bytes(subscription->queue), .nowait = 1 };
    rabbit_frame_method(&subscription->seat.line->connection, subscription->seat.channel, AMQP_QUEUE_DELETE_METHOD,
                        &drop);
}

void rabbit_consumer_leave(struct rabbit *rabbit, struct subscription *subscription)
{
    subscription->leaving = true;
    if (subscription->seat.channel == 0) return;
    if ((subscription->flags & (WEFT_QUEUE_ORDERED | WEFT_QUEUE_BROADCAST)) == 0) {
        consumer_cancel(rabbit, subscription);
        return_undelivered(subscription);
        return;
    }
    rabbit_settle_subscription(subscription, true);
    if ((subscription->flags & WEFT_QUEUE_BROADCAST) != 0) queue_delete(subscription);
    rabbit_seat_leave(rabbit, &subscription->seat);
}

void rabbit_consumer_retire(struct rabbit *rabbit)
{
    struct subscription *subscription, *next;
    DL_FOREACH_SAFE(rabbit->consumers.all, subscription, next)
    {
        if (!subscription->leaving || subscription->n_held > 0) continue;
        if (subscription->seat.channel != 0) {
            rabbit_settle_subscription(subscription, true);
            rabbit_seat_leave(rabbit, &subscription->seat);
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

static void delivery_complete(struct subscription *subscription)
{
    struct incoming *incoming = subscription->arriving;
    subscription->arriving = NULL;
    subscription->arriving_tag = 0;
    if (subscription->leaving) { /* came while basic.cancel was on its way */
        rabbit_settle_nack(subscription, incoming->tag, true);
        free(incoming);
        return;
    }
    DL_APPEND(subscription->ready, incoming);
}

/* No memory for it: it goes back. The frames of its body find nothing to fill. */
static void delivery_decline(struct rabbit *rabbit, struct subscription *subscription, uint64_t size)
{
    rabbit_log(rabbit, WEFT_LOG_ERROR, "a message of %llu bytes from queue '%s' finds no memory",
               (unsigned long long)size, subscription->queue);
    rabbit->host->count(rabbit->host, "declined_total", 1);
    rabbit_settle_nack(subscription, subscription->arriving_tag, true);
    subscription->arriving_tag = 0;
}

/* Of a body that is not kept at least the digest is. */
static bool digest_begin(struct subscription *subscription)
{
    if (subscription->digest == NULL) subscription->digest = EVP_MD_CTX_new();
    return subscription->digest != NULL && EVP_DigestInit_ex(subscription->digest, EVP_sha256(), NULL) == 1;
}

static bool arrival_is_cut(const struct incoming *incoming)
{
    return incoming->body_kept < incoming->body_size;
}

static void delivery_header(struct rabbit *rabbit, struct subscription *subscription, const amqp_frame_t *frame)
{
    struct arrival arrival = { .exchange = subscription->exchange,
                               .routing_key = subscription->routing_key,
                               .properties = frame->payload.properties.decoded,
                               .body_size = frame->payload.properties.body_size,
                               .body_most = rabbit->options->max_message_bytes };
    if (subscription->arriving_tag == 0 || subscription->arriving != NULL ||
        frame->payload.properties.class_id != AMQP_BASIC_CLASS)
        return;
    struct incoming *incoming = rabbit_message_decode(&rabbit->consumers.scratch, &arrival);
    if (incoming == NULL || (arrival_is_cut(incoming) && !digest_begin(subscription))) {
        free(incoming);
        delivery_decline(rabbit, subscription, frame->payload.properties.body_size);
        return;
    }
    incoming->subscription = subscription;
    incoming->tag = subscription->arriving_tag;
    incoming->epoch = subscription->epoch;
    if (subscription->arriving_redelivered) incoming->delivery.flags |= WEFT_DELIVERY_REDELIVERED;
    subscription->arriving = incoming;
    if (incoming->body_size == 0) delivery_complete(subscription);
}

static void delivery_body(struct subscription *subscription, amqp_bytes_t bytes)
{
    struct incoming *incoming = subscription->arriving;
    if (incoming == NULL) return;
    size_t room = incoming->body_size - incoming->body_filled;
    size_t size = bytes.len < room ? bytes.len : room;
    if (incoming->body_filled < incoming->body_kept) {
        size_t kept = incoming->body_kept - incoming->body_filled;
        memcpy(incoming->body + incoming->body_filled, bytes.bytes, size < kept ? size : kept);
    }
    if (arrival_is_cut(incoming)) EVP_DigestUpdate(subscription->digest, bytes.bytes, size);
    incoming->body_filled += size;
    if (incoming->body_filled < incoming->body_size) return;
    if (arrival_is_cut(incoming)) EVP_DigestFinal_ex(subscription->digest, incoming->cut.payload_sha256, NULL);
    delivery_complete(subscription);
}

/* ---- frames ----------------------------------------------------------------------------------------------------- */

/* Begins again, with the topology first, for the queue may be gone. */
static void consumer_ended(struct rabbit *rabbit, struct subscription *subscription, const char *why)
{
    rabbit_log(rabbit, WEFT_LOG_WARN, "the broker ended consuming from queue '%s': %s; beginning again",
               subscription->queue, why);
    rabbit->host->count(rabbit->host, "consumers_ended_total", 1);
    rabbit_declare_again(rabbit, subscription->queue);
}

/* consumer_timeout, the queue was deleted, an access refused. */
static void consumer_refused(struct rabbit *rabbit, struct seat *seat, int code, const char *text)
{
    (void)code;
    consumer_ended(rabbit, subscription_of(seat), text);
    rabbit_seat_fail(rabbit, seat, "%s", text);
}

static void consumer_method(struct rabbit *rabbit, struct subscription *subscription, const amqp_method_t *method)
{
    if (method->id == AMQP_BASIC_DELIVER_METHOD) {
        delivery_begin(subscription, method->decoded);
    } else if (method->id == AMQP_BASIC_CONSUME_OK_METHOD) {
        rabbit_seat_works(&subscription->seat);
    } else if (method->id == AMQP_BASIC_CANCEL_METHOD) { /* a notice: the queue was deleted, or its leader is gone */
        consumer_ended(rabbit, subscription, "cancelled, the queue is gone");
        rabbit_seat_fail(rabbit, &subscription->seat, "the broker cancelled it, the queue was gone");
    } /* else an answer that another one follows */
}

static void consumer_frame(struct rabbit *rabbit, struct seat *seat, const amqp_frame_t *frame)
{
    struct subscription *subscription = subscription_of(seat);
    if (frame->frame_type == AMQP_FRAME_METHOD)
        consumer_method(rabbit, subscription, &frame->payload.method);
    else if (frame->frame_type == AMQP_FRAME_HEADER)
        delivery_header(rabbit, subscription, frame);
    else if (frame->frame_type == AMQP_FRAME_BODY)
        delivery_body(subscription, frame->payload.body_fragment);
}

static const struct seat_kind consumer_seat = { .frame = consumer_frame,
                                                .gone = consumer_gone,
                                                .refused = consumer_refused };
