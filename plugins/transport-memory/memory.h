/* memory.h - an instance: topics, queues, subscriptions, and the parcels under way between them.
 *
 * The host calls one function at a time and none of its callbacks comes back into the plugin, so there is no lock and
 * no thread: whatever a call makes possible is done before it returns.
 */
#ifndef WEFT_MEMORY_MEMORY_H
#define WEFT_MEMORY_MEMORY_H

#include "parcel.h"
#include "queue.h"
#include "topic.h"

struct memory_options {
    int64_t window;
    int64_t broadcast_limit;
    uint64_t max_message_bytes;
};

enum { COMPLETION_ARRAY = 64 };

struct memory {
    const struct weft_host *host;
    struct memory_options options;
    struct topic *topics;
    struct queue *queues;
    struct subscription *subscriptions;
    struct parcel *parcels; /* all that are alive, oldest first */
    uint64_t last_number;
    struct queue **reached; /* room for as many queues as there are, for routing */
    size_t reached_size;
    struct queue *touched; /* to serve before the call returns */
    bool ready_due;        /* ready() is to be called before the call returns */
    uint32_t n_completions;
    struct weft_completion completions[COMPLETION_ARRAY]; /* to report before the call returns */
};

/* The functions of the plugin, as weft/plugin.h describes them. */
int32_t memory_declare(void *self, const struct weft_topology *topology, struct weft_error *ret_error); /* topology.c */
size_t memory_publish(void *self, const struct weft_publish *const *operations, size_t n);              /* publish.c */
int32_t memory_subscribe(void *self, const struct weft_subscription *wanted, void *tag,
                         struct weft_error *ret_error); /* consume.c, as the rest */
void memory_settle(void *self, void *tag, const struct weft_settle *settles, size_t n);
void memory_unsubscribe(void *self, void *tag);

/* An entry has its outcome: it no longer holds the confirm; the parcel goes with its last entry. publish.c */
void memory_finish_entry(struct memory *memory, struct entry *entry);
/* The host has given an entry back, or it will never be delivered. */
void memory_release_parcel(struct memory *memory, struct parcel *parcel);
/* Reports all that is not completed, for close. */
void memory_abandon(struct memory *memory);

/* Puts a queue on the list of those to serve. consume.c */
void memory_touch(struct memory *memory, struct queue *queue);
/* What every call ends with: serves the touched queues, reports completions and ready(). */
void memory_flush(struct memory *memory);

/* Writes an error; returns rc. */
int32_t memory_error(struct weft_error *ret_error, int32_t rc, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
