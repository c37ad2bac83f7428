/* host/process.h: a process on plugins that a test steers - a broker and a store that are up, away or refuse. */
#include "host/process.h"

#include "base/clock.h"
#include "host/admin/pages.h"
#include "host/parts.h"
#include "host_test.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <user/v1/events.weft.h>

/* What the plugins below do; the plugin ABI gives them no other way to reach a test. */
static struct steering {
    _Atomic int32_t store_rc; /* of session_open */
    _Atomic int32_t health;   /* of the transport, at declare */
    const struct weft_host *transport_host;
    struct weft_topology topology;
    _Atomic int subscriptions;
} steering;

/* ---- a broker ---------------------------------------------------------------------------------------------------- */

static int32_t any_open(const struct weft_open *open, void **ret_self, struct weft_error *ret_error)
{
    (void)ret_error;
    *ret_self = &steering;
    if (open->service == NULL) steering.transport_host = open->host;
    return WEFT_RC_OK;
}

static int32_t cache_open(const struct weft_open *open, void **ret_self, struct weft_error *ret_error)
{
    (void)open, (void)ret_error;
    *ret_self = &steering;
    return WEFT_RC_OK;
}

static void any_close(void *self, uint64_t deadline_ns)
{
    (void)self, (void)deadline_ns;
}

static int32_t declare(void *self, const struct weft_topology *topology, struct weft_error *ret_error)
{
    (void)self, (void)ret_error;
    steering.topology = *topology;
    steering.transport_host->health(steering.transport_host, steering.health,
                                    steering.health == WEFT_HEALTH_REFUSED ? "ACCESS_REFUSED: wrong password" : NULL);
    return WEFT_RC_OK;
}

static size_t publish(void *self, const struct weft_publish *const *operations, size_t n)
{
    (void)self, (void)operations, (void)n;
    return 0;
}

static int32_t subscribe(void *self, const struct weft_subscription *subscription, void *tag,
                         struct weft_error *ret_error)
{
    (void)self, (void)subscription, (void)tag, (void)ret_error;
    steering.subscriptions++;
    return WEFT_RC_OK;
}

static void settle(void *self, void *tag, const struct weft_settle *settles, size_t n)
{
    (void)self, (void)tag, (void)settles, (void)n;
}

static void unsubscribe(void *self, void *tag)
{
    (void)self, (void)tag;
}

static const struct weft_transport_ops transport_ops = { .size = sizeof transport_ops,
                                                         .declare = declare,
                                                         .publish = publish,
                                                         .subscribe = subscribe,
                                                         .settle = settle,
                                                         .unsubscribe = unsubscribe };
static const char *const schemes[] = { "steered", NULL };
static const struct weft_plugin transport_plugin = { WEFT_PLUGIN_HEADER, .kind = WEFT_KIND_TRANSPORT, .name = "steered",
                                                     .version = "1",     .schemes = schemes,          .open = any_open,
                                                     .close = any_close, .transport = &transport_ops };

/* ---- a store and a cache that never answer ------------------------------------------------------------------------
 */

static int32_t store_session_open(void *self, uint32_t purpose, uint64_t deadline_ns, void **ret_session,
                                  struct weft_error *ret_error)
{
    (void)self, (void)purpose, (void)deadline_ns, (void)ret_session;
    snprintf(ret_error->text, sizeof ret_error->text, "database steered is not there");
    return steering.store_rc;
}

static const struct weft_dialect dialect = { .size = sizeof dialect, .name = "steered" };
static const struct weft_store_ops store_ops = { .size = sizeof store_ops,
                                                 .dialect = &dialect,
                                                 .session_open = store_session_open };
static const struct weft_plugin store_plugin = { WEFT_PLUGIN_HEADER, .kind = WEFT_KIND_STORE, .name = "steered_store",
                                                 .version = "1",     .schemes = schemes,      .open = cache_open,
                                                 .close = any_close, .store = &store_ops };
static const struct weft_cache_ops cache_ops = { .size = sizeof cache_ops };
static const struct weft_plugin cache_plugin = { WEFT_PLUGIN_HEADER, .kind = WEFT_KIND_CACHE, .name = "steered_cache",
                                                 .version = "1",     .schemes = schemes,      .open = cache_open,
                                                 .close = any_close, .cache = &cache_ops };

/* ---- services ---------------------------------------------------------------------------------------------------- */

static weft_status hear(weft_event *event, const User__V1__UserCreated *in, void *arg)
{
    (void)event, (void)in, (void)arg;
    return WEFT_OK;
}

static weft_status consumer_setup(weft_service *service)
{
    weft_group *group = weft_group_new(service, "user-events", &(struct weft_group_options){ .ordered = true });
    user_v1_user_created_on(group, hear, NULL);
    return WEFT_OK;
}

static weft_status watcher_setup(weft_service *service)
{
    weft_group *group = weft_group_new(service, "watch", &(struct weft_group_options){ .broadcast = true });
    user_v1_user_created_on(group, hear, NULL);
    return WEFT_OK;
}

static weft_status empty_setup(weft_service *service)
{
    (void)service;
    return WEFT_OK;
}

static weft_status emitter_setup(weft_service *service)
{
    weft_service_add_event(service, &user_v1_user_created_event);
    return WEFT_OK;
}

static const struct weft_service_module consumer = { WEFT_SERVICE_MAGIC, WEFT_SERVICE_ABI, "consumer", "1",
                                                     consumer_setup };
static const struct weft_service_module watcher = { WEFT_SERVICE_MAGIC, WEFT_SERVICE_ABI, "watcher", "1",
                                                    watcher_setup };
static const struct weft_service_module empty = { WEFT_SERVICE_MAGIC, WEFT_SERVICE_ABI, "empty", "1", empty_setup };
static const struct weft_service_module emitter = { WEFT_SERVICE_MAGIC, WEFT_SERVICE_ABI, "emitter", "1",
                                                    emitter_setup };

/* ---- the process --------------------------------------------------------------------------------------------------
 */

static struct weft_config *config;
static struct weft_process *process;
static struct weft_fault fault;
static pthread_t starter;
static weft_status started;

static void setup(void)
{
    steering.store_rc = WEFT_RC_UNAVAILABLE;
    steering.health = WEFT_HEALTH_UP;
    steering.subscriptions = 0;
    fault = (struct weft_fault){ 0 };
    process = NULL;
    config = NULL;
}

static void teardown(void)
{
    weft_process_stop(process);
    weft_config_free(config);
}

static weft_status make(const struct weft_service_module *module, const char *setting)
{
    static const struct weft_plugin *const plugins[] = { &transport_plugin, &cache_plugin, &store_plugin };
    const char *const settings[] = { "transport=steered:", "cache=steered:", "store=steered:", "instance=here",
                                     setting };
    struct weft_config_sources sources = { .assignments = settings, .n_assignments = setting != NULL ? 5 : 4 };
    ck_assert_msg(weft_config_load(&sources, &config, &fault) == WEFT_OK, "%s", fault.text);
    struct weft_process_options options = {
        .config = config, .modules = &module, .n_modules = 1, .plugins = plugins, .n_plugins = 3
    };
    return weft_process_new(&options, &process, &fault);
}

static void *start_run(void *arg)
{
    (void)arg;
    started = weft_process_start(process, &fault);
    return NULL;
}

static void start(void)
{
    ck_assert_int_eq(pthread_create(&starter, NULL, start_run, NULL), 0);
}

static weft_status start_ended(void)
{
    pthread_join(starter, NULL);
    return started;
}

static const struct weft_admin_route *page_named(const char *path)
{
    const struct weft_admin_route *page = weft_process_routes;
    while (strcmp(page->path, path) != 0)
        page++;
    return page;
}

/* Asks until the page answers so, for at most three seconds. */
static void page_becomes(const char *path, unsigned status, const char *part)
{
    uint64_t end = weft_clock_ns() + 3 * WEFT_SECOND;
    struct weft_buffer body = WEFT_BUFFER_EMPTY;
    for (;;) {
        weft_buffer_free(&body);
        if (page_named(path)->answer(process, NULL, &body) == status && strstr(body.data, part) != NULL) break;
        ck_assert_msg(weft_clock_ns() < end, "%s is %s", path, body.data);
        sched_yield();
    }
    weft_buffer_free(&body);
}

START_TEST(process_is_ready_once_the_broker_is_and_not_before)
{
    steering.health = WEFT_HEALTH_DOWN;
    ck_assert_msg(make(&empty, NULL) == WEFT_OK, "%s", fault.text);
    page_becomes("/readyz", 503, "{\"part\":\"transport\",\"reason\":\"connecting\"}");
    start();
    page_becomes("/readyz", 503, "{\"part\":\"transport\",\"reason\":\"down\"}"); /* so it is declared */
    page_becomes("/livez", 200, "true");
    steering.transport_host->health(steering.transport_host, WEFT_HEALTH_DOWN, "connection refused");
    page_becomes("/readyz", 503, "connection refused");
    ck_assert(!weft_process_ready(process));
    steering.transport_host->health(steering.transport_host, WEFT_HEALTH_UP, NULL);
    ck_assert_int_eq(start_ended(), WEFT_OK);
    page_becomes("/readyz", 200, "true");
    steering.transport_host->health(steering.transport_host, WEFT_HEALTH_REFUSED, "user is gone");
    page_becomes("/readyz", 200, "true"); /* writes go on without a broker */
    page_becomes("/health", 200, "\"why\":\"user is gone\"");
}
END_TEST

START_TEST(process_shows_in_metrics_what_its_plugins_say_and_count)
{
    ck_assert_msg(make(&watcher, NULL) == WEFT_OK, "%s", fault.text);
    ck_assert_msg(weft_process_start(process, &fault) == WEFT_OK, "%s", fault.text);
    const struct weft_host *host = steering.transport_host;
    page_becomes("/metrics", 200, "\nweft_plugin_up{kind=\"transport\",name=\"steered\"} 1\n");
    page_becomes("/metrics", 200, "\nweft_group_active{service=\"watcher\",group=\"watch\"} 1\n");
    page_becomes("/metrics", 200, "\nweft_ready 1\n");
    host->health(host, WEFT_HEALTH_DOWN, "gone");
    page_becomes("/metrics", 200, "\nweft_plugin_up{kind=\"transport\",name=\"steered\"} 0\n");
    host->health(host, WEFT_HEALTH_UP, NULL);
    page_becomes("/metrics", 200, "\nweft_reconnects_total{kind=\"transport\",name=\"steered\"} 1\n");
    host->count(host, "things.seen", 3);
    host->gauge(host, "depth", -7);
    page_becomes("/metrics", 200,
                 "\n# TYPE weft_steered_things_seen_total counter\nweft_steered_things_seen_total 3\n");
    page_becomes("/metrics", 200, "\n# TYPE weft_steered_depth gauge\nweft_steered_depth -7\n");
    page_becomes("/health", 200,
                 "{\"part\":\"group\",\"service\":\"watcher\",\"group\":\"watch\",\"state\":\"consuming\"");
}
END_TEST

START_TEST(process_does_not_start_when_the_broker_refuses_it)
{
    steering.health = WEFT_HEALTH_REFUSED;
    ck_assert_msg(make(&empty, NULL) == WEFT_OK, "%s", fault.text);
    ck_assert_int_eq(weft_process_start(process, &fault), WEFT_FAILED_PRECONDITION);
    ck_assert_str_eq(fault.text, "transport steered:: ACCESS_REFUSED: wrong password");
}
END_TEST

START_TEST(process_waits_for_its_store_until_asked_to_stop)
{
    ck_assert_msg(make(&consumer, NULL) == WEFT_OK, "%s", fault.text);
    start();
    page_becomes("/readyz", 503, "\"service\":\"consumer\",\"reason\":\"");
    page_becomes("/readyz", 503, "database steered is not there");
    page_becomes("/health", 200, "\"state\":\"down\",\"since\":\"");
    weft_process_ask_stop(process);
    ck_assert_int_eq(start_ended(), WEFT_CANCELLED);
    ck_assert_int_eq(steering.subscriptions, 0);
}
END_TEST

START_TEST(process_does_not_start_when_the_store_refuses_it)
{
    steering.store_rc = WEFT_RC_REFUSED;
    ck_assert_msg(make(&consumer, NULL) == WEFT_OK, "%s", fault.text);
    ck_assert_int_eq(weft_process_start(process, &fault), WEFT_PERMISSION_DENIED);
    ck_assert_ptr_nonnull(strstr(fault.text, "consumer: store steered:: "));
    ck_assert_ptr_nonnull(strstr(fault.text, "database steered is not there"));
}
END_TEST

START_TEST(process_that_waits_for_the_broker_ends_when_asked)
{
    steering.health = WEFT_HEALTH_DOWN;
    ck_assert_msg(make(&empty, NULL) == WEFT_OK, "%s", fault.text);
    start();
    page_becomes("/readyz", 503, "transport");
    weft_process_ask_stop(process);
    ck_assert_int_eq(start_ended(), WEFT_CANCELLED);
    weft_process_wait(process); /* returns at once */
}
END_TEST

START_TEST(process_consumes_unless_the_group_is_paused)
{
    ck_assert_msg(make(&watcher, NULL) == WEFT_OK, "%s", fault.text);
    ck_assert_msg(weft_process_start(process, &fault) == WEFT_OK, "%s", fault.text);
    ck_assert_int_eq(steering.subscriptions, 1);
    weft_process_stop(process);
    weft_config_free(config);
    ck_assert_msg(make(&watcher, "services.watcher.groups.watch.paused=true") == WEFT_OK, "%s", fault.text);
    ck_assert_msg(weft_process_start(process, &fault) == WEFT_OK, "%s", fault.text);
    ck_assert_int_eq(steering.subscriptions, 1);
    ck_assert_uint_eq(steering.topology.n_queues, 1); /* declared all the same */
}
END_TEST

START_TEST(process_refuses_settings_of_groups_it_does_not_have)
{
    ck_assert_int_eq(make(&consumer, "services.consumer.groups.user-evens.lanes=2"), WEFT_INVALID_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(fault.text, "did you mean 'consumer/user-events'?"));
}
END_TEST

START_TEST(process_refuses_an_unknown_backend)
{
    ck_assert_int_eq(make(&consumer, "store=nosuch://h/d"), WEFT_NOT_FOUND);
    ck_assert_ptr_nonnull(strstr(fault.text, "--set: no store plugin for 'nosuch:'"));
}
END_TEST

/* ---- topology -----------------------------------------------------------------------------------------------------
 */

static struct weft_part part_of(const struct weft_service_module *module)
{
    struct weft_part part = { 0 };
    ck_assert_msg(weft_service_new(module, "here", &part.service, &fault) == WEFT_OK, "%s", fault.text);
    return part;
}

START_TEST(topology_has_a_queue_for_every_group_and_a_topic_for_every_event)
{
    struct weft_arena *arena = weft_arena_new(1024);
    struct weft_part parts[] = { part_of(&emitter), part_of(&consumer), part_of(&watcher) };
    const struct weft_topology *topology = weft_topology_build(arena, parts, 3, "host-1");
    ck_assert_uint_eq(topology->n_topics, 2);
    ck_assert_str_eq(topology->topics[0], "user-events");
    ck_assert_str_eq(topology->topics[1], "user-events.live");
    ck_assert_uint_eq(topology->n_queues, 2);
    ck_assert_str_eq(topology->queues[0].name, "consumer.user-events");
    ck_assert_uint_eq(topology->queues[0].flags, WEFT_QUEUE_ORDERED);
    ck_assert_str_eq(topology->queues[0].bindings[0].topic, "user-events");
    ck_assert_str_eq(topology->queues[0].bindings[0].routing_key, "user.created");
    ck_assert_str_eq(topology->queues[1].name, "watcher.watch.host-1");
    ck_assert_uint_eq(topology->queues[1].flags, WEFT_QUEUE_BROADCAST);
    ck_assert_str_eq(topology->queues[1].bindings[0].topic, "user-events.live");
    for (int i = 0; i < 3; i++)
        weft_service_free(parts[i].service);
    weft_arena_free(arena);
}
END_TEST

START_TEST(topology_knows_events_that_nobody_here_emits)
{
    struct weft_arena *arena = weft_arena_new(1024);
    struct weft_part parts[] = { part_of(&consumer), part_of(&emitter) };
    ck_assert_str_eq(weft_topology_orphans(arena, parts, 1), "user.v1.UserCreated");
    ck_assert_ptr_null(weft_topology_orphans(arena, parts, 2));
    for (int i = 0; i < 2; i++)
        weft_service_free(parts[i].service);
    weft_arena_free(arena);
}
END_TEST

TCase *process_case(void)
{
    TCase *tcase = tcase_create("process");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, process_is_ready_once_the_broker_is_and_not_before);
    tcase_add_test(tcase, process_shows_in_metrics_what_its_plugins_say_and_count);
    tcase_add_test(tcase, process_does_not_start_when_the_broker_refuses_it);
    tcase_add_test(tcase, process_waits_for_its_store_until_asked_to_stop);
    tcase_add_test(tcase, process_does_not_start_when_the_store_refuses_it);
    tcase_add_test(tcase, process_that_waits_for_the_broker_ends_when_asked);
    tcase_add_test(tcase, process_consumes_unless_the_group_is_paused);
    tcase_add_test(tcase, process_refuses_settings_of_groups_it_does_not_have);
    tcase_add_test(tcase, process_refuses_an_unknown_backend);
    tcase_add_test(tcase, topology_has_a_queue_for_every_group_and_a_topic_for_every_event);
    tcase_add_test(tcase, topology_knows_events_that_nobody_here_emits);
    return tcase;
}
