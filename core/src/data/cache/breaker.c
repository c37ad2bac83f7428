/* data/cache/breaker.c - closed, until several fail in a row; then open, with one probe at the end of each pause. */
#include "data/cache/breaker.h"

#include "base/clock.h"

#define BREAKER_LIMIT       3 /* failures in a row that open it */
#define BREAKER_PAUSE_FIRST (250 * WEFT_MS)
#define BREAKER_PAUSE_MAX   (4 * WEFT_SECOND)

bool weft_breaker_pass(struct weft_breaker *breaker, uint64_t now_ns, bool *ret_probes)
{
    *ret_probes = false;
    if (!breaker->open) return true;
    if (breaker->probing || now_ns < breaker->next_try_ns) return false;
    *ret_probes = breaker->probing = true;
    return true;
}

static void breaker_pause(struct weft_breaker *breaker, uint64_t pause_ns, uint64_t now_ns)
{
    breaker->pause_ns = pause_ns < BREAKER_PAUSE_MAX ? pause_ns : BREAKER_PAUSE_MAX;
    breaker->next_try_ns = now_ns + breaker->pause_ns;
}

bool weft_breaker_report(struct weft_breaker *breaker, bool probes, bool succeeded, uint64_t now_ns)
{
    if (probes) breaker->probing = false;
    if (succeeded) {
        breaker->open = false;
        breaker->failures = 0;
        return false;
    }
    if (probes) breaker_pause(breaker, breaker->pause_ns * 2, now_ns);
    /* Those that were under way when it opened fail too: they change nothing more. */
    if (breaker->open || ++breaker->failures < BREAKER_LIMIT) return false;
    breaker->open = true;
    breaker_pause(breaker, BREAKER_PAUSE_FIRST, now_ns);
    return true;
}
