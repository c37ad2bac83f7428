/* observe/admin/admin.c - libmicrohttpd with one thread, bounded: 64 connections, 10 seconds of silence each. A request
 * whose handler waits is suspended and goes to a thread of its own; its reply is sent by the one thread again. */
#include "observe/admin/admin.h"

#include "base/clock.h"
#include "base/memory.h"
#include "base/thread.h"
#include "observe/admin/request.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ADMIN_CONNECTIONS = 64, ADMIN_TIMEOUT_S = 10, ADMIN_MEMORY_BYTES = 16 * 1024 };

/* ---- replies ----------------------------------------------------------------------------------------------------- */

static enum MHD_Result reply_send(struct weft_admin_request *request)
{
    struct weft_buffer *body = &request->reply;
    bool refused = request->status >= 400 || request->route == NULL;
    struct MHD_Response *response =
        MHD_create_response_from_buffer(body->size, body->data != NULL ? body->data : "", MHD_RESPMEM_MUST_COPY);
    if (response == NULL) return MHD_NO;
    MHD_add_response_header(response, "Content-Type", refused ? "application/json" : request->route->content_type);
    MHD_add_response_header(response, "Cache-Control", "no-store");
    MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    if (request->status == MHD_HTTP_UNAUTHORIZED)
        MHD_add_response_header(response, "WWW-Authenticate", "Bearer realm=\"weft\"");
    enum MHD_Result queued = MHD_queue_response(request->connection, request->status, response);
    MHD_destroy_response(response);
    return queued;
}

/* ---- handlers that wait ------------------------------------------------------------------------------------------ */

static void *waiting_run(void *arg)
{
    struct weft_admin_request *request = arg;
    struct weft_admin *admin = request->admin;
    weft_admin_request_answer(request);
    MHD_resume_connection(request->connection); /* from here on the request is the admin's again */
    pthread_mutex_lock(&admin->mutex);
    admin->n_waiting--;
    pthread_cond_signal(&admin->changed);
    pthread_mutex_unlock(&admin->mutex);
    return NULL;
}

static bool waiting_enter(struct weft_admin *admin)
{
    pthread_mutex_lock(&admin->mutex);
    bool room = admin->n_waiting < WEFT_ADMIN_WAITING && !atomic_load_explicit(&admin->ended, memory_order_relaxed);
    admin->n_waiting += room;
    pthread_mutex_unlock(&admin->mutex);
    return room;
}

/* Hands the request to a thread; false: to be answered now, with a refusal. */
static bool waiting_start(struct weft_admin_request *request)
{
    if (!waiting_enter(request->admin)) {
        request->status = weft_admin_refuse(&request->reply, MHD_HTTP_SERVICE_UNAVAILABLE,
                                            "%d requests that wait are under way; try again", WEFT_ADMIN_WAITING);
        return false;
    }
    MHD_suspend_connection(request->connection);
    request->has_thread = true;
    int failed = weft_thread_start(&request->thread, waiting_run, request);
    if (failed == 0) return true;
    request->has_thread = false;
    MHD_resume_connection(request->connection);
    pthread_mutex_lock(&request->admin->mutex);
    request->admin->n_waiting--;
    pthread_mutex_unlock(&request->admin->mutex);
    request->status =
        weft_admin_refuse(&request->reply, MHD_HTTP_SERVICE_UNAVAILABLE, "no thread: %s", strerror(failed));
    return true; /* the resumed connection asks again and is answered */
}

/* ---- requests ---------------------------------------------------------------------------------------------------- */

/* A refused request's body is not read further than what some network buffers hold: the connection ends. */
static bool has_body(const struct weft_admin_request *request)
{
    return MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, "Content-Length") != NULL ||
           MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, "Transfer-Encoding") != NULL;
}

/* Called first with the headers, then with each piece of the body, at last without one, and again once resumed. */
static enum MHD_Result request_step(void *arg, struct MHD_Connection *connection, const char *path, const char *method,
                                    const char *version, const char *bytes, size_t *size, void **state)
{
    (void)version;
    struct weft_admin_request *request = *state;
    if (request == NULL) {
        *state = request = weft_admin_request_new(arg, connection, method, path);
        return request->status != 0 && has_body(request) ? reply_send(request) : MHD_YES;
    }
    weft_admin_request_join(request);
    if (*size != 0) {
        weft_admin_request_add(request, bytes, *size);
        *size = 0;
        return request->status == 0 ? MHD_YES : MHD_NO; /* more than was announced, or chunks without an end */
    }
    if (request->status == 0 && (request->route->flags & WEFT_ADMIN_WAITS) != 0) {
        if (waiting_start(request)) return MHD_YES;
    } else if (request->status == 0) {
        weft_admin_request_answer(request);
    }
    return reply_send(request);
}

static void request_completed(void *arg, struct MHD_Connection *connection, void **state,
                              enum MHD_RequestTerminationCode code)
{
    (void)arg, (void)connection, (void)code;
    if (*state != NULL) weft_admin_request_free(*state);
    *state = NULL;
}

/* ---- its life ---------------------------------------------------------------------------------------------------- */

static struct weft_admin *admin_new(const struct weft_admin_options *options, int fd)
{
    struct weft_admin *admin = weft_memory_zeroed(1, sizeof *admin);
    admin->routes = options->routes;
    admin->arg = options->arg;
    admin->token = weft_memory_text(options->token);
    admin->port = weft_admin_socket_port(fd);
    pthread_mutex_init(&admin->mutex, NULL);
    pthread_cond_init(&admin->changed, NULL);
    return admin;
}

static void admin_free(struct weft_admin *admin)
{
    pthread_cond_destroy(&admin->changed);
    pthread_mutex_destroy(&admin->mutex);
    if (admin->token != NULL) explicit_bzero(admin->token, strlen(admin->token));
    free(admin->token);
    free(admin);
}

weft_status weft_admin_start(const struct weft_admin_options *options, struct weft_admin **ret_admin,
                             struct weft_fault *ret_fault)
{
    int fd = -1;
    weft_status status = weft_admin_listen(options->listen, &fd, ret_fault);
    if (status != WEFT_OK) return status;
    struct weft_admin *admin = admin_new(options, fd);
    admin->daemon = MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, request_step, admin,
        MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT, (unsigned)ADMIN_CONNECTIONS,
        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)ADMIN_TIMEOUT_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)ADMIN_MEMORY_BYTES, MHD_OPTION_NOTIFY_COMPLETED, request_completed, NULL, MHD_OPTION_END);
    if (admin->daemon != NULL) {
        *ret_admin = admin;
        return WEFT_OK;
    }
    close(fd);
    admin_free(admin);
    return weft_fault_set(ret_fault, WEFT_INTERNAL, "admin.listen %s: the HTTP server did not start", options->listen);
}

uint16_t weft_admin_port(const struct weft_admin *admin)
{
    return admin->port;
}

void weft_admin_stop(struct weft_admin *admin)
{
    if (admin == NULL) return;
    pthread_mutex_lock(&admin->mutex);
    atomic_store_explicit(&admin->ended, true, memory_order_relaxed);
    while (admin->n_waiting != 0) /* each to its deadline at most */
        pthread_cond_wait(&admin->changed, &admin->mutex);
    pthread_mutex_unlock(&admin->mutex);
    MHD_stop_daemon(admin->daemon); /* closes the socket, ends connections, joins the thread */
    admin_free(admin);
}
