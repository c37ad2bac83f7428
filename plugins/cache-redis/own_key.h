/* own_key.h - keys of the plugin's own beside the host's: a prefix and the operation's key. */
#ifndef CACHE_REDIS_OWN_KEY_H
#define CACHE_REDIS_OWN_KEY_H

#include "operation.h"

#include <string.h>
#include <weft/plugin.h>

enum { OWN_PREFIX_MAX = 16 };

struct own_key {
    size_t size;
    char name[OWN_PREFIX_MAX + OPERATION_KEY_MAX];
};

static inline void own_key_of(const struct weft_cache_op *op, const char *prefix, struct own_key *ret_key)
{
    size_t length = strlen(prefix);
    memcpy(ret_key->name, prefix, length);
    memcpy(ret_key->name + length, op->key, op->key_size);
    ret_key->size = length + op->key_size;
}

#endif
