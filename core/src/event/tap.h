/* event/tap.h - the last published events of a process, kept while somebody looks: what `weft tail` shows.
 *
 * Nobody looking, the cost is one load of an atomic a published batch and there is no memory. The first read opens it;
 * when nobody has read for a while it closes by itself. Any thread. */
#ifndef WEFT_EVENT_TAP_H
#define WEFT_EVENT_TAP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <weft/plugin.h>

enum {
    WEFT_TAP_EVENTS = 1024,   /* kept at most; the oldest go */
    WEFT_TAP_BYTES = 4 << 20, /* and so many bytes */
    WEFT_TAP_BATCH = 128      /* events a read, at most */
};
#define WEFT_TAP_IDLE_NS (60ull * 1000000000) /* without a reader it closes after so long */
#define WEFT_TAP_NEWEST  UINT64_MAX

struct weft_tap_ring;
struct weft_tap {
    _Atomic bool open; /* relaxed: an event published while it opens may be missed */
    struct weft_tap_ring *ring;
};

struct weft_tap *weft_tap_new(void);
void weft_tap_free(struct weft_tap *tap); /* nobody may be reading; NULL is fine */

static inline bool weft_tap_is_open(const struct weft_tap *tap)
{
    return tap != NULL && atomic_load_explicit(&tap->open, memory_order_relaxed);
}

/* Keeps a copy, without headers. */
void weft_tap_add(struct weft_tap *tap, const struct weft_message *message);

struct weft_tap_reader {
    uint64_t after;       /* the number of the last event seen, from 1; WEFT_TAP_NEWEST: opens the tap, reads nothing */
    uint64_t deadline_ns; /* how long to wait for an event */
    uint64_t step_ns;     /* and how often to ask `ended` meanwhile */
    bool (*ended)(void *arg);
    void (*each)(void *arg, uint64_t number,
                 const struct weft_message *message); /* the message lives as long as this */
    void *arg;
};

/* Calls `each` with what there is after `after`, oldest first; waits while there is nothing. Returns the last number
 * seen, and in *ret_missed how many in between had been dropped. */
uint64_t weft_tap_read(struct weft_tap *tap, const struct weft_tap_reader *reader, uint64_t *ret_missed);

#endif
