/* rpc/client/local.h - the methods of this host by path, so that calls between its services stay inside. Made by the
 * host's thread, then read by any. */
#ifndef WEFT_RPC_LOCAL_H
#define WEFT_RPC_LOCAL_H

#include "contract/message.h"
#include "data/work.h"
#include "rpc/server/server.h"

struct weft_rpc_local;

/* Keeps pointers: the methods live longer. */
struct weft_rpc_local *weft_rpc_local_new(const struct weft_rpc_method *const *methods, size_t n_methods);
void weft_rpc_local_free(struct weft_rpc_local *local); /* NULL is fine */
const struct weft_rpc_method *weft_rpc_local_find(const struct weft_rpc_local *local, const char *path); /* or NULL */

struct weft_local_request {
    struct weft_work *parent; /* the caller's, on whose thread it runs; or NULL */
    struct weft_arena *arena; /* of the call and its answer */
    const char *correlation_id;
    uint64_t deadline_ns;        /* WEFT_NEVER: the method's */
    const char *const *metadata; /* name, value, ..., NULL; or NULL */
    const void *bytes;
    size_t size;
};

/* Runs the method as a call of its own on the calling thread. */
weft_status weft_local_call(const struct weft_rpc_method *method, const struct weft_local_request *request,
                            struct weft_bytes *ret_response, struct weft_fault *ret_fault);

#endif
