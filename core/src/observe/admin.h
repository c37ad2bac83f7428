/* observe/admin.h - the admin HTTP server: a table of pages, answered by one thread of its own. */
#ifndef WEFT_OBSERVE_ADMIN_H
#define WEFT_OBSERVE_ADMIN_H

#include "base/buffer.h"
#include "base/fault.h"
#include <stdint.h>

struct weft_admin;

struct weft_admin_page {
    const char *path; /* "/livez" */
    const char *content_type;
    /* Appends the body and returns the HTTP status. Runs on the admin thread: must not wait. */
    unsigned (*answer)(void *arg, struct weft_buffer *body);
};

/* Listens at "host:port" (port 0: any). The pages end with a NULL path and live as long as the server. UNAVAILABLE: the
 * port is taken; INVALID_ARGUMENT: no address. */
weft_status weft_admin_start(const char *listen, const struct weft_admin_page *pages, void *arg,
                             struct weft_admin **ret_admin, struct weft_fault *ret_fault);
uint16_t weft_admin_port(const struct weft_admin *admin);
void weft_admin_stop(struct weft_admin *admin); /* NULL is fine */

#endif
