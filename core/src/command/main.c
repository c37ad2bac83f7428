/* command/main.c - which command is meant. */
#include "command/command.h"

#include "base/text.h"
#include "command/frame/help.h"
#include "command/frame/parse.h"

#include <stdio.h>
#include <string.h>
#include <weft/main.h>

enum { LINE_ARENA_BYTES = 16 * 1024, COMMANDS_MAX = 128, NAME_BYTES = 64 };

static const struct weft_command *command_named(const char *name)
{
    for (const struct weft_command *const *command = weft_commands; *command != NULL; command++)
        if (strcmp((*command)->name, name) == 0) return *command;
    return NULL;
}

/* Is it the first word of commands with two? */
static bool group_named(const char *word)
{
    size_t length = strlen(word);
    for (const struct weft_command *const *command = weft_commands; *command != NULL; command++)
        if (strncmp((*command)->name, word, length) == 0 && (*command)->name[length] == ' ') return true;
    return false;
}

static int name_unknown(const char *name)
{
    const char *names[COMMANDS_MAX + 1];
    size_t n = 0;
    for (; weft_commands[n] != NULL && n < COMMANDS_MAX; n++)
        names[n] = weft_commands[n]->name;
    names[n] = NULL;
    const char *near = weft_text_nearest(name, names);
    fprintf(stderr, "weft: no command '%s'%s%s%s; weft --help lists them\n", name,
            near != NULL ? "; did you mean '" : "", near != NULL ? near : "", near != NULL ? "'?" : "");
    return WEFT_EXIT_USAGE;
}

static int command_run(const struct weft_command *command, int argc, char **argv)
{
    struct weft_command_line line = { .command = command, .arena = weft_arena_new(LINE_ARENA_BYTES) };
    struct weft_fault fault = { 0 };
    int result = WEFT_EXIT_OK;
    if (weft_command_parse(&line, argc, argv, &fault) != WEFT_OK) {
        fprintf(stderr, "weft %s: %s; weft %s --help says more\n", command->name, fault.text, command->name);
        result = WEFT_EXIT_USAGE;
    } else if (line.help) {
        weft_help_command(command, stdout);
    } else {
        result = command->run(&line);
    }
    weft_arena_free(line.arena);
    return result;
}

/* The first word is a group's: the second is a verb, or a wish for help. */
static int group_run(const char *group, int argc, char **argv)
{
    char name[NAME_BYTES];
    const char *verb = argc > 0 ? argv[0] : "";
    bool help = strcmp(verb, "--help") == 0 || strcmp(verb, "-h") == 0;
    if (help || argc == 0 || verb[0] == '-') {
        weft_help_list(group, help ? stdout : stderr);
        return help ? WEFT_EXIT_OK : WEFT_EXIT_USAGE;
    }
    snprintf(name, sizeof name, "%s %s", group, verb);
    const struct weft_command *command = command_named(name);
    return command != NULL ? command_run(command, argc - 1, argv + 1) : name_unknown(name);
}

static int word_run(int argc, char **argv)
{
    const struct weft_command *command = command_named(argv[0]);
    if (command != NULL) return command_run(command, argc - 1, argv + 1);
    return group_named(argv[0]) ? group_run(argv[0], argc - 1, argv + 1) : name_unknown(argv[0]);
}

/* `weft help dead list` is `weft dead list --help`. */
static int help_run(int argc, char **argv)
{
    char name[NAME_BYTES], *help[] = { (char[]){ "--help" } };
    if (argc == 0) {
        weft_help_list(NULL, stdout);
        return WEFT_EXIT_OK;
    }
    snprintf(name, sizeof name, "%s%s%s", argv[0], argc > 1 ? " " : "", argc > 1 ? argv[1] : "");
    const struct weft_command *command = command_named(name);
    if (command != NULL) return command_run(command, 1, help);
    return argc == 1 && group_named(name) ? group_run(name, 1, help) : name_unknown(name);
}

int weft_main(int argc, char **argv)
{
    if (argc < 2) {
        weft_help_list(NULL, stderr);
        return WEFT_EXIT_USAGE;
    }
    if (strcmp(argv[1], "--version") == 0) return puts("weft " WEFT_VERSION) < 0 ? WEFT_EXIT_FAILED : WEFT_EXIT_OK;
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0)
        return help_run(argc - 2, argv + 2);
    return word_run(argc - 1, argv + 1);
}
