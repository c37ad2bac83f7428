/* observe/metrics/: series, threads that add to them, and the text that comes out. */
#include "observe/metrics/metrics.h"

#include <check.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

static struct weft_metrics *metrics;

static void setup(void)
{
    metrics = weft_metrics_new();
}

static void teardown(void)
{
    weft_metrics_free(metrics);
}

/* Is this line in the text? */
static bool shows(const char *line)
{
    struct weft_buffer text __attribute__((cleanup(weft_buffer_free))) = WEFT_BUFFER_EMPTY;
    weft_metrics_text(metrics, &text);
    for (const char *at = text.data; (at = strstr(at, line)) != NULL; at++)
        if ((at == text.data || at[-1] == '\n') && at[strlen(line)] == '\n') return true;
    return false;
}

START_TEST(metrics_show_a_counter_with_its_labels_help_and_type)
{
    struct weft_series *series = WEFT_SERIES(metrics, PUBLISHED, "user.v1.UserCreated", "confirmed");
    weft_series_add(series, 2);
    weft_series_add(series, 3);
    ck_assert(shows("weft_events_published_total{event=\"user.v1.UserCreated\",result=\"confirmed\"} 5"));
    ck_assert(shows("# TYPE weft_events_published_total counter"));
    weft_series_set(WEFT_SERIES(metrics, READY), 1);
    ck_assert(shows("weft_ready 1"));
    ck_assert(shows("# TYPE weft_ready gauge"));
}
END_TEST

START_TEST(metrics_of_the_same_labels_are_one_series)
{
    ck_assert_ptr_eq(WEFT_SERIES(metrics, PARKED, "a", "b"), WEFT_SERIES(metrics, PARKED, "a", "b"));
    ck_assert_ptr_ne(WEFT_SERIES(metrics, PARKED, "a", "b"), WEFT_SERIES(metrics, PARKED, "a", "c"));
    ck_assert_ptr_ne(WEFT_SERIES(metrics, PARKED, "a", "b"), WEFT_SERIES(metrics, DEAD, "a", "b"));
}
END_TEST

START_TEST(metrics_leave_out_a_label_without_a_value)
{
    weft_series_set(WEFT_SERIES(metrics, PLUGIN_UP, "cache", "redis", NULL), 1);
    ck_assert(shows("weft_plugin_up{kind=\"cache\",name=\"redis\"} 1"));
}
END_TEST

START_TEST(metrics_escape_labels_and_keep_them_utf8)
{
    weft_series_set(WEFT_SERIES(metrics, RELAY_TRIPS, "a\"b\\c\nd\xff\xc3\xa9"), 1);
    ck_assert(shows("weft_relay_trips_total{service=\"a\\\"b\\\\c\\nd?\xc3\xa9\"} 1"));
}
END_TEST

START_TEST(metrics_count_what_a_histogram_observes_into_cumulative_buckets)
{
    struct weft_series *series = WEFT_SERIES(metrics, CONFIRM_SECONDS, "s");
    weft_series_observe(series, 100000);           /* 100 us: on the first bound, and so in its bucket */
    weft_series_observe(series, 100001);           /* just above it */
    weft_series_observe(series, 3600000000000ull); /* above all */
    ck_assert(shows("weft_publish_confirm_seconds_bucket{service=\"s\",le=\"0.0001\"} 1"));
    ck_assert(shows("weft_publish_confirm_seconds_bucket{service=\"s\",le=\"0.00025\"} 2"));
    ck_assert(shows("weft_publish_confirm_seconds_bucket{service=\"s\",le=\"10\"} 2"));
    ck_assert(shows("weft_publish_confirm_seconds_bucket{service=\"s\",le=\"+Inf\"} 3"));
    ck_assert(shows("weft_publish_confirm_seconds_sum{service=\"s\"} 3600.000200001"));
    ck_assert(shows("weft_publish_confirm_seconds_count{service=\"s\"} 3"));
}
END_TEST

START_TEST(metrics_put_label_values_beyond_their_limit_into_one_series)
{
    char name[32];
    for (int i = 0; i < WEFT_METRIC_SERIES + 50; i++) {
        snprintf(name, sizeof name, "/m%d", i);
        weft_series_add(WEFT_SERIES(metrics, GRPC_HANDLED, name, "OK"), 1);
    }
    ck_assert(shows("weft_grpc_server_handled_total{method=\"_OTHER\",code=\"_OTHER\"} 50"));
    weft_series_add(WEFT_SERIES(metrics, GRPC_HANDLED, "/m0", "OK"), 1); /* one that was there is still itself */
    ck_assert(shows("weft_grpc_server_handled_total{method=\"/m0\",code=\"OK\"} 2"));
}
END_TEST

START_TEST(metrics_count_nothing_where_there_are_none)
{
    struct weft_series *none = WEFT_SERIES((struct weft_metrics *)NULL, CACHE_REQUESTS, "hit");
    ck_assert_ptr_null(none);
    weft_series_add(none, 1);
    weft_series_set(none, 1);
    weft_series_observe(none, 1);
}
END_TEST

START_TEST(metrics_tell_what_the_process_uses)
{
    weft_metrics_read_process(metrics);
    ck_assert_int_gt(WEFT_SERIES(metrics, PROCESS_MEMORY)->value, 100 << 10);
    ck_assert_int_gt(WEFT_SERIES(metrics, PROCESS_FDS)->value, 2);
    ck_assert_int_ge(WEFT_SERIES(metrics, PROCESS_THREADS)->value, 1);
    ck_assert_int_gt(WEFT_SERIES(metrics, PROCESS_START)->value / 1000000000, 1600000000);
    ck_assert_int_gt(WEFT_SERIES(metrics, PROCESS_CPU)->value, 0);
}
END_TEST

enum { THREADS = 4, ROUNDS = 20000 };

static void *count_main(void *arg)
{
    char name[16];
    (void)arg;
    for (int i = 0; i < ROUNDS; i++) {
        if (i % 100 == 0) { /* makes series while others add and read */
            snprintf(name, sizeof name, "s%d", i / 100);
            weft_series_add(WEFT_SERIES(metrics, RELAY_TRIPS, name), 1);
        }
        weft_series_add(WEFT_SERIES(metrics, CACHE_REQUESTS, "hit"), 1);
        weft_series_observe(WEFT_SERIES(metrics, CONFIRM_SECONDS, "s"), 1000);
    }
    return NULL;
}

START_TEST(metrics_lose_nothing_when_many_threads_add_and_one_reads)
{
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, count_main, NULL), 0);
    for (int i = 0; i < 50; i++)
        ck_assert(shows("# TYPE weft_cache_requests_total counter"));
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    ck_assert(shows("weft_cache_requests_total{result=\"hit\"} 80000"));
    ck_assert(shows("weft_publish_confirm_seconds_count{service=\"s\"} 80000"));
    ck_assert(shows("weft_relay_trips_total{service=\"s199\"} 4"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("metrics");
    TCase *tcase = tcase_create("metrics");
    tcase_set_timeout(tcase, 30);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, metrics_show_a_counter_with_its_labels_help_and_type);
    tcase_add_test(tcase, metrics_of_the_same_labels_are_one_series);
    tcase_add_test(tcase, metrics_leave_out_a_label_without_a_value);
    tcase_add_test(tcase, metrics_escape_labels_and_keep_them_utf8);
    tcase_add_test(tcase, metrics_count_what_a_histogram_observes_into_cumulative_buckets);
    tcase_add_test(tcase, metrics_put_label_values_beyond_their_limit_into_one_series);
    tcase_add_test(tcase, metrics_count_nothing_where_there_are_none);
    tcase_add_test(tcase, metrics_tell_what_the_process_uses);
    tcase_add_test(tcase, metrics_lose_nothing_when_many_threads_add_and_one_reads);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
