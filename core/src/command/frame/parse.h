/* command/frame/parse.h - from argv to a command line, by the command's tables. */
#ifndef WEFT_COMMAND_FRAME_PARSE_H
#define WEFT_COMMAND_FRAME_PARSE_H

#include "command/command.h"

/* Fills `line`, whose command and arena are set. `argv` is what follows the command's name. INVALID_ARGUMENT: an option
 * there is not (with the nearest), a wrong value, too few or too many words. With --help only `help` counts. */
weft_status weft_command_parse(struct weft_command_line *line, int argc, char **argv, struct weft_fault *ret_fault);

#endif
