/* config/config.h - the settings of a process, out of one table. First found wins: command line (--set key=value),
 * environment, weft.yaml, default. Loaded by one thread, then read by any.
 *
 * Keys are dotted ("grpc.listen"); in the table `*` stands for a name ("services.*.store"). Each has an environment
 * name: its own, or WEFT_ and the key in upper case with '.' and '-' as '_'. An empty variable counts as unset. Secrets
 * (the URLs) may also be given as the path of a file in <NAME>_FILE. */
#ifndef WEFT_CONFIG_CONFIG_H
#define WEFT_CONFIG_CONFIG_H

#include "base/arena.h"
#include "base/buffer.h"
#include "base/fault.h"
#include "config/setting.h"
#include <stdbool.h>
#include <stdint.h>

struct weft_config;

struct weft_config_sources {
    const char *file;               /* --config; NULL: WEFT_CONFIG, else ./weft.yaml if it is there */
    const char *const *assignments; /* "key=value" each, in order; a later one wins */
    size_t n_assignments;
    char *const *environment; /* as environ; NULL: no environment, and no ./weft.yaml either (tests) */
};

/* Reads and checks everything that can be checked before services and plugins are known. INVALID_ARGUMENT: unknown key
 * (with the nearest known one) or wrong value, with file and line, variable or argument. NOT_FOUND: a named file is not
 * there. */
weft_status weft_config_load(const struct weft_config_sources *sources, struct weft_config **ret_config,
                             struct weft_fault *ret_fault);
void weft_config_free(struct weft_config *config); /* NULL is fine */

/* Values by key, which must be one of the table (asserted): what was set, else the default. Text is the config's. */
const char *weft_config_text(const struct weft_config *config, const char *key); /* NULL: unset and without default */
bool weft_config_bool(const struct weft_config *config, const char *key);
int64_t weft_config_int(const struct weft_config *config, const char *key);     /* CHOICE: the index */
uint64_t weft_config_amount(const struct weft_config *config, const char *key); /* DURATION in ns, SIZE in bytes */
/* "file.yaml:12", "WEFT_STORE", "--set"; "the default of <key>". For error texts. */
const char *weft_config_origin(const struct weft_config *config, const char *key);
bool weft_config_is_set(const struct weft_config *config, const char *key);

/* The URL of a service's store and its origin: services.<service>.store, else store, else sqlite: in data_dir. A
 * service with nothing of its own set says so by *ret_own. */
const char *weft_config_store(const struct weft_config *config, const char *service, struct weft_arena *arena,
                              const char **ret_origin, bool *ret_own);

/* A key with names in it, "services.%s.groups.%s.lanes", into `ret_key`. Returns ret_key. */
#define WEFT_CONFIG_KEY 192
const char *weft_config_key(char ret_key[WEFT_CONFIG_KEY], const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Tells the config a service and its groups (NULL-terminated), so that their environment names are read and checked. */
weft_status weft_config_add_service(struct weft_config *config, const char *service, const char *const *groups,
                                    struct weft_fault *ret_fault);
weft_status weft_config_add_topic(struct weft_config *config, const char *topic, struct weft_fault *ret_fault);
/* After all are told: INVALID_ARGUMENT for settings of services, groups or topics that are not there; and for plugins
 * that are not among `plugins` (NULL-terminated). */
weft_status weft_config_check_names(const struct weft_config *config, const char *const *plugins,
                                    struct weft_fault *ret_fault);

/* How a plugin's option was set: text and origin, or false. `on_command_line`: by --set alone, else by environment and
 * file. `secret` reads <NAME>_FILE too; a file that cannot be read is INVALID_ARGUMENT. */
struct weft_config_value {
    const char *text, *origin; /* NULL: not set */
};
weft_status weft_config_plugin_option(const struct weft_config *config, const char *plugin, const char *option,
                                      bool secret, bool on_command_line, struct weft_config_value *ret_value,
                                      struct weft_fault *ret_fault);
/* Calls `each` for every option set for the plugin by --set or file, so that unknown ones can be refused. */
weft_status weft_config_plugin_names(const struct weft_config *config, const char *plugin,
                                     weft_status (*each)(void *arg, const char *option, const char *origin), void *arg);

/* Calls `each` for every setting of the table that has no names in it, set or not, and for those with names that are
 * set, in the table's order. Secrets are masked. */
struct weft_config_entry {
    const char *key;
    const struct weft_setting *setting;
    const char *shown;  /* the value in force as it may be shown; NULL: none, and no default */
    const char *origin; /* "weft.yaml:12", "WEFT_STORE", "--set", "default" */
};
void weft_config_each(const struct weft_config *config, void (*each)(void *arg, const struct weft_config_entry *entry),
                      void *arg);
/* Appends a value of the setting as it may be shown. */
void weft_config_mask(const struct weft_setting *setting, const char *text, struct weft_buffer *buffer);

#endif
