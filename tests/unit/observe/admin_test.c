/* observe/admin/, over real sockets on loopback. */
#include "base/clock.h"
#include "observe/admin/admin.h"
#include "observe/admin/token.h"

#include <arpa/inet.h>
#include <check.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static struct weft_admin *admin;
static struct weft_fault fault;

#define TOKEN "0123456789abcdef"

static unsigned hello(void *arg, const struct weft_admin_request *request, struct weft_buffer *body)
{
    (void)request;
    weft_buffer_text(body, arg);
    return 200;
}

static unsigned not_yet(void *arg, const struct weft_admin_request *request, struct weft_buffer *body)
{
    (void)arg, (void)request, (void)body;
    return 503;
}

/* What it was asked: "a=<a> b=<b> body=<body>". */
static unsigned told(void *arg, const struct weft_admin_request *request, struct weft_buffer *body)
{
    (void)arg;
    size_t size;
    const char *a = weft_admin_parameter(request, "a"), *b = weft_admin_parameter(request, "b");
    weft_buffer_format(body, "a=%s b=%s body=", a != NULL ? a : "-", b != NULL ? b : "-");
    const char *bytes = weft_admin_body(request, &size);
    weft_buffer_add(body, bytes, size);
    ck_assert_int_eq(strncmp(weft_admin_from(request), "127.0.0.1:", 10), 0);
    return 200;
}

static struct {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    int n_waiting;
    bool go;
} gate = { .mutex = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER };

/* Waits at the gate, to its deadline or the server's end. */
static unsigned patient(void *arg, const struct weft_admin_request *request, struct weft_buffer *body)
{
    (void)arg;
    pthread_mutex_lock(&gate.mutex);
    gate.n_waiting++;
    pthread_cond_broadcast(&gate.changed);
    while (!gate.go && !weft_admin_ended(request) && weft_clock_ns() < weft_admin_deadline(request)) {
        struct timespec step = weft_clock_timespec(weft_clock_ns() + WEFT_ADMIN_STEP_MS * WEFT_MS);
        pthread_cond_clockwait(&gate.changed, &gate.mutex, CLOCK_MONOTONIC, &step);
    }
    gate.n_waiting--;
    pthread_mutex_unlock(&gate.mutex);
    weft_buffer_text(body, "at last");
    return 200;
}

static void gate_await(int n_waiting)
{
    pthread_mutex_lock(&gate.mutex);
    struct timespec end = weft_clock_timespec(weft_clock_ns() + 5 * WEFT_SECOND);
    while (gate.n_waiting < n_waiting)
        ck_assert_int_eq(pthread_cond_clockwait(&gate.changed, &gate.mutex, CLOCK_MONOTONIC, &end), 0);
    pthread_mutex_unlock(&gate.mutex);
}

static void gate_open(void)
{
    pthread_mutex_lock(&gate.mutex);
    gate.go = true;
    pthread_cond_broadcast(&gate.changed);
    pthread_mutex_unlock(&gate.mutex);
}

static const struct weft_admin_route routes[] = {
    { "GET", "/hello", "text/plain", 0, 0, 0, NULL, hello },
    { "GET", "/not-yet", "application/json", 0, 0, 0, NULL, not_yet },
    { "POST", "/told", "text/plain", WEFT_ADMIN_TOKEN | WEFT_ADMIN_ACT, 1000, 0, "a b", told },
    { "GET", "/patient", "text/plain", WEFT_ADMIN_WAITS, 0, 30000, NULL, patient },
    { .path = NULL },
};

static weft_status start(const char *listen, const char *token, struct weft_admin **ret_admin)
{
    struct weft_admin_options options = { .listen = listen, .token = token, .routes = routes, .arg = "good day" };
    return weft_admin_start(&options, ret_admin, &fault);
}

static void setup(void)
{
    ck_assert_msg(start("127.0.0.1:0", TOKEN, &admin) == WEFT_OK, "%s", fault.text);
}

static void teardown(void)
{
    weft_admin_stop(admin);
}

static int connection(void)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_port = htons(weft_admin_port(admin)),
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct timeval limit = { .tv_sec = 5 };
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

/* Sends a request and returns all that comes back. */
static const char *asked(const char *request)
{
    static char answer[4096];
    size_t used = 0;
    ssize_t size;
    int fd = connection();
    ck_assert_int_eq(write(fd, request, strlen(request)), (ssize_t)strlen(request));
    while (used < sizeof answer - 1 && (size = read(fd, answer + used, sizeof answer - 1 - used)) > 0)
        used += (size_t)size;
    answer[used] = '\0';
    close(fd);
    return answer;
}

#define GET(path) "GET " path " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"

START_TEST(admin_answers_its_pages)
{
    const char *answer = asked(GET("/hello"));
    ck_assert_ptr_nonnull(strstr(answer, "HTTP/1.1 200"));
    ck_assert_ptr_nonnull(strstr(answer, "Content-Type: text/plain"));
    ck_assert_ptr_nonnull(strstr(answer, "\r\n\r\ngood day"));
    ck_assert_ptr_nonnull(strstr(asked(GET("/not-yet")), "HTTP/1.1 503"));
}
END_TEST

START_TEST(admin_lists_its_pages_when_there_is_no_such_page)
{
    const char *answer = asked(GET("/nothing"));
    ck_assert_ptr_nonnull(strstr(answer, "HTTP/1.1 404"));
    ck_assert_ptr_nonnull(strstr(answer, "[\"GET /hello\",\"GET /not-yet\","));
}
END_TEST

START_TEST(admin_answers_a_path_only_to_its_method_and_get_to_head_too)
{
    const char *post = "POST /hello HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    ck_assert_ptr_nonnull(strstr(asked(post), "HTTP/1.1 405"));
    const char *head = asked("HEAD /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    ck_assert_ptr_nonnull(strstr(head, "HTTP/1.1 200"));
    ck_assert_ptr_null(strstr(head, "good day"));
}
END_TEST

START_TEST(admin_answers_while_others_hold_connections_and_say_nothing)
{
    int idle[40];
    for (int i = 0; i < 40; i++)
        idle[i] = connection();
    ck_assert_ptr_nonnull(strstr(asked(GET("/hello")), "HTTP/1.1 200"));
    for (int i = 0; i < 40; i++)
        close(idle[i]);
}
END_TEST

START_TEST(admin_survives_garbage)
{
    asked("\x01\x02\x03 garbage\r\n\r\n");
    asked("GET /hello\r\n\r\n");
    ck_assert_ptr_nonnull(strstr(asked(GET("/hello")), "HTTP/1.1 200"));
}
END_TEST

START_TEST(admin_says_that_a_port_is_taken_or_an_address_is_none)
{
    struct weft_admin *other = NULL;
    char listen[32];
    snprintf(listen, sizeof listen, "127.0.0.1:%u", weft_admin_port(admin));
    ck_assert_int_eq(start(listen, NULL, &other), WEFT_UNAVAILABLE);
    ck_assert_ptr_nonnull(strstr(fault.text, listen));
    ck_assert_ptr_nonnull(strstr(fault.text, "taken"));
    ck_assert_int_eq(start("8080", NULL, &other), WEFT_INVALID_ARGUMENT);
    ck_assert_int_eq(start("127.0.0.1:", NULL, &other), WEFT_INVALID_ARGUMENT);
    ck_assert_int_eq(start("127.0.0.1:http-alt", NULL, &other), WEFT_INVALID_ARGUMENT);
}
END_TEST

#define POST(target, token, length, body)                                                                              \
    "POST " target " HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer " token                         \
    "\r\nContent-Length: " length "\r\n\r\n" body

START_TEST(admin_acts_only_for_who_shows_the_token)
{
    ck_assert_ptr_nonnull(strstr(asked(POST("/told", TOKEN, "2", "hi")), "HTTP/1.1 200"));
    const char *refusals[] = { POST("/told", "0123456789abcdeF", "2", "hi"),
                               POST("/told", "0123456789abcde", "2", "hi"), POST("/told", TOKEN "0", "2", "hi"),
                               POST("/told", "", "2", "hi"),
                               "POST /told HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n" };
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        const char *answer = asked(refusals[i]);
        ck_assert_msg(strstr(answer, "HTTP/1.1 401") != NULL, "%s gives %s", refusals[i], answer);
        ck_assert_ptr_nonnull(strstr(answer, "admin.token"));
        ck_assert_ptr_null(strstr(answer, TOKEN));
    }
}
END_TEST

START_TEST(admin_without_a_token_lets_nobody_act)
{
    struct weft_admin *with = admin;
    ck_assert_int_eq(start("127.0.0.1:0", NULL, &admin), WEFT_OK);
    ck_assert_ptr_nonnull(strstr(asked(POST("/told", "", "2", "hi")), "HTTP/1.1 401"));
    ck_assert_ptr_nonnull(strstr(asked(GET("/hello")), "HTTP/1.1 200"));
    weft_admin_stop(admin);
    admin = with;
}
END_TEST

START_TEST(admin_hands_over_parameters_and_body)
{
    ck_assert_ptr_nonnull(strstr(asked(POST("/told?a=1%202&b=", TOKEN, "2", "hi")), "\r\n\r\na=1 2 b= body=hi"));
    ck_assert_ptr_nonnull(strstr(asked(POST("/told", TOKEN, "0", "")), "\r\n\r\na=- b=- body="));
    const char *unknown = asked(POST("/told?c=1", TOKEN, "0", ""));
    ck_assert_ptr_nonnull(strstr(unknown, "HTTP/1.1 400"));
    ck_assert_ptr_nonnull(strstr(unknown, "it has: a b"));
}
END_TEST

START_TEST(admin_takes_no_body_larger_than_its_route_says)
{
    ck_assert_ptr_nonnull(strstr(asked(POST("/told", TOKEN, "1001", "x")), "HTTP/1.1 413"));
    const char *chunked = "POST /told HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " TOKEN
                          "\r\nTransfer-Encoding: chunked\r\n\r\n7d0\r\n";
    char request[2400];
    snprintf(request, sizeof request, "%s%02000d\r\n0\r\n\r\n", chunked, 0);
    ck_assert_ptr_null(strstr(asked(request), "HTTP/1.1 200"));
    ck_assert_ptr_nonnull(strstr(asked(GET("/hello")), "HTTP/1.1 200"));
}
END_TEST

static void *patient_ask(void *answered)
{
    char answer[512];
    int fd = connection();
    ck_assert_int_gt(write(fd, GET("/patient"), strlen(GET("/patient"))), 0);
    ssize_t size = 0, more;
    while ((more = read(fd, answer + size, sizeof answer - 1 - (size_t)size)) > 0)
        size += more;
    close(fd);
    answer[size] = '\0';
    *(bool *)answered = strstr(answer, "at last") != NULL;
    return NULL;
}

START_TEST(admin_answers_while_as_many_as_may_wait_do_and_refuses_one_more)
{
    pthread_t threads[WEFT_ADMIN_WAITING];
    bool answered[WEFT_ADMIN_WAITING] = { false };
    for (int i = 0; i < WEFT_ADMIN_WAITING; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, patient_ask, &answered[i]), 0);
    gate_await(WEFT_ADMIN_WAITING);
    ck_assert_ptr_nonnull(strstr(asked(GET("/hello")), "HTTP/1.1 200"));
    ck_assert_ptr_nonnull(strstr(asked(GET("/patient")), "HTTP/1.1 503"));
    gate_open();
    for (int i = 0; i < WEFT_ADMIN_WAITING; i++) {
        pthread_join(threads[i], NULL);
        ck_assert(answered[i]);
    }
    ck_assert_ptr_nonnull(strstr(asked(GET("/patient")), "HTTP/1.1 200"));
}
END_TEST

START_TEST(admin_stops_while_one_waits_and_that_one_is_told)
{
    pthread_t thread;
    bool answered = false;
    ck_assert_int_eq(pthread_create(&thread, NULL, patient_ask, &answered), 0);
    gate_await(1);
    uint64_t began = weft_clock_ns();
    weft_admin_stop(admin);
    admin = NULL;
    ck_assert_uint_lt(weft_clock_ns() - began, 5 * WEFT_SECOND);
    pthread_join(thread, NULL);
}
END_TEST

START_TEST(token_is_made_once_for_its_owner_alone_and_a_leaky_one_is_replaced)
{
    char parent[] = "/tmp/weft-token-XXXXXX", folder[64], path[96], first[WEFT_TOKEN_SIZE], second[WEFT_TOKEN_SIZE];
    struct stat file;
    ck_assert_ptr_nonnull(mkdtemp(parent));
    snprintf(folder, sizeof folder, "%s/data", parent);
    snprintf(path, sizeof path, "%s/admin.token", folder);
    ck_assert_int_eq(weft_token_read(folder, first, &fault), WEFT_NOT_FOUND);
    ck_assert_msg(weft_token_make(folder, first, &fault) == WEFT_OK, "%s", fault.text);
    ck_assert_uint_eq(strlen(first), 64);
    ck_assert_int_eq(stat(path, &file), 0);
    ck_assert_uint_eq(file.st_mode & 0777, 0600);
    ck_assert_int_eq(weft_token_make(folder, second, &fault), WEFT_OK);
    ck_assert_str_eq(first, second);
    ck_assert_int_eq(weft_token_read(folder, second, &fault), WEFT_OK);
    ck_assert_str_eq(first, second);
    ck_assert_int_eq(chmod(path, 0644), 0);
    ck_assert_int_eq(weft_token_make(folder, second, &fault), WEFT_OK);
    ck_assert_str_ne(first, second);
    unlink(path);
    rmdir(folder);
    ck_assert_int_eq(rmdir(parent), 0); /* nothing else was left there */
}
END_TEST

START_TEST(token_says_why_it_cannot_be_made_and_what_one_looks_like)
{
    char token[WEFT_TOKEN_SIZE];
    ck_assert_int_eq(weft_token_make("/proc/nowhere", token, &fault), WEFT_UNAVAILABLE);
    ck_assert_ptr_nonnull(strstr(fault.text, "/proc/nowhere/admin.token"));
    ck_assert_int_eq(weft_token_check("short-secret", "WEFT_ADMIN_TOKEN", &fault), WEFT_INVALID_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(fault.text, "WEFT_ADMIN_TOKEN"));
    ck_assert_ptr_null(strstr(fault.text, "short-secret"));
    ck_assert_int_eq(weft_token_check("a token with spaces", "--set", &fault), WEFT_INVALID_ARGUMENT);
    ck_assert_int_eq(weft_token_check(TOKEN, "--set", &fault), WEFT_OK);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("admin");
    TCase *tcase = tcase_create("admin");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, admin_answers_its_pages);
    tcase_add_test(tcase, admin_lists_its_pages_when_there_is_no_such_page);
    tcase_add_test(tcase, admin_answers_a_path_only_to_its_method_and_get_to_head_too);
    tcase_add_test(tcase, admin_answers_while_others_hold_connections_and_say_nothing);
    tcase_add_test(tcase, admin_survives_garbage);
    tcase_add_test(tcase, admin_says_that_a_port_is_taken_or_an_address_is_none);
    tcase_add_test(tcase, admin_acts_only_for_who_shows_the_token);
    tcase_add_test(tcase, admin_without_a_token_lets_nobody_act);
    tcase_add_test(tcase, admin_hands_over_parameters_and_body);
    tcase_add_test(tcase, admin_takes_no_body_larger_than_its_route_says);
    tcase_add_test(tcase, admin_answers_while_as_many_as_may_wait_do_and_refuses_one_more);
    tcase_add_test(tcase, admin_stops_while_one_waits_and_that_one_is_told);
    suite_add_tcase(suite, tcase);
    tcase = tcase_create("token");
    tcase_add_test(tcase, token_is_made_once_for_its_owner_alone_and_a_leaky_one_is_replaced);
    tcase_add_test(tcase, token_says_why_it_cannot_be_made_and_what_one_looks_like);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
