/* event/direct/spill.c - round trips to the journal: events in, events out, and what is done with removed.
 *
 * One trip does all there is to do. Whoever claims the journal drains it, in order, its own events and those of
 * instances that are gone; the others queue behind and look again. It is empty: the broker has all of them, and events
 * go straight to the transport again. */
#include "event/direct/direct_state.h"

#include "base/clock.h"
#include "observe/log.h"

#include <stdlib.h>
#include <string.h>

enum { SPILL_APPENDS = 64, SPILL_BYTES = 1 << 20, SPILL_CLAIM = 64, SPILL_CLAIM_MS = 5000, SPILL_CLAIM_EARLY_MS = 500 };
enum { SPILL_TTL_MS = 7 * 24 * 3600 * 1000 };
#define SPILL_PAUSE_FIRST_NS (100 * WEFT_MS)
#define SPILL_PAUSE_MOST_NS  WEFT_SECOND
#define SPILL_OTHERS_NS      (200 * WEFT_MS)   /* another drains it: look again then */
#define SPILL_GIVE_UP_NS     (2 * WEFT_SECOND) /* with the cache away so long, the broker is tried without it */
#define SPILL_LOOK_NS        (10 * WEFT_SECOND)
#define SPILL_LOOK_AGAIN_NS  WEFT_SECOND /* who has claimed it may be dead */

/* What goes out in one round trip, and comes back. */
struct spill {
    struct weft_cache_op ops[SPILL_APPENDS + 2];
    struct weft_cache_result results[SPILL_APPENDS + 2];
    size_t n, n_appends;
    size_t done, claim; /* where they stand; SIZE_MAX: not in it */
};

void weft_direct_go_behind(struct weft_direct *direct, const char *why)
{
    if (direct->behind || !direct->journals) return;
    __atomic_store_n(&direct->behind, true, __ATOMIC_RELAXED);
    direct->journal_at_ns = 0;
    weft_log_limited("direct-behind", WEFT_LOG_WARN, "direct", &(struct weft_log_fields){ .service = direct->service },
                     "direct events go through the cache's journal now: %s", why);
}

/* Is all that was claimed done with, or another's by now? */
static bool direct_may_claim(const struct weft_direct *direct, uint64_t now)
{
    return direct->flying.n == 0 && (direct->claimed.n == 0 || now >= direct->claimed_until_ns);
}

static void direct_go_live(struct weft_direct *direct, const char *why, uint64_t look_ns)
{
    if (!direct->behind) return;
    __atomic_store_n(&direct->behind, false, __ATOMIC_RELAXED);
    weft_direct_list_free(&direct->claimed);
    direct->place = 0;
    direct->look_at_ns = weft_clock_ns() + look_ns;
    weft_log_limited("direct-live", WEFT_LOG_INFO, "direct", &(struct weft_log_fields){ .service = direct->service },
                     "direct events go straight to the transport again: %s", why);
}

/* ---- what goes into a trip --------------------------------------------------------------------------------------- */

static struct weft_cache_op spill_op(const struct weft_direct *direct, uint32_t verb, const void *value, size_t size,
                                     int64_t integer, uint64_t ttl_ms)
{
    return (struct weft_cache_op){ .verb = verb,
                                   .key = direct->journal,
                                   .key_size = strlen(direct->journal),
                                   .value = value,
                                   .value_size = size,
                                   .integer = integer,
                                   .ttl_ms = ttl_ms };
}

static void spill_add_appends(const struct weft_direct *direct, struct spill *spill)
{
    size_t bytes = 0;
    for (const struct weft_direct_event *event = direct->pending.first;
         event != NULL && spill->n < SPILL_APPENDS && (spill->n == 0 || bytes + event->size <= SPILL_BYTES);
         event = event->next) {
        spill->ops[spill->n++] =
            spill_op(direct, WEFT_CACHE_JOURNAL_APPEND, event->entry, event->size, direct->kept, SPILL_TTL_MS);
        bytes += event->size;
    }
    spill->n_appends = spill->n;
}

static void spill_add_claim(struct weft_direct *direct, struct spill *spill)
{
    const char *claimer = direct->claimer;
    if (!direct_may_claim(direct, weft_clock_ns())) return;
    if (direct->claimed.n != 0) { /* not published, and the claim has run out meanwhile */
        weft_direct_list_free(&direct->claimed);
        direct->place = 0;
    }
    if (direct->place != 0) {
        spill->done = spill->n++;
        spill->ops[spill->done] = spill_op(direct, WEFT_CACHE_JOURNAL_DONE, claimer, strlen(claimer), direct->place, 0);
    }
    spill->claim = spill->n++;
    spill->ops[spill->claim] =
        spill_op(direct, WEFT_CACHE_JOURNAL_CLAIM, claimer, strlen(claimer), SPILL_CLAIM, SPILL_CLAIM_MS);
}

/* ---- what a trip brings ------------------------------------------------------------------------------------------ */

static void spill_failed(struct weft_direct *direct)
{
    uint64_t now = weft_clock_ns();
    uint64_t pause = direct->journal_pause_ns == 0 ? SPILL_PAUSE_FIRST_NS : direct->journal_pause_ns * 2;
    direct->journal_pause_ns = direct_sooner(pause, SPILL_PAUSE_MOST_NS);
    direct->journal_at_ns = now + direct->journal_pause_ns;
    direct->look_at_ns = now + SPILL_LOOK_NS;
    if (direct->journal_failed_ns == 0) direct->journal_failed_ns = now;
    if (now - direct->journal_failed_ns >= SPILL_GIVE_UP_NS && direct_may_claim(direct, now))
        direct_go_live(direct, "the journal cannot be reached", WEFT_SECOND);
}

static void journal_overflowed(struct weft_direct *direct, uint64_t n)
{
    if (n == 0) return;
    direct_count(&direct->counters.lost, n);
    weft_log_limited("direct-journal-full", WEFT_LOG_WARN, "direct",
                     &(struct weft_log_fields){ .service = direct->service },
                     "the journal of direct events is full (%u): the oldest are lost", direct->kept);
}

/* False: one was not taken; it and those behind it stay. */
static bool spill_appended(struct weft_direct *direct, const struct spill *spill)
{
    uint64_t n_lost = 0;
    size_t i = 0;
    for (; i < spill->n_appends && spill->results[i].rc == WEFT_RC_OK; i++) {
        n_lost += (uint64_t)spill->results[i].integer;
        free(weft_direct_list_take(&direct->pending));
    }
    direct_count(&direct->counters.journaled, i);
    journal_overflowed(direct, n_lost);
    return i == spill->n_appends;
}

/* The next entry of a claim: each behind its size in eight bytes. */
static bool entry_next(const char **at, const char *end, const char **ret_entry, size_t *ret_size)
{
    uint64_t size = 0;
    if (end - *at < 8) return false;
    for (unsigned byte = 0; byte < 8; byte++)
        size |= (uint64_t)(unsigned char)(*at)[byte] << (8 * byte);
    if (size > (uint64_t)(end - *at - 8)) return false;
    *ret_entry = *at + 8;
    *ret_size = size;
    *at += 8 + size;
    return true;
}

static void spill_claimed(struct weft_direct *direct, const struct weft_cache_result *result)
{
    const char *at = result->value, *end = at + result->value_size, *entry;
    size_t size;
    direct->place = result->integer;
    direct->claimed_until_ns = weft_clock_ns() + (SPILL_CLAIM_MS - SPILL_CLAIM_EARLY_MS) * WEFT_MS;
    while (entry_next(&at, end, &entry, &size)) {
        struct weft_direct_event *event = weft_direct_event_new(entry, size, direct->service);
        if (event != NULL)
            weft_direct_list_add(&direct->claimed, event);
        else
            weft_log_limited("direct-damaged", WEFT_LOG_ERROR, "direct",
                             &(struct weft_log_fields){ .service = direct->service },
                             "an entry of the journal is no event of ours: left out");
    }
    direct_count(&direct->counters.drained, direct->claimed.n);
}

static void spill_answered(struct weft_direct *direct, const struct weft_cache_result *result)
{
    uint64_t now = weft_clock_ns();
    switch (result->rc) {
    case WEFT_RC_OK:
        spill_claimed(direct, result);
        if (!direct->behind) weft_direct_go_behind(direct, "there are some that an instance has left in it");
        break;
    case WEFT_RC_NOT_FOUND:
        direct->look_at_ns = now + SPILL_LOOK_NS;
        direct_go_live(direct, "the journal is empty", SPILL_LOOK_NS);
        break;
    case WEFT_RC_CONFLICT:
        direct->journal_at_ns = now + SPILL_OTHERS_NS;
        direct->look_at_ns = now + SPILL_LOOK_AGAIN_NS;
        break;
    default:
        spill_failed(direct);
        break;
    }
}

/* ---- a trip ------------------------------------------------------------------------------------------------------ */

static bool spill_run(struct weft_direct *direct, struct spill *spill)
{
    struct weft_cache_lease lease;
    bool ran = weft_cache_try(direct->cache, spill->ops, spill->n, spill->results, &lease) == WEFT_RC_OK;
    bool appended = ran && spill_appended(direct, spill);
    if (appended) direct->journal_failed_ns = direct->journal_pause_ns = 0;
    if (appended && spill->done != SIZE_MAX) direct->place = 0; /* or lost, to another: it publishes them again */
    if (appended && spill->claim != SIZE_MAX) spill_answered(direct, &spill->results[spill->claim]);
    weft_cache_release(&lease);
    if (!appended) spill_failed(direct);
    return appended;
}

uint64_t weft_direct_spill_due(const struct weft_direct *direct)
{
    const bool quiet = direct->flying.n == 0;
    if (!direct->journals) return WEFT_NEVER;
    if (!direct->behind) return quiet ? direct->look_at_ns : WEFT_NEVER;
    if (direct->pending.n != 0 || (quiet && direct->claimed.n == 0)) return direct->journal_at_ns;
    if (!quiet) return WEFT_NEVER;
    return direct->journal_at_ns > direct->claimed_until_ns ? direct->journal_at_ns : direct->claimed_until_ns;
}

void weft_direct_spill(struct weft_direct *direct)
{
    struct spill spill = { .done = SIZE_MAX, .claim = SIZE_MAX };
    if (weft_direct_spill_due(direct) > weft_clock_ns()) return;
    if (direct->behind) spill_add_appends(direct, &spill);
    spill_add_claim(direct, &spill);
    if (spill.n > 0) spill_run(direct, &spill);
}

/* Those that are under way get there or not: rather twice. */
static void save_flying(struct weft_direct *direct)
{
    struct weft_direct_list copies = { 0 };
    for (const struct weft_direct_event *event = direct->flying.first; event != NULL; event = event->next)
        weft_direct_list_add(&copies, weft_direct_event_new(event->entry, event->size, direct->service));
    weft_direct_list_prepend(&direct->pending, &copies);
}

size_t weft_direct_save(struct weft_direct *direct)
{
    struct weft_direct_list *pending = &direct->pending;
    if (!direct->behind) save_flying(direct); /* behind, what is under way still is in the journal */
    bool saved = direct->journals && direct->shared;
    while (saved && pending->n != 0) {
        struct spill spill = { .done = SIZE_MAX, .claim = SIZE_MAX };
        spill_add_appends(direct, &spill);
        saved = spill_run(direct, &spill);
    }
    return pending->n;
}
