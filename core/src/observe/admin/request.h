/* observe/admin/request.h - a request under way: what it asks, and the reply while it is made. It belongs to the
 * admin's thread; while its handler waits, to that handler's thread. Used within observe/admin alone. */
#ifndef WEFT_OBSERVE_ADMIN_REQUEST_H
#define WEFT_OBSERVE_ADMIN_REQUEST_H

#include "observe/admin/address.h"
#include "observe/admin/admin.h"

#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>

struct weft_admin {
    const struct weft_admin_route *routes;
    void *arg;
    char *token; /* NULL: none */
    struct MHD_Daemon *daemon;
    uint16_t port;
    atomic_bool ended;      /* handlers that wait look at it */
    pthread_mutex_t mutex;  /* guards n_waiting */
    pthread_cond_t changed; /* n_waiting went down */
    unsigned n_waiting;     /* requests on threads of their own */
};

struct weft_admin_request {
    struct weft_admin *admin;
    struct MHD_Connection *connection;
    const struct weft_admin_route *route; /* NULL: refused */
    const char *method, *path;            /* the connection's, as long as the request */
    const char *values[WEFT_ADMIN_PARAMETERS];
    const char *unknown; /* a parameter that the route does not know */
    char from[WEFT_ADMIN_ADDRESS];
    uint64_t deadline_ns;
    struct weft_buffer body, reply;
    unsigned status; /* of the reply; 0: not yet answered */
    bool has_thread;
    pthread_t thread;
};

/* Finds the route and checks token, parameters and the body's announced size. A refusal is a reply, made at once. */
struct weft_admin_request *weft_admin_request_new(struct weft_admin *admin, struct MHD_Connection *connection,
                                                  const char *method, const char *path);
void weft_admin_request_free(struct weft_admin_request *request);
/* Takes the request back from the thread of its handler, if it had one, whose last act was to resume it. */
void weft_admin_request_join(struct weft_admin_request *request);

/* Keeps a piece of the body, or refuses the request for its size. */
void weft_admin_request_add(struct weft_admin_request *request, const char *bytes, size_t size);
/* Runs the handler, to the route's deadline, and audits it. */
void weft_admin_request_answer(struct weft_admin_request *request);

#endif
