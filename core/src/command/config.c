/* command/config.c - `weft config`: the reference of all settings, with what is in force and where it comes from. */
#include "command/command.h"

#include <stdio.h>

static int config_print(struct weft_command_line *line)
{
    struct weft_config *config;
    struct weft_fault fault = { 0 };
    struct weft_buffer text __attribute__((cleanup(weft_buffer_free))) = WEFT_BUFFER_EMPTY;
    if (weft_command_settings(line, &config, &fault) != WEFT_OK) return weft_command_fail(line, &fault);
    weft_config_describe(config, &text);
    fputs(text.data, stdout);
    weft_config_free(config);
    return WEFT_EXIT_OK;
}

const struct weft_command weft_command_config = {
    .name = "config",
    .summary = "all settings: what they mean, where they come from",
    .about = "Prints every setting: meaning, default, environment name, value in force [and its origin]. Secrets are "
             "masked.",
    .shares = WEFT_SHARES_SETTINGS,
    .exits = { [WEFT_EXIT_NOT_FOUND] = "the file named by --config is not there" },
    .example = "weft config --set grpc.workers=4\n",
    .run = config_print,
};
