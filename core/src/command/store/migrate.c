/* command/store/migrate.c - `weft migrate`: what a host does at its start, as commands of their own, for a job before a
 * roll-out. */
#include "command/command.h"
#include "command/store/stores.h"

#include "base/clock.h"
#include "data/migrate.h"
#include "host/loader.h"
#include "host/service.h"

#include <stdio.h>

#define MIGRATE_TIME (10 * 60 * WEFT_SECOND)

struct migration {
    const struct weft_command_line *line;
    enum weft_migrate mode;
};

static weft_status store_migrate(void *arg, const struct weft_config *config, struct weft_store *store,
                                 struct weft_fault *fault)
{
    struct migration *migration = arg;
    struct weft_service *service = NULL;
    const char *directory = weft_config_text(config, "service_dir");
    if (directory == NULL) directory = weft_loader_default_directory(migration->line->arena, WEFT_LOADER_SERVICES);
    weft_status status = weft_service_load(directory, store->service, &service, fault);
    struct weft_fault why = { 0 };
    if (status == WEFT_OK) {
        status = weft_migrate_run(store, service->migrations, service->n_migrations, migration->mode,
                                  weft_clock_ns() + MIGRATE_TIME, &why);
        if (status != WEFT_OK) weft_fault_set(fault, status, "%s: %.450s", store->service, why.text);
    }
    if (status == WEFT_OK) printf("%s: in place\n", store->service);
    weft_service_free(service);
    return status;
}

static int stores_migrate(const struct weft_command_line *line, enum weft_migrate mode)
{
    struct migration migration = { line, mode };
    struct weft_fault fault = { 0 };
    weft_status status = weft_stores_each(line, store_migrate, &migration, &fault);
    return status == WEFT_OK ? WEFT_EXIT_OK : weft_command_fail(line, &fault);
}

static int migrate_up(struct weft_command_line *line)
{
    return stores_migrate(line, WEFT_MIGRATE_AUTO);
}
static int migrate_status(struct weft_command_line *line)
{
    return stores_migrate(line, WEFT_MIGRATE_CHECK);
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

const struct weft_command weft_command_migrate_status = {
    .name = "migrate status",
    .summary = "which migrations are applied and which are missing",
    .about = "Says whether the stores' tables are at the version of this build. Changes nothing.",
    .shares = WEFT_SHARES_SETTINGS | WEFT_SHARES_SERVICES,
    .exits = { [WEFT_EXIT_OK] = "all is in place",
               [WEFT_EXIT_FAILED] = "something is missing",
               [WEFT_EXIT_UNREACHABLE] = "a store did not answer",
               [WEFT_EXIT_DENIED] = "a store refuses us" },
    .example = "weft migrate status\n",
    .run = migrate_status,
};
