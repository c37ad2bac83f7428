/* rpc/port/connections.h - which connections are open, for their limits. Core closes them without a word, so the table
 * finds out for itself: a descriptor that is no longer the same socket is gone. The listener's thread. */
#ifndef WEFT_RPC_CONNECTIONS_H
#define WEFT_RPC_CONNECTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

struct weft_connections;

/* At most `max`, and at most half of that from one address; bounded by the process' limit of descriptors. */
struct weft_connections *weft_connections_new(uint32_t max);
void weft_connections_free(struct weft_connections *connections);

/* Counts a connection just accepted; false: it is one too many. */
bool weft_connections_add(struct weft_connections *connections, int fd, const struct sockaddr_storage *from);

/* Once nothing is accepted any more: sends GOAWAY to those that have not had it. Returns how many are open, and how
 * many of them could not be told yet. The thread that stopped the listener's. */
uint32_t weft_connections_goaway(struct weft_connections *connections, uint32_t *ret_untold);

#endif
