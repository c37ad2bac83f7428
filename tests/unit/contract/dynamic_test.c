/* Types made at run time do what generated ones do. */
#include "contract_test.h"

#include "contract/dynamic/dynamic.h"
#include "contract/guard.h"
#include "contract/json/json.h"
#include "contract/message.h"
#include <stdlib.h>
#include <string.h>

static struct weft_dynamic *dynamic;
static struct weft_fault fault;

static void dynamic_make(void)
{
    arena_make();
    dynamic = weft_dynamic_new();
}

static void dynamic_drop(void)
{
    weft_dynamic_free(dynamic);
    arena_drop();
}

static void add(const struct weft_file *file)
{
    ck_assert_msg(weft_dynamic_add(dynamic, file->descriptor, file->descriptor_size, &fault) == WEFT_OK, "%s",
                  fault.text);
}

static const struct weft_message_type *message_of(const char *name)
{
    const struct weft_message_type *type = NULL;
    ck_assert_msg(weft_dynamic_message(dynamic, name, &type, &fault) == WEFT_OK, "%s", fault.text);
    return type;
}

static struct weft_bytes packed(const struct weft_message_type *type, const char *text)
{
    ProtobufCMessage *message = NULL;
    ck_assert_msg(weft_json_read(type, text, strlen(text), arena, &message, &fault) == WEFT_OK, "%s: %s", text,
                  fault.text);
    return weft_message_pack(arena, message);
}

/* The same bytes out of the same JSON, and the same JSON out of the bytes. */
static void agrees(const char *text)
{
    static const struct weft_guard_limits limits = WEFT_GUARD_DEFAULT;
    const struct weft_message_type *type = message_of("test.v1.Everything");
    struct weft_bytes made = packed(type, text), generated = packed(&test_v1_everything_type, text);
    ck_assert_uint_eq(made.size, generated.size);
    ck_assert_mem_eq(made.data, generated.data, made.size);
    ProtobufCMessage *message;
    struct weft_buffer buffer = WEFT_BUFFER_EMPTY;
    ck_assert_int_eq(weft_guard_unpack(&limits, type->descriptor, made.data, made.size, arena, &message, &fault),
                     WEFT_OK);
    ck_assert_int_eq(weft_json_write(type, message, 0, &buffer, &fault), WEFT_OK);
    ck_assert_str_eq(buffer.data, text);
    weft_buffer_free(&buffer);
}

START_TEST(every_kind_of_field_works)
{
    add(&test_v1_everything_proto);
    agrees("{}");
    agrees("{\"fDouble\":0.1,\"fFloat\":1.5,\"fInt32\":-1,\"fInt64\":\"-2\",\"fUint32\":3,\"fUint64\":\"4\","
           "\"fSint32\":-5,\"fSint64\":\"-6\",\"fFixed32\":7,"
           "\"fFixed64\":\"8\",\"fSfixed32\":-9,\"fSfixed64\":\"-10\",\"fBool\":true,\"fString\":\"text\",\"fBytes\":"
           "\"AAEC\",\"fColour\":\"COLOUR_BELOW\","
           "\"fInner\":{\"text\":\"a\"}}");
    agrees("{\"rInt32\":[1,2],\"rString\":[\"a\",\"\"],\"rInner\":[{},{\"number\":1}],\"rBytes\":[\"AA==\"],"
           "\"rColour\":[\"COLOUR_RED\"],\"rDouble\":[1.5],"
           "\"rBool\":[true,false],\"rUint64\":[\"1\"]}");
    agrees(
        "{\"mText\":{\"a\":\"1\",\"b\":\"\"},\"mInner\":{\"5\":{\"number\":1}},\"mColour\":{\"true\":\"COLOUR_RED\"}}");
    agrees("{\"oText\":\"\"}");
    agrees("{\"oNumber\":5}");
    agrees("{\"oInner\":{}}");
    agrees("{\"oNull\":null}");
    agrees("{\"pInt32\":0,\"pString\":\"\",\"pInner\":{}}");
    agrees("{\"self\":{\"self\":{\"fInt32\":1}},\"otherName\":\"x\"}");
    agrees("{\"wTimestamp\":\"2024-01-01T00:00:00Z\",\"wDuration\":\"1.500s\",\"wMask\":\"aB\",\"wStruct\":{\"a\":[1,"
           "null]},"
           "\"wAny\":{\"@type\":\"x/"
           "test.v1.Inner\",\"number\":1},\"wEmpty\":{},\"wInt64\":\"5\",\"wTimestamps\":[\"1970-01-01T00:00:00Z\"]}");
}
END_TEST

START_TEST(members_of_a_oneof_share_a_place)
{
    static const char text[] = "{\"oText\":\"a\",\"oNumber\":1}";
    ProtobufCMessage *message;
    add(&test_v1_everything_proto);
    ck_assert_int_eq(weft_json_read(message_of("test.v1.Everything"), text, sizeof text - 1, arena, &message, &fault),
                     WEFT_INVALID_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(fault.text, "oneof choice"));
}
END_TEST

START_TEST(side_tables_are_the_generated_ones)
{
    add(&test_v1_everything_proto);
    const struct weft_message_type *type = message_of("test.v1.Everything"), *wanted = &test_v1_everything_type;
    ck_assert_uint_eq(type->descriptor->n_fields, wanted->descriptor->n_fields);
    for (unsigned i = 0; i < type->descriptor->n_fields; i++) {
        ck_assert_str_eq(type->descriptor->fields[i].name, wanted->descriptor->fields[i].name);
        ck_assert_str_eq(type->fields[i].json_name, wanted->fields[i].json_name);
        ck_assert_uint_eq(type->fields[i].flags, wanted->fields[i].flags);
        ck_assert_pstr_eq(type->fields[i].oneof, wanted->fields[i].oneof);
        ck_assert_int_eq(type->descriptor->fields[i].label, wanted->descriptor->fields[i].label);
        ck_assert_uint_eq(type->descriptor->fields[i].flags, wanted->descriptor->fields[i].flags);
    }
}
END_TEST

START_TEST(methods_are_found_by_either_spelling)
{
    const struct weft_method_type *method;
    add(&test_v1_everything_proto);
    ck_assert_int_eq(weft_dynamic_method(dynamic, "test.v1.Tester/Watch", &method, &fault), WEFT_OK);
    ck_assert_str_eq(method->path, "/test.v1.Tester/Watch");
    ck_assert_uint_eq(method->flags, WEFT_METHOD_SERVER_STREAMS);
    ck_assert_int_eq(weft_dynamic_method(dynamic, "test.v1.Tester.Delete", &method, &fault), WEFT_OK);
    ck_assert_str_eq(method->input->name, "test.v1.Inner");
    ck_assert_str_eq(method->output->name, "google.protobuf.Empty");
    ck_assert_int_eq(weft_dynamic_method(dynamic, "test.v1.Tester/Wach", &method, &fault), WEFT_NOT_FOUND);
    ck_assert_ptr_nonnull(strstr(fault.text, "is it test.v1.Tester.Watch?"));
}
END_TEST

/* A FileDescriptorProto named "a", and in it a message M with one field f, by hand (descriptor.proto). */
#define HEAD                                                                                                           \
    "\x0A\x01"                                                                                                         \
    "a"
#define MESSAGE(size, field_size, number, type)                                                                        \
    "\x22" size "\x0A\x01M\x12" field_size "\x0A\x01"                                                                  \
    "f\x18" number "\x28" type

START_TEST(missing_imports_are_told)
{
    static const char file[] = HEAD "\x1A\x01"
                                    "b";
    const struct weft_message_type *type;
    ck_assert_int_eq(weft_dynamic_add(dynamic, file, sizeof file - 1, &fault), WEFT_OK);
    ck_assert_str_eq(weft_dynamic_missing(dynamic), "b");
    ck_assert_int_eq(weft_dynamic_message(dynamic, "M", &type, &fault), WEFT_FAILED_PRECONDITION);
    ck_assert_int_eq(weft_dynamic_add(dynamic,
                                      "\x0A\x01"
                                      "b",
                                      3, &fault),
                     WEFT_OK);
    ck_assert_ptr_null(weft_dynamic_missing(dynamic));
}
END_TEST

static void refused(const void *bytes, size_t size, const char *text)
{
    const struct weft_message_type *type;
    weft_status status = weft_dynamic_add(dynamic, bytes, size, &fault);
    if (status == WEFT_OK) status = weft_dynamic_message(dynamic, "M", &type, &fault);
    ck_assert_int_eq(status, WEFT_INVALID_ARGUMENT);
    ck_assert_msg(strstr(fault.text, text) != NULL, "\"%s\" does not say \"%s\"", fault.text, text);
    dynamic_drop();
    dynamic_make();
}

START_TEST(impossible_descriptors_are_refused)
{
    static const char zero[] = HEAD MESSAGE("\x0C", "\x07", "\x00", "\x05");
    static const char group[] = HEAD MESSAGE("\x0C", "\x07", "\x01", "\x0A");
    static const char type[] = HEAD MESSAGE("\x0C", "\x07", "\x01", "\x0B");
    static const char oneof[] = HEAD MESSAGE("\x0E", "\x09", "\x01", "\x05") "\x48\x03";
    static const char unknown[] = HEAD MESSAGE("\x10", "\x0B", "\x01", "\x0B") "\x32\x02.X";
    refused("", 0, "has no name");
    refused("\x0A\x01\xFF", 3, "UTF-8");
    refused(HEAD "\x22\x00", 5, "without a name");
    refused(zero, sizeof zero - 1, "field f of M has a number that cannot be");
    refused(group, sizeof group - 1, "is a group or of an unknown type");
    refused(type, sizeof type - 1, "names no type in full");
    refused(oneof, sizeof oneof - 1, "is of a oneof that does not exist");
    refused(unknown, sizeof unknown - 1, "is of a type that is in none of the files");
}
END_TEST

START_TEST(survives_damaged_descriptors)
{
    const struct weft_file *file = &test_v1_everything_proto;
    uint8_t *bytes = malloc(file->descriptor_size);
    uint64_t state = 4;
    for (int round = 0; round < 3000; round++) {
        memcpy(bytes, file->descriptor, file->descriptor_size);
        for (int n = round % 3 + 1; n > 0; n--) {
            state = state * 6364136223846793005u + 1442695040888963407u;
            bytes[(state >> 33) % file->descriptor_size] = (uint8_t)(state >> 20);
        }
        const struct weft_method_type *method;
        struct weft_dynamic *damaged = weft_dynamic_new();
        if (weft_dynamic_add(damaged, bytes, file->descriptor_size, &fault) == WEFT_OK &&
            weft_dynamic_method(damaged, "test.v1.Tester/Try", &method, &fault) == WEFT_OK) {
            ProtobufCMessage *message;
            static const char text[] = "{\"fInt32\":1,\"rString\":[\"a\"],\"mText\":{\"a\":\"b\"},\"oText\":\"c\","
                                       "\"fInner\":{\"text\":\"d\"}}";
            if (weft_json_read(method->input, text, sizeof text - 1, arena, &message, &fault) == WEFT_OK)
                weft_message_pack(arena, message);
            weft_arena_reset(arena);
        }
        weft_dynamic_free(damaged);
    }
    free(bytes);
}
END_TEST

TCase *dynamic_case(void)
{
    TCase *tests = tcase_create("dynamic");
    tcase_add_checked_fixture(tests, dynamic_make, dynamic_drop);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, every_kind_of_field_works);
    tcase_add_test(tests, members_of_a_oneof_share_a_place);
    tcase_add_test(tests, side_tables_are_the_generated_ones);
    tcase_add_test(tests, methods_are_found_by_either_spelling);
    tcase_add_test(tests, missing_imports_are_told);
    tcase_add_test(tests, impossible_descriptors_are_refused);
    tcase_add_test(tests, survives_damaged_descriptors);
    return tests;
}
