/* rpc/server/call.h - a slot for one call of a registered method, from its arrival to its end. One thread at a time. */
#ifndef WEFT_RPC_CALL_H
#define WEFT_RPC_CALL_H

#include "data/work.h"
#include "rpc/crew/tag.h"
#include "rpc/prefetch/prefetch.h"
#include "rpc/server/pool.h"

struct weft_rpc_call {
    struct weft_tag arrived, deferred, answered;
    struct weft_prefetch_item prefetch; /* while it waits for the cache */
    struct weft_rpc_call *next;         /* free, or being requested */
    struct weft_pool *pool;
    struct weft_pool_method *method;

    /* Written by core when the call arrives. */
    grpc_call *call;
    gpr_timespec deadline;
    grpc_metadata_array metadata;
    grpc_byte_buffer *request;

    struct weft_worker *worker; /* runs the handler */
    struct weft_arena *arena;   /* made when the slot is first used */
    struct weft_work work;
    ProtobufCMessage *in; /* the request, of the arena */
    uint64_t arrived_ns;
    struct weft_join join;
    bool committing; /* the handler has run; what is left has to be committed alone */

    /* The answer: core reads it until `answered` comes. */
    grpc_byte_buffer *response;
    grpc_metadata trailer;
    bool has_trailer;
    weft_status status;
    int cancelled;
};

struct weft_rpc_call *weft_rpc_call_new(struct weft_pool *pool);
void weft_rpc_call_free(struct weft_rpc_call *call);
/* Asks core for the next call of slot's method. */
void weft_rpc_call_request(struct weft_rpc_call *call);

#endif
