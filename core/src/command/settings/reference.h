/* command/settings/reference.h - the page docs/configuration.md, out of the tables of settings and plugins' options. */
#ifndef WEFT_COMMAND_SETTINGS_REFERENCE_H
#define WEFT_COMMAND_SETTINGS_REFERENCE_H

#include "command/command.h"

#include "base/buffer.h"

weft_status weft_reference_write(const struct weft_command_line *line, const struct weft_config *config,
                                 struct weft_buffer *page, struct weft_fault *ret_fault);

#endif
