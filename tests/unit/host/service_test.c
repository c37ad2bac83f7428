/* host/service.h */
#include "host/service.h"

#include "host_test.h"

#include <stdio.h>

static const struct weft_method_type create = { .path = "/t.v1.T/Create", .service = "t.v1.T", .name = "Create" };
static const struct weft_method_type watch = {
    .path = "/t.v1.T/Watch", .service = "t.v1.T", .name = "Watch", .flags = WEFT_METHOD_SERVER_STREAMS
};
static const struct weft_event_type created = { .type = "t.v1.Created",
                                                .topic = "t-events",
                                                .routing_key = "t.created" };
static const struct weft_migration migrations[] = { { "0001_t", NULL, "CREATE TABLE t (id text)", 1, 0 },
                                                    { "0002_u", NULL, "CREATE TABLE u (id text)", 2, 0 } };

static struct weft_service *service;
static struct weft_fault fault;

static void setup(void)
{
    service = NULL;
    fault = (struct weft_fault){ 0 };
}

static void teardown(void)
{
    weft_service_free(service);
}

static void handler(void) {}

static weft_status good(weft_service *made)
{
    weft_service_add_method(made, &create, NULL, handler, NULL);
    weft_service_add_event(made, &created);
    weft_service_add_event(made, &created);
    weft_group *group = weft_group_new(made, "own-events", &(struct weft_group_options){ .ordered = true });
    weft_group_add_event(group, &created, NULL, handler, NULL);
    weft_service_add_migrations(made, migrations, 1);
    weft_service_add_migrations(made, migrations + 1, 1);
    return WEFT_OK;
}

static weft_status bad(weft_service *made)
{
    weft_service_add_method(made, &create, NULL, handler, NULL);
    weft_service_add_method(made, &create, NULL, handler, NULL);
    weft_service_add_method(made, &watch, NULL, handler, NULL);
    weft_service_prefetch(made, &watch, "watched:{id}");
    weft_group_new(made, "Bad Name", NULL);
    weft_group *group = weft_group_new(made, "events", NULL);
    weft_group_new(made, "events", NULL);
    weft_group_add_event(group, &created, NULL, handler, NULL);
    weft_group_add_event(group, &created, NULL, handler, NULL);
    weft_group_add_event(group, &created, NULL, NULL, NULL);
    return WEFT_FAILED_PRECONDITION;
}

static weft_status many(weft_service *made)
{
    static struct weft_method_type types[100];
    static char paths[100][16];
    for (int i = 0; i < 100; i++) {
        snprintf(paths[i], sizeof paths[i], "/t.T/M%d", i);
        types[i] = (struct weft_method_type){ .path = paths[i] };
        weft_service_add_method(made, &types[i], NULL, handler, NULL);
    }
    return WEFT_OK;
}

static weft_status make(uint32_t abi, const char *name, weft_status (*with)(weft_service *))
{
    static struct weft_service_module module;
    module = (struct weft_service_module){ WEFT_SERVICE_MAGIC, abi, name, "1", with };
    return weft_service_new(&module, "test.so", &service, &fault);
}

START_TEST(service_keeps_what_its_setup_registers)
{
    ck_assert_msg(make(WEFT_SERVICE_ABI, "t-service", good) == WEFT_OK, "%s", fault.text);
    ck_assert_uint_eq(service->n_methods, 1);
    ck_assert_str_eq(service->methods[0].service, "t-service");
    ck_assert_uint_eq(service->n_emits, 1);
    ck_assert_uint_eq(service->n_migrations, 2);
    ck_assert_uint_eq(service->migrations[1].version, 2);
    ck_assert_str_eq(service->groups->queue, "t-service.own-events");
    ck_assert(service->groups->options.ordered);
    ck_assert_uint_eq(service->groups->n_handlers, 1);
}
END_TEST

START_TEST(service_tells_all_registration_errors_at_once)
{
    static const char *const parts[] = { "/t.v1.T/Create is registered twice",
                                         "prefetch 'watched:{id}': register method /t.v1.T/Watch first",
                                         "/t.v1.T/Watch streams",
                                         "group 'Bad Name'",
                                         "group 'events' is made twice",
                                         "t.v1.Created is registered twice",
                                         "has no handler",
                                         "setup returned FAILED_PRECONDITION" };
    ck_assert_int_eq(make(WEFT_SERVICE_ABI, "t-service", bad), WEFT_INVALID_ARGUMENT);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        ck_assert_msg(strstr(fault.text, parts[i]) != NULL, "'%s' lacks '%s'", fault.text, parts[i]);
}
END_TEST

START_TEST(service_of_another_abi_or_with_a_bad_name_is_refused)
{
    ck_assert_int_eq(make(WEFT_SERVICE_ABI + 1, "t-service", good), WEFT_FAILED_PRECONDITION);
    ck_assert_ptr_nonnull(strstr(fault.text, "service ABI 2, this host has 1"));
    ck_assert_int_eq(make(WEFT_SERVICE_ABI, "../evil", good), WEFT_INVALID_ARGUMENT);
    ck_assert_int_eq(make(WEFT_SERVICE_ABI, NULL, good), WEFT_INVALID_ARGUMENT);
    ck_assert_int_eq(weft_service_load("/tmp", "../../etc/passwd", &service, &fault), WEFT_INVALID_ARGUMENT);
    ck_assert_int_eq(weft_service_load("/tmp", "not-there-at-all", &service, &fault), WEFT_NOT_FOUND);
}
END_TEST

START_TEST(service_takes_many_methods)
{
    ck_assert_msg(make(WEFT_SERVICE_ABI, "t-service", many) == WEFT_OK, "%s", fault.text);
    ck_assert_uint_eq(service->n_methods, 100);
    ck_assert_str_eq(service->methods[0].type->path, "/t.T/M0");
    ck_assert_str_eq(service->methods[99].type->path, "/t.T/M99");
}
END_TEST

TCase *service_case(void)
{
    TCase *tcase = tcase_create("service");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, service_keeps_what_its_setup_registers);
    tcase_add_test(tcase, service_tells_all_registration_errors_at_once);
    tcase_add_test(tcase, service_of_another_abi_or_with_a_bad_name_is_refused);
    tcase_add_test(tcase, service_takes_many_methods);
    return tcase;
}
