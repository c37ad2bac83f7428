/* plugin.c - store-sqlite: a service's data in one SQLite file, without a server.
 *
 * sqlite:DIR/ keeps DIR/<service>.db (and -wal, -shm beside it); sqlite: alone uses the data folder. Write-ahead log,
 * one writer at a time, readers beside it. Several processes of one machine may share a file. Not for network file
 * systems: the write-ahead log needs shared memory (sqlite.org/wal.html, "all processes must be on the same host").
 *
 * Where to look: store.c file and folder, writer.c the queue of those who write, session.c and run.c what the host
 * calls, connection.c what SQLite is told, statement.c prepared texts, result.c rows, failure.c errors, lock.c locks
 * among processes, dialect.c the SQL of weft's own tables.
 *
 * Column types. SQLite keeps what it is given; the declared type says what an integer means: timestamp, timestamptz and
 * datetime are microseconds since the epoch (weft_now() is now), bool and boolean 0 and 1. uuid and json are text.
 */
#include "dialect.h"
#include "session.h"

WEFT_PLUGIN_NOTE("store", "sqlite", "sqlite");

const char *const weft_sqlite_synchronous[] = { "full", "normal", NULL };

#define OPTION(field) offsetof(struct weft_sqlite_options, field)

static const struct weft_option options[] = {
    { "synchronous", "full: a commit is on the disk; normal: a power failure may cost the last commits", "full",
      weft_sqlite_synchronous, WEFT_OPTION_CHOICE, 0, OPTION(synchronous), 0, 0 },
    { "cache_size", "memory for pages of a connection, in bytes", "8M", NULL, WEFT_OPTION_SIZE, 0, OPTION(cache_size),
      64 * 1024, 1ll << 32 },
    { "max_result", "memory that the results and array parameters of one batch may take, in bytes", "64M", NULL,
      WEFT_OPTION_SIZE, 0, OPTION(max_result), 64 * 1024, 1ll << 32 },
    { "journal_limit", "size to which the write-ahead log is cut back, in bytes", "64M", NULL, WEFT_OPTION_SIZE, 0,
      OPTION(journal_limit), 0, 1ll << 40 },
    { "statements", "prepared statements that a connection keeps", "128", NULL, WEFT_OPTION_INT, 0, OPTION(statements),
      8, 4096 },
};

static const char *const schemes[] = { "sqlite", NULL };

static const struct weft_store_ops ops = {
    .size = sizeof(struct weft_store_ops),
    .caps = WEFT_STORE_READERS | WEFT_STORE_LOCK | WEFT_STORE_SHARED,
    .dialect = &weft_sqlite_dialect,
    .session_open = weft_sqlite_session_open,
    .session_close = weft_sqlite_session_close,
    .run = weft_sqlite_run,
    .cancel = weft_sqlite_cancel,
    .wait = weft_sqlite_wait,
    .wake = weft_sqlite_wake,
    .lock = weft_sqlite_lock,
    .unlock = weft_sqlite_unlock,
};

WEFT_EXPORT const struct weft_plugin weft_plugin = {
    WEFT_PLUGIN_HEADER,
    .kind = WEFT_KIND_STORE,
    .name = "sqlite",
    .version = "1",
    .schemes = schemes,
    .options = options,
    .n_options = sizeof options / sizeof options[0],
    .options_size = sizeof(struct weft_sqlite_options),
    .open = weft_sqlite_store_open,
    .close = weft_sqlite_store_close,
    .store = &ops,
};
