/* The tests of core/src/command/frame: command lines by their tables, and the table of commands itself. */
#include "base/clock.h"
#include "command/frame/options.h"
#include "command/frame/parse.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

struct arguments {
    bool loud;
    const char *name;
    struct weft_words headers;
    int64_t limit;
    uint64_t time_ns;
};

static const struct weft_command_option options[] = {
    WEFT_COMMAND_FLAG('l', "loud", loud, "a flag"),
    WEFT_COMMAND_TEXT('n', "name", "NAME", name, "a text"),
    WEFT_COMMAND_TEXTS('H', "header", "NAME: VALUE", headers, "several texts"),
    WEFT_COMMAND_NUMBER(0, "limit", "N", limit, "100", 1, 1000, "a number"),
    WEFT_COMMAND_TIME('t', "timeout", time_ns, "10s", WEFT_MS, 60 * WEFT_SECOND, "a time"),
};

static const struct weft_command command = {
    .name = "try it",
    .words = "ADDR [JSON]",
    .min_words = 1,
    .max_words = 2,
    .shares = WEFT_SHARES_SETTINGS | WEFT_SHARES_JSON,
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .arguments_size = sizeof(struct arguments),
};

static struct weft_command_line line;
static struct weft_fault fault;

static void setup(void)
{
    fault = (struct weft_fault){ 0 };
    line = (struct weft_command_line){ .command = &command, .arena = weft_arena_new(4096) };
}

static void teardown(void)
{
    weft_arena_free(line.arena);
}

#define parse(...)                                                                                                     \
    weft_command_parse(&line, (int)(sizeof((char *[]){ __VA_ARGS__ }) / sizeof(char *)), (char *[]){ __VA_ARGS__ },    \
                       &fault)

#define refuses(part, ...)                                                                                             \
    do {                                                                                                               \
        ck_assert_int_eq(parse(__VA_ARGS__), WEFT_INVALID_ARGUMENT);                                                   \
        ck_assert_msg(strstr(fault.text, part) != NULL, "'%s' lacks '%s'", fault.text, part);                          \
    } while (0)

START_TEST(options_stand_anywhere_long_or_short_with_their_value_or_before_it)
{
    ck_assert_int_eq(parse("addr", "--name=Ann", "-lH", "a: 1", "--limit", "7", "{}", "-Hb: 2", "-t250ms", "--json"),
                     WEFT_OK);
    const struct arguments *arguments = line.arguments;
    ck_assert(arguments->loud && line.json);
    ck_assert_str_eq(arguments->name, "Ann");
    ck_assert_uint_eq(arguments->headers.n, 2);
    ck_assert_str_eq(arguments->headers.list[0], "a: 1");
    ck_assert_str_eq(arguments->headers.list[1], "b: 2");
    ck_assert_int_eq(arguments->limit, 7);
    ck_assert_uint_eq(arguments->time_ns, 250 * WEFT_MS);
    ck_assert_uint_eq(line.n_words, 2);
    ck_assert_str_eq(line.words[0], "addr");
    ck_assert_str_eq(line.words[1], "{}");
}
END_TEST

START_TEST(defaults_are_filled_in)
{
    ck_assert_int_eq(parse("addr"), WEFT_OK);
    const struct arguments *arguments = line.arguments;
    ck_assert_int_eq(arguments->limit, 100);
    ck_assert_uint_eq(arguments->time_ns, 10 * WEFT_SECOND);
    ck_assert(!arguments->loud && arguments->name == NULL && !line.json);
}
END_TEST

START_TEST(two_dashes_end_options_and_one_dash_is_a_word)
{
    ck_assert_int_eq(parse("-", "--", "--loud"), WEFT_OK);
    ck_assert_uint_eq(line.n_words, 2);
    ck_assert_str_eq(line.words[0], "-");
    ck_assert_str_eq(line.words[1], "--loud");
    ck_assert(!((const struct arguments *)line.arguments)->loud);
}
END_TEST

START_TEST(an_unknown_option_is_refused_with_the_nearest)
{
    refuses("no option --nmae; did you mean --name?", "addr", "--nmae", "x");
}
END_TEST

START_TEST(an_abbreviation_is_no_option)
{
    refuses("no option --lo", "addr", "--lo");
}
END_TEST

START_TEST(an_unknown_letter_is_refused)
{
    refuses("no option -x", "addr", "-lx");
}
END_TEST

START_TEST(a_value_that_lacks_is_too_much_or_wrong_is_told)
{
    refuses("--name wants NAME", "addr", "--name");
    refuses("--loud takes no value", "addr", "--loud=yes");
    refuses("--limit: '0' is out of range; want 1 to 1000", "addr", "--limit", "0");
    refuses("--timeout: 'soon' is wrong", "addr", "-t", "soon");
}
END_TEST

START_TEST(too_few_and_too_many_words_are_refused)
{
    refuses("want ADDR [JSON]", "--loud");
    line.n_words = 0;
    refuses("'c' is too much: want ADDR [JSON]", "a", "b", "c");
}
END_TEST

START_TEST(an_option_more_often_than_there_is_room_is_refused)
{
    char *many[2 * WEFT_WORDS_MAX + 3] = { "addr" };
    for (size_t i = 1; i < sizeof many / sizeof *many; i++)
        many[i] = i % 2 == 1 ? "-H" : "x: y";
    ck_assert_int_eq(weft_command_parse(&line, sizeof many / sizeof *many, many, &fault), WEFT_INVALID_ARGUMENT);
    ck_assert_msg(strstr(fault.text, "more than 64 times") != NULL, "%s", fault.text);
}
END_TEST

START_TEST(help_wins_over_what_is_wrong_behind_it)
{
    ck_assert_int_eq(parse("--help", "--no-such"), WEFT_OK);
    ck_assert(line.help);
}
END_TEST

static void options_check(const struct weft_command *each)
{
    struct weft_command_choice choices[WEFT_COMMAND_OPTIONS_MAX];
    size_t n = weft_command_choices(each, choices);
    for (size_t i = 0; i < n; i++)
        for (size_t j = i + 1; j < n; j++) {
            const struct weft_command_option *a = choices[i].option, *b = choices[j].option;
            ck_assert_msg(strcmp(a->value.name, b->value.name) != 0, "%s has --%s twice", each->name, a->value.name);
            ck_assert_msg(a->letter == 0 || a->letter != b->letter, "%s has -%c twice", each->name, a->letter);
        }
}

START_TEST(every_command_of_the_table_is_whole)
{
    for (const struct weft_command *const *each = weft_commands; *each != NULL; each++) {
        const struct weft_command *it = *each;
        ck_assert_msg(it->name && it->summary && it->about && it->example && it->run, "%s", it->name);
        ck_assert_msg(it->min_words <= it->max_words && (it->words != NULL) == (it->max_words > 0), "%s", it->name);
        ck_assert_msg(it->n_options == 0 || it->arguments_size > 0, "%s: options without a place", it->name);
        ck_assert_msg((it->shares & WEFT_SHARES_ADMIN) == 0 || (it->shares & WEFT_SHARES_SETTINGS) != 0, "%s",
                      it->name);
        options_check(it);
    }
}
END_TEST

START_TEST(failures_have_the_statuses_that_are_documented)
{
    ck_assert_int_eq(weft_exit_of(WEFT_OK), 0);
    ck_assert_int_eq(weft_exit_of(WEFT_FAILED_PRECONDITION), 1);
    ck_assert_int_eq(weft_exit_of(WEFT_INVALID_ARGUMENT), 2);
    ck_assert_int_eq(weft_exit_of(WEFT_UNAVAILABLE), 3);
    ck_assert_int_eq(weft_exit_of(WEFT_DEADLINE_EXCEEDED), 3);
    ck_assert_int_eq(weft_exit_of(WEFT_NOT_FOUND), 4);
    ck_assert_int_eq(weft_exit_of(WEFT_PERMISSION_DENIED), 5);
    for (int i = 0; i < WEFT_EXIT_N; i++)
        ck_assert_ptr_nonnull(weft_exit_meaning((enum weft_exit)i));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("command");
    TCase *tcase = tcase_create("parse");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, options_stand_anywhere_long_or_short_with_their_value_or_before_it);
    tcase_add_test(tcase, defaults_are_filled_in);
    tcase_add_test(tcase, two_dashes_end_options_and_one_dash_is_a_word);
    tcase_add_test(tcase, an_unknown_option_is_refused_with_the_nearest);
    tcase_add_test(tcase, an_abbreviation_is_no_option);
    tcase_add_test(tcase, an_unknown_letter_is_refused);
    tcase_add_test(tcase, a_value_that_lacks_is_too_much_or_wrong_is_told);
    tcase_add_test(tcase, too_few_and_too_many_words_are_refused);
    tcase_add_test(tcase, an_option_more_often_than_there_is_room_is_refused);
    tcase_add_test(tcase, help_wins_over_what_is_wrong_behind_it);
    tcase_add_test(tcase, every_command_of_the_table_is_whole);
    tcase_add_test(tcase, failures_have_the_statuses_that_are_documented);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
