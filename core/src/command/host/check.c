/* command/host/check.c - settings, plugins, services, how they fit together, backends, migrations. */
#include "command/host/check.h"

#include "command/doctor/checks.h"
#include "command/store/stores.h"

#include "base/clock.h"
#include "data/migrate.h"
#include "host/process.h"
#include "host/service.h"

#include <stdio.h>
#include <string.h>

#define CHECK_TIME (5 * WEFT_SECOND)

/* ---- the host as a whole ----------------------------------------------------------------------------------------- */

/* Put together as `weft run` does it, without servers: names of services, groups, topics and plugins in the settings,
 * options of plugins, contracts that contradict each other. */
static void host_check(struct weft_checks *checks)
{
    struct weft_process *process = NULL;
    struct weft_fault fault = { 0 };
    struct weft_process_options options = { .config = checks->config, .service_names = checks->services };
    if (weft_process_new(&options, &process, &fault) != WEFT_OK) {
        weft_report_add(checks->report, WEFT_FINDING_FAILED, "host", NULL, "%s", fault.text);
        return;
    }
    weft_process_stop(process);
    weft_report_add(checks->report, WEFT_FINDING_OK, "host", NULL,
                    "settings, services, contracts and plugins' options fit together");
}

/* ---- migrations -------------------------------------------------------------------------------------------------- */

struct count {
    const struct weft_command_line *line;
    size_t n, pending, changed;
};

static void entry_count(void *arg, const struct weft_migration_entry *entry)
{
    struct count *count = arg;
    count->n++;
    count->pending += entry->state == WEFT_MIGRATION_PENDING;
    count->changed += entry->state == WEFT_MIGRATION_CHANGED;
}

static weft_status store_count(void *arg, const struct weft_config *config, struct weft_store *store,
                               struct weft_fault *fault)
{
    struct count *count = arg;
    struct weft_service *service = NULL;
    const char *directory = weft_loader_service_directory(config, count->line->arena);
    weft_status status = weft_service_load(directory, store->service, &service, fault);
    if (status == WEFT_OK)
        status = weft_migrate_list(store, service->migrations, service->n_migrations, entry_count, count,
                                   weft_clock_ns() + CHECK_TIME, fault);
    weft_service_free(service);
    return status;
}

static void migrations_report(struct weft_checks *checks, const char *what, const struct count *count)
{
    enum weft_migrate mode = (enum weft_migrate)weft_config_int(checks->config, "migrate");
    if (count->changed > 0)
        weft_report_add(checks->report, WEFT_FINDING_FAILED, what, "weft migrate status names them",
                        "%zu of %zu were applied with other content", count->changed, count->n);
    else if (count->pending == 0)
        weft_report_add(checks->report, WEFT_FINDING_OK, what, NULL, "all %zu are applied", count->n);
    else if (mode == WEFT_MIGRATE_AUTO)
        weft_report_add(checks->report, WEFT_FINDING_OK, what, NULL, "%zu of %zu are pending: the start applies them",
                        count->pending, count->n);
    else
        weft_report_add(checks->report, mode == WEFT_MIGRATE_CHECK ? WEFT_FINDING_FAILED : WEFT_FINDING_WARNING, what,
                        "run weft migrate up", "%zu of %zu are pending, and the start does not apply them",
                        count->pending, count->n);
}

static void migrations_check(struct weft_checks *checks)
{
    struct weft_command_line one = *checks->report->line;
    for (const char *const *name = checks->services; name != NULL && *name != NULL; name++) {
        char what[64];
        struct count count = { .line = checks->report->line };
        struct weft_fault fault = { 0 };
        snprintf(what, sizeof what, "migrations of %s", *name);
        one.services = (struct weft_words){ { *name }, 1 };
        if (weft_stores_each(&one, store_count, &count, &fault) == WEFT_OK)
            migrations_report(checks, what, &count);
        else
            weft_report_add(checks->report, WEFT_FINDING_FAILED, what, NULL, "%s", fault.text);
    }
}

/* ---- all --------------------------------------------------------------------------------------------------------- */

static void (*const checks_in_order[])(struct weft_checks *checks) = {
    weft_check_ports, host_check, weft_check_transport, weft_check_cache, weft_check_stores, migrations_check,
};

int weft_run_check(struct weft_command_line *line)
{
    struct weft_report report = { .line = line };
    struct weft_checks checks = { .report = &report, .time_ns = CHECK_TIME };
    if (!weft_checks_begin(&checks, line)) return weft_report_end(&report);
    weft_check_plugins(&checks);
    weft_check_services(&checks);
    for (size_t i = 0; i < sizeof checks_in_order / sizeof *checks_in_order && checks.loader != NULL; i++)
        checks_in_order[i](&checks);
    return weft_checks_end(&checks);
}
