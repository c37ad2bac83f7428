/* command/doctor/doctor.c - `weft doctor`: is everything there that a host needs, and what to do if not. */
#include "command/doctor/checks.h"

#include "base/clock.h"

struct arguments {
    uint64_t time_ns;
};

static void (*const checks_in_order[])(struct weft_checks *checks) = {
    weft_check_clock, weft_check_data_dir, weft_check_ports, weft_check_plugins, weft_check_services,
};
/* These need plugins. */
static void (*const backends[])(struct weft_checks *checks) = {
    weft_check_transport,
    weft_check_cache,
    weft_check_stores,
};

static int doctor(struct weft_command_line *line)
{
    const struct arguments *arguments = line->arguments;
    struct weft_report report = { .line = line };
    struct weft_checks checks = { .report = &report, .time_ns = arguments->time_ns, .probes = true };
    if (!weft_checks_begin(&checks, line)) return weft_report_end(&report);
    for (size_t i = 0; i < sizeof checks_in_order / sizeof *checks_in_order; i++)
        checks_in_order[i](&checks);
    for (size_t i = 0; i < sizeof backends / sizeof *backends && checks.loader != NULL; i++)
        backends[i](&checks);
    return weft_checks_end(&checks);
}

static const struct weft_command_option options[] = {
    WEFT_COMMAND_TIME('t', "timeout", time_ns, "5s", 100 * WEFT_MS, 300 * WEFT_SECOND, "of each check"),
};

const struct weft_command weft_command_doctor = {
    .name = "doctor",
    .summary = "try everything a host needs, and say what to do",
    .about = "Tries each URL and each right that a host needs, one line a check: settings, clock, data folder, ports, "
             "plugins, services; the broker (connect, declare, publish, consume), the cache (connect, set, get), each "
             "service's store (connect, make tables and write, taken back again, listen). An exchange 'weft-doctor' "
             "stays, and the service's schema or file. It says what is wrong and what to do about it.",
    .shares = WEFT_SHARES_SETTINGS | WEFT_SHARES_SERVICES | WEFT_SHARES_JSON,
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .arguments_size = sizeof(struct arguments),
    .exits = { [WEFT_EXIT_OK] = "nothing failed; there may be warnings", [WEFT_EXIT_FAILED] = "something failed" },
    .example = "weft doctor --set transport=amqp://guest:guest@localhost/ --timeout 2s\n",
    .run = doctor,
};
