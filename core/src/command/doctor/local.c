/* command/doctor/local.c - plugins, services, the data folder, ports and the clock. */
#include "command/doctor/checks.h"

#include "base/clock.h"
#include "host/service.h"
#include "observe/admin/address.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CLOCK_LEAST_US 1704067200000000ll /* 2024: before it, a clock was never set */

void weft_check_plugins(struct weft_checks *checks)
{
    const char *directory = weft_loader_plugin_directory(checks->config, checks->report->line->arena);
    struct weft_fault fault = { 0 };
    size_t n, refused = 0;
    if (weft_loader_new(directory, &checks->loader, &fault) != WEFT_OK) {
        weft_report_add(checks->report, WEFT_FINDING_FAILED, "plugins", "set plugin_dir (WEFT_PLUGIN_DIR)", "%s",
                        fault.text);
        return;
    }
    const struct weft_plugin_file *files = weft_loader_files(checks->loader, &n);
    for (size_t i = 0; i < n; i++) {
        if (files[i].refusal == NULL) continue;
        refused++;
        weft_report_add(checks->report, WEFT_FINDING_WARNING, "plugins", "mend it or take it away", "%s",
                        files[i].refusal);
    }
    weft_report_add(checks->report, n > refused ? WEFT_FINDING_OK : WEFT_FINDING_FAILED, "plugins", NULL,
                    "%zu in %s, nobody else may write there", n - refused, directory);
}

static void service_check(struct weft_checks *checks, const char *directory, const char *name)
{
    struct weft_service *service = NULL;
    struct weft_fault fault = { 0 };
    if (weft_service_load(directory, name, &service, &fault) != WEFT_OK) {
        weft_report_add(checks->report, WEFT_FINDING_FAILED, "service", NULL, "%s", fault.text);
        return;
    }
    size_t groups = 0;
    for (const struct weft_group *group = service->groups; group != NULL; group = group->next)
        groups++;
    weft_report_add(checks->report, WEFT_FINDING_OK, "service", NULL,
                    "%s %s: %zu methods, %zu groups, emits %zu types, %zu migrations", service->name, service->version,
                    service->n_methods, groups, service->n_emits, service->n_migrations);
    weft_service_free(service);
}

void weft_check_services(struct weft_checks *checks)
{
    const char *directory = weft_loader_service_directory(checks->config, checks->report->line->arena);
    struct weft_fault fault = { 0 };
    if (checks->services == NULL &&
        weft_service_names(directory, checks->report->line->arena, &checks->services, &fault) != WEFT_OK) {
        weft_report_add(checks->report, WEFT_FINDING_FAILED, "services", "set service_dir (WEFT_SERVICE_DIR)", "%s",
                        fault.text);
        return;
    }
    if (checks->services[0] == NULL)
        weft_report_add(checks->report, WEFT_FINDING_WARNING, "services", NULL, "there are none in %s", directory);
    for (const char *const *name = checks->services; *name != NULL; name++)
        service_check(checks, directory, *name);
}

/* The folder, or where it would be made. */
void weft_check_data_dir(struct weft_checks *checks)
{
    const char *directory = weft_config_text(checks->config, "data_dir");
    const char *what = "data_dir", *origin = weft_config_origin(checks->config, "data_dir");
    struct stat info;
    if (stat(directory, &info) == 0 && !S_ISDIR(info.st_mode)) {
        weft_report_add(checks->report, WEFT_FINDING_FAILED, what, "name a folder", "%s (%s) is no folder", directory,
                        origin);
        return;
    }
    bool there = access(directory, F_OK) == 0;
    const char *path = there ? directory : weft_arena_format(checks->report->line->arena, "%s/..", directory);
    const char *slash = strrchr(directory, '/');
    if (!there)
        path = slash == NULL ? "."
               : slash == directory
                   ? "/"
                   : weft_arena_format(checks->report->line->arena, "%.*s", (int)(slash - directory), directory);
    if (access(path, W_OK | X_OK) == 0)
        weft_report_add(checks->report, WEFT_FINDING_OK, what, NULL, "%s is writable%s", directory,
                        there ? "" : ": not there yet, and can be made");
    else
        weft_report_add(checks->report, WEFT_FINDING_FAILED, what,
                        "embedded stores and the admin token are kept there: give this user the right, or set data_dir",
                        "%s: %s", path, strerror(errno));
}

static void port_check(struct weft_checks *checks, const char *key)
{
    const char *address = weft_config_text(checks->config, key);
    struct weft_fault fault = { 0 };
    int fd = -1;
    if (strcmp(address, "off") == 0) return;
    weft_status status = weft_admin_listen(address, &fd, &fault);
    if (fd >= 0) close(fd);
    if (status == WEFT_OK)
        weft_report_add(checks->report, WEFT_FINDING_OK, key, NULL, "%s is free", address);
    else if (status == WEFT_UNAVAILABLE)
        weft_report_add(checks->report, WEFT_FINDING_WARNING, key,
                        "fine if it is a host that runs already, else choose another",
                        "%s is in use, or not an address of this machine", address);
    else
        weft_report_add(checks->report, WEFT_FINDING_FAILED, key, "want host:port", "'%s' (%s) is no address", address,
                        weft_config_origin(checks->config, key));
}

void weft_check_ports(struct weft_checks *checks)
{
    port_check(checks, "grpc.listen");
    port_check(checks, "admin.listen");
}

void weft_check_clock(struct weft_checks *checks)
{
    char now[28];
    int64_t us = weft_clock_wall_us();
    weft_clock_format(us, now);
    if (us >= CLOCK_LEAST_US)
        weft_report_add(checks->report, WEFT_FINDING_OK, "clock", NULL, "%s", now);
    else
        weft_report_add(checks->report, WEFT_FINDING_FAILED, "clock",
                        "set it: ids, expiries and certificates are told by it", "it says %s", now);
}
