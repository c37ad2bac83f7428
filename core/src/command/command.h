/* command/command.h - a command of `weft` is data: name, options, help, exit statuses, and the function that does it.
 *
 * Each command has a file of its own that ends in its struct weft_command; table.c lists them. Parsing, --help, errors
 * with the nearest name and shell completion come from there (frame/). What a command lists goes through
 * output/listing.h, which is a table for a person and JSON lines with --json. Errors are one line on stderr,
 * "weft COMMAND: ...". One thread. */
#ifndef WEFT_COMMAND_COMMAND_H
#define WEFT_COMMAND_COMMAND_H

#include "base/arena.h"
#include "base/fault.h"
#include "config/config.h"

#include <stdbool.h>
#include <weft/plugin.h> /* struct weft_option */

/* The exit statuses of all commands; what each means stands in frame/exit.c. */
enum weft_exit {
    WEFT_EXIT_OK = 0,
    WEFT_EXIT_FAILED = 1,
    WEFT_EXIT_USAGE = 2,
    WEFT_EXIT_UNREACHABLE = 3,
    WEFT_EXIT_NOT_FOUND = 4,
    WEFT_EXIT_DENIED = 5,
    WEFT_EXIT_N
};

/* What an option that may be given several times gathers; NULL-terminated. */
enum { WEFT_WORDS_MAX = 64 };
struct weft_words {
    const char *list[WEFT_WORDS_MAX + 1];
    size_t n;
};

/* An option. `value` has its name ("dry-run"), help, default, choices, type, bounds, and the offset of its place in the
 * command's struct: as weft/plugin.h says of each type; a flag is BOOL; one that repeats is TEXT into weft_words. */
struct weft_command_option {
    struct weft_option value;
    char letter;             /* 0: only the long name */
    const char *placeholder; /* what its value is called in --help; NULL: a flag */
    bool repeats;
};

/* Rows of a command's option table: `field` is one of its `struct arguments`. */
#define WEFT_COMMAND_FLAG(letter, name, field, help)                                                                   \
    {                                                                                                                  \
        { name, help, NULL, NULL, WEFT_OPTION_BOOL, 0, offsetof(struct arguments, field), 0, 0 }, letter, NULL, false  \
    }
#define WEFT_COMMAND_TEXT(letter, name, placeholder, field, help)                                                      \
    {                                                                                                                  \
        { name, help, NULL, NULL, WEFT_OPTION_TEXT, 0, offsetof(struct arguments, field), 0, 0 }, letter, placeholder, \
            false                                                                                                      \
    }
#define WEFT_COMMAND_TEXTS(letter, name, placeholder, field, help)                                                     \
    {                                                                                                                  \
        { name, help, NULL, NULL, WEFT_OPTION_TEXT, 0, offsetof(struct arguments, field), 0, 0 }, letter, placeholder, \
            true                                                                                                       \
    }
#define WEFT_COMMAND_NUMBER(letter, name, placeholder, field, initial, min, max, help)                                 \
    {                                                                                                                  \
        { name, help, initial, NULL, WEFT_OPTION_INT, 0, offsetof(struct arguments, field), min, max }, letter,        \
            placeholder, false                                                                                         \
    }
#define WEFT_COMMAND_TIME(letter, name, field, initial, min, max, help)                                                \
    {                                                                                                                  \
        { name,           help,          initial, NULL, WEFT_OPTION_DURATION, 0, offsetof(struct arguments, field),    \
          (int64_t)(min), (int64_t)(max) },                                                                            \
            letter, "TIME", false                                                                                      \
    }

/* Options that many commands have alike. */
enum weft_command_shares {
    WEFT_SHARES_SETTINGS = 1, /* --config, --set */
    WEFT_SHARES_SERVICES = 2, /* --service */
    WEFT_SHARES_JSON = 4,     /* --json */
    WEFT_SHARES_ADMIN = 8,    /* --admin, of a running host; needs SETTINGS too, for its token */
};

/* A command line, parsed. All of it lives in the arena. */
struct weft_command_line {
    const struct weft_command *command;
    struct weft_arena *arena;
    void *arguments;          /* the command's struct arguments, options and defaults filled in */
    const char *const *words; /* what is no option, NULL-terminated */
    size_t n_words;
    /* of the shared options */
    const char *config_file;
    struct weft_words assignments, services, admins;
    bool json, no_color, help;
    bool color; /* stdout is a terminal that wants colours (https://no-color.org) */
};

struct weft_command {
    const char *name;    /* "dead list": one or two words */
    const char *summary; /* one line for the list of commands */
    const char *about;   /* more, for --help; paragraphs end in '\n' */
    const char *words;   /* what is no option, as the usage shows it: "ADDR METHOD [JSON]"; NULL: nothing */
    unsigned min_words, max_words;
    unsigned shares; /* enum weft_command_shares */
    const struct weft_command_option *options;
    size_t n_options;
    size_t arguments_size;          /* of its struct arguments; 0: no options of its own */
    const char *exits[WEFT_EXIT_N]; /* what a status means here; WEFT_EXIT_USUAL; NULL: does not happen */
    const char *example;            /* lines of a shell, each ending in '\n' */
    int (*run)(struct weft_command_line *line);
};

#define WEFT_EXIT_USUAL "" /* as frame/exit.c says */

/* All commands, sorted by name within their group; NULL-terminated. */
extern const struct weft_command *const weft_commands[];

/* The exit status for a failure. */
enum weft_exit weft_exit_of(weft_status status);
/* What a status means for every command. */
const char *weft_exit_meaning(enum weft_exit status);

/* Prints "weft COMMAND: text" and returns weft_exit_of(fault->status). */
int weft_command_fail(const struct weft_command_line *line, const struct weft_fault *fault);

/* The settings by --config, --set, environment and file. */
weft_status weft_command_settings(const struct weft_command_line *line, struct weft_config **ret_config,
                                  struct weft_fault *ret_fault);

#endif
