/* wait.c - LISTEN, and waiting for notices. A channel is the schema's own: services that share a database do not wake
 * each other. */
#include "pg.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

static int32_t listen_to(struct pg_session *session, const char *channel, uint64_t deadline_ns)
{
    char *sql = NULL;
    if (asprintf(&sql, "LISTEN \"%s.%s\"", session->store->schema, channel) < 0) return WEFT_RC_UNAVAILABLE;
    const struct weft_statement listen = { sql, NULL, 0, WEFT_STATEMENT_ONCE };
    struct weft_result result;
    int32_t rc = pg_run(session, &listen, 1, &result, deadline_ns);
    free(sql);
    if (rc != WEFT_RC_OK) return rc == WEFT_RC_MAYBE_SENT ? WEFT_RC_UNAVAILABLE : rc;
    session->channel = strdup(channel);
    session->notified = true; /* what was notified before we listened is found by one look */
    return session->channel == NULL ? WEFT_RC_UNAVAILABLE : WEFT_RC_OK;
}

static bool notices_take(struct pg_session *session)
{
    bool any = false;
    PGnotify *notice;
    while ((notice = PQnotifies(session->connection)) != NULL) {
        any = true;
        PQfreemem(notice);
    }
    return any;
}

int32_t pg_wait(void *self, const char *channel, uint64_t deadline_ns)
{
    struct pg_session *session = self;
    if (session->lost) return WEFT_RC_CLOSED;
    atomic_store_explicit(&session->cancelled, false, memory_order_relaxed);
    if (session->channel == NULL || strcmp(session->channel, channel) != 0) {
        if (session->channel != NULL) return WEFT_RC_INVALID; /* one channel a session */
        int32_t rc = listen_to(session, channel, deadline_ns);
        if (rc != WEFT_RC_OK) return rc;
    }
    for (;;) {
        eventfd_t wakes = 0;
        if (notices_take(session)) session->notified = true;
        if (eventfd_read(session->wake_fd, &wakes) == 0) session->notified = true;
        if (session->notified) {
            session->notified = false;
            return WEFT_RC_OK;
        }
        int32_t rc = pg_session_poll(session, POLLIN, deadline_ns);
        if (rc != WEFT_RC_OK) return rc;
        if (!PQconsumeInput(session->connection) || PQstatus(session->connection) == CONNECTION_BAD) {
            session->lost = true;
            return WEFT_RC_UNAVAILABLE;
        }
    }
}

void pg_wake(void *self)
{
    struct pg_session *session = self;
    eventfd_write(session->wake_fd, 1);
}
