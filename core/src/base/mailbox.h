/* base/mailbox.h - handing pointers from many threads to one, in arrays. */
#ifndef WEFT_BASE_MAILBOX_H
#define WEFT_BASE_MAILBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct weft_mailbox;

struct weft_mailbox *weft_mailbox_new(size_t first_capacity); /* grows as needed: who pushes bounds it */
void weft_mailbox_free(struct weft_mailbox *mailbox);
void weft_mailbox_push(struct weft_mailbox *mailbox, void *const *items,
                       size_t n);                     /* any thread; wakes the reader if it waits */
void weft_mailbox_wake(struct weft_mailbox *mailbox); /* any thread: ends one wait with nothing */
/* Takes up to `max` items in order; waits for the first to the deadline (0: does not wait). Returns how many. */
size_t weft_mailbox_take(struct weft_mailbox *mailbox, void **ret_items, size_t max, uint64_t deadline_ns);
size_t weft_mailbox_size(struct weft_mailbox *mailbox);

#endif
