/* command/store/migrate.c - `weft migrate`: what a host does at its start, as commands of their own, for a job before a
 * roll-out. */
#include "command/command.h"
#include "command/output/listing.h"
#include "command/store/stores.h"

#include "base/clock.h"
#include "data/migrate.h"
#include "host/plugin/loader.h"
#include "host/service.h"

#include <stdio.h>

#define MIGRATE_TIME (10 * 60 * WEFT_SECOND)
#define LIST_TIME    (10 * WEFT_SECOND)

struct arguments {
    bool all;
};

struct migration {
    const struct weft_command_line *line;
    weft_status (*run)(struct migration *migration, struct weft_store *store, const struct weft_service *service,
                       struct weft_fault *fault);
    struct weft_listing *listing;
    const char *service; /* of the store at hand */
    size_t missing;
};

static weft_status store_visit(void *arg, const struct weft_config *config, struct weft_store *store,
                               struct weft_fault *fault)
{
    struct migration *migration = arg;
    struct weft_service *service = NULL;
    struct weft_fault why = { 0 };
    const char *directory = weft_loader_service_directory(config, migration->line->arena);
    weft_status status = weft_service_load(directory, store->service, &service, fault);
    if (status != WEFT_OK) return status;
    migration->service = store->service;
    status = migration->run(migration, store, service, &why);
    if (status != WEFT_OK) weft_fault_set(fault, status, "%s: %.450s", store->service, why.text);
    weft_service_free(service);
    return status;
}

/* ---- up ---------------------------------------------------------------------------------------------------------- */

static weft_status store_up(struct migration *migration, struct weft_store *store, const struct weft_service *service,
                            struct weft_fault *fault)
{
    (void)migration;
    weft_status status = weft_migrate_run(store, service->migrations, service->n_migrations, WEFT_MIGRATE_AUTO,
                                          weft_clock_ns() + MIGRATE_TIME, fault);
    if (status == WEFT_OK) printf("%s: in place\n", store->service);
    return status;
}

static int migrate_up(struct weft_command_line *line)
{
    struct migration migration = { .line = line, .run = store_up };
    struct weft_fault fault = { 0 };
    weft_status status = weft_stores_each(line, store_visit, &migration, &fault);
    return status == WEFT_OK ? WEFT_EXIT_OK : weft_command_fail(line, &fault);
}

const struct weft_command weft_command_migrate_up = {
    .name = "migrate up",
    .summary = "bring the stores' tables to their newest version",
    .about = "Brings weft's tables and the services' own to their newest version. Safe to run again, and from several "
             "processes at once.",
    .shares = WEFT_SHARES_SETTINGS | WEFT_SHARES_SERVICES,
    .exits = { [WEFT_EXIT_OK] = "all is in place",
               [WEFT_EXIT_FAILED] = "a migration failed, or the store is not this service's",
               [WEFT_EXIT_UNREACHABLE] = "a store did not answer",
               [WEFT_EXIT_DENIED] = "a store refuses us" },
    .example = "weft migrate up --service order-service\n",
    .run = migrate_up,
};

/* ---- status ------------------------------------------------------------------------------------------------------ */

static const struct weft_column columns[] = {
    { "SERVICE", "service" }, { "OF", "owner" }, { "VERSION", "version" }, { "NAME", "name" }, { "STATE", "state" }
};

static void entry_list(void *arg, const struct weft_migration_entry *entry)
{
    static const char *const states[] = { "applied", "pending", "changed", "unknown" };
    struct migration *migration = arg;
    migration->missing += entry->state == WEFT_MIGRATION_PENDING || entry->state == WEFT_MIGRATION_CHANGED;
    const struct weft_value values[] = { weft_text(migration->service), weft_text(entry->owner),
                                         weft_int(entry->version), weft_text(entry->name),
                                         weft_text(states[entry->state]) };
    weft_listing_row(migration->listing, values);
}

static weft_status store_status(struct migration *migration, struct weft_store *store,
                                const struct weft_service *service, struct weft_fault *fault)
{
    return weft_migrate_list(store, service->migrations, service->n_migrations, entry_list, migration,
                             weft_clock_ns() + LIST_TIME, fault);
}

static int migrate_status(struct weft_command_line *line)
{
    struct migration migration = { .line = line, .run = store_status };
    struct weft_fault fault = { 0 };
    migration.listing = weft_listing_new(line, columns, sizeof columns / sizeof *columns);
    weft_status status = weft_stores_each(line, store_visit, &migration, &fault);
    weft_listing_end(migration.listing, "no migrations");
    if (status != WEFT_OK) return weft_command_fail(line, &fault);
    return migration.missing == 0 ? WEFT_EXIT_OK : WEFT_EXIT_FAILED;
}

const struct weft_command weft_command_migrate_status = {
    .name = "migrate status",
    .summary = "which migrations are applied and which are missing",
    .about = "Lists the migrations of weft's own tables and of the services': applied, pending, changed (applied with "
             "other content), unknown (a newer build's). Changes nothing.",
    .shares = WEFT_SHARES_SETTINGS | WEFT_SHARES_SERVICES | WEFT_SHARES_JSON,
    .exits = { [WEFT_EXIT_OK] = "all is in place",
               [WEFT_EXIT_FAILED] = "something is pending or changed, or the store is not this service's",
               [WEFT_EXIT_UNREACHABLE] = "a store did not answer",
               [WEFT_EXIT_DENIED] = "a store refuses us" },
    .example = "weft migrate status --service order-service\n",
    .run = migrate_status,
};

/* ---- print ------------------------------------------------------------------------------------------------------- */

static void entry_print(void *arg, const struct weft_migration_entry *entry)
{
    struct migration *migration = arg;
    const struct arguments *arguments = migration->line->arguments;
    if (entry->sql == NULL || (entry->state != WEFT_MIGRATION_PENDING && !arguments->all)) return;
    printf("-- %s: %s\n%s\n\n", migration->service, entry->name, entry->sql);
}

static weft_status store_print(struct migration *migration, struct weft_store *store,
                               const struct weft_service *service, struct weft_fault *fault)
{
    return weft_migrate_list(store, service->migrations, service->n_migrations, entry_print, migration,
                             weft_clock_ns() + LIST_TIME, fault);
}

static int migrate_print(struct weft_command_line *line)
{
    struct migration migration = { .line = line, .run = store_print };
    struct weft_fault fault = { 0 };
    weft_status status = weft_stores_each(line, store_visit, &migration, &fault);
    return status == WEFT_OK ? WEFT_EXIT_OK : weft_command_fail(line, &fault);
}

static const struct weft_command_option print_options[] = {
    WEFT_COMMAND_FLAG(0, "all", all, "those applied as well"),
};

const struct weft_command weft_command_migrate_print = {
    .name = "migrate print",
    .summary = "the SQL of migrations that are missing",
    .about = "Prints what `weft migrate up` would run, for who has to read it first. Changes nothing.",
    .shares = WEFT_SHARES_SETTINGS | WEFT_SHARES_SERVICES,
    .options = print_options,
    .n_options = sizeof print_options / sizeof *print_options,
    .arguments_size = sizeof(struct arguments),
    .exits = { [WEFT_EXIT_FAILED] = "the store is not this service's",
               [WEFT_EXIT_UNREACHABLE] = "a store did not answer",
               [WEFT_EXIT_DENIED] = "a store refuses us" },
    .example = "weft migrate print --service order-service\n",
    .run = migrate_print,
};
