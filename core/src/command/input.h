/* command/input.h - JSON given as a word, by --data, or on standard input. */
#ifndef WEFT_COMMAND_INPUT_H
#define WEFT_COMMAND_INPUT_H

#include "command/command.h"

/* The word of this index, else `data`, else "{}"; "-" reads standard input, at most `max` bytes. In the line's arena or
 * argv. INVALID_ARGUMENT: given twice, too long, a NUL in it. */
weft_status weft_command_input(const struct weft_command_line *line, size_t index, const char *data, size_t max,
                               const char **ret_json, struct weft_fault *ret_fault);

#endif
