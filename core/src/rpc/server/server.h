/* rpc/server/server.h - the gRPC server on the core C API: workers, health, reflection, UNIMPLEMENTED. The host's
 * thread, unless said otherwise. */
#ifndef WEFT_RPC_SERVER_H
#define WEFT_RPC_SERVER_H

#include "base/arena.h"
#include "base/fault.h"
#include "contract/registry.h"
#include "data/cache/cache.h"
#include "data/store.h"
#include "observe/metrics/metrics.h"
#include <stdbool.h>

struct weft_rpc_server;
struct weft_rpc_local; /* rpc/local.h */
struct weft_prefetch_key;

struct weft_rpc_options {
    const char *listen;         /* "127.0.0.1:50051"; port 0: any */
    uint32_t workers;           /* threads that run handlers at a time without waiting for new ones; 0: 16 */
    uint32_t max_workers;       /* reserve included; 0: 64 */
    uint32_t max_message_bytes; /* either way; 0: 4 MiB */
    uint32_t max_calls;         /* at work or waiting for a worker; more are RESOURCE_EXHAUSTED; 0: 1024 */
    uint32_t max_connections;   /* open at a time; more are closed at once; 0: 4096 */
    uint32_t spare;
    uint64_t deadline_ns;         /* of calls that bring none, relative; 0: 30 s */
    struct weft_metrics *metrics; /* outlives the server; NULL: nothing is counted */
};

struct weft_rpc_method {
    const struct weft_method_type *type;
    weft_method_trampoline trampoline;
    weft_handler handler;
    void *arg;
    const char *service; /* the weft service that answers */
    struct weft_store *store;
    struct weft_cache *cache;
    struct weft_direct *direct;               /* of its direct events; or NULL */
    const struct weft_prefetch_key *prefetch; /* what its calls look up first (rpc/prefetch); or NULL */
    const struct weft_rpc_local *local;       /* what its handler can call without the network; NULL: nothing */
    struct weft_series *seconds;              /* what its handler took; NULL: not counted */
};

/* Before anything else of gRPC: its log lines become ours. The host's thread, with SIGTERM and SIGINT blocked (gRPC
 * starts threads). Once a process; again is fine. */
void weft_rpc_init(void);

/* Binds. UNAVAILABLE: the port is taken, with the address. The registry is kept for reflection. */
weft_status weft_rpc_server_new(const struct weft_rpc_options *options, const struct weft_registry *registry,
                                const struct weft_rpc_method *methods, size_t n_methods,
                                struct weft_rpc_server **ret_server, struct weft_fault *ret_fault);
/* Starts answering; UNAVAILABLE for all but health and reflection until serving for the first time. */
weft_status weft_rpc_server_start(struct weft_rpc_server *server, struct weft_fault *ret_fault);
uint16_t weft_rpc_server_port(const struct weft_rpc_server *server);
/* What health says. False after true: NOT_SERVING, so that balancers turn away, while calls are still answered, for
 * they come until balancers have noticed. Any thread. */
void weft_rpc_server_serving(struct weft_rpc_server *server, bool serving);
/* Drain: no new connections, GOAWAY to those there are, whatever comes on them is still answered until nothing does any
 * more; at the deadline what is left is cancelled. Then stop joins all
 * threads and frees; without a drain before it cancels at once. A handler that runs is waited for. */
void weft_rpc_server_drain(struct weft_rpc_server *server, uint64_t deadline_ns);
void weft_rpc_server_stop(struct weft_rpc_server *server);

/* Runs a method without the network, on the calling thread, as a call of its own: for clients in the same host and for
 * tests. `metadata` is name, value, ..., NULL. The answer is in the arena. */
weft_status weft_rpc_call_local(const struct weft_rpc_method *method, struct weft_arena *arena,
                                const char *correlation_id, uint64_t deadline_ns, const char *const *metadata,
                                const void *request, size_t request_size, const void **ret_response,
                                size_t *ret_response_size, struct weft_fault *ret_fault);

#endif
