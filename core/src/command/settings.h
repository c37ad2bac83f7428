/* command/settings.h - the options that commands share: --config, --set, and for those on stores --service. */
#ifndef WEFT_COMMAND_SETTINGS_H
#define WEFT_COMMAND_SETTINGS_H

#include "base/fault.h"
#include "config/config.h"

#include <argp.h>

enum { WEFT_SETTINGS_MAX = 64 };

struct weft_settings {
    const char *file;
    const char *assignments[WEFT_SETTINGS_MAX];
    size_t n_assignments;
    const char *services[WEFT_SETTINGS_MAX + 1]; /* NULL-terminated */
    size_t n_services;
};

/* Children of a command's argp; their input is the struct weft_settings (argp_state's child_inputs). */
extern const struct argp weft_settings_argp;          /* --config, --set */
extern const struct argp weft_settings_services_argp; /* and --service */

weft_status weft_settings_load(const struct weft_settings *settings, struct weft_config **ret_config,
                               struct weft_fault *ret_fault);

#endif
