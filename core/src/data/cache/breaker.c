/* data/cache/breaker.c - counting failures in a row. */
#include "data/cache/breaker.h"

#include "base/clock.h"

#define BREAKER_LIMIT       3 /* failures in a row that open it */
#define BREAKER_PAUSE_FIRST (250 * WEFT_MS)
#define BREAKER_PAUSE_MAX   (4 * WEFT_SECOND)

bool weft_breaker_pass(struct weft_breaker *breaker, uint64_t now_ns)
{
    if (breaker->failures < BREAKER_LIMIT) return true;
    if (now_ns < breaker->next_try_ns) return false;
    if (breaker->pause_ns < BREAKER_PAUSE_MAX) breaker->pause_ns *= 2;
    breaker->next_try_ns = now_ns + breaker->pause_ns; /* the others wait for how this one ends */
    return true;
}

void weft_breaker_report(struct weft_breaker *breaker, bool succeeded, uint64_t now_ns)
{
    if (succeeded) {
        breaker->failures = 0;
        return;
    }
    /* Those already under way when it opens fail too: they change nothing more. */
    if (++breaker->failures != BREAKER_LIMIT) return;
    breaker->pause_ns = BREAKER_PAUSE_FIRST;
    breaker->next_try_ns = now_ns + breaker->pause_ns;
}
