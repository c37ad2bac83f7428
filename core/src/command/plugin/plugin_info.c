/* command/plugin/plugin_info.c - `weft plugin info NAME`: what a plugin is, what it can, and its options. */
#include "command/command.h"
#include "command/output/listing.h"
#include "command/plugin/plugins.h"

#include "base/text.h"
#include "config/option.h"
#include "config/setting.h"

#include <stdio.h>
#include <string.h>

enum { INFO_NAMES_MAX = 64 };

struct info {
    const struct weft_command_line *line;
    const char *names[INFO_NAMES_MAX + 1]; /* of those that were not it */
    size_t n_names;
    bool found;
};

static const struct weft_column columns[] = {
    { NULL, "plugin" },       { NULL, "kind" },     { NULL, "version" },    { NULL, "abi" },
    { NULL, "schemes" },      { NULL, "file" },     { "OPTION", "option" }, { "ENVIRONMENT", "environment" },
    { "DEFAULT", "default" }, { "TAKES", "takes" }, { "MEANING", "help" },
};

static void head_print(const struct weft_plugin_file *file)
{
    const struct weft_plugin *plugin = file->plugin;
    printf("%s plugin %s, version %s, ABI %u.%u\nURLs:     %s\nfile:     %s\nsettings: plugins.%s.<option>, or "
           "?<option>=<value> in the URL\n\n",
           weft_kind_name(plugin->kind), plugin->name, plugin->version != NULL ? plugin->version : "-",
           plugin->abi_major, plugin->abi_minor, file->note.schemes, file->path, plugin->name);
}

static void option_list(const struct info *info, struct weft_listing *listing, const struct weft_plugin_file *file,
                        const struct weft_option *option)
{
    const struct weft_plugin *plugin = file->plugin;
    char variable[160], takes[160];
    bool secret = (option->flags & WEFT_OPTION_SECRET) != 0;
    weft_setting_variable(weft_arena_format(info->line->arena, "%s.%s", plugin->name, option->name), variable,
                          sizeof variable);
    const struct weft_value values[] = {
        weft_text(plugin->name),
        weft_text(weft_kind_name(plugin->kind)),
        weft_text(plugin->version),
        weft_text(weft_arena_format(info->line->arena, "%u.%u", plugin->abi_major, plugin->abi_minor)),
        weft_text(file->note.schemes),
        weft_text(file->path),
        weft_text(option->name),
        weft_text(weft_arena_format(info->line->arena, "%s%s", variable, secret ? "[_FILE]" : "")),
        weft_text(option->initial),
        weft_text(weft_option_range(option, takes, sizeof takes)),
        weft_text(option->help),
    };
    weft_listing_row(listing, values);
}

static weft_status plugin_show(void *arg, const struct weft_plugin_file *file, struct weft_fault *fault)
{
    (void)fault;
    struct info *info = arg;
    if (strcmp(file->plugin->name, info->line->words[0]) != 0) {
        if (info->n_names < INFO_NAMES_MAX)
            info->names[info->n_names++] = weft_arena_strdup(info->line->arena, file->plugin->name);
        return WEFT_OK;
    }
    info->found = true;
    if (!info->line->json) head_print(file);
    struct weft_listing *listing = weft_listing_new(info->line, columns, sizeof columns / sizeof *columns);
    for (uint32_t i = 0; i < file->plugin->n_options; i++)
        option_list(info, listing, file, &file->plugin->options[i]);
    weft_listing_end(listing, "no options");
    return WEFT_OK;
}

static int plugin_info(struct weft_command_line *line)
{
    struct info info = { .line = line };
    struct weft_config *config = NULL;
    struct weft_fault fault = { 0 };
    weft_status status = weft_command_settings(line, &config, &fault);
    if (status == WEFT_OK) status = weft_plugins_each(line, config, plugin_show, NULL, &info, &fault);
    weft_config_free(config);
    if (status == WEFT_OK && !info.found) {
        const char *near = weft_text_nearest(line->words[0], info.names);
        status = weft_fault_set(&fault, WEFT_NOT_FOUND, "no plugin '%.100s'%s%s%s; weft plugin list shows them",
                                line->words[0], near != NULL ? "; did you mean '" : "", near != NULL ? near : "",
                                near != NULL ? "'?" : "");
    }
    return status == WEFT_OK ? WEFT_EXIT_OK : weft_command_fail(line, &fault);
}

const struct weft_command weft_command_plugin_info = {
    .name = "plugin info",
    .summary = "a plugin's version, URLs and options",
    .about = "Shows what a plugin is, which URLs it serves, and its options with environment name, default and range. "
             "The plugin is loaded, not opened.",
    .words = "NAME",
    .min_words = 1,
    .max_words = 1,
    .shares = WEFT_SHARES_SETTINGS | WEFT_SHARES_JSON,
    .exits = { [WEFT_EXIT_FAILED] = "the plugin cannot be loaded",
               [WEFT_EXIT_NOT_FOUND] = "no such plugin, or no plugin directory",
               [WEFT_EXIT_DENIED] = "others may write to the plugin directory" },
    .example = "weft plugin info amqp\n",
    .run = plugin_info,
};
