/* session.c - a connection and what belongs to it. */
#include "pg.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

uint64_t pg_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

bool pg_session_keep(struct pg_session *session, PGresult *result)
{
    if (session->n_results == session->results_capacity) {
        size_t capacity = session->results_capacity == 0 ? 16 : 2 * session->results_capacity;
        PGresult **results = realloc(session->results, capacity * sizeof *results);
        if (results == NULL) {
            PQclear(result);
            return false;
        }
        session->results = results;
        session->results_capacity = capacity;
    }
    session->results[session->n_results++] = result;
    return true;
}

void pg_session_reset(struct pg_session *session)
{
    for (size_t i = 0; i < session->n_results; i++)
        PQclear(session->results[i]);
    session->n_results = 0;
    weft_bump_reset(&session->bump);
}

static void wake_drain(struct pg_session *session)
{
    uint64_t count;
    if (read(session->wake_fd, &count, sizeof count) < 0 && errno != EAGAIN) session->lost = true;
}

int32_t pg_session_poll(struct pg_session *session, short events, uint64_t deadline_ns)
{
    for (;;) {
        if (atomic_load_explicit(&session->cancelled, memory_order_acquire)) return WEFT_RC_TIMEOUT;
        uint64_t now = pg_now_ns();
        if (now >= deadline_ns) return WEFT_RC_TIMEOUT;
        uint64_t left_ms = (deadline_ns - now) / 1000000u + 1;
        struct pollfd fds[2] = { { PQsocket(session->connection), events, 0 }, { session->wake_fd, POLLIN, 0 } };
        int ready = poll(fds, 2, left_ms > 60000 ? 60000 : (int)left_ms);
        if (ready < 0 && errno != EINTR) return WEFT_RC_UNAVAILABLE;
        if (ready <= 0) continue;
        if (fds[0].revents != 0) return WEFT_RC_OK;
        if (session->purpose == WEFT_SESSION_LISTENER) return WEFT_RC_OK; /* woken: wait.c drains it */
        wake_drain(session);
    }
}

/* The schema of the service's name, made when it is missing. A plain CREATE SCHEMA IF NOT EXISTS of two starters at
 * once fails for one of them: they take turns. Nothing is created where it is already there, as that needs a right. */
static int32_t schema_make(struct pg_session *session, uint64_t deadline_ns, struct weft_error *ret_error)
{
    struct weft_value name = weft_text(session->store->schema);
    char *create = NULL;
    if (asprintf(&create, "CREATE SCHEMA IF NOT EXISTS \"%s\"", session->store->schema) < 0) return WEFT_RC_UNAVAILABLE;
    const struct weft_statement there = { "SELECT 1 FROM pg_namespace WHERE nspname = $1", &name, 1,
                                          WEFT_STATEMENT_ROWS };
    const struct weft_statement make[] = {
        { "SELECT pg_advisory_xact_lock(hashtext('weft:' || $1))", &name, 1,
          WEFT_STATEMENT_BEGIN | WEFT_STATEMENT_ONCE },
        { create, NULL, 0, WEFT_STATEMENT_COMMIT | WEFT_STATEMENT_ONCE },
    };
    struct weft_result result = { 0 };
    int32_t rc = pg_run(session, &there, 1, &result, deadline_ns);
    if (rc == WEFT_RC_OK && result.sets[0].n_rows == 0) rc = pg_run(session, make, 2, &result, deadline_ns);
    if (rc != WEFT_RC_OK)
        pg_error_set(ret_error, rc == WEFT_RC_INVALID ? WEFT_RC_REFUSED : rc,
                     "PostgreSQL: schema %s cannot be made: %s", session->store->schema,
                     result.text != NULL ? result.text : "the connection was lost");
    free(create);
    return rc == WEFT_RC_INVALID ? WEFT_RC_REFUSED : rc; /* no right to make it */
}

/* Notices ("relation exists, skipping") would go to stderr otherwise. */
static void notice_ignore(void *arg, const char *text)
{
    (void)arg;
    (void)text;
}

int32_t pg_session_open(void *self, uint32_t purpose, uint64_t deadline_ns, void **ret_session,
                        struct weft_error *ret_error)
{
    struct pg_session *session = calloc(1, sizeof *session);
    if (session == NULL) {
        pg_error_set(ret_error, WEFT_RC_UNAVAILABLE, "PostgreSQL: out of memory");
        return WEFT_RC_UNAVAILABLE;
    }
    session->store = self;
    session->purpose = purpose;
    enum { RUN_BYTES = 256 << 20 }; /* of one run: so that no query can eat the process */
    weft_bump_init(&session->bump, RUN_BYTES);
    session->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    int32_t rc = WEFT_RC_UNAVAILABLE;
    session->shapes = pg_shapes_new();
    if (session->shapes == NULL || !pg_statements_init(&session->statements)) {
        pg_error_set(ret_error, rc, "PostgreSQL: out of memory");
        goto failed;
    }
    if (session->wake_fd < 0) {
        pg_error_set(ret_error, rc, "PostgreSQL: no file descriptor is left (errno %d): raise the limit", errno);
        goto failed;
    }
    session->connection = pg_connect(self, purpose, deadline_ns, ret_error);
    if (session->connection == NULL) {
        rc = ret_error->rc;
        goto failed;
    }
    PQsetErrorVerbosity(session->connection, PQERRORS_DEFAULT);
    PQsetNoticeProcessor(session->connection, notice_ignore, NULL);
    PQsetnonblocking(session->connection, 1);
    PQenterPipelineMode(session->connection);
    if (purpose == WEFT_SESSION_MIGRATE && (rc = schema_make(session, deadline_ns, ret_error)) != WEFT_RC_OK)
        goto failed;
    *ret_session = session;
    return WEFT_RC_OK;
failed:
    pg_session_close(session);
    return rc;
}

void pg_session_close(void *self)
{
    struct pg_session *session = self;
    pg_session_reset(session);
    PQfinish(session->connection);
    if (session->wake_fd >= 0) close(session->wake_fd);
    pg_statements_free(&session->statements);
    pg_shapes_free(session->shapes);
    weft_bump_free(&session->bump);
    free(session->results);
    free(session->channel);
    free(session);
}
