/* data/store.c - the pool of a store's sessions.
 *
 * One class for each purpose, each a stack of idle sessions: the one used last is taken first, so that its prepared
 * statements and the backend's caches are warm and surplus ones are not touched. Requests and readers are bounded,
 * since calls make them grow; lanes and the core's own threads hold one each. Sessions are opened and closed outside
 * the lock. */
#include "data/store.h"

#include "base/clock.h"
#include "base/memory.h"
#include "data/group/committer.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum { PURPOSES = WEFT_SESSION_GROUP + 1 };

struct class {
    struct weft_session *idle;
    uint32_t open; /* idle, out, and being opened */
    uint32_t waiting;
    pthread_cond_t released;
};

struct weft_store_pool {
    pthread_mutex_t mutex;
    struct class classes[PURPOSES];
    struct weft_store_state state;
};

static struct class *class_of(struct weft_store *store, uint32_t purpose)
{
    return &store->pool->classes[purpose < PURPOSES ? purpose : WEFT_SESSION_ADMIN];
}

static uint32_t class_limit(const struct weft_store *store, uint32_t purpose)
{
    return purpose == WEFT_SESSION_REQUEST || purpose == WEFT_SESSION_READER ? store->max_sessions : UINT32_MAX;
}

/* Sessions of the core's own threads are taken once for long: when given back they are not wanted any more. */
static bool class_keeps(uint32_t purpose)
{
    return purpose == WEFT_SESSION_REQUEST || purpose == WEFT_SESSION_READER || purpose == WEFT_SESSION_LANE ||
           purpose == WEFT_SESSION_GROUP;
}

struct weft_store *weft_store_new(const struct weft_store_ops *ops, void *self, const char *service,
                                  uint32_t max_sessions)
{
    struct weft_store *store = weft_memory_zeroed(1, sizeof *store);
    store->ops = ops;
    store->dialect = ops->dialect;
    store->self = self;
    store->service = weft_memory_text(service);
    store->max_sessions = max_sessions > 0 ? max_sessions : 1;
    store->pool = weft_memory_zeroed(1, sizeof *store->pool);
    store->pool->state.since_us = weft_clock_wall_us();
    pthread_mutex_init(&store->pool->mutex, NULL);
    for (size_t i = 0; i < PURPOSES; i++)
        pthread_cond_init(&store->pool->classes[i].released, NULL);
    return store;
}

static void session_close(struct weft_session *session)
{
    session->store->ops->session_close(session->session);
    free(session);
}

static void sessions_close(struct weft_session *session)
{
    while (session != NULL) {
        struct weft_session *next = session->next;
        session_close(session);
        session = next;
    }
}

void weft_store_free(struct weft_store *store)
{
    if (store == NULL) return;
    weft_committer_stop(store->committer);
    for (size_t i = 0; i < PURPOSES; i++) {
        sessions_close(store->pool->classes[i].idle);
        pthread_cond_destroy(&store->pool->classes[i].released);
    }
    pthread_mutex_destroy(&store->pool->mutex);
    free(store->pool);
    free((char *)store->service);
    free(store);
}

/* ---- is it there? ------------------------------------------------------------------------------------------------ */

/* Costs a look at a flag unless it changes. */
static void store_report(struct weft_store *store, bool lost, const char *why)
{
    if (__atomic_load_n(&store->lost, __ATOMIC_RELAXED) == (lost ? 1u : 0u)) return;
    struct weft_store_state *state = &store->pool->state;
    pthread_mutex_lock(&store->pool->mutex);
    const bool changed = state->lost != lost;
    if (changed) {
        state->lost = lost;
        state->since_us = weft_clock_wall_us();
        state->n_healed += !lost;
        snprintf(state->why, sizeof state->why, "%s", lost && why != NULL ? why : "");
        __atomic_store_n(&store->lost, lost ? 1 : 0, __ATOMIC_RELAXED);
    }
    pthread_mutex_unlock(&store->pool->mutex);
    if (changed && store->on_change != NULL) store->on_change(store->on_change_arg);
}

struct weft_store_state weft_store_state(struct weft_store *store)
{
    pthread_mutex_lock(&store->pool->mutex);
    struct weft_store_state state = store->pool->state;
    pthread_mutex_unlock(&store->pool->mutex);
    return state;
}

/* ---- sessions ---------------------------------------------------------------------------------------------------- */

/* Gives up the place of a session that is gone. */
static void class_leave(struct weft_store *store, struct class *class)
{
    pthread_mutex_lock(&store->pool->mutex);
    class->open--;
    if (class->waiting > 0) pthread_cond_signal(&class->released);
    pthread_mutex_unlock(&store->pool->mutex);
}

/* Takes an idle session, or a place to open one in (NULL), or waits for either. */
static bool class_enter(struct weft_store *store, uint32_t purpose, uint64_t deadline_ns,
                        struct weft_session **ret_session)
{
    struct class *class = class_of(store, purpose);
    const struct timespec until = weft_clock_timespec(deadline_ns);
    bool timely = true;
    pthread_mutex_lock(&store->pool->mutex);
    while (class->idle == NULL && class->open >= class_limit(store, purpose) && timely) {
        class->waiting++;
        timely = pthread_cond_clockwait(&class->released, &store->pool->mutex, CLOCK_MONOTONIC, &until) == 0;
        class->waiting--;
    }
    bool entered = true;
    *ret_session = class->idle;
    if (class->idle != NULL) {
        class->idle = class->idle->next;
    } else if (class->open < class_limit(store, purpose)) {
        class->open++;
    } else {
        entered = false;
    }
    pthread_mutex_unlock(&store->pool->mutex);
    return entered;
}

static weft_status open_status(int32_t rc)
{
    if (rc == WEFT_RC_REFUSED) return WEFT_PERMISSION_DENIED;
    return rc == WEFT_RC_INVALID ? WEFT_INTERNAL : WEFT_UNAVAILABLE;
}

/* Into a place already entered; leaves it on failure. */
static weft_status session_open(struct weft_store *store, uint32_t purpose, uint64_t deadline_ns,
                                struct weft_session **ret_session, struct weft_fault *ret_fault)
{
    struct weft_error error = { WEFT_RC_UNAVAILABLE, "" };
    void *opened = NULL;
    const int32_t rc = store->ops->session_open(store->self, purpose, deadline_ns, &opened, &error);
    if (rc != WEFT_RC_OK) {
        store_report(store, true, error.text);
        class_leave(store, class_of(store, purpose));
        return weft_fault_set(ret_fault, open_status(rc), "the store of %s cannot be reached: %s", store->service,
                              error.text[0] != '\0' ? error.text : "no reason given");
    }
    struct weft_session *session = weft_memory_zeroed(1, sizeof *session);
    session->store = store;
    session->session = opened;
    session->purpose = purpose;
    *ret_session = session;
    return WEFT_OK;
}

weft_status weft_store_acquire(struct weft_store *store, uint32_t purpose, uint64_t deadline_ns,
                               struct weft_session **ret_session, struct weft_fault *ret_fault)
{
    struct weft_session *session;
    if (!class_enter(store, purpose, deadline_ns, &session)) {
        return weft_fault_set(ret_fault, WEFT_RESOURCE_EXHAUSTED,
                              "all %u sessions of %s's store are busy; try again later or raise store.max_sessions",
                              store->max_sessions, store->service);
    }
    if (session == NULL) return session_open(store, purpose, deadline_ns, ret_session, ret_fault);
    session->next = NULL;
    session->reused = true;
    *ret_session = session;
    return WEFT_OK;
}

void weft_store_release(struct weft_session *session)
{
    struct weft_store *store = session->store;
    struct class *class = class_of(store, session->purpose);
    if (session->lost || !class_keeps(session->purpose)) {
        session_close(session);
        class_leave(store, class);
        return;
    }
    pthread_mutex_lock(&store->pool->mutex);
    session->next = class->idle;
    class->idle = session;
    if (class->waiting > 0) pthread_cond_signal(&class->released);
    pthread_mutex_unlock(&store->pool->mutex);
}

int32_t weft_session_run(struct weft_session *session, const struct weft_statement *statements, size_t n,
                         struct weft_result *ret_result, uint64_t deadline_ns)
{
    *ret_result = (struct weft_result){ 0 };
    const int32_t rc = session->store->ops->run(session->session, statements, n, ret_result, deadline_ns);
    if (rc == WEFT_RC_UNAVAILABLE || rc == WEFT_RC_TIMEOUT || rc == WEFT_RC_MAYBE_SENT || rc == WEFT_RC_CLOSED) {
        session->lost = true;
    }
    /* A pooled session may have died alone, while idle: whoever opens the next one knows. */
    if (rc == WEFT_RC_OK)
        store_report(session->store, false, NULL);
    else if (rc == WEFT_RC_UNAVAILABLE && !session->reused)
        store_report(session->store, true, ret_result->text);
    return rc;
}

/* Closes the session and all pooled ones of its purpose, and opens a new one in its place. */
static weft_status session_renew(struct weft_session **session, uint64_t deadline_ns)
{
    struct weft_store *store = (*session)->store;
    const uint32_t purpose = (*session)->purpose;
    struct class *class = class_of(store, purpose);
    pthread_mutex_lock(&store->pool->mutex);
    struct weft_session *idle = class->idle;
    class->idle = NULL;
    for (const struct weft_session *each = idle; each != NULL; each = each->next)
        class->open--;
    pthread_cond_broadcast(&class->released);
    pthread_mutex_unlock(&store->pool->mutex);
    sessions_close(idle);
    session_close(*session);
    *session = NULL;
    struct weft_fault fault;
    return session_open(store, purpose, deadline_ns, session, &fault);
}

int32_t weft_session_run_first(struct weft_session **session, const struct weft_statement *statements, size_t n,
                               struct weft_result *ret_result, uint64_t deadline_ns)
{
    const int32_t rc = weft_session_run(*session, statements, n, ret_result, deadline_ns);
    if (rc != WEFT_RC_UNAVAILABLE || !(*session)->reused) return rc;
    *ret_result = (struct weft_result){ 0 };
    if (session_renew(session, deadline_ns) != WEFT_OK) return WEFT_RC_UNAVAILABLE;
    return weft_session_run(*session, statements, n, ret_result, deadline_ns);
}

int32_t weft_session_one(struct weft_session *session, const char *sql, const struct weft_value *params,
                         uint32_t n_params, struct weft_result *ret_result, uint64_t deadline_ns)
{
    const struct weft_statement statement = { sql, params, n_params, WEFT_STATEMENT_ROWS };
    return weft_session_run(session, &statement, 1, ret_result, deadline_ns);
}
