#include "fake_transport.h"

#include "base/clock.h"
#include "base/memory.h"
#include "user/v1/events.weft.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct fake_transport {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    struct weft_transport *host;
    struct fake_publish published[FAKE_PUBLISHES];
    size_t n, limit, under_way;
    int32_t answer;
    void *tag;
    struct fake_delivery *deliveries[FAKE_PUBLISHES];
    size_t n_deliveries, n_settled;
};

struct fake_delivery {
    struct weft_delivery delivery;
    struct weft_header headers[2];
    uint8_t payload[512];
    uint32_t verdict;
};

static void fake_record(struct fake_transport *fake, const struct weft_publish *operation)
{
    struct fake_publish *publish = &fake->published[fake->n++];
    *publish = (struct fake_publish){ .operation = operation, .flags = operation->flags };
    snprintf(publish->key, sizeof publish->key, "%s", operation->message.key == NULL ? "" : operation->message.key);
    snprintf(publish->topic, sizeof publish->topic, "%s", operation->message.topic);
    for (uint32_t i = 0; i < operation->message.n_headers; i++)
        if (strcmp(operation->message.headers[i].name, "sequence") == 0)
            publish->sequence = strtoll(operation->message.headers[i].value, NULL, 10);
    fake->under_way++;
}

static size_t fake_publish_all(void *self, const struct weft_publish *const *operations, size_t n)
{
    struct fake_transport *fake = self;
    pthread_mutex_lock(&fake->mutex);
    size_t first = fake->n, taken = 0;
    while (taken < n && fake->n < FAKE_PUBLISHES && (fake->limit == 0 || fake->under_way < fake->limit))
        fake_record(fake, operations[taken++]);
    int32_t answer = fake->answer;
    pthread_cond_broadcast(&fake->changed);
    pthread_mutex_unlock(&fake->mutex);
    for (size_t i = 0; i < taken && answer >= 0; i++)
        fake_transport_complete(fake, first + i, answer);
    return taken;
}

static int32_t fake_subscribe(void *self, const struct weft_subscription *subscription, void *tag,
                              struct weft_error *ret_error)
{
    (void)subscription, (void)ret_error;
    struct fake_transport *fake = self;
    pthread_mutex_lock(&fake->mutex);
    fake->tag = tag;
    pthread_mutex_unlock(&fake->mutex);
    return WEFT_RC_OK;
}

static void fake_unsubscribe(void *self, void *tag)
{
    (void)tag;
    struct fake_transport *fake = self;
    pthread_mutex_lock(&fake->mutex);
    fake->tag = NULL;
    pthread_mutex_unlock(&fake->mutex);
}

static void fake_settle(void *self, void *tag, const struct weft_settle *settles, size_t n)
{
    (void)tag;
    struct fake_transport *fake = self;
    pthread_mutex_lock(&fake->mutex);
    for (size_t i = 0; i < n; i++) {
        struct fake_delivery *delivery = fake->deliveries[settles[i].delivery->token];
        if (delivery->verdict != 0) abort(); /* settled twice */
        delivery->verdict = settles[i].verdict;
        fake->n_settled++;
    }
    pthread_mutex_unlock(&fake->mutex);
}

static const struct weft_transport_ops fake_ops = {
    .size = sizeof fake_ops,
    .caps = WEFT_TRANSPORT_CONFIRMS | WEFT_TRANSPORT_UNROUTED | WEFT_TRANSPORT_DURABLE,
    .publish = fake_publish_all,
    .subscribe = fake_subscribe,
    .settle = fake_settle,
    .unsubscribe = fake_unsubscribe,
};

struct fake_transport *fake_transport_new(void)
{
    struct fake_transport *fake = weft_memory_zeroed(1, sizeof *fake);
    pthread_mutex_init(&fake->mutex, NULL);
    pthread_cond_init(&fake->changed, NULL);
    fake->answer = WEFT_RC_OK;
    fake->host = weft_transport_new();
    weft_transport_attach(fake->host, &fake_ops, fake);
    return fake;
}

void fake_transport_free(struct fake_transport *fake)
{
    for (size_t i = 0; i < fake->n; i++)
        if (!fake->published[i].completed) fake_transport_complete(fake, i, WEFT_RC_MAYBE_SENT);
    for (size_t i = 0; i < fake->n_deliveries; i++)
        free(fake->deliveries[i]);
    weft_transport_free(fake->host);
    pthread_cond_destroy(&fake->changed);
    pthread_mutex_destroy(&fake->mutex);
    free(fake);
}

struct weft_transport *fake_transport_host(struct fake_transport *fake)
{
    return fake->host;
}

void fake_transport_answer(struct fake_transport *fake, int32_t rc)
{
    pthread_mutex_lock(&fake->mutex);
    fake->answer = rc;
    pthread_mutex_unlock(&fake->mutex);
}

void fake_transport_limit(struct fake_transport *fake, size_t under_way)
{
    pthread_mutex_lock(&fake->mutex);
    fake->limit = under_way;
    pthread_mutex_unlock(&fake->mutex);
}

void fake_transport_ready(struct fake_transport *fake)
{
    weft_transport_on_ready(fake->host);
}

size_t fake_transport_published(struct fake_transport *fake)
{
    pthread_mutex_lock(&fake->mutex);
    size_t n = fake->n;
    pthread_mutex_unlock(&fake->mutex);
    return n;
}

struct fake_publish fake_transport_at(struct fake_transport *fake, size_t index)
{
    pthread_mutex_lock(&fake->mutex);
    struct fake_publish publish = fake->published[index];
    pthread_mutex_unlock(&fake->mutex);
    return publish;
}

void fake_transport_complete(struct fake_transport *fake, size_t index, int32_t rc)
{
    pthread_mutex_lock(&fake->mutex);
    struct fake_publish *publish = &fake->published[index];
    bool first = !publish->completed;
    publish->completed = true;
    fake->under_way -= first;
    pthread_mutex_unlock(&fake->mutex);
    const struct weft_completion completion = { .operation = publish->operation, .rc = rc, .text = "the test says so" };
    if (first) weft_transport_on_complete(fake->host, &completion, 1);
}

bool fake_transport_wait(struct fake_transport *fake, size_t published)
{
    struct timespec until = weft_clock_timespec(weft_clock_ns() + 5 * WEFT_SECOND);
    int ended = 0;
    pthread_mutex_lock(&fake->mutex);
    while (fake->n < published && ended == 0)
        ended = pthread_cond_clockwait(&fake->changed, &fake->mutex, CLOCK_MONOTONIC, &until);
    bool there = fake->n >= published;
    pthread_mutex_unlock(&fake->mutex);
    return there;
}

static size_t payload_fill(struct fake_delivery *delivery, const struct fake_event *event)
{
    if (event->payload != NULL) {
        memcpy(delivery->payload, event->payload, strlen(event->payload));
        return strlen(event->payload);
    }
    User__V1__UserCreated message = USER__V1__USER_CREATED__INIT;
    message.user_id = (char *)(uintptr_t)event->key;
    message.email = (char *)(uintptr_t)event->email;
    return user__v1__user_created__pack(&message, delivery->payload);
}

static struct fake_delivery *delivery_new(const struct fake_event *event, size_t number)
{
    struct fake_delivery *delivery = weft_memory_zeroed(1, sizeof *delivery);
    delivery->headers[0] = (struct weft_header){ "cloudEvents:subject", event->key };
    delivery->headers[1] = (struct weft_header){ "note", event->note };
    delivery->delivery = (struct weft_delivery){
        .message = { .id = event->id,
                     .type = event->type == NULL ? "user.v1.UserCreated" : event->type,
                     .topic = "user-events",
                     .routing_key = "user.created",
                     .content_type = "application/x-protobuf",
                     .correlation_id = "correlation",
                     .source = "user-service",
                     .headers = delivery->headers,
                     .n_headers = event->note != NULL  ? 2
                                  : event->key != NULL ? 1
                                                       : 0,
                     .payload = delivery->payload,
                     .payload_size = payload_fill(delivery, event) },
        .cut = event->cut,
        .flags = event->flags,
        .token = number,
    };
    return delivery;
}

void fake_transport_deliver(struct fake_transport *fake, const struct fake_event *events, size_t n)
{
    const struct weft_delivery *deliveries[256];
    pthread_mutex_lock(&fake->mutex);
    void *tag = fake->tag;
    for (size_t i = 0; i < n; i++) {
        struct fake_delivery *delivery = delivery_new(&events[i], fake->n_deliveries);
        fake->deliveries[fake->n_deliveries++] = delivery;
        deliveries[i] = &delivery->delivery;
    }
    pthread_mutex_unlock(&fake->mutex);
    weft_transport_on_deliver(fake->host, tag, deliveries, n);
}

size_t fake_transport_settled(struct fake_transport *fake)
{
    pthread_mutex_lock(&fake->mutex);
    size_t n = fake->n_settled;
    pthread_mutex_unlock(&fake->mutex);
    return n;
}

uint32_t fake_transport_verdict(struct fake_transport *fake, size_t delivery)
{
    pthread_mutex_lock(&fake->mutex);
    uint32_t verdict = fake->deliveries[delivery]->verdict;
    pthread_mutex_unlock(&fake->mutex);
    return verdict;
}

bool fake_transport_subscribed(struct fake_transport *fake)
{
    pthread_mutex_lock(&fake->mutex);
    bool subscribed = fake->tag != NULL;
    pthread_mutex_unlock(&fake->mutex);
    return subscribed;
}
