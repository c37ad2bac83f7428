/* address.h - a server's name, and its addresses found in time. Any thread. */
#ifndef CACHE_REDIS_ADDRESS_H
#define CACHE_REDIS_ADDRESS_H

#include <netdb.h>
#include <stdint.h>
#include <weft/plugin.h>

struct address;

struct address *address_new(const char *host, uint32_t port); /* NULL: out of memory */
void address_free(struct address *address);
const char *address_name(const struct address *address); /* "host:port" */

/* *ret_list is freed by freeaddrinfo. TIMEOUT when the deadline passes first; UNAVAILABLE when there is no such name.
 */
int32_t address_find(struct address *address, uint64_t deadline_ns, struct addrinfo **ret_list,
                     struct weft_error *ret_error);

#endif
