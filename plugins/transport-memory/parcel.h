/* parcel.h - a message on its way: the one copy that all queues share, and an entry for each queue it lies in. */
#ifndef WEFT_MEMORY_PARCEL_H
#define WEFT_MEMORY_PARCEL_H

#include <stdbool.h>
#include <weft/plugin.h>

struct queue;
struct subscription;
struct topic;

/* A parcel in one queue: ready there, or in the host's hands. */
struct entry {
    struct weft_delivery delivery; /* what the host sees; plugin_data leads back here */
    struct parcel *parcel;
    struct queue *queue;
    struct subscription *holder; /* in whose held list it is; NULL: ready, or its holder is gone */
    struct entry *prev, *next;   /* in the queue's ready list or in the holder's held list */
    struct entry *replacement;   /* has taken its place: the host only gives this one back */
};

/* One allocation: this, the entries, then the texts and bytes of the message. Lives until no entry is left and the
 * operation is completed. */
struct parcel {
    struct weft_message message;
    const struct weft_publish *operation; /* to complete; NULL: completed */
    struct topic *topic;
    uint64_t number;    /* ascends: the order of publishing */
    uint32_t n_living;  /* entries that are ready or in the host's hands */
    uint32_t n_holding; /* entries of durable queues without an outcome: they hold the confirm and room in the window */
    bool delivered;     /* to anyone: not completed it is MAYBE_SENT, else NOT_SENT */
    struct parcel *prev, *next; /* in the instance's list */
    uint32_t n_entries;
    struct entry entries[];
};

/* Copies the operation's message; NULL when out of memory. All entries are zero but for the parcel and delivery. */
struct parcel *memory_parcel_new(const struct weft_publish *operation, uint32_t n_entries);
void memory_parcel_free(struct parcel *parcel);

/* A new entry, ready, in the place of one that the host keeps. NULL when out of memory. */
struct entry *memory_parcel_replace(struct entry *entry);

#endif
