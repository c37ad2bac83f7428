/* command/migrate.c - `weft migrate`: what a host does at its start, as a command of its own, for a job before a
 * roll-out. */
#include "command/command.h"
#include "command/stores.h"

#include "base/arena.h"
#include "base/clock.h"
#include "data/migrate.h"
#include "host/loader.h"
#include "host/service.h"

#include <stdio.h>

static const char name[] = "migrate";

#define MIGRATE_TIME (10 * 60 * WEFT_SECOND)

struct arguments {
    struct weft_settings settings;
    bool check;
};

static const struct argp_child children[] = { { &weft_settings_services_argp, 0, NULL, 0 }, { 0 } };
static const struct argp_option options[] = { { "check", 'k', NULL, 0, "only say whether something is missing", 0 },
                                              { 0 } };

static error_t migrate_parse(int key, char *argument, struct argp_state *state)
{
    struct arguments *arguments = state->input;
    (void)argument;
    if (key == ARGP_KEY_INIT) state->child_inputs[0] = &arguments->settings;
    if (key == 'k') arguments->check = true;
    return key == ARGP_KEY_INIT || key == 'k' ? 0 : ARGP_ERR_UNKNOWN;
}

static const struct argp migrate_argp = {
    options,
    migrate_parse,
    NULL,
    "Brings weft's tables and the services' own to their newest version. Safe to run again, and from several processes "
    "at "
    "once. Exit status: 0 all is in place, 1 something is missing (--check) or failed.",
    children,
    NULL,
    NULL
};

static weft_status store_migrate(void *arg, const struct weft_config *config, struct weft_store *store,
                                 struct weft_fault *fault)
{
    struct arguments *arguments = arg;
    struct weft_arena *arena = weft_arena_new(1024);
    struct weft_service *service = NULL;
    const char *directory = weft_config_text(config, "service_dir");
    if (directory == NULL) directory = weft_loader_default_directory(arena, WEFT_LOADER_SERVICES);
    weft_status status = weft_service_load(directory, store->service, &service, fault);
    struct weft_fault why = { 0 };
    if (status == WEFT_OK) {
        status = weft_migrate_run(store, service->migrations, service->n_migrations,
                                  arguments->check ? WEFT_MIGRATE_CHECK : WEFT_MIGRATE_AUTO,
                                  weft_clock_ns() + MIGRATE_TIME, &why);
        if (status != WEFT_OK) weft_fault_set(fault, status, "%s: %.450s", store->service, why.text);
    }
    if (status == WEFT_OK) printf("%s: in place\n", store->service);
    weft_service_free(service);
    weft_arena_free(arena);
    return status;
}

int weft_command_migrate(int argc, char **argv)
{
    struct arguments arguments = { 0 };
    struct weft_fault fault = { 0 };
    argp_err_exit_status = WEFT_EXIT_USAGE;
    argp_parse(&migrate_argp, argc, argv, 0, NULL, &arguments);
    weft_status status = weft_stores_each(&arguments.settings, store_migrate, &arguments, &fault);
    return status == WEFT_OK ? WEFT_EXIT_OK : weft_command_fail(name, &fault);
}
