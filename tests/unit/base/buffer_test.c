#include "base/buffer.h"
#include "base_test.h"

#include <string.h>

static void json_is(const char *text, size_t size, const char *expected)
{
    struct weft_buffer buffer = WEFT_BUFFER_EMPTY;
    weft_buffer_json(&buffer, text, size);
    ck_assert_str_eq(buffer.data, expected);
    ck_assert_uint_eq(buffer.size, strlen(expected));
    weft_buffer_free(&buffer);
}

START_TEST(buffer_grows_and_always_ends_in_nul)
{
    struct weft_buffer buffer = WEFT_BUFFER_EMPTY;
    for (size_t i = 0; i < 5000; i++) {
        weft_buffer_byte(&buffer, 'a');
        ck_assert_int_eq(buffer.data[buffer.size], '\0');
    }
    weft_buffer_text(&buffer, "bcd");
    weft_buffer_add(&buffer, "\0e", 2);
    ck_assert_uint_eq(buffer.size, 5005);
    ck_assert_mem_eq(buffer.data + 4999, "abcd\0e", 7);
    weft_buffer_free(&buffer);
    ck_assert_ptr_null(buffer.data);
}
END_TEST

START_TEST(buffer_formats_what_is_longer_than_its_room)
{
    struct weft_buffer buffer = WEFT_BUFFER_EMPTY;
    weft_buffer_format(&buffer, "%0*d", 3000, 7);
    weft_buffer_format(&buffer, "|%s", "end");
    ck_assert_uint_eq(buffer.size, 3004);
    ck_assert_str_eq(buffer.data + 2999, "7|end");
    weft_buffer_free(&buffer);
}
END_TEST

START_TEST(buffer_json_escapes_what_rfc_8259_demands)
{
    json_is("", 0, "\"\"");
    json_is("plain", 5, "\"plain\"");
    json_is("a\"b\\c/", 6, "\"a\\\"b\\\\c/\"");
    json_is("\b\f\n\r\t\x01\x1f\x7f", 8, "\"\\b\\f\\n\\r\\t\\u0001\\u001f\x7f\"");
    json_is("\0", 1, "\"\\u0000\"");
    json_is("h\xC3\xA9\xF0\x9F\x98\x80", 7, "\"h\xC3\xA9\xF0\x9F\x98\x80\"");
}
END_TEST

START_TEST(buffer_json_replaces_invalid_utf8)
{
    json_is("\xFFz", 2, "\"\xEF\xBF\xBDz\"");
    json_is("\xC3", 1, "\"\xEF\xBF\xBD\"");
    json_is("\xED\xA0\x80", 3, "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\"");
}
END_TEST

START_TEST(buffer_json_takes_texts_that_grow_sixfold)
{
    struct weft_buffer buffer = WEFT_BUFFER_EMPTY;
    char zeros[3000] = { 0 };
    weft_buffer_json(&buffer, zeros, sizeof zeros);
    ck_assert_uint_eq(buffer.size, 6 * sizeof zeros + 2);
    ck_assert_str_eq(buffer.data + buffer.size - 7, "\\u0000\"");
    weft_buffer_free(&buffer);
}
END_TEST

TCase *buffer_case(void)
{
    TCase *tests = tcase_create("buffer");
    tcase_add_test(tests, buffer_grows_and_always_ends_in_nul);
    tcase_add_test(tests, buffer_formats_what_is_longer_than_its_room);
    tcase_add_test(tests, buffer_json_escapes_what_rfc_8259_demands);
    tcase_add_test(tests, buffer_json_replaces_invalid_utf8);
    tcase_add_test(tests, buffer_json_takes_texts_that_grow_sixfold);
    return tests;
}
