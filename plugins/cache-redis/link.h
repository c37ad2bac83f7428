/* link.h - one connection to the server: bytes out, replies in, all to a deadline. One thread at a time.
 *
 * A link that failed is to be closed: an answer that comes too late must not be taken for the next one's. */
#ifndef CACHE_REDIS_LINK_H
#define CACHE_REDIS_LINK_H

#include "address.h"

#include <hiredis.h>
#include <stdbool.h>
#include <stddef.h>

struct link {
    struct address *address;
    int fd; /* -1: not connected */
    redisReader *reader;
    uint64_t timeout_ns; /* that the socket has now */
};

static inline bool link_connected(const struct link *link)
{
    return link->fd >= 0;
}

int32_t link_connect(struct link *link, uint64_t deadline_ns, struct weft_error *ret_error);
void link_close(struct link *link);
/* OK, TIMEOUT or UNAVAILABLE. */
int32_t link_send(struct link *link, const char *bytes, size_t size, uint64_t deadline_ns,
                  struct weft_error *ret_error);
int32_t link_receive(struct link *link, redisReply **ret_reply, uint64_t deadline_ns, struct weft_error *ret_error);
/* Has all that came been taken? If not, the two sides do not agree on whose answer is whose. */
bool link_is_even(const struct link *link);

#endif
