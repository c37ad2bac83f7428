/* rpc/port/port.h - the server's port. The accept loop is ours: core's own stops accepting for good once descriptors
 * have run out (CVE-2023-4785, which Debian 12's 1.51 has), knows no limit on connections, and does not say why a port
 * cannot be had. The host's thread. */
#ifndef WEFT_RPC_PORT_H
#define WEFT_RPC_PORT_H

#include "base/fault.h"
#include <stdint.h>

struct weft_rpc_port;

/* Binds "host:port" ("[::1]:50051"; no host: every address; port 0: any) at all addresses of the host. At most
 * `max_connections` are open at a time, half of them from one address; the process' limit of descriptors bounds them as
 * well. INVALID_ARGUMENT: no address; UNAVAILABLE: the port is taken, or not ours. */
weft_status weft_rpc_port_new(const char *listen, uint32_t max_connections, struct weft_rpc_port **ret_port,
                              struct weft_fault *ret_fault);
uint16_t weft_rpc_port_number(const struct weft_rpc_port *port);

/* `accepted` gets each connection, non-blocking, to keep and close; it runs on the listener's thread. UNAVAILABLE: no
 * thread to be had. */
weft_status weft_rpc_port_start(struct weft_rpc_port *port, void (*accepted)(void *arg, int fd), void *arg,
                                struct weft_fault *ret_fault);
/* Closes the port; nothing is accepted after it. NULL is fine, and again. */
void weft_rpc_port_stop(struct weft_rpc_port *port);
/* After stop: asks all clients to go elsewhere, while their calls are still answered. Returns how many connections are
 * open, and how many of them could not be asked yet: again, then. */
uint32_t weft_rpc_port_goaway(struct weft_rpc_port *port, uint32_t *ret_untold);
void weft_rpc_port_free(struct weft_rpc_port *port); /* stops; NULL is fine */

#endif
