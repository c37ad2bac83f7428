/* vault.c - opening, migrating, running, comparing. */
#include "vault.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- the instance ------------------------------------------------------------------------------------------------ */

static void vault_name(struct vault *vault, const struct vault_setup *setup)
{
    if (setup->like != NULL) {
        memcpy(vault->service, setup->like->service, sizeof vault->service);
        memcpy(vault->folder, setup->like->folder, sizeof vault->folder);
        return;
    }
    const char *base = getenv("TMPDIR");
    snprintf(vault->service, sizeof vault->service, "%s-%s", vault->kit->prefix, setup->name ? setup->name : "a");
    snprintf(vault->folder, sizeof vault->folder, "%s/%s", base != NULL ? base : "/tmp", vault->service);
}

struct vault *vault_open(const struct kit *kit, const struct vault_setup *setup)
{
    static const struct vault_setup plain;
    struct vault *vault = calloc(1, sizeof *vault);
    if (setup == NULL) setup = &plain;
    vault->kit = kit;
    vault->ops = kit->plugin->store;
    vault->dialect = vault->ops->dialect;
    kit_host_init(&vault->host);
    vault_name(vault, setup);
    kit_setup_url(kit, &setup->open, &vault->url);
    vault->options = kit_setup_options(kit, &setup->open);
    const struct weft_open open = {
        .size = sizeof open,
        .host = &vault->host.table,
        .url = &vault->url.parts,
        .options = vault->options,
        .service = vault->service,
        .instance = "kit",
        .data_dir = vault->folder,
    };
    struct weft_error error = { 0 };
    int32_t rc = kit->plugin->open(&open, &vault->self, &error);
    KIT_CHECK(rc == WEFT_RC_OK, "open returned %d: %s", rc, error.text);
    return vault;
}

struct vault *vault_new(const struct kit *kit)
{
    struct vault *vault = vault_open(kit, NULL);
    vault_migrate(vault);
    return vault;
}

void vault_close(struct vault *vault)
{
    vault->kit->plugin->close(vault->self, kit_deadline(2));
    kit_host_destroy(&vault->host);
    free(vault->options);
    free(vault);
}

static void folder_remove(const char *folder)
{
    DIR *directory = opendir(folder);
    if (directory == NULL) return;
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;)
        unlinkat(dirfd(directory), entry->d_name, 0);
    closedir(directory);
    rmdir(folder);
}

void vault_end(struct vault *vault)
{
    if (vault_is(vault, "pg")) {
        char sql[256];
        struct desk desk = desk_open(vault, WEFT_SESSION_ADMIN);
        const struct weft_rowset *set = ROWS(&desk, "SELECT current_schema()::text AS name");
        snprintf(sql, sizeof sql, "DROP SCHEMA \"%s\" CASCADE", cell_text(set, 0, "name"));
        DO(&desk, sql);
        desk_close(&desk);
    }
    folder_remove(vault->folder);
    vault_close(vault);
}

void vault_skip(struct vault *vault, const char *reason)
{
    vault_end(vault);
    kit_skip("%s", reason);
}

bool vault_is(const struct vault *vault, const char *dialect)
{
    return strcmp(vault->dialect->name, dialect) == 0;
}

const char *vault_long_sql(const struct vault *vault)
{
    if (vault_is(vault, "pg")) return "SELECT pg_sleep(60)";
    return "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t) SELECT count(*) FROM t";
}

struct kit_proxy *vault_proxy(const struct kit *kit)
{
    return kit_setup_proxy(kit, 5432);
}

/* ---- weft's tables ----------------------------------------------------------------------------------------------- */

static void migration_apply(struct desk *desk, uint32_t version)
{
    const struct weft_dialect *dialect = desk->vault->dialect;
    const struct weft_value done[] = { weft_text("weft"), weft_int(version), weft_text("kit"), weft_text("sum") };
    const struct weft_statement statements[] = {
        { dialect->schema[version - 1], NULL, 0, WEFT_STATEMENT_SCRIPT },
        { dialect->migration_done, done, 4, 0 },
    };
    int32_t rc = desk_run(desk, statements, 2, DESK_SECONDS);
    KIT_CHECK(rc == WEFT_RC_OK, "version %u: %d %s", version, rc, desk->result.text);
}

void vault_migrate(struct vault *vault)
{
    const struct weft_dialect *dialect = vault->dialect;
    const struct weft_value service = weft_text(vault->service), own = weft_text("weft");
    struct desk desk = desk_open(vault, WEFT_SESSION_MIGRATE);
    const struct weft_statement statements[] = {
        { dialect->migrate_lock, NULL, 0, WEFT_STATEMENT_BEGIN },
        { dialect->bootstrap, NULL, 0, WEFT_STATEMENT_SCRIPT },
        { dialect->owner_claim, &service, 1, 0 },
        { dialect->migration_list, &own, 1, WEFT_STATEMENT_ROWS },
    };
    int32_t rc = desk_run(&desk, statements, 4, 10);
    KIT_CHECK(rc == WEFT_RC_OK, "bootstrap: %d at %u: %s", rc, desk.result.failed, desk.result.text);
    uint32_t version = desk.result.sets[3].n_rows;
    while (dialect->schema[version] != NULL)
        migration_apply(&desk, ++version);
    desk_commit(&desk);
    desk_close(&desk);
}

/* ---- sessions ---------------------------------------------------------------------------------------------------- */

struct desk desk_open(struct vault *vault, uint32_t purpose)
{
    struct desk desk = { .vault = vault };
    struct weft_error error = { 0 };
    int32_t rc = vault->ops->session_open(vault->self, purpose, kit_deadline(DESK_SECONDS), &desk.session, &error);
    KIT_CHECK(rc == WEFT_RC_OK, "session_open returned %d: %s", rc, error.text);
    return desk;
}

void desk_close(struct desk *desk)
{
    desk->vault->ops->session_close(desk->session);
    desk->session = NULL;
}

int32_t desk_run(struct desk *desk, const struct weft_statement *statements, size_t n, double seconds)
{
    memset(&desk->result, 0xa5, sizeof desk->result); /* all of it is the plugin's to fill */
    return desk->vault->ops->run(desk->session, statements, n, &desk->result, kit_deadline(seconds));
}

int32_t desk_one(struct desk *desk, uint32_t flags, const char *sql, const struct weft_value *params, size_t n)
{
    const struct weft_statement statement = { sql, params, (uint32_t)n, flags };
    return desk_run(desk, &statement, 1, DESK_SECONDS);
}

const struct weft_rowset *desk_need(struct desk *desk, uint32_t flags, const char *sql, const struct weft_value *params,
                                    size_t n, const char *file, int line)
{
    int32_t rc = desk_one(desk, flags, sql, params, n);
    if (rc != WEFT_RC_OK)
        kit_fail(file, line, "run returned %d (reason %u): %s", rc, desk->result.reason, desk->result.text);
    if (desk->result.n_sets != 1) kit_fail(file, line, "one statement gave %u sets", desk->result.n_sets);
    return &desk->result.sets[0];
}

int64_t desk_number(struct desk *desk, const char *sql)
{
    const struct weft_rowset *set = ROWS(desk, sql);
    KIT_CHECK(set->n_rows == 1 && set->n_columns >= 1, "%u rows of %u columns", set->n_rows, set->n_columns);
    KIT_CHECK(set->values[0].type == WEFT_TYPE_INT, "a value of type %u, want an integer", set->values[0].type);
    return set->values[0].as.integer;
}

void desk_begin(struct desk *desk)
{
    KIT_CHECK(TRY(desk, WEFT_STATEMENT_BEGIN, NULL) == WEFT_RC_OK, "BEGIN: %s", desk->result.text);
}

void desk_commit(struct desk *desk)
{
    int32_t rc = TRY(desk, WEFT_STATEMENT_COMMIT, NULL);
    KIT_CHECK(rc == WEFT_RC_OK, "COMMIT returned %d: %s", rc, desk->result.text);
}

void desk_rollback(struct desk *desk)
{
    int32_t rc = TRY(desk, WEFT_STATEMENT_ROLLBACK, NULL);
    KIT_CHECK(rc == WEFT_RC_OK, "ROLLBACK returned %d: %s", rc, desk->result.text);
}

/* ---- values ------------------------------------------------------------------------------------------------------ */

const struct weft_value *cell(const struct weft_rowset *set, uint32_t row, const char *column)
{
    KIT_CHECK(row < set->n_rows, "there are %u rows, want row %u of %s", set->n_rows, row, column);
    for (uint32_t i = 0; i < set->n_columns; i++)
        if (strcmp(set->columns[i], column) == 0) return &set->values[row * set->n_columns + i];
    kit_fail(__FILE__, __LINE__, "there is no column %s", column);
}

int64_t cell_int(const struct weft_rowset *set, uint32_t row, const char *column)
{
    const struct weft_value *value = cell(set, row, column);
    KIT_CHECK(value->type == WEFT_TYPE_INT, "%s is of type %u, want an integer", column, value->type);
    return value->as.integer;
}

const char *cell_text(const struct weft_rowset *set, uint32_t row, const char *column)
{
    const struct weft_value *value = cell(set, row, column);
    KIT_CHECK(value->type == WEFT_TYPE_TEXT, "%s is of type %u, want text", column, value->type);
    KIT_CHECK(strlen(value->as.text) == value->size, "%s says %llu bytes and has %zu", column,
              (unsigned long long)value->size, strlen(value->as.text));
    return value->as.text;
}

const char *uuid_of(unsigned n, char ret_uuid[37])
{
    snprintf(ret_uuid, 37, "01890000-0000-7000-8000-%012x", n);
    return ret_uuid;
}

/* ---- threads ----------------------------------------------------------------------------------------------------- */

struct worker {
    pthread_t thread;
    void (*body)(void *arg, unsigned number);
    void *arg;
    unsigned number;
};

static void *worker_run(void *arg)
{
    struct worker *worker = arg;
    worker->body(worker->arg, worker->number);
    return NULL;
}

void threads_run(unsigned count, void (*body)(void *arg, unsigned number), void *arg)
{
    struct worker *workers = calloc(count, sizeof *workers);
    for (unsigned i = 0; i < count; i++) {
        workers[i] = (struct worker){ .body = body, .arg = arg, .number = i };
        KIT_CHECK(pthread_create(&workers[i].thread, NULL, worker_run, &workers[i]) == 0, "no thread could be started");
    }
    for (unsigned i = 0; i < count; i++)
        pthread_join(workers[i].thread, NULL);
    free(workers);
}
