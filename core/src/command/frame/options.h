/* command/frame/options.h - all options of a command: its own and those it shares, one after the other. */
#ifndef WEFT_COMMAND_FRAME_OPTIONS_H
#define WEFT_COMMAND_FRAME_OPTIONS_H

#include "command/command.h"

enum { WEFT_COMMAND_OPTIONS_MAX = 48 };

/* An option of a command, and whether its place is in the struct arguments (else in the line). */
struct weft_command_choice {
    const struct weft_command_option *option;
    bool own;
};

/* Fills `ret_choices` (WEFT_COMMAND_OPTIONS_MAX of them) and returns how many there are. */
size_t weft_command_choices(const struct weft_command *command, struct weft_command_choice *ret_choices);

#endif
