/* rpc/tag.h - what gRPC's core gives back with an event: whom to call. */
#ifndef WEFT_RPC_TAG_H
#define WEFT_RPC_TAG_H

#include <stdbool.h>
#include <stddef.h>

struct weft_worker;

struct weft_tag {
    /* `worker` runs it; NULL on the control thread. */
    void (*run)(struct weft_tag *tag, bool ok, struct weft_worker *worker);
    struct weft_tag *next; /* of jobs that wait for a worker */
};

/* The struct that holds this tag as `member`. */
#define WEFT_TAG_OWNER(tag, type, member) ((type *)(void *)((char *)(tag)-offsetof(type, member)))

#endif
