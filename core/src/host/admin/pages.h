/* host/admin/pages.h - what the admin server answers for a process: the handlers that stand in the table of routes.c,
 * by the room they are about. All take the process as `arg` and ask no broker and no database, unless their route
 * waits. */
#ifndef WEFT_HOST_ADMIN_PAGES_H
#define WEFT_HOST_ADMIN_PAGES_H

#include "observe/admin/admin.h"

/* Ends with a NULL path. */
extern const struct weft_admin_route weft_process_routes[];

/* health.c */
unsigned weft_page_live(void *arg, const struct weft_admin_request *request, struct weft_buffer *body);
unsigned weft_page_ready(void *arg, const struct weft_admin_request *request, struct weft_buffer *body);
unsigned weft_page_health(void *arg, const struct weft_admin_request *request, struct weft_buffer *body);

/* metrics.c */
unsigned weft_page_metrics(void *arg, const struct weft_admin_request *request, struct weft_buffer *body);

/* log_level.c */
unsigned weft_page_log_level(void *arg, const struct weft_admin_request *request, struct weft_buffer *body);
unsigned weft_page_log_level_set(void *arg, const struct weft_admin_request *request, struct weft_buffer *body);

/* events.c */
unsigned weft_page_events(void *arg, const struct weft_admin_request *request, struct weft_buffer *body);
unsigned weft_page_event_publish(void *arg, const struct weft_admin_request *request, struct weft_buffer *body);

#endif
