/* command/doctor/report.h - findings, one line each as they are made: what was looked at, how it is, what to do. */
#ifndef WEFT_COMMAND_DOCTOR_REPORT_H
#define WEFT_COMMAND_DOCTOR_REPORT_H

#include "command/command.h"

struct weft_report {
    const struct weft_command_line *line;
    size_t n_failed, n_warnings;
};

/* `finding` is enum weft_finding (weft/plugin.h); `advice` NULL: none. */
void weft_report_add(struct weft_report *report, int32_t finding, const char *what, const char *advice,
                     const char *format, ...) __attribute__((format(printf, 5, 6)));
/* How it ended, in a line for a person, and the exit status: FAILED if something failed. */
int weft_report_end(const struct weft_report *report);

#endif
