/* rpc/port/goaway.c - one frame, between two writes of core. */
#include "rpc/port/goaway.h"

#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

/* No error; streams that the peer has begun, whatever their number, go on. */
static const unsigned char frame[] = {
    0,    0,    8,          /* length */
    7,    0,                /* type GOAWAY, no flags */
    0,    0,    0,    0,    /* the connection */
    0x7f, 0xff, 0xff, 0xff, /* last stream */
    0,    0,    0,    0     /* NO_ERROR */
};

enum { HELLO_BYTES = 9 }; /* an empty SETTINGS frame, which has to be the first */

static bool has_said_hello(int fd)
{
    struct tcp_info info;
    socklen_t size = sizeof info;
    memset(&info, 0, sizeof info);
    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return false;
    return size >= offsetof(struct tcp_info, tcpi_bytes_sent) + sizeof info.tcpi_bytes_sent &&
           info.tcpi_bytes_sent >= HELLO_BYTES;
}

/* Core writes again what did not fit into the socket's buffer at once. With an empty buffer there is nothing of that.
 */
static bool has_sent_all(int fd)
{
    int waiting = 0;
    return ioctl(fd, SIOCOUTQ, &waiting) == 0 && waiting == 0;
}

bool weft_goaway_send(int fd)
{
    if (!has_said_hello(fd) || !has_sent_all(fd)) return false;
    return send(fd, frame, sizeof frame, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)sizeof frame;
}
