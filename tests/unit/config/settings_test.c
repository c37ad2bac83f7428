/* config/config.h */
#include "config/config.h"

#include "base/clock.h"
#include "config_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char folder[64];
static char path[96];
static struct weft_config *config;
static struct weft_fault fault;

static void setup(void)
{
    snprintf(folder, sizeof folder, "/tmp/weft-config-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/weft.yaml", folder);
    config = NULL;
    fault = (struct weft_fault){ 0 };
}

static void teardown(void)
{
    weft_config_free(config);
    unlink(path);
    rmdir(folder);
}

static void file_write(const char *text)
{
    FILE *file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    fputs(text, file);
    fclose(file);
}

static weft_status load(const char *yaml, char *const *environment, const char *assignment)
{
    if (yaml != NULL) file_write(yaml);
    const char *const assignments[] = { assignment };
    struct weft_config_sources sources = { .file = yaml != NULL ? path : NULL,
                                           .assignments = assignments,
                                           .n_assignments = assignment != NULL,
                                           .environment = environment };
    return weft_config_load(&sources, &config, &fault);
}

static void loads(const char *yaml, char *const *environment, const char *assignment)
{
    ck_assert_msg(load(yaml, environment, assignment) == WEFT_OK, "%s", fault.text);
}

static void refuses(const char *yaml, const char *assignment, const char *part)
{
    ck_assert_int_eq(load(yaml, NULL, assignment), WEFT_INVALID_ARGUMENT);
    ck_assert_msg(strstr(fault.text, part) != NULL, "'%s' lacks '%s'", fault.text, part);
}

START_TEST(config_has_defaults_when_nothing_is_set)
{
    loads(NULL, NULL, NULL);
    ck_assert_str_eq(weft_config_text(config, "transport"), "memory:");
    ck_assert_str_eq(weft_config_text(config, "cache"), "memory:");
    ck_assert_ptr_null(weft_config_text(config, "store"));
    ck_assert_str_eq(weft_config_text(config, "grpc.listen"), "127.0.0.1:50051");
    ck_assert_uint_eq(weft_config_amount(config, "grpc.max_message"), 4u << 20);
    ck_assert_uint_eq(weft_config_amount(config, "drain.timeout"), 20 * WEFT_SECOND);
    ck_assert_int_eq(weft_config_int(config, "migrate"), 2);
    ck_assert(!weft_config_bool(config, "services.a.groups.b.paused"));
}
END_TEST

START_TEST(config_prefers_command_line_to_environment_to_file)
{
    static const char yaml[] = "grpc:\n  listen: 1.1.1.1:1\nlog:\n  level: warn\nmigrate: off\n";
    char *environment[] = { "WEFT_GRPC_LISTEN=2.2.2.2:2", "WEFT_LOG_LEVEL=debug", NULL };
    loads(yaml, environment, "grpc.listen=3.3.3.3:3");
    ck_assert_str_eq(weft_config_text(config, "grpc.listen"), "3.3.3.3:3");
    ck_assert_str_eq(weft_config_text(config, "log.level"), "debug");
    ck_assert_str_eq(weft_config_text(config, "migrate"), "off");
    ck_assert_str_eq(weft_config_origin(config, "log.level"), "WEFT_LOG_LEVEL");
    ck_assert_ptr_nonnull(strstr(weft_config_origin(config, "migrate"), "weft.yaml:5"));
}
END_TEST

START_TEST(config_prefers_its_own_variables_to_the_usual_ones)
{
    char *environment[] = { "RABBITMQ_URI=amqp://usual", "WEFT_TRANSPORT=amqp://own", "REDIS_URL=redis://usual",
                            "DATABASE_URL=", NULL };
    loads(NULL, environment, NULL);
    ck_assert_str_eq(weft_config_text(config, "transport"), "amqp://own");
    ck_assert_str_eq(weft_config_text(config, "cache"), "redis://usual");
    ck_assert_ptr_null(weft_config_text(config, "store")); /* an empty variable is unset */
}
END_TEST

START_TEST(config_reads_a_secret_from_the_file_a_variable_names)
{
    char variable[128];
    char *environment[] = { variable, NULL };
    snprintf(variable, sizeof variable, "DATABASE_URL_FILE=%s", path);
    file_write("postgres://u:p@h/d\n");
    loads(NULL, environment, NULL);
    ck_assert_str_eq(weft_config_text(config, "store"), "postgres://u:p@h/d");
    ck_assert_str_eq(weft_config_origin(config, "store"), "DATABASE_URL_FILE");
}
END_TEST

START_TEST(config_refuses_a_secret_given_twice_or_missing)
{
    char *both[] = { "WEFT_STORE=sqlite:x/", "WEFT_STORE_FILE=/nowhere", NULL };
    ck_assert_int_eq(load(NULL, both, NULL), WEFT_INVALID_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(fault.text, "both set"));
    char *missing[] = { "WEFT_STORE_FILE=/nowhere/at/all", NULL };
    ck_assert_int_eq(load(NULL, missing, NULL), WEFT_INVALID_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(fault.text, "/nowhere/at/all"));
}
END_TEST

START_TEST(config_refuses_unknown_keys_with_line_and_nearest_name)
{
    refuses("grpc:\n  listen: a:1\n  wokers: 3\n", NULL, ":3: unknown key 'grpc.wokers'; did you mean 'grpc.workers'?");
    refuses("services:\n  order-service:\n    stroe: memory\n", NULL, "did you mean 'services.order-service.store'?");
    refuses(NULL, "drain.delai=1s", "did you mean 'drain.delay'?");
    refuses(NULL, "nonsense", "want key=value");
}
END_TEST

START_TEST(config_refuses_wrong_values_with_their_place)
{
    refuses("grpc:\n  workers: many\n", NULL, ":2: grpc.workers: 'many' is wrong; want a whole number");
    refuses("grpc:\n  workers: 0\n", NULL, "want 1 to 1024");
    refuses("topics:\n  user-events:\n    body: xml\n", NULL, "one of protobuf json nestjs");
    refuses("drain:\n  delay: 5\n", NULL, "a time with its unit");
    refuses(NULL, "log.level=loud", "--set: log.level: 'loud' is wrong");
}
END_TEST

START_TEST(config_refuses_yaml_it_does_not_understand)
{
    refuses("grpc: [1, 2]\n", NULL, ":1: a list where a value is wanted");
    refuses("a: &x 1\nb: *x\n", NULL, "weft.yaml:1");
    refuses("just words\n", NULL, ":1: want keys with values");
    refuses("grpc:\n  listen: 'x\n", NULL, "not YAML");
    refuses("migrate: off\nmigrate: auto\n", NULL, "already");
    refuses("log:\n  level:\n", NULL, "a key without a value");
    refuses("? {a: b}\n: c\n", NULL, "a mapping where a key is wanted");
    refuses("a: {b: {c: {d: {e: {f: {g: {h: {i: {j: 1}}}}}}}}}\n", NULL, "too deep");
}
END_TEST

START_TEST(config_takes_an_empty_file)
{
    loads("# nothing set\n", NULL, NULL);
    ck_assert_str_eq(weft_config_text(config, "transport"), "memory:");
}
END_TEST

START_TEST(config_reads_a_services_environment_once_it_is_known)
{
    static const char *const groups[] = { "user-events", NULL };
    char *environment[] = { "WEFT_SERVICES_ORDER_SERVICE_GROUPS_USER_EVENTS_PAUSED=true",
                            "WEFT_TOPICS_USER_EVENTS_BODY=json", NULL };
    loads(NULL, environment, NULL);
    ck_assert_int_eq(weft_config_add_service(config, "order-service", groups, &fault), WEFT_OK);
    ck_assert_int_eq(weft_config_add_topic(config, "user-events", &fault), WEFT_OK);
    ck_assert(weft_config_bool(config, "services.order-service.groups.user-events.paused"));
    ck_assert_int_eq(weft_config_int(config, "topics.user-events.body"), 1);
}
END_TEST

START_TEST(config_refuses_a_wrong_value_in_a_services_environment)
{
    static const char *const groups[] = { "user-events", NULL };
    char *environment[] = { "WEFT_SERVICES_ORDER_SERVICE_GROUPS_USER_EVENTS_LANES=none", NULL };
    loads(NULL, environment, NULL);
    ck_assert_int_eq(weft_config_add_service(config, "order-service", groups, &fault), WEFT_INVALID_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(fault.text, "WEFT_SERVICES_ORDER_SERVICE_GROUPS_USER_EVENTS_LANES"));
}
END_TEST

START_TEST(config_refuses_names_of_services_groups_topics_and_plugins_that_are_not_there)
{
    static const char *const groups[] = { "user-events", NULL }, *const plugins[] = { "amqp", NULL };
    static const struct {
        const char *yaml, *part;
    } cases[] = {
        { "services: {order-servce: {store: 'memory:'}}\n",
          "no service 'order-servce'; did you mean 'order-service'?" },
        { "services: {order-service: {groups: {user-evens: {lanes: 2}}}}\n", "no group 'order-service/user-evens'" },
        { "topics: {user-event: {body: json}}\n", "no topic 'user-event'; did you mean 'user-events'?" },
        { "plugins: {ampq: {heartbeat: 5s}}\n", "no plugin 'ampq'" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        loads(cases[i].yaml, NULL, NULL);
        ck_assert_int_eq(weft_config_add_service(config, "order-service", groups, &fault), WEFT_OK);
        ck_assert_int_eq(weft_config_add_topic(config, "user-events", &fault), WEFT_OK);
        ck_assert_int_eq(weft_config_check_names(config, plugins, &fault), WEFT_INVALID_ARGUMENT);
        ck_assert_msg(strstr(fault.text, cases[i].part) != NULL, "'%s' lacks '%s'", fault.text, cases[i].part);
        weft_config_free(config);
        config = NULL;
    }
}
END_TEST

static void entry_note(void *arg, const struct weft_config_entry *entry)
{
    weft_buffer_format(arg, "%s=%s [%s]\n", entry->key, entry->shown != NULL ? entry->shown : "-", entry->origin);
}

START_TEST(config_lists_every_value_with_its_origin_and_masks_secrets)
{
    char *environment[] = { "RABBITMQ_URI=amqp://me:hunter2@h/", "WEFT_ADMIN_TOKEN=tell:nobody-of-hunter2", NULL };
    struct weft_buffer text = WEFT_BUFFER_EMPTY;
    loads(NULL, environment, "topics.user-events.body=json");
    weft_config_each(config, entry_note, &text);
    ck_assert_ptr_nonnull(strstr(text.data, "transport=amqp://me:***@h/ [RABBITMQ_URI]\n"));
    ck_assert_ptr_nonnull(strstr(text.data, "admin.token=*** [WEFT_ADMIN_TOKEN]\n"));
    ck_assert_ptr_nonnull(strstr(text.data, "topics.user-events.body=json [--set]\n"));
    ck_assert_ptr_nonnull(strstr(text.data, "migrate=auto [default]\n"));
    ck_assert_ptr_null(strstr(text.data, "hunter2"));
    weft_buffer_free(&text);
}
END_TEST

TCase *config_case(void)
{
    TCase *tcase = tcase_create("config");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, config_has_defaults_when_nothing_is_set);
    tcase_add_test(tcase, config_prefers_command_line_to_environment_to_file);
    tcase_add_test(tcase, config_prefers_its_own_variables_to_the_usual_ones);
    tcase_add_test(tcase, config_reads_a_secret_from_the_file_a_variable_names);
    tcase_add_test(tcase, config_refuses_a_secret_given_twice_or_missing);
    tcase_add_test(tcase, config_refuses_unknown_keys_with_line_and_nearest_name);
    tcase_add_test(tcase, config_refuses_wrong_values_with_their_place);
    tcase_add_test(tcase, config_refuses_yaml_it_does_not_understand);
    tcase_add_test(tcase, config_takes_an_empty_file);
    tcase_add_test(tcase, config_reads_a_services_environment_once_it_is_known);
    tcase_add_test(tcase, config_refuses_a_wrong_value_in_a_services_environment);
    tcase_add_test(tcase, config_refuses_names_of_services_groups_topics_and_plugins_that_are_not_there);
    tcase_add_test(tcase, config_lists_every_value_with_its_origin_and_masks_secrets);
    return tcase;
}
