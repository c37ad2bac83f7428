/* A cache of one value that writes down its runs. */
#ifndef WEFT_DATA_FAKE_CACHE_H
#define WEFT_DATA_FAKE_CACHE_H

#include "data/cache/cache.h"

struct fake_cache {
    struct weft_cache *cache;
    struct weft_cache_ops ops;
    char runs[1024]; /* "LEASE k; DEL k, DEL l; " */
    int32_t rc;      /* of every run */
    int64_t token;   /* handed out at a miss, wanted at a fill */
    bool there;
    char value[256];
    size_t value_size;
    uint64_t ttl_ms;
};

struct fake_cache *fake_cache_new(uint32_t caps);
void fake_cache_free(struct fake_cache *fake);
void fake_cache_set(struct fake_cache *fake, const char *value, size_t size);

#endif
