/* Messages as a handler writes them: compound literals without `base`. */
#include "contract_test.h"

#include "contract/message.h"
#include <string.h>

static struct weft_fault fault;

static const Test__V1__Everything *complete(const Test__V1__Everything *message)
{
    const ProtobufCMessage *done = NULL;
    ck_assert_msg(weft_message_complete(arena, &test__v1__everything__descriptor, &message->base, &done, &fault) ==
                      WEFT_OK,
                  "%s", fault.text);
    return (const Test__V1__Everything *)done;
}

static void refused(const Test__V1__Everything *message, const char *text)
{
    const ProtobufCMessage *done = NULL;
    ck_assert_int_eq(weft_message_complete(arena, &test__v1__everything__descriptor, &message->base, &done, &fault),
                     WEFT_INVALID_ARGUMENT);
    ck_assert_msg(strstr(fault.text, text) != NULL, "\"%s\" does not say \"%s\"", fault.text, text);
}

START_TEST(makes_an_initialised_message)
{
    Test__V1__Everything *message = (Test__V1__Everything *)weft_message_make(arena, &test__v1__everything__descriptor);
    ck_assert_ptr_eq(message->base.descriptor, &test__v1__everything__descriptor);
    ck_assert_str_eq(message->f_string, "");
}
END_TEST

START_TEST(completes_compound_literals_at_every_level)
{
    Test__V1__Inner *list[] = { &(Test__V1__Inner){ .text = (char *)"one" }, &(Test__V1__Inner){ .number = 2 } };
    const Test__V1__Everything literal = {
        .f_string = (char *)"text",
        .f_inner = &(Test__V1__Inner){ .text = (char *)"inner" },
        .r_inner = list,
        .n_r_inner = 2,
        .choice_case = TEST__V1__EVERYTHING__CHOICE_O_INNER,
        .o_inner = &(Test__V1__Inner){ .number = 7 },
    };
    const Test__V1__Everything *done = complete(&literal);
    struct weft_bytes bytes = weft_message_pack(arena, &done->base);
    Test__V1__Everything *back = test__v1__everything__unpack(weft_arena_protobuf(arena), bytes.size, bytes.data);
    ck_assert_str_eq(back->f_string, "text");
    ck_assert_str_eq(back->f_inner->text, "inner");
    ck_assert_str_eq(back->r_inner[0]->text, "one");
    ck_assert_int_eq(back->r_inner[1]->number, 2);
    ck_assert_int_eq(back->o_inner->number, 7);
    ck_assert_ptr_null(literal.base.descriptor); /* what was given is not written to */
    ck_assert_ptr_null(list[0]->base.descriptor);
}
END_TEST

START_TEST(gives_back_what_is_complete_already)
{
    Test__V1__Everything message = TEST__V1__EVERYTHING__INIT;
    Test__V1__Inner inner = TEST__V1__INNER__INIT;
    message.f_inner = &inner;
    size_t before = weft_arena_used(arena);
    ck_assert_ptr_eq(complete(&message), &message);
    ck_assert_uint_eq(weft_arena_used(arena), before);
}
END_TEST

START_TEST(refuses_invalid_text_and_names_the_field)
{
    char *list[] = { (char *)"fine", (char *)"\xC0\x80" };
    refused(&(Test__V1__Everything){ .f_string = (char *)"\xFF" },
            "field f_string of test.v1.Everything is not valid UTF-8");
    refused(&(Test__V1__Everything){ .r_string = list, .n_r_string = 2 }, "field r_string");
    refused(&(Test__V1__Everything){ .f_inner = &(Test__V1__Inner){ .text = (char *)"\xFF" } },
            "field text of test.v1.Inner");
}
END_TEST

START_TEST(ignores_members_of_a_oneof_that_are_not_chosen)
{
    complete(&(Test__V1__Everything){ .choice_case = TEST__V1__EVERYTHING__CHOICE_O_NUMBER, .o_number = 5 });
}
END_TEST

START_TEST(refuses_circles)
{
    Test__V1__Everything message = { .f_int32 = 1 };
    message.self = &message;
    refused(&message, "nested deeper than 100, or holds itself");
}
END_TEST

START_TEST(refuses_counts_without_elements)
{
    refused(&(Test__V1__Everything){ .n_r_string = 1 },
            "field r_string of test.v1.Everything has a count and no elements");
    refused(&(Test__V1__Everything){ .n_r_int32 = 1 }, "field r_int32");
    refused(&(Test__V1__Everything){ .f_bytes = { 3, NULL } }, "field f_bytes");
    refused(&(Test__V1__Everything){ .n_r_inner = 1, .r_inner = (Test__V1__Inner *[]){ NULL } }, "field r_inner");
}
END_TEST

START_TEST(refuses_a_message_of_another_type)
{
    Test__V1__Happened wrong = TEST__V1__HAPPENED__INIT;
    refused(&(Test__V1__Everything){ .f_inner = (Test__V1__Inner *)&wrong },
            "a message test.v1.Happened stands where a test.v1.Inner belongs");
}
END_TEST

START_TEST(tells_the_key_as_text)
{
    Test__V1__Happened happened = { .id = -5000000000 };
    Test__V1__Grew grew = { .id = (char *)"tree-1" }, none = { .id = NULL };
    ck_assert_str_eq(weft_message_key(arena, &test_v1_happened_event, &happened.base), "-5000000000");
    ck_assert_str_eq(weft_message_key(arena, &test_v1_grew_event, &grew.base), "tree-1");
    ck_assert_str_eq(weft_message_key(arena, &test_v1_grew_event, &none.base), "");
}
END_TEST

TCase *message_case(void)
{
    TCase *tests = tcase_create("message");
    tcase_add_checked_fixture(tests, arena_make, arena_drop);
    tcase_add_test(tests, makes_an_initialised_message);
    tcase_add_test(tests, completes_compound_literals_at_every_level);
    tcase_add_test(tests, gives_back_what_is_complete_already);
    tcase_add_test(tests, refuses_invalid_text_and_names_the_field);
    tcase_add_test(tests, ignores_members_of_a_oneof_that_are_not_chosen);
    tcase_add_test(tests, refuses_circles);
    tcase_add_test(tests, refuses_counts_without_elements);
    tcase_add_test(tests, refuses_a_message_of_another_type);
    tcase_add_test(tests, tells_the_key_as_text);
    return tests;
}
