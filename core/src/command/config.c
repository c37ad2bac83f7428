/* command/config.c - `weft config`: the reference of all settings, with what is in force and where it comes from. */
#include "command/command.h"
#include "command/settings.h"

#include <stdio.h>

static const char name[] = "config";

static const struct argp_child children[] = { { &weft_settings_argp, 0, NULL, 0 }, { 0 } };

static error_t config_parse(int key, char *argument, struct argp_state *state)
{
    (void)argument;
    if (key != ARGP_KEY_INIT) return ARGP_ERR_UNKNOWN;
    state->child_inputs[0] = state->input;
    return 0;
}

static const struct argp config_argp = {
    NULL,
    config_parse,
    NULL,
    "Prints every setting: meaning, default, environment name, value in force [and its origin]. Secrets are masked.",
    children,
    NULL,
    NULL
};

int weft_command_config(int argc, char **argv)
{
    struct weft_settings settings = { 0 };
    struct weft_config *config;
    struct weft_fault fault = { 0 };
    struct weft_buffer text __attribute__((cleanup(weft_buffer_free))) = WEFT_BUFFER_EMPTY;
    argp_err_exit_status = WEFT_EXIT_USAGE;
    argp_parse(&config_argp, argc, argv, 0, NULL, &settings);
    if (weft_settings_load(&settings, &config, &fault) != WEFT_OK) return weft_command_fail(name, &fault);
    weft_config_describe(config, &text);
    fputs(text.data, stdout);
    weft_config_free(config);
    return WEFT_EXIT_OK;
}
