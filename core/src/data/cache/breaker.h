/* data/cache/breaker.h - leaves a backend that fails alone for a moment (a circuit breaker). Not locked: its owner
 * does. */
#ifndef WEFT_DATA_BREAKER_H
#define WEFT_DATA_BREAKER_H

#include <stdbool.h>
#include <stdint.h>

struct weft_breaker {
    uint32_t failures; /* in a row */
    uint32_t spare;
    uint64_t pause_ns;
    uint64_t next_try_ns;
};

/* May a call be made now? While the backend fails, one is let through at the end of each pause. */
bool weft_breaker_pass(struct weft_breaker *breaker, uint64_t now_ns);
/* How a call that was let through ended. */
void weft_breaker_report(struct weft_breaker *breaker, bool succeeded, uint64_t now_ns);

#endif
