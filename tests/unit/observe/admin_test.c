/* observe/admin.h, over real sockets on loopback. */
#include "observe/admin.h"

#include <arpa/inet.h>
#include <check.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct weft_admin *admin;
static struct weft_fault fault;

static unsigned hello(void *arg, struct weft_buffer *body)
{
    weft_buffer_text(body, arg);
    return 200;
}

static unsigned not_yet(void *arg, struct weft_buffer *body)
{
    (void)arg, (void)body;
    return 503;
}

static const struct weft_admin_page pages[] = { { "/hello", "text/plain", hello },
                                                { "/not-yet", "application/json", not_yet },
                                                { NULL, NULL, NULL } };

static void setup(void)
{
    ck_assert_msg(weft_admin_start("127.0.0.1:0", pages, "good day", &admin, &fault) == WEFT_OK, "%s", fault.text);
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
    ck_assert_ptr_nonnull(strstr(answer, "[\"/hello\",\"/not-yet\"]"));
}
END_TEST

START_TEST(admin_takes_get_and_head_only)
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
    ck_assert_int_eq(weft_admin_start(listen, pages, NULL, &other, &fault), WEFT_UNAVAILABLE);
    ck_assert_ptr_nonnull(strstr(fault.text, listen));
    ck_assert_ptr_nonnull(strstr(fault.text, "taken"));
    ck_assert_int_eq(weft_admin_start("8080", pages, NULL, &other, &fault), WEFT_INVALID_ARGUMENT);
    ck_assert_int_eq(weft_admin_start("127.0.0.1:", pages, NULL, &other, &fault), WEFT_INVALID_ARGUMENT);
    ck_assert_int_eq(weft_admin_start("127.0.0.1:http-alt", pages, NULL, &other, &fault), WEFT_INVALID_ARGUMENT);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("admin");
    TCase *tcase = tcase_create("admin");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, admin_answers_its_pages);
    tcase_add_test(tcase, admin_lists_its_pages_when_there_is_no_such_page);
    tcase_add_test(tcase, admin_takes_get_and_head_only);
    tcase_add_test(tcase, admin_answers_while_others_hold_connections_and_say_nothing);
    tcase_add_test(tcase, admin_survives_garbage);
    tcase_add_test(tcase, admin_says_that_a_port_is_taken_or_an_address_is_none);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
