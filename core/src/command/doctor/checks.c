/* command/doctor/checks.c - how a round of checks begins and ends. */
#include "command/doctor/checks.h"

#include "observe/log.h"

bool weft_checks_begin(struct weft_checks *checks, struct weft_command_line *line)
{
    struct weft_fault fault = { 0 };
    weft_log_level_for(WEFT_LOG_ERROR, 0); /* what plugins would say stands in the report */
    if (line->services.n > 0) checks->services = line->services.list;
    if (weft_command_settings(line, &checks->config, &fault) != WEFT_OK) {
        weft_report_add(checks->report, WEFT_FINDING_FAILED, "settings", NULL, "%s", fault.text);
        return false;
    }
    weft_report_add(checks->report, WEFT_FINDING_OK, "settings", NULL, "read and understood");
    return true;
}

int weft_checks_end(struct weft_checks *checks)
{
    weft_loader_free(checks->loader);
    weft_config_free(checks->config);
    return weft_report_end(checks->report);
}
