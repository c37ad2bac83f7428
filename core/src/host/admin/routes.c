/* host/admin/routes.c - the table of all that the admin server of a host answers. */
#include "host/admin/pages.h"

#define JSON "application/json"
#define ACT  (WEFT_ADMIN_TOKEN | WEFT_ADMIN_ACT)

const struct weft_admin_route weft_process_routes[] = {
    { "GET", "/livez", JSON, 0, 0, 0, NULL, weft_page_live },
    { "GET", "/readyz", JSON, 0, 0, 0, NULL, weft_page_ready },
    { "GET", "/health", JSON, 0, 0, 0, NULL, weft_page_health },
    { "GET", "/metrics", "text/plain; version=0.0.4; charset=utf-8", 0, 0, 0, NULL, weft_page_metrics },
    { "GET", "/log/level", JSON, 0, 0, 0, NULL, weft_page_log_level },
    { "PUT", "/log/level", JSON, ACT, 0, 0, "level for", weft_page_log_level_set },
    { "POST", "/log/level", JSON, ACT, 0, 0, "level for", weft_page_log_level_set },
    { "GET", "/events", "application/x-ndjson", WEFT_ADMIN_TOKEN | WEFT_ADMIN_WAITS, 0, 30000, "after pattern",
      weft_page_events },
    { "POST", "/events", JSON, ACT | WEFT_ADMIN_WAITS, 1 << 20, 10000, "type service correlation",
      weft_page_event_publish },
    { .path = NULL },
};
