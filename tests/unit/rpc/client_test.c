/* Calls of services: typed, through the network and inside the host. */
#include "rig.h"

#include "base/arena.h"
#include "data/work.h"
#include <string.h>

static struct rig *rig;

static void setup(void)
{
    rig = rig_new(NULL);
    rig->client = weft_client_new(rig->address, 2000);
    rig_serve(rig);
}

static void teardown(void)
{
    rig_stop(rig);
}

START_TEST(client_calls_without_a_work)
{
    Test__V1__EchoResponse *answer = NULL;
    weft_status status =
        test_v1_echo_service_echo(rig->client, NULL, &(Test__V1__EchoRequest){ .text = (char[]){ "hi" } }, &answer);
    ck_assert_msg(status == WEFT_OK, "%s", weft_client_error());
    ck_assert_str_eq(answer->text, "hi");
    ck_assert_int_gt(answer->left_ms, 1000);
    ck_assert_int_le(answer->left_ms, 2100);
    test__v1__echo_response__free_unpacked(answer, NULL);
}
END_TEST

START_TEST(client_gives_the_callees_status_and_text)
{
    Test__V1__FailResponse *answer = NULL;
    const Test__V1__FailRequest request = { .code = WEFT_NOT_FOUND, .text = (char[]){ "no such user" } };
    ck_assert_int_eq(test_v1_echo_service_fail(rig->client, NULL, &request, &answer), WEFT_NOT_FOUND);
    ck_assert_ptr_null(answer);
    ck_assert_str_eq(weft_client_error(), "/test.v1.EchoService/Fail: no such user");
}
END_TEST

START_TEST(client_of_nobody_is_unavailable)
{
    weft_client *client = weft_client_new("127.0.0.1:1", 2000);
    Test__V1__EchoResponse *answer = NULL;
    ck_assert_int_eq(test_v1_echo_service_echo(client, NULL, &(Test__V1__EchoRequest){ 0 }, &answer), WEFT_UNAVAILABLE);
    weft_client_free(client);
}
END_TEST

static weft_status forward(bool to_itself, struct weft_channel_reply *reply, struct weft_fault *fault)
{
    static const char *const metadata[] = { "x-correlation-id", "from-outside", NULL };
    const struct weft_channel_request request = { .path = "/test.v1.EchoService/Forward",
                                                  .metadata = metadata,
                                                  .deadline_ns = weft_clock_ns() + 10 * WEFT_SECOND,
                                                  .message = to_itself ? "\x10\x01" : "\x0a\x02hi",
                                                  .size = to_itself ? 2 : 4 };
    return weft_channel_call(rig->channel, &request, reply, fault);
}

static void expect_forwarded(void)
{
    struct weft_channel_reply reply;
    struct weft_fault fault;
    weft_status status = forward(false, &reply, &fault);
    ck_assert_msg(status == WEFT_OK, "%s", fault.text);
    Test__V1__ForwardResponse *response = test__v1__forward_response__unpack(NULL, reply.size, reply.message);
    ck_assert_str_eq(response->text, "hi");
    ck_assert_str_eq(response->correlation_id, "from-outside");
    test__v1__forward_response__free_unpacked(response, NULL);
    weft_channel_reply_free(&reply);
}

START_TEST(client_passes_the_correlation_id_on)
{
    expect_forwarded();
}
END_TEST

/* With the table of the host's methods, and a client that could reach nobody. */
static void setup_local(void)
{
    rig = rig_new(NULL);
    const struct weft_rpc_method *methods[RIG_METHODS];
    for (size_t i = 0; i < RIG_METHODS; i++)
        methods[i] = &rig->methods[i];
    rig->local = weft_rpc_local_new(methods, RIG_METHODS);
    for (size_t i = 0; i < RIG_METHODS; i++)
        rig->methods[i].local = rig->local;
    rig->client = weft_client_new("127.0.0.1:1", 2000);
    rig_serve(rig);
}

START_TEST(client_calls_a_service_of_the_same_host_without_the_network)
{
    expect_forwarded();
}
END_TEST

START_TEST(client_calls_in_a_circle_end)
{
    struct weft_channel_reply reply;
    struct weft_fault fault;
    ck_assert_int_eq(forward(true, &reply, &fault), WEFT_RESOURCE_EXHAUSTED);
    weft_channel_reply_free(&reply);
}
END_TEST

START_TEST(local_call_runs_a_method_as_a_call_of_its_own)
{
    struct weft_arena *arena = weft_arena_new(1024);
    static const char *const metadata[] = { "x-test", "8", NULL };
    const void *bytes = NULL;
    size_t size = 0;
    struct weft_fault fault;
    weft_status status = weft_rpc_call_local(&rig->methods[0], arena, "test-1", WEFT_NEVER, metadata, "\x0a\x02hi", 4,
                                             &bytes, &size, &fault);
    ck_assert_msg(status == WEFT_OK, "%s", fault.text);
    Test__V1__EchoResponse *response = test__v1__echo_response__unpack(NULL, size, bytes);
    ck_assert_str_eq(response->text, "hi");
    ck_assert_str_eq(response->correlation_id, "test-1");
    ck_assert_str_eq(response->metadata, "8");
    ck_assert_int_gt(response->left_ms, 25000);
    test__v1__echo_response__free_unpacked(response, NULL);
    weft_arena_free(arena);
}
END_TEST

START_TEST(local_call_fails_as_one_from_the_network_does)
{
    struct weft_arena *arena = weft_arena_new(1024);
    const void *bytes = NULL;
    size_t size = 0;
    struct weft_fault fault;
    ck_assert_int_eq(
        weft_rpc_call_local(&rig->methods[0], arena, NULL, WEFT_NEVER, NULL, "\x0a\xff", 2, &bytes, &size, &fault),
        WEFT_INVALID_ARGUMENT);
    ck_assert_int_eq(
        weft_rpc_call_local(&rig->methods[1], arena, NULL, WEFT_NEVER, NULL, "\x1a\x04name", 6, &bytes, &size, &fault),
        WEFT_INVALID_ARGUMENT);
    ck_assert_uint_eq(fault.n_violations, 1);
    ck_assert_str_eq(fault.violations[0].field, "name");
    ck_assert_int_eq(weft_rpc_call_local(&rig->methods[0], arena, NULL, 1, NULL, "", 0, &bytes, &size, &fault),
                     WEFT_DEADLINE_EXCEEDED);
    weft_arena_free(arena);
}
END_TEST

TCase *client_case(void)
{
    TCase *tcase = tcase_create("client");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 30);
    tcase_add_test(tcase, client_calls_without_a_work);
    tcase_add_test(tcase, client_gives_the_callees_status_and_text);
    tcase_add_test(tcase, client_of_nobody_is_unavailable);
    tcase_add_test(tcase, client_passes_the_correlation_id_on);
    return tcase;
}

TCase *local_case(void)
{
    TCase *tcase = tcase_create("local");
    tcase_add_checked_fixture(tcase, setup_local, teardown);
    tcase_set_timeout(tcase, 30);
    tcase_add_test(tcase, client_calls_a_service_of_the_same_host_without_the_network);
    tcase_add_test(tcase, client_calls_in_a_circle_end);
    tcase_add_test(tcase, local_call_runs_a_method_as_a_call_of_its_own);
    tcase_add_test(tcase, local_call_fails_as_one_from_the_network_does);
    return tcase;
}
