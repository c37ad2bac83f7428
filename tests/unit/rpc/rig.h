/* A server with test.v1.EchoService and a channel to it. */
#ifndef WEFT_RPC_RIG_H
#define WEFT_RPC_RIG_H

#include "base/clock.h"
#include "rpc/client/channel.h"
#include "rpc/client/local.h"
#include "rpc/server/server.h"
#include "rpc_test.h"
#include "test/v1/echo.weft.h"
#include <pthread.h>

#define RIG_METHODS 4

struct rig {
    struct weft_registry *registry;
    struct weft_rpc_server *server;
    struct weft_channel *channel;
    struct weft_rpc_method methods[RIG_METHODS];
    struct weft_rpc_local *local;
    weft_client *client; /* what Forward calls */
    char address[32];

    /* Block's handlers wait here. */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned blocked; /* how many do */
    unsigned entered; /* how many have, ever */
    bool open;
};

/* Starts it, serving. `options` may be NULL; listen is the rig's. */
struct rig *rig_start(const struct weft_rpc_options *options);
struct rig *rig_new(const struct weft_rpc_options *options); /* bound, not started */
void rig_serve(struct rig *rig);
void rig_stop(struct rig *rig);

/* Calls a method with packed bytes; the status, and the reply to free. 10 s to the deadline. */
weft_status rig_call(struct rig *rig, const char *path, const void *bytes, size_t size,
                     struct weft_channel_reply *reply, struct weft_fault *fault);
weft_status rig_call_message(struct rig *rig, const char *path, const ProtobufCMessage *message,
                             struct weft_channel_reply *reply, struct weft_fault *fault);

/* Starts `n` threads that call Block; they end when the gate is opened. */
struct rig_blocked {
    struct rig *rig;
    pthread_t thread;
    bool silently;
    uint64_t deadline_ns;
    weft_status status;
    struct weft_fault fault;
};
void rig_block(struct rig *rig, struct rig_blocked *calls, unsigned n, bool silently);
void rig_wait_blocked(struct rig *rig, unsigned n); /* until n handlers wait */
void rig_open_gate(struct rig *rig);
void rig_join(struct rig_blocked *calls, unsigned n);

#endif
