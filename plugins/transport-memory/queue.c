/* queue.c - handing out. */
#include "queue.h"

#include "parcel.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

enum { DELIVERY_ARRAY = 64 };

struct queue *memory_queue_find(struct queue *queues, const char *name)
{
    struct queue *queue = NULL;
    HASH_FIND_STR(queues, name, queue);
    return queue;
}

struct queue *memory_queue_get(struct queue **queues, const char *name)
{
    struct queue *queue = memory_queue_find(*queues, name);
    if (queue != NULL) return queue;
    queue = calloc(1, sizeof *queue);
    if (queue == NULL || (queue->name = strdup(name)) == NULL) {
        free(queue);
        return NULL;
    }
    HASH_ADD_KEYPTR(hh, *queues, queue->name, strlen(queue->name), queue);
    return queue;
}

void memory_queue_free_all(struct queue **queues)
{
    struct queue *queue, *next;
    HASH_ITER(hh, *queues, queue, next)
    {
        HASH_DEL(*queues, queue);
        free(queue->name);
        free(queue);
    }
}

bool memory_queue_is_listening(const struct queue *queue)
{
    return (queue->flags & WEFT_QUEUE_BROADCAST) == 0 || queue->subscriptions != NULL;
}

void memory_queue_append(struct queue *queue, struct entry *entry)
{
    entry->queue = queue;
    DL_APPEND(queue->ready, entry);
    queue->n_ready++;
}

void memory_queue_put_back(struct queue *queue, struct entry *entry)
{
    struct entry *later = queue->ready;
    while (later != NULL && later->parcel->number < entry->parcel->number)
        later = later->next;
    DL_PREPEND_ELEM(queue->ready, later, entry); /* appends when there is no later one */
    queue->n_ready++;
    entry->delivery.flags |= WEFT_DELIVERY_REDELIVERED;
    entry->delivery.count++;
}

struct entry *memory_queue_drop_oldest(struct queue *queue)
{
    struct entry *oldest = queue->ready;
    if (oldest != NULL) {
        DL_DELETE(queue->ready, oldest);
        queue->n_ready--;
    }
    return oldest;
}

void memory_queue_release(struct entry *entry)
{
    struct subscription *holder = entry->holder;
    if (holder == NULL) return;
    DL_DELETE(holder->held, entry);
    entry->holder = NULL;
    holder->n_unsettled--;
    holder->refused = false;
}

/* Moves the first n ready entries into the hands of the subscription's host. */
static void queue_hand_over(struct queue *queue, struct subscription *subscription, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct entry *entry = memory_queue_drop_oldest(queue);
        DL_APPEND(subscription->held, entry);
        entry->holder = subscription;
        entry->parcel->delivered = true;
    }
    subscription->n_unsettled += (uint32_t)n;
}

/* Delivers up to `most` entries to one subscription; how many it took. */
static size_t queue_offer(struct queue *queue, struct subscription *subscription, size_t most,
                          const struct weft_host *host)
{
    const struct weft_delivery *deliveries[DELIVERY_ARRAY];
    size_t room = subscription->credit - subscription->n_unsettled;
    size_t n = 0;

    most = most < room ? most : room;
    most = most < DELIVERY_ARRAY ? most : DELIVERY_ARRAY;
    for (struct entry *entry = queue->ready; entry != NULL && n < most; entry = entry->next)
        deliveries[n++] = &entry->delivery;
    if (n == 0 || subscription->refused) return 0;

    size_t taken = host->deliver(host, subscription->tag, deliveries, n);
    subscription->refused = taken < n;
    queue_hand_over(queue, subscription, taken);
    return taken;
}

static void queue_serve_active(struct queue *queue, const struct weft_host *host)
{
    while (queue_offer(queue, queue->subscriptions, queue->n_ready, host) > 0)
        ;
}

/* Every subscription in turn gets its share of what is ready; the next call starts where this one ended. */
static void queue_serve_all(struct queue *queue, const struct weft_host *host)
{
    size_t n_subscriptions = 0, n_idle = 0;
    struct subscription *subscription;
    DL_COUNT(queue->subscriptions, subscription, n_subscriptions);

    while (n_idle < n_subscriptions && queue->n_ready > 0) {
        size_t share = (queue->n_ready + n_subscriptions - 1) / n_subscriptions;
        subscription = queue->subscriptions;
        n_idle = queue_offer(queue, subscription, share, host) > 0 ? 0 : n_idle + 1;
        DL_DELETE(queue->subscriptions, subscription);
        DL_APPEND(queue->subscriptions, subscription);
    }
}

void memory_queue_serve(struct queue *queue, const struct weft_host *host)
{
    if (queue->subscriptions == NULL) return;
    if ((queue->flags & WEFT_QUEUE_ORDERED) != 0)
        queue_serve_active(queue, host);
    else
        queue_serve_all(queue, host);
}

void memory_queue_subscribe(struct queue *queue, struct subscription *subscription)
{
    subscription->queue = queue;
    DL_APPEND(queue->subscriptions, subscription);
}

void memory_queue_unsubscribe(struct subscription *subscription)
{
    struct queue *queue = subscription->queue;
    struct entry *entry, *next;

    DL_DELETE(queue->subscriptions, subscription);
    DL_FOREACH_SAFE(subscription->held, entry, next)
    {
        DL_DELETE(subscription->held, entry);
        entry->holder = NULL;
        struct entry *fresh = (queue->flags & WEFT_QUEUE_ORDERED) != 0 ? memory_parcel_replace(entry) : NULL;
        if (fresh != NULL) {
            fresh->parcel->n_living++;
            memory_queue_put_back(queue, fresh);
        }
    }
}
