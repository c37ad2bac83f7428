/* command/settings.c - shared options. */
#include "command/settings.h"

#include "command/command.h"

#include <unistd.h>

static void list_add(struct argp_state *state, const char **list, size_t *n, const char *text)
{
    if (*n == WEFT_SETTINGS_MAX) argp_error(state, "more than %d of one option", WEFT_SETTINGS_MAX);
    list[(*n)++] = text;
}

static error_t settings_parse(int key, char *argument, struct argp_state *state)
{
    struct weft_settings *settings = state->input;
    switch (key) {
    case 'c':
        settings->file = argument;
        return 0;
    case 's':
        list_add(state, settings->assignments, &settings->n_assignments, argument);
        return 0;
    case 'S':
        list_add(state, settings->services, &settings->n_services, argument);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option settings_options[] = {
    { "config", 'c', "FILE", 0, "settings; default: WEFT_CONFIG, else ./weft.yaml if it is there", 1 },
    { "set", 's', "KEY=VALUE", 0, "one setting; wins over environment and file (weft config lists the keys)", 1 },
    { 0 },
};

static const struct argp_option services_options[] = {
    { "service", 'S', "NAME", 0, "a service of the service directory, may be given several times; default: all", 1 },
    { "config", 'c', "FILE", 0, "settings; default: WEFT_CONFIG, else ./weft.yaml if it is there", 1 },
    { "set", 's', "KEY=VALUE", 0, "one setting; wins over environment and file (weft config lists the keys)", 1 },
    { 0 },
};

const struct argp weft_settings_argp = { settings_options, settings_parse, NULL, NULL, NULL, NULL, NULL };
const struct argp weft_settings_services_argp = { services_options, settings_parse, NULL, NULL, NULL, NULL, NULL };

weft_status weft_settings_load(const struct weft_settings *settings, struct weft_config **ret_config,
                               struct weft_fault *ret_fault)
{
    struct weft_config_sources sources = { .file = settings->file,
                                           .assignments = settings->assignments,
                                           .n_assignments = settings->n_assignments,
                                           .environment = environ };
    return weft_config_load(&sources, ret_config, ret_fault);
}
