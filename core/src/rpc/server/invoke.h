/* rpc/server/invoke.h - running a method: unpack, handler, check of the answer, commit. Under calls from the network
 * and calls inside the host alike. The thread that runs the handler. */
#ifndef WEFT_RPC_INVOKE_H
#define WEFT_RPC_INVOKE_H

#include "contract/guard.h"
#include "data/work.h"
#include "rpc/server/server.h"

struct weft_invoke_result {
    const ProtobufCMessage *message; /* complete: it can be packed; of the work's arena */
    size_t size;                     /* packed */
};

/* The method's deadline for a call that came with `deadline_ns` (WEFT_NEVER: with none) at `begun_ns`. */
uint64_t weft_invoke_deadline(const struct weft_rpc_method *method, uint64_t begun_ns, uint64_t deadline_ns,
                              uint64_t default_ns);

/* The request, through the guard, in the work's arena; it borrows nothing of the bytes. */
weft_status weft_invoke_unpack(const struct weft_rpc_method *method, struct weft_work *work,
                               const struct weft_guard_limits *limits, const void *request, size_t size,
                               ProtobufCMessage **ret_in);

/* Does the call carry a key by which it is done once (data/request)? Then weft_invoke does it, and nothing less. */
bool weft_invoke_is_keyed(const struct weft_rpc_method *method, struct weft_work *work);
/* Runs the handler and checks its answer; the work is not finished. *ret_result is set if the status is WEFT_OK and
 * nothing in the work has failed; its message is NULL otherwise. What cannot be sent as an answer is found here, before
 * the commit, which it prevents. */
weft_status weft_invoke_handler(const struct weft_rpc_method *method, struct weft_work *work,
                                const struct weft_guard_limits *limits, const ProtobufCMessage *in,
                                struct weft_invoke_result *ret_result);

/* Runs the handler and finishes the work. The result is set on WEFT_OK only; else work->fault tells why. */
weft_status weft_invoke(const struct weft_rpc_method *method, struct weft_work *work,
                        const struct weft_guard_limits *limits, const ProtobufCMessage *in,
                        struct weft_invoke_result *ret_result);

/* The line that every call leaves when it is over. `code` as gRPC spells it. */
void weft_invoke_log(const struct weft_work *work, const char *code, uint64_t took_ns);

#endif
