/* The proto3 JSON mapping, in both directions. */
#include "contract_test.h"

#include "contract/json/json.h"
#include "contract/message.h"
#include "google/protobuf/any.pb-c.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static struct weft_fault fault;
static struct weft_buffer buffer;

static void json_make(void)
{
    arena_make();
    buffer = (struct weft_buffer)WEFT_BUFFER_EMPTY;
}

static void json_drop(void)
{
    weft_buffer_free(&buffer);
    arena_drop();
}

static Test__V1__Everything *parse(const char *text)
{
    ProtobufCMessage *message = NULL;
    weft_status status = weft_json_read(&test_v1_everything_type, text, strlen(text), arena, &message, &fault);
    ck_assert_msg(status == WEFT_OK, "%s: %s", text, fault.text);
    return (Test__V1__Everything *)message;
}

static const char *print(const Test__V1__Everything *message, uint32_t flags)
{
    weft_buffer_free(&buffer);
    weft_status status = weft_json_write(&test_v1_everything_type, &message->base, flags, &buffer, &fault);
    ck_assert_msg(status == WEFT_OK, "%s", fault.text);
    return buffer.data;
}

/* Reads `text`, sends it over the wire, writes it: gives `wanted`. */
static void becomes(const char *text, const char *wanted)
{
    struct weft_bytes bytes = weft_message_pack(arena, &parse(text)->base);
    Test__V1__Everything *back = test__v1__everything__unpack(weft_arena_protobuf(arena), bytes.size, bytes.data);
    ck_assert_ptr_nonnull(back);
    ck_assert_str_eq(print(back, 0), wanted);
}

static void stays(const char *text)
{
    becomes(text, text);
}

static void refused(const char *text, const char *reason)
{
    ProtobufCMessage *message = NULL;
    weft_status status = weft_json_read(&test_v1_everything_type, text, strlen(text), arena, &message, &fault);
    ck_assert_msg(status == WEFT_INVALID_ARGUMENT, "%s is accepted", text);
    ck_assert_msg(strstr(fault.text, reason) != NULL, "%s: \"%s\" does not say \"%s\"", text, fault.text, reason);
    ck_assert_ptr_null(message);
}

START_TEST(scalars_keep_their_values)
{
    stays("{\"fDouble\":0.1,\"fFloat\":1.5,\"fInt32\":-2147483648,\"fInt64\":\"-9223372036854775808\",\"fUint32\":"
          "4294967295,"
          "\"fUint64\":\"18446744073709551615\",\"fSint32\":-1,\"fSint64\":\"-1\",\"fFixed32\":1,\"fFixed64\":\"2\","
          "\"fSfixed32\":-3,"
          "\"fSfixed64\":\"-4\",\"fBool\":true,\"fString\":\"text\",\"fBytes\":\"AAEC/w==\",\"fColour\":\"COLOUR_RED\","
          "\"fInner\":{\"text\":\"a\",\"number\":1}}");
}
END_TEST

START_TEST(defaults_are_left_out)
{
    becomes("{\"fInt32\":0,\"fString\":\"\",\"fBool\":false,\"fColour\":\"COLOUR_UNKNOWN\",\"rInt32\":[],\"mText\":{}}",
            "{}");
}
END_TEST

START_TEST(defaults_are_written_when_asked_for)
{
    Test__V1__Inner inner = TEST__V1__INNER__INIT;
    weft_json_write(&test_v1_inner_type, &inner.base, WEFT_JSON_DEFAULTS, &buffer, &fault);
    ck_assert_str_eq(buffer.data, "{\"text\":\"\",\"number\":0}");
    ck_assert_ptr_nonnull(strstr(print(parse("{}"), WEFT_JSON_DEFAULTS), "\"rInt32\":[]"));
    ck_assert_ptr_nonnull(strstr(print(parse("{}"), WEFT_JSON_DEFAULTS), "\"mText\":{}"));
    ck_assert_ptr_null(strstr(print(parse("{}"), WEFT_JSON_DEFAULTS), "fInner"));
}
END_TEST

START_TEST(presence_is_kept)
{
    stays("{\"pInt32\":0,\"pString\":\"\",\"pInner\":{}}");
    stays("{\"oNumber\":0}");
    stays("{\"oText\":\"\"}");
    stays("{\"oNull\":null}");
}
END_TEST

START_TEST(null_is_nothing)
{
    becomes(
        "{\"fInt32\":null,\"fInner\":null,\"rInt32\":null,\"mText\":null,\"oText\":null,\"oNumber\":1,\"wInt64\":null}",
        "{\"oNumber\":1}");
}
END_TEST

START_TEST(integers_may_be_written_in_many_ways)
{
    becomes("{\"fInt32\":1e3,\"fInt64\":-5.0,\"fUint32\":\"7\",\"fUint64\":1.8446744073709551615e19,\"fSint32\":100e-2,"
            "\"fSint64\":\"1e2\"}",
            "{\"fInt32\":1000,\"fInt64\":\"-5\",\"fUint32\":7,\"fUint64\":\"18446744073709551615\",\"fSint32\":1,"
            "\"fSint64\":\"100\"}");
    refused("{\"fInt32\":2147483648}",
            "line 1, column 11: field f_int32 of test.v1.Everything: \"2147483648\" is no signed integer of 32 bits");
    refused("{\"fInt32\":0.5}", "no signed integer");
    refused("{\"fUint32\":-1}", "no unsigned integer of 32 bits");
    refused("{\"fUint64\":18446744073709551616}", "no unsigned integer of 64 bits");
    refused("{\"fInt64\":9223372036854775808}", "no signed integer of 64 bits");
    refused("{\"fInt32\":1e999999999999}", "no signed integer");
    refused("{\"fInt32\":\" 1\"}", "no signed integer");
    refused("{\"fInt32\":\"\"}", "no signed integer");
    refused("{\"fInt32\":01}", "misspelt");
    refused("{\"fInt32\":+1}", "a number is wanted");
    refused("{\"fInt32\":true}", "a number is wanted, not true");
}
END_TEST

START_TEST(reals_have_names_and_limits)
{
    stays("{\"fDouble\":\"NaN\",\"fFloat\":\"-Infinity\",\"rDouble\":[\"Infinity\",1e-300,1.7976931348623157e+308]}");
    becomes("{\"fDouble\":\"1.5\",\"fFloat\":3.4028234e38}", "{\"fDouble\":1.5,\"fFloat\":3.4028235e+38}");
    refused("{\"fDouble\":1e309}", "too large");
    refused("{\"fFloat\":1e39}", "too large");
    refused("{\"fDouble\":NaN}", "a number is wanted");
    refused("{\"fDouble\":\"nan\"}", "no number");
}
END_TEST

START_TEST(minus_zero_is_a_value)
{
    Test__V1__Everything message = TEST__V1__EVERYTHING__INIT;
    message.f_double = -0.0;
    ck_assert_str_eq(print(&message, 0), "{\"fDouble\":-0}");
    ck_assert(signbit(parse("{\"fDouble\":-0}")->f_double));
}
END_TEST

START_TEST(strings_are_unescaped_and_escaped)
{
    becomes("{\"fString\":\"a\\u00fc\\n\\\"\\\\\\/\\b\\f\\r\\t\\uD83D\\uDE00\"}",
            "{\"fString\":\"a\xC3\xBC\\n\\\"\\\\/\\b\\f\\r\\t\xF0\x9F\x98\x80\"}");
    refused("{\"fString\":\"\\uD83D\"}", "half of a surrogate pair");
    refused("{\"fString\":\"\\uDE00\\uD83D\"}", "half of a surrogate pair");
    refused("{\"fString\":\"\\uDE00\\uDE00\"}", "half of a surrogate pair");
    refused("{\"fString\":\"\\x\"}", "escape that does not exist");
    refused("{\"fString\":\"\\u12G4\"}", "escape");
    refused("{\"fString\":\"a\nb\"}", "control character");
    refused("{\"fString\":\"\xFF\"}", "UTF-8");
    refused("{\"fString\":\"\\u0000\"}", "NUL");
    refused("{\"fString\":\"abc", "does not end");
    refused("{\"fString\":\"abc\\", "does not end");
}
END_TEST

START_TEST(bytes_are_base64_of_either_alphabet)
{
    becomes("{\"fBytes\":\"-_8\"}", "{\"fBytes\":\"+/8=\"}");
    becomes("{\"fBytes\":\"+/8=\"}", "{\"fBytes\":\"+/8=\"}");
    stays("{\"rBytes\":[\"\",\"AA==\",\"AAA=\",\"AAAA\"]}");
    refused("{\"fBytes\":\"A\"}", "not base64");
    refused("{\"fBytes\":\"A A=\"}", "not base64");
    refused("{\"fBytes\":\"A===\"}", "not base64");
}
END_TEST

START_TEST(enums_are_names_or_numbers)
{
    becomes("{\"rColour\":[\"COLOUR_GREEN\",1,-1,77,\"COLOUR_BELOW\"]}",
            "{\"rColour\":[\"COLOUR_GREEN\",\"COLOUR_RED\",\"COLOUR_BELOW\",77,\"COLOUR_BELOW\"]}");
    refused("{\"fColour\":\"COLOUR_MAUVE\"}", "\"COLOUR_MAUVE\" is no value of enum test.v1.Colour");
}
END_TEST

START_TEST(lists_keep_their_order)
{
    stays("{\"rInt32\":[3,1,2],\"rString\":[\"\",\"b\"],\"rInner\":[{},{\"number\":1}],\"rBool\":[true,false],"
          "\"rUint64\":[\"1\",\"2\"]}");
    refused("{\"rInt32\":[1,null]}", "a list holds null");
    refused("{\"rInt32\":[1,]}", "a number is wanted");
    refused("{\"rInt32\":[1 2]}", "',' or ']' is wanted");
    refused("{\"rInt32\":1}", "a list is wanted, not a number");
}
END_TEST

START_TEST(maps_are_objects)
{
    stays("{\"mText\":{\"b\":\"2\",\"a\":\"1\",\"\":\"\"},\"mInner\":{\"-5\":{\"number\":1}},\"mColour\":{\"true\":"
          "\"COLOUR_RED\",\"false\":\"COLOUR_UNKNOWN\"}}");
    refused("{\"mText\":{\"a\":\"1\",\"a\":\"2\"}}", "field m_text of test.v1.Everything: a map has a key twice");
    refused("{\"mInner\":{\"1\":{},\"1.0\":{}}}", "a map has a key twice");
    refused("{\"mText\":{\"a\":null}}", "a map holds null");
    refused("{\"mInner\":{\"x\":{}}}", "no signed integer");
    refused("{\"mColour\":{\"yes\":1}}", "true and false");
}
END_TEST

START_TEST(the_last_of_a_map_s_keys_wins)
{
    Test__V1__Everything__MTextEntry one = TEST__V1__EVERYTHING__MTEXT_ENTRY__INIT,
                                     two = TEST__V1__EVERYTHING__MTEXT_ENTRY__INIT;
    Test__V1__Everything__MTextEntry *entries[] = { &one, &two };
    Test__V1__Everything message = TEST__V1__EVERYTHING__INIT;
    one.key = two.key = (char *)"k";
    one.value = (char *)"first", two.value = (char *)"last";
    message.m_text = entries, message.n_m_text = 2;
    ck_assert_str_eq(print(&message, 0), "{\"mText\":{\"k\":\"last\"}}");
}
END_TEST

START_TEST(fields_go_by_both_names)
{
    becomes("{\"f_int32\":1,\"otherName\":\"a\"}", "{\"fInt32\":1,\"otherName\":\"a\"}");
    becomes("{\"renamed\":\"a\"}", "{\"otherName\":\"a\"}");
    refused("{\"fInt32\":1,\"f_int32\":2}", "it is there twice");
    refused("{\"fInt33\":1}", "test.v1.Everything has no field \"fInt33\"; is it \"fInt32\"?");
    refused("{\n \"fInner\": {\"txt\": \"\"}}", "line 2, column");
    refused("{\"oText\":\"a\",\"oNumber\":1}", "another member of oneof choice is set already");
}
END_TEST

START_TEST(times_have_a_form_of_their_own)
{
    stays("{\"wTimestamp\":\"2024-02-29T23:59:59Z\",\"wDuration\":\"1.500s\"}");
    stays("{\"wTimestamp\":\"0001-01-01T00:00:00Z\",\"wDuration\":\"-315576000000.999999999s\"}");
    stays("{\"wTimestamp\":\"9999-12-31T23:59:59.999999999Z\",\"wDuration\":\"-0.000001s\"}");
    becomes("{\"wTimestamp\":\"1970-01-01T01:00:00.1+01:00\",\"wDuration\":\"3s\"}",
            "{\"wTimestamp\":\"1970-01-01T00:00:00.100Z\",\"wDuration\":\"3s\"}");
    stays("{\"wTimestamps\":[\"1969-12-31T23:59:59.500Z\"]}");
    refused("{\"wTimestamp\":\"2023-02-29T00:00:00Z\"}", "a time is written like");
    refused("{\"wTimestamp\":\"2023-01-01t00:00:00Z\"}", "a time");
    refused("{\"wTimestamp\":\"2023-01-01T24:00:00Z\"}", "a time");
    refused("{\"wTimestamp\":\"0000-01-01T00:00:00Z\"}", "a time");
    refused("{\"wTimestamp\":\"2023-01-01T00:00:00\"}", "a time");
    refused("{\"wTimestamp\":\"0001-01-01T00:00:00+01:00\"}", "a time");
    refused("{\"wDuration\":\"1\"}", "a duration");
    refused("{\"wDuration\":\"s\"}", "a duration");
    refused("{\"wDuration\":\"315576000001s\"}", "a duration");
    refused("{\"wDuration\":\"1.0000000001s\"}", "a duration");
}
END_TEST

START_TEST(masks_wrappers_and_empty_have_theirs)
{
    stays("{\"wMask\":\"user.displayName,photo\",\"wEmpty\":{},\"wInt64\":\"0\",\"wString\":\"\",\"wBytes\":\"AA==\","
          "\"wBool\":false}");
    ck_assert_str_eq(parse("{\"wMask\":\"user.displayName\"}")->w_mask->paths[0], "user.display_name");
    refused("{\"wMask\":\"a_b\"}", "a field mask");
    refused("{\"wMask\":\"a,,b\"}", "a field mask");
    refused("{\"wEmpty\":{\"a\":1}}", "has no field");
}
END_TEST

START_TEST(values_hold_any_json)
{
    stays("{\"wStruct\":{\"a\":null,\"b\":[1,\"x\",true,{}],\"c\":{\"d\":1.5}},\"wValue\":[null,[]],\"wList\":[{},"
          "false]}");
    stays("{\"wValue\":null}");
    stays("{\"wValues\":[null,1,\"a\"]}");
    refused("{\"wStruct\":{\"a\":1,\"a\":2}}", "a name twice");
    refused("{\"wValue\":nothing}", "'nothing' is not JSON; null is wanted");
    refused("{not json}", "'not' is not JSON; a name in double quotes is wanted");
    refused("{\"fInt32\":nul}", "'nul' is not JSON");
}
END_TEST

START_TEST(any_is_written_with_its_type)
{
    stays("{\"wAny\":{\"@type\":\"type.googleapis.com/test.v1.Inner\",\"text\":\"a\",\"number\":1}}");
    becomes("{\"wAny\":{\"number\":1,\"@type\":\"x/test.v1.Inner\"}}",
            "{\"wAny\":{\"@type\":\"x/test.v1.Inner\",\"number\":1}}");
    stays("{\"wAny\":{\"@type\":\"type.googleapis.com/google.protobuf.Duration\",\"value\":\"1s\"}}");
    stays("{\"wAny\":{\"@type\":\"x/google.protobuf.Any\",\"value\":{\"@type\":\"x/"
          "google.protobuf.Int32Value\",\"value\":5}}}");
    stays("{\"wAny\":{}}");
    refused("{\"wAny\":{\"@type\":\"x/other.Type\"}}", "which the contract does not import");
    refused("{\"wAny\":{\"number\":1}}", "no \"@type\"");
    refused("{\"wAny\":{\"@type\":\"x/google.protobuf.Duration\"}}", "no \"value\"");
    refused("{\"wAny\":{\"@type\":\"x/test.v1.Inner\",\"nothing\":1}}", "has no field \"nothing\"");
}
END_TEST

START_TEST(invalid_values_are_not_written)
{
    Test__V1__Everything message = TEST__V1__EVERYTHING__INIT;
    Google__Protobuf__Timestamp timestamp = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
    timestamp.seconds = 253402300800;
    message.w_timestamp = &timestamp;
    ck_assert_int_eq(weft_json_write(&test_v1_everything_type, &message.base, 0, &buffer, &fault), WEFT_INTERNAL);
    ck_assert_ptr_nonnull(strstr(fault.text, "Timestamp"));
}
END_TEST

START_TEST(circles_are_not_written)
{
    Test__V1__Everything message = TEST__V1__EVERYTHING__INIT;
    message.self = &message;
    ck_assert_int_eq(weft_json_write(&test_v1_everything_type, &message.base, 0, &buffer, &fault), WEFT_INTERNAL);
}
END_TEST

START_TEST(sensitive_fields_are_masked)
{
    const Test__V1__Everything *message =
        parse("{\"secret\":\"a\",\"secretInner\":{\"text\":\"b\"},\"fString\":\"c\"}");
    ck_assert_str_eq(print(message, WEFT_JSON_MASK), "{\"fString\":\"c\",\"secret\":\"***\",\"secretInner\":\"***\"}");
}
END_TEST

START_TEST(indented_text_is_for_people)
{
    ck_assert_str_eq(
        print(parse("{\"rInt32\":[1,2],\"mText\":{\"a\":\"b\"},\"fInner\":{}}"), WEFT_JSON_INDENT),
        "{\n  \"fInner\": {},\n  \"rInt32\": [\n    1,\n    2\n  ],\n  \"mText\": {\n    \"a\": \"b\"\n  }\n}");
}
END_TEST

START_TEST(malformed_documents_are_refused)
{
    static const char *const texts[] = { "",
                                         " ",
                                         "{",
                                         "}",
                                         "[]",
                                         "null",
                                         "1",
                                         "\"a\"",
                                         "{}}",
                                         "{} x",
                                         "{,}",
                                         "{\"a\"",
                                         "{\"fInt32\"}",
                                         "{\"fInt32\":}",
                                         "{fInt32:1}",
                                         "{'fInt32':1}",
                                         "{\"fInt32\":1,}",
                                         "{\"fInt32\":1",
                                         "/**/{}",
                                         "\xEF\xBB\xBF{}" };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        refused(texts[i], "JSON, line 1, column");
}
END_TEST

START_TEST(deep_documents_are_refused)
{
    size_t depth = 100000, at = 0;
    char *text = malloc(depth * 8 + 1);
    for (size_t i = 0; i < depth; i++, at += 8)
        memcpy(text + at, "{\"self\":", 8);
    text[at] = '\0';
    refused(text, "nested deeper than 100");
    memset(text, '[', 100000);
    memcpy(text, "{\"wValue\":", 10);
    refused(text, "nested deeper than 100");
    free(text);
}
END_TEST

START_TEST(documents_that_would_swell_are_refused)
{
    size_t n = 2 << 20;
    char *text = malloc(n * 3 + 20);
    strcpy(text, "{\"self\":{\"rInner\":[");
    size_t at = strlen(text);
    for (size_t i = 0; i + 40 < n; i++, at += 3)
        memcpy(text + at, "{},", 3);
    ProtobufCMessage *message;
    ck_assert_int_eq(weft_json_read(&test_v1_everything_type, text, at, arena, &message, &fault),
                     WEFT_RESOURCE_EXHAUSTED);
    free(text);
}
END_TEST

/* Every cut and many damages of a document: an answer, never a crash. */
START_TEST(survives_damaged_documents)
{
    static const char text[] =
        "{\"fDouble\":-1.5e3,\"rString\":[\"a\\u00fc\",\"\"],\"mInner\":{\"1\":{\"text\":\"x\"}},\"wAny\":{\"@type\":"
        "\"x/"
        "google.protobuf.Value\",\"value\":[1,{\"a\":null}]},\"wTimestamp\":\"2024-01-01T00:00:00Z\",\"fBytes\":"
        "\"AAAA\"}";
    uint64_t state = 3;
    char copy[sizeof text];
    ProtobufCMessage *message;
    for (int round = 0; round < 30000; round++) {
        memcpy(copy, text, sizeof text);
        for (int n = round % 4; n > 0; n--) {
            state = state * 6364136223846793005u + 1442695040888963407u;
            copy[(state >> 33) % (sizeof text - 1)] = "{}[]\",:\\0e-nu\xC3"[(state >> 20) % 14];
        }
        size_t size = round < (int)sizeof text ? (size_t)round : sizeof text - 1;
        if (weft_json_read(&test_v1_everything_type, copy, size, arena, &message, &fault) == WEFT_OK)
            weft_message_pack(arena, message);
        weft_arena_reset(arena);
    }
}
END_TEST

TCase *json_case(void)
{
    TCase *tests = tcase_create("json");
    tcase_add_checked_fixture(tests, json_make, json_drop);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, scalars_keep_their_values);
    tcase_add_test(tests, defaults_are_left_out);
    tcase_add_test(tests, defaults_are_written_when_asked_for);
    tcase_add_test(tests, presence_is_kept);
    tcase_add_test(tests, null_is_nothing);
    tcase_add_test(tests, integers_may_be_written_in_many_ways);
    tcase_add_test(tests, reals_have_names_and_limits);
    tcase_add_test(tests, minus_zero_is_a_value);
    tcase_add_test(tests, strings_are_unescaped_and_escaped);
    tcase_add_test(tests, bytes_are_base64_of_either_alphabet);
    tcase_add_test(tests, enums_are_names_or_numbers);
    tcase_add_test(tests, lists_keep_their_order);
    tcase_add_test(tests, maps_are_objects);
    tcase_add_test(tests, the_last_of_a_map_s_keys_wins);
    tcase_add_test(tests, fields_go_by_both_names);
    tcase_add_test(tests, times_have_a_form_of_their_own);
    tcase_add_test(tests, masks_wrappers_and_empty_have_theirs);
    tcase_add_test(tests, values_hold_any_json);
    tcase_add_test(tests, any_is_written_with_its_type);
    tcase_add_test(tests, invalid_values_are_not_written);
    tcase_add_test(tests, circles_are_not_written);
    tcase_add_test(tests, sensitive_fields_are_masked);
    tcase_add_test(tests, indented_text_is_for_people);
    tcase_add_test(tests, malformed_documents_are_refused);
    tcase_add_test(tests, deep_documents_are_refused);
    tcase_add_test(tests, documents_that_would_swell_are_refused);
    tcase_add_test(tests, survives_damaged_documents);
    return tests;
}
