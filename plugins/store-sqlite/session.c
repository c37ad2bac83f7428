/* session.c - the life of a session but for its runs. */
#include "session.h"

#include <stdlib.h>

static struct weft_sqlite_session *session_new(struct weft_sqlite_store *store, uint32_t purpose, uint64_t deadline_ns)
{
    struct weft_sqlite_session *session = calloc(1, sizeof *session);
    if (session == NULL) return NULL;
    session->store = store;
    session->purpose = purpose;
    session->watch.deadline_ns = deadline_ns;
    session->woken = true; /* the first wait returns at once */
    weft_sqlite_turn_init(&session->turn);
    weft_bump_init(&session->bump, store->options->max_result);
    pthread_mutex_init(&session->wait_mutex, NULL);
    pthread_cond_init(&session->wait_cond, NULL);
    return session;
}

/* The first session that writes takes and gives its turn once: an unusable file is told now and not at the first run.
 */
int32_t weft_sqlite_session_open(void *self, uint32_t purpose, uint64_t deadline_ns, void **ret_session,
                                 struct weft_error *ret_error)
{
    struct weft_sqlite_store *store = self;
    struct weft_sqlite_session *session = session_new(store, purpose, deadline_ns);
    if (session == NULL) return weft_sqlite_refuse(ret_error, WEFT_RC_UNAVAILABLE, "out of memory");
    int32_t rc = WEFT_RC_OK;
    if (purpose == WEFT_SESSION_READER)
        rc = weft_sqlite_connection_open(&session->reader, store, true, &session->watch, ret_error);
    else if (purpose != WEFT_SESSION_LISTENER && !atomic_load_explicit(&store->writer.opened, memory_order_relaxed)) {
        rc = weft_sqlite_writer_take(store, &session->turn, &session->watch, ret_error);
        if (rc == WEFT_RC_OK) weft_sqlite_writer_give(&store->writer);
    }
    if (rc == WEFT_RC_OK)
        *ret_session = session;
    else
        weft_sqlite_session_close(session);
    return rc;
}

void weft_sqlite_session_close(void *self)
{
    struct weft_sqlite_session *session = self;
    if (session == NULL) return;
    weft_sqlite_session_end(session);
    weft_sqlite_connection_close(&session->reader);
    weft_sqlite_turn_free(&session->turn);
    weft_bump_free(&session->bump);
    pthread_cond_destroy(&session->wait_cond);
    pthread_mutex_destroy(&session->wait_mutex);
    free(session);
}

void weft_sqlite_cancel(void *self)
{
    struct weft_sqlite_session *session = self;
    atomic_store_explicit(&session->watch.cancelled, true, memory_order_relaxed);
    weft_sqlite_writer_nudge(&session->store->writer, &session->turn);
}

/* Nothing outside this process can notify: the channel makes no difference. */
int32_t weft_sqlite_wait(void *self, const char *channel, uint64_t deadline_ns)
{
    (void)channel;
    struct weft_sqlite_session *session = self;
    const struct timespec deadline = weft_sqlite_timespec(deadline_ns);
    pthread_mutex_lock(&session->wait_mutex);
    while (!session->woken && weft_sqlite_now_ns() < deadline_ns)
        pthread_cond_clockwait(&session->wait_cond, &session->wait_mutex, CLOCK_MONOTONIC, &deadline);
    const bool woken = session->woken;
    session->woken = false;
    pthread_mutex_unlock(&session->wait_mutex);
    return woken ? WEFT_RC_OK : WEFT_RC_TIMEOUT;
}

void weft_sqlite_wake(void *self)
{
    struct weft_sqlite_session *session = self;
    pthread_mutex_lock(&session->wait_mutex);
    session->woken = true;
    pthread_cond_signal(&session->wait_cond);
    pthread_mutex_unlock(&session->wait_mutex);
}
