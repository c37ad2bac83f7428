/* rpc/port/port.c - bind, accept, count. */
#include "rpc/port/port.h"

#include "base/clock.h"
#include "base/memory.h"
#include "base/thread.h"
#include "observe/log.h"
#include "rpc/port/connections.h"
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX_SOCKETS   8
#define BACKLOG       1024
#define ACCEPT_BATCH  64  /* of one socket before the others get a turn */
#define OUT_OF_FDS_MS 100 /* back-off */

struct weft_rpc_port {
    struct pollfd polled[MAX_SOCKETS + 1]; /* the sockets, then `wake` */
    nfds_t n_sockets;
    int wake;  /* an eventfd: ends the thread */
    int spare; /* a descriptor to accept and close with when all others are in use */
    uint16_t number;
    struct weft_connections *connections;
    pthread_t thread;
    bool started;
    void (*accepted)(void *arg, int fd);
    void *arg;
};

/* ---- binding ----------------------------------------------------------------------------------------------------- */

/* Splits "host:port" into host, without its brackets, "" for every address, and service, as getaddrinfo names it. */
static bool address_split(const char *listen, char host[256], char service[6])
{
    const char *colon = strrchr(listen, ':');
    if (colon == NULL || colon[1] == '\0' || strlen(colon + 1) > 5) return false;
    if (strspn(colon + 1, "0123456789") != strlen(colon + 1) || strtoul(colon + 1, NULL, 10) > 65535) return false;
    size_t size = (size_t)(colon - listen);
    bool bracketed = size >= 2 && listen[0] == '[' && colon[-1] == ']';
    if (!bracketed && memchr(listen, ':', size) != NULL) return false; /* IPv6 wants brackets: where is the port? */
    if (bracketed) listen++, size -= 2;
    if (size >= 256) return false;
    memcpy(host, listen, size);
    host[size] = '\0';
    strcpy(service, colon + 1);
    return true;
}

static void address_set_number(struct addrinfo *address, uint16_t number)
{
    struct sockaddr *any = address->ai_addr;
    if (any->sa_family == AF_INET)
        ((struct sockaddr_in *)(void *)any)->sin_port = htons(number);
    else if (any->sa_family == AF_INET6)
        ((struct sockaddr_in6 *)(void *)any)->sin6_port = htons(number);
}

static uint16_t socket_number(int fd)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } address = { 0 };
    socklen_t size = sizeof address;
    getsockname(fd, &address.any, &size);
    return ntohs(address.any.sa_family == AF_INET6 ? address.v6.sin6_port : address.v4.sin_port);
}

/* A bound socket, or -1 with errno. Restarting must not wait for connections of the process before: SO_REUSEADDR. A
 * port that somebody listens on stays an error. */
static int socket_bind(const struct addrinfo *address)
{
    const int on = 1;
    int fd = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (address->ai_family == AF_INET6) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    if (bind(fd, address->ai_addr, address->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0) return fd;
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

static weft_status port_bind(struct weft_rpc_port *port, const char *listen, struct addrinfo *addresses,
                             struct weft_fault *ret_fault)
{
    int error = EADDRNOTAVAIL;
    for (struct addrinfo *address = addresses; address != NULL; address = address->ai_next) {
        if (port->n_sockets == MAX_SOCKETS) break;
        if (port->n_sockets > 0) address_set_number(address, port->number); /* the one that port 0 became */
        int fd = socket_bind(address);
        if (fd < 0) {
            error = errno;
            if (error == EADDRINUSE) break;
            continue; /* a family that this machine has not, as a rule */
        }
        port->polled[port->n_sockets++] = (struct pollfd){ .fd = fd, .events = POLLIN };
        port->number = socket_number(fd);
    }
    if (port->n_sockets > 0 && error != EADDRINUSE) return WEFT_OK;
    const char *hint = error == EADDRINUSE ? "; another process listens there: end it or choose another port" : "";
    return weft_fault_set(ret_fault, WEFT_UNAVAILABLE, "cannot listen on %s: %s%s", listen, strerror(error), hint);
}

static weft_status port_open(struct weft_rpc_port *port, const char *listen, struct weft_fault *ret_fault)
{
    char host[256], service[6];
    const struct addrinfo hints = { .ai_flags = AI_PASSIVE | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM };
    struct addrinfo *addresses;
    if (!address_split(listen, host, service))
        return weft_fault_set(ret_fault, WEFT_INVALID_ARGUMENT,
                              "'%s' is no address to listen on; want host:port, for example 0.0.0.0:50051", listen);
    int rc = getaddrinfo(host[0] != '\0' ? host : NULL, service, &hints, &addresses);
    if (rc != 0)
        return weft_fault_set(ret_fault, WEFT_UNAVAILABLE, "cannot listen on %s: %s", listen, gai_strerror(rc));
    weft_status status = port_bind(port, listen, addresses, ret_fault);
    freeaddrinfo(addresses);
    return status;
}

weft_status weft_rpc_port_new(const char *listen, uint32_t max_connections, struct weft_rpc_port **ret_port,
                              struct weft_fault *ret_fault)
{
    struct weft_rpc_port *port = weft_memory_zeroed(1, sizeof *port);
    port->connections = weft_connections_new(max_connections);
    port->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    port->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
    weft_status status = port_open(port, listen, ret_fault);
    port->polled[port->n_sockets] = (struct pollfd){ .fd = port->wake, .events = POLLIN };
    if (status == WEFT_OK)
        *ret_port = port;
    else
        weft_rpc_port_free(port);
    return status;
}

uint16_t weft_rpc_port_number(const struct weft_rpc_port *port)
{
    return port->number;
}

/* ---- accepting --------------------------------------------------------------------------------------------------- */

/* All descriptors are in use. With the spare one the connection is taken and closed, so that the peer knows. */
static void port_shed(struct weft_rpc_port *port, int socket)
{
    weft_log_limited("rpc.descriptors", WEFT_LOG_ERROR, "rpc", NULL,
                     "out of file descriptors: connections are turned away; raise the limit (ulimit -n)");
    if (port->spare >= 0) close(port->spare);
    int fd = accept4(socket, NULL, NULL, SOCK_CLOEXEC);
    if (fd >= 0) close(fd);
    port->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
    poll(&port->polled[port->n_sockets], 1, OUT_OF_FDS_MS);
}

static void port_take(struct weft_rpc_port *port, int fd, const struct sockaddr_storage *from)
{
    const int on = 1;
    if (!weft_connections_add(port->connections, fd, from)) {
        weft_log_limited("rpc.connections", WEFT_LOG_WARN, "rpc", NULL,
                         "too many connections, or too many from one address: one is turned away");
        close(fd);
        return;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); /* an answer must not wait for the next */
    port->accepted(port->arg, fd);
}

static void port_accept(struct weft_rpc_port *port, int socket)
{
    for (int i = 0; i < ACCEPT_BATCH; i++) {
        struct sockaddr_storage from = { 0 };
        socklen_t size = sizeof from;
        int fd = accept4(socket, (struct sockaddr *)&from, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            port_take(port, fd, &from);
            continue;
        }
        if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) port_shed(port, socket);
        if (errno != ECONNABORTED && errno != EINTR) return;
    }
}

static void *port_main(void *arg)
{
    struct weft_rpc_port *port = arg;
    struct pollfd *wake = &port->polled[port->n_sockets];
    while (wake->revents == 0) {
        if (poll(port->polled, port->n_sockets + 1, -1) < 0) continue;
        for (nfds_t i = 0; i < port->n_sockets && wake->revents == 0; i++)
            if (port->polled[i].revents != 0) port_accept(port, port->polled[i].fd);
    }
    return NULL;
}

weft_status weft_rpc_port_start(struct weft_rpc_port *port, void (*accepted)(void *arg, int fd), void *arg,
                                struct weft_fault *ret_fault)
{
    port->accepted = accepted;
    port->arg = arg;
    int rc = weft_thread_start(&port->thread, port_main, port);
    if (rc != 0)
        return weft_fault_set(ret_fault, WEFT_UNAVAILABLE, "cannot start the accepting thread: %s", strerror(rc));
    pthread_setname_np(port->thread, "weft-rpc-port");
    port->started = true;
    return WEFT_OK;
}

void weft_rpc_port_stop(struct weft_rpc_port *port)
{
    if (port == NULL) return;
    const uint64_t one = 1;
    if (port->started && write(port->wake, &one, sizeof one) == sizeof one) pthread_join(port->thread, NULL);
    port->started = false;
    for (; port->n_sockets > 0; port->n_sockets--)
        close(port->polled[port->n_sockets - 1].fd);
}

uint32_t weft_rpc_port_goaway(struct weft_rpc_port *port, uint32_t *ret_untold)
{
    return weft_connections_goaway(port->connections, ret_untold);
}

void weft_rpc_port_free(struct weft_rpc_port *port)
{
    if (port == NULL) return;
    weft_rpc_port_stop(port);
    if (port->wake >= 0) close(port->wake);
    if (port->spare >= 0) close(port->spare);
    weft_connections_free(port->connections);
    free(port);
}
