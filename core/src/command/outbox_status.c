/* command/outbox_status.c - `weft outbox status`: how many events wait, how many are held because nobody listens, and
 * how old the oldest is. */
#include "command/command.h"
#include "command/stores.h"

#include "base/clock.h"

#include <stdio.h>

static const char name[] = "outbox status";

struct arguments {
    struct weft_settings settings;
    bool json;
    const char *service; /* of the store at hand */
    size_t shown;
};

static const struct argp_child children[] = { { &weft_settings_services_argp, 0, NULL, 0 }, { 0 } };
static const struct argp_option options[] = { { "json", 'j', NULL, 0, "one JSON object a line", 0 }, { 0 } };

static error_t status_parse(int key, char *argument, struct argp_state *state)
{
    struct arguments *arguments = state->input;
    (void)argument;
    if (key == ARGP_KEY_INIT) state->child_inputs[0] = &arguments->settings;
    if (key == 'j') arguments->json = true;
    return key == ARGP_KEY_INIT || key == 'j' ? 0 : ARGP_ERR_UNKNOWN;
}

static const struct argp status_argp = { options,
                                         status_parse,
                                         NULL,
                                         "Shows the outbox of each service's store: rows that wait, rows held since "
                                         "nobody listens to them or an earlier row of "
                                         "their key is held, and the oldest row's time.",
                                         children,
                                         NULL,
                                         NULL };

static void row_show(void *arg, const struct weft_value *row)
{
    struct arguments *arguments = arg;
    long long pending = (long long)row[0].as.integer, held = (long long)row[1].as.integer;
    char oldest[28] = "";
    if (row[2].type == WEFT_TYPE_TIME) weft_clock_format(row[2].as.integer, oldest);
    if (arguments->json) {
        printf("{\"service\":\"%s\",\"pending\":%lld,\"held\":%lld,\"oldest\":%s%s%s}\n", arguments->service, pending,
               held, oldest[0] != '\0' ? "\"" : "", oldest[0] != '\0' ? oldest : "null", oldest[0] != '\0' ? "\"" : "");
        return;
    }
    if (arguments->shown++ == 0) printf("%-24s %8s %8s  %s\n", "SERVICE", "PENDING", "HELD", "OLDEST");
    printf("%-24s %8lld %8lld  %s\n", arguments->service, pending, held, oldest[0] != '\0' ? oldest : "-");
}

static weft_status store_show(void *arg, const struct weft_config *config, struct weft_store *store,
                              struct weft_fault *fault)
{
    struct arguments *arguments = arg;
    (void)config;
    arguments->service = store->service;
    return weft_stores_rows(store, store->dialect->outbox_stats, NULL, 0, row_show, arguments, fault);
}

int weft_command_outbox_status(int argc, char **argv)
{
    struct arguments arguments = { 0 };
    struct weft_fault fault = { 0 };
    argp_err_exit_status = WEFT_EXIT_USAGE;
    argp_parse(&status_argp, argc, argv, 0, NULL, &arguments);
    weft_status status = weft_stores_each(&arguments.settings, store_show, &arguments, &fault);
    return status == WEFT_OK ? WEFT_EXIT_OK : weft_command_fail(name, &fault);
}
