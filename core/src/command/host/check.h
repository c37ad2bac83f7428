/* command/host/check.h - `weft run --check`: all that a start would look at, and nothing started. */
#ifndef WEFT_COMMAND_HOST_CHECK_H
#define WEFT_COMMAND_HOST_CHECK_H

#include "command/command.h"

/* One line a check; returns the exit status. */
int weft_run_check(struct weft_command_line *line);

#endif
