/* link.c - a socket with deadlines, and hiredis' parser behind it.
 *
 * hiredis' own I/O is not used: it writes without MSG_NOSIGNAL, and a plugin must not leave the host to a SIGPIPE.
 *
 * The socket blocks, with SO_RCVTIMEO and SO_SNDTIMEO as its deadline. So a round trip is two system calls, send and
 * recv, where a non-blocking socket takes a third to wait. The time-outs are set again only if they are more than a
 * tenth off; calls of one kind mostly come with the same time. */
#include "link.h"

#include "clock.h"
#include "error.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define CHUNK_SIZE (16 * 1024)
#define REPLY_MAX  (64u << 20) /* bytes of one reply: eight times the largest value */

static int32_t link_timed_out(const struct link *link, const char *doing, struct weft_error *ret_error)
{
    return error_set(ret_error, WEFT_RC_TIMEOUT, "redis %s: %s took longer than the deadline",
                     address_name(link->address), doing);
}

static int32_t link_broke(const struct link *link, const char *doing, const char *why, struct weft_error *ret_error)
{
    return error_set(ret_error, WEFT_RC_UNAVAILABLE, "redis %s: %s: %s", address_name(link->address), doing, why);
}

/* ---- connecting -------------------------------------------------------------------------------------------------- */

/* The error of a connect that was started; ETIMEDOUT after `timeout_ns`. */
static int connect_wait(int fd, uint64_t timeout_ns)
{
    struct timespec left = clock_timespec(timeout_ns);
    struct pollfd waiting = { .fd = fd, .events = POLLOUT };
    int ready, failed = 0;
    do
        ready = ppoll(&waiting, 1, &left, NULL);
    while (ready < 0 && errno == EINTR);
    if (ready <= 0) return ready == 0 ? ETIMEDOUT : errno;
    socklen_t size = sizeof failed;
    getsockopt(fd, SOL_SOCKET, SO_ERROR, &failed, &size);
    return failed;
}

/* A connected, blocking socket, or -1 with errno. */
static int socket_connect(const struct addrinfo *to, uint64_t timeout_ns)
{
    int fd = socket(to->ai_family, to->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, to->ai_protocol);
    if (fd < 0) return -1;
    int failed = connect(fd, to->ai_addr, to->ai_addrlen) == 0 ? 0 : errno;
    if (failed == EINPROGRESS) failed = connect_wait(fd, timeout_ns);
    if (failed != 0) {
        close(fd);
        errno = failed;
        return -1;
    }
    int on = 1, blocking = 0;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    ioctl(fd, FIONBIO, &blocking);
    return fd;
}

/* Tries one address after the other; each may take its share of the time that is left. */
static int list_connect(const struct addrinfo *list, uint64_t deadline_ns)
{
    unsigned n = 0;
    int fd = -1;
    for (const struct addrinfo *at = list; at != NULL; at = at->ai_next)
        n++;
    errno = ETIMEDOUT;
    for (const struct addrinfo *at = list; at != NULL && fd < 0; at = at->ai_next, n--) {
        uint64_t now_ns = clock_now_ns();
        if (now_ns >= deadline_ns) break;
        fd = socket_connect(at, (deadline_ns - now_ns) / n);
    }
    return fd;
}

int32_t link_connect(struct link *link, uint64_t deadline_ns, struct weft_error *ret_error)
{
    struct addrinfo *list;
    int32_t rc = address_find(link->address, deadline_ns, &list, ret_error);
    if (rc != WEFT_RC_OK) return rc;
    link->fd = list_connect(list, deadline_ns);
    int failed = errno;
    freeaddrinfo(list);
    link->timeout_ns = 0;
    if (link->fd < 0) {
        if (failed == ETIMEDOUT) return link_timed_out(link, "connecting", ret_error);
        char why[128];
        return link_broke(link, "connecting", strerror_r(failed, why, sizeof why), ret_error);
    }
    link->reader = redisReaderCreate();
    if (link->reader != NULL) return WEFT_RC_OK;
    link_close(link);
    return link_broke(link, "connecting", "out of memory", ret_error);
}

void link_close(struct link *link)
{
    if (link->fd >= 0) close(link->fd);
    if (link->reader != NULL) redisReaderFree(link->reader);
    link->fd = -1;
    link->reader = NULL;
}

/* ---- sending and receiving --------------------------------------------------------------------------------------- */

/* Sees to it that the next call on the socket ends by the deadline, give or take a tenth. false: it has passed. */
static bool link_set_timeout(struct link *link, uint64_t deadline_ns)
{
    uint64_t now_ns = clock_now_ns();
    if (now_ns >= deadline_ns) return false;
    uint64_t left_ns = deadline_ns - now_ns;
    if (left_ns < 1000) left_ns = 1000; /* zero microseconds would be for ever */
    uint64_t slack_ns = left_ns / 10;
    if (link->timeout_ns + slack_ns >= left_ns && link->timeout_ns <= left_ns + slack_ns) return true;
    struct timeval timeout = { .tv_sec = (time_t)(left_ns / SECOND_NS),
                               .tv_usec = (suseconds_t)(left_ns % SECOND_NS / 1000) };
    setsockopt(link->fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
    setsockopt(link->fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout);
    link->timeout_ns = left_ns;
    return true;
}

int32_t link_send(struct link *link, const char *bytes, size_t size, uint64_t deadline_ns, struct weft_error *ret_error)
{
    while (size != 0) {
        if (!link_set_timeout(link, deadline_ns)) return link_timed_out(link, "sending", ret_error);
        ssize_t sent = send(link->fd, bytes, size, MSG_NOSIGNAL);
        if (sent >= 0) {
            bytes += sent;
            size -= (size_t)sent;
        } else if (errno != EINTR && errno != EAGAIN) { /* EAGAIN: the time-out; the clock decides above */
            char why[128];
            return link_broke(link, "sending", strerror_r(errno, why, sizeof why), ret_error);
        }
    }
    return WEFT_RC_OK;
}

/* Some bytes for the parser. */
static int32_t link_read(struct link *link, uint64_t deadline_ns, struct weft_error *ret_error)
{
    char chunk[CHUNK_SIZE], why[128];
    ssize_t got;
    do {
        if (!link_set_timeout(link, deadline_ns)) return link_timed_out(link, "the answer", ret_error);
        got = recv(link->fd, chunk, sizeof chunk, 0);
    } while (got < 0 && (errno == EINTR || errno == EAGAIN));
    if (got < 0) return link_broke(link, "the answer", strerror_r(errno, why, sizeof why), ret_error);
    if (got == 0) return link_broke(link, "the answer", "the server closed the connection", ret_error);
    if (redisReaderFeed(link->reader, chunk, (size_t)got) != REDIS_OK)
        return link_broke(link, "the answer", link->reader->errstr, ret_error);
    if (link->reader->len - link->reader->pos > REPLY_MAX)
        return link_broke(link, "the answer", "it is larger than 64 MiB", ret_error);
    return WEFT_RC_OK;
}

int32_t link_receive(struct link *link, redisReply **ret_reply, uint64_t deadline_ns, struct weft_error *ret_error)
{
    void *reply = NULL;
    for (;;) {
        if (redisReaderGetReply(link->reader, &reply) != REDIS_OK)
            return link_broke(link, "the answer is not Redis' protocol", link->reader->errstr, ret_error);
        if (reply != NULL) break;
        int32_t rc = link_read(link, deadline_ns, ret_error);
        if (rc != WEFT_RC_OK) return rc;
    }
    *ret_reply = reply;
    return WEFT_RC_OK;
}

bool link_is_even(const struct link *link)
{
    return link->reader->pos == link->reader->len;
}
