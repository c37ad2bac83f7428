/* command/frame/options.c - the options that commands share. */
#include "command/frame/options.h"

#include <assert.h>

#define SHARED(letter, name, placeholder, type, field, repeats, help)                                                  \
    {                                                                                                                  \
        { name, help, NULL, NULL, type, 0, offsetof(struct weft_command_line, field), 0, 0 }, letter, placeholder,     \
            repeats                                                                                                    \
    }

static const struct weft_command_option settings_options[] = {
    SHARED('c', "config", "FILE", WEFT_OPTION_TEXT, config_file, false,
           "settings; default: WEFT_CONFIG, else ./weft.yaml if it is there"),
    SHARED('s', "set", "KEY=VALUE", WEFT_OPTION_TEXT, assignments, true,
           "one setting; wins over environment and file (weft config lists the keys)"),
};
static const struct weft_command_option services_options[] = {
    SHARED('S', "service", "NAME", WEFT_OPTION_TEXT, services, true,
           "a service of the service directory; default: all of them"),
};
static const struct weft_command_option json_options[] = {
    SHARED('j', "json", NULL, WEFT_OPTION_BOOL, json, false, "one JSON object a line"),
};
static const struct weft_command_option admin_options[] = {
    SHARED('a', "admin", "HOST:PORT", WEFT_OPTION_TEXT, admins, true,
           "admin address of a running host; default: the setting admin.listen"),
};
static const struct weft_command_option all_options[] = {
    SHARED(0, "no-color", NULL, WEFT_OPTION_BOOL, no_color, false,
           "plain text on a terminal too; so does NO_COLOR, and there is none elsewhere"),
    SHARED('h', "help", NULL, WEFT_OPTION_BOOL, help, false, "this text"),
};

static const struct group {
    unsigned share; /* 0: every command has it */
    const struct weft_command_option *options;
    size_t n;
} groups[] = {
    { WEFT_SHARES_SERVICES, services_options, sizeof services_options / sizeof *services_options },
    { WEFT_SHARES_ADMIN, admin_options, sizeof admin_options / sizeof *admin_options },
    { WEFT_SHARES_JSON, json_options, sizeof json_options / sizeof *json_options },
    { WEFT_SHARES_SETTINGS, settings_options, sizeof settings_options / sizeof *settings_options },
    { 0, all_options, sizeof all_options / sizeof *all_options },
};

static size_t choices_add(struct weft_command_choice *choices, size_t used, const struct weft_command_option *options,
                          size_t n, bool own)
{
    assert(used + n <= WEFT_COMMAND_OPTIONS_MAX);
    for (size_t i = 0; i < n; i++)
        choices[used++] = (struct weft_command_choice){ &options[i], own };
    return used;
}

size_t weft_command_choices(const struct weft_command *command, struct weft_command_choice *ret_choices)
{
    size_t used = choices_add(ret_choices, 0, command->options, command->n_options, true);
    for (size_t i = 0; i < sizeof groups / sizeof *groups; i++)
        if (groups[i].share == 0 || (command->shares & groups[i].share) != 0)
            used = choices_add(ret_choices, used, groups[i].options, groups[i].n, false);
    return used;
}
