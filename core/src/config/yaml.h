/* config/yaml.h - a YAML file flattened: "grpc: { listen: x }" is the key "grpc.listen". The caller's thread. */
#ifndef WEFT_CONFIG_YAML_H
#define WEFT_CONFIG_YAML_H

#include "base/fault.h"

/* Calls `each` for every scalar, with its line from 1; a status other than OK ends the reading and is returned, with
 * the fault that `each` has set. INVALID_ARGUMENT: not YAML, a list, an alias, a key twice, no value, more than 1 MiB;
 * with file and line. NOT_FOUND: cannot be opened. */
weft_status weft_yaml_read(const char *path,
                           weft_status (*each)(void *arg, const char *key, const char *value, unsigned line), void *arg,
                           struct weft_fault *ret_fault);

#endif
