/* queue.h - a queue: entries that are ready, the subscriptions that share it, and handing the one to the other. */
#ifndef WEFT_MEMORY_QUEUE_H
#define WEFT_MEMORY_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uthash.h>
#include <weft/plugin.h>

struct entry;

struct subscription {
    struct queue *queue;
    void *tag;
    uint32_t credit;
    uint32_t n_unsettled;
    bool refused;                     /* the host took fewer than offered: nothing until it settles */
    struct entry *held;               /* in the host's hands, in order of delivery */
    struct subscription *prev, *next; /* in the queue's list */
    UT_hash_handle hh;                /* in the instance's table, by tag */
};

struct queue {
    char *name;
    uint32_t flags; /* WEFT_QUEUE_ */
    UT_hash_handle hh;
    struct entry *ready; /* ascending by the parcels' numbers */
    size_t n_ready;
    struct subscription *subscriptions; /* ordered: the first is active, the others stand by; else the next to serve */
    struct queue *next_touched;
    bool touched; /* in the instance's list of queues to serve before the call returns */
};

struct queue *memory_queue_find(struct queue *queues, const char *name);
struct queue *memory_queue_get(struct queue **queues, const char *name); /* finds or makes; NULL when out of memory */
void memory_queue_free_all(struct queue **queues);

/* Does it take messages? A durable queue always does, a broadcast queue from its first subscription on. */
bool memory_queue_is_listening(const struct queue *queue);

void memory_queue_append(struct queue *queue, struct entry *entry);
void memory_queue_put_back(struct queue *queue, struct entry *entry); /* to its old place, as redelivery */
struct entry *memory_queue_drop_oldest(struct queue *queue);          /* NULL if none is ready */
void memory_queue_release(struct entry *entry); /* out of the host's hands: its holder has room again */

/* Delivers what is ready, as far as the subscriptions' credit goes, in arrays. */
void memory_queue_serve(struct queue *queue, const struct weft_host *host);

void memory_queue_subscribe(struct queue *queue, struct subscription *subscription);
/* Takes it out. What an ordered queue's subscription still holds returns in order for the next one; what any other
 * holds stays with the host until it is settled. false: out of memory, and some of it will only return when settled. */
void memory_queue_unsubscribe(struct subscription *subscription);

#endif
