/* command/admin/client.h - asks the admin server of a running host. Any thread, each with buffers of its own. */
#ifndef WEFT_COMMAND_ADMIN_CLIENT_H
#define WEFT_COMMAND_ADMIN_CLIENT_H

#include "base/buffer.h"
#include "command/command.h"

struct weft_admin_host {
    const char *address; /* "127.0.0.1:8080" */
    const char *token;   /* NULL: none is known; the host then refuses what wants one */
};

/* The hosts named by --admin, else the one of admin.listen, and the token they want: admin.token, else that of
 * data_dir. `ret_hosts` has room for WEFT_WORDS_MAX. In the line's arena. INVALID_ARGUMENT: admin.listen is off. */
weft_status weft_admin_hosts(const struct weft_command_line *line, const struct weft_config *config,
                             struct weft_admin_host *ret_hosts, size_t *ret_n, struct weft_fault *ret_fault);

/* One request; `body` NULL: none. The reply's body is appended. UNAVAILABLE: nobody there; DEADLINE_EXCEEDED; else what
 * the host's refusal says: INVALID_ARGUMENT, NOT_FOUND, PERMISSION_DENIED, FAILED_PRECONDITION ... with its text. */
weft_status weft_admin_ask(const struct weft_admin_host *host, const char *method, const char *target, const char *body,
                           uint64_t deadline_ns, struct weft_buffer *ret_body, struct weft_fault *ret_fault);

/* The same to the one host that is meant; with several named: INVALID_ARGUMENT. Loads the settings. */
weft_status weft_admin_ask_one(const struct weft_command_line *line, const char *method, const char *target,
                               const char *body, uint64_t time_ns, struct weft_buffer *ret_body,
                               struct weft_fault *ret_fault);

/* Appends "?name=value", or "&name=value", percent-encoded (RFC 3986 section 2.1). NULL: nothing. */
void weft_admin_query(struct weft_buffer *target, const char *name, const char *value);

#endif
