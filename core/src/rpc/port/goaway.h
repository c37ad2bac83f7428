/* rpc/port/goaway.h - asks a peer to begin no more calls on a connection, and go elsewhere (RFC 9113, section 6.8).
 *
 * Core sends GOAWAY only from the moment on when it serves no call any more: those that cross with it on the way end
 * CANCELLED, which no client repeats. So ours goes out while calls are still answered. It is written into the
 * connection beside core, which is right only between two of core's own writes, and only without TLS. */
#ifndef WEFT_RPC_GOAWAY_H
#define WEFT_RPC_GOAWAY_H

#include <stdbool.h>

/* The connection's descriptor. False: core may be in the midst of a write, or has not said hello yet; try again. */
bool weft_goaway_send(int fd);

#endif
