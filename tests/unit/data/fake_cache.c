/* The cache of one value. */
#include "fake_cache.h"

#include "base/clock.h"
#include "base/memory.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int32_t fake_open(void *self, void **ret_session, struct weft_error *ret_error)
{
    (void)ret_error;
    *ret_session = self;
    return WEFT_RC_OK;
}

static void fake_close(void *session)
{
    (void)session;
}

static void operation_note(struct fake_cache *fake, const struct weft_cache_op *op, bool last)
{
    static const char *const verbs[] = {
        "?", "GET", "SET", "SET_NEW", "DEL", "INCR", "EXPIRE", "LEASE", "FILL", "SLIDE"
    };
    const size_t at = strlen(fake->runs);
    snprintf(fake->runs + at, sizeof fake->runs - at, "%s %.*s%s", verbs[op->verb], (int)op->key_size,
             (const char *)op->key, last ? "; " : ", ");
}

static void operation_run(struct fake_cache *fake, const struct weft_cache_op *op, struct weft_cache_result *ret_result)
{
    *ret_result = (struct weft_cache_result){ .rc = WEFT_RC_OK };
    switch (op->verb) {
    case WEFT_CACHE_GET:
    case WEFT_CACHE_GET_OR_LEASE:
        ret_result->rc = fake->there ? WEFT_RC_OK : WEFT_RC_NOT_FOUND;
        ret_result->integer = fake->token;
        ret_result->value = fake->value;
        ret_result->value_size = fake->value_size;
        break;
    case WEFT_CACHE_FILL:
        ck_assert_int_eq(op->integer, fake->token);
        fake->ttl_ms = op->ttl_ms;
        fake_cache_set(fake, op->value, op->value_size);
        break;
    case WEFT_CACHE_SET:
        fake_cache_set(fake, op->value, op->value_size);
        break;
    default:
        fake->there = false;
        break;
    }
}

static int32_t fake_run(void *session, const struct weft_cache_op *ops, size_t n, struct weft_cache_result *ret_results,
                        uint64_t deadline_ns, struct weft_error *ret_error)
{
    struct fake_cache *fake = session;
    (void)deadline_ns;
    snprintf(ret_error->text, sizeof ret_error->text, "as told");
    for (size_t i = 0; i < n; i++) {
        operation_note(fake, &ops[i], i + 1 == n);
        if (fake->rc == WEFT_RC_OK) operation_run(fake, &ops[i], &ret_results[i]);
    }
    return fake->rc;
}

struct fake_cache *fake_cache_new(uint32_t caps)
{
    struct fake_cache *fake = weft_memory_zeroed(1, sizeof *fake);
    fake->ops = (struct weft_cache_ops){
        .size = sizeof fake->ops, .caps = caps, .session_open = fake_open, .session_close = fake_close, .run = fake_run
    };
    fake->token = 4711;
    fake->cache = weft_cache_new(&fake->ops, fake, 2, 100 * WEFT_MS);
    return fake;
}

void fake_cache_free(struct fake_cache *fake)
{
    weft_cache_free(fake->cache);
    free(fake);
}

void fake_cache_set(struct fake_cache *fake, const char *value, size_t size)
{
    ck_assert_uint_le(size, sizeof fake->value);
    memcpy(fake->value, value, size);
    fake->value_size = size;
    fake->there = true;
}
