/* host/plugin/plugin_option.c - command line, URL, environment and file meet a plugin's option table. */
#include "host/plugin/plugin_option.h"

#include "base/text.h"
#include "config/option.h"

#include <string.h>

/* What is being filled. */
struct filler {
    const struct weft_plugin *plugin;
    const struct weft_url_parts *url;
    const char *url_origin;
    const struct weft_config *config;
    struct weft_arena *arena;
    char *options;
    struct weft_fault *fault;
};

static const struct weft_option *option_find(const struct weft_plugin *plugin, const char *name)
{
    for (uint32_t i = 0; i < plugin->n_options; i++)
        if (strcmp(plugin->options[i].name, name) == 0) return &plugin->options[i];
    return NULL;
}

static weft_status option_unknown(struct filler *filler, const char *name, const char *origin)
{
    const struct weft_plugin *plugin = filler->plugin;
    const char **names = weft_arena_alloc(filler->arena, (plugin->n_options + 1) * sizeof *names);
    for (uint32_t i = 0; i < plugin->n_options; i++)
        names[i] = plugin->options[i].name;
    const char *near = weft_text_nearest(name, names);
    return weft_fault_set(filler->fault, WEFT_INVALID_ARGUMENT, "%s: plugin '%s' has no option '%s'%s%s%s", origin,
                          plugin->name, name, near != NULL ? "; did you mean '" : "", near != NULL ? near : "",
                          near != NULL ? "'?" : "");
}

static weft_status known_check(void *arg, const char *name, const char *origin)
{
    struct filler *filler = arg;
    return option_find(filler->plugin, name) != NULL ? WEFT_OK : option_unknown(filler, name, origin);
}

static const char *query_value(const struct weft_url_parts *url, const char *name)
{
    for (size_t i = 0; url != NULL && i < url->n_options; i++)
        if (strcmp(url->options[i].name, name) == 0) return url->options[i].value;
    return NULL;
}

/* Where the option's text comes from; text NULL: nowhere. */
static weft_status value_find(struct filler *filler, const struct weft_option *option,
                              struct weft_config_value *ret_value)
{
    const char *plugin = filler->plugin->name;
    bool secret = (option->flags & WEFT_OPTION_SECRET) != 0;
    struct weft_config_value value = { NULL, NULL };
    weft_status status =
        weft_config_plugin_option(filler->config, plugin, option->name, secret, true, &value, filler->fault);
    if (status == WEFT_OK && value.text == NULL) {
        value.text = query_value(filler->url, option->name);
        value.origin = filler->url_origin;
    }
    if (status == WEFT_OK && value.text == NULL)
        status = weft_config_plugin_option(filler->config, plugin, option->name, secret, false, &value, filler->fault);
    if (status == WEFT_OK && value.text == NULL) {
        value.text = option->initial;
        value.origin = "default";
    }
    *ret_value = value;
    return status;
}

static void value_store(struct filler *filler, const struct weft_option *option, union weft_option_value value)
{
    char *place = filler->options + option->offset;
    switch (option->type) {
    case WEFT_OPTION_TEXT:
        memcpy(place, &value.text, sizeof value.text);
        break;
    case WEFT_OPTION_BOOL:
        memcpy(place, &value.truth, sizeof value.truth);
        break;
    default:
        memcpy(place, &value.integer, sizeof value.integer);
        break;
    }
}

static weft_status option_fill(struct filler *filler, const struct weft_option *option)
{
    struct weft_config_value found = { NULL, NULL };
    weft_status status = value_find(filler, option, &found);
    if (status != WEFT_OK) return status;
    if (found.text == NULL) {
        if ((option->flags & WEFT_OPTION_REQUIRED) == 0) return WEFT_OK;
        return weft_fault_set(filler->fault, WEFT_INVALID_ARGUMENT,
                              "plugin '%s' needs the option '%s' (%s): set plugins.%s.%s", filler->plugin->name,
                              option->name, option->help, filler->plugin->name, option->name);
    }
    union weft_option_value value;
    struct weft_fault why = { 0 };
    status = weft_option_parse(option, found.text, &value, &why);
    if (status != WEFT_OK)
        return weft_fault_set(filler->fault, status, "%s: option '%s' of plugin '%s': %.300s", found.origin,
                              option->name, filler->plugin->name, why.text);
    value_store(filler, option, value);
    return WEFT_OK;
}

weft_status weft_plugin_option_fill(const struct weft_plugin *plugin, const struct weft_url_parts *url,
                                    const char *url_origin, const struct weft_config *config, struct weft_arena *arena,
                                    const void **ret_options, struct weft_fault *ret_fault)
{
    struct filler filler = { plugin, url, url_origin, config, arena, NULL, ret_fault };
    weft_status status = WEFT_OK;
    for (size_t i = 0; i < url->n_options && status == WEFT_OK; i++)
        status = known_check(&filler, url->options[i].name, url_origin);
    if (status == WEFT_OK) status = weft_config_plugin_names(config, plugin->name, known_check, &filler);
    if (status != WEFT_OK) return status;
    if (plugin->options_size > 0) filler.options = weft_arena_alloc(arena, plugin->options_size);
    for (uint32_t i = 0; i < plugin->n_options && status == WEFT_OK; i++)
        status = option_fill(&filler, &plugin->options[i]);
    if (status == WEFT_OK) *ret_options = filler.options;
    return status;
}

weft_status weft_plugin_option_find(const struct weft_plugin *plugin, const struct weft_option *option,
                                    const struct weft_url_parts *url, const char *url_origin,
                                    const struct weft_config *config, struct weft_arena *arena,
                                    struct weft_config_value *ret_value, struct weft_fault *ret_fault)
{
    struct filler filler = { plugin, url, url_origin, config, arena, NULL, ret_fault };
    return value_find(&filler, option, ret_value);
}
