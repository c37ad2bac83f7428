/* event/consumer/retry.c - exponential back-off with jitter. */
#include "event/consumer/retry.h"

#include "base/clock.h"

enum { RETRY_ATTEMPTS = 10 };
#define RETRY_INITIAL_NS WEFT_SECOND
#define RETRY_MOST_NS    (600 * WEFT_SECOND)

struct weft_retry weft_retry_complete(struct weft_retry retry)
{
    if (retry.max_attempts == 0) retry.max_attempts = RETRY_ATTEMPTS;
    if (retry.jitter_percent > 100) retry.jitter_percent = 100;
    if (retry.initial_ns == 0) retry.initial_ns = RETRY_INITIAL_NS;
    if (retry.most_ns == 0) retry.most_ns = RETRY_MOST_NS;
    if (retry.most_ns < retry.initial_ns) retry.most_ns = retry.initial_ns;
    return retry;
}

int64_t weft_retry_wait_us(const struct weft_retry *retry, uint32_t attempts, uint64_t random)
{
    uint64_t wait_ns = retry->initial_ns;
    for (uint32_t i = 1; i < attempts && wait_ns < retry->most_ns; i++)
        wait_ns = wait_ns < retry->most_ns / 2 ? wait_ns * 2 : retry->most_ns;
    uint64_t jitter_ns = wait_ns / 100 * retry->jitter_percent;
    return (int64_t)((wait_ns - jitter_ns + random % (2 * jitter_ns + 1)) / 1000);
}
