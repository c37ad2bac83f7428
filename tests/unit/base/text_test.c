#include "base/fault.h"
#include "base/text.h"
#include "base_test.h"

#include <string.h>

static bool utf8(const char *text)
{
    return weft_text_is_utf8(text, strlen(text));
}

START_TEST(text_utf8_takes_what_rfc_3629_allows)
{
    ck_assert(utf8(""));
    ck_assert(utf8("plain text of more than eight bytes"));
    ck_assert(utf8(
        "\xC2\x80 \xDF\xBF \xE0\xA0\x80 \xED\x9F\xBF \xEE\x80\x80 \xEF\xBF\xBF \xF0\x90\x80\x80 \xF4\x8F\xBF\xBF"));
    ck_assert(utf8("twelve ascii\xE2\x82\xAC"));
    ck_assert(weft_text_is_utf8("a\0b", 3));
}
END_TEST

START_TEST(text_utf8_refuses_the_rest)
{
    static const char *const bad[] = {
        "\x80",
        "\xC0\x80",
        "\xC1\xBF",
        "\xC2",
        "\xE0\x9F\xBF",
        "\xED\xA0\x80",
        "\xE2\x82",
        "\xF0\x8F\xBF\xBF",
        "\xF4\x90\x80\x80",
        "\xF5\x80\x80\x80",
        "\xFF",
        "\xE2\x28\xA1",
        "\xF0\x90\x28\xBC",
        "eight bytes before\xC3",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        ck_assert_msg(!utf8(bad[i]), "case %zu", i);
}
END_TEST

START_TEST(text_correlation_ids_are_1_to_128_visible_characters)
{
    char id[130];
    memset(id, 'x', sizeof id);
    ck_assert(!weft_text_is_correlation_id(id, 0));
    ck_assert(weft_text_is_correlation_id(id, 1));
    ck_assert(weft_text_is_correlation_id(id, 128));
    ck_assert(!weft_text_is_correlation_id(id, 129));
    ck_assert(!weft_text_is_correlation_id("a b", 3));
    ck_assert(!weft_text_is_correlation_id("a\n", 2));
    ck_assert(!weft_text_is_correlation_id("\xC3\xA9", 2));
}
END_TEST

START_TEST(text_nearest_finds_typing_errors_alone)
{
    static const char *const names[] = { "transport", "cache", "store", "migrate", NULL };
    ck_assert_str_eq(weft_text_nearest("trasnport", names), "transport");
    ck_assert_str_eq(weft_text_nearest("cahce", names), "cache");
    ck_assert_str_eq(weft_text_nearest("stor", names), "store");
    ck_assert_ptr_null(weft_text_nearest("x", names));
    ck_assert_ptr_null(weft_text_nearest("nothing like it", names));
}
END_TEST

START_TEST(text_escape_stops_at_its_room_with_whole_characters)
{
    char out[8];
    size_t taken;
    ck_assert_uint_eq(weft_text_escape(out, 4, "abcdef", 6, &taken), 4);
    ck_assert_uint_eq(taken, 4);
    ck_assert_uint_eq(weft_text_escape(out, 7, "ab\x01\x02", 4, &taken), 2);
    ck_assert_uint_eq(taken, 2);
    ck_assert_uint_eq(weft_text_escape(out, 4, "ab\xE2\x82\xAC", 5, &taken), 2);
    ck_assert_uint_eq(weft_text_escape(out, 5, "ab\xE2\x82\xAC", 5, &taken), 5);
    ck_assert_uint_eq(weft_text_escape(out, 0, "a", 1, &taken), 0);
    ck_assert_uint_eq(taken, 0);
}
END_TEST

START_TEST(fault_keeps_status_and_text_and_cuts_long_ones)
{
    struct weft_fault fault = { .status = WEFT_OK };
    ck_assert_int_eq(weft_fault_set(&fault, WEFT_NOT_FOUND, "no user '%s'", "x"), WEFT_NOT_FOUND);
    ck_assert_int_eq(fault.status, WEFT_NOT_FOUND);
    ck_assert_str_eq(fault.text, "no user 'x'");
    weft_fault_set(&fault, WEFT_INTERNAL, "%0*d", 2000, 1);
    ck_assert_uint_eq(strlen(fault.text), sizeof fault.text - 1);
}
END_TEST

TCase *text_case(void)
{
    TCase *tests = tcase_create("text");
    tcase_add_test(tests, text_utf8_takes_what_rfc_3629_allows);
    tcase_add_test(tests, text_utf8_refuses_the_rest);
    tcase_add_test(tests, text_correlation_ids_are_1_to_128_visible_characters);
    tcase_add_test(tests, text_nearest_finds_typing_errors_alone);
    tcase_add_test(tests, text_escape_stops_at_its_room_with_whole_characters);
    tcase_add_test(tests, fault_keeps_status_and_text_and_cuts_long_ones);
    return tests;
}
