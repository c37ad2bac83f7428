/* host/parts.h - the inside of a process, shared by the files that make it, bring it up, show it and drain it. */
#ifndef WEFT_HOST_PARTS_H
#define WEFT_HOST_PARTS_H

#include "base/arena.h"
#include "event/direct/direct.h"
#include "event/relay/relay.h"
#include "event/tap.h"
#include "event/topics.h"
#include "host/plugin/instance.h"
#include "host/process.h"
#include "observe/admin/admin.h"
#include "observe/metrics/metrics.h"
#include "rpc/client/local.h"

#include <pthread.h>
#include <stdatomic.h>

enum weft_phase { WEFT_PHASE_STARTING, WEFT_PHASE_READY, WEFT_PHASE_DRAINING };

/* A service with all that works for it. */
struct weft_part {
    struct weft_service *service;
    struct weft_instance *store_instance; /* NULL: it keeps nothing */
    struct weft_store *store;
    struct weft_relay *relay;
    struct weft_direct *direct;
    struct weft_consumer **consumers; /* this and the relay while they run (process->mutex) */
    size_t n_consumers;
    char waiting[256]; /* why its store is not in place; "" when it is (process->mutex) */
};

struct weft_process {
    struct weft_process_options options;
    struct weft_config *config;
    struct weft_arena *arena;
    uint64_t started_ns;
    const char *instance; /* names this process among its like */

    struct weft_loader *loader;
    struct weft_registry *registry;
    struct weft_topics topics;
    struct weft_part *parts;
    size_t n_parts;
    struct weft_rpc_local *local;

    struct weft_tap *tap; /* events that leave, for who looks */
    struct weft_transport *transport;
    struct weft_instance *transport_instance, *cache_instance;
    struct weft_cache *cache;
    struct weft_metrics *metrics;

    struct weft_rpc_server *rpc;
    struct weft_admin *admin;

    _Atomic int phase;      /* enum weft_phase */
    pthread_mutex_t mutex;  /* guards `stopping`, `n_acting`, and what parts wait for */
    pthread_cond_t changed; /* stopping, or a plugin's health */
    bool stopping;
    unsigned n_acting; /* admin requests that write into stores: relays end after them */
};

/* topology.c: the queues and topics of all services, in the arena. */
struct weft_topology *weft_topology_build(struct weft_arena *arena, const struct weft_part *parts, size_t n_parts,
                                          const char *instance);
/* Types that are handled here and emitted by no service of this process, in words; NULL if there are none. */
const char *weft_topology_orphans(struct weft_arena *arena, const struct weft_part *parts, size_t n_parts);
/* The queue of a group: shared, or for broadcast this instance's own. In the arena. */
const char *weft_topology_queue(struct weft_arena *arena, const struct weft_group *group, const char *instance);

/* drain.c: an admin request that writes into a store stands between these. False: the host is not ready, do not. */
bool weft_process_act_begin(struct weft_process *process);
void weft_process_act_end(struct weft_process *process);

/* The state that the pages show; `stopping` under the mutex. */
static inline enum weft_phase weft_process_phase(struct weft_process *process)
{
    return (enum weft_phase)atomic_load_explicit(&process->phase, memory_order_acquire);
}

#endif
