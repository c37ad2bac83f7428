/* box.c - the host's side of a cache. */
#include "box.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int32_t box_try_open(struct box *box, const struct kit *kit, const struct kit_setup *setup,
                     struct weft_error *ret_error)
{
    kit_host_init(&box->host);
    box->kit = kit;
    box->ops = kit->plugin->cache;
    box->self = NULL;
    box->n_keys = 0;
    box->options = kit_setup_options(kit, setup);
    kit_setup_url(kit, setup, &box->url);
    box->open = (struct weft_open){ .size = sizeof box->open,
                                    .host = &box->host.table,
                                    .url = &box->url.parts,
                                    .options = box->options,
                                    .instance = kit->prefix };
    *ret_error = (struct weft_error){ .rc = WEFT_RC_OK };
    return kit->plugin->open(&box->open, &box->self, ret_error);
}

void box_open(struct box *box, const struct kit *kit, const struct kit_setup *setup)
{
    struct weft_error error;
    int32_t rc = box_try_open(box, kit, setup, &error);
    KIT_CHECK(rc == WEFT_RC_OK, "open: %d %s", rc, error.text);
}

void box_close(struct box *box)
{
    if (box->self != NULL) box->kit->plugin->close(box->self, kit_deadline(2));
    free(box->options);
    while (box->n_keys != 0)
        free(box->keys[--box->n_keys]);
    kit_host_destroy(&box->host);
}

void *box_session(struct box *box)
{
    void *session = NULL;
    struct weft_error error = { 0 };
    int32_t rc = box->ops->session_open(box->self, &session, &error);
    KIT_CHECK(rc == WEFT_RC_OK && session != NULL, "session_open: %d %s", rc, error.text);
    return session;
}

static char *key_text(struct box *box, size_t size)
{
    KIT_CHECK(box->n_keys < BOX_KEYS_MAX, "the test has too many keys");
    return box->keys[box->n_keys++] = malloc(size);
}

struct key key_of(struct box *box, const char *name)
{
    size_t size = strlen(box->kit->prefix) + 1 + strlen(name);
    char *text = key_text(box, size + 1);
    snprintf(text, size + 1, "%s:%s", box->kit->prefix, name);
    return (struct key){ text, size };
}

struct key key_sized(struct box *box, const char *name, size_t size)
{
    struct key start = key_of(box, name);
    char *text = key_text(box, size);
    memset(text, 'k', size);
    memcpy(text, start.bytes, start.size < size ? start.size : size);
    return (struct key){ text, size };
}

/* ---- operations -------------------------------------------------------------------------------------------------- */

static struct weft_cache_op op_of(uint32_t verb, struct key key)
{
    return (struct weft_cache_op){ .verb = verb, .key = key.bytes, .key_size = key.size };
}

struct weft_cache_op op_bytes(uint32_t verb, struct key key, const void *value, size_t size)
{
    struct weft_cache_op op = op_of(verb, key);
    op.value = value;
    op.value_size = size;
    return op;
}

static struct weft_cache_op op_text(uint32_t verb, struct key key, const char *value, uint64_t ttl_ms)
{
    struct weft_cache_op op = op_bytes(verb, key, value, strlen(value));
    op.ttl_ms = ttl_ms;
    return op;
}

static struct weft_cache_op op_timed(uint32_t verb, struct key key, uint64_t ttl_ms)
{
    struct weft_cache_op op = op_of(verb, key);
    op.ttl_ms = ttl_ms;
    return op;
}

struct weft_cache_op op_get(struct key key)
{
    return op_of(WEFT_CACHE_GET, key);
}

struct weft_cache_op op_set(struct key key, const char *value, uint64_t ttl_ms)
{
    return op_text(WEFT_CACHE_SET, key, value, ttl_ms);
}

struct weft_cache_op op_set_new(struct key key, const char *value, uint64_t ttl_ms)
{
    return op_text(WEFT_CACHE_SET_NEW, key, value, ttl_ms);
}

struct weft_cache_op op_del(struct key key)
{
    return op_of(WEFT_CACHE_DEL, key);
}

struct weft_cache_op op_incr(struct key key, int64_t by, uint64_t ttl_ms)
{
    struct weft_cache_op op = op_timed(WEFT_CACHE_INCR, key, ttl_ms);
    op.integer = by;
    return op;
}

struct weft_cache_op op_expire(struct key key, uint64_t ttl_ms)
{
    return op_timed(WEFT_CACHE_EXPIRE, key, ttl_ms);
}

struct weft_cache_op op_get_expire(struct key key, uint64_t ttl_ms)
{
    return op_timed(WEFT_CACHE_GET_EXPIRE, key, ttl_ms);
}

struct weft_cache_op op_lease(struct key key, int64_t lease_ms)
{
    struct weft_cache_op op = op_of(WEFT_CACHE_GET_OR_LEASE, key);
    op.integer = lease_ms;
    return op;
}

struct weft_cache_op op_fill(struct key key, int64_t token, const char *value, uint64_t ttl_ms)
{
    struct weft_cache_op op = op_text(WEFT_CACHE_FILL, key, value, ttl_ms);
    op.integer = token;
    return op;
}

/* ---- runs -------------------------------------------------------------------------------------------------------- */

void box_run(struct box *box, void *session, const struct weft_cache_op *ops, size_t n,
             struct weft_cache_result *ret_results)
{
    struct weft_error error = { 0 };
    int32_t rc = box->ops->run(session, ops, n, ret_results, kit_deadline(2), &error);
    KIT_CHECK(rc == WEFT_RC_OK, "run: %d %s", rc, error.text);
}

struct weft_cache_result box_do(struct box *box, void *session, struct weft_cache_op op)
{
    struct weft_cache_result result = { .rc = -1 };
    box_run(box, session, &op, 1, &result);
    return result;
}

int32_t box_try(struct box *box, void *session, struct weft_cache_op op, double deadline,
                struct weft_cache_result *ret_result, double *ret_seconds)
{
    struct weft_error error = { 0 };
    uint64_t start = kit_now_ns();
    int32_t rc = box->ops->run(session, &op, 1, ret_result, kit_deadline(deadline), &error);
    if (ret_seconds != NULL) *ret_seconds = (double)(kit_now_ns() - start) / 1e9;
    KIT_CHECK(rc == WEFT_RC_OK || error.text[0] != '\0', "run ended with %d and without a text", rc);
    return rc;
}

void box_expect(struct box *box, void *session, struct weft_cache_op op, int32_t rc, const char *what)
{
    struct weft_cache_result result = box_do(box, session, op);
    KIT_CHECK(result.rc == rc, "%s: rc %d, want %d", what, result.rc, rc);
}

void box_expect_value(struct box *box, void *session, struct key key, const char *value)
{
    struct weft_cache_result result = box_do(box, session, op_get(key));
    KIT_CHECK(result.rc == WEFT_RC_OK, "get: rc %d, want the value '%s'", result.rc, value);
    KIT_CHECK(result.value_size == strlen(value) && memcmp(result.value, value, result.value_size) == 0,
              "get: '%.*s', want '%s'", (int)result.value_size, (const char *)result.value, value);
}

void box_expect_missing(struct box *box, void *session, struct key key)
{
    box_expect(box, session, op_get(key), WEFT_RC_NOT_FOUND, "get of what should be missing");
}

void box_wait_ms(unsigned ms)
{
    poll(NULL, 0, (int)ms);
}

/* ---- threads ----------------------------------------------------------------------------------------------------- */

struct worker {
    struct box *box;
    void *session;
    struct key key;
    uint64_t (*work)(struct box *box, void *session, struct key key);
    pthread_barrier_t *start;
    uint64_t outcome;
};

static void *worker_main(void *arg)
{
    struct worker *worker = arg;
    pthread_barrier_wait(worker->start);
    worker->outcome = worker->work(worker->box, worker->session, worker->key);
    return NULL;
}

uint64_t box_threads(struct box *box, unsigned n, uint64_t (*work)(struct box *box, void *session, struct key key),
                     struct key key)
{
    struct worker workers[BOX_THREADS_MAX];
    pthread_t threads[BOX_THREADS_MAX];
    pthread_barrier_t start;
    uint64_t sum = 0;
    pthread_barrier_init(&start, NULL, n);
    for (unsigned i = 0; i < n; i++) {
        workers[i] = (struct worker){ box, box_session(box), key, work, &start, 0 };
        KIT_CHECK(pthread_create(&threads[i], NULL, worker_main, &workers[i]) == 0, "no more threads");
    }
    for (unsigned i = 0; i < n; i++) {
        pthread_join(threads[i], NULL);
        box->ops->session_close(workers[i].session);
        sum += workers[i].outcome;
    }
    pthread_barrier_destroy(&start);
    return sum;
}
