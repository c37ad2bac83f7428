/* rpc/port/connections.c - a table by descriptor. A socket's inode names it for its lifetime. */
#include "rpc/port/connections.h"

#include "base/memory.h"
#include "rpc/port/goaway.h"
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

struct connection {
    ino_t inode; /* 0: none */
    struct in6_addr from;
    bool told; /* to go away */
};

struct weft_connections {
    uint32_t max, n_open; /* n_open: as far as we know */
    size_t n_fds;
    struct connection *by_fd;
};

struct weft_connections *weft_connections_new(uint32_t max)
{
    struct weft_connections *connections = weft_memory_zeroed(1, sizeof *connections);
    struct rlimit limit;
    connections->max = max;
    /* A quarter is left for files, stores and brokers. */
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur / 4 * 3 < max)
        connections->max = (uint32_t)(limit.rlim_cur / 4 * 3);
    return connections;
}

void weft_connections_free(struct weft_connections *connections)
{
    free(connections->by_fd);
    free(connections);
}

static ino_t socket_inode(size_t fd)
{
    struct stat status;
    return fstat((int)fd, &status) == 0 && S_ISSOCK(status.st_mode) ? status.st_ino : 0;
}

/* IPv4 as its mapped IPv6 address; of IPv6 the /64, which is one site's as a rule. */
static struct in6_addr address_key(const struct sockaddr_storage *from)
{
    struct in6_addr key = { 0 };
    if (from->ss_family == AF_INET)
        memcpy(&key.s6_addr[12], &((const struct sockaddr_in *)from)->sin_addr, 4);
    else if (from->ss_family == AF_INET6)
        memcpy(&key, &((const struct sockaddr_in6 *)from)->sin6_addr, 8);
    return key;
}

/* Drops those that are gone; returns how many of the rest are from this address. */
static uint32_t connections_sweep(struct weft_connections *connections, struct in6_addr from)
{
    uint32_t n_from = 0;
    for (size_t fd = 0; fd < connections->n_fds; fd++) {
        struct connection *each = &connections->by_fd[fd];
        if (each->inode == 0) continue;
        if (socket_inode(fd) != each->inode) {
            each->inode = 0;
            connections->n_open--;
        } else if (memcmp(&each->from, &from, sizeof from) == 0)
            n_from++;
    }
    return n_from;
}

static struct connection *connection_of(struct weft_connections *connections, size_t fd)
{
    if (fd >= connections->n_fds) {
        size_t n_fds = fd + 64;
        connections->by_fd = weft_memory_resize(connections->by_fd, n_fds * sizeof connections->by_fd[0]);
        memset(connections->by_fd + connections->n_fds, 0, (n_fds - connections->n_fds) * sizeof connections->by_fd[0]);
        connections->n_fds = n_fds;
    }
    return &connections->by_fd[fd];
}

bool weft_connections_add(struct weft_connections *connections, int fd, const struct sockaddr_storage *from)
{
    struct connection *connection = connection_of(connections, (size_t)fd);
    const struct in6_addr key = address_key(from);
    if (connection->inode != 0) { /* its descriptor is used again */
        connection->inode = 0;
        connections->n_open--;
    }
    /* The table is looked through only when it may be half full. */
    uint32_t n_from = connections->n_open < connections->max / 2 ? 0 : connections_sweep(connections, key);
    if (connections->n_open >= connections->max || n_from >= connections->max / 2) return false;
    connections->n_open++;
    *connection = (struct connection){ socket_inode((size_t)fd), key, false };
    return true;
}

/* Core may close a descriptor at any time, and somebody else get its number: a copy is checked to be the connection,
 * and stays it until it is closed. */
static int connection_hold(const struct connection *connection, size_t fd)
{
    int held = fcntl((int)fd, F_DUPFD_CLOEXEC, 0);
    if (held < 0 || socket_inode((size_t)held) == connection->inode) return held;
    close(held);
    return -1;
}

uint32_t weft_connections_goaway(struct weft_connections *connections, uint32_t *ret_untold)
{
    uint32_t n_open = 0;
    *ret_untold = 0;
    for (size_t fd = 0; fd < connections->n_fds; fd++) {
        struct connection *connection = &connections->by_fd[fd];
        int held = connection->inode != 0 ? connection_hold(connection, fd) : -1;
        if (held < 0) continue;
        connection->told = connection->told || weft_goaway_send(held);
        close(held);
        n_open++;
        *ret_untold += connection->told ? 0 : 1;
    }
    return n_open;
}
