/* operation.h - what an operation may ask of any cache: the limits that weft/plugin.h states. Any thread. */
#ifndef CACHE_COMMON_OPERATION_H
#define CACHE_COMMON_OPERATION_H

#include <stdbool.h>
#include <weft/plugin.h>

enum {
    OPERATION_KEY_MAX = 1024,
    OPERATION_NAME_MAX = 255 /* bytes of a name in a claim of a journal */
};

/* Is it one of the ABI's verbs, with a key, value, time and number that the verb can have? */
bool operation_valid(const struct weft_cache_op *op);

#endif
