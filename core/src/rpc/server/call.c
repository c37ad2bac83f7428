/* rpc/server/call.c - a call's life:
 *
 *   requested -> arrived -> (prefetched ->) (deferred ->) handler, commit -> one batch with the whole answer ->
 * answered
 *   -> requested
 *
 * Two events a call. All memory of a call is its slot's, used again for the next. */
#include "rpc/server/call.h"

#include "base/clock.h"
#include "base/memory.h"
#include "data/cache/cached.h"
#include "rpc/prefetch/prefetch_key.h"
#include "rpc/server/deadline.h"
#include "rpc/server/details.h"
#include "rpc/server/invoke.h"
#include "rpc/server/metadata.h"
#include "rpc/server/payload.h"
#include <assert.h>
#include <grpc/byte_buffer.h>
#include <stdlib.h>
#include <string.h>

#define ARENA_BYTES 4096 /* most calls need no second block */

/* ---- the end ----------------------------------------------------------------------------------------------------- */

static void call_clear(struct weft_rpc_call *call)
{
    grpc_byte_buffer_destroy(call->request);
    grpc_byte_buffer_destroy(call->response);
    if (call->has_trailer) grpc_slice_unref(call->trailer.value);
    grpc_call_unref(call->call);
    call->request = call->response = NULL;
    call->has_trailer = false;
    call->call = NULL;
    call->worker = NULL;
    call->metadata.count = 0;
    weft_arena_reset(call->arena);
}

static void call_answered(struct weft_tag *tag, bool ok, struct weft_worker *worker)
{
    (void)ok, (void)worker;
    struct weft_rpc_call *call = WEFT_TAG_OWNER(tag, struct weft_rpc_call, answered);
    weft_status code = call->cancelled ? WEFT_CANCELLED : call->status;
    uint64_t took_ns = weft_clock_ns() - call->arrived_ns;
    weft_rpc_meter_count(&call->method->meter, code, took_ns);
    weft_invoke_log(&call->work, weft_status_name(code), took_ns);
    call_clear(call);
    weft_pool_give_back(call->pool, call, true);
}

/* ---- the answer -------------------------------------------------------------------------------------------------- */

static size_t call_trailers(struct weft_rpc_call *call)
{
    if (call->work.fault.n_violations == 0) return 0;
    struct weft_bytes details = weft_details_pack(call->arena, &call->work.fault);
    call->trailer = (grpc_metadata){ .key = grpc_slice_from_static_string(WEFT_DETAILS_KEY),
                                     .value = grpc_slice_from_copied_buffer((const char *)details.data, details.size) };
    call->has_trailer = true;
    return 1;
}

/* The whole answer in one batch: each batch is a trip through core. After it the slot is core's, and may be on its next
 * call before this returns. Any thread. */
static void call_answer(struct weft_rpc_call *call)
{
    grpc_op ops[4] = { { .op = GRPC_OP_SEND_INITIAL_METADATA }, { .op = GRPC_OP_RECV_CLOSE_ON_SERVER } };
    size_t n_ops = 2;
    ops[1].data.recv_close_on_server.cancelled = &call->cancelled;
    if (call->response != NULL) {
        ops[n_ops].op = GRPC_OP_SEND_MESSAGE;
        ops[n_ops++].data.send_message.send_message = call->response;
    }
    grpc_slice text = grpc_empty_slice();
    grpc_op *status = &ops[n_ops++];
    status->op = GRPC_OP_SEND_STATUS_FROM_SERVER;
    status->data.send_status_from_server.status = (grpc_status_code)call->status;
    if (call->status != WEFT_OK) {
        text = grpc_slice_from_copied_string(call->work.fault.text);
        status->data.send_status_from_server.status_details = &text;
        status->data.send_status_from_server.trailing_metadata_count = call_trailers(call);
        status->data.send_status_from_server.trailing_metadata = &call->trailer;
    }
    grpc_call *core_call = call->call;
    weft_tag_given(&call->answered);
    grpc_call_error error = grpc_call_start_batch(core_call, ops, n_ops, &call->answered, NULL);
    assert(error == GRPC_CALL_OK);
    (void)error;
    grpc_slice_unref(text);
}

static void call_refuse(struct weft_rpc_call *call, weft_status status, const char *text)
{
    call->status = weft_fault_set(&call->work.fault, status, "%s", text);
    call_answer(call);
}

/* ---- the handler ------------------------------------------------------------------------------------------------- */

static const char *work_metadata(const struct weft_work *work, const char *key)
{
    const struct weft_rpc_call *call = work->owner;
    return weft_metadata_find(&call->metadata, call->arena, key);
}

static void work_before_wait(struct weft_work *work)
{
    const struct weft_rpc_call *call = work->owner;
    weft_worker_hand_on(call->worker);
}

/* What every call has, refused ones too. */
static void call_open(struct weft_rpc_call *call)
{
    const struct weft_rpc_method *method = call->method->method;
    call->arrived_ns = weft_clock_ns();
    call->cancelled = 0;
    call->committing = false;
    if (call->arena == NULL) call->arena = weft_arena_new(ARENA_BYTES);
    call->work = (struct weft_work){
        .arena = call->arena,
        .service = method->service,
        .store = method->store,
        .cache = method->cache,
        .direct = method->direct,
        .method = method->type->path,
        .metadata = work_metadata,
        .before_wait = work_before_wait,
        .owner = call,
        .local = method->local,
        .session_purpose = WEFT_SESSION_REQUEST,
    };
    weft_metadata_trace(&call->metadata, &call->work);
    call->work.deadline_ns =
        weft_invoke_deadline(method, call->arrived_ns, weft_deadline_from_gpr(call->deadline), call->pool->deadline_ns);
}

static weft_status call_unpack(struct weft_rpc_call *call)
{
    const struct weft_guard_limits *limits = &call->pool->limits;
    struct weft_payload payload;
    weft_status status = weft_payload_open(&payload, call->request, limits->max_bytes, &call->work.fault);
    if (status != WEFT_OK) return status;
    status = weft_invoke_unpack(call->method->method, &call->work, limits, payload.bytes, payload.size, &call->in);
    weft_payload_close(&payload);
    return status;
}

static void call_end(struct weft_rpc_call *call, weft_status status)
{
    call->status = status;
    if (status != WEFT_OK) {
        grpc_byte_buffer_destroy(call->response);
        call->response = NULL;
    }
    call_answer(call);
}

/* The response is complete before the commit, so that whoever commits only has to send it. After a commit that was
 * given away nothing of the call is ours any more. */
static void call_handle(struct weft_rpc_call *call)
{
    struct weft_invoke_result result;
    struct weft_work *work = &call->work;
    const weft_status status = weft_invoke_handler(call->method->method, work, &call->pool->limits, call->in, &result);
    if (result.message != NULL) call->response = weft_payload_pack(result.message, result.size);
    if (!weft_work_join(work, status, &call->join)) call_end(call, weft_work_finish(work, status));
}

static void call_handle_keyed(struct weft_rpc_call *call)
{
    struct weft_invoke_result result;
    const weft_status status = weft_invoke(call->method->method, &call->work, &call->pool->limits, call->in, &result);
    if (status == WEFT_OK) call->response = weft_payload_pack(result.message, result.size);
    call_end(call, status);
}

static void call_run(struct weft_rpc_call *call, struct weft_worker *worker)
{
    weft_worker_enter(worker);
    call->worker = worker;
    if (weft_invoke_is_keyed(call->method->method, &call->work))
        call_handle_keyed(call);
    else
        call_handle(call);
    weft_worker_leave(worker);
}

/* ---- the commit that was given away ------------------------------------------------------------------------------ */

/* The committer's thread. It must not wait: what has to be committed alone goes to a worker. */
static void call_joined(struct weft_join *join, enum weft_join_end end)
{
    struct weft_rpc_call *call = (struct weft_rpc_call *)(void *)((char *)join - offsetof(struct weft_rpc_call, join));
    if (end == WEFT_JOIN_ENDED) {
        call_end(call, weft_work_joined(&call->work));
        return;
    }
    call->committing = true;
    weft_crew_defer(call->pool->crew, &call->deferred);
}

static void call_commit(struct weft_rpc_call *call, struct weft_worker *worker)
{
    weft_worker_enter(worker);
    call->worker = worker;
    call_end(call, weft_work_finish(&call->work, WEFT_OK));
    weft_worker_leave(worker);
}

/* By this worker, if somebody takes its place while it waits; else by the next that is free. */
static void call_run_or_defer(struct weft_rpc_call *call, struct weft_crew *crew, struct weft_worker *worker)
{
    if (weft_worker_may_wait(worker))
        call_run(call, worker);
    else
        weft_crew_defer(crew, &call->deferred);
}

static void call_deferred(struct weft_tag *tag, bool ok, struct weft_worker *worker)
{
    (void)ok;
    struct weft_rpc_call *call = WEFT_TAG_OWNER(tag, struct weft_rpc_call, deferred);
    if (call->committing)
        call_commit(call, worker);
    else
        call_run(call, worker);
}

/* The cache has answered, or not. */
static void call_prefetched(struct weft_tag *tag, bool ok, struct weft_worker *worker)
{
    (void)ok;
    struct weft_rpc_call *call = WEFT_TAG_OWNER(tag, struct weft_rpc_call, prefetch.tag);
    call_run_or_defer(call, weft_prefetch_crew(call->pool->prefetch), worker);
}

/* Does the call look something up first, and waits for it in a queue? */
static bool call_prefetch(struct weft_rpc_call *call)
{
    const struct weft_prefetch_key *prefetch = call->method->method->prefetch;
    if (prefetch == NULL || call->pool->prefetch == NULL) return false;
    const char *key = weft_prefetch_key_of(prefetch, call->arena, call->in);
    if (key != NULL) call->work.prefetched = weft_cached_will_prefetch(&call->work, key);
    if (call->work.prefetched == NULL) return false;
    weft_prefetch_push(call->pool->prefetch, &call->prefetch);
    return true;
}

static void call_arrived(struct weft_tag *tag, bool ok, struct weft_worker *worker)
{
    struct weft_rpc_call *call = WEFT_TAG_OWNER(tag, struct weft_rpc_call, arrived);
    struct weft_pool *pool = call->pool;
    if (!ok) { /* the server shuts down */
        weft_pool_give_back(pool, call, false);
        return;
    }
    bool fits = weft_pool_arrived(pool, call->method);
    call_open(call);
    int phase = atomic_load_explicit(&pool->phase, memory_order_relaxed);
    if (phase == WEFT_PHASE_STARTING)
        call_refuse(call, WEFT_UNAVAILABLE, "starting: not ready yet, try again");
    else if (phase == WEFT_PHASE_DRAINING)
        call_refuse(call, WEFT_UNAVAILABLE, "draining: this instance is about to end");
    else if (!fits)
        call_refuse(call, WEFT_RESOURCE_EXHAUSTED, "too many calls at a time, try again later");
    else if ((call->status = call_unpack(call)) != WEFT_OK)
        call_answer(call);
    else if (!call_prefetch(call))
        call_run_or_defer(call, pool->crew, worker);
}

/* ---- the slot ---------------------------------------------------------------------------------------------------- */

struct weft_rpc_call *weft_rpc_call_new(struct weft_pool *pool)
{
    struct weft_rpc_call *call = weft_memory_zeroed(1, sizeof *call);
    call->arrived.run = call_arrived;
    call->deferred.run = call_deferred;
    call->join.ended = call_joined;
    call->answered.run = call_answered;
    call->prefetch.tag.run = call_prefetched;
    call->prefetch.work = &call->work;
    call->pool = pool;
    grpc_metadata_array_init(&call->metadata);
    return call;
}

void weft_rpc_call_free(struct weft_rpc_call *call)
{
    grpc_metadata_array_destroy(&call->metadata);
    weft_arena_free(call->arena);
    free(call);
}

void weft_rpc_call_request(struct weft_rpc_call *call)
{
    struct weft_pool *pool = call->pool;
    void *registered = call->method->registered;
    weft_tag_given(&call->arrived);
    grpc_call_error error =
        grpc_server_request_registered_call(pool->server, registered, &call->call, &call->deadline, &call->metadata,
                                            &call->request, pool->queue, pool->queue, &call->arrived);
    assert(error == GRPC_CALL_OK);
    (void)error;
}
