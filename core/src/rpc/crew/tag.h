/* rpc/crew/tag.h - what gRPC's core gives back with an event: whom to call. */
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

/* What is done before a tag is given to core happens before what is done with its event: core's queues see to that. The
 * thread sanitizer cannot know, since core is not compiled with it, and is told. */
static inline void weft_tag_given(struct weft_tag *tag);
static inline void weft_tag_back(struct weft_tag *tag);

#ifdef __SANITIZE_THREAD__
void __tsan_acquire(void *address);
void __tsan_release(void *address);
static inline void weft_tag_given(struct weft_tag *tag)
{
    __tsan_release(tag);
}
static inline void weft_tag_back(struct weft_tag *tag)
{
    __tsan_acquire(tag);
}
#else
static inline void weft_tag_given(struct weft_tag *tag)
{
    (void)tag;
}
static inline void weft_tag_back(struct weft_tag *tag)
{
    (void)tag;
}
#endif

#endif
