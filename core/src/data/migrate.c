/* data/migrate.c - schema versions.
 *
 * There are two histories in weft_migration: weft's own ("weft", the dialect's schema scripts) and the service's. What
 * an application of a version needs is one transaction: lock, look again, run the script, note it. So any number of
 * processes may start at once, and one that dies half-way leaves nothing.
 *
 * weft's own list may be longer in the store than here: a newer host has expanded it, which old ones bear. The
 * service's may not: its code would meet tables it does not know. */
#include "data/migrate.h"

#include "base/arena.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CHECKSUM_SIZE = 17, MIGRATIONS_MAX = 1000 };

/* A version of either history. */
struct version {
    uint32_t number;
    bool specific; /* for this dialect alone */
    const char *name, *sql;
    char checksum[CHECKSUM_SIZE];
};

struct history {
    const char *owner; /* "weft", or the service */
    struct version *versions;
    size_t n;
    bool may_be_newer;
};

struct migration {
    struct weft_store *store;
    struct weft_arena *arena;
    struct weft_session *session;
    uint64_t deadline_ns;
    struct weft_fault *fault;
};

/* FNV-1a, 64 bits (draft-eastlake-fnv): it tells an edited file, not a forged one. */
static void checksum(const char *text, char ret_checksum[CHECKSUM_SIZE])
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (; *text != '\0'; text++)
        hash = (hash ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
    snprintf(ret_checksum, CHECKSUM_SIZE, "%016" PRIx64, hash);
}

/* ---- what this build knows --------------------------------------------------------------------------------------- */

static struct history own_history(struct migration *migration)
{
    const char *const *schema = migration->store->dialect->schema;
    struct history history = { .owner = "weft", .may_be_newer = true };
    while (schema[history.n] != NULL)
        history.n++;
    history.versions = weft_arena_alloc(migration->arena, (history.n + 1) * sizeof *history.versions);
    for (size_t i = 0; i < history.n; i++) {
        struct version *version = &history.versions[i];
        version->number = (uint32_t)i + 1;
        version->name = weft_arena_format(migration->arena, "weft_%04u", version->number);
        version->sql = schema[i];
        checksum(version->sql, version->checksum);
    }
    return history;
}

static struct version *history_find(const struct history *history, int64_t number)
{
    for (size_t i = 0; i < history->n; i++) {
        if (history->versions[i].number == number) return &history->versions[i];
    }
    return NULL;
}

/* A file for this dialect goes before one for any. */
static weft_status history_add(struct migration *migration, struct history *history, const struct weft_migration *file)
{
    const bool specific = file->dialect != NULL;
    struct version *version = history_find(history, file->version);
    if (version != NULL && version->specific == specific)
        return weft_fault_set(migration->fault, WEFT_FAILED_PRECONDITION,
                              "migrations %s and %s of %s have the same version; renumber the newer one", version->name,
                              file->name, history->owner);
    if (version != NULL && version->specific) return WEFT_OK;
    if (version == NULL) version = &history->versions[history->n++];
    version->number = file->version;
    version->specific = specific;
    version->name = file->name;
    version->sql = file->sql;
    checksum(file->sql, version->checksum);
    return WEFT_OK;
}

static int version_order(const void *a, const void *b)
{
    const struct version *left = a, *right = b;
    return (left->number > right->number) - (left->number < right->number);
}

static weft_status service_history(struct migration *migration, const struct weft_migration *files, size_t n,
                                   struct history *ret_history)
{
    const char *dialect = migration->store->dialect->name;
    struct history history = { .owner = migration->store->service };
    if (n > MIGRATIONS_MAX)
        return weft_fault_set(migration->fault, WEFT_FAILED_PRECONDITION, "%s has %zu migrations, at most %d go",
                              history.owner, n, MIGRATIONS_MAX);
    history.versions = weft_arena_alloc(migration->arena, (n + 1) * sizeof *history.versions);
    for (size_t i = 0; i < n; i++) {
        if (files[i].dialect != NULL && strcmp(files[i].dialect, dialect) != 0) continue;
        if (history_add(migration, &history, &files[i]) != WEFT_OK) return migration->fault->status;
    }
    qsort(history.versions, history.n, sizeof *history.versions, version_order);
    *ret_history = history;
    return WEFT_OK;
}

/* ---- runs -------------------------------------------------------------------------------------------------------- */

static weft_status run_status(int32_t rc)
{
    switch (rc) {
    case WEFT_RC_UNAVAILABLE:
    case WEFT_RC_MAYBE_SENT: /* the next try looks again what was done */
    case WEFT_RC_TIMEOUT:
    case WEFT_RC_RETRY:
    case WEFT_RC_CLOSED:
        return WEFT_UNAVAILABLE;
    case WEFT_RC_REFUSED:
        return WEFT_PERMISSION_DENIED;
    default:
        return WEFT_FAILED_PRECONDITION;
    }
}

/* Runs a batch; `what` says what it was for. */
static weft_status migration_run(struct migration *migration, const struct weft_statement *statements, size_t n,
                                 struct weft_result *ret_result, const char *what)
{
    const int32_t rc = weft_session_run(migration->session, statements, n, ret_result, migration->deadline_ns);
    if (rc == WEFT_RC_OK) return WEFT_OK;
    return weft_fault_set(migration->fault, run_status(rc), "store of %s, %s: %s", migration->store->service, what,
                          ret_result->text != NULL ? ret_result->text : "the store gives no reason");
}

static void migration_rollback(struct migration *migration)
{
    const struct weft_statement rollback = { NULL, NULL, 0, WEFT_STATEMENT_ROLLBACK };
    struct weft_result result;
    if (weft_session_run(migration->session, &rollback, 1, &result, migration->deadline_ns) != WEFT_RC_OK)
        migration->session->lost = true;
}

/* BEGIN, and the lock if the dialect needs one beside it. */
static struct weft_statement lock_statement(const struct migration *migration)
{
    return (struct weft_statement){ migration->store->dialect->migrate_lock, NULL, 0,
                                    WEFT_STATEMENT_BEGIN | WEFT_STATEMENT_ONCE };
}

/* ---- the owner --------------------------------------------------------------------------------------------------- */

static weft_status owner_check(struct migration *migration, const struct weft_rowset *set)
{
    const char *service = migration->store->service;
    if (set->n_rows == 0)
        return weft_fault_set(migration->fault, WEFT_FAILED_PRECONDITION,
                              "the store of %s is new: nothing has been migrated; run with migrate: auto", service);
    const char *owner = set->values[0].as.text;
    if (set->values[0].type == WEFT_TYPE_TEXT && strcmp(owner, service) == 0) return WEFT_OK;
    return weft_fault_set(migration->fault, WEFT_FAILED_PRECONDITION,
                          "this store belongs to service %s, not to %s; give each service its own schema or file",
                          set->values[0].type == WEFT_TYPE_TEXT ? owner : "?", service);
}

static weft_status owner_claim(struct migration *migration)
{
    const struct weft_dialect *dialect = migration->store->dialect;
    const struct weft_value service = weft_text(migration->store->service);
    struct weft_statement statements[4] = { lock_statement(migration) };
    size_t n = 1;
    statements[n++] = (struct weft_statement){ dialect->bootstrap, NULL, 0, WEFT_STATEMENT_SCRIPT };
    statements[n++] = (struct weft_statement){ dialect->owner_claim, &service, 1, WEFT_STATEMENT_ONCE };
    statements[n++] = (struct weft_statement){ dialect->owner_read, NULL, 0,
                                               WEFT_STATEMENT_ONCE | WEFT_STATEMENT_ROWS | WEFT_STATEMENT_COMMIT };
    struct weft_result result;
    const weft_status status = migration_run(migration, statements, n, &result, "making weft's own tables");
    return status == WEFT_OK ? owner_check(migration, &result.sets[n - 1]) : status;
}

/* CHECK changes nothing, so the tables may not be there. */
static weft_status owner_read(struct migration *migration)
{
    const struct weft_statement statement = { migration->store->dialect->owner_read, NULL, 0,
                                              WEFT_STATEMENT_ONCE | WEFT_STATEMENT_ROWS };
    struct weft_result result;
    const weft_status status = migration_run(migration, &statement, 1, &result,
                                             "reading its owner (has it been migrated? run with migrate: auto)");
    return status == WEFT_OK ? owner_check(migration, &result.sets[0]) : status;
}

/* ---- a history --------------------------------------------------------------------------------------------------- */

static const char *cell_text(const struct weft_value *value)
{
    return value->type == WEFT_TYPE_TEXT ? value->as.text : "";
}

static weft_status applied_check(struct migration *migration, const struct history *history,
                                 const struct weft_value *row)
{
    const struct version *version = history_find(history, row[0].as.integer);
    const char *name = cell_text(&row[1]);
    if (version == NULL && history->may_be_newer) return WEFT_OK;
    if (version == NULL)
        return weft_fault_set(migration->fault, WEFT_FAILED_PRECONDITION,
                              "the store of %s has migration %s, which this build does not know; run a newer one",
                              migration->store->service, name);
    if (strcmp(version->checksum, cell_text(&row[2])) == 0) return WEFT_OK;
    return weft_fault_set(migration->fault, WEFT_FAILED_PRECONDITION,
                          "migration %s of %s was applied with other content (checksum %s, now %s); "
                          "take the change back and write a new migration",
                          name, history->owner, cell_text(&row[2]), version->checksum);
}

/* Compares what is applied, ascending, with what is known; *ret_next is the first one missing, or NULL. */
static weft_status history_compare(struct migration *migration, const struct history *history,
                                   const struct weft_rowset *applied, struct version **ret_next)
{
    int64_t newest = 0;
    for (uint32_t i = 0; i < applied->n_rows; i++) {
        const struct weft_value *row = &applied->values[(size_t)i * applied->n_columns];
        if (applied_check(migration, history, row) != WEFT_OK) return migration->fault->status;
        newest = row[0].as.integer;
    }
    *ret_next = NULL;
    for (size_t i = 0, at = 0; i < history->n && *ret_next == NULL; i++) {
        struct version *version = &history->versions[i];
        const bool done =
            at < applied->n_rows && applied->values[at * applied->n_columns].as.integer == version->number;
        if (done)
            at++;
        else
            *ret_next = version;
    }
    if (*ret_next == NULL || (*ret_next)->number > newest) return WEFT_OK;
    return weft_fault_set(migration->fault, WEFT_FAILED_PRECONDITION,
                          "migration %s of %s is older than the newest applied one (version %" PRId64
                          "); give it a higher number",
                          (*ret_next)->name, history->owner, newest);
}

/* Reads under the lock, if `locked`, what is missing. */
static weft_status history_next(struct migration *migration, const struct history *history, bool locked,
                                struct version **ret_next)
{
    const struct weft_value owner = weft_text(history->owner);
    struct weft_statement statements[2] = { lock_statement(migration) };
    size_t n = locked ? 1 : 0;
    statements[n++] = (struct weft_statement){ migration->store->dialect->migration_list, &owner, 1,
                                               WEFT_STATEMENT_ONCE | WEFT_STATEMENT_ROWS };
    struct weft_result result;
    weft_status status = migration_run(migration, statements, n, &result, "reading what has been migrated");
    if (status != WEFT_OK) return status;
    status = history_compare(migration, history, &result.sets[n - 1], ret_next);
    if (locked && (status != WEFT_OK || *ret_next == NULL)) migration_rollback(migration);
    return status;
}

static weft_status version_apply(struct migration *migration, const struct history *history,
                                 const struct version *version)
{
    const struct weft_value params[] = { weft_text(history->owner), weft_int(version->number), weft_text(version->name),
                                         weft_text(version->checksum) };
    const struct weft_statement statements[] = {
        { version->sql, NULL, 0, WEFT_STATEMENT_SCRIPT },
        { migration->store->dialect->migration_done, params, 4, WEFT_STATEMENT_ONCE | WEFT_STATEMENT_COMMIT },
    };
    struct weft_result result;
    return migration_run(migration, statements, 2, &result,
                         weft_arena_format(migration->arena, "migration %s", version->name));
}

/* The versions are few and applied once: two round trips each. */
static weft_status history_apply(struct migration *migration, const struct history *history)
{
    for (size_t i = 0; i <= history->n; i++) {
        struct version *next;
        const weft_status status = history_next(migration, history, true, &next);
        if (status != WEFT_OK || next == NULL) return status;
        if (version_apply(migration, history, next) != WEFT_OK) return migration->fault->status;
    }
    return WEFT_OK;
}

static weft_status history_check(struct migration *migration, const struct history *history)
{
    struct version *next;
    const weft_status status = history_next(migration, history, false, &next);
    if (status != WEFT_OK || next == NULL) return status;
    return weft_fault_set(migration->fault, WEFT_FAILED_PRECONDITION,
                          "migration %s of %s has not been applied; run `weft migrate up`", next->name, history->owner);
}

/* ---- all --------------------------------------------------------------------------------------------------------- */

static weft_status migration_all(struct migration *migration, const struct weft_migration *files, size_t n,
                                 enum weft_migrate mode)
{
    const struct history own = own_history(migration);
    struct history service;
    weft_status status = service_history(migration, files, n, &service);
    const bool apply = mode == WEFT_MIGRATE_AUTO;
    weft_status (*each)(struct migration *, const struct history *) = apply ? history_apply : history_check;
    if (status == WEFT_OK) status = apply ? owner_claim(migration) : owner_read(migration);
    if (status == WEFT_OK) status = each(migration, &own);
    if (status == WEFT_OK) status = each(migration, &service);
    return status;
}

weft_status weft_migrate_run(struct weft_store *store, const struct weft_migration *migrations, size_t n,
                             enum weft_migrate mode, uint64_t deadline_ns, struct weft_fault *ret_fault)
{
    if (mode == WEFT_MIGRATE_OFF) return WEFT_OK;
    struct migration migration = { .store = store, .deadline_ns = deadline_ns, .fault = ret_fault };
    if (weft_store_acquire(store, WEFT_SESSION_MIGRATE, deadline_ns, &migration.session, ret_fault) != WEFT_OK)
        return ret_fault->status;
    migration.arena = weft_arena_new(4096);
    const weft_status status = migration_all(&migration, migrations, n, mode);
    weft_arena_free(migration.arena);
    weft_store_release(migration.session);
    return status;
}

/* ---- the list ---------------------------------------------------------------------------------------------------- */

struct listing {
    struct migration *migration;
    void (*each)(void *arg, const struct weft_migration_entry *entry);
    void *arg;
};

static bool is_applied(const struct weft_rowset *applied, uint32_t number)
{
    for (uint32_t i = 0; applied != NULL && i < applied->n_rows; i++)
        if (applied->values[(size_t)i * applied->n_columns].as.integer == number) return true;
    return false;
}

static void applied_list(const struct listing *listing, const struct history *history, const struct weft_value *row)
{
    const struct version *version = history_find(history, row[0].as.integer);
    bool same = version != NULL && strcmp(version->checksum, cell_text(&row[2])) == 0;
    struct weft_migration_entry entry = { .owner = history->owner,
                                          .version = row[0].as.integer,
                                          .name = cell_text(&row[1]),
                                          .sql = version != NULL ? version->sql : NULL,
                                          .state = version == NULL ? WEFT_MIGRATION_UNKNOWN
                                                   : same          ? WEFT_MIGRATION_APPLIED
                                                                   : WEFT_MIGRATION_CHANGED };
    listing->each(listing->arg, &entry);
}

/* `applied` NULL: nothing is. */
static void history_list(const struct listing *listing, const struct history *history,
                         const struct weft_rowset *applied)
{
    for (uint32_t i = 0; applied != NULL && i < applied->n_rows; i++)
        applied_list(listing, history, &applied->values[(size_t)i * applied->n_columns]);
    for (size_t i = 0; i < history->n; i++) {
        const struct version *version = &history->versions[i];
        if (is_applied(applied, version->number)) continue;
        struct weft_migration_entry entry = { history->owner, version->number, version->name, version->sql,
                                              WEFT_MIGRATION_PENDING };
        listing->each(listing->arg, &entry);
    }
}

static weft_status history_read(const struct listing *listing, const struct history *history, bool is_new)
{
    const struct weft_value owner = weft_text(history->owner);
    const struct weft_statement statement = { listing->migration->store->dialect->migration_list, &owner, 1,
                                              WEFT_STATEMENT_ONCE | WEFT_STATEMENT_ROWS };
    struct weft_result result;
    weft_status status = WEFT_OK;
    if (!is_new) status = migration_run(listing->migration, &statement, 1, &result, "reading what has been migrated");
    if (status == WEFT_OK) history_list(listing, history, is_new ? NULL : &result.sets[0]);
    return status;
}

/* New: it has no tables of weft's, or nobody owns them. */
static weft_status store_is_new(struct migration *migration, bool *ret_new)
{
    const struct weft_statement statement = { migration->store->dialect->owner_read, NULL, 0,
                                              WEFT_STATEMENT_ONCE | WEFT_STATEMENT_ROWS };
    struct weft_result result;
    const weft_status status = migration_run(migration, &statement, 1, &result, "reading its owner");
    *ret_new = status == WEFT_FAILED_PRECONDITION || (status == WEFT_OK && result.sets[0].n_rows == 0);
    if (*ret_new) return WEFT_OK;
    return status == WEFT_OK ? owner_check(migration, &result.sets[0]) : status;
}

static weft_status listing_all(const struct listing *listing, const struct weft_migration *files, size_t n)
{
    const struct history own = own_history(listing->migration);
    struct history service;
    bool is_new = false;
    weft_status status = service_history(listing->migration, files, n, &service);
    if (status == WEFT_OK) status = store_is_new(listing->migration, &is_new);
    if (status == WEFT_OK) status = history_read(listing, &own, is_new);
    if (status == WEFT_OK) status = history_read(listing, &service, is_new);
    return status;
}

weft_status weft_migrate_list(struct weft_store *store, const struct weft_migration *migrations, size_t n,
                              void (*each)(void *arg, const struct weft_migration_entry *entry), void *arg,
                              uint64_t deadline_ns, struct weft_fault *ret_fault)
{
    struct migration migration = { .store = store, .deadline_ns = deadline_ns, .fault = ret_fault };
    /* Not a session for migrating, which would make the service's schema. */
    if (weft_store_acquire(store, WEFT_SESSION_ADMIN, deadline_ns, &migration.session, ret_fault) != WEFT_OK)
        return ret_fault->status;
    migration.arena = weft_arena_new(4096);
    const struct listing listing = { &migration, each, arg };
    const weft_status status = listing_all(&listing, migrations, n);
    weft_arena_free(migration.arena);
    weft_store_release(migration.session);
    return status;
}
