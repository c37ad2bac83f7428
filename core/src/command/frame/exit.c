/* command/frame/exit.c - the exit statuses, what they mean, and which failure has which. */
#include "command/command.h"

#include <stdio.h>

static const char *const meanings[WEFT_EXIT_N] = {
    [WEFT_EXIT_OK] = "done",
    [WEFT_EXIT_FAILED] = "it was tried and failed",
    [WEFT_EXIT_USAGE] = "wrong usage, input or settings; nothing was done",
    [WEFT_EXIT_UNREACHABLE] = "what was to answer is not there, or did not in time",
    [WEFT_EXIT_NOT_FOUND] = "what was named does not exist",
    [WEFT_EXIT_DENIED] = "no right to it: token, password or file mode",
};

const char *weft_exit_meaning(enum weft_exit status)
{
    return meanings[status];
}

enum weft_exit weft_exit_of(weft_status status)
{
    switch (status) {
    case WEFT_OK:
        return WEFT_EXIT_OK;
    case WEFT_INVALID_ARGUMENT:
        return WEFT_EXIT_USAGE;
    case WEFT_UNAVAILABLE:
    case WEFT_DEADLINE_EXCEEDED:
        return WEFT_EXIT_UNREACHABLE;
    case WEFT_NOT_FOUND:
        return WEFT_EXIT_NOT_FOUND;
    case WEFT_PERMISSION_DENIED:
    case WEFT_UNAUTHENTICATED:
        return WEFT_EXIT_DENIED;
    default:
        return WEFT_EXIT_FAILED;
    }
}

int weft_command_fail(const struct weft_command_line *line, const struct weft_fault *fault)
{
    fflush(stdout);
    fprintf(stderr, "weft %s: %s\n", line->command->name, fault->text);
    return (int)weft_exit_of(fault->status);
}
