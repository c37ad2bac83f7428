/* Commit groups: what goes together, who leaves, whose error is whose. A gate holds the first run up until the rest has
 * gathered. */
#include "data_test.h"
#include "fake_store.h"

#include "base/clock.h"
#include "data/group/committer.h"
#include "data/group/habits.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>

enum { CALLS = 8 };

/* One call: its work, and how its commit ended. */
struct call {
    struct weft_join join;
    struct weft_work *work;
    sem_t ended;
    enum weft_join_end end;
};

static struct fake_store *fake;
static struct call calls[CALLS];
static sem_t entered, gate;

static void gate_pass(void *arg)
{
    (void)arg;
    sem_post(&entered);
    sem_wait(&gate);
}

static void call_ended(struct weft_join *join, enum weft_join_end end)
{
    struct call *call = (struct call *)(void *)join;
    call->end = end;
    sem_post(&call->ended);
}

static void begin(void)
{
    fake = fake_store_new(0);
    sem_init(&entered, 0, 0);
    sem_init(&gate, 0, 0);
    for (size_t i = 0; i < CALLS; i++) {
        calls[i] = (struct call){ .join.ended = call_ended, .work = fake_work_new(fake) };
        sem_init(&calls[i].ended, 0, 0);
    }
    fake->store->committer = weft_committer_start(fake->store);
    ck_assert_ptr_nonnull(fake->store->committer);
}

static void end(void)
{
    for (size_t i = 0; i < CALLS; i++)
        fake_work_free(calls[i].work);
    fake_store_free(fake);
}

/* The n-th call's transaction: "insert n", and an event. */
static weft_tx *call_write(size_t n)
{
    static const char *const texts[CALLS] = { "insert 0", "insert 1", "insert 2", "insert 3",
                                              "insert 4", "insert 5", "insert 6", "insert 7" };
    static const char *const ids[CALLS] = { "e0", "e1", "e2", "e3", "e4", "e5", "e6", "e7" };
    weft_tx *tx = weft_call_tx(calls[n].work);
    weft_exec(tx, texts[n]);
    weft_tx_outbox(tx, &(struct weft_outbox_row){ .event_id = ids[n] });
    return tx;
}

static bool call_join(size_t n)
{
    return weft_work_join(calls[n].work, WEFT_OK, &calls[n].join);
}

static enum weft_join_end call_wait(size_t n)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 5;
    ck_assert_int_eq(sem_timedwait(&calls[n].ended, &until), 0);
    return calls[n].end;
}

static weft_status call_status(size_t n)
{
    ck_assert_int_eq(call_wait(n), WEFT_JOIN_ENDED);
    return weft_work_joined(calls[n].work);
}

static void ends_alone(size_t n)
{
    ck_assert_int_eq(call_wait(n), WEFT_JOIN_ALONE);
}

/* Call 0 goes alone and is held up in its run; 1 to n gather behind it; then all may go. */
static void gather(size_t n)
{
    fake->before_run = gate_pass;
    call_write(0);
    ck_assert(call_join(0));
    sem_wait(&entered);
    for (size_t i = 1; i <= n; i++) {
        call_write(i);
        ck_assert(call_join(i));
    }
    for (size_t i = 0; i < FAKE_MAX; i++)
        sem_post(&gate);
    ck_assert_int_eq(call_status(0), WEFT_OK);
}

/* Is this the nth run: these statements, then the outbox rows of the same calls? */
static void ran(size_t nth, const char *numbers)
{
    char wanted[512] = "BEGIN", *at = wanted + 5;
    for (const char *n = numbers; *n != '\0'; n++)
        at += sprintf(at, "; insert %c", *n);
    for (const char *n = numbers; *n != '\0'; n++)
        at += sprintf(at, "; outbox (e%c, null, null, null, null, null, null, null, null, null, null, 0, null)", *n);
    strcpy(at, "; COMMIT");
    ck_assert_uint_gt(fake->n_runs, nth);
    ck_assert_str_eq(fake->runs[nth], wanted);
}

START_TEST(lone_transaction_goes_at_once)
{
    call_write(0);
    ck_assert(call_join(0));
    ck_assert_int_eq(call_status(0), WEFT_OK);
    ran(0, "0");
    ck_assert_int_eq(fake->n_woken, 1);
}
END_TEST

START_TEST(what_gathers_goes_together_outbox_rows_last)
{
    gather(3);
    for (size_t i = 1; i <= 3; i++)
        ck_assert_int_eq(call_status(i), WEFT_OK);
    ran(1, "123");
    ck_assert_uint_eq(fake->n_runs, 2);
    ck_assert_int_eq(fake->n_woken, 2);
    ck_assert_uint_eq(weft_committer_counters(fake->store->committer).committed, 4);
}
END_TEST

START_TEST(whoever_fails_leaves_and_the_rest_goes_again)
{
    fake->answers[1] = (struct fake_answer){ .rc = WEFT_RC_CONFLICT, .reason = WEFT_REASON_UNIQUE, .failed = 1 };
    gather(3);
    ends_alone(2);
    ck_assert_int_eq(call_status(1), WEFT_OK);
    ck_assert_int_eq(call_status(3), WEFT_OK);
    ran(1, "123");
    ran(2, "13");
    /* Alone it is as if it had never joined. */
    ck_assert_int_eq(weft_work_finish(calls[2].work, WEFT_OK), WEFT_OK);
    ran(3, "2");
}
END_TEST

START_TEST(an_outbox_row_that_fails_is_its_members_fault)
{
    fake->answers[1] = (struct fake_answer){ .rc = WEFT_RC_INVALID, .failed = 3 + 2 };
    gather(3);
    ends_alone(3);
    ck_assert_int_eq(call_status(1), WEFT_OK);
    ran(2, "12");
}
END_TEST

START_TEST(a_lock_that_is_not_had_soon_sends_its_member_away)
{
    fake->answers[1] = (struct fake_answer){ .rc = WEFT_RC_RETRY, .reason = WEFT_REASON_LOCK_TIMEOUT, .failed = 0 };
    gather(2);
    ends_alone(1);
    ck_assert_int_eq(call_status(2), WEFT_OK);
    ran(2, "2");
}
END_TEST

START_TEST(unknown_outcome_is_unknown_for_all_and_nothing_runs_again)
{
    fake->answers[1] = (struct fake_answer){ .rc = WEFT_RC_MAYBE_SENT };
    gather(3);
    for (size_t i = 1; i <= 3; i++) {
        ck_assert_int_eq(call_status(i), WEFT_UNAVAILABLE);
        ck_assert_ptr_nonnull(strstr(calls[i].work->fault.text, "outcome is unknown"));
    }
    ck_assert_uint_eq(fake->n_runs, 2);
    ck_assert_int_eq(fake->n_woken, 1);
}
END_TEST

START_TEST(what_is_nobodys_fault_sends_all_away)
{
    fake->answers[1] = (struct fake_answer){ .rc = WEFT_RC_CONFLICT, .failed = 6 }; /* a deferred constraint */
    gather(3);
    for (size_t i = 1; i <= 3; i++)
        ends_alone(i);
    ck_assert_uint_eq(fake->n_runs, 2);
}
END_TEST

START_TEST(too_many_failures_end_the_group)
{
    for (size_t i = 1; i <= 6; i++)
        fake->answers[i] = (struct fake_answer){ .rc = WEFT_RC_CONFLICT, .failed = 0 };
    gather(7);
    for (size_t i = 1; i <= 7; i++)
        ends_alone(i);
    ck_assert_uint_eq(fake->n_runs, 1 + 5);
}
END_TEST

START_TEST(store_that_is_away_is_away_for_all)
{
    fake->open_rc = WEFT_RC_UNAVAILABLE;
    call_write(0);
    ck_assert(call_join(0));
    ck_assert_int_eq(call_status(0), WEFT_UNAVAILABLE);
    ck_assert_uint_eq(fake->n_runs, 0);
}
END_TEST

START_TEST(deadline_that_has_passed_sends_nothing)
{
    calls[2].work->deadline_ns = weft_clock_ns() + WEFT_MS;
    fake->before_run = gate_pass;
    call_write(0);
    call_join(0);
    sem_wait(&entered);
    for (size_t i = 1; i <= 2; i++) {
        call_write(i);
        ck_assert(call_join(i));
    }
    while (weft_clock_ns() < calls[2].work->deadline_ns)
        sched_yield();
    for (size_t i = 0; i < FAKE_MAX; i++)
        sem_post(&gate);
    ck_assert_int_eq(call_status(2), WEFT_DEADLINE_EXCEEDED);
    ck_assert_int_eq(call_status(1), WEFT_OK);
    ran(1, "1");
}
END_TEST

START_TEST(group_that_is_stuck_takes_no_more_company)
{
    fake->before_run = gate_pass;
    call_write(0);
    call_join(0);
    sem_wait(&entered);
    const uint64_t stuck_ns = weft_clock_ns() + 120 * WEFT_MS;
    while (weft_clock_ns() < stuck_ns)
        sched_yield();
    call_write(1);
    ck_assert(!call_join(1));
    sem_post(&gate);
    ck_assert_int_eq(call_status(0), WEFT_OK);
}
END_TEST

START_TEST(what_does_more_than_write_goes_alone)
{
    weft_rows *rows;
    weft_exec(weft_call_tx(calls[0].work), "SELECT set_config('a', 'b', true)");
    weft_lock_key(weft_call_tx(calls[1].work), "key");
    weft_cache_drop(call_write(2), "key");
    weft_tx_alone(call_write(3));
    weft_fetch(call_write(4), &rows, "select");
    weft_tx_fail(call_write(5), WEFT_ABORTED, "no");
    weft_call_tx(calls[6].work);
    for (size_t i = 0; i < CALLS; i++) {
        ck_assert(!call_join(i));
        weft_work_finish(calls[i].work, WEFT_ABORTED);
    }
}
END_TEST

START_TEST(kinds_that_fail_often_stay_away_for_a_while)
{
    static struct weft_habits habits;
    const uint64_t now = 1000 * WEFT_SECOND;
    habits = (struct weft_habits){ 0 };
    for (int i = 0; i < 200; i++) {
        ck_assert(weft_habits_may_join(&habits, 7, now));
        if (i % 25 == 0) weft_habits_failed(&habits, 7, now); /* one in 25 is borne */
    }
    for (int i = 0; i < 20; i++)
        weft_habits_failed(&habits, 7, now);
    ck_assert(!weft_habits_may_join(&habits, 7, now));
    ck_assert(weft_habits_may_join(&habits, 8, now));
    ck_assert(weft_habits_may_join(&habits, 7, now + 10 * WEFT_SECOND));
}
END_TEST

TCase *group_case(void)
{
    TCase *tests = tcase_create("group");
    tcase_add_checked_fixture(tests, begin, end);
    tcase_add_test(tests, lone_transaction_goes_at_once);
    tcase_add_test(tests, what_gathers_goes_together_outbox_rows_last);
    tcase_add_test(tests, whoever_fails_leaves_and_the_rest_goes_again);
    tcase_add_test(tests, an_outbox_row_that_fails_is_its_members_fault);
    tcase_add_test(tests, a_lock_that_is_not_had_soon_sends_its_member_away);
    tcase_add_test(tests, unknown_outcome_is_unknown_for_all_and_nothing_runs_again);
    tcase_add_test(tests, what_is_nobodys_fault_sends_all_away);
    tcase_add_test(tests, too_many_failures_end_the_group);
    tcase_add_test(tests, store_that_is_away_is_away_for_all);
    tcase_add_test(tests, deadline_that_has_passed_sends_nothing);
    tcase_add_test(tests, group_that_is_stuck_takes_no_more_company);
    tcase_add_test(tests, what_does_more_than_write_goes_alone);
    tcase_add_test(tests, kinds_that_fail_often_stay_away_for_a_while);
    return tests;
}
