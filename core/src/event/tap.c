/* event/tap.c - a ring of copies under one mutex. Readers hold copies while they print them, so that a publisher never
 * waits for a reader. */
#include "event/tap.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/memory.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { ENTRY_ARENA_BYTES = 512 };

struct entry {
    _Atomic unsigned holders;
    size_t bytes;
    struct weft_arena *arena;
    struct weft_message message;
};

struct weft_tap_ring {
    pthread_mutex_t mutex; /* guards all of it, and the closing of the tap */
    pthread_cond_t added;
    struct entry *entries[WEFT_TAP_EVENTS]; /* number n stands at n % WEFT_TAP_EVENTS */
    uint64_t first, next;                   /* numbers kept: first <= n < next */
    size_t bytes;
    uint64_t read_ns; /* when somebody looked last */
};

struct weft_tap *weft_tap_new(void)
{
    struct weft_tap *tap = weft_memory_zeroed(1, sizeof *tap);
    tap->ring = weft_memory_zeroed(1, sizeof *tap->ring);
    tap->ring->first = tap->ring->next = 1;
    pthread_mutex_init(&tap->ring->mutex, NULL);
    pthread_cond_init(&tap->ring->added, NULL);
    return tap;
}

/* ---- entries ----------------------------------------------------------------------------------------------------- */

static struct entry *entry_new(const struct weft_message *message)
{
    struct entry *entry = weft_memory_zeroed(1, sizeof *entry);
    struct weft_arena *arena = weft_arena_new(ENTRY_ARENA_BYTES);
    entry->holders = 1;
    entry->arena = arena;
    entry->message = (struct weft_message){ .id = weft_arena_strdup(arena, message->id),
                                            .type = weft_arena_strdup(arena, message->type),
                                            .topic = weft_arena_strdup(arena, message->topic),
                                            .routing_key = weft_arena_strdup(arena, message->routing_key),
                                            .key = weft_arena_strdup(arena, message->key),
                                            .content_type = weft_arena_strdup(arena, message->content_type),
                                            .correlation_id = weft_arena_strdup(arena, message->correlation_id),
                                            .source = weft_arena_strdup(arena, message->source),
                                            .payload = weft_arena_copy(arena, message->payload, message->payload_size),
                                            .payload_size = message->payload_size,
                                            .time_us = message->time_us };
    entry->bytes = sizeof *entry + ENTRY_ARENA_BYTES + message->payload_size;
    return entry;
}

static void entry_drop(struct entry *entry)
{
    if (atomic_fetch_sub_explicit(&entry->holders, 1, memory_order_acq_rel) != 1) return;
    weft_arena_free(entry->arena);
    free(entry);
}

static void oldest_drop(struct weft_tap_ring *ring)
{
    struct entry **place = &ring->entries[ring->first++ % WEFT_TAP_EVENTS];
    ring->bytes -= (*place)->bytes;
    entry_drop(*place);
    *place = NULL;
}

/* Numbers go on, so that a reader who comes back sees what it missed. */
static void ring_clear(struct weft_tap_ring *ring)
{
    while (ring->first < ring->next)
        oldest_drop(ring);
}

void weft_tap_free(struct weft_tap *tap)
{
    if (tap == NULL) return;
    ring_clear(tap->ring);
    pthread_cond_destroy(&tap->ring->added);
    pthread_mutex_destroy(&tap->ring->mutex);
    free(tap->ring);
    free(tap);
}

/* ---- adding ------------------------------------------------------------------------------------------------------ */

static void entry_keep(struct weft_tap_ring *ring, struct entry *entry)
{
    ring->entries[ring->next++ % WEFT_TAP_EVENTS] = entry;
    ring->bytes += entry->bytes;
    while (ring->next - ring->first > 1 && ring->bytes > WEFT_TAP_BYTES)
        oldest_drop(ring);
    pthread_cond_broadcast(&ring->added);
}

void weft_tap_add(struct weft_tap *tap, const struct weft_message *message)
{
    if (!weft_tap_is_open(tap)) return;
    struct weft_tap_ring *ring = tap->ring;
    struct entry *entry = entry_new(message);
    pthread_mutex_lock(&ring->mutex);
    bool wanted = weft_clock_ns() < ring->read_ns + WEFT_TAP_IDLE_NS;
    if (wanted) {
        if (ring->next - ring->first == WEFT_TAP_EVENTS) oldest_drop(ring);
        entry_keep(ring, entry);
    } else {
        ring_clear(ring);
        atomic_store_explicit(&tap->open, false, memory_order_relaxed);
    }
    pthread_mutex_unlock(&ring->mutex);
    if (!wanted) entry_drop(entry);
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

/* Waits, with the mutex, until there is an event after `after`. */
static void event_await(struct weft_tap_ring *ring, const struct weft_tap_reader *reader, uint64_t after)
{
    while (ring->next <= after + 1) {
        uint64_t now = weft_clock_ns();
        ring->read_ns = now;
        if (now >= reader->deadline_ns || reader->ended(reader->arg)) return;
        uint64_t until = now + reader->step_ns < reader->deadline_ns ? now + reader->step_ns : reader->deadline_ns;
        struct timespec time = weft_clock_timespec(until);
        pthread_cond_clockwait(&ring->added, &ring->mutex, CLOCK_MONOTONIC, &time);
    }
}

uint64_t weft_tap_read(struct weft_tap *tap, const struct weft_tap_reader *reader, uint64_t *ret_missed)
{
    struct weft_tap_ring *ring = tap->ring;
    struct entry *held[WEFT_TAP_BATCH];
    size_t n = 0;
    pthread_mutex_lock(&ring->mutex);
    ring->read_ns = weft_clock_ns();
    atomic_store_explicit(&tap->open, true, memory_order_relaxed);
    uint64_t after = reader->after < ring->next ? reader->after : ring->next - 1;
    if (reader->after != WEFT_TAP_NEWEST) event_await(ring, reader, after);
    uint64_t first = after + 1 > ring->first ? after + 1 : ring->first;
    *ret_missed = first - (after + 1);
    for (; n < WEFT_TAP_BATCH && first + n < ring->next; n++) {
        held[n] = ring->entries[(first + n) % WEFT_TAP_EVENTS];
        atomic_fetch_add_explicit(&held[n]->holders, 1, memory_order_relaxed);
    }
    pthread_mutex_unlock(&ring->mutex);
    for (size_t i = 0; i < n; i++) {
        reader->each(reader->arg, first + i, &held[i]->message);
        entry_drop(held[i]);
    }
    return first + n - 1;
}
