/* base/mailbox.c - a ring of pointers behind one mutex.
 *
 * Cost: a push makes a system call only if the reader sleeps and nobody has woken it yet; a take empties many at once.
 */
#include "base/mailbox.h"

#include "base/clock.h"
#include "base/memory.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define MAILBOX_FIRST 64

struct weft_mailbox {
    pthread_mutex_t mutex;
    pthread_cond_t filled;
    void **items; /* a ring; capacity is a power of two */
    size_t capacity, head, size;
    bool sleeping; /* the reader waits and has not been signalled since */
    bool woken;    /* the next wait, or this one, ends with nothing */
};

struct weft_mailbox *weft_mailbox_new(size_t first_capacity)
{
    struct weft_mailbox *mailbox = weft_memory_zeroed(1, sizeof *mailbox);
    mailbox->capacity = MAILBOX_FIRST;
    while (mailbox->capacity < first_capacity)
        mailbox->capacity *= 2;
    mailbox->items = weft_memory_zeroed(mailbox->capacity, sizeof *mailbox->items);
    pthread_mutex_init(&mailbox->mutex, NULL);
    pthread_cond_init(&mailbox->filled, NULL);
    return mailbox;
}

void weft_mailbox_free(struct weft_mailbox *mailbox)
{
    if (mailbox == NULL) return;
    pthread_cond_destroy(&mailbox->filled);
    pthread_mutex_destroy(&mailbox->mutex);
    free(mailbox->items);
    free(mailbox);
}

static void mailbox_grow(struct weft_mailbox *mailbox, size_t needed)
{
    size_t capacity = mailbox->capacity;
    while (capacity < needed)
        capacity *= 2;
    if (capacity == mailbox->capacity) return;
    void **items = weft_memory_zeroed(capacity, sizeof *items);
    for (size_t i = 0; i < mailbox->size; i++)
        items[i] = mailbox->items[(mailbox->head + i) & (mailbox->capacity - 1)];
    free(mailbox->items);
    mailbox->items = items;
    mailbox->capacity = capacity;
    mailbox->head = 0;
}

/* With the mutex, which it gives back: who wakes must not wait for the mutex again at once. */
static void mailbox_unlock_signal(struct weft_mailbox *mailbox)
{
    bool sleeping = mailbox->sleeping;
    mailbox->sleeping = false;
    pthread_mutex_unlock(&mailbox->mutex);
    if (sleeping) pthread_cond_signal(&mailbox->filled);
}

void weft_mailbox_push(struct weft_mailbox *mailbox, void *const *items, size_t n)
{
    if (n == 0) return;
    pthread_mutex_lock(&mailbox->mutex);
    mailbox_grow(mailbox, mailbox->size + n);
    for (size_t i = 0; i < n; i++)
        mailbox->items[(mailbox->head + mailbox->size + i) & (mailbox->capacity - 1)] = items[i];
    mailbox->size += n;
    mailbox_unlock_signal(mailbox);
}

void weft_mailbox_wake(struct weft_mailbox *mailbox)
{
    pthread_mutex_lock(&mailbox->mutex);
    mailbox->woken = true;
    mailbox_unlock_signal(mailbox);
}

static void mailbox_wait(struct weft_mailbox *mailbox, uint64_t deadline_ns)
{
    struct timespec deadline = weft_clock_timespec(deadline_ns);
    int ended = 0;
    while (mailbox->size == 0 && !mailbox->woken && ended == 0) {
        mailbox->sleeping = true;
        ended = pthread_cond_clockwait(&mailbox->filled, &mailbox->mutex, CLOCK_MONOTONIC, &deadline);
    }
    mailbox->sleeping = false;
}

size_t weft_mailbox_take(struct weft_mailbox *mailbox, void **ret_items, size_t max, uint64_t deadline_ns)
{
    pthread_mutex_lock(&mailbox->mutex);
    if (mailbox->size == 0 && !mailbox->woken && deadline_ns != 0) mailbox_wait(mailbox, deadline_ns);
    mailbox->woken = false;
    size_t n = mailbox->size < max ? mailbox->size : max;
    for (size_t i = 0; i < n; i++)
        ret_items[i] = mailbox->items[(mailbox->head + i) & (mailbox->capacity - 1)];
    mailbox->head = (mailbox->head + n) & (mailbox->capacity - 1);
    mailbox->size -= n;
    pthread_mutex_unlock(&mailbox->mutex);
    return n;
}

size_t weft_mailbox_size(struct weft_mailbox *mailbox)
{
    pthread_mutex_lock(&mailbox->mutex);
    size_t size = mailbox->size;
    pthread_mutex_unlock(&mailbox->mutex);
    return size;
}
