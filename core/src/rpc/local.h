/* rpc/local.h - the methods of this host by path, so that calls between its services stay inside. Made by the host's
 * thread, then read by any. */
#ifndef WEFT_RPC_LOCAL_H
#define WEFT_RPC_LOCAL_H

#include "rpc/server.h"

struct weft_rpc_local;

/* Keeps pointers: the methods live longer. */
struct weft_rpc_local *weft_rpc_local_new(const struct weft_rpc_method *const *methods, size_t n_methods);
void weft_rpc_local_free(struct weft_rpc_local *local); /* NULL is fine */
const struct weft_rpc_method *weft_rpc_local_find(const struct weft_rpc_local *local, const char *path); /* or NULL */

#endif
