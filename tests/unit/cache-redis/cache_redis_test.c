/* The tests of plugins/cache-redis that need no server: how errors are understood, what is sent, how names are found.
 */
#include "address.h"
#include "clock.h"
#include "verb.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static redisReply error_reply(const char *text)
{
    return (redisReply){ .type = REDIS_REPLY_ERROR, .str = (char *)(uintptr_t)text };
}

static int32_t rc_of(uint32_t verb, const char *text)
{
    redisReply reply = error_reply(text);
    struct weft_cache_op op = { .verb = verb, .key = "k", .key_size = 1 };
    struct weft_cache_result result;
    verb_result(&op, &reply, &result);
    return result.rc;
}

START_TEST(redis_errors_say_what_a_retry_may_do)
{
    ck_assert_int_eq(rc_of(WEFT_CACHE_SET, "READONLY You can't write against a read only replica."),
                     WEFT_RC_UNAVAILABLE);
    ck_assert_int_eq(rc_of(WEFT_CACHE_SET, "OOM command not allowed when used memory > 'maxmemory'."),
                     WEFT_RC_UNAVAILABLE);
    ck_assert_int_eq(rc_of(WEFT_CACHE_DEL, "MISCONF Redis is configured to save RDB snapshots"), WEFT_RC_UNAVAILABLE);
    ck_assert_int_eq(rc_of(WEFT_CACHE_GET, "LOADING Redis is loading the dataset in memory"), WEFT_RC_UNAVAILABLE);
    ck_assert_int_eq(rc_of(WEFT_CACHE_GET, "ERR max number of clients reached"), WEFT_RC_UNAVAILABLE);
    ck_assert_int_eq(rc_of(WEFT_CACHE_GET, "NOAUTH Authentication required."), WEFT_RC_REFUSED);
    ck_assert_int_eq(rc_of(WEFT_CACHE_GET, "NOPERM this user has no permissions"), WEFT_RC_REFUSED);
    ck_assert_int_eq(rc_of(WEFT_CACHE_GET, "WRONGTYPE Operation against a key"), WEFT_RC_INVALID);
    ck_assert_int_eq(rc_of(WEFT_CACHE_INCR, "ERR value is not an integer or out of range"), WEFT_RC_INVALID);
    ck_assert_int_eq(rc_of(WEFT_CACHE_GET, ""), WEFT_RC_INVALID);
}
END_TEST

START_TEST(redis_replies_of_another_kind_are_invalid)
{
    redisReply number = { .type = REDIS_REPLY_INTEGER, .integer = 1 }, array = { .type = REDIS_REPLY_ARRAY };
    for (uint32_t verb = WEFT_CACHE_GET; verb <= WEFT_CACHE_GET_EXPIRE; verb++) {
        struct weft_cache_op op = { .verb = verb, .key = "k", .key_size = 1 };
        struct weft_cache_result result;
        verb_result(&op, &array, &result);
        ck_assert_int_eq(result.rc, WEFT_RC_INVALID);
    }
    struct weft_cache_op get = { .verb = WEFT_CACHE_GET };
    struct weft_cache_result result;
    verb_result(&get, &number, &result);
    ck_assert_int_eq(result.rc, WEFT_RC_INVALID);
    ck_assert_ptr_null(result.value);
}
END_TEST

START_TEST(redis_demoted_servers_are_left)
{
    redisReply readonly = error_reply("READONLY You can't write"), oom = error_reply("OOM no"),
               wrong = error_reply("ERR x");
    redisReply ok = { .type = REDIS_REPLY_STATUS };
    ck_assert(reply_says_go_elsewhere(&readonly));
    ck_assert(!reply_says_go_elsewhere(&oom));
    ck_assert(!reply_says_go_elsewhere(&wrong));
    ck_assert(!reply_says_go_elsewhere(&ok));
}
END_TEST

START_TEST(redis_hit_costs_one_command)
{
    struct request request = { 0 };
    struct weft_cache_op op = { .verb = WEFT_CACHE_GET_OR_LEASE, .key = "a b", .key_size = 3, .integer = 3000 };
    verb_add(&request, &op);
    ck_assert_uint_eq(request.n_commands, 1);
    ck_assert_mem_eq(request.bytes, "*2\r\n$3\r\nGET\r\n$3\r\na b\r\n", request.size);
    request_free(&request);
}
END_TEST

START_TEST(redis_writes_end_the_lease_first)
{
    struct request request = { 0 };
    struct weft_cache_op op = {
        .verb = WEFT_CACHE_SET, .key = "k", .key_size = 1, .value = "v", .value_size = 1, .ttl_ms = 5
    };
    static const char expected[] = "*2\r\n$3\r\nDEL\r\n$12\r\nweft:lease:k\r\n"
                                   "*5\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n$2\r\nPX\r\n$1\r\n5\r\n";
    verb_add(&request, &op);
    ck_assert_uint_eq(request.size, sizeof expected - 1);
    ck_assert_mem_eq(request.bytes, expected, request.size);
    request_free(&request);
}
END_TEST

/* A link over a pair of sockets; `server` gets the other end. */
static struct link link_pair(int *ret_server)
{
    int ends[2];
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    *ret_server = ends[1];
    return (struct link){ .address = address_new("test", 1), .fd = ends[0], .reader = redisReaderCreate() };
}

static void link_end(struct link *link, int server)
{
    link_close(link);
    address_free(link->address);
    close(server);
}

static int32_t receive(struct link *link, double seconds, struct weft_error *ret_error)
{
    redisReply *reply;
    int32_t rc = link_receive(link, &reply, clock_now_ns() + (uint64_t)(seconds * 1e9), ret_error);
    if (rc == WEFT_RC_OK) freeReplyObject(reply);
    return rc;
}

START_TEST(redis_answers_that_come_in_pieces_are_one)
{
    int server;
    struct weft_error error;
    struct link link = link_pair(&server);
    ck_assert_int_eq(write(server, "$5\r\nhe", 6), 6);
    ck_assert_int_eq(receive(&link, 0.05, &error), WEFT_RC_TIMEOUT);
    ck_assert_int_eq(write(server, "llo\r\n:7\r\n", 9), 9);
    ck_assert_int_eq(receive(&link, 1, &error), WEFT_RC_OK);
    ck_assert(!link_is_even(&link)); /* there is one more, which nobody asked for */
    ck_assert_int_eq(receive(&link, 1, &error), WEFT_RC_OK);
    ck_assert(link_is_even(&link));
    link_end(&link, server);
}
END_TEST

START_TEST(redis_answers_that_are_not_its_protocol_are_unavailable)
{
    int server;
    struct weft_error error = { 0 };
    struct link link = link_pair(&server);
    ck_assert_int_eq(write(server, "HTTP/1.1 400 Bad Request\r\n\r\n", 28), 28);
    ck_assert_int_eq(receive(&link, 1, &error), WEFT_RC_UNAVAILABLE);
    ck_assert_ptr_nonnull(strstr(error.text, "protocol"));
    link_end(&link, server);
}
END_TEST

START_TEST(redis_closed_connection_is_unavailable_and_no_signal)
{
    int server;
    struct weft_error error = { 0 };
    struct link link = link_pair(&server);
    close(server);
    ck_assert_int_eq(link_send(&link, "PING\r\n", 6, clock_now_ns() + SECOND_NS, &error), WEFT_RC_UNAVAILABLE);
    ck_assert_int_eq(receive(&link, 1, &error), WEFT_RC_UNAVAILABLE);
    link_end(&link, -1);
}
END_TEST

START_TEST(redis_names_are_found)
{
    struct addrinfo *list = NULL;
    struct weft_error error = { 0 };
    struct address *numeric = address_new("127.0.0.1", 6379), *local = address_new("localhost", 6379);
    ck_assert_int_eq(address_find(numeric, 0, &list, &error), WEFT_RC_OK); /* nothing to wait for */
    freeaddrinfo(list);
    ck_assert_int_eq(address_find(local, clock_now_ns() + 5ull * SECOND_NS, &list, &error), WEFT_RC_OK);
    freeaddrinfo(list);
    address_free(numeric);
    address_free(local);
}
END_TEST

#if !defined(__SANITIZE_THREAD__) /* see address_find */
START_TEST(redis_names_that_are_unknown_fail_in_time)
{
    struct addrinfo *list = NULL;
    struct weft_error error = { 0 };
    struct address *nowhere = address_new("no-such-host.invalid", 6379);
    uint64_t start = clock_now_ns();
    ck_assert_int_ne(address_find(nowhere, start + SECOND_NS, &list, &error), WEFT_RC_OK);
    ck_assert_uint_lt(clock_now_ns() - start, 1100000000u);
    ck_assert_ptr_nonnull(strstr(error.text, "no-such-host.invalid"));
    address_free(nowhere);
}
END_TEST
#endif

int main(void)
{
    Suite *suite = suite_create("cache-redis");
    TCase *tests = tcase_create("cache-redis");
    tcase_add_test(tests, redis_errors_say_what_a_retry_may_do);
    tcase_add_test(tests, redis_replies_of_another_kind_are_invalid);
    tcase_add_test(tests, redis_demoted_servers_are_left);
    tcase_add_test(tests, redis_hit_costs_one_command);
    tcase_add_test(tests, redis_writes_end_the_lease_first);
    tcase_add_test(tests, redis_answers_that_come_in_pieces_are_one);
    tcase_add_test(tests, redis_answers_that_are_not_its_protocol_are_unavailable);
    tcase_add_test(tests, redis_closed_connection_is_unavailable_and_no_signal);
    tcase_add_test(tests, redis_names_are_found);
#if !defined(__SANITIZE_THREAD__)
    tcase_add_test(tests, redis_names_that_are_unknown_fail_in_time);
#endif
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
