/* consume.c - subscriptions and settlement. */
#include "memory.h"

#include <stdlib.h>

static struct subscription *subscription_find(struct memory *memory, void *tag)
{
    struct subscription *subscription = NULL;
    HASH_FIND_PTR(memory->subscriptions, &tag, subscription);
    return subscription;
}

void memory_touch(struct memory *memory, struct queue *queue)
{
    if (queue->touched) return;
    queue->touched = true;
    queue->next_touched = memory->touched;
    memory->touched = queue;
}

int32_t memory_subscribe(void *self, const struct weft_subscription *wanted, void *tag, struct weft_error *ret_error)
{
    struct memory *memory = self;
    struct queue *queue = wanted->queue != NULL ? memory_queue_find(memory->queues, wanted->queue) : NULL;
    if (queue == NULL)
        return memory_error(ret_error, WEFT_RC_INVALID, "queue '%s' is not declared",
                            wanted->queue != NULL ? wanted->queue : "");
    if (wanted->flags != queue->flags)
        return memory_error(ret_error, WEFT_RC_INVALID, "queue '%s' is declared with flags %u, subscribed with %u",
                            queue->name, queue->flags, wanted->flags);
    if (wanted->credit == 0)
        return memory_error(ret_error, WEFT_RC_INVALID, "a subscription to '%s' with credit 0 gets nothing",
                            queue->name);
    if (subscription_find(memory, tag) != NULL)
        return memory_error(ret_error, WEFT_RC_INVALID, "the tag of the subscription to '%s' is in use", queue->name);

    struct subscription *subscription = calloc(1, sizeof *subscription);
    if (subscription == NULL)
        return memory_error(ret_error, WEFT_RC_UNAVAILABLE, "out of memory while subscribing to '%s'", queue->name);
    subscription->tag = tag;
    subscription->credit = wanted->credit;
    HASH_ADD_PTR(memory->subscriptions, tag, subscription);
    memory_queue_subscribe(queue, subscription);
    memory_touch(memory, queue);
    memory_flush(memory);
    return WEFT_RC_OK;
}

static void settle_one(struct memory *memory, struct entry *entry, uint32_t verdict)
{
    if (entry->replacement != NULL) { /* its queue has gone on without it */
        memory_release_parcel(memory, entry->parcel);
        return;
    }
    memory_queue_release(entry);
    memory_touch(memory, entry->queue);
    if (verdict == WEFT_VERDICT_REQUEUE)
        memory_queue_put_back(entry->queue, entry);
    else
        memory_finish_entry(memory, entry);
}

void memory_settle(void *self, void *tag, const struct weft_settle *settles, size_t n)
{
    struct memory *memory = self;
    (void)tag; /* an entry knows its holder */
    for (size_t i = 0; i < n; i++)
        settle_one(memory, settles[i].delivery->plugin_data, settles[i].verdict);
    memory_flush(memory);
}

/* With its last reader a broadcast queue is gone. */
static void broadcast_drain(struct memory *memory, struct queue *queue)
{
    struct entry *entry;
    while ((entry = memory_queue_drop_oldest(queue)) != NULL)
        memory_finish_entry(memory, entry);
}

void memory_unsubscribe(void *self, void *tag)
{
    struct memory *memory = self;
    struct subscription *subscription = subscription_find(memory, tag);
    if (subscription == NULL) return;
    struct queue *queue = subscription->queue;
    memory_queue_unsubscribe(subscription);
    HASH_DEL(memory->subscriptions, subscription);
    free(subscription);
    if (!memory_queue_is_listening(queue)) broadcast_drain(memory, queue);
    memory_touch(memory, queue);
    memory_flush(memory);
}
