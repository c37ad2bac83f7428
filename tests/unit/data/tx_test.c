/* Transactions: what is sent, when, in how many round trips. */
#include "data_test.h"
#include "fake_store.h"

#include "base/clock.h"

static struct fake_store *fake;
static struct weft_work *work;

static void begin(void)
{
    fake = fake_store_new(0);
    work = fake_work_new(fake);
}

static void end(void)
{
    fake_work_free(work);
    fake_store_free(fake);
}

static void emit(weft_tx *tx, const char *id)
{
    weft_tx_outbox(tx, &(struct weft_outbox_row){ .event_id = id, .type = "t", .topic = "o", .routing_key = "r" });
}

START_TEST(transaction_that_only_writes_is_one_round_trip)
{
    weft_tx *tx = weft_call_tx(work);
    weft_exec(tx, "insert a", 1);
    weft_exec(tx, "insert b", "two");
    emit(tx, "e1");
    ck_assert_uint_eq(fake->n_runs, 0);
    ck_assert_int_eq(fake->n_opened, 0);
    ck_assert_int_eq(weft_work_finish(work, WEFT_OK), WEFT_OK);
    ck_assert_uint_eq(fake->n_runs, 1);
    ck_assert_str_eq(fake->runs[0], "BEGIN; insert a (1); insert b (two); "
                                    "outbox (e1, t, o, r, null, null, null, null, null, null, null, 0, null); COMMIT");
}
END_TEST

START_TEST(nothing_asked_for_is_no_round_trip)
{
    weft_call_tx(work);
    ck_assert_int_eq(weft_work_finish(work, WEFT_OK), WEFT_OK);
    ck_assert_uint_eq(fake->n_runs, 0);
    ck_assert_int_eq(fake->n_opened, 0);
}
END_TEST

START_TEST(fetch_takes_what_is_queued_along)
{
    weft_tx *tx = weft_call_tx(work);
    weft_rows *rows;
    weft_exec(tx, "insert a");
    ck_assert_int_eq(weft_fetch(tx, &rows, "select b"), WEFT_OK);
    weft_exec(tx, "insert c");
    ck_assert_int_eq(weft_fetch(tx, &rows, "select d"), WEFT_OK);
    ck_assert_int_eq(weft_work_finish(work, WEFT_OK), WEFT_OK);
    ck_assert_uint_eq(fake->n_runs, 3);
    ck_assert_str_eq(fake->runs[0], "BEGIN; insert a; select b");
    ck_assert_str_eq(fake->runs[1], "insert c; select d");
    ck_assert_str_eq(fake->runs[2], "COMMIT");
}
END_TEST

START_TEST(outbox_rows_are_last_whenever_they_were_emitted)
{
    weft_tx *tx = weft_call_tx(work);
    emit(tx, "e1");
    weft_exec(tx, "insert a");
    weft_work_finish(work, WEFT_OK);
    ck_assert_str_eq(
        fake->runs[0],
        "BEGIN; insert a; outbox (e1, t, o, r, null, null, null, null, null, null, null, 0, null); COMMIT");
}
END_TEST

START_TEST(relay_is_woken_by_a_commit_with_events_alone)
{
    weft_exec(weft_call_tx(work), "insert a");
    weft_work_finish(work, WEFT_OK);
    ck_assert_int_eq(fake->n_woken, 0);
    struct weft_work *other = fake_work_new(fake);
    emit(weft_call_tx(other), "e1");
    weft_work_finish(other, WEFT_OK);
    ck_assert_int_eq(fake->n_woken, 1);
    fake_work_free(other);
}
END_TEST

START_TEST(other_processes_are_notified_in_the_same_commit)
{
    fake->store->notify_others = 1;
    emit(weft_call_tx(work), "e1");
    weft_work_finish(work, WEFT_OK);
    ck_assert_uint_eq(fake->n_runs, 1);
    ck_assert_ptr_nonnull(strstr(fake->runs[0], "; notify (weft_outbox); COMMIT"));
}
END_TEST

START_TEST(parameters_are_copied)
{
    char text[] = "before";
    int64_t ints[] = { 7 };
    const char *texts[] = { text };
    weft_exec(weft_call_tx(work), "insert a", text, weft_bytes(text, 3), weft_ints(ints, 1), weft_texts(texts, 1));
    memcpy(text, "afterr", sizeof text);
    ints[0] = 8;
    weft_work_finish(work, WEFT_OK);
    ck_assert_str_eq(fake->runs[0], "BEGIN; insert a (before, bef, [7...], [before...]); COMMIT");
}
END_TEST

START_TEST(expectation_that_does_not_hold_emits_nothing)
{
    fake->answers[0].affected = -1;
    weft_tx *tx = weft_call_tx(work);
    ck_assert_int_eq(weft_exec_expect(tx, 1, WEFT_NOT_FOUND, "update a"), WEFT_NOT_FOUND);
    emit(tx, "e1");
    ck_assert_int_eq(weft_work_finish(work, WEFT_OK), WEFT_NOT_FOUND);
    ck_assert_uint_eq(fake->n_runs, 2);
    ck_assert_str_eq(fake->runs[0], "BEGIN; update a");
    ck_assert_str_eq(fake->runs[1], "ROLLBACK");
    ck_assert_int_eq(fake->n_woken, 0);
}
END_TEST

START_TEST(expectation_that_holds_commits_in_the_second_round_trip)
{
    weft_tx *tx = weft_call_tx(work);
    ck_assert_int_eq(weft_exec_expect(tx, 1, WEFT_NOT_FOUND, "update a"), WEFT_OK);
    emit(tx, "e1");
    ck_assert_int_eq(weft_work_finish(work, WEFT_OK), WEFT_OK);
    ck_assert_uint_eq(fake->n_runs, 2);
}
END_TEST

START_TEST(first_error_wins_and_nothing_follows_it)
{
    fake->answers[0] = (struct fake_answer){ .rc = WEFT_RC_CONFLICT, .reason = WEFT_REASON_UNIQUE, .constraint = "k" };
    weft_tx *tx = weft_call_tx(work);
    weft_rows *rows = NULL;
    ck_assert_int_eq(weft_fetch(tx, &rows, "insert a"), WEFT_ALREADY_EXISTS);
    ck_assert_ptr_null(rows);
    ck_assert_int_eq(weft_exec(tx, "insert b"), WEFT_ALREADY_EXISTS);
    ck_assert_int_eq(weft_tx_fail(tx, WEFT_INTERNAL, "later"), WEFT_ALREADY_EXISTS);
    ck_assert_int_eq(weft_work_finish(work, WEFT_OK), WEFT_ALREADY_EXISTS);
    ck_assert_uint_eq(fake->n_runs, 1); /* the plugin has rolled back: no ROLLBACK either */
    ck_assert_str_eq(work->fault.text, "constraint k is violated");
}
END_TEST

START_TEST(error_status_rolls_back_without_a_round_trip_when_nothing_was_sent)
{
    weft_exec(weft_call_tx(work), "insert a");
    ck_assert_int_eq(weft_work_finish(work, WEFT_NOT_FOUND), WEFT_NOT_FOUND);
    ck_assert_uint_eq(fake->n_runs, 0);
}
END_TEST

START_TEST(deadline_that_has_passed_sends_nothing)
{
    weft_exec(weft_call_tx(work), "insert a");
    work->tx = NULL;
    work->deadline_ns = weft_clock_ns() - 1;
    weft_exec(weft_call_tx(work), "insert a");
    ck_assert_int_eq(weft_work_finish(work, WEFT_OK), WEFT_DEADLINE_EXCEEDED);
    ck_assert_uint_eq(fake->n_runs, 0);
}
END_TEST

START_TEST(pooled_session_that_died_costs_no_answer)
{
    weft_exec(weft_call_tx(work), "insert a");
    weft_work_finish(work, WEFT_OK);
    fake->answers[1].rc = WEFT_RC_UNAVAILABLE;
    struct weft_work *other = fake_work_new(fake);
    weft_exec(weft_call_tx(other), "insert b");
    ck_assert_int_eq(weft_work_finish(other, WEFT_OK), WEFT_OK);
    ck_assert_uint_eq(fake->n_runs, 3);
    ck_assert_str_eq(fake->runs[1], fake->runs[2]);
    ck_assert_int_eq(fake->n_closed, 1);
    fake_work_free(other);
}
END_TEST

START_TEST(new_session_that_dies_is_not_tried_again)
{
    fake->answers[0].rc = WEFT_RC_UNAVAILABLE;
    weft_exec(weft_call_tx(work), "insert a");
    ck_assert_int_eq(weft_work_finish(work, WEFT_OK), WEFT_UNAVAILABLE);
    ck_assert_uint_eq(fake->n_runs, 1);
    ck_assert_int_eq(fake->n_closed, 1);
}
END_TEST

START_TEST(commit_whose_outcome_is_unknown_is_never_run_again)
{
    weft_exec(weft_call_tx(work), "insert a");
    weft_work_finish(work, WEFT_OK);
    fake->answers[1].rc = WEFT_RC_MAYBE_SENT;
    struct weft_work *other = fake_work_new(fake);
    weft_exec(weft_call_tx(other), "insert b");
    ck_assert_int_eq(weft_work_finish(other, WEFT_OK), WEFT_UNAVAILABLE);
    ck_assert_uint_eq(fake->n_runs, 2);
    ck_assert_ptr_nonnull(strstr(other->fault.text, "outcome is unknown"));
    ck_assert_int_eq(fake->n_closed, 1); /* nor is its session used again */
    fake_work_free(other);
}
END_TEST

START_TEST(outcome_names_statement_constraint_and_owner)
{
    fake->answers[0] = (struct fake_answer){ .rc = WEFT_RC_CONFLICT,
                                             .reason = WEFT_REASON_UNIQUE,
                                             .failed = 1,
                                             .constraint = "users_email_key",
                                             .text = "dup" };
    weft_tx *tx = weft_tx_new(work->arena, fake->store, WEFT_SESSION_LANE, work->deadline_ns, NULL);
    weft_tx_set_owner(tx, 4);
    weft_tx_queue(tx, "insert a", NULL, 0);
    weft_tx_set_owner(tx, 5);
    weft_tx_queue(tx, "insert b", NULL, 0);
    struct weft_tx_outcome outcome;
    ck_assert_int_eq(weft_tx_commit(tx, &outcome), WEFT_ALREADY_EXISTS);
    ck_assert_uint_eq(outcome.owner, 5);
    ck_assert_int_eq(outcome.rc, WEFT_RC_CONFLICT);
    ck_assert_uint_eq(outcome.reason, WEFT_REASON_UNIQUE);
    ck_assert_str_eq(outcome.text, "conflict, constraint users_email_key: dup; statement: insert b");
}
END_TEST

START_TEST(commit_itself_that_fails_is_nobodys_fault)
{
    fake->answers[0] = (struct fake_answer){ .rc = WEFT_RC_CONFLICT, .reason = WEFT_REASON_FOREIGN_KEY, .failed = 1 };
    weft_tx *tx = weft_call_tx(work);
    weft_exec(tx, "insert a");
    struct weft_tx_outcome outcome;
    ck_assert_int_eq(weft_tx_commit(tx, &outcome), WEFT_FAILED_PRECONDITION);
    ck_assert_uint_eq(outcome.owner, UINT32_MAX);
}
END_TEST

START_TEST(cut_takes_back_what_a_failing_event_queued)
{
    weft_tx *tx = weft_call_tx(work);
    weft_exec(tx, "insert a");
    emit(tx, "e1");
    const struct weft_tx_mark mark = weft_tx_mark(tx);
    weft_exec(tx, "insert b");
    emit(tx, "e2");
    weft_cache_drop(tx, "key");
    weft_tx_fail(tx, WEFT_INTERNAL, "no");
    ck_assert(weft_tx_cut(tx, mark));
    ck_assert_ptr_null(weft_tx_cache_drops(tx)[0]);
    ck_assert_int_eq(weft_tx_commit(tx, NULL), WEFT_OK);
    ck_assert_str_eq(
        fake->runs[0],
        "BEGIN; insert a; outbox (e1, t, o, r, null, null, null, null, null, null, null, 0, null); COMMIT");
}
END_TEST

START_TEST(cut_leaves_what_was_sent_before_the_mark)
{
    weft_tx *tx = weft_call_tx(work);
    const struct weft_rowset *set;
    ck_assert_int_eq(weft_tx_rows(tx, "inbox", NULL, 0, &set), WEFT_OK);
    const struct weft_tx_mark mark = weft_tx_mark(tx);
    weft_exec(tx, "insert b");
    ck_assert(weft_tx_cut(tx, mark));
    ck_assert_int_eq(weft_tx_commit(tx, NULL), WEFT_OK);
    ck_assert_str_eq(fake->runs[1], "COMMIT");
}
END_TEST

START_TEST(cut_is_refused_when_something_was_sent_meanwhile)
{
    weft_tx *tx = weft_call_tx(work);
    const struct weft_tx_mark mark = weft_tx_mark(tx);
    weft_rows *rows;
    ck_assert_int_eq(weft_fetch(tx, &rows, "select 1"), WEFT_OK);
    ck_assert(!weft_tx_cut(tx, mark));
    weft_tx_rollback(tx);
}
END_TEST

START_TEST(several_reads_are_one_round_trip)
{
    weft_tx *tx = weft_call_tx(work);
    weft_exec(tx, "insert a");
    const struct weft_statement reads[] = { { "select b", NULL, 0, 0 }, { "select c", NULL, 0, 0 } };
    const struct weft_rowset *sets;
    ck_assert_int_eq(weft_tx_read(tx, reads, 2, &sets), WEFT_OK);
    ck_assert_ptr_eq(sets, &fake->sets[1]);
    ck_assert_str_eq(fake->runs[0], "BEGIN; insert a; select b; select c");
    weft_tx_rollback(tx);
}
END_TEST

START_TEST(transaction_has_a_limit)
{
    weft_tx *tx = weft_call_tx(work);
    for (int i = 0; i < 10000; i++)
        ck_assert_int_eq(weft_exec(tx, "insert a"), WEFT_OK);
    ck_assert_int_eq(weft_exec(tx, "insert a"), WEFT_RESOURCE_EXHAUSTED);
    ck_assert_int_eq(weft_work_finish(work, WEFT_OK), WEFT_RESOURCE_EXHAUSTED);
    ck_assert_uint_eq(fake->n_runs, 0);
}
END_TEST

TCase *tx_case(void)
{
    TCase *tcase = tcase_create("tx");
    tcase_add_checked_fixture(tcase, begin, end);
    tcase_add_test(tcase, transaction_that_only_writes_is_one_round_trip);
    tcase_add_test(tcase, nothing_asked_for_is_no_round_trip);
    tcase_add_test(tcase, fetch_takes_what_is_queued_along);
    tcase_add_test(tcase, outbox_rows_are_last_whenever_they_were_emitted);
    tcase_add_test(tcase, relay_is_woken_by_a_commit_with_events_alone);
    tcase_add_test(tcase, other_processes_are_notified_in_the_same_commit);
    tcase_add_test(tcase, parameters_are_copied);
    tcase_add_test(tcase, expectation_that_does_not_hold_emits_nothing);
    tcase_add_test(tcase, expectation_that_holds_commits_in_the_second_round_trip);
    tcase_add_test(tcase, first_error_wins_and_nothing_follows_it);
    tcase_add_test(tcase, error_status_rolls_back_without_a_round_trip_when_nothing_was_sent);
    tcase_add_test(tcase, deadline_that_has_passed_sends_nothing);
    tcase_add_test(tcase, pooled_session_that_died_costs_no_answer);
    tcase_add_test(tcase, new_session_that_dies_is_not_tried_again);
    tcase_add_test(tcase, commit_whose_outcome_is_unknown_is_never_run_again);
    tcase_add_test(tcase, outcome_names_statement_constraint_and_owner);
    tcase_add_test(tcase, commit_itself_that_fails_is_nobodys_fault);
    tcase_add_test(tcase, cut_takes_back_what_a_failing_event_queued);
    tcase_add_test(tcase, cut_leaves_what_was_sent_before_the_mark);
    tcase_add_test(tcase, cut_is_refused_when_something_was_sent_meanwhile);
    tcase_add_test(tcase, several_reads_are_one_round_trip);
    tcase_add_test(tcase, transaction_has_a_limit);
    return tcase;
}
