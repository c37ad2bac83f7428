/* proxy.h - a TCP proxy on loopback between a plugin and its server, to fail on demand. A thread of its own. */
#ifndef WEFT_KIT_PROXY_H
#define WEFT_KIT_PROXY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct kit_proxy;

enum kit_proxy_mode {
    KIT_PROXY_PASS,
    KIT_PROXY_BLACK_HOLE, /* connections stay, nothing passes; new ones are accepted and get no answer */
    KIT_PROXY_REFUSE      /* connections are closed, new ones at once after they are accepted */
};

/* Listens on a free port. NULL when that fails. */
struct kit_proxy *kit_proxy_new(const char *host, uint32_t port);
void kit_proxy_free(struct kit_proxy *proxy);
uint32_t kit_proxy_port(const struct kit_proxy *proxy);

void kit_proxy_set_mode(struct kit_proxy *proxy, enum kit_proxy_mode mode);
/* Resets all connections (RST). The mode stays. Returns when it is done. */
void kit_proxy_cut(struct kit_proxy *proxy);
/* Sends bytes to the clients of all connections, as if the server had. Only while the server is silent. */
void kit_proxy_inject(struct kit_proxy *proxy, const void *bytes, size_t size);
/* Waits until there are n connections; false: not within the time. */
bool kit_proxy_wait_connections(struct kit_proxy *proxy, unsigned n, double seconds);

#endif
