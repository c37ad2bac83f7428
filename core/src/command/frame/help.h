/* command/frame/help.h - what the tables say, for a person. */
#ifndef WEFT_COMMAND_FRAME_HELP_H
#define WEFT_COMMAND_FRAME_HELP_H

#include "command/command.h"

#include <stdio.h>

/* Usage, options, exit statuses and an example of one command. */
void weft_help_command(const struct weft_command *command, FILE *to);
/* The list of all commands (group NULL), or of those whose first word is `group`. */
void weft_help_list(const char *group, FILE *to);

#endif
