/* event/relay/listener.c - LISTEN in a loop: a session that is lost is opened again, with a pause. */
#include "event/relay/listener.h"

#include "base/clock.h"
#include "base/memory.h"
#include "observe/log.h"

#include <pthread.h>
#include <stdlib.h>

#define LISTENER_WAIT_NS  (60 * WEFT_SECOND)
#define LISTENER_OPEN_NS  (5 * WEFT_SECOND)
#define LISTENER_PAUSE_NS WEFT_SECOND

struct weft_listener {
    struct weft_store *store;
    const char *channel;
    void (*heard)(void *arg);
    void *arg;
    pthread_t thread;
    pthread_mutex_t mutex; /* of what follows */
    pthread_cond_t changed;
    struct weft_session *waiting; /* the session that waits; woken under the mutex */
    bool active, stopping;
};

static struct weft_session *listener_open(struct weft_listener *listener)
{
    struct weft_session *session;
    struct weft_fault fault = { .status = WEFT_OK };
    uint64_t deadline = weft_clock_ns() + LISTENER_OPEN_NS;
    if (weft_store_acquire(listener->store, WEFT_SESSION_LISTENER, deadline, &session, &fault) == WEFT_OK)
        return session;
    weft_log_limited("listener", WEFT_LOG_WARN, "relay",
                     &(struct weft_log_fields){ .service = listener->store->service },
                     "cannot listen for notices, polling meanwhile: %s", fault.text);
    return NULL;
}

/* With the mutex: for a change or the pause. */
static void listener_pause(struct weft_listener *listener, uint64_t pause_ns)
{
    struct timespec until = weft_clock_timespec(pause_ns == WEFT_NEVER ? WEFT_NEVER : weft_clock_ns() + pause_ns);
    pthread_cond_clockwait(&listener->changed, &listener->mutex, CLOCK_MONOTONIC, &until);
}

/* With the mutex, without it meanwhile: one wait on the session. False: the session is lost. */
static bool listener_wait(struct weft_listener *listener, struct weft_session *session)
{
    listener->waiting = session;
    pthread_mutex_unlock(&listener->mutex);
    int32_t rc = listener->store->ops->wait(session->session, listener->channel, weft_clock_ns() + LISTENER_WAIT_NS);
    pthread_mutex_lock(&listener->mutex);
    listener->waiting = NULL;
    if (rc == WEFT_RC_OK && listener->active && !listener->stopping) listener->heard(listener->arg);
    return rc == WEFT_RC_OK || rc == WEFT_RC_TIMEOUT;
}

static void listener_drop(struct weft_session **session, bool lost)
{
    if (*session == NULL) return;
    (*session)->lost |= lost;
    weft_store_release(*session);
    *session = NULL;
}

static void *listener_main(void *arg)
{
    struct weft_listener *listener = arg;
    struct weft_session *session = NULL;
    pthread_mutex_lock(&listener->mutex);
    while (!listener->stopping) {
        if (!listener->active) {
            listener_drop(&session, false);
            listener_pause(listener, WEFT_NEVER);
            continue;
        }
        if (session == NULL) {
            pthread_mutex_unlock(&listener->mutex);
            session = listener_open(listener);
            pthread_mutex_lock(&listener->mutex);
        }
        if (session != NULL && (!listener->active || listener->stopping)) continue;
        if (session != NULL && listener_wait(listener, session)) continue;
        listener_drop(&session, true);
        if (!listener->stopping) listener_pause(listener, LISTENER_PAUSE_NS);
    }
    pthread_mutex_unlock(&listener->mutex);
    listener_drop(&session, false);
    return NULL;
}

struct weft_listener *weft_listener_start(struct weft_store *store, const char *channel, void (*heard)(void *arg),
                                          void *arg)
{
    struct weft_listener *listener = weft_memory_zeroed(1, sizeof *listener);
    *listener = (struct weft_listener){ .store = store, .channel = channel, .heard = heard, .arg = arg };
    pthread_mutex_init(&listener->mutex, NULL);
    pthread_cond_init(&listener->changed, NULL);
    if (pthread_create(&listener->thread, NULL, listener_main, listener) == 0) return listener;
    pthread_cond_destroy(&listener->changed);
    pthread_mutex_destroy(&listener->mutex);
    free(listener);
    return NULL;
}

/* With the mutex. */
static void listener_change(struct weft_listener *listener)
{
    if (listener->waiting != NULL) listener->store->ops->wake(listener->waiting->session);
    pthread_cond_signal(&listener->changed);
}

void weft_listener_activate(struct weft_listener *listener, bool active)
{
    if (listener == NULL) return;
    pthread_mutex_lock(&listener->mutex);
    listener->active = active;
    listener_change(listener);
    pthread_mutex_unlock(&listener->mutex);
}

void weft_listener_stop(struct weft_listener *listener)
{
    if (listener == NULL) return;
    pthread_mutex_lock(&listener->mutex);
    listener->stopping = true;
    listener_change(listener);
    pthread_mutex_unlock(&listener->mutex);
    pthread_join(listener->thread, NULL);
    pthread_cond_destroy(&listener->changed);
    pthread_mutex_destroy(&listener->mutex);
    free(listener);
}
