/* rpc/client/local.c - calls that stay in the process: the same guard, handler and commit, in a work of their own,
 * without the network. Bytes go in and out, so caller and callee may be built with different versions of the contract.
 */
#include "rpc/client/local.h"

#include "base/clock.h"
#include "base/memory.h"
#include "contract/message.h"
#include "rpc/server/invoke.h"
#include "rpc/server/metadata.h"
#include <stdlib.h>
#include <string.h>

#define MAX_NESTED       8 /* calls inside calls: they share one stack */
#define DEFAULT_DEADLINE (30 * WEFT_SECOND)

struct weft_rpc_local {
    size_t n;
    const struct weft_rpc_method *methods[]; /* sorted by path */
};

struct local_call {           /* the owner of a work that this file made */
    struct weft_work *parent; /* or NULL */
    const char *const *metadata;
    uint32_t nested;
};

/* ---- the table --------------------------------------------------------------------------------------------------- */

static int method_compare(const void *left, const void *right)
{
    const struct weft_rpc_method *const *a = left, *const *b = right;
    return strcmp((*a)->type->path, (*b)->type->path);
}

struct weft_rpc_local *weft_rpc_local_new(const struct weft_rpc_method *const *methods, size_t n_methods)
{
    struct weft_rpc_local *local = weft_memory_zeroed(1, sizeof *local + n_methods * sizeof local->methods[0]);
    local->n = n_methods;
    if (n_methods > 0) {
        memcpy(local->methods, methods, n_methods * sizeof methods[0]);
        qsort(local->methods, n_methods, sizeof local->methods[0], method_compare);
    }
    return local;
}

void weft_rpc_local_free(struct weft_rpc_local *local)
{
    free(local);
}

static int path_compare(const void *path, const void *method)
{
    const struct weft_rpc_method *const *each = method;
    return strcmp(path, (*each)->type->path);
}

const struct weft_rpc_method *weft_rpc_local_find(const struct weft_rpc_local *local, const char *path)
{
    const struct weft_rpc_method *const *found =
        bsearch(path, local->methods, local->n, sizeof local->methods[0], path_compare);
    return found != NULL ? *found : NULL;
}

/* ---- a call ------------------------------------------------------------------------------------------------------ */

static const char *local_metadata(const struct weft_work *work, const char *key)
{
    const struct local_call *call = work->owner;
    return weft_metadata_pair(call->metadata, key);
}

/* The thread is the outermost caller's: what it must do before it waits, its work knows. */
static void local_before_wait(struct weft_work *work)
{
    const struct local_call *call = work->owner;
    if (call->parent != NULL) weft_work_wait(call->parent);
}

static uint32_t nested_of(const struct weft_work *parent)
{
    if (parent == NULL || parent->before_wait != local_before_wait) return 0;
    const struct local_call *call = parent->owner;
    return call->nested + 1;
}

static struct weft_work local_work(const struct weft_rpc_method *method, const struct weft_local_request *request,
                                   struct local_call *call)
{
    const char *id = request->correlation_id;
    return (struct weft_work){
        .arena = request->arena,
        .service = method->service,
        .store = method->store,
        .cache = method->cache,
        .direct = method->direct,
        .deadline_ns = weft_invoke_deadline(method, weft_clock_ns(), request->deadline_ns, DEFAULT_DEADLINE),
        .correlation_id = weft_metadata_correlation_id(request->arena, id, id != NULL ? strlen(id) : 0),
        .causation_id = request->parent != NULL ? request->parent->causation_id : NULL,
        .traceparent = request->parent != NULL ? request->parent->traceparent : NULL,
        .tracestate = request->parent != NULL ? request->parent->tracestate : NULL,
        .method = method->type->path,
        .metadata = local_metadata,
        .before_wait = local_before_wait,
        .owner = call,
        .local = method->local,
        .session_purpose = WEFT_SESSION_REQUEST,
    };
}

weft_status weft_local_call(const struct weft_rpc_method *method, const struct weft_local_request *request,
                            struct weft_bytes *ret_response, struct weft_fault *ret_fault)
{
    const struct weft_guard_limits limits = WEFT_GUARD_DEFAULT;
    uint64_t begun_ns = weft_clock_ns();
    struct local_call call = { request->parent, request->metadata, nested_of(request->parent) };
    struct weft_work work = local_work(method, request, &call);
    struct weft_invoke_result result;
    ProtobufCMessage *in;
    weft_status status;
    if (call.nested >= MAX_NESTED)
        status = weft_fault_set(&work.fault, WEFT_RESOURCE_EXHAUSTED,
                                "%u calls inside calls of this host: do its services call each other in a circle?",
                                call.nested);
    else
        status = weft_invoke_unpack(method, &work, &limits, request->bytes, request->size, &in);
    if (status == WEFT_OK) status = weft_invoke(method, &work, &limits, in, &result);
    weft_invoke_log(&work, weft_status_name(status), weft_clock_ns() - begun_ns);
    if (status == WEFT_OK)
        *ret_response = weft_message_pack(request->arena, result.message);
    else
        *ret_fault = work.fault;
    return status;
}

weft_status weft_rpc_call_local(const struct weft_rpc_method *method, struct weft_arena *arena,
                                const char *correlation_id, uint64_t deadline_ns, const char *const *metadata,
                                const void *request, size_t request_size, const void **ret_response,
                                size_t *ret_response_size, struct weft_fault *ret_fault)
{
    const struct weft_local_request local = { .arena = arena,
                                              .correlation_id = correlation_id,
                                              .deadline_ns = deadline_ns,
                                              .metadata = metadata,
                                              .bytes = request,
                                              .size = request_size };
    struct weft_bytes response;
    weft_status status = weft_local_call(method, &local, &response, ret_fault);
    if (status != WEFT_OK) return status;
    *ret_response = response.data;
    *ret_response_size = response.size;
    return WEFT_OK;
}
