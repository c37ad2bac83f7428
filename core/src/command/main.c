/* command/main.c - the table of commands, and who is meant. */
#include "command/command.h"

#include "base/text.h"

#include <stdio.h>
#include <string.h>
#include <weft/main.h>

static const struct weft_command commands[] = {
    { "run", "run services in one host", weft_command_run },
    { "call", "call a method by its name, with JSON, by gRPC reflection", weft_command_call },
    { "config", "all settings: what they mean, where they come from", weft_command_config },
    { "dead list", "events that have no try left", weft_command_dead_list },
    { "health", "whether a server is serving, by grpc.health.v1", weft_command_health },
    { "migrate", "bring the stores' tables to their newest version", weft_command_migrate },
    { "outbox status", "events that wait to be published", weft_command_outbox_status },
    { "plugin list", "the plugins there are, and why others are refused", weft_command_plugin_list },
};

enum { N_COMMANDS = sizeof commands / sizeof *commands, NAME_BYTES = 64 };

static int usage_print(FILE *to, int status)
{
    fputs("usage: weft COMMAND [ARGUMENTS]\n\n", to);
    for (size_t i = 0; i < N_COMMANDS; i++)
        fprintf(to, "  %-14s  %s\n", commands[i].name, commands[i].help);
    fputs("\nweft COMMAND --help says more. Exit status: 0 done, 1 failed, 2 wrong usage.\n", to);
    return status;
}

static const struct weft_command *command_named(const char *name)
{
    for (size_t i = 0; i < N_COMMANDS; i++)
        if (strcmp(commands[i].name, name) == 0) return &commands[i];
    return NULL;
}

static int command_unknown(const char *name)
{
    const char *names[N_COMMANDS + 1];
    for (size_t i = 0; i < N_COMMANDS; i++)
        names[i] = commands[i].name;
    names[N_COMMANDS] = NULL;
    const char *near = weft_text_nearest(name, names);
    fprintf(stderr, "weft: no command '%s'%s%s%s; weft --help lists them\n", name,
            near != NULL ? "; did you mean '" : "", near != NULL ? near : "", near != NULL ? "'?" : "");
    return WEFT_EXIT_USAGE;
}

int weft_command_fail(const char *name, const struct weft_fault *fault)
{
    fprintf(stderr, "weft %s: %s\n", name, fault->text);
    return fault->status == WEFT_INVALID_ARGUMENT ? WEFT_EXIT_USAGE : WEFT_EXIT_FAILED;
}

/* argp prints argv[0] in its messages. */
static int command_start(const struct weft_command *command, int words, int argc, char **argv)
{
    char name[NAME_BYTES + 8];
    snprintf(name, sizeof name, "weft %s", command->name);
    argv[words] = name;
    return command->run(argc - words, argv + words);
}

int weft_main(int argc, char **argv)
{
    char name[NAME_BYTES];
    if (argc < 2) return usage_print(stderr, WEFT_EXIT_USAGE);
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0)
        return usage_print(stdout, WEFT_EXIT_OK);
    if (strcmp(argv[1], "--version") == 0) return puts("weft " WEFT_VERSION) < 0 ? WEFT_EXIT_FAILED : WEFT_EXIT_OK;
    const struct weft_command *command = command_named(argv[1]);
    if (command != NULL) return command_start(command, 1, argc, argv);
    snprintf(name, sizeof name, "%s%s%s", argv[1], argc > 2 ? " " : "", argc > 2 ? argv[2] : "");
    command = argc > 2 ? command_named(name) : NULL;
    return command != NULL ? command_start(command, 2, argc, argv) : command_unknown(name);
}
