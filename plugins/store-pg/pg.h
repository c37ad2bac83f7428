/* pg.h - the store plugin for PostgreSQL: one instance a service, which owns the schema of its name.
 *
 * A run is one round trip: all its statements go out in libpq's pipeline mode up to one Sync. A transaction that begins
 * and commits within a run needs no BEGIN and COMMIT of its own: the server treats what comes before a Sync as one
 * transaction (PostgreSQL documentation, "Pipelining", section 55.2.4).
 *
 * Only direct or session-pooled connections: prepared statements and LISTEN live in the session.
 */
#ifndef WEFT_PG_H
#define WEFT_PG_H

#include "bump.h"
#include "statement.h"

#include <libpq-fe.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <weft/plugin.h>

extern const struct weft_dialect weft_pg_dialect;

struct pg_options {
    int64_t sslmode;
    const char *sslrootcert, *sslcert, *sslkey;
    uint64_t connect_timeout;   /* ns */
    uint64_t statement_timeout; /* ns */
};

struct pg_shapes;

struct pg_store {
    const struct weft_host *host;
    const struct weft_url *url;
    const struct pg_options *options;
    char *service;
    char *schema;
};

/* One connection. Used by one thread at a time, but for `cancelled` and `wake_fd`. */
struct pg_session {
    struct pg_store *store;
    PGconn *connection;
    uint32_t purpose;
    int wake_fd; /* an eventfd: ends a wait or a run */
    atomic_bool cancelled;
    uint64_t used_ns;    /* when the last run ended */
    bool in_transaction; /* an explicit BEGIN went through */
    bool lost;
    struct weft_bump bump; /* of the run: parameters, values */
    struct pg_statements statements;
    struct pg_shapes *shapes; /* rows.c */
    PGresult **results;       /* of the run: texts of values point into them */
    size_t n_results, results_capacity;
    char *channel; /* listened to, or NULL */
    bool notified; /* the first wait after LISTEN returns at once */
};

/* How something ended, before it becomes a weft_result. */
struct pg_failure {
    int32_t rc;
    uint32_t reason;
    const char *text; /* of the session's memory or a literal */
    const char *constraint;
};

/* connect.c */
PGconn *pg_connect(struct pg_store *store, uint32_t purpose, uint64_t deadline_ns, struct weft_error *ret_error);

/* session.c */
int32_t pg_session_open(void *self, uint32_t purpose, uint64_t deadline_ns, void **ret_session,
                        struct weft_error *ret_error);
void pg_session_close(void *session);
bool pg_session_keep(struct pg_session *session, PGresult *result); /* until the next run; false: out of memory */
void pg_session_reset(struct pg_session *session);                  /* ends the life of the last run's results */
uint64_t pg_now_ns(void);
/* Waits for the socket (POLLIN and so on in `events`) or the wake_fd. Returns OK, TIMEOUT (also when cancelled). */
int32_t pg_session_poll(struct pg_session *session, short events, uint64_t deadline_ns);

/* run.c */
int32_t pg_run(void *session, const struct weft_statement *statements, size_t n, struct weft_result *ret_result,
               uint64_t deadline_ns);
void pg_cancel(void *session);

/* rows.c: what a session knows of texts whose statements could go together. NULL: out of memory. */
struct pg_shapes *pg_shapes_new(void);
void pg_shapes_free(struct pg_shapes *shapes);

/* examine.c */
void pg_examine(void *self, const struct weft_examiner *examiner, uint64_t deadline_ns);

/* wait.c */
int32_t pg_wait(void *session, const char *channel, uint64_t deadline_ns);
void pg_wake(void *session);

/* param.c: one parameter as libpq wants it. false: text with a NUL inside, or out of memory. */
enum { PG_PARAMS_MAX = 64 };

struct pg_param {
    const char *value;
    int length, format;
};
bool pg_param_make(struct weft_bump *bump, const struct weft_value *value, struct pg_param *ret_param);

/* check.c: NULL, with the parameters of each statement; or what is wrong with statement *ret_failed. */
const char *pg_batch_check(struct pg_session *session, const struct weft_statement *statements, size_t n,
                           struct pg_param ***ret_params, uint32_t *ret_failed);

/* result.c: a result's rows as values; texts stay in the result. false: out of memory, or a value that cannot be read.
 */
bool pg_rowset_make(struct weft_bump *bump, const PGresult *result, bool rows, struct weft_rowset *ret_set);

/* error.c */
void pg_failure_of_result(struct weft_bump *bump, const PGresult *result, struct pg_failure *ret_failure);
void pg_failure_of_connect(PGconn *connection, struct weft_error *ret_error);
void pg_error_set(struct weft_error *error, int32_t rc, const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
