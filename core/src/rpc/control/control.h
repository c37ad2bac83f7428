/* rpc/control/control.h - the calls that must be answered while every worker waits: health, reflection, unknown
 * methods. They have a queue and a thread of their own; what they do never waits.
 *
 * One lock guards all calls of the control: their handlers run under it, on the control thread or on one that changes
 * what they watch. */
#ifndef WEFT_RPC_CONTROL_H
#define WEFT_RPC_CONTROL_H

#include "contract/registry.h"
#include "rpc/crew/crew.h"
#include "rpc/crew/tally.h"
#include "rpc/server/meter.h"
#include <grpc/grpc.h>

struct weft_control;

struct weft_control_options {
    grpc_server *server;
    struct weft_tally *tally;
    struct weft_crew *crews[2]; /* relieved by the control thread's ticks; NULL: none */
    const struct weft_registry *registry;
    struct weft_metrics *metrics; /* or NULL */
};

/* Registers its methods with core, before it starts. Never NULL. */
struct weft_control *weft_control_new(const struct weft_control_options *options);
/* Requests the first calls and starts the thread. UNAVAILABLE: no thread to be had. */
weft_status weft_control_start(struct weft_control *control, struct weft_fault *ret_fault);
void weft_control_serving(struct weft_control *control, bool serving); /* tells those who watch. Any thread */
/* Requests no calls from now on and ends the open ones. Any thread. */
void weft_control_end(struct weft_control *control);
/* When nothing is out any more: shuts the queue down, joins. After it the server may be destroyed, then free. */
void weft_control_join(struct weft_control *control);
void weft_control_free(struct weft_control *control);

/* ---- for its methods: health.c, reflection.c --------------------------------------------------------------------- */

struct weft_control_call {
    struct weft_tag arrived, sent, received, closed;
    struct weft_control *control;
    struct weft_control_source *source;
    struct weft_control_call *prev, *next; /* in the list of open calls */

    grpc_call *call;
    gpr_timespec deadline;
    grpc_call_details details; /* of unknown methods */
    grpc_metadata_array metadata;
    grpc_byte_buffer *request, *response;
    struct weft_arena *arena;
    uint64_t arrived_ns;
    uint32_t out; /* tags that core holds */
    int cancelled;
    bool has_headers; /* were sent */
    bool sending;
    bool ended;             /* its status is sent, or the client is gone: nothing more goes out */
    weft_status end_status; /* to be sent when `sending` is over, if end_text */
    const char *end_text;

    const char *watched; /* health: the service */
    int32_t told;        /* health: the status sent last */
};

/* What to do when; messages are in call->request. All run under the lock. */
struct weft_control_method {
    const struct weft_method_type *type;
    /* Client streams: messages come by weft_control_receive; else the only one is there already. */
    void (*opened)(struct weft_control_call *call);
    void (*received)(struct weft_control_call *call); /* request NULL: no more will come */
    void (*sent)(struct weft_control_call *call);
    void (*changed)(struct weft_control_call *call); /* what weft_control_status tells */
};

extern const struct weft_control_method weft_health_check, weft_health_watch;
extern const struct weft_control_method weft_reflection_v1, weft_reflection_v1alpha;

/* The request unpacked into the call's arena, or NULL: then the call is ended, with the reason. */
ProtobufCMessage *weft_control_unpack(struct weft_control_call *call, const ProtobufCMessageDescriptor *descriptor);
/* Sends a message; one at a time: the next when `sent` is called. Nothing once ended. */
void weft_control_send(struct weft_control_call *call, const ProtobufCMessage *message);
/* Sends the message and ends the call well. */
void weft_control_answer(struct weft_control_call *call, const ProtobufCMessage *message);
/* Ends the call, after what is being sent. The text is constant or of the call's arena. */
void weft_control_finish(struct weft_control_call *call, weft_status status, const char *text);
void weft_control_receive(struct weft_control_call *call);

bool weft_control_is_serving(const struct weft_control *control);
/* Names of all services, weft's own included: NULL-terminated. */
const char *const *weft_control_services(const struct weft_control *control);
/* Contracts of the host, then weft's own; or NULL. */
const struct weft_file *weft_control_file(const struct weft_control *control, const char *name);
const struct weft_file *weft_control_symbol(const struct weft_control *control, const char *symbol);

#endif
