/* command/settings/config.c - `weft config`: every value in force and where it comes from; --reference: what there is.
 */
#include "command/command.h"
#include "command/output/listing.h"
#include "command/plugin/plugins.h"
#include "command/settings/reference.h"

#include "config/url.h"
#include "host/plugin/plugin_option.h"
#include "host/service.h"

#include <stdio.h>
#include <string.h>

struct arguments {
    bool reference, changed;
};

/* The listing being made. */
struct shown {
    const struct weft_command_line *line;
    struct weft_config *config;
    struct weft_listing *listing;
};

static const struct weft_column columns[] = {
    { "KEY", "key" }, { "VALUE", "value" }, { "FROM", "from" }, { NULL, "environment" }, { NULL, "help" },
};

static void row_add(const struct shown *shown, const char *key, const char *value, const char *origin,
                    const char *variable, const char *help)
{
    const struct arguments *arguments = shown->line->arguments;
    if (arguments->changed && strcmp(origin, "default") == 0) return;
    const struct weft_value values[] = { weft_text(key), weft_text(value), weft_text(origin), weft_text(variable),
                                         weft_text(help) };
    weft_listing_row(shown->listing, values);
}

/* ---- settings ---------------------------------------------------------------------------------------------------- */

static void setting_show(void *arg, const struct weft_config_entry *entry)
{
    const struct shown *shown = arg;
    char made[WEFT_CONFIG_KEY + 8];
    const char *variable = entry->setting->variable;
    if (strncmp(entry->key, "plugins.", 8) == 0) return; /* with the plugin's others */
    if (variable == NULL) variable = weft_setting_variable(entry->key, made, sizeof made);
    row_add(shown, entry->key, entry->shown, entry->origin, variable, entry->setting->option.help);
}

/* Services tell the config their groups and topics, whose environment names are looked at only then. One that cannot be
 * loaded is for `weft run` to complain of. */
static void services_tell(struct shown *shown)
{
    const char *const *names = NULL;
    struct weft_fault ignored = { 0 };
    const char *directory = weft_loader_service_directory(shown->config, shown->line->arena);
    if (weft_service_names(directory, shown->line->arena, &names, &ignored) != WEFT_OK) return;
    for (; *names != NULL; names++) {
        struct weft_service *service = NULL;
        const char *groups[64];
        size_t n = 0;
        if (weft_service_load(directory, *names, &service, &ignored) != WEFT_OK) continue;
        for (const struct weft_group *group = service->groups; group != NULL && n + 1 < 64; group = group->next)
            groups[n++] = group->name;
        groups[n] = NULL;
        weft_config_add_service(shown->config, service->name, groups, &ignored);
        for (size_t i = 0; i < service->n_emits; i++)
            weft_config_add_topic(shown->config, service->emits[i]->topic, &ignored);
        weft_service_free(service);
    }
}

/* ---- plugins ----------------------------------------------------------------------------------------------------- */

/* The URL in force that this plugin serves, or NULL. Stores of single services have URLs of their own: not looked at.
 */
static const char *url_of(const struct shown *shown, const struct weft_plugin *plugin, struct weft_url_parts *ret_url,
                          const char **ret_origin)
{
    const char *key = weft_kind_name(plugin->kind), *text = weft_config_text(shown->config, key);
    struct weft_fault ignored = { 0 };
    *ret_origin = weft_config_origin(shown->config, key);
    if (text == NULL || weft_url_parse(shown->line->arena, text, ret_url, &ignored) != WEFT_OK) return NULL;
    for (const char *const *scheme = plugin->schemes; *scheme != NULL; scheme++)
        if (strcmp(*scheme, ret_url->url.scheme) == 0) return text;
    return NULL;
}

static weft_status option_show(const struct shown *shown, const struct weft_plugin *plugin,
                               const struct weft_option *option, struct weft_fault *fault)
{
    char key[WEFT_CONFIG_KEY], variable[WEFT_CONFIG_KEY + 8];
    struct weft_url_parts url;
    const char *url_origin;
    struct weft_config_value value = { NULL, NULL };
    bool in_use = url_of(shown, plugin, &url, &url_origin) != NULL;
    bool secret = (option->flags & WEFT_OPTION_SECRET) != 0;
    weft_status status = weft_plugin_option_find(plugin, option, in_use ? &url : NULL, url_origin, shown->config,
                                                 shown->line->arena, &value, fault);
    if (status != WEFT_OK) return status;
    weft_setting_variable(weft_config_key(key, "%s.%s", plugin->name, option->name), variable, sizeof variable);
    weft_config_key(key, "plugins.%s.%s", plugin->name, option->name);
    row_add(shown, key, value.text != NULL && secret ? "***" : value.text,
            value.origin != NULL ? value.origin : "default", variable, option->help);
    return WEFT_OK;
}

static weft_status plugin_show(void *arg, const struct weft_plugin_file *file, struct weft_fault *fault)
{
    weft_status status = WEFT_OK;
    for (uint32_t i = 0; i < file->plugin->n_options && status == WEFT_OK; i++)
        status = option_show(arg, file->plugin, &file->plugin->options[i], fault);
    return status;
}

/* ---- the command ------------------------------------------------------------------------------------------------- */

static weft_status values_list(struct shown *shown, struct weft_fault *fault)
{
    services_tell(shown);
    shown->listing = weft_listing_new(shown->line, columns, sizeof columns / sizeof *columns);
    weft_config_each(shown->config, setting_show, shown);
    weft_status status = weft_plugins_each(shown->line, shown->config, plugin_show, NULL, shown, fault);
    weft_listing_end(shown->listing, "all is default");
    return status;
}

static weft_status reference_print(const struct shown *shown, struct weft_fault *fault)
{
    struct weft_buffer page __attribute__((cleanup(weft_buffer_free))) = WEFT_BUFFER_EMPTY;
    weft_status status = weft_reference_write(shown->line, shown->config, &page, fault);
    if (status == WEFT_OK) fputs(page.data, stdout);
    return status;
}

static int config_run(struct weft_command_line *line)
{
    const struct arguments *arguments = line->arguments;
    struct shown shown = { .line = line };
    struct weft_fault fault = { 0 };
    weft_status status = weft_command_settings(line, &shown.config, &fault);
    if (status == WEFT_OK)
        status = arguments->reference ? reference_print(&shown, &fault) : values_list(&shown, &fault);
    weft_config_free(shown.config);
    return status == WEFT_OK ? WEFT_EXIT_OK : weft_command_fail(line, &fault);
}

static const struct weft_command_option options[] = {
    WEFT_COMMAND_FLAG('r', "reference", reference, "the page of all settings and options, in Markdown, instead"),
    WEFT_COMMAND_FLAG(0, "changed", changed, "only what is not the default"),
};

const struct weft_command weft_command_config = {
    .name = "config",
    .summary = "every setting in force and where it comes from",
    .about = "Prints every setting and every option of the plugins: the value in force and where it comes from (--set, "
             "a variable's name, file:line, default). Secrets are masked.",
    .shares = WEFT_SHARES_SETTINGS | WEFT_SHARES_JSON,
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .arguments_size = sizeof(struct arguments),
    .exits = { [WEFT_EXIT_USAGE] = "wrong usage, or a setting that is wrong",
               [WEFT_EXIT_NOT_FOUND] = "the file named by --config, or the plugin directory, is not there" },
    .example = "weft config --changed --set grpc.workers=4\n",
    .run = config_run,
};
