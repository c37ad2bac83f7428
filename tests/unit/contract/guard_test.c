/* What the guard lets through, and what it does not. */
#include "contract_test.h"

#include "contract/guard.h"
#include <stdlib.h>
#include <string.h>

#define EVERYTHING &test__v1__everything__descriptor

static struct weft_fault fault;

static weft_status unpack(const void *bytes, size_t size, ProtobufCMessage **ret_message)
{
    static const struct weft_guard_limits limits = WEFT_GUARD_DEFAULT;
    return weft_guard_unpack(&limits, EVERYTHING, bytes, size, arena, ret_message, &fault);
}

static void refused(const void *bytes, size_t size, weft_status status, const char *text)
{
    ProtobufCMessage *message = NULL;
    ck_assert_int_eq(unpack(bytes, size, &message), status);
    ck_assert_msg(strstr(fault.text, text) != NULL, "\"%s\" does not say \"%s\"", fault.text, text);
    ck_assert_ptr_null(message);
}

START_TEST(unpacks_what_protobuf_packed)
{
    Test__V1__Everything in = TEST__V1__EVERYTHING__INIT;
    Test__V1__Inner inner = TEST__V1__INNER__INIT, *inners[] = { &inner, &inner };
    int32_t numbers[] = { 1, -1, 300 };
    uint8_t packed[256];
    inner.text = (char *)"gr\xC3\xBC\xC3\x9F";
    in.f_string = (char *)"text";
    in.f_inner = &inner;
    in.r_inner = inners, in.n_r_inner = 2;
    in.r_int32 = numbers, in.n_r_int32 = 3;
    size_t size = test__v1__everything__pack(&in, packed);
    ProtobufCMessage *message = NULL;
    ck_assert_int_eq(unpack(packed, size, &message), WEFT_OK);
    const Test__V1__Everything *out = (const Test__V1__Everything *)message;
    ck_assert_str_eq(out->f_string, "text");
    ck_assert_str_eq(out->r_inner[1]->text, inner.text);
    ck_assert_int_eq(out->r_int32[2], 300);
}
END_TEST

START_TEST(unpacks_nothing_as_an_empty_message)
{
    ProtobufCMessage *message = NULL;
    ck_assert_int_eq(unpack(NULL, 0, &message), WEFT_OK);
    ck_assert_str_eq(((Test__V1__Everything *)message)->f_string, "");
}
END_TEST

START_TEST(keeps_unknown_fields)
{
    ProtobufCMessage *message = NULL;
    ck_assert_int_eq(unpack("\xF8\x3E\x05", 3, &message), WEFT_OK); /* number 1007, varint */
    ck_assert_uint_eq(message->n_unknown_fields, 1);
}
END_TEST

START_TEST(refuses_invalid_utf8_and_names_the_field)
{
    refused("\x72\x01\xFF", 3, WEFT_INVALID_ARGUMENT, "field f_string of test.v1.Everything is not valid UTF-8");
    refused("\x72\x03\xED\xA0\x80", 5, WEFT_INVALID_ARGUMENT, "UTF-8"); /* a surrogate */
    refused("\x8A\x01\x03\x0A\x01\xFF", 6, WEFT_INVALID_ARGUMENT, "field text of test.v1.Inner");
}
END_TEST

START_TEST(refuses_a_nul_in_text)
{
    refused("\x72\x07"
            "admin\0x",
            9, WEFT_INVALID_ARGUMENT, "field f_string of test.v1.Everything holds a NUL");
}
END_TEST

START_TEST(accepts_any_byte_in_bytes)
{
    ProtobufCMessage *message = NULL;
    ck_assert_int_eq(unpack("\x7A\x02\xFF\0", 4, &message), WEFT_OK);
    ck_assert_uint_eq(((Test__V1__Everything *)message)->f_bytes.len, 2);
}
END_TEST

START_TEST(refuses_what_is_cut_off)
{
    refused("\x72\x05"
            "ab",
            4, WEFT_INVALID_ARGUMENT, "a length goes beyond the end");
    refused("\x18", 1, WEFT_INVALID_ARGUMENT, "cut off");
    refused("\x18\xFF", 2, WEFT_INVALID_ARGUMENT, "cut off");
    refused("\x09\x01\x02", 3, WEFT_INVALID_ARGUMENT, "cut off");
    refused("\xFA", 1, WEFT_INVALID_ARGUMENT, "cut off");
    refused("\x8A\x01\x02\x0A\x05", 5, WEFT_INVALID_ARGUMENT, "beyond the end"); /* the inner one's, not the outer's */
}
END_TEST

START_TEST(refuses_another_wire_type_and_names_the_field)
{
    refused("\x70\x05", 2, WEFT_INVALID_ARGUMENT, "field f_string of test.v1.Everything has another type on the wire");
}
END_TEST

START_TEST(refuses_groups_field_zero_and_long_varints)
{
    refused("\xF3\x3E\xF4\x3E", 4, WEFT_INVALID_ARGUMENT, "group");
    refused("\x00\x00", 2, WEFT_INVALID_ARGUMENT, "number 0");
    refused("\x18\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01", 12, WEFT_INVALID_ARGUMENT, "too long");
}
END_TEST

/* `depth` messages in one another, each the field `self` (61) of the one around it; built from the inside. */
static uint8_t *nested(size_t depth, size_t *ret_size)
{
    size_t room = depth * 8 + 8, at = room;
    uint8_t *bytes = malloc(room);
    for (size_t i = 0; i < depth; i++) {
        size_t length = room - at;
        uint8_t varint[5];
        size_t n = 0;
        do
            varint[n++] = (uint8_t)((length & 0x7F) | (length > 0x7F ? 0x80 : 0));
        while ((length >>= 7) != 0);
        at -= n;
        memcpy(bytes + at, varint, n);
        at -= 2;
        memcpy(bytes + at, "\xEA\x03", 2);
    }
    memmove(bytes, bytes + at, room - at);
    *ret_size = room - at;
    return bytes;
}

START_TEST(accepts_a_nesting_of_a_hundred_and_refuses_more)
{
    size_t size;
    ProtobufCMessage *message = NULL;
    uint8_t *bytes = nested(100, &size);
    ck_assert_int_eq(unpack(bytes, size, &message), WEFT_OK);
    free(bytes);
    bytes = nested(101, &size);
    refused(bytes, size, WEFT_INVALID_ARGUMENT, "nested deeper than 100");
    free(bytes);
    bytes = nested(100000, &size);
    refused(bytes, size, WEFT_INVALID_ARGUMENT, "nested deeper than 100");
    free(bytes);
}
END_TEST

START_TEST(refuses_more_bytes_and_fields_than_allowed)
{
    struct weft_guard_limits limits = { 10, 100, 3, 0 };
    ProtobufCMessage *message = NULL;
    ck_assert_int_eq(weft_guard_unpack(&limits, EVERYTHING, "12345678901", 11, arena, &message, &fault),
                     WEFT_RESOURCE_EXHAUSTED);
    ck_assert_ptr_nonnull(strstr(fault.text, "11 bytes; at most 10"));
    limits.max_memory = 1 << 20;
    ck_assert_int_eq(weft_guard_unpack(&limits, EVERYTHING, "\x18\x01\x18\x01\x18\x01", 6, arena, &message, &fault),
                     WEFT_OK);
    ck_assert_int_eq(
        weft_guard_unpack(&limits, EVERYTHING, "\x18\x01\x18\x01\x18\x01\x18\x01", 8, arena, &message, &fault),
        WEFT_RESOURCE_EXHAUSTED);
    ck_assert_ptr_nonnull(strstr(fault.text, "more than 3 fields"));
}
END_TEST

/* Four bytes on the wire, a struct of several hundred in memory, 99,000 times. */
START_TEST(refuses_what_would_swell_in_memory)
{
    size_t n = 99000;
    char *bytes = malloc(n * 3);
    for (size_t i = 0; i < n; i++)
        memcpy(bytes + i * 3, "\xBA\x01", 3); /* r_inner, empty */
    ProtobufCMessage *message = NULL;
    struct weft_guard_limits limits = WEFT_GUARD_DEFAULT;
    limits.max_memory = 4 << 20;
    ck_assert_int_eq(weft_guard_unpack(&limits, EVERYTHING, bytes, n * 3, arena, &message, &fault),
                     WEFT_RESOURCE_EXHAUSTED);
    ck_assert_ptr_nonnull(strstr(fault.text, "memory"));
    free(bytes);
}
END_TEST

/* A hundred structs of several hundred bytes, in 5 bytes each. */
START_TEST(counts_at_least_the_memory_that_unpacking_takes)
{
    size_t size;
    uint8_t *bytes = nested(100, &size);
    ProtobufCMessage *message = NULL;
    ck_assert_int_eq(unpack(bytes, size, &message), WEFT_OK);
    struct weft_guard_limits limits = { size, 100, 1000, weft_arena_used(arena) - 1 };
    ck_assert_uint_gt(limits.max_memory, 100 * sizeof(Test__V1__Everything));
    ck_assert_int_eq(weft_guard_unpack(&limits, EVERYTHING, bytes, size, arena, &message, &fault),
                     WEFT_RESOURCE_EXHAUSTED);
    free(bytes);
}
END_TEST

/* f_inner twice; then in a oneof: the same member twice, and another one between. */
START_TEST(submessages_sent_in_pieces_are_merged)
{
    ProtobufCMessage *message = NULL;
    ck_assert_int_eq(unpack("\x8A\x01\x03\x0A\x01"
                            "a\x8A\x01\x02\x10\x05",
                            11, &message),
                     WEFT_OK);
    ck_assert_str_eq(((Test__V1__Everything *)message)->f_inner->text, "a");
    ck_assert_int_eq(((Test__V1__Everything *)message)->f_inner->number, 5);
    ck_assert_int_eq(unpack("\xDA\x02\x03\x0A\x01"
                            "a\xDA\x02\x02\x10\x05",
                            11, &message),
                     WEFT_OK);
    ck_assert_str_eq(((Test__V1__Everything *)message)->o_inner->text, "a");
    ck_assert_int_eq(unpack("\xDA\x02\x03\x0A\x01"
                            "a\xD0\x02\x01\xDA\x02\x02\x10\x05",
                            14, &message),
                     WEFT_OK);
    ck_assert_str_eq(((Test__V1__Everything *)message)->o_inner->text, "");
    ck_assert_int_eq(((Test__V1__Everything *)message)->o_inner->number, 5);
}
END_TEST

START_TEST(pieces_within_pieces_are_merged)
{
    /* self { self { f_int32 1 } } self { self { f_string "a" } self { f_uint32 2 } } */
    static const char bytes[] = "\xEA\x03\x05\xEA\x03\x02\x18\x01\xEA\x03\x0B\xEA\x03\x03\x72\x01"
                                "a\xEA\x03\x02\x28\x02";
    ProtobufCMessage *message = NULL;
    ck_assert_int_eq(unpack(bytes, sizeof bytes - 1, &message), WEFT_OK);
    const Test__V1__Everything *inner = ((Test__V1__Everything *)message)->self->self;
    ck_assert_int_eq(inner->f_int32, 1);
    ck_assert_str_eq(inner->f_string, "a");
    ck_assert_uint_eq(inner->f_uint32, 2);
}
END_TEST

/* xorshift64*: the same numbers on every machine. */
static uint64_t random_next(uint64_t *state)
{
    *state ^= *state >> 12, *state ^= *state << 25, *state ^= *state >> 27;
    return *state * 0x2545F4914F6CDD1Du;
}

/* Whatever comes: an answer, no crash, and what is accepted can be packed again. */
static void survive(const uint8_t *bytes, size_t size)
{
    ProtobufCMessage *message = NULL;
    if (unpack(bytes, size, &message) == WEFT_OK) {
        size_t packed = protobuf_c_message_get_packed_size(message);
        protobuf_c_message_pack(message, weft_arena_alloc(arena, packed + 1));
    } else {
        ck_assert_int_ne(fault.status, WEFT_OK);
        ck_assert_ptr_null(message);
    }
    weft_arena_reset(arena);
}

START_TEST(survives_random_bytes)
{
    uint64_t state = 1;
    for (int round = 0; round < 20000; round++) {
        uint8_t bytes[64];
        size_t size = random_next(&state) % sizeof bytes;
        for (size_t i = 0; i < size; i++)
            bytes[i] = (uint8_t)random_next(&state);
        survive(bytes, size);
    }
}
END_TEST

START_TEST(survives_damaged_messages)
{
    uint64_t state = 2;
    size_t size;
    uint8_t *deep = nested(20, &size), *bytes = malloc(size + 64);
    for (int round = 0; round < 20000; round++) {
        memcpy(bytes, deep, size);
        memcpy(bytes + size,
               "\x72\x04text\xBA\x01\x04\x0A\x02hi\xAA\x01\x03\x01\x02\x03\xFA\x01\x08\x0A\x01k\x12\x03val", 30);
        for (uint64_t n = random_next(&state) % 4; n > 0; n--)
            bytes[random_next(&state) % (size + 30)] = (uint8_t)random_next(&state);
        survive(bytes, size + 30 - random_next(&state) % 8);
    }
    free(deep);
    free(bytes);
}
END_TEST

TCase *guard_case(void)
{
    TCase *tests = tcase_create("guard");
    tcase_add_checked_fixture(tests, arena_make, arena_drop);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, unpacks_what_protobuf_packed);
    tcase_add_test(tests, unpacks_nothing_as_an_empty_message);
    tcase_add_test(tests, keeps_unknown_fields);
    tcase_add_test(tests, refuses_invalid_utf8_and_names_the_field);
    tcase_add_test(tests, refuses_a_nul_in_text);
    tcase_add_test(tests, accepts_any_byte_in_bytes);
    tcase_add_test(tests, refuses_what_is_cut_off);
    tcase_add_test(tests, refuses_another_wire_type_and_names_the_field);
    tcase_add_test(tests, refuses_groups_field_zero_and_long_varints);
    tcase_add_test(tests, accepts_a_nesting_of_a_hundred_and_refuses_more);
    tcase_add_test(tests, refuses_more_bytes_and_fields_than_allowed);
    tcase_add_test(tests, refuses_what_would_swell_in_memory);
    tcase_add_test(tests, counts_at_least_the_memory_that_unpacking_takes);
    tcase_add_test(tests, submessages_sent_in_pieces_are_merged);
    tcase_add_test(tests, pieces_within_pieces_are_merged);
    tcase_add_test(tests, survives_random_bytes);
    tcase_add_test(tests, survives_damaged_messages);
    return tests;
}
