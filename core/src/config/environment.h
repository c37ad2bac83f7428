/* config/environment.h - variables, and the files that secrets are mounted as. The caller's thread. */
#ifndef WEFT_CONFIG_ENVIRONMENT_H
#define WEFT_CONFIG_ENVIRONMENT_H

#include "base/arena.h"
#include "base/fault.h"
#include <stdbool.h>

/* The variable's value in `environment` (as environ; NULL: none), or NULL when it is unset or empty. */
const char *weft_environment_get(char *const *environment, const char *name);

/* The value of NAME, or for secrets what stands in the file that NAME_FILE names (at most 64 KiB, without the line
 * end); untouched when there is neither. ret_origin is the variable. INVALID_ARGUMENT: both are set, or the file cannot
 * be read. */
weft_status weft_environment_read(char *const *environment, const char *name, bool secret, struct weft_arena *arena,
                                  const char **ret_text, const char **ret_origin, struct weft_fault *ret_fault);

#endif
