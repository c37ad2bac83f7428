/* connection.c - opening, and the four callbacks through which SQLite asks us: may this be (authorizer), shall I go on
 * (progress), shall I wait (busy), what time is it (weft_now). */
#include "connection.h"

#include "store.h"
#include <stdio.h>
#include <string.h>

enum { PROGRESS_STEPS = 2000 }; /* some ten microseconds of work */

/* ---- what SQLite asks -------------------------------------------------------------------------------------------- */

/* Transactions are flags of the plugin's statements; ATTACH would reach another service's file. */
static int connection_authorize(void *arg, int action, const char *a, const char *b, const char *database,
                                const char *trigger)
{
    (void)a, (void)b, (void)database, (void)trigger;
    const struct weft_sqlite_connection *connection = arg;
    if (connection->ours) return SQLITE_OK;
    return action == SQLITE_TRANSACTION || action == SQLITE_ATTACH || action == SQLITE_DETACH ? SQLITE_DENY : SQLITE_OK;
}

/* A flag and not sqlite3_interrupt(): the writer's connection changes hands, and an interrupt that comes late would hit
 * the next session. */
static int connection_progress(void *arg)
{
    const struct weft_sqlite_connection *connection = arg;
    return connection->watch != NULL && weft_sqlite_watch_over(connection->watch);
}

/* Another process writes. SQLite has no queue among processes, so this looks again, after 0.1 ms up to 5 ms. */
static int connection_busy(void *arg, int count)
{
    const struct weft_sqlite_connection *connection = arg;
    if (connection->watch == NULL || weft_sqlite_watch_over(connection->watch)) return 0;
    const long us = count < 6 ? 100l << count : 5000;
    nanosleep(&(struct timespec){ .tv_nsec = us * 1000 }, NULL);
    return 1;
}

/* weft_now(): microseconds since the epoch. Follows the host's clock, which a test may have moved. */
static void connection_now(sqlite3_context *context, int n, sqlite3_value **values)
{
    (void)n, (void)values;
    const struct weft_host *host = sqlite3_user_data(context);
    struct timespec wall;
    clock_gettime(CLOCK_REALTIME, &wall);
    const int64_t moved_ns = (int64_t)(host->now_ns(host) - weft_sqlite_now_ns());
    const int64_t moved_us = moved_ns > 1000000000 || moved_ns < -1000000000 ? moved_ns / 1000 : 0;
    sqlite3_result_int64(context, (int64_t)wall.tv_sec * 1000000 + wall.tv_nsec / 1000 + moved_us);
}

/* ---- opening ----------------------------------------------------------------------------------------------------- */

static int connection_exec(struct weft_sqlite_connection *connection, const char *sql)
{
    connection->ours = true;
    const int code = sqlite3_exec(connection->db, sql, NULL, NULL, NULL);
    connection->ours = false;
    return code;
}

static int connection_hooks(struct weft_sqlite_connection *connection)
{
    sqlite3 *db = connection->db;
    sqlite3_extended_result_codes(db, 1);
    sqlite3_busy_handler(db, connection_busy, connection);
    sqlite3_progress_handler(db, PROGRESS_STEPS, connection_progress, connection);
    sqlite3_set_authorizer(db, connection_authorize, connection);
    sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    /* "x" is a name and never a text: as everywhere else, and as a typing error deserves. */
    sqlite3_db_config(db, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_DQS_DDL, 0, NULL);
    return sqlite3_create_function_v2(db, "weft_now", 0, SQLITE_UTF8 | SQLITE_INNOCUOUS, (void *)connection->host,
                                      connection_now, NULL, NULL, NULL);
}

/* Going over to WAL wants the file alone for a moment and does not ask the busy handler: several starters meet here. */
static int connection_wal(struct weft_sqlite_connection *connection)
{
    for (int count = 0;; count++) {
        const int code = connection_exec(connection, "PRAGMA journal_mode = WAL");
        if ((code & 0xff) != SQLITE_BUSY || !connection_busy(connection, count)) return code;
    }
}

static int connection_pragmas(struct weft_sqlite_connection *connection, const struct weft_sqlite_options *options,
                              bool reader)
{
    char pragmas[512];
    snprintf(
        pragmas, sizeof pragmas,
        "PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF; PRAGMA temp_store = MEMORY;"
        "PRAGMA cache_size = -%llu; PRAGMA journal_size_limit = %llu; PRAGMA synchronous = %s; PRAGMA query_only = %s",
        (unsigned long long)(options->cache_size / 1024), (unsigned long long)options->journal_limit,
        weft_sqlite_synchronous[options->synchronous], reader ? "ON" : "OFF");
    connection->synchronous = options->synchronous;
    return connection_exec(connection, pragmas);
}

static int connection_prepare(struct weft_sqlite_connection *connection, bool reader)
{
    struct {
        const char *sql;
        sqlite3_stmt **handle;
    } const ours[] = {
        /* IMMEDIATE: the write lock comes first, so that no transaction fails later for having read too early. */
        { reader ? "BEGIN" : "BEGIN IMMEDIATE", &connection->begin },
        { "COMMIT", &connection->commit },
        { "ROLLBACK", &connection->rollback },
    };
    int code = SQLITE_OK;
    connection->ours = true;
    for (size_t i = 0; i < sizeof ours / sizeof ours[0] && code == SQLITE_OK; i++)
        code = sqlite3_prepare_v3(connection->db, ours[i].sql, -1, SQLITE_PREPARE_PERSISTENT, ours[i].handle, NULL);
    connection->ours = false;
    return code;
}

/* What a failed opening means: a busy, full or sick disk may pass, a file that is no database will not. */
static int32_t open_failure(int code)
{
    switch (code & 0xff) {
    case SQLITE_NOTADB:
    case SQLITE_CORRUPT:
    case SQLITE_PERM:
    case SQLITE_READONLY:
        return WEFT_RC_REFUSED;
    default:
        return WEFT_RC_UNAVAILABLE;
    }
}

int32_t weft_sqlite_connection_open(struct weft_sqlite_connection *connection, const struct weft_sqlite_store *store,
                                    bool reader, struct weft_sqlite_watch *watch, struct weft_error *ret_error)
{
    const int32_t rc = weft_sqlite_store_prepare(store, ret_error);
    if (rc != WEFT_RC_OK) return rc;
    *connection = (struct weft_sqlite_connection){ .host = store->host, .watch = watch };
    int code = sqlite3_open_v2(store->path, &connection->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    if (code == SQLITE_OK) code = connection_hooks(connection);
    if (code == SQLITE_OK) code = connection_wal(connection);
    if (code == SQLITE_OK) code = connection_pragmas(connection, store->options, reader);
    if (code == SQLITE_OK) code = connection_prepare(connection, reader);
    const uint32_t capacity = (uint32_t)store->options->statements;
    if (code == SQLITE_OK && !weft_sqlite_statements_init(&connection->statements, connection->db, capacity))
        code = SQLITE_NOMEM;
    connection->watch = NULL;
    if (code == SQLITE_OK) return WEFT_RC_OK;
    weft_sqlite_refuse(ret_error, open_failure(code), "cannot open %s: %s", store->path,
                       connection->db != NULL ? sqlite3_errmsg(connection->db) : sqlite3_errstr(code));
    weft_sqlite_connection_close(connection);
    return ret_error->rc;
}

void weft_sqlite_connection_close(struct weft_sqlite_connection *connection)
{
    weft_sqlite_statements_free(&connection->statements);
    sqlite3_finalize(connection->begin);
    sqlite3_finalize(connection->commit);
    sqlite3_finalize(connection->rollback);
    sqlite3_close_v2(connection->db);
    *connection = (struct weft_sqlite_connection){ 0 };
}

/* ---- transactions ------------------------------------------------------------------------------------------------ */

void weft_sqlite_connection_synchronous(struct weft_sqlite_connection *connection, int64_t synchronous)
{
    if (connection->synchronous == synchronous) return;
    char pragma[64];
    snprintf(pragma, sizeof pragma, "PRAGMA synchronous = %s", weft_sqlite_synchronous[synchronous]);
    if (connection_exec(connection, pragma) == SQLITE_OK) connection->synchronous = synchronous;
}

int weft_sqlite_connection_step(struct weft_sqlite_connection *connection, sqlite3_stmt *ours)
{
    connection->ours = true;
    int code = sqlite3_step(ours);
    const int reset = sqlite3_reset(ours);
    connection->ours = false;
    if (code == SQLITE_DONE) code = reset;
    return code;
}

void weft_sqlite_connection_rollback(struct weft_sqlite_connection *connection)
{
    if (connection->db == NULL || sqlite3_get_autocommit(connection->db)) return;
    struct weft_sqlite_watch *watch = connection->watch;
    connection->watch = NULL; /* rolling back is not to be interrupted */
    weft_sqlite_connection_step(connection, connection->rollback);
    connection->watch = watch;
}
