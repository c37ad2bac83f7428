/* The tests of the log: each in a process of its own, because a process has one log. */
#include "base/clock.h"
#include "base/text.h"
#include "observe/log.h"

#include <check.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static int ends[2];        /* the log writes into a pipe */
static char seen[1 << 16]; /* what came out of it */
static size_t seen_size;

static void log_open(void)
{
    seen_size = 0;
    ck_assert_int_eq(pipe(ends), 0);
    weft_log_start(ends[1], WEFT_LOG_INFO);
}

/* Reads until `n` lines have come, or `wait_ms` have passed without more. */
static size_t lines_read(size_t n, int wait_ms)
{
    size_t lines = 0;
    seen_size = 0;
    while (lines < n && poll(&(struct pollfd){ .fd = ends[0], .events = POLLIN }, 1, wait_ms) == 1) {
        ssize_t got = read(ends[0], seen + seen_size, sizeof seen - 1 - seen_size);
        ck_assert_int_gt(got, 0);
        for (ssize_t i = 0; i < got; i++)
            lines += seen[seen_size + (size_t)i] == '\n';
        seen_size += (size_t)got;
    }
    seen[seen_size] = '\0';
    return lines;
}

START_TEST(log_line_has_all_fields_by_their_names)
{
    struct weft_log_fields fields = {
        .service = "user-service",
        .correlation_id = "c-1",
        .traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        .method = "/a/B",
        .code = "OK",
        .event_id = "e",
        .event_type = "a.v1.B",
        .group = "g",
        .result = "ok",
        .plugin = "redis",
        .duration_us = 12034,
        .attempt = 3,
    };
    log_open();
    weft_log(WEFT_LOG_INFO, "rpc", &fields, "call %d", 7);
    ck_assert_uint_eq(lines_read(1, 5000), 1);
    ck_assert_mem_eq(seen, "{\"timestamp\":\"2", 15);
    ck_assert_str_eq(
        strstr(seen, "Z\",\"level\"") + 2,
        ",\"level\":\"info\",\"message\":\"call 7\",\"context\":\"rpc\",\"correlationId\":\"c-1\","
        "\"service\":\"user-service\",\"method\":\"/a/B\",\"code\":\"OK\","
        "\"eventId\":\"e\",\"eventType\":\"a.v1.B\",\"group\":\"g\",\"result\":\"ok\",\"plugin\":\"redis\","
        "\"traceId\":\"0af7651916cd43dd8448eb211c80319c\",\"spanId\":\"b7ad6b7169203331\","
        "\"duration_ms\":12.034,\"attempt\":3}\n");
    weft_log_stop();
}
END_TEST

START_TEST(log_leaves_out_absent_fields)
{
    struct weft_log_fields fields = { .duration_us = -1 };
    log_open();
    weft_log(WEFT_LOG_WARN, NULL, &fields, "bare");
    ck_assert_uint_eq(lines_read(1, 5000), 1);
    ck_assert_str_eq(strstr(seen, ",\"level\""), ",\"level\":\"warn\",\"message\":\"bare\"}\n");
    weft_log_stop();
}
END_TEST

START_TEST(log_lines_are_valid_whatever_they_are_given)
{
    char hostile[6000];
    log_open();
    for (size_t i = 0; i < sizeof hostile - 1; i++)
        hostile[i] = (char)(i % 255 + 1);
    hostile[sizeof hostile - 1] = '\0';
    struct weft_log_fields fields = {
        .service = hostile,
        .correlation_id = hostile,
        .traceparent = hostile,
        .method = hostile,
        .code = hostile,
        .event_id = hostile,
        .event_type = hostile,
        .group = hostile,
        .result = hostile,
        .plugin = hostile,
        .duration_us = INT64_MAX,
        .attempt = UINT32_MAX,
    };
    weft_log(WEFT_LOG_ERROR, hostile, &fields, "%s", hostile);
    weft_log(WEFT_LOG_ERROR, "x", NULL, "%s\xE2\x82\xAC", "cut in the middle of a character");
    ck_assert_uint_eq(lines_read(2, 5000), 2);
    ck_assert(weft_text_is_utf8(seen, seen_size));
    for (size_t i = 0; i < seen_size; i++)
        ck_assert(seen[i] == '\n' || (unsigned char)seen[i] >= 0x20);
    weft_log_stop();
}
END_TEST

START_TEST(log_below_its_level_is_silent_and_the_level_changes_at_run_time)
{
    log_open();
    weft_log(WEFT_LOG_DEBUG, "x", NULL, "not seen");
    weft_log_level(WEFT_LOG_DEBUG);
    weft_log(WEFT_LOG_DEBUG, "x", NULL, "seen");
    weft_log_stop();
    ck_assert_uint_eq(lines_read(2, 50), 1);
    ck_assert_ptr_nonnull(strstr(seen, "\"message\":\"seen\""));
    ck_assert_int_eq(weft_log_parse_level("warn"), WEFT_LOG_WARN);
    ck_assert_int_eq(weft_log_parse_level("loud"), -1);
}
END_TEST

START_TEST(log_level_set_for_a_time_comes_back_by_itself)
{
    log_open();
    weft_log_level_for(WEFT_LOG_DEBUG, 100 * WEFT_MS);
    weft_log(WEFT_LOG_DEBUG, "x", NULL, "for a time");
    struct weft_log_state state = weft_log_state();
    ck_assert_int_eq(state.level, WEFT_LOG_DEBUG);
    ck_assert_int_eq(state.then, WEFT_LOG_INFO);
    ck_assert(state.left_ns > 0 && state.left_ns <= 100 * WEFT_MS);
    size_t lines = lines_read(1, 5000); /* the first, and then the second: idle or not, the level comes back */
    ck_assert_ptr_nonnull(strstr(seen, "for a time"));
    if (lines == 1) lines_read(1, 5000);
    ck_assert_ptr_nonnull(strstr(seen, "the level is info again"));
    ck_assert(!weft_log_enabled(WEFT_LOG_DEBUG));
    ck_assert_uint_eq(weft_log_state().left_ns, 0);
    weft_log_stop();
}
END_TEST

START_TEST(log_level_set_for_good_ends_a_time_that_runs)
{
    log_open();
    weft_log_level_for(WEFT_LOG_DEBUG, 50 * WEFT_MS);
    weft_log_level(WEFT_LOG_WARN);
    ck_assert_uint_eq(lines_read(1, 150), 0);
    ck_assert_int_eq(weft_log_state().level, WEFT_LOG_WARN);
    weft_log_stop();
}
END_TEST

START_TEST(log_gathers_lines_into_few_writes)
{
    log_open();
    for (int i = 0; i < 300; i++)
        weft_log(WEFT_LOG_INFO, "x", NULL, "line %d", i);
    poll(&(struct pollfd){ .fd = ends[0], .events = POLLIN }, 1, 5000);
    ssize_t first = read(ends[0], seen, sizeof seen); /* what one write left there */
    ck_assert_int_gt(first, 10000);
    weft_log_stop();
}
END_TEST

START_TEST(log_errors_come_out_at_once_with_what_was_before)
{
    log_open();
    uint64_t start = weft_clock_ns();
    weft_log(WEFT_LOG_INFO, "x", NULL, "before");
    weft_log(WEFT_LOG_ERROR, "x", NULL, "error");
    ck_assert_uint_eq(lines_read(2, 5000), 2);
    ck_assert_uint_lt(weft_clock_ns() - start, 15 * WEFT_MS); /* gathering takes 20 */
    weft_log_stop();
}
END_TEST

START_TEST(log_flush_returns_when_all_is_written)
{
    log_open();
    weft_log(WEFT_LOG_INFO, "x", NULL, "gathered");
    weft_log_flush();
    ck_assert_uint_eq(lines_read(1, 0), 1);
    weft_log_stop();
}
END_TEST

START_TEST(log_that_nobody_reads_drops_and_tells_without_blocking)
{
    log_open();
    uint64_t start = weft_clock_ns();
    for (int i = 0; i < 40000; i++)
        weft_log(WEFT_LOG_INFO, "x", NULL, "a line of some length, number %d", i);
    ck_assert_uint_lt(weft_clock_ns() - start, 5 * WEFT_SECOND);
    char all[4096] = "", *told = NULL;
    while (told == NULL && poll(&(struct pollfd){ .fd = ends[0], .events = POLLIN }, 1, 5000) == 1) {
        ssize_t got = read(ends[0], all, sizeof all - 1);
        ck_assert_int_gt(got, 0);
        all[got] = '\0';
        told = strstr(all, "lines dropped here");
    }
    ck_assert_ptr_nonnull(told);
    weft_log_stop();
}
END_TEST

START_TEST(log_stop_gives_up_on_a_stuck_reader)
{
    log_open();
    for (int i = 0; i < 2000; i++)
        weft_log(WEFT_LOG_INFO, "x", NULL, "a line of some length, number %d", i);
    uint64_t start = weft_clock_ns();
    weft_log_stop();
    ck_assert_uint_lt(weft_clock_ns() - start, 4 * WEFT_SECOND);
}
END_TEST

START_TEST(log_whose_reader_is_gone_does_not_end_the_process)
{
    log_open();
    close(ends[0]);
    weft_log(WEFT_LOG_ERROR, "x", NULL, "nobody hears it");
    weft_log_flush();
    weft_log_stop();
}
END_TEST

START_TEST(log_is_quiet_when_idle)
{
    struct rusage before, after;
    log_open();
    weft_log(WEFT_LOG_ERROR, "x", NULL, "first");
    ck_assert_uint_eq(lines_read(1, 5000), 1);
    lines_read(1, 50); /* lets the writer fall asleep */
    getrusage(RUSAGE_SELF, &before);
    lines_read(1, 300);
    getrusage(RUSAGE_SELF, &after);
    ck_assert_int_lt(after.ru_nvcsw - before.ru_nvcsw, 10); /* gathering would wake up 15 times */
    weft_log_stop();
}
END_TEST

static void limited(const char *key, int i)
{
    weft_log_limited(key, WEFT_LOG_WARN, "x", NULL, "cache away, try %d", i);
}

START_TEST(log_limited_passes_one_of_each_key)
{
    log_open();
    for (int i = 0; i < 100; i++)
        limited("one", i);
    limited("two", 0);
    weft_log_stop();
    ck_assert_uint_eq(lines_read(3, 50), 2);
}
END_TEST

static void *lines_write(void *unused)
{
    for (int i = 0; i < 2000; i++)
        weft_log(WEFT_LOG_INFO, "thread", NULL, "line %d", i);
    return unused;
}

START_TEST(log_keeps_the_lines_of_many_threads_whole)
{
    pthread_t threads[4];
    log_open();
    for (int i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, lines_write, NULL);
    size_t lines = 0;
    static char kept[200];
    size_t kept_size = 0;
    while (lines < 8000 && poll(&(struct pollfd){ .fd = ends[0], .events = POLLIN }, 1, 5000) == 1) {
        ssize_t got = read(ends[0], seen, sizeof seen);
        for (ssize_t i = 0; i < got; i++) {
            kept[kept_size++] = seen[i];
            ck_assert_uint_lt(kept_size, sizeof kept);
            if (seen[i] != '\n') continue;
            ck_assert_mem_eq(kept, "{\"timestamp\":\"", 14);
            ck_assert_mem_eq(kept + kept_size - 10, "\"thread\"}\n", 10);
            lines++;
            kept_size = 0;
        }
    }
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    ck_assert_uint_eq(lines, 8000);
    weft_log_stop();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("log");
    TCase *tests = tcase_create("log");
    tcase_set_timeout(tests, 20);
    tcase_add_test(tests, log_line_has_all_fields_by_their_names);
    tcase_add_test(tests, log_leaves_out_absent_fields);
    tcase_add_test(tests, log_lines_are_valid_whatever_they_are_given);
    tcase_add_test(tests, log_below_its_level_is_silent_and_the_level_changes_at_run_time);
    tcase_add_test(tests, log_level_set_for_a_time_comes_back_by_itself);
    tcase_add_test(tests, log_level_set_for_good_ends_a_time_that_runs);
    tcase_add_test(tests, log_gathers_lines_into_few_writes);
    tcase_add_test(tests, log_errors_come_out_at_once_with_what_was_before);
    tcase_add_test(tests, log_flush_returns_when_all_is_written);
    tcase_add_test(tests, log_that_nobody_reads_drops_and_tells_without_blocking);
    tcase_add_test(tests, log_stop_gives_up_on_a_stuck_reader);
    tcase_add_test(tests, log_whose_reader_is_gone_does_not_end_the_process);
    tcase_add_test(tests, log_is_quiet_when_idle);
    tcase_add_test(tests, log_limited_passes_one_of_each_key);
    tcase_add_test(tests, log_keeps_the_lines_of_many_threads_whole);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
