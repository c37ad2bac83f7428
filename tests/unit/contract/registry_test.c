/* What the generated tables hold, and how the registry finds it. */
#include "contract_test.h"

#include "contract/registry.h"
#include "google/protobuf/descriptor.weft.h"
#include <string.h>

static struct weft_registry *registry;
static struct weft_fault fault;

static void registry_make(void)
{
    registry = weft_registry_new();
}

static void registry_drop(void)
{
    weft_registry_free(registry);
}

START_TEST(finds_events_by_type)
{
    ck_assert_int_eq(weft_registry_add_event(registry, &test_v1_happened_event, &fault), WEFT_OK);
    ck_assert_int_eq(weft_registry_add_event(registry, &test_v1_grew_event, &fault), WEFT_OK);
    ck_assert_ptr_eq(weft_registry_event(registry, "test.v1.Happened"), &test_v1_happened_event);
    ck_assert_ptr_eq(weft_registry_event(registry, "tree.grew"), &test_v1_grew_event);
    ck_assert_ptr_null(weft_registry_event(registry, "test.v1.Grew"));
}
END_TEST

START_TEST(takes_the_same_event_twice_and_refuses_another_of_its_name)
{
    struct weft_message_type message = test_v1_happened_type;
    struct weft_event_type event = test_v1_happened_event;
    event.message = &message;
    weft_registry_add_event(registry, &test_v1_happened_event, &fault);
    ck_assert_int_eq(weft_registry_add_event(registry, &event, &fault), WEFT_OK);
    event.topic = "elsewhere";
    ck_assert_int_eq(weft_registry_add_event(registry, &event, &fault), WEFT_ALREADY_EXISTS);
    ck_assert_ptr_nonnull(strstr(fault.text, "topic test-events in one module and elsewhere in another"));
    event.topic = test_v1_happened_event.topic;
    message.fingerprint = "0";
    ck_assert_int_eq(weft_registry_add_event(registry, &event, &fault), WEFT_ALREADY_EXISTS);
    ck_assert_ptr_nonnull(strstr(fault.text, "different fields"));
}
END_TEST

START_TEST(finds_methods_and_their_services)
{
    ck_assert_int_eq(weft_registry_add_method(registry, &test_v1_tester_try_method, &fault), WEFT_OK);
    ck_assert_int_eq(weft_registry_add_method(registry, &test_v1_tester_delete_method, &fault), WEFT_OK);
    ck_assert_ptr_eq(weft_registry_method(registry, "/test.v1.Tester/Try"), &test_v1_tester_try_method);
    ck_assert_str_eq(weft_registry_services(registry)[0], "test.v1.Tester");
    ck_assert_ptr_null(weft_registry_services(registry)[1]);
}
END_TEST

START_TEST(finds_files_with_what_they_import)
{
    weft_registry_add_method(registry, &test_v1_tester_try_method, &fault);
    ck_assert_ptr_eq(weft_registry_file(registry, "test/v1/everything.proto"), &test_v1_everything_proto);
    ck_assert_ptr_eq(weft_registry_file(registry, "google/protobuf/descriptor.proto"),
                     &google_protobuf_descriptor_proto);
    ck_assert_ptr_nonnull(weft_registry_file(registry, "weft/options.proto"));
    ck_assert_ptr_null(weft_registry_file(registry, "other.proto"));
}
END_TEST

START_TEST(finds_symbols_of_every_kind)
{
    static const char *const symbols[] = {
        "test.v1.Everything",
        "test.v1.Everything.f_double",
        "test.v1.Everything.MTextEntry",
        "test.v1.Everything.choice",
        "test.v1.Colour",
        "test.v1.COLOUR_RED",
        "test.v1.Tester",
        "test.v1.Tester.Watch",
    };
    weft_registry_add_file(registry, &test_v1_everything_proto, &fault);
    for (size_t i = 0; i < sizeof symbols / sizeof symbols[0]; i++)
        ck_assert_msg(weft_registry_symbol(registry, symbols[i]) == &test_v1_everything_proto, "%s", symbols[i]);
    ck_assert_str_eq(weft_registry_symbol(registry, "weft.event")->name, "weft/options.proto");
    ck_assert_ptr_null(weft_registry_symbol(registry, "test.v1.Nothing"));
}
END_TEST

START_TEST(refuses_another_file_of_the_same_name)
{
    struct weft_file other = test_v1_everything_proto;
    other.descriptor_size--;
    weft_registry_add_file(registry, &test_v1_everything_proto, &fault);
    ck_assert_int_eq(weft_registry_add_file(registry, &other, &fault), WEFT_ALREADY_EXISTS);
    ck_assert_ptr_nonnull(strstr(fault.text, "test/v1/everything.proto"));
}
END_TEST

static const struct weft_field *field_of(const struct weft_message_type *type, const char *name)
{
    for (unsigned i = 0; i < type->descriptor->n_fields; i++)
        if (strcmp(type->descriptor->fields[i].name, name) == 0) return &type->fields[i];
    ck_abort_msg("no field %s", name);
}

START_TEST(tables_tell_what_descriptors_do_not)
{
    const struct weft_message_type *type = &test_v1_everything_type;
    ck_assert_str_eq(field_of(type, "f_sint32")->json_name, "fSint32");
    ck_assert_str_eq(field_of(type, "renamed")->json_name, "otherName");
    ck_assert_str_eq(field_of(type, "o_text")->oneof, "choice");
    ck_assert_ptr_null(field_of(type, "p_int32")->oneof);
    ck_assert_uint_eq(field_of(type, "p_int32")->flags, WEFT_FIELD_OPTIONAL);
    ck_assert_uint_eq(field_of(type, "m_text")->flags, WEFT_FIELD_MAP);
    ck_assert_uint_eq(field_of(type, "secret")->flags, WEFT_FIELD_SENSITIVE);
    ck_assert_uint_eq(strlen(type->fingerprint), 32);
    for (unsigned i = 0; i < type->descriptor->n_fields; i++)
        if (type->descriptor->fields[i].type == PROTOBUF_C_TYPE_MESSAGE)
            ck_assert_ptr_eq(type->field_types[i]->descriptor, type->descriptor->fields[i].descriptor);
}
END_TEST

START_TEST(tables_tell_events_and_methods)
{
    const struct weft_event_type *event = &test_v1_happened_event;
    ck_assert_str_eq(event->routing_key, "happened");
    ck_assert_uint_eq(event->version, 3);
    ck_assert_str_eq(event->message->descriptor->fields[event->key_field].name, "id");
    ck_assert_uint_eq(event->flags, WEFT_EVENT_BROADCAST | WEFT_EVENT_UNROUTED_OK);
    ck_assert_uint_eq(test_v1_grew_event.flags, WEFT_EVENT_RECURSIVE);
    ck_assert_uint_eq(test_v1_tester_try_method.deadline_ms, 250);
    ck_assert_uint_eq(test_v1_tester_try_method.flags, WEFT_METHOD_IDEMPOTENCY_KEY);
    ck_assert_uint_eq(test_v1_tester_delete_method.flags, WEFT_METHOD_READ_ONLY);
    ck_assert_uint_eq(test_v1_tester_talk_method.flags, WEFT_METHOD_CLIENT_STREAMS | WEFT_METHOD_SERVER_STREAMS);
    ck_assert_uint_eq(test_v1_tester_watch_method.flags, WEFT_METHOD_SERVER_STREAMS);
}
END_TEST

TCase *registry_case(void)
{
    TCase *tests = tcase_create("registry");
    tcase_add_checked_fixture(tests, registry_make, registry_drop);
    tcase_add_test(tests, finds_events_by_type);
    tcase_add_test(tests, takes_the_same_event_twice_and_refuses_another_of_its_name);
    tcase_add_test(tests, finds_methods_and_their_services);
    tcase_add_test(tests, finds_files_with_what_they_import);
    tcase_add_test(tests, finds_symbols_of_every_kind);
    tcase_add_test(tests, refuses_another_file_of_the_same_name);
    tcase_add_test(tests, tables_tell_what_descriptors_do_not);
    tcase_add_test(tests, tables_tell_events_and_methods);
    return tests;
}
