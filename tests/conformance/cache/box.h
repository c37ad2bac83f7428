/* box.h - a cache under test with its host: operations in short form, runs that must succeed, keys of the test's own.
 */
#ifndef WEFT_KIT_BOX_H
#define WEFT_KIT_BOX_H

#include "host.h"
#include "setup.h"

enum { BOX_THREADS_MAX = 100, BOX_KEYS_MAX = 8192 };

struct box {
    struct kit_host host; /* first */
    const struct kit *kit;
    const struct weft_cache_ops *ops;
    void *self;
    void *options;
    struct kit_url url;
    struct weft_open open;
    char *keys[BOX_KEYS_MAX]; /* their texts */
    size_t n_keys;
};

/* The rc of open, with its text. box_open fails the test unless it is OK. `setup` NULL: plain. */
int32_t box_try_open(struct box *box, const struct kit *kit, const struct kit_setup *setup,
                     struct weft_error *ret_error);
void box_open(struct box *box, const struct kit *kit, const struct kit_setup *setup);
void box_close(struct box *box);
void *box_session(struct box *box);

/* A key with the test's prefix; the text lives as long as the box. */
struct key {
    const void *bytes;
    size_t size;
};
struct key key_of(struct box *box, const char *name);
struct key key_sized(struct box *box, const char *name, size_t size); /* filled up to so many bytes */

/* Operations. */
struct weft_cache_op op_get(struct key key);
struct weft_cache_op op_set(struct key key, const char *value, uint64_t ttl_ms);
struct weft_cache_op op_set_new(struct key key, const char *value, uint64_t ttl_ms);
struct weft_cache_op op_bytes(uint32_t verb, struct key key, const void *value, size_t size);
struct weft_cache_op op_del(struct key key);
struct weft_cache_op op_incr(struct key key, int64_t by, uint64_t ttl_ms);
struct weft_cache_op op_expire(struct key key, uint64_t ttl_ms);
struct weft_cache_op op_get_expire(struct key key, uint64_t ttl_ms);
struct weft_cache_op op_lease(struct key key, int64_t lease_ms);
struct weft_cache_op op_fill(struct key key, int64_t token, const char *value, uint64_t ttl_ms);

/* Runs that must end with OK, within two seconds. */
void box_run(struct box *box, void *session, const struct weft_cache_op *ops, size_t n,
             struct weft_cache_result *ret_results);
struct weft_cache_result box_do(struct box *box, void *session, struct weft_cache_op op);
/* One that may fail; how long it took in *ret_seconds (may be NULL). */
int32_t box_try(struct box *box, void *session, struct weft_cache_op op, double deadline,
                struct weft_cache_result *ret_result, double *ret_seconds);

/* Fail the test unless. */
void box_expect(struct box *box, void *session, struct weft_cache_op op, int32_t rc, const char *what);
void box_expect_value(struct box *box, void *session, struct key key, const char *value);
void box_expect_missing(struct box *box, void *session, struct key key);
void box_wait_ms(unsigned ms); /* lets time pass, for what expires */

/* Runs `work` on so many threads at once, each with a session of its own. Returns the sum of what they return. */
uint64_t box_threads(struct box *box, unsigned n, uint64_t (*work)(struct box *box, void *session, struct key key),
                     struct key key);

#endif
