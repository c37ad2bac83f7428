/* connect.c - making a connection, to a deadline. What a session needs set goes with the start-up message: no round
 * trip of its own. */
#include "pg.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

/* In application_name. Groups commit what handlers wrote, so for who looks from outside both are requests. */
static const char *const purposes[] = {
    [WEFT_SESSION_REQUEST] = "request", [WEFT_SESSION_READER] = "reader",     [WEFT_SESSION_RELAY] = "relay",
    [WEFT_SESSION_LANE] = "lane",       [WEFT_SESSION_LISTENER] = "listener", [WEFT_SESSION_MIGRATE] = "migrate",
    [WEFT_SESSION_ADMIN] = "admin",     [WEFT_SESSION_GROUP] = "request",
};

static const char *purpose_name(uint32_t purpose)
{
    return purpose < sizeof purposes / sizeof purposes[0] && purposes[purpose] != NULL ? purposes[purpose] : "other";
}

/* What differs by purpose. Relay and lanes live off tables that are empty most of the time, which is when their plans
 * are made: a scan of the whole looks cheapest then, and takes 100 ms a claim once 100,000 rows have gathered. */
static const char *purpose_settings(uint32_t purpose)
{
#define INDEXES_ONLY " -c enable_seqscan=off -c max_parallel_workers_per_gather=0"
    if (purpose == WEFT_SESSION_RELAY) return INDEXES_ONLY " -c synchronous_commit=off";
    if (purpose == WEFT_SESSION_GROUP) return " -c lock_timeout=10";
    return purpose == WEFT_SESSION_LANE ? INDEXES_ONLY : "";
#undef INDEXES_ONLY
}

/* client_connection_check_interval: a statement whose client has gone (a deadline passed here, a kill) ends within a
 * second, so that its locks do not outlive whoever wanted them. */
static void settings_make(const struct pg_store *store, uint32_t purpose, char *ret_text, size_t size)
{
    snprintf(ret_text, size,
             "-c search_path=%s,public -c TimeZone=UTC -c DateStyle=ISO -c bytea_output=hex -c statement_timeout=%llu "
             "-c idle_in_transaction_session_timeout=60000 -c client_connection_check_interval=1000 "
             "-c extra_float_digits=3 -c jit=off%s",
             store->schema, (unsigned long long)(store->options->statement_timeout / 1000000u),
             purpose_settings(purpose));
}

static PGconn *connect_start(struct pg_store *store, uint32_t purpose)
{
    static const char *const modes[] = { "disable", "prefer", "require", "verify-ca", "verify-full" };
    const struct weft_url *url = store->url;
    const struct pg_options *options = store->options;
    char port[12], settings[512], name[128];
    snprintf(port, sizeof port, "%u", url->port != 0 ? url->port : 5432);
    snprintf(name, sizeof name, "%s/%s", store->service, purpose_name(purpose));
    settings_make(store, purpose, settings, sizeof settings);
    const char *pairs[][2] = {
        { "host", url->host },
        { "port", port },
        { "user", url->user },
        { "password", url->password },
        { "dbname", url->path != NULL && url->path[0] != '\0' ? url->path : NULL },
        { "application_name", name },
        { "options", settings },
        { "client_encoding", "UTF8" },
        { "sslmode", modes[options->sslmode] },
        { "sslrootcert", options->sslrootcert },
        { "sslcert", options->sslcert },
        { "sslkey", options->sslkey },
        { "gssencmode", "disable" },
        { "keepalives_idle", "30" },
        { "tcp_user_timeout", "15000" },
    };
    enum { PAIRS = sizeof pairs / sizeof pairs[0] };
    const char *keywords[PAIRS + 1], *values[PAIRS + 1];
    size_t n = 0;
    for (size_t i = 0; i < PAIRS; i++) {
        if (pairs[i][1] == NULL) continue;
        keywords[n] = pairs[i][0];
        values[n++] = pairs[i][1];
    }
    keywords[n] = values[n] = NULL;
    return PQconnectStartParams(keywords, values, 0);
}

/* Waits until the socket is as libpq wants it. false: the deadline has passed. */
static bool connect_wait(PGconn *connection, PostgresPollingStatusType wanted, uint64_t deadline_ns)
{
    for (;;) {
        uint64_t now = pg_now_ns();
        if (now >= deadline_ns) return false;
        uint64_t left_ms = (deadline_ns - now) / 1000000u + 1;
        struct pollfd fd = { PQsocket(connection), wanted == PGRES_POLLING_READING ? POLLIN : POLLOUT, 0 };
        int ready = poll(&fd, 1, left_ms > 60000 ? 60000 : (int)left_ms);
        if (ready > 0 || (ready < 0 && errno != EINTR)) return true;
    }
}

PGconn *pg_connect(struct pg_store *store, uint32_t purpose, uint64_t deadline_ns, struct weft_error *ret_error)
{
    uint64_t latest = pg_now_ns() + store->options->connect_timeout;
    if (deadline_ns > latest) deadline_ns = latest;
    PGconn *connection = connect_start(store, purpose);
    if (connection == NULL) {
        pg_error_set(ret_error, WEFT_RC_UNAVAILABLE, "PostgreSQL: out of memory");
        return NULL;
    }
    PQsetErrorVerbosity(connection, PQERRORS_VERBOSE); /* so that the message carries the error code */
    PostgresPollingStatusType wanted =
        PQstatus(connection) == CONNECTION_BAD ? PGRES_POLLING_FAILED : PGRES_POLLING_WRITING;
    while (wanted != PGRES_POLLING_OK && wanted != PGRES_POLLING_FAILED) {
        if (!connect_wait(connection, wanted, deadline_ns)) {
            pg_error_set(ret_error, WEFT_RC_UNAVAILABLE, "PostgreSQL at %s:%u does not answer in time",
                         store->url->host, store->url->port != 0 ? store->url->port : 5432);
            PQfinish(connection);
            return NULL;
        }
        wanted = PQconnectPoll(connection);
    }
    if (wanted == PGRES_POLLING_OK) return connection;
    pg_failure_of_connect(connection, ret_error);
    PQfinish(connection);
    return NULL;
}
