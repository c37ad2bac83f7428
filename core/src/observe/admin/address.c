/* observe/admin/address.c - getaddrinfo, bind, listen, with errors that name the setting. */
#include "observe/admin/address.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ADDRESS_BACKLOG = 64 };

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
    if (bind(fd, address->ai_addr, address->ai_addrlen) == 0 && listen(fd, ADDRESS_BACKLOG) == 0) return fd;
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

weft_status weft_admin_listen(const char *listen, int *ret_fd, struct weft_fault *ret_fault)
{
    char host[256], port[8];
    weft_status status = address_split(listen, host, port, ret_fault);
    if (status != WEFT_OK) return status;
    struct addrinfo hints = { .ai_flags = AI_PASSIVE | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM }, *addresses;
    int failed = getaddrinfo(host[0] != '\0' ? host : NULL, port, &hints, &addresses);
    if (failed != 0)
        return weft_fault_set(ret_fault, WEFT_INVALID_ARGUMENT, "admin.listen '%.200s': %s", listen,
                              gai_strerror(failed));
    *ret_fd = socket_bind(addresses);
    int error = errno;
    freeaddrinfo(addresses);
    if (*ret_fd >= 0) return WEFT_OK;
    return weft_fault_set(ret_fault, WEFT_UNAVAILABLE,
                          "admin.listen %s: %s; set admin.listen (WEFT_ADMIN_LISTEN) to another or off", listen,
                          error == EADDRINUSE ? "the port is taken" : strerror(error));
}

static socklen_t address_size(const struct sockaddr *address)
{
    return address->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
}

uint16_t weft_admin_socket_port(int fd)
{
    struct sockaddr_storage address;
    socklen_t size = sizeof address;
    char port[8];
    if (getsockname(fd, (struct sockaddr *)&address, &size) != 0) return 0;
    if (getnameinfo((struct sockaddr *)&address, size, NULL, 0, port, sizeof port, NI_NUMERICSERV) != 0) return 0;
    return (uint16_t)atoi(port);
}

const char *weft_admin_address_text(const struct sockaddr *address, char ret_text[WEFT_ADMIN_ADDRESS])
{
    char host[WEFT_ADMIN_ADDRESS - 10] = "?", port[8] = "?";
    if (address != NULL)
        getnameinfo(address, address_size(address), host, sizeof host, port, sizeof port,
                    NI_NUMERICHOST | NI_NUMERICSERV);
    snprintf(ret_text, WEFT_ADMIN_ADDRESS, strchr(host, ':') != NULL ? "[%s]:%s" : "%s:%s", host, port);
    return ret_text;
}
