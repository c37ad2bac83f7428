/* observe/admin/address.h - "host:port" and the socket that listens there. The caller's thread. */
#ifndef WEFT_OBSERVE_ADMIN_ADDRESS_H
#define WEFT_OBSERVE_ADMIN_ADDRESS_H

#include "base/fault.h"
#include <stdint.h>
#include <sys/socket.h>

/* Listens at "host:port", "[v6]:port" or ":port" (all addresses), non-blocking. UNAVAILABLE: the port is taken;
 * INVALID_ARGUMENT: no address. */
weft_status weft_admin_listen(const char *listen, int *ret_fd, struct weft_fault *ret_fault);
uint16_t weft_admin_socket_port(int fd);

#define WEFT_ADMIN_ADDRESS 64
/* "127.0.0.1:40122", "[::1]:40122". Returns ret_text. */
const char *weft_admin_address_text(const struct sockaddr *address, char ret_text[WEFT_ADMIN_ADDRESS]);

#endif
