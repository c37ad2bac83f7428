/* clock.h - the clock of deadlines. */
#ifndef CACHE_REDIS_CLOCK_H
#define CACHE_REDIS_CLOCK_H

#include <stdint.h>
#include <time.h>

#define SECOND_NS 1000000000u

static inline uint64_t clock_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * SECOND_NS + (uint64_t)now.tv_nsec;
}

static inline struct timespec clock_timespec(uint64_t ns)
{
    return (struct timespec){ .tv_sec = (time_t)(ns / SECOND_NS), .tv_nsec = (long)(ns % SECOND_NS) };
}

#endif
