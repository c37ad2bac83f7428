/* data/cache/breaker.h - leaves a backend that fails alone for a moment (a circuit breaker). Not locked: its owner
 * does. */
#ifndef WEFT_DATA_BREAKER_H
#define WEFT_DATA_BREAKER_H

#include <stdbool.h>
#include <stdint.h>

struct weft_breaker {
    uint32_t failures; /* in a row, while closed */
    bool open;
    bool probing; /* somebody is trying whether it may close: nobody else passes meanwhile */
    uint64_t pause_ns;
    uint64_t next_try_ns;
};

/* May a call be made now? While the backend fails, one is let through at the end of each pause: *ret_probes says that
 * this is the one. Each call let through is to be reported. */
bool weft_breaker_pass(struct weft_breaker *breaker, uint64_t now_ns, bool *ret_probes);
/* How it ended. True: with this failure the breaker opened. */
bool weft_breaker_report(struct weft_breaker *breaker, bool probes, bool succeeded, uint64_t now_ns);

#endif
