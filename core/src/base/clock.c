/* base/clock.c - clocks and RFC 3339. */
#include "base/clock.h"

#include <stdatomic.h>
#include <string.h>

static _Atomic int64_t clock_advance_us; /* moved by tests alone */

uint64_t weft_clock_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * WEFT_SECOND + (uint64_t)now.tv_nsec;
}

int64_t weft_clock_wall_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000 +
           atomic_load_explicit(&clock_advance_us, memory_order_relaxed);
}

void weft_clock_advance(int64_t us)
{
    atomic_fetch_add(&clock_advance_us, us);
}

struct timespec weft_clock_timespec(uint64_t deadline_ns)
{
    if (deadline_ns > INT64_MAX) deadline_ns = INT64_MAX; /* 292 years: the kernel takes no more */
    return (struct timespec){ .tv_sec = (time_t)(deadline_ns / WEFT_SECOND),
                              .tv_nsec = (long)(deadline_ns % WEFT_SECOND) };
}

static char *digits_write(char *at, uint32_t number, int count)
{
    for (int i = count - 1; i >= 0; i--, number /= 10)
        at[i] = (char)('0' + number % 10);
    return at + count;
}

/* "2026-11-24T15:26:12" */
static void second_format(time_t second, char ret_text[19])
{
    struct tm parts;
    gmtime_r(&second, &parts);
    char *at = digits_write(ret_text, (uint32_t)parts.tm_year + 1900, 4);
    *at++ = '-';
    at = digits_write(at, (uint32_t)parts.tm_mon + 1, 2);
    *at++ = '-';
    at = digits_write(at, (uint32_t)parts.tm_mday, 2);
    *at++ = 'T';
    at = digits_write(at, (uint32_t)parts.tm_hour, 2);
    *at++ = ':';
    at = digits_write(at, (uint32_t)parts.tm_min, 2);
    *at++ = ':';
    digits_write(at, (uint32_t)parts.tm_sec, 2);
}

void weft_clock_format(int64_t wall_us, char ret_text[28])
{
    /* Log lines come thousands to the second: each thread keeps the second it has formatted last. */
    static _Thread_local struct {
        int64_t second;
        char text[19];
    } last = { INT64_MIN, "" };
    const int64_t max_us = 253402300799999999; /* the end of the year 9999: RFC 3339 goes no further */
    if (wall_us < 0) wall_us = 0;
    if (wall_us > max_us) wall_us = max_us;
    if (last.second != wall_us / 1000000) {
        last.second = wall_us / 1000000;
        second_format((time_t)last.second, last.text);
    }
    memcpy(ret_text, last.text, sizeof last.text);
    char *at = ret_text + sizeof last.text;
    *at++ = '.';
    at = digits_write(at, (uint32_t)(wall_us % 1000000), 6);
    *at++ = 'Z';
    *at = '\0';
}
