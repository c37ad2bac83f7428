/* command/frame/parse.c - argv by the option tables: --name VALUE, --name=VALUE, -n VALUE, -nVALUE, -- ends options.
 *
 * Not getopt: its abbreviations would make every new option a possible change of an old script, and its errors know
 * nothing of nearest names. */
#include "command/frame/parse.h"

#include "base/text.h"
#include "command/frame/options.h"
#include "config/option.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct parser {
    struct weft_command_line *line;
    struct weft_command_choice choices[WEFT_COMMAND_OPTIONS_MAX];
    size_t n_choices;
    char **rest; /* arguments not yet read */
    size_t n_rest;
    const char **words;
    struct weft_fault *fault;
};

/* ---- values ------------------------------------------------------------------------------------------------------ */

static weft_status value_gather(struct parser *parser, const struct weft_option *option, struct weft_words *words,
                                const char *text)
{
    if (words->n == WEFT_WORDS_MAX)
        return weft_fault_set(parser->fault, WEFT_INVALID_ARGUMENT, "--%s more than %d times", option->name,
                              WEFT_WORDS_MAX);
    words->list[words->n++] = text;
    return WEFT_OK;
}

static void value_store(const struct weft_option *option, char *place, union weft_option_value value)
{
    switch (option->type) {
    case WEFT_OPTION_TEXT:
        memcpy(place, &value.text, sizeof value.text);
        return;
    case WEFT_OPTION_BOOL:
        memcpy(place, &value.truth, sizeof value.truth);
        return;
    default:
        memcpy(place, &value.integer, sizeof value.integer);
    }
}

static weft_status value_take(struct parser *parser, const struct weft_command_choice *choice, const char *text)
{
    const struct weft_option *option = &choice->option->value;
    char *base = choice->own ? parser->line->arguments : (char *)parser->line;
    union weft_option_value value = { 0 };
    struct weft_fault why = { 0 };
    if (choice->option->repeats)
        return value_gather(parser, option, (struct weft_words *)(void *)(base + option->offset), text);
    if (weft_option_parse(option, text, &value, &why) != WEFT_OK)
        return weft_fault_set(parser->fault, WEFT_INVALID_ARGUMENT, "--%s: %s", option->name, why.text);
    value_store(option, base + option->offset, value);
    return WEFT_OK;
}

static weft_status defaults_take(struct parser *parser)
{
    weft_status status = WEFT_OK;
    for (size_t i = 0; i < parser->n_choices && status == WEFT_OK; i++) {
        const char *initial = parser->choices[i].option->value.initial;
        if (initial != NULL) status = value_take(parser, &parser->choices[i], initial);
    }
    return status;
}

/* ---- options ----------------------------------------------------------------------------------------------------- */

static weft_status option_unknown(struct parser *parser, const char *name)
{
    const char *names[WEFT_COMMAND_OPTIONS_MAX + 1];
    for (size_t i = 0; i < parser->n_choices; i++)
        names[i] = parser->choices[i].option->value.name;
    names[parser->n_choices] = NULL;
    const char *near = weft_text_nearest(name, names);
    return weft_fault_set(parser->fault, WEFT_INVALID_ARGUMENT, "no option --%.100s%s%s%s", name,
                          near != NULL ? "; did you mean --" : "", near != NULL ? near : "", near != NULL ? "?" : "");
}

/* The option's value is `attached`, else the next argument; a flag has none. */
static weft_status option_take(struct parser *parser, const struct weft_command_choice *choice, const char *attached)
{
    const char *name = choice->option->value.name;
    if (choice->option->placeholder == NULL) {
        if (attached == NULL) return value_take(parser, choice, "true");
        return weft_fault_set(parser->fault, WEFT_INVALID_ARGUMENT, "--%s takes no value", name);
    }
    if (attached != NULL) return value_take(parser, choice, attached);
    if (parser->n_rest == 0)
        return weft_fault_set(parser->fault, WEFT_INVALID_ARGUMENT, "--%s wants %s", name, choice->option->placeholder);
    parser->n_rest--;
    return value_take(parser, choice, *parser->rest++);
}

static weft_status long_take(struct parser *parser, const char *text)
{
    size_t length = strcspn(text, "=");
    for (size_t i = 0; i < parser->n_choices; i++) {
        const char *name = parser->choices[i].option->value.name;
        if (strlen(name) == length && strncmp(name, text, length) == 0)
            return option_take(parser, &parser->choices[i], text[length] == '=' ? text + length + 1 : NULL);
    }
    return option_unknown(parser, weft_arena_format(parser->line->arena, "%.*s", (int)length, text));
}

static const struct weft_command_choice *letter_find(const struct parser *parser, char letter)
{
    for (size_t i = 0; i < parser->n_choices; i++)
        if (parser->choices[i].option->letter == letter) return &parser->choices[i];
    return NULL;
}

/* "-cv" is -c and -v; the rest after an option with a value is the value. */
static weft_status letters_take(struct parser *parser, const char *letters)
{
    weft_status status = WEFT_OK;
    for (; *letters != '\0' && status == WEFT_OK; letters++) {
        const struct weft_command_choice *choice = letter_find(parser, *letters);
        if (choice == NULL) return weft_fault_set(parser->fault, WEFT_INVALID_ARGUMENT, "no option -%c", *letters);
        if (choice->option->placeholder != NULL)
            return option_take(parser, choice, letters[1] != '\0' ? letters + 1 : NULL);
        status = option_take(parser, choice, NULL);
    }
    return status;
}

/* ---- the line ---------------------------------------------------------------------------------------------------- */

static weft_status words_check(struct parser *parser)
{
    const struct weft_command *command = parser->line->command;
    size_t n = parser->line->n_words;
    if (n >= command->min_words && n <= command->max_words) return WEFT_OK;
    if (command->words == NULL)
        return weft_fault_set(parser->fault, WEFT_INVALID_ARGUMENT, "'%.100s' is too much: only options are taken",
                              parser->words[0]);
    if (n < command->min_words) return weft_fault_set(parser->fault, WEFT_INVALID_ARGUMENT, "want %s", command->words);
    return weft_fault_set(parser->fault, WEFT_INVALID_ARGUMENT, "'%.100s' is too much: want %s",
                          parser->words[command->max_words], command->words);
}

static weft_status rest_take(struct parser *parser)
{
    bool options = true;
    weft_status status = WEFT_OK;
    while (parser->n_rest > 0 && status == WEFT_OK) {
        const char *text = *parser->rest++;
        parser->n_rest--;
        if (options && strcmp(text, "--") == 0)
            options = false;
        else if (options && strncmp(text, "--", 2) == 0)
            status = long_take(parser, text + 2);
        else if (options && text[0] == '-' && text[1] != '\0')
            status = letters_take(parser, text + 1);
        else
            parser->words[parser->line->n_words++] = text;
        if (parser->line->help) return WEFT_OK;
    }
    return status == WEFT_OK ? words_check(parser) : status;
}

static bool color_wanted(const struct weft_command_line *line)
{
    const char *terminal = getenv("TERM"), *refused = getenv("NO_COLOR");
    return !line->no_color && (refused == NULL || *refused == '\0') && isatty(STDOUT_FILENO) &&
           (terminal == NULL || strcmp(terminal, "dumb") != 0);
}

weft_status weft_command_parse(struct weft_command_line *line, int argc, char **argv, struct weft_fault *ret_fault)
{
    struct parser parser = { .line = line, .rest = argv, .n_rest = (size_t)argc, .fault = ret_fault };
    if (line->command->arguments_size > 0)
        line->arguments = weft_arena_alloc(line->arena, line->command->arguments_size);
    parser.words = weft_arena_alloc(line->arena, ((size_t)argc + 1) * sizeof *parser.words);
    parser.n_choices = weft_command_choices(line->command, parser.choices);
    weft_status status = defaults_take(&parser);
    if (status == WEFT_OK) status = rest_take(&parser);
    line->words = parser.words;
    line->color = color_wanted(line);
    return status;
}

weft_status weft_command_settings(const struct weft_command_line *line, struct weft_config **ret_config,
                                  struct weft_fault *ret_fault)
{
    struct weft_config_sources sources = { .file = line->config_file,
                                           .assignments = line->assignments.list,
                                           .n_assignments = line->assignments.n,
                                           .environment = environ };
    return weft_config_load(&sources, ret_config, ret_fault);
}
