/* The tests of core/src/data/cache/cache.c, against a plugin that does what it is told. */
#include "base/clock.h"
#include "data/cache/breaker.h"
#include "data/cache/cache.h"

#include <check.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define N_SEEN 64

static struct {             /* the plugin */
    _Atomic int32_t rc;     /* of runs */
    _Atomic int32_t del_rc; /* of single DELs */
    atomic_bool refuse_open;
    atomic_bool hold_dels; /* DELs wait while it is set */
    atomic_bool holding;   /* one does */
    atomic_uint n_runs, n_open, n_opened;
    char dropped[N_SEEN][32]; /* keys of DELs that were run */
    unsigned n_dropped;
    uint32_t last_verb;
} fake;

static int32_t fake_open(void *self, void **ret_session, struct weft_error *ret_error)
{
    (void)self;
    if (fake.refuse_open) {
        *ret_error = (struct weft_error){ WEFT_RC_UNAVAILABLE, "no session today" };
        return WEFT_RC_UNAVAILABLE;
    }
    fake.n_open++;
    fake.n_opened++;
    *ret_session = malloc(1);
    return WEFT_RC_OK;
}

static void fake_close(void *session)
{
    fake.n_open--;
    free(session);
}

static int32_t fake_run(void *session, const struct weft_cache_op *ops, size_t n, struct weft_cache_result *ret_results,
                        uint64_t deadline_ns, struct weft_error *ret_error)
{
    (void)session, (void)deadline_ns;
    fake.n_runs++;
    if (fake.rc != WEFT_RC_OK) {
        *ret_error = (struct weft_error){ fake.rc, "as told" };
        return fake.rc;
    }
    for (uint64_t end = weft_clock_ns() + 5 * WEFT_SECOND; n != 0 && ops[0].verb == WEFT_CACHE_DEL && fake.hold_dels;) {
        fake.holding = true;
        ck_assert_uint_lt(weft_clock_ns(), end);
    }
    for (size_t i = 0; i < n; i++) {
        ret_results[i] = (struct weft_cache_result){ .rc = WEFT_RC_OK };
        if (ops[i].verb != WEFT_CACHE_DEL) continue;
        ret_results[i].rc = fake.del_rc;
        if (fake.n_dropped < N_SEEN) memcpy(fake.dropped[fake.n_dropped++], ops[i].key, ops[i].key_size);
    }
    if (n != 0) fake.last_verb = ops[n - 1].verb;
    return WEFT_RC_OK;
}

static const struct weft_cache_ops fake_ops = { sizeof fake_ops, WEFT_CACHE_LEASES, fake_open, fake_close, fake_run };

static struct weft_cache *cache_with(uint32_t sessions, uint64_t timeout_ns)
{
    memset(&fake, 0, sizeof fake);
    return weft_cache_new(&fake_ops, NULL, sessions, timeout_ns);
}

static int32_t run(struct weft_cache *cache, uint32_t verb, const char *key)
{
    struct weft_cache_op op = { .verb = verb, .key = key, .key_size = strlen(key) };
    struct weft_cache_result result;
    struct weft_cache_lease lease;
    int32_t rc = weft_cache_run(cache, &op, 1, &result, &lease);
    weft_cache_release(&lease);
    return rc;
}

static bool was_dropped(const char *key)
{
    for (unsigned i = 0; i < fake.n_dropped; i++)
        if (strcmp(fake.dropped[i], key) == 0) return true;
    return false;
}

/* Runs until it is let through again. */
static void wait_until_up(struct weft_cache *cache)
{
    uint64_t deadline = weft_clock_ns() + 5 * WEFT_SECOND;
    while (run(cache, WEFT_CACHE_GET, "k") != WEFT_RC_OK) {
        ck_assert_uint_lt(weft_clock_ns(), deadline);
        nanosleep(&(struct timespec){ .tv_nsec = 5000000 }, NULL);
    }
}

START_TEST(cache_uses_one_session_again_and_again)
{
    struct weft_cache *cache = cache_with(8, WEFT_SECOND);
    for (int i = 0; i < 100; i++)
        ck_assert_int_eq(run(cache, WEFT_CACHE_GET, "k"), WEFT_RC_OK);
    ck_assert_uint_eq(fake.n_opened, 1);
    ck_assert_uint_eq(weft_cache_caps(cache), WEFT_CACHE_LEASES);
    weft_cache_free(cache);
    ck_assert_uint_eq(fake.n_open, 0);
}
END_TEST

START_TEST(cache_with_all_sessions_lent_is_unavailable_after_its_timeout)
{
    struct weft_cache *cache = cache_with(2, 50 * WEFT_MS);
    struct weft_cache_lease leases[2];
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(weft_cache_run(cache, NULL, 0, NULL, &leases[i]), WEFT_RC_OK);
    uint64_t start = weft_clock_ns();
    ck_assert_int_eq(run(cache, WEFT_CACHE_GET, "k"), WEFT_RC_UNAVAILABLE);
    ck_assert_uint_ge(weft_clock_ns() - start, 50 * WEFT_MS);
    for (int i = 0; i < 2; i++)
        weft_cache_release(&leases[i]);
    ck_assert_int_eq(run(cache, WEFT_CACHE_GET, "k"), WEFT_RC_OK);
    ck_assert_uint_eq(fake.n_opened, 2);
    weft_cache_free(cache);
}
END_TEST

static void *release_soon(void *lease)
{
    nanosleep(&(struct timespec){ .tv_nsec = 20000000 }, NULL);
    weft_cache_release(lease);
    return NULL;
}

START_TEST(cache_waits_for_a_session_that_comes_back_in_time)
{
    struct weft_cache *cache = cache_with(1, 5 * WEFT_SECOND);
    struct weft_cache_lease lease;
    pthread_t thread;
    weft_cache_run(cache, NULL, 0, NULL, &lease);
    pthread_create(&thread, NULL, release_soon, &lease);
    uint64_t start = weft_clock_ns();
    ck_assert_int_eq(run(cache, WEFT_CACHE_GET, "k"), WEFT_RC_OK);
    ck_assert_uint_lt(weft_clock_ns() - start, 2 * WEFT_SECOND); /* woken, not timed out */
    pthread_join(thread, NULL);
    weft_cache_free(cache);
}
END_TEST

START_TEST(cache_that_fails_in_a_row_is_left_alone_and_tried_again_later)
{
    struct weft_cache *cache = cache_with(4, WEFT_SECOND);
    fake.rc = WEFT_RC_TIMEOUT;
    for (int i = 0; i < 100; i++)
        ck_assert_int_ne(run(cache, WEFT_CACHE_GET, "k"), WEFT_RC_OK);
    ck_assert_uint_eq(fake.n_runs, 3); /* a hanging cache costs three time-outs, not a hundred */
    fake.rc = WEFT_RC_OK;
    wait_until_up(cache);
    unsigned before = fake.n_runs;
    for (int i = 0; i < 10; i++)
        ck_assert_int_eq(run(cache, WEFT_CACHE_GET, "k"), WEFT_RC_OK);
    ck_assert_uint_eq(fake.n_runs, before + 10);
    weft_cache_free(cache);
}
END_TEST

START_TEST(cache_still_down_is_tried_once_a_pause)
{
    struct weft_cache *cache = cache_with(4, WEFT_SECOND);
    fake.rc = WEFT_RC_UNAVAILABLE;
    uint64_t end = weft_clock_ns() + WEFT_SECOND;
    while (weft_clock_ns() < end)
        run(cache, WEFT_CACHE_GET, "k");
    ck_assert_uint_ge(fake.n_runs, 4);
    ck_assert_uint_le(fake.n_runs, 6); /* three, then after 250 ms, 500 ms, ... */
    weft_cache_free(cache);
}
END_TEST

START_TEST(cache_counts_failures_and_how_often_it_was_left_alone)
{
    struct weft_cache *cache = cache_with(4, WEFT_SECOND);
    fake.rc = WEFT_RC_UNAVAILABLE;
    for (int i = 0; i < 5; i++)
        run(cache, WEFT_CACHE_GET, "k");
    struct weft_cache_counters counters = weft_cache_counters(cache);
    ck_assert_uint_eq(counters.errors, 3);
    ck_assert_uint_eq(counters.opens, 1);
    ck_assert_uint_eq(counters.left_alone, 2);
    weft_cache_free(cache);
}
END_TEST

START_TEST(breaker_lets_one_probe_at_a_time)
{
    struct weft_breaker breaker = { 0 };
    bool probes;
    uint64_t now = 1;
    for (int i = 0; i < 3; i++) {
        ck_assert(weft_breaker_pass(&breaker, now, &probes) && !probes);
        ck_assert(weft_breaker_report(&breaker, false, false, now) == (i == 2));
    }
    ck_assert(!weft_breaker_pass(&breaker, now, &probes));
    now += WEFT_SECOND;
    ck_assert(weft_breaker_pass(&breaker, now, &probes) && probes);
    now += 60 * WEFT_SECOND; /* however long the probe takes */
    ck_assert(!weft_breaker_pass(&breaker, now, &probes));
    weft_breaker_report(&breaker, false, false, now); /* of a call from before */
    ck_assert(!weft_breaker_pass(&breaker, now, &probes));
    weft_breaker_report(&breaker, true, false, now);
    ck_assert(!weft_breaker_pass(&breaker, now + 499 * WEFT_MS, &probes)); /* twice the first pause */
    ck_assert(weft_breaker_pass(&breaker, now + 500 * WEFT_MS, &probes) && probes);
    weft_breaker_report(&breaker, true, true, now);
    ck_assert(weft_breaker_pass(&breaker, now, &probes) && !probes);
}
END_TEST

START_TEST(cache_sends_failed_drops_before_it_reads_again)
{
    struct weft_cache *cache = cache_with(4, WEFT_SECOND);
    fake.rc = WEFT_RC_TIMEOUT;
    for (int i = 0; i < 3; i++)
        run(cache, WEFT_CACHE_GET, "k");
    ck_assert_int_ne(run(cache, WEFT_CACHE_DEL, "left alone"), WEFT_RC_OK);
    fake.rc = WEFT_RC_OK;
    wait_until_up(cache);
    ck_assert(was_dropped("left alone"));
    ck_assert_uint_eq(fake.last_verb, WEFT_CACHE_GET);
    unsigned n = fake.n_dropped;
    run(cache, WEFT_CACHE_GET, "k");
    ck_assert_uint_eq(fake.n_dropped, n); /* once is enough */
    weft_cache_free(cache);
}
END_TEST

static void *pay(void *cache)
{
    wait_until_up(cache);
    return NULL;
}

START_TEST(cache_is_not_read_while_owed_drops_are_on_their_way)
{
    struct weft_cache *cache = cache_with(4, WEFT_SECOND);
    pthread_t thread;
    fake.rc = WEFT_RC_TIMEOUT;
    run(cache, WEFT_CACHE_DEL, "stale");
    fake.rc = WEFT_RC_OK;
    fake.hold_dels = true;
    pthread_create(&thread, NULL, pay, cache);
    while (!fake.holding) {
    }
    ck_assert_int_eq(run(cache, WEFT_CACHE_GET, "stale"), WEFT_RC_UNAVAILABLE);
    fake.hold_dels = false;
    pthread_join(thread, NULL);
    ck_assert_int_eq(run(cache, WEFT_CACHE_GET, "stale"), WEFT_RC_OK);
    ck_assert(was_dropped("stale"));
    weft_cache_free(cache);
}
END_TEST

START_TEST(cache_keeps_drops_that_fail_again)
{
    struct weft_cache *cache = cache_with(4, WEFT_SECOND);
    fake.rc = WEFT_RC_TIMEOUT;
    run(cache, WEFT_CACHE_DEL, "one");
    run(cache, WEFT_CACHE_DEL, "two");
    run(cache, WEFT_CACHE_GET, "k");
    fake.rc = WEFT_RC_OK;
    wait_until_up(cache);
    ck_assert(was_dropped("one"));
    ck_assert(was_dropped("two"));
    weft_cache_free(cache);
}
END_TEST

START_TEST(cache_repeats_a_drop_that_a_replica_refused)
{
    struct weft_cache *cache = cache_with(4, WEFT_SECOND);
    fake.del_rc = WEFT_RC_UNAVAILABLE;
    ck_assert_int_eq(run(cache, WEFT_CACHE_DEL, "key"), WEFT_RC_OK);
    ck_assert_int_ne(run(cache, WEFT_CACHE_GET, "key"), WEFT_RC_OK); /* it may be stale */
    fake.del_rc = WEFT_RC_OK;
    fake.n_dropped = 0;
    wait_until_up(cache);
    ck_assert(was_dropped("key"));
    weft_cache_free(cache);
}
END_TEST

START_TEST(cache_whose_sessions_do_not_open_is_unavailable_and_recovers)
{
    struct weft_cache *cache = cache_with(1, WEFT_SECOND);
    fake.refuse_open = true;
    for (int i = 0; i < 10; i++)
        ck_assert_int_eq(run(cache, WEFT_CACHE_DEL, "k"), WEFT_RC_UNAVAILABLE);
    fake.refuse_open = false;
    wait_until_up(cache);
    weft_cache_free(cache);
}
END_TEST

static void *runs_make(void *cache)
{
    for (int i = 0; i < 5000; i++) {
        if (i % 500 == 0) fake.rc = i % 1000 == 0 ? WEFT_RC_TIMEOUT : WEFT_RC_OK;
        run(cache, WEFT_CACHE_GET, "k");
    }
    return NULL;
}

START_TEST(cache_serves_many_threads_on_few_sessions)
{
    struct weft_cache *cache = cache_with(3, WEFT_SECOND);
    pthread_t threads[8];
    for (int i = 0; i < 8; i++)
        pthread_create(&threads[i], NULL, runs_make, cache);
    for (int i = 0; i < 8; i++)
        pthread_join(threads[i], NULL);
    ck_assert_uint_le(fake.n_opened, 3);
    fake.rc = WEFT_RC_OK;
    wait_until_up(cache);
    weft_cache_free(cache);
    ck_assert_uint_eq(fake.n_open, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("cache");
    TCase *tests = tcase_create("cache");
    tcase_set_timeout(tests, 20);
    tcase_add_test(tests, cache_uses_one_session_again_and_again);
    tcase_add_test(tests, cache_with_all_sessions_lent_is_unavailable_after_its_timeout);
    tcase_add_test(tests, cache_waits_for_a_session_that_comes_back_in_time);
    tcase_add_test(tests, cache_that_fails_in_a_row_is_left_alone_and_tried_again_later);
    tcase_add_test(tests, cache_still_down_is_tried_once_a_pause);
    tcase_add_test(tests, cache_counts_failures_and_how_often_it_was_left_alone);
    tcase_add_test(tests, breaker_lets_one_probe_at_a_time);
    tcase_add_test(tests, cache_sends_failed_drops_before_it_reads_again);
    tcase_add_test(tests, cache_is_not_read_while_owed_drops_are_on_their_way);
    tcase_add_test(tests, cache_keeps_drops_that_fail_again);
    tcase_add_test(tests, cache_repeats_a_drop_that_a_replica_refused);
    tcase_add_test(tests, cache_whose_sessions_do_not_open_is_unavailable_and_recovers);
    tcase_add_test(tests, cache_serves_many_threads_on_few_sessions);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
