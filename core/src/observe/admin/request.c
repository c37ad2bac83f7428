/* observe/admin/request.c - from a method and a path to a reply: route, token, parameters, body, handler. */
#include "observe/admin/request.h"

#include "base/clock.h"
#include "base/memory.h"
#include "observe/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { REQUEST_TIME_MS = 1000, REQUEST_AUDIT = 256 };

unsigned weft_admin_refuse(struct weft_buffer *body, unsigned status, const char *format, ...)
{
    struct weft_buffer text __attribute__((cleanup(weft_buffer_free))) = WEFT_BUFFER_EMPTY;
    va_list args;
    va_start(args, format);
    weft_buffer_vformat(&text, format, args);
    va_end(args);
    body->size = 0;
    weft_buffer_text(body, "{\"error\":");
    weft_buffer_json(body, text.data, text.size);
    weft_buffer_text(body, "}\n");
    return status;
}

/* ---- routes ------------------------------------------------------------------------------------------------------ */

/* All there is, for who has lost their way. */
static void routes_list(const struct weft_admin *admin, struct weft_buffer *body)
{
    weft_buffer_text(body, "{\"error\":\"no such page\",\"pages\":[");
    for (const struct weft_admin_route *route = admin->routes; route->path != NULL; route++)
        weft_buffer_format(body, "%s\"%s %s\"", route != admin->routes ? "," : "", route->method, route->path);
    weft_buffer_text(body, "]}\n");
}

static bool method_fits(const struct weft_admin_route *route, const char *method)
{
    return strcmp(route->method, method) == 0 || (strcmp(route->method, "GET") == 0 && strcmp(method, "HEAD") == 0);
}

static void route_find(struct weft_admin_request *request)
{
    const char *other = NULL; /* a method that the path does answer */
    for (const struct weft_admin_route *route = request->admin->routes; route->path != NULL; route++) {
        if (strcmp(route->path, request->path) != 0) continue;
        if (method_fits(route, request->method)) {
            request->route = route;
            return;
        }
        other = route->method;
    }
    if (other != NULL) {
        request->status = weft_admin_refuse(&request->reply, MHD_HTTP_METHOD_NOT_ALLOWED, "%s answers %s, not %.16s",
                                            request->path, other, request->method);
        return;
    }
    routes_list(request->admin, &request->reply);
    request->status = MHD_HTTP_NOT_FOUND;
}

/* ---- token ------------------------------------------------------------------------------------------------------- */

/* How long it takes says nothing of the token but its length. */
static bool token_fits(const char *token, const char *given)
{
    size_t size = strlen(token);
    if (strlen(given) != size) return false;
    volatile unsigned differs = 0; /* volatile: the loop has no early end */
    for (size_t i = 0; i < size; i++)
        differs |= (unsigned char)token[i] ^ (unsigned char)given[i];
    return differs == 0;
}

static void token_check(struct weft_admin_request *request)
{
    static const char scheme[] = "Bearer ";
    const char *given = MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, "Authorization");
    const char *token = request->admin->token;
    bool bearer = given != NULL && strncmp(given, scheme, sizeof scheme - 1) == 0;
    if (token != NULL && bearer && token_fits(token, given + sizeof scheme - 1)) return;
    request->status = weft_admin_refuse(
        &request->reply, MHD_HTTP_UNAUTHORIZED, "%s: %s", request->path,
        token == NULL ? "this host has no admin.token (WEFT_ADMIN_TOKEN), so nobody may"
        : given == NULL
            ? "wants the header 'Authorization: Bearer <admin.token>'; the token is set by WEFT_ADMIN_TOKEN, "
              "else it stands in admin.token in the host's data_dir"
            : "this is not the host's admin.token");
    weft_log_limited("admin.token", WEFT_LOG_WARN, "admin", NULL, "%s %s from %s refused: no valid token",
                     request->method, request->path, request->from);
}

/* ---- parameters -------------------------------------------------------------------------------------------------- */

/* The name's place in the route's list, -1: not in it. */
static int parameter_index(const struct weft_admin_route *route, const char *name)
{
    size_t size = strlen(name);
    int index = 0;
    for (const char *at = route->parameters; at != NULL && *at != '\0' && index < WEFT_ADMIN_PARAMETERS; index++) {
        size_t length = strcspn(at, " ");
        if (length == size && memcmp(at, name, size) == 0) return index;
        at += length + (at[length] == ' ');
    }
    return -1;
}

static enum MHD_Result parameter_keep(void *arg, enum MHD_ValueKind kind, const char *name, const char *value)
{
    (void)kind;
    struct weft_admin_request *request = arg;
    int index = parameter_index(request->route, name);
    if (index >= 0)
        request->values[index] = value != NULL ? value : "";
    else
        request->unknown = name;
    return MHD_YES;
}

static void parameters_check(struct weft_admin_request *request)
{
    const struct weft_admin_route *route = request->route;
    MHD_get_connection_values(request->connection, MHD_GET_ARGUMENT_KIND, parameter_keep, request);
    if (request->unknown != NULL)
        request->status =
            weft_admin_refuse(&request->reply, MHD_HTTP_BAD_REQUEST, "%s has no parameter '%.64s'; it has: %s",
                              request->path, request->unknown, route->parameters != NULL ? route->parameters : "none");
}

const char *weft_admin_parameter(const struct weft_admin_request *request, const char *name)
{
    int index = parameter_index(request->route, name);
    return index >= 0 ? request->values[index] : NULL;
}

/* ---- body -------------------------------------------------------------------------------------------------------- */

static void body_refuse(struct weft_admin_request *request)
{
    request->status = weft_admin_refuse(&request->reply, MHD_HTTP_CONTENT_TOO_LARGE,
                                        "%s takes a body of at most %u bytes", request->path, request->route->max_body);
}

static void length_check(struct weft_admin_request *request)
{
    const char *length = MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, "Content-Length");
    if (length != NULL && strtoull(length, NULL, 10) > request->route->max_body) body_refuse(request);
}

void weft_admin_request_add(struct weft_admin_request *request, const char *bytes, size_t size)
{
    if (request->status != 0) return;
    if (request->body.size + size > request->route->max_body)
        body_refuse(request);
    else
        weft_buffer_add(&request->body, bytes, size);
}

/* ---- the request ------------------------------------------------------------------------------------------------- */

struct weft_admin_request *weft_admin_request_new(struct weft_admin *admin, struct MHD_Connection *connection,
                                                  const char *method, const char *path)
{
    struct weft_admin_request *request = weft_memory_zeroed(1, sizeof *request);
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    request->admin = admin;
    request->connection = connection;
    request->method = method;
    request->path = path;
    weft_admin_address_text(info != NULL ? info->client_addr : NULL, request->from);
    route_find(request);
    if (request->status == 0 && (request->route->flags & WEFT_ADMIN_TOKEN) != 0) token_check(request);
    if (request->status == 0) parameters_check(request);
    if (request->status == 0) length_check(request);
    return request;
}

void weft_admin_request_join(struct weft_admin_request *request)
{
    if (request->has_thread) pthread_join(request->thread, NULL);
    request->has_thread = false;
}

void weft_admin_request_free(struct weft_admin_request *request)
{
    weft_admin_request_join(request);
    weft_buffer_free(&request->body);
    weft_buffer_free(&request->reply);
    free(request);
}

static void request_audit(const struct weft_admin_request *request)
{
    char query[REQUEST_AUDIT] = "";
    size_t used = 0;
    const char *name = request->route->parameters;
    for (size_t i = 0; i < WEFT_ADMIN_PARAMETERS && name != NULL && *name != '\0'; i++) {
        size_t length = strcspn(name, " ");
        if (request->values[i] != NULL && used < sizeof query)
            used += (size_t)snprintf(query + used, sizeof query - used, "%c%.*s=%s", used == 0 ? '?' : '&', (int)length,
                                     name, request->values[i]);
        name += length + (name[length] == ' ');
    }
    weft_log_audit("admin", "%s %s%s from %s: %u", request->method, request->path, query, request->from,
                   request->status);
}

void weft_admin_request_answer(struct weft_admin_request *request)
{
    const struct weft_admin_route *route = request->route;
    uint32_t time_ms = route->time_ms != 0 ? route->time_ms : REQUEST_TIME_MS;
    request->deadline_ns = weft_clock_ns() + time_ms * WEFT_MS;
    request->status = route->answer(request->admin->arg, request, &request->reply);
    if ((route->flags & WEFT_ADMIN_ACT) != 0) request_audit(request);
}

const char *weft_admin_body(const struct weft_admin_request *request, size_t *ret_size)
{
    *ret_size = request->body.size;
    return request->body.data != NULL ? request->body.data : "";
}

const char *weft_admin_from(const struct weft_admin_request *request)
{
    return request->from;
}

uint64_t weft_admin_deadline(const struct weft_admin_request *request)
{
    return request->deadline_ns;
}

bool weft_admin_ended(const struct weft_admin_request *request)
{
    return atomic_load_explicit(&request->admin->ended, memory_order_relaxed);
}
