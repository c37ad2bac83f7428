/* base/queue.c - a ring of pointers behind one mutex.
 *
 * Cost: a push makes a system call only if the reader sleeps and nobody has woken it yet; a take empties many at once.
 */
#include "base/queue.h"

#include "base/clock.h"
#include "base/memory.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define QUEUE_FIRST 64

struct weft_queue {
    pthread_mutex_t mutex;
    pthread_cond_t filled;
    void **items; /* a ring; capacity is a power of two */
    size_t capacity, head, size;
    bool sleeping; /* the reader waits and has not been signalled since */
    bool woken;    /* the next wait, or this one, ends with nothing */
};

struct weft_queue *weft_queue_new(size_t first_capacity)
{
    struct weft_queue *queue = weft_memory_zeroed(1, sizeof *queue);
    queue->capacity = QUEUE_FIRST;
    while (queue->capacity < first_capacity)
        queue->capacity *= 2;
    queue->items = weft_memory_zeroed(queue->capacity, sizeof *queue->items);
    pthread_mutex_init(&queue->mutex, NULL);
    pthread_cond_init(&queue->filled, NULL);
    return queue;
}

void weft_queue_free(struct weft_queue *queue)
{
    if (queue == NULL) return;
    pthread_cond_destroy(&queue->filled);
    pthread_mutex_destroy(&queue->mutex);
    free(queue->items);
    free(queue);
}

static void queue_grow(struct weft_queue *queue, size_t needed)
{
    size_t capacity = queue->capacity;
    while (capacity < needed)
        capacity *= 2;
    if (capacity == queue->capacity) return;
    void **items = weft_memory_zeroed(capacity, sizeof *items);
    for (size_t i = 0; i < queue->size; i++)
        items[i] = queue->items[(queue->head + i) & (queue->capacity - 1)];
    free(queue->items);
    queue->items = items;
    queue->capacity = capacity;
    queue->head = 0;
}

/* With the mutex, which it gives back: who wakes must not wait for the mutex again at once. */
static void queue_unlock_signal(struct weft_queue *queue)
{
    bool sleeping = queue->sleeping;
    queue->sleeping = false;
    pthread_mutex_unlock(&queue->mutex);
    if (sleeping) pthread_cond_signal(&queue->filled);
}

void weft_queue_push(struct weft_queue *queue, void *const *items, size_t n)
{
    if (n == 0) return;
    pthread_mutex_lock(&queue->mutex);
    queue_grow(queue, queue->size + n);
    for (size_t i = 0; i < n; i++)
        queue->items[(queue->head + queue->size + i) & (queue->capacity - 1)] = items[i];
    queue->size += n;
    queue_unlock_signal(queue);
}

void weft_queue_wake(struct weft_queue *queue)
{
    pthread_mutex_lock(&queue->mutex);
    queue->woken = true;
    queue_unlock_signal(queue);
}

static void queue_wait(struct weft_queue *queue, uint64_t deadline_ns)
{
    struct timespec deadline = weft_clock_timespec(deadline_ns);
    int ended = 0;
    while (queue->size == 0 && !queue->woken && ended == 0) {
        queue->sleeping = true;
        ended = pthread_cond_clockwait(&queue->filled, &queue->mutex, CLOCK_MONOTONIC, &deadline);
    }
    queue->sleeping = false;
}

size_t weft_queue_take(struct weft_queue *queue, void **ret_items, size_t max, uint64_t deadline_ns)
{
    pthread_mutex_lock(&queue->mutex);
    if (queue->size == 0 && !queue->woken && deadline_ns != 0) queue_wait(queue, deadline_ns);
    queue->woken = false;
    size_t n = queue->size < max ? queue->size : max;
    for (size_t i = 0; i < n; i++)
        ret_items[i] = queue->items[(queue->head + i) & (queue->capacity - 1)];
    queue->head = (queue->head + n) & (queue->capacity - 1);
    queue->size -= n;
    pthread_mutex_unlock(&queue->mutex);
    return n;
}

size_t weft_queue_size(struct weft_queue *queue)
{
    pthread_mutex_lock(&queue->mutex);
    size_t size = queue->size;
    pthread_mutex_unlock(&queue->mutex);
    return size;
}
