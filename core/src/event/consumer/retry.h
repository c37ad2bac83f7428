/* event/consumer/retry.h - how often a failing event is tried, and how long it waits in between. */
#ifndef WEFT_EVENT_RETRY_H
#define WEFT_EVENT_RETRY_H

#include <stdint.h>

struct weft_retry {
    uint32_t max_attempts;        /* 0: 10 */
    uint32_t jitter_percent;      /* of a wait, more or less; 0: none */
    uint64_t initial_ns, most_ns; /* 0: 1 s, 10 min */
};

/* The policy with its defaults filled in. */
struct weft_retry weft_retry_complete(struct weft_retry retry);

/* The wait after so many attempts, 1 or more: doubled with each, up to the most; `random` spreads it. The policy is
 * complete. */
int64_t weft_retry_wait_us(const struct weft_retry *retry, uint32_t attempts, uint64_t random);

#endif
