/* host/admin/log_level.c - the log's level, changed while the host runs: for good, or for a time and then back. */
#include "config/option.h"
#include "host/admin/pages.h"
#include "observe/log.h"

#include <string.h>

static void level_show(struct weft_buffer *body)
{
    struct weft_log_state state = weft_log_state();
    weft_buffer_format(body, "{\"level\":\"%s\"", weft_log_level_name(state.level));
    if (state.left_ns != 0)
        weft_buffer_format(body, ",\"then\":\"%s\",\"seconds_left\":%.3f", weft_log_level_name(state.then),
                           (double)state.left_ns / 1e9);
    weft_buffer_text(body, "}\n");
}

unsigned weft_page_log_level(void *arg, const struct weft_admin_request *request, struct weft_buffer *body)
{
    (void)arg, (void)request;
    level_show(body);
    return 200;
}

unsigned weft_page_log_level_set(void *arg, const struct weft_admin_request *request, struct weft_buffer *body)
{
    (void)arg;
    static const struct weft_option span = {
        .name = "for", .type = WEFT_OPTION_DURATION, .min = 1000000000, .max = 86400 * 1000000000ll
    };
    const char *name = weft_admin_parameter(request, "level"), *spell = weft_admin_parameter(request, "for");
    int32_t level = name != NULL ? weft_log_parse_level(name) : -1;
    if (level < 0)
        return weft_admin_refuse(body, 400, "level '%.32s': want ?level=debug, info, warn or error",
                                 name != NULL ? name : "");
    union weft_option_value value = { .amount = 0 };
    struct weft_fault why = { 0 };
    if (spell != NULL && weft_option_parse(&span, spell, &value, &why) != WEFT_OK)
        return weft_admin_refuse(body, 400, "for: %s", why.text);
    weft_log_level_for(level, value.amount);
    level_show(body);
    return 200;
}
