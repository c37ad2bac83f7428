/* observe/admin.c - libmicrohttpd with one thread, bounded: 64 connections, 10 seconds each, GET and HEAD only. */
#include "observe/admin.h"

#include "base/memory.h"

#include <errno.h>
#include <microhttpd.h>
#include <netdb.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ADMIN_CONNECTIONS = 64, ADMIN_TIMEOUT_S = 10, ADMIN_BACKLOG = 64, ADMIN_MEMORY_BYTES = 16 * 1024 };

struct weft_admin {
    const struct weft_admin_page *pages;
    void *arg;
    struct MHD_Daemon *daemon;
    uint16_t port;
};

/* ---- the socket -------------------------------------------------------------------------------------------------- */

/* "host:port", "[v6]:port", ":port" */
static weft_status address_split(const char *listen, char ret_host[256], char ret_port[8], struct weft_fault *fault)
{
    const char *colon = strrchr(listen, ':');
    size_t host = colon != NULL ? (size_t)(colon - listen) : 0;
    if (colon == NULL || host >= 256 || strlen(colon + 1) >= 8 || colon[1] == '\0')
        return weft_fault_set(fault, WEFT_INVALID_ARGUMENT, "admin.listen '%.200s': want host:port or off", listen);
    bool brackets = host >= 2 && listen[0] == '[' && listen[host - 1] == ']';
    snprintf(ret_host, 256, "%.*s", (int)(brackets ? host - 2 : host), brackets ? listen + 1 : listen);
    snprintf(ret_port, 8, "%s", colon + 1);
    return WEFT_OK;
}

static int socket_bind(const struct addrinfo *address)
{
    int on = 1, fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, address->ai_addr, address->ai_addrlen) == 0 && listen(fd, ADMIN_BACKLOG) == 0) return fd;
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

static weft_status socket_open(const char *listen, int *ret_fd, struct weft_fault *fault)
{
    char host[256], port[8];
    weft_status status = address_split(listen, host, port, fault);
    if (status != WEFT_OK) return status;
    struct addrinfo hints = { .ai_flags = AI_PASSIVE | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM }, *addresses;
    int failed = getaddrinfo(host[0] != '\0' ? host : NULL, port, &hints, &addresses);
    if (failed != 0)
        return weft_fault_set(fault, WEFT_INVALID_ARGUMENT, "admin.listen '%.200s': %s", listen, gai_strerror(failed));
    *ret_fd = socket_bind(addresses);
    int error = errno;
    freeaddrinfo(addresses);
    if (*ret_fd >= 0) return WEFT_OK;
    return weft_fault_set(fault, WEFT_UNAVAILABLE,
                          "admin.listen %s: %s; set admin.listen (WEFT_ADMIN_LISTEN) to another or off", listen,
                          error == EADDRINUSE ? "the port is taken" : strerror(error));
}

static uint16_t socket_port(int fd)
{
    struct sockaddr_storage address;
    socklen_t size = sizeof address;
    char port[8];
    if (getsockname(fd, (struct sockaddr *)&address, &size) != 0) return 0;
    if (getnameinfo((struct sockaddr *)&address, size, NULL, 0, port, sizeof port, NI_NUMERICSERV) != 0) return 0;
    return (uint16_t)atoi(port);
}

/* ---- answering ----------------------------------------------------------------------------------------------------
 */

static enum MHD_Result answer_send(struct MHD_Connection *connection, unsigned status, const char *type,
                                   struct weft_buffer *body)
{
    struct MHD_Response *response =
        MHD_create_response_from_buffer(body->size, body->data != NULL ? body->data : "", MHD_RESPMEM_MUST_COPY);
    if (response == NULL) return MHD_NO;
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    enum MHD_Result queued = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return queued;
}

static enum MHD_Result page_answer(void *arg, struct MHD_Connection *connection, const char *url, const char *method,
                                   const char *version, const char *data, size_t *data_size, void **state)
{
    (void)version, (void)data, (void)data_size, (void)state;
    const struct weft_admin *admin = arg;
    const struct weft_admin_page *page = admin->pages;
    struct weft_buffer body __attribute__((cleanup(weft_buffer_free))) = WEFT_BUFFER_EMPTY;
    if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0) {
        weft_buffer_text(&body, "{\"error\":\"only GET and HEAD\"}\n");
        return answer_send(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "application/json", &body);
    }
    while (page->path != NULL && strcmp(page->path, url) != 0)
        page++;
    if (page->path != NULL) {
        unsigned status = page->answer(admin->arg, &body);
        return answer_send(connection, status, page->content_type, &body);
    }
    weft_buffer_text(&body, "{\"error\":\"no such page\",\"pages\":[");
    for (page = admin->pages; page->path != NULL; page++)
        weft_buffer_format(&body, "%s\"%s\"", page != admin->pages ? "," : "", page->path);
    weft_buffer_text(&body, "]}\n");
    return answer_send(connection, MHD_HTTP_NOT_FOUND, "application/json", &body);
}

/* ---- its life -----------------------------------------------------------------------------------------------------
 */

weft_status weft_admin_start(const char *listen, const struct weft_admin_page *pages, void *arg,
                             struct weft_admin **ret_admin, struct weft_fault *ret_fault)
{
    int fd = -1;
    weft_status status = socket_open(listen, &fd, ret_fault);
    if (status != WEFT_OK) return status;
    struct weft_admin *admin = weft_memory_zeroed(1, sizeof *admin);
    admin->pages = pages;
    admin->arg = arg;
    admin->port = socket_port(fd);
    admin->daemon = MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ITC, 0, NULL, NULL, page_answer, admin, MHD_OPTION_LISTEN_SOCKET, fd,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)ADMIN_CONNECTIONS, MHD_OPTION_CONNECTION_TIMEOUT,
        (unsigned)ADMIN_TIMEOUT_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)ADMIN_MEMORY_BYTES, MHD_OPTION_END);
    if (admin->daemon != NULL) {
        *ret_admin = admin;
        return WEFT_OK;
    }
    close(fd);
    free(admin);
    return weft_fault_set(ret_fault, WEFT_INTERNAL, "admin.listen %s: the HTTP server did not start", listen);
}

uint16_t weft_admin_port(const struct weft_admin *admin)
{
    return admin->port;
}

void weft_admin_stop(struct weft_admin *admin)
{
    if (admin == NULL) return;
    MHD_stop_daemon(admin->daemon); /* closes the socket, ends connections, joins the thread */
    free(admin);
}
