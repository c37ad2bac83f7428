/* command/frame/help.c - --help of a command, and the list of commands. */
#include "command/frame/help.h"

#include "command/frame/options.h"
#include "config/option.h"

#include <string.h>

enum { HELP_WIDTH = 96, HELP_OPTION_COLUMN = 28 };

/* Prints words up to the width, further lines indented; starts at column `column`. A '\n' in the text is kept. */
static void text_wrap(const char *text, int column, int indent, FILE *to)
{
    for (bool first = true; *text != '\0'; first = false) {
        if (*text == '\n') {
            fprintf(to, "\n%*s", text[1] != '\0' ? indent : 0, "");
            column = indent;
            first = true;
            text++;
            continue;
        }
        int length = (int)strcspn(text, " \n");
        if (!first && column + 1 + length > HELP_WIDTH) {
            fprintf(to, "\n%*s", indent, "");
            column = indent;
            first = true;
        }
        column += fprintf(to, "%s%.*s", first ? "" : " ", length, text);
        text += length;
        text += strspn(text, " ");
    }
    fputc('\n', to);
}

static void option_print(const struct weft_command_option *option, FILE *to)
{
    char left[80], help[400], letter[5] = "    ";
    const struct weft_option *value = &option->value;
    if (option->letter != 0) snprintf(letter, sizeof letter, "-%c, ", option->letter);
    snprintf(left, sizeof left, "  %s--%s%s%s", letter, value->name, option->placeholder != NULL ? " " : "",
             option->placeholder != NULL ? option->placeholder : "");
    size_t used = (size_t)snprintf(help, sizeof help, "%s", value->help);
    for (const char *const *choice = value->choices; choice != NULL && *choice != NULL && used < sizeof help; choice++)
        used +=
            (size_t)snprintf(help + used, sizeof help - used, "%s%s", choice == value->choices ? ": " : ", ", *choice);
    if (option->repeats && used < sizeof help)
        used += (size_t)snprintf(help + used, sizeof help - used, "; may be repeated");
    if (value->initial != NULL && *value->initial != '\0' && used < sizeof help)
        snprintf(help + used, sizeof help - used, "; default: %s", value->initial);
    fprintf(to, "%-*s", HELP_OPTION_COLUMN, left);
    if (strlen(left) + 2 > HELP_OPTION_COLUMN) fprintf(to, "\n%*s", HELP_OPTION_COLUMN, "");
    text_wrap(help, HELP_OPTION_COLUMN, HELP_OPTION_COLUMN, to);
}

static void exits_print(const struct weft_command *command, FILE *to)
{
    fputs("\nExit status:\n", to);
    for (int i = 0; i < WEFT_EXIT_N; i++) {
        const char *meaning = command->exits[i];
        if (meaning == NULL && i != WEFT_EXIT_OK && i != WEFT_EXIT_USAGE) continue;
        if (meaning == NULL || *meaning == '\0') meaning = weft_exit_meaning((enum weft_exit)i);
        fprintf(to, "  %d  ", i);
        text_wrap(meaning, 5, 5, to);
    }
}

static void example_print(const char *example, FILE *to)
{
    fputs("\nExample:\n", to);
    while (*example != '\0') {
        int length = (int)strcspn(example, "\n");
        fprintf(to, "  %.*s\n", length, example);
        example += length + (example[length] == '\n');
    }
}

void weft_help_command(const struct weft_command *command, FILE *to)
{
    struct weft_command_choice choices[WEFT_COMMAND_OPTIONS_MAX];
    size_t n = weft_command_choices(command, choices);
    fprintf(to, "usage: weft %s [OPTIONS]%s%s\n\n", command->name, command->words != NULL ? " " : "",
            command->words != NULL ? command->words : "");
    text_wrap(command->about, 0, 0, to);
    fputs("\nOptions:\n", to);
    for (size_t i = 0; i < n; i++)
        option_print(choices[i].option, to);
    exits_print(command, to);
    example_print(command->example, to);
}

static bool command_is_of(const struct weft_command *command, const char *group)
{
    size_t length = group != NULL ? strlen(group) : 0;
    return group == NULL || (strncmp(command->name, group, length) == 0 && command->name[length] == ' ');
}

void weft_help_list(const char *group, FILE *to)
{
    fprintf(to, "usage: weft %s%s [OPTIONS] [ARGUMENTS]\n\n", group != NULL ? group : "COMMAND",
            group != NULL ? " VERB" : "");
    for (const struct weft_command *const *command = weft_commands; *command != NULL; command++)
        if (command_is_of(*command, group)) fprintf(to, "  %-16s  %s\n", (*command)->name, (*command)->summary);
    fputs("\nweft COMMAND --help says more of each. Exit status:\n", to);
    for (int i = 0; i < WEFT_EXIT_N; i++)
        fprintf(to, "  %d  %s\n", i, weft_exit_meaning((enum weft_exit)i));
}
