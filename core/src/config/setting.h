/* config/setting.h - the table of all settings: the one place where a key, its type, default, help and environment name
 * stand. Constants. */
#ifndef WEFT_CONFIG_SETTING_H
#define WEFT_CONFIG_SETTING_H

#include <stdbool.h>
#include <stddef.h>
#include <weft/plugin.h> /* struct weft_option */

struct weft_setting {
    struct weft_option option; /* `name` is the key, `*` standing for a name; `offset` is not used */
    const char *variable;      /* environment name, NULL: made from the key */
    const char *fallback;      /* another one, looked at after it; or NULL */
    bool is_url;               /* a secret that is shown without its password; others are not shown at all */
};

/* All of them; `ret_n` how many. */
const struct weft_setting *weft_setting_table(size_t *ret_n);

/* The setting of a key, "services.user-service.store" finds "services.*.store"; NULL: no such key. */
const struct weft_setting *weft_setting_find(const char *key);

/* The key of the table nearest to an unknown one, with the names of `key` put in; NULL: none is near. */
const char *weft_setting_nearest(const char *key, char *ret_near, size_t size);

/* Does the key hold names (is its pattern's `*` a part of it)? */
bool weft_setting_is_dynamic(const struct weft_setting *setting);

/* WEFT_ and the key in upper case, '.' and '-' as '_'. Returns ret_name. */
const char *weft_setting_variable(const char *key, char *ret_name, size_t size);

#endif
