/* observe/admin/admin.h - the admin HTTP server: a table of routes, answered by a thread of its own. A route that waits
 * (for an event, for a broker) is answered by a thread made for that request, so the others answer meanwhile. */
#ifndef WEFT_OBSERVE_ADMIN_ADMIN_H
#define WEFT_OBSERVE_ADMIN_ADMIN_H

#include "base/buffer.h"
#include "base/fault.h"
#include <stdbool.h>
#include <stdint.h>

struct weft_admin;
struct weft_admin_request;

enum weft_admin_flag {
    WEFT_ADMIN_TOKEN =
        1,               /* wants "Authorization: Bearer <admin.token>": all that changes something or shows payloads */
    WEFT_ADMIN_ACT = 2,  /* is written to the log once answered: what, from where, with which status */
    WEFT_ADMIN_WAITS = 4 /* may wait, to its deadline: on a thread of its own, at most WEFT_ADMIN_WAITING at a time */
};

enum { WEFT_ADMIN_WAITING = 16, WEFT_ADMIN_PARAMETERS = 8 };

struct weft_admin_route {
    const char *method; /* "GET" (answers HEAD as well), "POST", "PUT" */
    const char *path;   /* "/livez", without parameters */
    const char *content_type;
    uint32_t flags;         /* enum weft_admin_flag */
    uint32_t max_body;      /* bytes of the request's body, at most; 0: none is taken */
    uint32_t time_ms;       /* what the handler may take; 0: a second */
    const char *parameters; /* names of the query's parameters, "for level"; others are refused. NULL: none */
    /* Appends the reply's body and returns the HTTP status; of 400 and above the body is JSON (weft_admin_refuse).
     * Without WEFT_ADMIN_WAITS on the admin's thread: must not wait. */
    unsigned (*answer)(void *arg, const struct weft_admin_request *request, struct weft_buffer *body);
};

/* A request, as its handler sees it; valid until the handler returns. */
const char *weft_admin_parameter(const struct weft_admin_request *request,
                                 const char *name);                                      /* decoded; NULL: not given */
const char *weft_admin_body(const struct weft_admin_request *request, size_t *ret_size); /* a NUL follows; never NULL */
const char *weft_admin_from(const struct weft_admin_request *request);                   /* "127.0.0.1:40122" */
uint64_t weft_admin_deadline(const struct weft_admin_request *request);                  /* monotonic, ns */
/* Is the server being stopped? Who waits long asks at least every WEFT_ADMIN_STEP_MS. */
bool weft_admin_ended(const struct weft_admin_request *request);
#define WEFT_ADMIN_STEP_MS 200

/* Makes the body {"error":"..."}, whatever stood there before; returns the status, for `return`. */
unsigned weft_admin_refuse(struct weft_buffer *body, unsigned status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

struct weft_admin_options {
    const char *listen;                    /* "host:port"; port 0: any */
    const char *token;                     /* copied; NULL: routes that want one are always refused */
    const struct weft_admin_route *routes; /* end with a NULL path; live as long as the server */
    void *arg;                             /* of the handlers */
};

/* UNAVAILABLE: the port is taken; INVALID_ARGUMENT: no address. */
weft_status weft_admin_start(const struct weft_admin_options *options, struct weft_admin **ret_admin,
                             struct weft_fault *ret_fault);
uint16_t weft_admin_port(const struct weft_admin *admin);
/* Tells waiting handlers to end and waits for them. NULL is fine. */
void weft_admin_stop(struct weft_admin *admin);

#endif
