#include "event/object.h"
#include "event_test.h"

#include <string.h>

START_TEST(object_gives_its_members_as_they_stand)
{
    static const char text[] = " { \"a\" : 1 , \"b\":{\"c\":[\"}\",2]},\"d\" : \"x\\\"y\" } ";
    struct weft_object object = weft_object_open(text, strlen(text));
    struct weft_span name, value;
    static const char *const names[] = { "a", "b", "d" };
    static const char *const values[] = { "1", "{\"c\":[\"}\",2]}", "\"x\\\"y\"" };
    for (size_t i = 0; i < 3; i++) {
        ck_assert(weft_object_next(&object, &name, &value));
        ck_assert(name.size == strlen(names[i]) && memcmp(name.text, names[i], name.size) == 0);
        ck_assert(value.size == strlen(values[i]) && memcmp(value.text, values[i], value.size) == 0);
    }
    ck_assert(!weft_object_next(&object, &name, &value));
    ck_assert(!object.broken);
}
END_TEST

START_TEST(object_that_ends_too_early_is_broken)
{
    static const char text[] = "{\"pattern\":\"a\",\"data\":{\"b\":[1,2]}}";
    for (size_t size = 0; size < strlen(text); size++) {
        struct weft_object object = weft_object_open(text, size);
        struct weft_span name, value;
        while (weft_object_next(&object, &name, &value)) {
        }
        ck_assert_msg(object.broken, "%zu bytes of it are taken for whole", size);
    }
}
END_TEST

static const char *text_of(struct weft_arena *arena, const char *written)
{
    return weft_object_text(arena, (struct weft_span){ written, strlen(written) });
}

START_TEST(object_text_is_unescaped)
{
    struct weft_arena *arena = weft_arena_new(256);
    ck_assert_str_eq(text_of(arena, "\"a\\n\\u00e9\\ud83d\\ude00\\/\""), "a\n\xc3\xa9\xf0\x9f\x98\x80/");
    ck_assert_ptr_null(text_of(arena, "12"));
    ck_assert_ptr_null(text_of(arena, "\"\\ud83d\""));
    ck_assert_ptr_null(text_of(arena, "\"\\u0000\""));
    ck_assert_ptr_null(text_of(arena, "\"\\x\""));
    weft_arena_free(arena);
}
END_TEST

TCase *object_case(void)
{
    TCase *tcase = tcase_create("object");
    tcase_add_test(tcase, object_gives_its_members_as_they_stand);
    tcase_add_test(tcase, object_that_ends_too_early_is_broken);
    tcase_add_test(tcase, object_text_is_unescaped);
    return tcase;
}
