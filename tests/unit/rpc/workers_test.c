/* Leader and followers: who runs what while others wait. */
#include "rig.h"

#include <string.h>

#define ECHO  "/test.v1.EchoService/Echo"
#define BLOCK "/test.v1.EchoService/Block"
#define CHECK "/grpc.health.v1.Health/Check"

static weft_status call(struct rig *rig, const char *path, struct weft_fault *fault)
{
    struct weft_channel_reply reply;
    weft_status status = rig_call(rig, path, "", 0, &reply, fault);
    weft_channel_reply_free(&reply);
    return status;
}

static void end(struct rig *rig, struct rig_blocked *calls, unsigned n)
{
    rig_open_gate(rig);
    rig_join(calls, n);
    for (unsigned i = 0; i < n; i++)
        ck_assert_msg(calls[i].status == WEFT_OK, "%s", calls[i].fault.text);
    rig_stop(rig);
}

START_TEST(workers_answer_while_others_wait)
{
    struct rig *rig = rig_start(&(struct weft_rpc_options){ .workers = 4, .max_workers = 8 });
    struct rig_blocked calls[3];
    struct weft_fault fault;
    rig_block(rig, calls, 3, false);
    rig_wait_blocked(rig, 3);
    ck_assert_int_eq(call(rig, ECHO, &fault), WEFT_OK);
    end(rig, calls, 3);
}
END_TEST

START_TEST(workers_have_a_reserve)
{
    struct rig *rig = rig_start(&(struct weft_rpc_options){ .workers = 1, .max_workers = 12 });
    struct rig_blocked calls[11];
    struct weft_fault fault;
    rig_block(rig, calls, 11, false);
    rig_wait_blocked(rig, 11);
    ck_assert_int_eq(call(rig, CHECK, &fault), WEFT_OK);
    end(rig, calls, 11);
}
END_TEST

START_TEST(health_answers_while_all_workers_wait)
{
    struct rig *rig = rig_start(&(struct weft_rpc_options){ .workers = 2, .max_workers = 4 });
    struct rig_blocked calls[8];
    struct weft_fault fault;
    rig_block(rig, calls, 8, false);
    rig_wait_blocked(rig, 3); /* the fourth is on the queue */
    uint64_t begun_ns = weft_clock_ns();
    ck_assert_int_eq(call(rig, CHECK, &fault), WEFT_OK);
    ck_assert_uint_lt(weft_clock_ns() - begun_ns, 2 * WEFT_SECOND);
    ck_assert_int_eq(call(rig, "/no/such", &fault), WEFT_UNIMPLEMENTED);
    end(rig, calls, 8); /* those that had no worker got one */
}
END_TEST

START_TEST(workers_refuse_more_calls_than_may_be_at_work)
{
    struct rig *rig = rig_start(&(struct weft_rpc_options){ .workers = 2, .max_workers = 3, .max_calls = 2 });
    struct rig_blocked calls[2];
    struct weft_fault fault;
    rig_block(rig, calls, 2, false);
    rig_wait_blocked(rig, 2);
    for (int i = 0; i < 50; i++)
        ck_assert_int_eq(call(rig, ECHO, &fault), WEFT_RESOURCE_EXHAUSTED);
    ck_assert_str_eq(fault.text, "too many calls at a time, try again later");
    ck_assert_int_eq(call(rig, CHECK, &fault), WEFT_OK);
    end(rig, calls, 2);
}
END_TEST

/* A call that finds no worker, and its client gives up. */
static void give_up(struct rig *rig, const char *path, uint64_t after_ns)
{
    struct weft_channel_reply reply;
    struct weft_fault fault;
    const struct weft_channel_request request = { .path = path,
                                                  .deadline_ns = weft_clock_ns() + after_ns,
                                                  .message = "" };
    ck_assert_int_eq(weft_channel_call(rig->channel, &request, &reply, &fault), WEFT_DEADLINE_EXCEEDED);
    weft_channel_reply_free(&reply);
}

START_TEST(workers_do_not_run_a_call_whose_deadline_has_passed)
{
    struct rig *rig = rig_start(&(struct weft_rpc_options){ .workers = 2, .max_workers = 2 });
    struct rig_blocked calls[1];
    rig_block(rig, calls, 1, false);
    rig_wait_blocked(rig, 1);
    give_up(rig, BLOCK, 50 * WEFT_MS);
    give_up(rig, ECHO,
            500 * WEFT_MS); /* by then the server's clock, which is a little behind, has passed the first's */
    rig_open_gate(rig);
    rig_join(calls, 1);
    weft_rpc_server_stop(rig->server); /* every call has been dealt with then */
    rig->server = NULL;
    ck_assert_uint_eq(rig->entered, 1);
    rig_stop(rig);
}
END_TEST

START_TEST(workers_relieve_a_leader_that_waits_unseen)
{
    struct rig *rig = rig_start(&(struct weft_rpc_options){ .workers = 4, .max_workers = 8 });
    struct rig_blocked calls[1];
    struct weft_fault fault;
    rig_block(rig, calls, 1, true);
    rig_wait_blocked(rig, 1);
    uint64_t begun_ns = weft_clock_ns();
    ck_assert_int_eq(call(rig, ECHO, &fault), WEFT_OK);
    ck_assert_uint_lt(weft_clock_ns() - begun_ns, 2 * WEFT_SECOND);
    end(rig, calls, 1);
}
END_TEST

TCase *workers_case(void)
{
    TCase *tcase = tcase_create("workers");
    tcase_set_timeout(tcase, 30);
    tcase_add_test(tcase, workers_answer_while_others_wait);
    tcase_add_test(tcase, workers_have_a_reserve);
    tcase_add_test(tcase, health_answers_while_all_workers_wait);
    tcase_add_test(tcase, workers_refuse_more_calls_than_may_be_at_work);
    tcase_add_test(tcase, workers_do_not_run_a_call_whose_deadline_has_passed);
    tcase_add_test(tcase, workers_relieve_a_leader_that_waits_unseen);
    return tcase;
}
