/* host/plugin/instance.h and host/plugin/plugin_option.h, with a plugin made here. */
#include "host/plugin/instance.h"

#include "base/clock.h"
#include "host_test.h"

#include <stddef.h>
#include <stdio.h>

struct options {
    const char *name, *password;
    bool fast;
    uint64_t timeout_ns, limit_bytes;
    int64_t mode;
};

static const char *const modes[] = { "quorum", "classic", NULL };
static const struct weft_option table[] = {
    { "name", "a name", "nobody", NULL, WEFT_OPTION_TEXT, 0, offsetof(struct options, name), 0, 0 },
    { "password", "a secret", NULL, NULL, WEFT_OPTION_TEXT, WEFT_OPTION_SECRET, offsetof(struct options, password), 0,
      0 },
    { "fast", "faster", NULL, NULL, WEFT_OPTION_BOOL, 0, offsetof(struct options, fast), 0, 0 },
    { "timeout", "a time", "5s", NULL, WEFT_OPTION_DURATION, 0, offsetof(struct options, timeout_ns), 1, 60000000000 },
    { "limit", "a size", "1M", NULL, WEFT_OPTION_SIZE, 0, offsetof(struct options, limit_bytes), 0, 0 },
    { "queue_type", "a mode", "quorum", modes, WEFT_OPTION_CHOICE, 0, offsetof(struct options, mode), 0, 0 },
};

static int32_t test_open(const struct weft_open *open, void **ret_self, struct weft_error *ret_error)
{
    if (open->url->host != NULL && strcmp(open->url->host, "nowhere") == 0) {
        snprintf(ret_error->text, sizeof ret_error->text, "host 'nowhere' is not there");
        return WEFT_RC_INVALID;
    }
    *ret_self = (void *)(uintptr_t)open; /* NOLINT */
    return WEFT_RC_OK;
}

static void test_close(void *self, uint64_t deadline_ns)
{
    (void)self, (void)deadline_ns;
}

static const struct weft_cache_ops ops = { .size = sizeof ops };
static const char *const schemes[] = { "test", NULL };
static const struct weft_plugin plugin = {
    WEFT_PLUGIN_HEADER,
    .kind = WEFT_KIND_CACHE,
    .name = "test",
    .version = "1",
    .schemes = schemes,
    .options = table,
    .n_options = sizeof table / sizeof *table,
    .options_size = sizeof(struct options),
    .open = test_open,
    .close = test_close,
    .cache = &ops,
};

static struct weft_loader *loader;
static struct weft_config *config;
static struct weft_instance *instance;
static struct weft_fault fault;
static int changes;

static void setup(void)
{
    fault = (struct weft_fault){ 0 };
    instance = NULL;
    config = NULL;
    changes = 0;
    ck_assert_int_eq(weft_loader_new(NULL, &loader, &fault), WEFT_OK);
    weft_loader_add(loader, &plugin);
}

static void teardown(void)
{
    weft_instance_close(instance, weft_clock_ns() + WEFT_SECOND);
    weft_loader_free(loader);
    weft_config_free(config);
}

static void health_changed(void *arg)
{
    (void)arg;
    changes++;
}

static weft_status open_url(const char *url, char *const *environment, const char *assignment)
{
    const char *const assignments[] = { assignment };
    struct weft_config_sources sources = { .assignments = assignments,
                                           .n_assignments = assignment != NULL,
                                           .environment = environment };
    ck_assert_msg(weft_config_load(&sources, &config, &fault) == WEFT_OK, "%s", fault.text);
    struct weft_instance_options options = { .kind = WEFT_KIND_CACHE,
                                             .url = url,
                                             .url_origin = "WEFT_CACHE",
                                             .config = config,
                                             .instance = "test-1",
                                             .data_dir = "/nowhere",
                                             .on_health = health_changed };
    return weft_instance_open(loader, &options, &instance, &fault);
}

static const struct options *opened(const char *url, char *const *environment, const char *assignment)
{
    ck_assert_msg(open_url(url, environment, assignment) == WEFT_OK, "%s", fault.text);
    return ((const struct weft_open *)weft_instance_self(instance))->options;
}

static void refuses(const char *url, char *const *environment, const char *assignment, const char *part)
{
    ck_assert_int_ne(open_url(url, environment, assignment), WEFT_OK);
    ck_assert_msg(strstr(fault.text, part) != NULL, "'%s' lacks '%s'", fault.text, part);
    weft_config_free(config);
    config = NULL;
}

START_TEST(options_have_their_defaults)
{
    const struct options *options = opened("test:", NULL, NULL);
    ck_assert_str_eq(options->name, "nobody");
    ck_assert_ptr_null(options->password);
    ck_assert(!options->fast);
    ck_assert_uint_eq(options->timeout_ns, 5 * WEFT_SECOND);
    ck_assert_uint_eq(options->limit_bytes, 1u << 20);
    ck_assert_int_eq(options->mode, 0);
}
END_TEST

START_TEST(options_come_from_command_line_then_url_then_environment)
{
    char *environment[] = { "WEFT_TEST_QUEUE_TYPE=classic", "WEFT_TEST_NAME=env", "WEFT_TEST_TIMEOUT=1s", NULL };
    const struct options *options = opened("test://h?name=url&timeout=2s", environment, "plugins.test.timeout=3s");
    ck_assert_int_eq(options->mode, 1);
    ck_assert_str_eq(options->name, "url");
    ck_assert_uint_eq(options->timeout_ns, 3 * WEFT_SECOND);
}
END_TEST

START_TEST(options_that_are_unknown_or_wrong_are_refused_with_their_origin)
{
    char *environment[] = { "WEFT_TEST_LIMIT=lots", NULL };
    refuses("test://h?quue_type=classic", NULL, NULL,
            "WEFT_CACHE: plugin 'test' has no option 'quue_type'; did you mean 'queue_type'?");
    refuses("test:", NULL, "plugins.test.fsat=1", "--set: plugin 'test' has no option 'fsat'; did you mean 'fast'?");
    refuses("test:", environment, NULL, "WEFT_TEST_LIMIT: option 'limit' of plugin 'test': 'lots' is wrong");
    refuses("test:?timeout=2m", NULL, NULL, "out of range; want 1ns to 1m");
}
END_TEST

START_TEST(instance_that_cannot_open_says_which_setting_was_wrong_without_its_password)
{
    refuses("test://me:hunter2@nowhere", NULL, NULL, "WEFT_CACHE: test://me:***@nowhere: host 'nowhere' is not there");
    refuses("other://h", NULL, NULL, "WEFT_CACHE: no cache plugin for 'other:'");
    refuses("nonsense", NULL, NULL, "WEFT_CACHE: the URL");
}
END_TEST

START_TEST(instance_keeps_health_and_tells_changes_only)
{
    opened("test:", NULL, NULL);
    const struct weft_host *host = ((const struct weft_open *)weft_instance_self(instance))->host;
    ck_assert_int_eq(weft_instance_health(instance).state, WEFT_HEALTH_CONNECTING);
    host->health(host, WEFT_HEALTH_UP, NULL);
    host->health(host, WEFT_HEALTH_UP, NULL);
    host->health(host, WEFT_HEALTH_DOWN, "connection refused");
    ck_assert_int_eq(changes, 2);
    ck_assert_int_eq(weft_instance_health(instance).state, WEFT_HEALTH_DOWN);
    ck_assert_str_eq(weft_instance_health(instance).text, "connection refused");
}
END_TEST

static int64_t seen;

static void metric_seen(void *arg, const char *name, int64_t value, bool is_counter)
{
    (void)arg;
    if (strcmp(name, "reconnects") == 0 && is_counter) seen = value;
}

START_TEST(instance_counts_and_limits_its_metrics)
{
    opened("test:", NULL, NULL);
    const struct weft_host *host = ((const struct weft_open *)weft_instance_self(instance))->host;
    host->count(host, "reconnects", 2);
    host->count(host, "reconnects", 3);
    for (int i = 0; i < 200; i++) {
        char name[16];
        snprintf(name, sizeof name, "gauge_%d", i);
        host->gauge(host, name, i);
    }
    weft_instance_metrics(instance, metric_seen, NULL);
    ck_assert_int_eq(seen, 5);
}
END_TEST

TCase *instance_case(void)
{
    TCase *tcase = tcase_create("instance");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, options_have_their_defaults);
    tcase_add_test(tcase, options_come_from_command_line_then_url_then_environment);
    tcase_add_test(tcase, options_that_are_unknown_or_wrong_are_refused_with_their_origin);
    tcase_add_test(tcase, instance_that_cannot_open_says_which_setting_was_wrong_without_its_password);
    tcase_add_test(tcase, instance_keeps_health_and_tells_changes_only);
    tcase_add_test(tcase, instance_counts_and_limits_its_metrics);
    return tcase;
}
