/* config/option.h */
#include "config/option.h"

#include "base/clock.h"
#include "config_test.h"

static struct weft_fault fault;
static union weft_option_value value;

static weft_status parse(uint32_t type, const char *text)
{
    static const char *const choices[] = { "quorum", "classic", NULL };
    struct weft_option option = { .name = "x", .type = type, .choices = choices };
    return weft_option_parse(&option, text, &value, &fault);
}

START_TEST(option_reads_units)
{
    ck_assert_int_eq(parse(WEFT_OPTION_DURATION, "250ms"), WEFT_OK);
    ck_assert_uint_eq(value.amount, 250 * WEFT_MS);
    ck_assert_int_eq(parse(WEFT_OPTION_DURATION, "5m"), WEFT_OK);
    ck_assert_uint_eq(value.amount, 300 * WEFT_SECOND);
    ck_assert_int_eq(parse(WEFT_OPTION_DURATION, "0"), WEFT_OK);
    ck_assert_int_eq(parse(WEFT_OPTION_SIZE, "2M"), WEFT_OK);
    ck_assert_uint_eq(value.amount, 2u << 20);
    ck_assert_int_eq(parse(WEFT_OPTION_SIZE, "512"), WEFT_OK);
    ck_assert_uint_eq(value.amount, 512);
    ck_assert_int_eq(parse(WEFT_OPTION_BOOL, "Yes"), WEFT_OK);
    ck_assert(value.truth);
    ck_assert_int_eq(parse(WEFT_OPTION_INT, "-12"), WEFT_OK);
    ck_assert_int_eq(value.integer, -12);
    ck_assert_int_eq(parse(WEFT_OPTION_CHOICE, "classic"), WEFT_OK);
    ck_assert_int_eq(value.integer, 1);
}
END_TEST

START_TEST(option_refuses_what_is_no_value)
{
    static const struct {
        uint32_t type;
        const char *text;
    } wrong[] = {
        { WEFT_OPTION_DURATION, "30" },
        { WEFT_OPTION_DURATION, "s" },
        { WEFT_OPTION_DURATION, "-1s" },
        { WEFT_OPTION_DURATION, "999999999999999999h" },
        { WEFT_OPTION_SIZE, "2Q" },
        { WEFT_OPTION_SIZE, "" },
        { WEFT_OPTION_INT, "12x" },
        { WEFT_OPTION_INT, "" },
        { WEFT_OPTION_INT, "99999999999999999999" },
        { WEFT_OPTION_BOOL, "maybe" },
        { WEFT_OPTION_CHOICE, "quorom" },
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        ck_assert_msg(parse(wrong[i].type, wrong[i].text) == WEFT_INVALID_ARGUMENT, "'%s' was taken", wrong[i].text);
    ck_assert_str_eq(fault.text, "'quorom' is wrong; want one of quorum classic");
}
END_TEST

START_TEST(option_keeps_to_its_bounds_and_says_them)
{
    struct weft_option option = { .name = "x", .type = WEFT_OPTION_DURATION, .min = 1000000, .max = 60000000000 };
    ck_assert_int_eq(weft_option_parse(&option, "1ms", &value, &fault), WEFT_OK);
    ck_assert_int_eq(weft_option_parse(&option, "1m", &value, &fault), WEFT_OK);
    ck_assert_int_eq(weft_option_parse(&option, "61s", &value, &fault), WEFT_INVALID_ARGUMENT);
    ck_assert_str_eq(fault.text, "'61s' is out of range; want 1ms to 1m");
}
END_TEST

START_TEST(option_never_shows_a_secret)
{
    struct weft_option option = { .name = "x", .type = WEFT_OPTION_INT, .flags = WEFT_OPTION_SECRET };
    ck_assert_int_eq(weft_option_parse(&option, "hunter2", &value, &fault), WEFT_INVALID_ARGUMENT);
    ck_assert_ptr_null(strstr(fault.text, "hunter2"));
}
END_TEST

TCase *option_case(void)
{
    TCase *tcase = tcase_create("option");
    tcase_add_test(tcase, option_reads_units);
    tcase_add_test(tcase, option_refuses_what_is_no_value);
    tcase_add_test(tcase, option_keeps_to_its_bounds_and_says_them);
    tcase_add_test(tcase, option_never_shows_a_secret);
    return tcase;
}
