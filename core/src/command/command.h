/* command/command.h - the commands of `weft`: one file each, one table in main.c.
 *
 * Errors are one line of plain text on stderr, "weft COMMAND: ...". Exit statuses: 0 done, 1 failed, 2 wrong usage. */
#ifndef WEFT_COMMAND_COMMAND_H
#define WEFT_COMMAND_COMMAND_H

#include "base/fault.h"
#include "config/config.h"

enum { WEFT_EXIT_OK = 0, WEFT_EXIT_FAILED = 1, WEFT_EXIT_USAGE = 2 };

struct weft_command {
    const char *name;                  /* "dead list": one or two words */
    const char *help;                  /* one line for the list of commands */
    int (*run)(int argc, char **argv); /* argv[0] is "weft NAME" */
};

int weft_command_run(int argc, char **argv);
int weft_command_call(int argc, char **argv);
int weft_command_config(int argc, char **argv);
int weft_command_dead_list(int argc, char **argv);
int weft_command_health(int argc, char **argv);
int weft_command_migrate(int argc, char **argv);
int weft_command_outbox_status(int argc, char **argv);
int weft_command_plugin_list(int argc, char **argv);

/* Prints "weft COMMAND: text" and returns the exit status for it: 2 for INVALID_ARGUMENT, else 1. */
int weft_command_fail(const char *name, const struct weft_fault *fault);

#endif
