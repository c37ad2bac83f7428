/* command/doctor/report.c - a finding is a line, or a JSON object. */
#include "command/doctor/report.h"

#include "base/buffer.h"
#include "base/text.h"

#include <stdio.h>
#include <string.h>

static const char *const names[] = { "ok", "warning", "failed" };

static void finding_json(const char *state, const char *what, const char *text, const char *advice)
{
    struct weft_buffer object __attribute__((cleanup(weft_buffer_free))) = WEFT_BUFFER_EMPTY;
    weft_buffer_format(&object, "{\"state\":\"%s\",\"check\":", state);
    weft_buffer_json(&object, what, strlen(what));
    weft_buffer_text(&object, ",\"found\":");
    weft_buffer_json(&object, text, strlen(text));
    weft_buffer_text(&object, ",\"advice\":");
    if (advice != NULL)
        weft_buffer_json(&object, advice, strlen(advice));
    else
        weft_buffer_text(&object, "null");
    printf("%s}\n", object.data);
}

static void finding_print(const struct weft_report *report, int32_t finding, const char *what, const char *text,
                          const char *advice)
{
    static const char *const colors[] = { "\033[32m", "\033[33m", "\033[31m" };
    bool color = report->line->color;
    printf("%s%-8s%s %-30s %s%s%s\n", color ? colors[finding] : "", names[finding], color ? "\033[0m" : "", what, text,
           advice != NULL ? "; " : "", advice != NULL ? advice : "");
}

void weft_report_add(struct weft_report *report, int32_t finding, const char *what, const char *advice,
                     const char *format, ...)
{
    struct weft_buffer text __attribute__((cleanup(weft_buffer_free))) = WEFT_BUFFER_EMPTY;
    va_list args;
    va_start(args, format);
    weft_buffer_vformat(&text, format, args);
    va_end(args);
    weft_buffer_text(&text, "");
    weft_text_tame(text.data);
    if (finding < WEFT_FINDING_OK || finding > WEFT_FINDING_FAILED) finding = WEFT_FINDING_FAILED;
    report->n_failed += finding == WEFT_FINDING_FAILED;
    report->n_warnings += finding == WEFT_FINDING_WARNING;
    if (report->line->json)
        finding_json(names[finding], what, text.data, advice);
    else
        finding_print(report, finding, what, text.data, advice);
    fflush(stdout);
}

int weft_report_end(const struct weft_report *report)
{
    if (!report->line->json)
        printf("%zu failed, %zu warning%s\n", report->n_failed, report->n_warnings, report->n_warnings == 1 ? "" : "s");
    return report->n_failed == 0 ? WEFT_EXIT_OK : WEFT_EXIT_FAILED;
}
