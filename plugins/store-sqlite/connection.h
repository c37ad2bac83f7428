/* connection.h - one SQLite connection as weft wants it: WAL, keyed to a run's deadline, deaf to BEGIN in user's SQL.
 */
#ifndef WEFT_SQLITE_CONNECTION_H
#define WEFT_SQLITE_CONNECTION_H

#include "statement.h"
#include "watch.h"

struct weft_sqlite_store;

struct weft_sqlite_connection {
    sqlite3 *db; /* NULL: closed */
    struct weft_sqlite_statements statements;
    sqlite3_stmt *begin, *commit, *rollback;
    struct weft_sqlite_watch *watch; /* of the run under way; NULL: none */
    const struct weft_host *host;
    int64_t synchronous; /* as set now */
    bool ours;           /* what is being prepared is ours, not the user's */
};

/* Opens the store's file; it must be there. A reader refuses writes. */
int32_t weft_sqlite_connection_open(struct weft_sqlite_connection *connection, const struct weft_sqlite_store *store,
                                    bool reader, struct weft_sqlite_watch *watch, struct weft_error *ret_error);
void weft_sqlite_connection_close(struct weft_sqlite_connection *connection); /* a closed one is fine */

/* Between transactions: how durable the next commits are, an index into weft_sqlite_synchronous. */
void weft_sqlite_connection_synchronous(struct weft_sqlite_connection *connection, int64_t synchronous);
/* Runs one of ours (begin, commit, rollback); SQLite's code. */
int weft_sqlite_connection_step(struct weft_sqlite_connection *connection, sqlite3_stmt *ours);
/* Rolls back if a transaction is open. */
void weft_sqlite_connection_rollback(struct weft_sqlite_connection *connection);

#endif
