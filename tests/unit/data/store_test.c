/* The pool of sessions. */
#include "data_test.h"
#include "fake_store.h"

#include "base/clock.h"

#include <pthread.h>

static struct fake_store *fake;

static void begin(void)
{
    fake = fake_store_new(0);
}

static void end(void)
{
    fake_store_free(fake);
}

static struct weft_session *acquire(uint32_t purpose)
{
    struct weft_session *session;
    struct weft_fault fault;
    ck_assert_int_eq(weft_store_acquire(fake->store, purpose, weft_clock_ns() + WEFT_SECOND, &session, &fault),
                     WEFT_OK);
    return session;
}

START_TEST(session_used_last_is_taken_first)
{
    struct weft_session *first = acquire(WEFT_SESSION_REQUEST), *second = acquire(WEFT_SESSION_REQUEST);
    weft_store_release(first);
    weft_store_release(second);
    struct weft_session *third = acquire(WEFT_SESSION_REQUEST);
    ck_assert_ptr_eq(third, second);
    ck_assert(third->reused);
    ck_assert_int_eq(fake->n_opened, 2);
    weft_store_release(third);
}
END_TEST

START_TEST(purposes_have_pools_of_their_own)
{
    struct weft_session *request = acquire(WEFT_SESSION_REQUEST);
    weft_store_release(request);
    struct weft_session *lane = acquire(WEFT_SESSION_LANE);
    ck_assert_ptr_ne(lane, request);
    weft_store_release(lane);
}
END_TEST

START_TEST(empty_pool_waits_to_the_deadline_then_errs)
{
    struct weft_session *first = acquire(WEFT_SESSION_REQUEST), *second = acquire(WEFT_SESSION_REQUEST), *third = NULL;
    struct weft_fault fault;
    const uint64_t deadline = weft_clock_ns() + 20 * WEFT_MS;
    ck_assert_int_eq(weft_store_acquire(fake->store, WEFT_SESSION_REQUEST, deadline, &third, &fault),
                     WEFT_RESOURCE_EXHAUSTED);
    ck_assert_uint_ge(weft_clock_ns(), deadline);
    ck_assert_ptr_null(third);
    weft_store_release(first);
    weft_store_release(second);
}
END_TEST

static void *release_later(void *session)
{
    weft_store_release(session);
    return NULL;
}

START_TEST(waiting_ends_with_a_session_given_back)
{
    struct weft_session *first = acquire(WEFT_SESSION_REQUEST), *second = acquire(WEFT_SESSION_REQUEST);
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, release_later, first), 0);
    struct weft_session *third = acquire(WEFT_SESSION_REQUEST);
    ck_assert_ptr_eq(third, first);
    pthread_join(thread, NULL);
    weft_store_release(second);
    weft_store_release(third);
}
END_TEST

START_TEST(waiting_ends_with_the_place_of_a_lost_one)
{
    struct weft_session *first = acquire(WEFT_SESSION_REQUEST), *second = acquire(WEFT_SESSION_REQUEST);
    first->lost = true;
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, release_later, first), 0);
    struct weft_session *third = acquire(WEFT_SESSION_REQUEST);
    ck_assert(!third->reused);
    pthread_join(thread, NULL);
    ck_assert_int_eq(fake->n_opened, 3);
    weft_store_release(second);
    weft_store_release(third);
}
END_TEST

START_TEST(lanes_are_not_bounded_by_requests)
{
    struct weft_session *lanes[5];
    for (int i = 0; i < 5; i++)
        lanes[i] = acquire(WEFT_SESSION_LANE);
    for (int i = 0; i < 5; i++)
        weft_store_release(lanes[i]);
    ck_assert_int_eq(fake->n_opened, 5);
}
END_TEST

START_TEST(sessions_of_a_passing_purpose_are_not_kept)
{
    weft_store_release(acquire(WEFT_SESSION_MIGRATE));
    ck_assert_int_eq(fake->n_closed, 1);
}
END_TEST

START_TEST(store_that_is_away_is_told_and_takes_no_place)
{
    struct weft_session *session;
    struct weft_fault fault;
    fake->open_rc = WEFT_RC_UNAVAILABLE;
    for (int i = 0; i < 5; i++)
        ck_assert_int_eq(weft_store_acquire(fake->store, WEFT_SESSION_REQUEST, WEFT_NEVER, &session, &fault),
                         WEFT_UNAVAILABLE);
    ck_assert_str_eq(fault.text, "the store of test-service cannot be reached: nobody at 127.0.0.1");
    fake->open_rc = WEFT_RC_REFUSED;
    ck_assert_int_eq(weft_store_acquire(fake->store, WEFT_SESSION_REQUEST, WEFT_NEVER, &session, &fault),
                     WEFT_PERMISSION_DENIED);
    fake->open_rc = WEFT_RC_OK;
    weft_store_release(acquire(WEFT_SESSION_REQUEST));
}
END_TEST

START_TEST(store_knows_that_it_is_lost_why_and_that_it_is_back)
{
    struct weft_session *session;
    struct weft_fault fault;
    ck_assert(!weft_store_state(fake->store).lost);
    fake->open_rc = WEFT_RC_UNAVAILABLE;
    weft_store_acquire(fake->store, WEFT_SESSION_REQUEST, WEFT_NEVER, &session, &fault);
    struct weft_store_state state = weft_store_state(fake->store);
    ck_assert(state.lost);
    ck_assert_str_eq(state.why, "nobody at 127.0.0.1");
    ck_assert_int_gt(state.since_us, 0);
    weft_store_acquire(fake->store, WEFT_SESSION_REQUEST, WEFT_NEVER, &session, &fault);
    ck_assert_int_eq(weft_store_state(fake->store).since_us, state.since_us);
    fake->open_rc = WEFT_RC_OK;
    session = acquire(WEFT_SESSION_REQUEST);
    ck_assert(weft_store_state(fake->store).lost); /* opening proves nothing: it may not have connected */
    struct weft_result result;
    ck_assert_int_eq(weft_session_one(session, "select 1", NULL, 0, &result, WEFT_NEVER), WEFT_RC_OK);
    weft_store_release(session);
    state = weft_store_state(fake->store);
    ck_assert(!state.lost);
    ck_assert_str_eq(state.why, "");
    ck_assert_uint_eq(state.n_healed, 1);
}
END_TEST

START_TEST(all_idle_sessions_go_when_one_was_found_dead)
{
    struct weft_session *first = acquire(WEFT_SESSION_REQUEST), *second = acquire(WEFT_SESSION_REQUEST);
    weft_store_release(first);
    weft_store_release(second);
    struct weft_session *session = acquire(WEFT_SESSION_REQUEST);
    const struct weft_statement statement = { "select 1", NULL, 0, WEFT_STATEMENT_ROWS };
    struct weft_result result;
    fake->answers[0].rc = WEFT_RC_UNAVAILABLE;
    ck_assert_int_eq(weft_session_run_first(&session, &statement, 1, &result, WEFT_NEVER), WEFT_RC_OK);
    ck_assert_int_eq(fake->n_closed, 2);
    ck_assert_int_eq(fake->n_opened, 3);
    ck_assert(!weft_store_state(fake->store).lost); /* the session had died alone */
    ck_assert_uint_eq(weft_store_state(fake->store).n_healed, 0);
    weft_store_release(session);
    weft_store_release(acquire(WEFT_SESSION_REQUEST));
}
END_TEST

static void *churn(void *arg)
{
    for (int i = 0; i < 2000; i++) {
        struct weft_session *session = acquire(WEFT_SESSION_REQUEST);
        session->lost = i % 7 == 0;
        weft_store_release(session);
    }
    return arg;
}

START_TEST(many_threads_share_few_sessions)
{
    pthread_t threads[8];
    for (int i = 0; i < 8; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, churn, NULL), 0);
    for (int i = 0; i < 8; i++)
        pthread_join(threads[i], NULL);
    ck_assert_int_le(fake->n_opened - fake->n_closed, 2);
}
END_TEST

TCase *store_case(void)
{
    TCase *tcase = tcase_create("store");
    tcase_add_checked_fixture(tcase, begin, end);
    tcase_add_test(tcase, session_used_last_is_taken_first);
    tcase_add_test(tcase, purposes_have_pools_of_their_own);
    tcase_add_test(tcase, empty_pool_waits_to_the_deadline_then_errs);
    tcase_add_test(tcase, waiting_ends_with_a_session_given_back);
    tcase_add_test(tcase, waiting_ends_with_the_place_of_a_lost_one);
    tcase_add_test(tcase, lanes_are_not_bounded_by_requests);
    tcase_add_test(tcase, sessions_of_a_passing_purpose_are_not_kept);
    tcase_add_test(tcase, store_that_is_away_is_told_and_takes_no_place);
    tcase_add_test(tcase, store_knows_that_it_is_lost_why_and_that_it_is_back);
    tcase_add_test(tcase, all_idle_sessions_go_when_one_was_found_dead);
    tcase_add_test(tcase, many_threads_share_few_sessions);
    return tcase;
}
