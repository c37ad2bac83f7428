/* base/queue.h - handing pointers from many threads to one, in arrays. */
#ifndef WEFT_BASE_QUEUE_H
#define WEFT_BASE_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct weft_queue;

struct weft_queue *weft_queue_new(size_t first_capacity); /* grows as needed: who pushes bounds it */
void weft_queue_free(struct weft_queue *queue);
void weft_queue_push(struct weft_queue *queue, void *const *items, size_t n); /* any thread; wakes the reader if it waits */
void weft_queue_wake(struct weft_queue *queue);                               /* any thread: ends one wait with nothing */
/* Takes up to `max` items in order; waits for the first to the deadline (0: does not wait). Returns how many. */
size_t weft_queue_take(struct weft_queue *queue, void **ret_items, size_t max, uint64_t deadline_ns);
size_t weft_queue_size(struct weft_queue *queue);

#endif
