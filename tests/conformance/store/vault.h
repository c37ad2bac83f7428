/* vault.h - a store under test with its host: an instance with a schema or file of its own, and desks, which are
 * sessions that check what comes back. */
#ifndef WEFT_KIT_VAULT_H
#define WEFT_KIT_VAULT_H

#include "host.h"
#include "setup.h"

struct vault {
    struct kit_host host; /* first */
    const struct kit *kit;
    const struct weft_store_ops *ops;
    const struct weft_dialect *dialect;
    void *self;
    void *options;
    struct kit_url url;
    char service[128];
    char folder[512]; /* of embedded stores */
};

/* What differs from the plain one. */
struct vault_setup {
    const char *name;         /* goes into the service's name; NULL: "a" */
    const struct vault *like; /* the same service and folder: as another process of it */
    struct kit_setup open;    /* its URL and options */
};

/* Opens an instance, nothing else. */
struct vault *vault_open(const struct kit *kit, const struct vault_setup *setup); /* NULL: plain */
/* Brings weft's tables up, as a host does: safe from several at once. */
void vault_migrate(struct vault *vault);
/* Both. */
struct vault *vault_new(const struct kit *kit);
void vault_close(struct vault *vault); /* the instance; the data stay */
/* Removes the data, closes. */
void vault_end(struct vault *vault);

_Noreturn void vault_skip(struct vault *vault, const char *reason); /* ends it and skips the test */

bool vault_is(const struct vault *vault, const char *dialect);
/* A statement that does not end by itself within the time of a test. */
const char *vault_long_sql(const struct vault *vault);
/* A proxy before the server of the kit's URL; skips the test when the URL has no host. */
struct kit_proxy *vault_proxy(const struct kit *kit);

/* A session. Used by one thread, as the ABI says; but for cancel and wake. */
struct desk {
    struct vault *vault;
    void *session;
    struct weft_result result; /* of the last run */
};

struct desk desk_open(struct vault *vault, uint32_t purpose);
void desk_close(struct desk *desk);

enum { DESK_SECONDS = 5 }; /* the deadline of plain runs */

/* Runs the batch; the rc. */
int32_t desk_run(struct desk *desk, const struct weft_statement *statements, size_t n, double seconds);
/* Runs one statement; the rc. */
int32_t desk_one(struct desk *desk, uint32_t flags, const char *sql, const struct weft_value *params, size_t n);
/* As above; fails the test unless it went well. Returns what the statement gave. */
const struct weft_rowset *desk_need(struct desk *desk, uint32_t flags, const char *sql, const struct weft_value *params,
                                    size_t n, const char *file, int line);

/* The parameters follow as values: TRY(desk, flags, "...", weft_int(1), weft_text("x")). */
#define PARAMS(...)                                                                                                    \
    ((const struct weft_value[]){ { 0 }, __VA_ARGS__ } + 1),                                                           \
        (sizeof((const struct weft_value[]){ { 0 }, __VA_ARGS__ }) / sizeof(struct weft_value) - 1)
#define TRY(desk, flags, sql, ...) desk_one(desk, flags, sql, PARAMS(__VA_ARGS__))
#define DO(desk, sql, ...)         desk_need(desk, 0, sql, PARAMS(__VA_ARGS__), __FILE__, __LINE__)
#define ROWS(desk, sql, ...)       desk_need(desk, WEFT_STATEMENT_ROWS, sql, PARAMS(__VA_ARGS__), __FILE__, __LINE__)

/* The first value of the only row. */
int64_t desk_number(struct desk *desk, const char *sql);
void desk_begin(struct desk *desk);
void desk_commit(struct desk *desk);
void desk_rollback(struct desk *desk);

/* A value by its place; fails the test if it is not there or of another type. */
const struct weft_value *cell(const struct weft_rowset *set, uint32_t row, const char *column);
int64_t cell_int(const struct weft_rowset *set, uint32_t row, const char *column);
const char *cell_text(const struct weft_rowset *set, uint32_t row, const char *column);

/* The n-th UUID of the test. */
const char *uuid_of(unsigned n, char ret_uuid[37]);

/* Runs `count` threads and waits for all of them; each gets its number. */
void threads_run(unsigned count, void (*body)(void *arg, unsigned number), void *arg);

#endif
