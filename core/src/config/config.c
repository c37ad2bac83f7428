/* config/config.c - settings gathered from command line, environment and file, and looked up.
 *
 * An entry is one setting of one source; a lookup takes the entry of the key with the highest rank. There are a few
 * dozen entries, read at the start only, so they are a plain list. */
#include "config/config.h"

#include "base/memory.h"
#include "base/text.h"
#include "config/environment.h"
#include "config/option.h"
#include "config/setting.h"
#include "config/url.h"
#include "config/yaml.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CONFIG_ARENA_BYTES = 8192, CONFIG_NAMES_MAX = 1024 };

enum rank { RANK_FILE = 1, RANK_ENVIRONMENT = 2, RANK_COMMAND_LINE = 3 };

struct entry {
    struct entry *next;
    const struct weft_setting *setting;
    const char *key, *text, *origin;
    enum rank rank;
};

/* Names that settings may speak of: services, "service/group", topics. */
struct names {
    const char *list[CONFIG_NAMES_MAX + 1]; /* NULL-terminated */
    size_t n;
};

struct weft_config {
    struct weft_arena *arena;
    char *const *environment;
    struct entry *entries;
    struct names services, groups, topics;
};

/* Passed through the readers of files and tables. */
struct loading {
    struct weft_config *config;
    const char *path;
    struct weft_fault *fault;
};

static const struct entry *entry_find(const struct weft_config *config, const char *key)
{
    const struct entry *best = NULL;
    for (const struct entry *entry = config->entries; entry != NULL; entry = entry->next)
        if (strcmp(entry->key, key) == 0 && (best == NULL || entry->rank > best->rank)) best = entry;
    return best;
}

static const struct entry *entry_of_rank(const struct weft_config *config, const char *key, enum rank rank)
{
    for (const struct entry *entry = config->entries; entry != NULL; entry = entry->next)
        if (entry->rank == rank && strcmp(entry->key, key) == 0) return entry;
    return NULL;
}

static weft_status key_unknown(const char *key, const char *origin, struct weft_fault *fault)
{
    char near[WEFT_CONFIG_KEY];
    bool found = weft_setting_nearest(key, near, sizeof near) != NULL;
    return weft_fault_set(fault, WEFT_INVALID_ARGUMENT, "%s: unknown key '%.150s'%s%s%s", origin, key,
                          found ? "; did you mean '" : "", found ? near : "", found ? "'?" : "");
}

/* Checks and adds one setting; text and origin are copied. A later one of the same rank comes first in the list. */
static weft_status entry_add(struct weft_config *config, const char *key, const char *text, enum rank rank,
                             const char *origin, struct weft_fault *fault)
{
    const struct weft_setting *setting = weft_setting_find(key);
    if (setting == NULL || strlen(key) >= WEFT_CONFIG_KEY) return key_unknown(key, origin, fault);
    union weft_option_value value;
    struct weft_fault why = { 0 };
    weft_status status = weft_option_parse(&setting->option, text, &value, &why);
    if (status != WEFT_OK) return weft_fault_set(fault, status, "%s: %s: %.300s", origin, key, why.text);
    struct entry *entry = weft_arena_alloc(config->arena, sizeof *entry);
    *entry = (struct entry){ config->entries,
                             setting,
                             weft_arena_strdup(config->arena, key),
                             weft_arena_strdup(config->arena, text),
                             weft_arena_strdup(config->arena, origin),
                             rank };
    config->entries = entry;
    return WEFT_OK;
}

/* ---- sources ----------------------------------------------------------------------------------------------------- */

static weft_status file_setting(void *arg, const char *key, const char *value, unsigned line)
{
    struct loading *loading = arg;
    char origin[512];
    snprintf(origin, sizeof origin, "%.400s:%u", loading->path, line);
    const struct entry *earlier = entry_of_rank(loading->config, key, RANK_FILE);
    if (earlier != NULL)
        return weft_fault_set(loading->fault, WEFT_INVALID_ARGUMENT, "%s: '%s' stands at %s already", origin, key,
                              earlier->origin);
    return entry_add(loading->config, key, value, RANK_FILE, origin, loading->fault);
}

static weft_status file_load(struct weft_config *config, const char *named, struct weft_fault *fault)
{
    static const char usual[] = "./weft.yaml";
    const char *path = named != NULL ? named : weft_environment_get(config->environment, "WEFT_CONFIG");
    if (path == NULL && config->environment != NULL && access(usual, F_OK) == 0) path = usual;
    if (path == NULL) return WEFT_OK;
    struct loading loading = { config, path, fault };
    return weft_yaml_read(path, file_setting, &loading, fault);
}

/* Reads the environment's value of a key, if it has one. */
static weft_status environment_load(struct weft_config *config, const char *key, struct weft_fault *fault)
{
    const struct weft_setting *setting = weft_setting_find(key);
    bool secret = (setting->option.flags & WEFT_OPTION_SECRET) != 0;
    char made[WEFT_CONFIG_KEY + 8];
    const char *variable = setting->variable;
    if (variable == NULL) variable = weft_setting_variable(key, made, sizeof made);
    const char *text = NULL, *origin = NULL;
    weft_status status =
        weft_environment_read(config->environment, variable, secret, config->arena, &text, &origin, fault);
    if (status == WEFT_OK && text == NULL && setting->fallback != NULL)
        status =
            weft_environment_read(config->environment, setting->fallback, secret, config->arena, &text, &origin, fault);
    if (status != WEFT_OK || text == NULL) return status;
    return entry_add(config, key, text, RANK_ENVIRONMENT, origin, fault);
}

static weft_status environment_load_all(struct weft_config *config, struct weft_fault *fault)
{
    size_t n;
    const struct weft_setting *settings = weft_setting_table(&n);
    weft_status status = WEFT_OK;
    for (size_t i = 0; i < n && status == WEFT_OK; i++)
        if (!weft_setting_is_dynamic(&settings[i])) status = environment_load(config, settings[i].option.name, fault);
    return status;
}

static weft_status assignment_load(struct weft_config *config, const char *assignment, struct weft_fault *fault)
{
    const char *equals = strchr(assignment, '=');
    if (equals == NULL || equals == assignment)
        return weft_fault_set(fault, WEFT_INVALID_ARGUMENT, "--set '%.100s': want key=value", assignment);
    const char *key = weft_arena_format(config->arena, "%.*s", (int)(equals - assignment), assignment);
    return entry_add(config, key, equals + 1, RANK_COMMAND_LINE, "--set", fault);
}

weft_status weft_config_load(const struct weft_config_sources *sources, struct weft_config **ret_config,
                             struct weft_fault *ret_fault)
{
    struct weft_config *config = weft_memory_zeroed(1, sizeof *config);
    config->arena = weft_arena_new(CONFIG_ARENA_BYTES);
    config->environment = sources->environment;
    weft_status status = file_load(config, sources->file, ret_fault);
    if (status == WEFT_OK) status = environment_load_all(config, ret_fault);
    for (size_t i = 0; i < sources->n_assignments && status == WEFT_OK; i++)
        status = assignment_load(config, sources->assignments[i], ret_fault);
    if (status == WEFT_OK)
        *ret_config = config;
    else
        weft_config_free(config);
    return status;
}

void weft_config_free(struct weft_config *config)
{
    if (config == NULL) return;
    weft_arena_free(config->arena);
    free(config);
}

/* ---- names ------------------------------------------------------------------------------------------------------- */

static weft_status name_add(struct weft_config *config, struct names *names, const char *name, struct weft_fault *fault)
{
    for (size_t i = 0; i < names->n; i++)
        if (strcmp(names->list[i], name) == 0) return WEFT_OK;
    if (names->n == CONFIG_NAMES_MAX)
        return weft_fault_set(fault, WEFT_RESOURCE_EXHAUSTED, "more than %d services, groups or topics",
                              CONFIG_NAMES_MAX);
    names->list[names->n++] = weft_arena_strdup(config->arena, name);
    return WEFT_OK;
}

static weft_status group_add(struct weft_config *config, const char *service, const char *group,
                             struct weft_fault *fault)
{
    static const char *const words[] = { "paused",          "lanes",       "batch",          "max_attempts",
                                         "backoff_initial", "backoff_max", "backoff_jitter", "on_dead" };
    weft_status status =
        name_add(config, &config->groups, weft_arena_format(config->arena, "%s/%s", service, group), fault);
    for (size_t i = 0; i < sizeof words / sizeof *words && status == WEFT_OK; i++) {
        char key[WEFT_CONFIG_KEY];
        weft_config_key(key, "services.%s.groups.%s.%s", service, group, words[i]);
        status = environment_load(config, key, fault);
    }
    return status;
}

weft_status weft_config_add_service(struct weft_config *config, const char *service, const char *const *groups,
                                    struct weft_fault *ret_fault)
{
    char key[WEFT_CONFIG_KEY];
    weft_status status = name_add(config, &config->services, service, ret_fault);
    if (status == WEFT_OK)
        status = environment_load(config, weft_config_key(key, "services.%s.store", service), ret_fault);
    if (groups == NULL) {
        if (status == WEFT_OK)
            status = name_add(config, &config->groups, weft_arena_format(config->arena, "%s/*", service), ret_fault);
        return status;
    }
    for (size_t i = 0; groups[i] != NULL && status == WEFT_OK; i++)
        status = group_add(config, service, groups[i], ret_fault);
    return status;
}

weft_status weft_config_add_topic(struct weft_config *config, const char *topic, struct weft_fault *ret_fault)
{
    char key[WEFT_CONFIG_KEY];
    weft_status status = name_add(config, &config->topics, topic, ret_fault);
    if (status == WEFT_OK) status = environment_load(config, weft_config_key(key, "topics.%s.body", topic), ret_fault);
    return status;
}

static bool name_known(const char *const *names, const char *name)
{
    for (; *names != NULL; names++)
        if (strcmp(*names, name) == 0) return true;
    return false;
}

static weft_status name_check(const struct entry *entry, const char *what, const char *name, const char *const *names,
                              struct weft_fault *fault)
{
    if (name_known(names, name)) return WEFT_OK;
    const char *near = weft_text_nearest(name, names);
    return weft_fault_set(fault, WEFT_INVALID_ARGUMENT, "%s: there is no %s '%s'%s%s%s", entry->origin, what, name,
                          near != NULL ? "; did you mean '" : "", near != NULL ? near : "", near != NULL ? "'?" : "");
}

/* The words between the dots of "services.<service>.groups.<group>.x" and "plugins.<plugin>.x". */
static weft_status entry_check_names(const struct weft_config *config, const struct entry *entry,
                                     const char *const *plugins, struct weft_fault *fault)
{
    char first[WEFT_CONFIG_KEY], second[WEFT_CONFIG_KEY], group[2 * WEFT_CONFIG_KEY], all[WEFT_CONFIG_KEY + 2];
    if (strncmp(entry->key, "topics.", 7) == 0) {
        size_t length = strlen(entry->key + 7) - strlen(".body");
        snprintf(first, sizeof first, "%.*s", (int)length, entry->key + 7);
        return name_check(entry, "topic", first, config->topics.list, fault);
    }
    int words = sscanf(entry->key, "%*[^.].%191[^.].%*[^.].%191[^.]", first, second);
    if (strncmp(entry->key, "plugins.", 8) == 0) return name_check(entry, "plugin", first, plugins, fault);
    weft_status status = name_check(entry, "service", first, config->services.list, fault);
    if (status != WEFT_OK || words < 2) return status;
    snprintf(all, sizeof all, "%s/*", first); /* a service that is there and not loaded: its groups are not known */
    if (name_known(config->groups.list, all)) return WEFT_OK;
    snprintf(group, sizeof group, "%s/%s", first, second);
    return name_check(entry, "group", group, config->groups.list, fault);
}

weft_status weft_config_check_names(const struct weft_config *config, const char *const *plugins,
                                    struct weft_fault *ret_fault)
{
    weft_status status = WEFT_OK;
    for (const struct entry *entry = config->entries; entry != NULL && status == WEFT_OK; entry = entry->next)
        if (weft_setting_is_dynamic(entry->setting)) status = entry_check_names(config, entry, plugins, ret_fault);
    return status;
}

/* ---- lookups ----------------------------------------------------------------------------------------------------- */

const char *weft_config_text(const struct weft_config *config, const char *key)
{
    const struct entry *entry = entry_find(config, key);
    if (entry != NULL) return entry->text;
    const struct weft_setting *setting = weft_setting_find(key);
    assert(setting != NULL);
    return setting->option.initial;
}

static union weft_option_value value_of(const struct weft_config *config, const char *key)
{
    union weft_option_value value = { 0 };
    struct weft_fault fault = { 0 };
    const char *text = weft_config_text(config, key);
    if (text == NULL) return value;
    weft_status status = weft_option_parse(&weft_setting_find(key)->option, text, &value, &fault);
    assert(status == WEFT_OK); /* what was set has been checked; a default that does not parse is our bug */
    (void)status;
    return value;
}

bool weft_config_bool(const struct weft_config *config, const char *key)
{
    return value_of(config, key).truth;
}
int64_t weft_config_int(const struct weft_config *config, const char *key)
{
    return value_of(config, key).integer;
}
uint64_t weft_config_amount(const struct weft_config *config, const char *key)
{
    return value_of(config, key).amount;
}
bool weft_config_is_set(const struct weft_config *config, const char *key)
{
    return entry_find(config, key) != NULL;
}

const char *weft_config_origin(const struct weft_config *config, const char *key)
{
    const struct entry *entry = entry_find(config, key);
    return entry != NULL ? entry->origin : weft_arena_format(config->arena, "the default of %s", key);
}

const char *weft_config_key(char ret_key[WEFT_CONFIG_KEY], const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(ret_key, WEFT_CONFIG_KEY, format, args);
    va_end(args);
    return ret_key;
}

/* sqlite: in the data folder, whose name is percent-encoded (RFC 3986 section 2.1) where a URL needs it. */
static const char *store_default(const struct weft_config *config, struct weft_arena *arena)
{
    struct weft_buffer url __attribute__((cleanup(weft_buffer_free))) = WEFT_BUFFER_EMPTY;
    weft_buffer_text(&url, "sqlite:");
    for (const char *c = weft_config_text(config, "data_dir"); *c != '\0'; c++)
        if (strchr("%?#", *c) != NULL)
            weft_buffer_format(&url, "%%%02X", (unsigned char)*c);
        else
            weft_buffer_byte(&url, *c);
    weft_buffer_byte(&url, '/');
    return weft_arena_strdup(arena, url.data);
}

const char *weft_config_store(const struct weft_config *config, const char *service, struct weft_arena *arena,
                              const char **ret_origin, bool *ret_own)
{
    char own[WEFT_CONFIG_KEY];
    weft_config_key(own, "services.%s.store", service);
    *ret_own = weft_config_is_set(config, own);
    const char *key = *ret_own ? own : "store", *url = weft_config_text(config, key);
    *ret_origin = weft_config_origin(config, key);
    return url != NULL ? url : store_default(config, arena);
}

/* ---- plugins' options -------------------------------------------------------------------------------------------- */

weft_status weft_config_plugin_option(const struct weft_config *config, const char *plugin, const char *option,
                                      bool secret, bool on_command_line, struct weft_config_value *ret_value,
                                      struct weft_fault *ret_fault)
{
    char key[WEFT_CONFIG_KEY], short_key[WEFT_CONFIG_KEY], variable[WEFT_CONFIG_KEY + 8];
    weft_config_key(key, "plugins.%s.%s", plugin, option);
    const struct entry *entry = entry_of_rank(config, key, on_command_line ? RANK_COMMAND_LINE : RANK_FILE);
    weft_status status = WEFT_OK;
    *ret_value = (struct weft_config_value){ NULL, NULL };
    if (!on_command_line) {
        weft_config_key(short_key, "%s.%s", plugin, option);
        weft_setting_variable(short_key, variable, sizeof variable);
        status = weft_environment_read(config->environment, variable, secret, config->arena, &ret_value->text,
                                       &ret_value->origin, ret_fault);
    }
    if (status == WEFT_OK && ret_value->text == NULL && entry != NULL)
        *ret_value = (struct weft_config_value){ entry->text, entry->origin };
    return status;
}

weft_status weft_config_plugin_names(const struct weft_config *config, const char *plugin,
                                     weft_status (*each)(void *arg, const char *option, const char *origin), void *arg)
{
    char prefix[WEFT_CONFIG_KEY];
    size_t length = strlen(weft_config_key(prefix, "plugins.%s.", plugin));
    weft_status status = WEFT_OK;
    for (const struct entry *entry = config->entries; entry != NULL && status == WEFT_OK; entry = entry->next)
        if (strncmp(entry->key, prefix, length) == 0) status = each(arg, entry->key + length, entry->origin);
    return status;
}

/* ---- all of them ------------------------------------------------------------------------------------------------- */

void weft_config_mask(const struct weft_setting *setting, const char *text, struct weft_buffer *buffer)
{
    if (setting->is_url)
        weft_url_mask(text, buffer);
    else
        weft_buffer_text(buffer, (setting->option.flags & WEFT_OPTION_SECRET) != 0 ? "***" : text);
}

static void value_each(const struct weft_config *config, const char *key, const struct weft_setting *setting,
                       void (*each)(void *arg, const struct weft_config_entry *entry), void *arg)
{
    struct weft_buffer shown __attribute__((cleanup(weft_buffer_free))) = WEFT_BUFFER_EMPTY;
    const struct entry *entry = entry_find(config, key);
    const char *text = entry != NULL ? entry->text : setting->option.initial;
    if (text != NULL) weft_config_mask(setting, text, &shown);
    each(arg, &(struct weft_config_entry){ .key = key,
                                           .setting = setting,
                                           .shown = text != NULL ? (shown.data != NULL ? shown.data : "") : NULL,
                                           .origin = entry != NULL ? entry->origin : "default" });
}

void weft_config_each(const struct weft_config *config, void (*each)(void *arg, const struct weft_config_entry *entry),
                      void *arg)
{
    size_t n;
    const struct weft_setting *settings = weft_setting_table(&n);
    for (size_t i = 0; i < n; i++) {
        if (!weft_setting_is_dynamic(&settings[i])) {
            value_each(config, settings[i].option.name, &settings[i], each, arg);
            continue;
        }
        for (const struct entry *entry = config->entries; entry != NULL; entry = entry->next)
            if (entry->setting == &settings[i] && entry_find(config, entry->key) == entry)
                value_each(config, entry->key, &settings[i], each, arg);
    }
}
