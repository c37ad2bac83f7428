/* command/admin/client.c - as much of HTTP as a question to our own admin server needs: HTTP/1.0, one request a
 * connection, the reply ends with it. */
#include "command/admin/client.h"

#include "base/clock.h"
#include "event/object.h"
#include "observe/admin/token.h"

#include <ctype.h>
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { REPLY_MAX = 64 << 20, REPLY_CHUNK = 16 * 1024, ERROR_ARENA = 1024 };

/* ---- whom -------------------------------------------------------------------------------------------------------- */

/* Where a host that listens everywhere is reached from here. */
static const char *address_local(const struct weft_command_line *line, const char *listen)
{
    static const char *const everywhere[] = { "0.0.0.0:", "[::]:", "*:", ":" };
    for (size_t i = 0; i < sizeof everywhere / sizeof *everywhere; i++)
        if (strncmp(listen, everywhere[i], strlen(everywhere[i])) == 0)
            return weft_arena_format(line->arena, "127.0.0.1:%s", listen + strlen(everywhere[i]));
    return listen;
}

weft_status weft_admin_hosts(const struct weft_command_line *line, const struct weft_config *config,
                             struct weft_admin_host *ret_hosts, size_t *ret_n, struct weft_fault *ret_fault)
{
    const char *listen = weft_config_text(config, "admin.listen");
    char *made = weft_arena_alloc(line->arena, WEFT_TOKEN_SIZE);
    const char *token = weft_arena_strdup(line->arena, weft_config_text(config, "admin.token"));
    struct weft_fault ignored = { 0 };
    if (token == NULL && weft_token_read(weft_config_text(config, "data_dir"), made, &ignored) == WEFT_OK) token = made;
    *ret_n = line->admins.n;
    for (size_t i = 0; i < line->admins.n; i++)
        ret_hosts[i] = (struct weft_admin_host){ line->admins.list[i], token };
    if (*ret_n > 0) return WEFT_OK;
    if (strcmp(listen, "off") == 0)
        return weft_fault_set(ret_fault, WEFT_INVALID_ARGUMENT,
                              "admin.listen is off, so there is no host to ask; name one by --admin HOST:PORT");
    ret_hosts[(*ret_n)++] =
        (struct weft_admin_host){ address_local(line, weft_arena_strdup(line->arena, listen)), token };
    return WEFT_OK;
}

/* ---- the connection ---------------------------------------------------------------------------------------------- */

static void fd_close(const int *fd)
{
    if (*fd >= 0) close(*fd);
}

static weft_status late(const struct weft_admin_host *host, struct weft_fault *fault)
{
    return weft_fault_set(fault, WEFT_DEADLINE_EXCEEDED, "%s did not answer in time", host->address);
}

static weft_status away(const struct weft_admin_host *host, int error, struct weft_fault *fault)
{
    return weft_fault_set(fault, WEFT_UNAVAILABLE,
                          "no host answers at %s: %s; is it running? name another by --admin or admin.listen",
                          host->address, strerror(error));
}

static weft_status fd_await(const struct weft_admin_host *host, int fd, short events, uint64_t deadline_ns,
                            struct weft_fault *fault)
{
    struct pollfd poller = { .fd = fd, .events = events };
    for (;;) {
        uint64_t now = weft_clock_ns();
        if (now >= deadline_ns) return late(host, fault);
        uint64_t left_ms = (deadline_ns - now) / WEFT_MS + 1;
        int n = poll(&poller, 1, left_ms > 60000 ? 60000 : (int)left_ms);
        if (n > 0) return WEFT_OK;
        if (n < 0 && errno != EINTR) return away(host, errno, fault);
    }
}

static weft_status address_find(const struct weft_admin_host *host, struct addrinfo **ret_addresses,
                                struct weft_fault *fault)
{
    char name[256];
    const char *address = strncmp(host->address, "http://", 7) == 0 ? host->address + 7 : host->address;
    const char *colon = strrchr(address, ':');
    size_t length = colon != NULL ? (size_t)(colon - address) : 0;
    if (colon == NULL || length == 0 || length >= sizeof name || !isdigit((unsigned char)colon[1]))
        return weft_fault_set(fault, WEFT_INVALID_ARGUMENT, "'%.200s' is no admin address: want host:port",
                              host->address);
    bool brackets = length >= 2 && address[0] == '[' && address[length - 1] == ']';
    snprintf(name, sizeof name, "%.*s", (int)(brackets ? length - 2 : length), brackets ? address + 1 : address);
    struct addrinfo hints = { .ai_flags = AI_NUMERICSERV, .ai_socktype = SOCK_STREAM };
    int failed = getaddrinfo(name, colon + 1, &hints, ret_addresses);
    if (failed == 0) return WEFT_OK;
    return weft_fault_set(fault, WEFT_UNAVAILABLE, "%s: %s", host->address, gai_strerror(failed));
}

static weft_status address_connect(const struct weft_admin_host *host, const struct addrinfo *address,
                                   uint64_t deadline_ns, int *ret_fd, struct weft_fault *fault)
{
    int error = 0;
    socklen_t size = sizeof error;
    int fd __attribute__((cleanup(fd_close))) =
        socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) return away(host, errno, fault);
    if (connect(fd, address->ai_addr, address->ai_addrlen) != 0 && errno != EINPROGRESS)
        return away(host, errno, fault);
    weft_status status = fd_await(host, fd, POLLOUT, deadline_ns, fault);
    if (status != WEFT_OK) return status;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0 || error != 0) return away(host, error, fault);
    *ret_fd = fd;
    fd = -1;
    return WEFT_OK;
}

/* The first of the name's addresses that answers. */
static weft_status host_connect(const struct weft_admin_host *host, uint64_t deadline_ns, int *ret_fd,
                                struct weft_fault *fault)
{
    struct addrinfo *addresses;
    weft_status status = address_find(host, &addresses, fault);
    if (status != WEFT_OK) return status;
    status = WEFT_UNAVAILABLE;
    for (const struct addrinfo *address = addresses; address != NULL && status == WEFT_UNAVAILABLE;
         address = address->ai_next)
        status = address_connect(host, address, deadline_ns, ret_fd, fault);
    freeaddrinfo(addresses);
    return status;
}

static weft_status bytes_send(const struct weft_admin_host *host, int fd, const struct weft_buffer *bytes,
                              uint64_t deadline_ns, struct weft_fault *fault)
{
    size_t sent = 0;
    while (sent < bytes->size) {
        weft_status status = fd_await(host, fd, POLLOUT, deadline_ns, fault);
        if (status != WEFT_OK) return status;
        ssize_t n = send(fd, bytes->data + sent, bytes->size - sent, MSG_NOSIGNAL);
        /* A server that refuses before it has read the body says why. */
        if (n < 0 && (errno == EPIPE || errno == ECONNRESET)) return WEFT_OK;
        if (n < 0 && errno != EAGAIN && errno != EINTR) return away(host, errno, fault);
        if (n > 0) sent += (size_t)n;
    }
    return WEFT_OK;
}

static weft_status bytes_receive(const struct weft_admin_host *host, int fd, struct weft_buffer *bytes,
                                 uint64_t deadline_ns, struct weft_fault *fault)
{
    char chunk[REPLY_CHUNK];
    for (;;) {
        weft_status status = fd_await(host, fd, POLLIN, deadline_ns, fault);
        if (status != WEFT_OK) return status;
        ssize_t n = recv(fd, chunk, sizeof chunk, 0);
        if (n == 0) return WEFT_OK;
        if (n < 0 && errno == ECONNRESET && bytes->size > 0) return WEFT_OK;
        if (n < 0 && errno != EAGAIN && errno != EINTR) return away(host, errno, fault);
        if (n > 0) weft_buffer_add(bytes, chunk, (size_t)n);
        if (bytes->size > REPLY_MAX)
            return weft_fault_set(fault, WEFT_RESOURCE_EXHAUSTED, "%s answers with more than %d MiB", host->address,
                                  REPLY_MAX >> 20);
    }
}

/* ---- request and reply ------------------------------------------------------------------------------------------- */

static void request_write(const struct weft_admin_host *host, const char *method, const char *target, const char *body,
                          struct weft_buffer *request)
{
    weft_buffer_format(request, "%s %s HTTP/1.0\r\nHost: %s\r\nConnection: close\r\n", method, target, host->address);
    if (host->token != NULL) weft_buffer_format(request, "Authorization: Bearer %s\r\n", host->token);
    if (body != NULL)
        weft_buffer_format(request, "Content-Type: application/json\r\nContent-Length: %zu\r\n", strlen(body));
    weft_buffer_format(request, "\r\n%s", body != NULL ? body : "");
}

static weft_status status_of(unsigned code)
{
    static const struct {
        unsigned code;
        weft_status status;
    } table[] = { { 400, WEFT_INVALID_ARGUMENT }, { 401, WEFT_PERMISSION_DENIED }, { 403, WEFT_PERMISSION_DENIED },
                  { 404, WEFT_NOT_FOUND },        { 405, WEFT_UNIMPLEMENTED },     { 409, WEFT_FAILED_PRECONDITION },
                  { 413, WEFT_INVALID_ARGUMENT }, { 422, WEFT_INVALID_ARGUMENT },  { 429, WEFT_RESOURCE_EXHAUSTED },
                  { 503, WEFT_UNAVAILABLE },      { 504, WEFT_DEADLINE_EXCEEDED } };
    if (code >= 200 && code < 300) return WEFT_OK;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (table[i].code == code) return table[i].status;
    return WEFT_INTERNAL;
}

/* A refusal's body is {"error":"..."}. */
static weft_status refusal_read(const struct weft_admin_host *host, unsigned code, const char *body, size_t size,
                                struct weft_fault *fault)
{
    struct weft_arena *arena = weft_arena_new(ERROR_ARENA);
    struct weft_object object = weft_object_open(body, size);
    struct weft_span name, value;
    const char *text = NULL;
    while (text == NULL && weft_object_next(&object, &name, &value))
        if (name.size == 5 && memcmp(name.text, "error", 5) == 0) text = weft_object_text(arena, value);
    weft_status status =
        text != NULL ? weft_fault_set(fault, status_of(code), "%s: %s", host->address, text)
                     : weft_fault_set(fault, status_of(code), "%s answers with HTTP status %u", host->address, code);
    weft_arena_free(arena);
    return status;
}

static weft_status reply_read(const struct weft_admin_host *host, const struct weft_buffer *reply,
                              struct weft_buffer *ret_body, struct weft_fault *fault)
{
    unsigned code = 0;
    const char *body = reply->data != NULL ? strstr(reply->data, "\r\n\r\n") : NULL;
    if (reply->size == 0) return away(host, ECONNRESET, fault);
    if (body == NULL || sscanf(reply->data, "HTTP/1.%*u %u", &code) != 1)
        return weft_fault_set(fault, WEFT_UNAVAILABLE, "%s does not answer as an admin server of weft", host->address);
    body += 4;
    size_t size = reply->size - (size_t)(body - reply->data);
    if (status_of(code) != WEFT_OK) return refusal_read(host, code, body, size, fault);
    weft_buffer_add(ret_body, body, size);
    return WEFT_OK;
}

weft_status weft_admin_ask(const struct weft_admin_host *host, const char *method, const char *target, const char *body,
                           uint64_t deadline_ns, struct weft_buffer *ret_body, struct weft_fault *ret_fault)
{
    struct weft_buffer request __attribute__((cleanup(weft_buffer_free))) = WEFT_BUFFER_EMPTY;
    struct weft_buffer reply __attribute__((cleanup(weft_buffer_free))) = WEFT_BUFFER_EMPTY;
    int fd __attribute__((cleanup(fd_close))) = -1;
    weft_status status = host_connect(host, deadline_ns, &fd, ret_fault);
    if (status != WEFT_OK) return status;
    request_write(host, method, target, body, &request);
    status = bytes_send(host, fd, &request, deadline_ns, ret_fault);
    if (status == WEFT_OK) status = bytes_receive(host, fd, &reply, deadline_ns, ret_fault);
    if (status == WEFT_OK) status = reply_read(host, &reply, ret_body, ret_fault);
    return status;
}

weft_status weft_admin_ask_one(const struct weft_command_line *line, const char *method, const char *target,
                               const char *body, uint64_t time_ns, struct weft_buffer *ret_body,
                               struct weft_fault *ret_fault)
{
    struct weft_admin_host hosts[WEFT_WORDS_MAX];
    struct weft_config *config = NULL;
    size_t n = 0;
    weft_status status = weft_command_settings(line, &config, ret_fault);
    if (status == WEFT_OK) status = weft_admin_hosts(line, config, hosts, &n, ret_fault);
    weft_config_free(config);
    if (status == WEFT_OK && n > 1)
        status = weft_fault_set(ret_fault, WEFT_INVALID_ARGUMENT, "%zu hosts are named; want one --admin", n);
    return status == WEFT_OK
               ? weft_admin_ask(&hosts[0], method, target, body, weft_clock_ns() + time_ns, ret_body, ret_fault)
               : status;
}

void weft_admin_query(struct weft_buffer *target, const char *name, const char *value)
{
    if (value == NULL) return;
    weft_buffer_format(target, "%c%s=", strchr(target->data, '?') != NULL ? '&' : '?', name);
    for (; *value != '\0'; value++)
        if (isalnum((unsigned char)*value) || strchr("-._~", *value) != NULL)
            weft_buffer_byte(target, *value);
        else
            weft_buffer_format(target, "%%%02X", (unsigned char)*value);
}
