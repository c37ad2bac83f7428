/* test/spy.h - between the core and a plugin in a test: counts round trips, and can play dead. */
#ifndef WEFT_TEST_SPY_H
#define WEFT_TEST_SPY_H

#include <stdbool.h>
#include <weft/plugin.h>

/* A store plugin's operations behind the spy's own; `ops` with the spy as `self` stands for the plugin. */
struct weft_store_spy {
    struct weft_store_ops ops;
    const struct weft_store_ops *plugin;
    void *self;
    uint64_t trips;
    bool away;
};
void weft_store_spy_init(struct weft_store_spy *spy, const struct weft_store_ops *plugin, void *self);

struct weft_cache_spy {
    struct weft_cache_ops ops;
    const struct weft_cache_ops *plugin;
    void *self;
    uint64_t trips;
    bool away;
};
void weft_cache_spy_init(struct weft_cache_spy *spy, const struct weft_cache_ops *plugin, void *self);

#endif
