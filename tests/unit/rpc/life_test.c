/* Start, drain, stop. */
#include "rig.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define ECHO "/test.v1.EchoService/Echo"

static weft_status echo(struct rig *rig, struct weft_fault *fault)
{
    struct weft_channel_reply reply;
    weft_status status = rig_call(rig, ECHO, "", 0, &reply, fault);
    weft_channel_reply_free(&reply);
    return status;
}

START_TEST(server_names_a_taken_port)
{
    struct rig *rig = rig_start(NULL);
    struct weft_rpc_options options = { .listen = rig->address };
    struct weft_rpc_server *server = NULL;
    struct weft_fault fault;
    ck_assert_int_eq(weft_rpc_server_new(&options, rig->registry, NULL, 0, &server, &fault), WEFT_UNAVAILABLE);
    ck_assert_msg(strstr(fault.text, rig->address) != NULL, "%s", fault.text);
    ck_assert_ptr_null(server);
    rig_stop(rig);
}
END_TEST

START_TEST(server_refuses_addresses_that_are_none)
{
    static const char *const bad[] = {
        "", "127.0.0.1", "::1:0", "127.0.0.1:99999", "127.0.0.1:x", "no-such-host.invalid:0", "192.0.2.1:0"
    };
    struct weft_registry *registry = weft_registry_new();
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct weft_rpc_options options = { .listen = bad[i] };
        struct weft_rpc_server *server = NULL;
        struct weft_fault fault;
        ck_assert_msg(weft_rpc_server_new(&options, registry, NULL, 0, &server, &fault) != WEFT_OK, "%s", bad[i]);
        ck_assert_ptr_null(server);
    }
    weft_registry_free(registry);
}
END_TEST

START_TEST(server_can_be_stopped_before_its_start)
{
    rig_stop(rig_new(NULL));
}
END_TEST

START_TEST(server_answers_unavailable_until_it_serves)
{
    struct rig *rig = rig_new(NULL);
    struct weft_fault fault;
    ck_assert_int_eq(weft_rpc_server_start(rig->server, &fault), WEFT_OK);
    rig->channel = weft_channel_new(rig->address, 0);
    ck_assert_int_eq(echo(rig, &fault), WEFT_UNAVAILABLE);
    ck_assert_str_eq(fault.text, "starting: not ready yet, try again");
    weft_rpc_server_serving(rig->server, true);
    ck_assert_int_eq(echo(rig, &fault), WEFT_OK);
    weft_rpc_server_serving(rig->server, false); /* balancers need time to turn away */
    ck_assert_int_eq(echo(rig, &fault), WEFT_OK);
    rig_stop(rig);
}
END_TEST

static void *drain_main(void *arg)
{
    struct rig *rig = arg;
    weft_rpc_server_drain(rig->server, weft_clock_ns() + 10 * WEFT_SECOND);
    return NULL;
}

START_TEST(drain_lets_calls_end_and_refuses_new_ones)
{
    struct rig *rig = rig_start(NULL);
    struct rig_blocked calls[3];
    struct weft_fault fault;
    pthread_t thread;
    rig_block(rig, calls, 3, false);
    rig_wait_blocked(rig, 3);
    pthread_create(&thread, NULL, drain_main, rig);
    for (int tries = 0; tries < 100000 && echo(rig, &fault) == WEFT_OK; tries++)
        continue;
    weft_status refused = echo(rig, &fault);
    ck_assert_msg(refused == WEFT_UNAVAILABLE, "%s: %s", weft_status_name(refused), fault.text);
    rig_open_gate(rig);
    pthread_join(thread, NULL);
    rig_join(calls, 3);
    for (int i = 0; i < 3; i++)
        ck_assert_msg(calls[i].status == WEFT_OK, "%s", calls[i].fault.text);
    rig_stop(rig);
}
END_TEST

/* Calls until one fails, on a connection of its own. */
struct caller {
    struct rig *rig;
    pthread_t thread;
    struct weft_fault fault;
};

static void *caller_main(void *arg)
{
    struct caller *caller = arg;
    while (echo(caller->rig, &caller->fault) == WEFT_OK)
        continue;
    return NULL;
}

/* Each is a chance for a call to cross with the drain; calls take some hundred times as long under the sanitizer. */
#ifdef __SANITIZE_THREAD__
enum { DRAINS = 2 };
#else
enum { DRAINS = 20 };
#endif

START_TEST(drain_answers_calls_that_are_on_their_way)
{
    for (int round = 0; round < DRAINS; round++) {
        struct rig *rig = rig_start(NULL);
        struct rig others[4];
        struct caller callers[4];
        for (int i = 0; i < 4; i++) {
            others[i] = (struct rig){ .channel = weft_channel_new(rig->address, 0) };
            callers[i] = (struct caller){ .rig = &others[i] };
            pthread_create(&callers[i].thread, NULL, caller_main, &callers[i]);
        }
        for (int i = 0; i < 50; i++)
            ck_assert_int_eq(echo(rig, &callers[0].fault), WEFT_OK);
        drain_main(rig);
        for (int i = 0; i < 4; i++) {
            pthread_join(callers[i].thread, NULL);
            ck_assert_msg(callers[i].fault.status == WEFT_UNAVAILABLE, "round %d: %s: %s", round,
                          weft_status_name(callers[i].fault.status), callers[i].fault.text);
            weft_channel_free(others[i].channel);
        }
        rig_stop(rig);
    }
}
END_TEST

START_TEST(drain_cancels_calls_at_its_deadline)
{
    struct rig *rig = rig_start(NULL);
    struct rig_blocked calls[2];
    rig_block(rig, calls, 2, false);
    rig_wait_blocked(rig, 2);
    uint64_t begun_ns = weft_clock_ns();
    weft_rpc_server_drain(rig->server, begun_ns + 100 * WEFT_MS);
    ck_assert_uint_lt(weft_clock_ns() - begun_ns, 5 * WEFT_SECOND);
    rig_join(calls, 2); /* cancelled, while their handlers still wait */
    for (int i = 0; i < 2; i++)
        ck_assert_int_ne(calls[i].status, WEFT_OK);
    rig_open_gate(rig);
    rig_stop(rig);
}
END_TEST

/* ---- connections ------------------------------------------------------------------------------------------------- */

static int raw_socket(void)
{
    const struct timeval limit = { .tv_sec = 5 };
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    ck_assert_int_ge(fd, 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    return fd;
}

static void raw_connect(const struct rig *rig, int fd)
{
    const struct sockaddr_in address = { .sin_family = AF_INET,
                                         .sin_port = htons(weft_rpc_server_port(rig->server)),
                                         .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    ck_assert_int_eq(connect(fd, (const struct sockaddr *)&address, sizeof address), 0);
}

/* Has the server closed it? One that is kept gets the server's SETTINGS. */
static bool raw_is_closed(int fd)
{
    char bytes[16];
    ssize_t n = recv(fd, bytes, sizeof bytes, 0);
    ck_assert_msg(n >= 0 || errno == ECONNRESET, "%s", strerror(errno));
    return n <= 0;
}

START_TEST(server_turns_away_connections_over_the_limit_and_counts_those_that_end)
{
    struct rig *rig = rig_start(&(struct weft_rpc_options){ .max_connections = 8 });
    struct weft_fault fault;
    int fds[4];
    for (int i = 0; i < 4; i++) { /* half of them are for one address */
        raw_connect(rig, fds[i] = raw_socket());
        ck_assert(!raw_is_closed(fds[i]));
    }
    int fd = raw_socket();
    raw_connect(rig, fd);
    ck_assert(raw_is_closed(fd));
    close(fd);
    for (int i = 0; i < 4; i++)
        close(fds[i]);
    for (uint64_t end_ns = weft_clock_ns() + 5 * WEFT_SECOND; echo(rig, &fault) != WEFT_OK;)
        ck_assert_msg(weft_clock_ns() < end_ns, "%s", fault.text);
    rig_stop(rig);
}
END_TEST

START_TEST(server_accepts_again_after_it_was_out_of_descriptors)
{
    struct rig *rig = rig_start(NULL);
    struct weft_fault fault;
    struct rlimit before, tight;
    int fds[40];
    for (int i = 0; i < 40; i++)
        fds[i] = raw_socket();
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
    tight = before;
    tight.rlim_cur = (rlim_t)fds[39] + 1; /* all below are in use */
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &tight), 0);
    for (int i = 0; i < 3; i++) {
        raw_connect(rig, fds[i]);
        ck_assert(raw_is_closed(fds[i]));
    }
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
    ck_assert_int_eq(echo(rig, &fault), WEFT_OK);
    for (int i = 0; i < 40; i++)
        close(fds[i]);
    rig_stop(rig);
}
END_TEST

/* ---- under load -------------------------------------------------------------------------------------------------- */

struct load {
    struct rig *rig;
    pthread_t thread;
    atomic_bool *stop;
    atomic_uint *answered;
    unsigned seed;
};

/* A client as they are: calls with short deadlines, streams that are dropped, connections that come and go. */
static void *load_main(void *arg)
{
    static const char *const paths[] = { ECHO,       ECHO,
                                         ECHO,       "/grpc.health.v1.Health/Watch",
                                         "/no/such", "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo" };
    struct load *load = arg;
    unsigned round = load->seed;
    while (!atomic_load(load->stop)) {
        struct weft_channel *channel = weft_channel_new(load->rig->address, 0);
        for (int i = 0; i < 20 && !atomic_load(load->stop); i++, round++) {
            const char *path = paths[round % 6];
            struct weft_channel_request request = { .path = path, .message = "" };
            struct weft_fault fault;
            request.deadline_ns = weft_clock_ns() + (round % 4 == 0 ? 200000 : 2 * WEFT_SECOND);
            if (round % 6 < 3) {
                struct weft_channel_reply reply;
                if (weft_channel_call(channel, &request, &reply, &fault) == WEFT_OK)
                    atomic_fetch_add(load->answered, 1);
                weft_channel_reply_free(&reply);
                continue;
            }
            struct weft_stream *stream;
            if (weft_stream_open(channel, &request, &stream, &fault) != WEFT_OK) continue;
            weft_stream_send(stream, "\x3a\x01*", 3, &fault);
            weft_stream_close(stream);
        }
        weft_channel_free(channel);
    }
    return NULL;
}

static void wait_answered(const atomic_uint *answered, unsigned n)
{
    for (uint64_t end_ns = weft_clock_ns() + 60 * WEFT_SECOND; atomic_load(answered) < n && weft_clock_ns() < end_ns;)
        sched_yield();
    ck_assert_uint_ge(atomic_load(answered), n);
}

START_TEST(server_stops_under_load_with_clients_that_come_and_go)
{
    for (int round = 0; round < 8; round++) {
        struct rig *rig = rig_start(&(struct weft_rpc_options){ .workers = 3, .max_workers = 6 });
        atomic_bool stop = false;
        atomic_uint answered = 0;
        struct load loads[6];
        for (unsigned i = 0; i < 6; i++) {
            loads[i] = (struct load){ .rig = rig, .stop = &stop, .answered = &answered, .seed = i };
            pthread_create(&loads[i].thread, NULL, load_main, &loads[i]);
        }
        wait_answered(&answered, 30);
        weft_rpc_server_drain(rig->server, round % 2 == 0 ? 0 : weft_clock_ns() + 200 * WEFT_MS);
        weft_rpc_server_stop(rig->server);
        rig->server = NULL;
        atomic_store(&stop, true);
        for (unsigned i = 0; i < 6; i++)
            pthread_join(loads[i].thread, NULL);
        rig_stop(rig);
    }
}
END_TEST

TCase *life_case(void)
{
    TCase *tcase = tcase_create("life");
    tcase_set_timeout(tcase, 120);
    tcase_add_test(tcase, server_names_a_taken_port);
    tcase_add_test(tcase, server_refuses_addresses_that_are_none);
    tcase_add_test(tcase, server_can_be_stopped_before_its_start);
    tcase_add_test(tcase, server_answers_unavailable_until_it_serves);
    tcase_add_test(tcase, drain_lets_calls_end_and_refuses_new_ones);
    tcase_add_test(tcase, drain_answers_calls_that_are_on_their_way);
    tcase_add_test(tcase, drain_cancels_calls_at_its_deadline);
    tcase_add_test(tcase, server_turns_away_connections_over_the_limit_and_counts_those_that_end);
    tcase_add_test(tcase, server_accepts_again_after_it_was_out_of_descriptors);
    tcase_add_test(tcase, server_stops_under_load_with_clients_that_come_and_go);
    return tcase;
}
