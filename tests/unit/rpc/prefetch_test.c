/* Calls that wait for the cache together: the queue and its crew, and keys made of requests. */
#include "rpc_test.h"

#include "base/clock.h"
#include "base/memory.h"
#include "data/cache/cached.h"
#include "rpc/prefetch/prefetch.h"
#include "rpc/prefetch/prefetch_key.h"
#include "test/v1/echo.weft.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define ITEMS 8

/* ---- a cache that counts ----------------------------------------------------------------------------------------- */

struct counter {
    struct weft_cache_ops ops;
    int32_t rc; /* of each run */
    size_t runs, largest;
};

static int32_t counter_open(void *self, void **ret_session, struct weft_error *ret_error)
{
    (void)ret_error;
    *ret_session = self;
    return WEFT_RC_OK;
}

static void counter_close(void *session)
{
    (void)session;
}

/* Answers each key with itself. */
static int32_t counter_run(void *session, const struct weft_cache_op *ops, size_t n, struct weft_cache_result *results,
                           uint64_t deadline_ns, struct weft_error *ret_error)
{
    (void)deadline_ns, (void)ret_error;
    struct counter *counter = session;
    counter->runs++;
    if (n > counter->largest) counter->largest = n;
    for (size_t i = 0; i < n; i++)
        results[i] = (struct weft_cache_result){ .rc = WEFT_RC_OK, .value = ops[i].key, .value_size = ops[i].key_size };
    return counter->rc;
}

/* ---- calls in the queue ------------------------------------------------------------------------------------------ */

struct stand {
    struct counter counter;
    struct weft_cache *cache;
    struct weft_prefetch *prefetch;
    struct waiter {
        struct stand *stand;
        struct weft_prefetch_item item;
        struct weft_work work;
        bool waits, done;
    } waiters[ITEMS];
    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned done;
};

static void stand_wait(struct stand *stand, unsigned done)
{
    const struct timespec deadline = weft_clock_timespec(weft_clock_ns() + 10 * WEFT_SECOND);
    int rc = 0;
    while (stand->done < done && rc == 0)
        rc = pthread_cond_clockwait(&stand->changed, &stand->lock, CLOCK_MONOTONIC, &deadline);
    ck_assert_uint_ge(stand->done, done);
}

/* Where a handler would run. One that `waits` does so until all others are done. */
static void waiter_run(struct weft_tag *tag, bool ok, struct weft_worker *worker)
{
    struct waiter *waiter = WEFT_TAG_OWNER(tag, struct waiter, item.tag);
    struct stand *stand = waiter->stand;
    ck_assert(ok);
    ck_assert(weft_worker_may_wait(worker));
    if (waiter->waits) weft_worker_hand_on(worker);
    pthread_mutex_lock(&stand->lock);
    if (waiter->waits) stand_wait(stand, ITEMS - 1);
    waiter->done = true;
    stand->done++;
    pthread_cond_broadcast(&stand->changed);
    pthread_mutex_unlock(&stand->lock);
}

static struct stand *stand_new(int32_t rc)
{
    struct stand *stand = weft_memory_zeroed(1, sizeof *stand);
    stand->counter.rc = rc;
    stand->counter.ops = (struct weft_cache_ops){ .size = sizeof stand->counter.ops,
                                                  .caps = WEFT_CACHE_SHARED | WEFT_CACHE_LEASES,
                                                  .session_open = counter_open,
                                                  .session_close = counter_close,
                                                  .run = counter_run };
    stand->cache = weft_cache_new(&stand->counter.ops, &stand->counter, 1, WEFT_SECOND);
    stand->prefetch = weft_prefetch_new(stand->cache, 2, 8);
    pthread_mutex_init(&stand->lock, NULL);
    pthread_cond_init(&stand->changed, NULL);
    for (size_t i = 0; i < ITEMS; i++) {
        struct waiter *waiter = &stand->waiters[i];
        waiter->stand = stand;
        waiter->item = (struct weft_prefetch_item){ .tag = { .run = waiter_run }, .work = &waiter->work };
        waiter->work = (struct weft_work){ .arena = weft_arena_new(256), .cache = stand->cache };
        waiter->work.prefetched =
            weft_cached_will_prefetch(&waiter->work, weft_arena_format(waiter->work.arena, "key %zu", i));
    }
    return stand;
}

static void stand_go(struct stand *stand)
{
    struct weft_fault fault;
    for (size_t i = 0; i < ITEMS; i++)
        weft_prefetch_push(stand->prefetch, &stand->waiters[i].item);
    ck_assert_int_eq(weft_prefetch_start(stand->prefetch, &fault), WEFT_OK);
    pthread_mutex_lock(&stand->lock);
    stand_wait(stand, ITEMS);
    pthread_mutex_unlock(&stand->lock);
}

static void stand_free(struct stand *stand)
{
    weft_prefetch_free(stand->prefetch);
    weft_cache_free(stand->cache);
    for (size_t i = 0; i < ITEMS; i++)
        weft_arena_free(stand->waiters[i].work.arena);
    pthread_cond_destroy(&stand->changed);
    pthread_mutex_destroy(&stand->lock);
    free(stand);
}

START_TEST(calls_that_wait_are_looked_up_in_one_round_trip)
{
    struct stand *stand = stand_new(WEFT_RC_OK);
    stand_go(stand);
    ck_assert_uint_eq(stand->counter.runs, 1);
    ck_assert_uint_eq(stand->counter.largest, ITEMS);
    for (size_t i = 0; i < ITEMS; i++) {
        const struct weft_prefetched *prefetched = stand->waiters[i].work.prefetched;
        ck_assert_int_eq(prefetched->rc, WEFT_RC_OK);
        ck_assert_str_eq(prefetched->value, prefetched->key);
    }
    stand_free(stand);
}
END_TEST

START_TEST(a_handler_that_waits_all_the_same_holds_nobody_up)
{
    struct stand *stand = stand_new(WEFT_RC_OK);
    stand->waiters[0].waits = true; /* first in the batch: the rest of it is the next leader's */
    stand_go(stand);
    ck_assert_uint_eq(stand->counter.runs, 1);
    stand_free(stand);
}
END_TEST

START_TEST(a_cache_that_fails_lets_all_calls_go_on_without)
{
    struct stand *stand = stand_new(WEFT_RC_TIMEOUT);
    stand_go(stand);
    for (size_t i = 0; i < ITEMS; i++)
        ck_assert_int_eq(stand->waiters[i].work.prefetched->rc, WEFT_RC_TIMEOUT);
    stand_free(stand);
}
END_TEST

/* ---- keys -------------------------------------------------------------------------------------------------------- */

static const char *key_of(struct weft_arena *arena, char *text)
{
    const struct weft_prefetch_key *key;
    struct weft_fault fault;
    Test__V1__EchoRequest in = TEST__V1__ECHO_REQUEST__INIT;
    in.text = text;
    const weft_status status =
        weft_prefetch_key_parse(arena, &test_v1_echo_service_echo_method, "echo:{text}:1", &key, &fault);
    ck_assert_msg(status == WEFT_OK, "%s", fault.text);
    return weft_prefetch_key_of(key, arena, &in.base);
}

START_TEST(key_holds_a_field_of_the_request)
{
    struct weft_arena *arena = weft_arena_new(256);
    ck_assert_str_eq(key_of(arena, "a b"), "echo:a b:1");
    ck_assert_ptr_null(key_of(arena, ""));
    weft_arena_free(arena);
}
END_TEST

START_TEST(key_without_a_string_of_the_request_is_refused)
{
    static const char *const bad[] = { "echo", "echo:{text", "{text}{text}", "{}", "{no_such}", "{data}", "{node}" };
    struct weft_arena *arena = weft_arena_new(256);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        const struct weft_prefetch_key *key;
        struct weft_fault fault;
        ck_assert_int_eq(weft_prefetch_key_parse(arena, &test_v1_echo_service_echo_method, bad[i], &key, &fault),
                         WEFT_INVALID_ARGUMENT);
        ck_assert_ptr_nonnull(strstr(fault.text, bad[i]));
    }
    weft_arena_free(arena);
}
END_TEST

TCase *prefetch_case(void)
{
    TCase *tests = tcase_create("prefetch");
    tcase_add_test(tests, calls_that_wait_are_looked_up_in_one_round_trip);
    tcase_add_test(tests, a_handler_that_waits_all_the_same_holds_nobody_up);
    tcase_add_test(tests, a_cache_that_fails_lets_all_calls_go_on_without);
    tcase_add_test(tests, key_holds_a_field_of_the_request);
    tcase_add_test(tests, key_without_a_string_of_the_request_is_refused);
    return tests;
}
