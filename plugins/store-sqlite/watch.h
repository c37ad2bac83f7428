/* watch.h - until when a run may last, and whether somebody cancelled it. Looked at by everything that takes time. */
#ifndef WEFT_SQLITE_WATCH_H
#define WEFT_SQLITE_WATCH_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

struct weft_sqlite_watch {
    uint64_t deadline_ns;
    atomic_bool cancelled; /* set by any thread */
};

static inline uint64_t weft_sqlite_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static inline bool weft_sqlite_watch_over(struct weft_sqlite_watch *watch)
{
    return atomic_load_explicit(&watch->cancelled, memory_order_relaxed) || weft_sqlite_now_ns() >= watch->deadline_ns;
}

/* For pthread_cond_clockwait; a deadline beyond time_t is far away. */
static inline struct timespec weft_sqlite_timespec(uint64_t deadline_ns)
{
    const uint64_t seconds = deadline_ns / 1000000000u;
    return (struct timespec){ .tv_sec = (time_t)seconds, .tv_nsec = (long)(deadline_ns % 1000000000u) };
}

#endif
