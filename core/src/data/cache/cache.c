/* data/cache/cache.c - sessions of the cache plugin, lent one run at a time.
 *
 * The session given back last is lent first: few sessions stay warm, and a quiet host keeps few connections. */
#include "data/cache/cache.h"

#include "base/clock.h"
#include "base/memory.h"
#include "data/cache/breaker.h"
#include "data/cache/debt.h"
#include "observe/log.h"

#include <pthread.h>
#include <stdlib.h>

#define DEBT_BATCH 64

struct weft_cache {
    const struct weft_cache_ops *ops;
    void *self;
    uint64_t timeout_ns;
    pthread_mutex_t mutex; /* over all below */
    pthread_cond_t returned;
    void **idle; /* a stack */
    uint32_t n_idle, n_open, n_waiting, max_sessions;
    struct weft_breaker breaker;
    struct weft_debt debt;
    bool paying;                         /* somebody sends the debt: what is in the cache may be stale */
    struct weft_cache_counters counters; /* atomic, not under the mutex */
};

static void cache_log(const char *doing, int32_t rc, const char *text)
{
    weft_log_limited("data.cache", WEFT_LOG_WARN, "cache", NULL, "%s failed (rc %d), going on without the cache: %s",
                     doing, (int)rc, text);
}

struct weft_cache *weft_cache_new(const struct weft_cache_ops *ops, void *self, uint32_t max_sessions,
                                  uint64_t timeout_ns)
{
    struct weft_cache *cache = weft_memory_zeroed(1, sizeof *cache);
    cache->ops = ops;
    cache->self = self;
    cache->timeout_ns = timeout_ns;
    cache->max_sessions = max_sessions != 0 ? max_sessions : 1;
    cache->idle = weft_memory_zeroed(cache->max_sessions, sizeof *cache->idle);
    pthread_mutex_init(&cache->mutex, NULL);
    pthread_cond_init(&cache->returned, NULL);
    return cache;
}

void weft_cache_free(struct weft_cache *cache)
{
    if (cache == NULL) return;
    while (cache->n_idle != 0)
        cache->ops->session_close(cache->idle[--cache->n_idle]);
    weft_debt_clear(&cache->debt);
    pthread_cond_destroy(&cache->returned);
    pthread_mutex_destroy(&cache->mutex);
    free(cache->idle);
    free(cache);
}

uint32_t weft_cache_caps(const struct weft_cache *cache)
{
    return cache->ops->caps;
}

struct weft_cache_counters weft_cache_counters(const struct weft_cache *cache)
{
    struct weft_cache_counters counters;
    const uint64_t *from = (const uint64_t *)&cache->counters;
    uint64_t *to = (uint64_t *)&counters;
    for (size_t i = 0; i < sizeof counters / sizeof *to; i++)
        to[i] = __atomic_load_n(&from[i], __ATOMIC_RELAXED);
    return counters;
}

struct weft_cache_counters *weft_cache_tally(struct weft_cache *cache)
{
    return &cache->counters;
}

/* ---- sessions ---------------------------------------------------------------------------------------------------- */

/* What a run has been given. */
struct turn {
    void *session; /* NULL: it has the right to open one */
    bool owes;     /* it is the one that pays the debt first */
    bool probes;   /* it is the one that tries whether the cache is back */
};

/* Waits for an idle session, or for room for another; with the mutex. */
static bool session_reserve(struct weft_cache *cache, uint64_t deadline_ns, struct turn *ret_turn)
{
    struct timespec deadline = weft_clock_timespec(deadline_ns);
    int ended = 0;
    while (cache->n_idle == 0 && cache->n_open == cache->max_sessions && ended == 0) {
        cache->n_waiting++;
        ended = pthread_cond_clockwait(&cache->returned, &cache->mutex, CLOCK_MONOTONIC, &deadline);
        cache->n_waiting--;
    }
    if (cache->n_idle != 0)
        ret_turn->session = cache->idle[--cache->n_idle];
    else if (cache->n_open < cache->max_sessions)
        cache->n_open++;
    else
        return false;
    ret_turn->owes = cache->debt.n_keys != 0;
    cache->paying = ret_turn->owes;
    return true;
}

/* With the mutex: the breaker hears how a run went. */
static void turn_report(struct weft_cache *cache, bool probes, bool succeeded)
{
    if (weft_breaker_report(&cache->breaker, probes, succeeded, weft_clock_ns()))
        weft_cache_count(&cache->counters.opens, 1);
}

static bool turn_take(struct weft_cache *cache, uint64_t deadline_ns, struct turn *ret_turn)
{
    *ret_turn = (struct turn){ 0 };
    pthread_mutex_lock(&cache->mutex);
    bool passed = !cache->paying && weft_breaker_pass(&cache->breaker, weft_clock_ns(), &ret_turn->probes);
    bool reserved = passed && session_reserve(cache, deadline_ns, ret_turn);
    if (ret_turn->probes && !reserved) turn_report(cache, true, false);
    pthread_mutex_unlock(&cache->mutex);
    if (!passed) weft_cache_count(&cache->counters.left_alone, 1);
    if (passed && !reserved)
        cache_log("waiting for a session", WEFT_RC_UNAVAILABLE,
                  "all are busy; raise the number of the cache's sessions");
    return reserved;
}

/* Ends a turn. */
static void turn_end(struct weft_cache *cache, void *session, bool probes, bool succeeded)
{
    pthread_mutex_lock(&cache->mutex);
    turn_report(cache, probes, succeeded);
    if (session != NULL)
        cache->idle[cache->n_idle++] = session;
    else
        cache->n_open--;
    bool wake = cache->n_waiting != 0;
    pthread_mutex_unlock(&cache->mutex);
    if (wake) pthread_cond_signal(&cache->returned);
}

static int32_t session_open(struct weft_cache *cache, void **ret_session)
{
    struct weft_error error = { .rc = WEFT_RC_OK };
    int32_t rc = cache->ops->session_open(cache->self, ret_session, &error);
    if (rc != WEFT_RC_OK) cache_log("opening a session", rc, error.text);
    return rc;
}

static int32_t session_run(struct weft_cache *cache, void *session, const struct weft_cache_op *ops, size_t n,
                           struct weft_cache_result *ret_results, uint64_t deadline_ns)
{
    struct weft_error error = { .rc = WEFT_RC_OK };
    int32_t rc = cache->ops->run(session, ops, n, ret_results, deadline_ns, &error);
    if (rc != WEFT_RC_OK) cache_log("a request", rc, error.text);
    return rc;
}

/* ---- what is owed ------------------------------------------------------------------------------------------------ */

bool weft_cache_del_failed(const struct weft_cache_op *op, const struct weft_cache_result *result)
{
    return op->verb == WEFT_CACHE_DEL && (result->rc == WEFT_RC_UNAVAILABLE || result->rc == WEFT_RC_REFUSED);
}

/* Sends the keys in batches, and takes off those that were dropped. */
static int32_t debt_send(struct weft_cache *cache, void *session, struct weft_debt *debt, uint64_t deadline_ns)
{
    struct weft_cache_op ops[DEBT_BATCH];
    struct weft_cache_result results[DEBT_BATCH];
    int32_t rc = WEFT_RC_OK;
    while (rc == WEFT_RC_OK && debt->n_keys != 0) {
        size_t n = weft_debt_ops(debt, ops, DEBT_BATCH);
        rc = session_run(cache, session, ops, n, results, deadline_ns);
        for (size_t i = 0; i < n && rc == WEFT_RC_OK; i++)
            if (weft_cache_del_failed(&ops[i], &results[i])) rc = results[i].rc;
        if (rc == WEFT_RC_OK) weft_debt_settle(debt, n);
    }
    return rc;
}

/* Pays what is owed if the session is `rc` OK; while it does (`paying`) nobody reads what may be stale. */
static int32_t debt_pay(struct weft_cache *cache, void *session, uint64_t deadline_ns, int32_t rc)
{
    struct weft_debt debt = { 0 };
    pthread_mutex_lock(&cache->mutex);
    weft_debt_merge(&debt, &cache->debt);
    pthread_mutex_unlock(&cache->mutex);
    if (rc == WEFT_RC_OK) rc = debt_send(cache, session, &debt, deadline_ns);
    pthread_mutex_lock(&cache->mutex);
    weft_debt_merge(&cache->debt, &debt);
    cache->paying = false;
    pthread_mutex_unlock(&cache->mutex);
    return rc;
}

static void debt_remember(struct weft_cache *cache, const struct weft_cache_op *ops, size_t n)
{
    pthread_mutex_lock(&cache->mutex);
    bool kept = weft_debt_add(&cache->debt, ops, n);
    pthread_mutex_unlock(&cache->mutex);
    if (!kept)
        weft_log_limited("data.cache.debt", WEFT_LOG_ERROR, "cache", NULL,
                         "too many keys wait to be dropped: some values stay stale until they expire");
}

static void debt_remember_failed(struct weft_cache *cache, const struct weft_cache_op *ops, size_t n,
                                 const struct weft_cache_result *results)
{
    for (size_t i = 0; i < n; i++) {
        if (!weft_cache_del_failed(&ops[i], &results[i])) continue;
        cache_log("dropping a key", results[i].rc, "the server refuses writes");
        debt_remember(cache, &ops[i], 1);
    }
}

/* ---- runs -------------------------------------------------------------------------------------------------------- */

int32_t weft_cache_try(struct weft_cache *cache, const struct weft_cache_op *ops, size_t n,
                       struct weft_cache_result *ret_results, struct weft_cache_lease *ret_lease)
{
    uint64_t deadline_ns = weft_clock_ns() + cache->timeout_ns;
    struct turn turn;
    *ret_lease = (struct weft_cache_lease){ cache, NULL, false };
    if (!turn_take(cache, deadline_ns, &turn)) return WEFT_RC_UNAVAILABLE;
    int32_t rc = turn.session != NULL ? WEFT_RC_OK : session_open(cache, &turn.session);
    if (turn.owes) rc = debt_pay(cache, turn.session, deadline_ns, rc);
    if (rc == WEFT_RC_OK) rc = session_run(cache, turn.session, ops, n, ret_results, deadline_ns);
    if (rc == WEFT_RC_OK) {
        *ret_lease = (struct weft_cache_lease){ cache, turn.session, turn.probes };
        return rc;
    }
    weft_cache_count(&cache->counters.errors, 1);
    turn_end(cache, turn.session, turn.probes, false);
    return rc;
}

int32_t weft_cache_run(struct weft_cache *cache, const struct weft_cache_op *ops, size_t n,
                       struct weft_cache_result *ret_results, struct weft_cache_lease *ret_lease)
{
    int32_t rc = weft_cache_try(cache, ops, n, ret_results, ret_lease);
    if (rc == WEFT_RC_OK)
        debt_remember_failed(cache, ops, n, ret_results);
    else
        debt_remember(cache, ops, n);
    return rc;
}

void weft_cache_release(struct weft_cache_lease *lease)
{
    if (lease->session != NULL) turn_end(lease->cache, lease->session, lease->probes, true);
    lease->session = NULL;
}
