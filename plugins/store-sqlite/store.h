/* store.h - an instance: one service's file, the connection that writes to it, and the locks held on its behalf. */
#ifndef WEFT_SQLITE_STORE_H
#define WEFT_SQLITE_STORE_H

#include "lock.h"
#include "writer.h"
#include <weft/plugin.h>

struct weft_sqlite_options {
    int64_t synchronous; /* index into weft_sqlite_synchronous */
    uint64_t cache_size;
    uint64_t max_result;
    uint64_t journal_limit;
    int64_t statements;
};

struct weft_sqlite_store {
    const struct weft_host *host;
    const struct weft_sqlite_options *options;
    char *folder; /* with a slash at its end */
    char *path;   /* of the database file */
    char *service;
    struct weft_sqlite_writer writer;
    struct weft_sqlite_locks locks;
};

/* "full", "normal": names of the option and of SQLite's PRAGMA. */
extern const char *const weft_sqlite_synchronous[];

/* Touches no file. INVALID: the URL or the service's name cannot be. */
int32_t weft_sqlite_store_open(const struct weft_open *open, void **ret_self, struct weft_error *ret_error);
void weft_sqlite_store_close(void *self, uint64_t deadline_ns);
/* Sees to it that the folder and the file are there, for us alone. */
int32_t weft_sqlite_store_prepare(const struct weft_sqlite_store *store, struct weft_error *ret_error);

/* Fills the error, returns rc. */
int32_t weft_sqlite_refuse(struct weft_error *ret_error, int32_t rc, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
