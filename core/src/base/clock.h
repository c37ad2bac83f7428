/* base/clock.h - the two clocks: one for waiting, one for telling the time. Any thread. */
#ifndef WEFT_BASE_CLOCK_H
#define WEFT_BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

#define WEFT_MS     1000000ull
#define WEFT_SECOND 1000000000ull
#define WEFT_NEVER  UINT64_MAX

uint64_t weft_clock_ns(void);                              /* CLOCK_MONOTONIC */
int64_t weft_clock_wall_us(void);                          /* microseconds since the epoch, plus what a test advanced */
void weft_clock_advance(int64_t us);                       /* tests: moves the wall clock */
struct timespec weft_clock_timespec(uint64_t deadline_ns); /* for pthread_cond_clockwait; NEVER is far away */
/* RFC 3339 with microseconds and Z into 28 bytes. */
void weft_clock_format(int64_t wall_us, char ret_text[28]);

#endif
