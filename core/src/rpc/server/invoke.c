/* rpc/server/invoke.c - from bytes to a committed answer. */
#include "rpc/server/invoke.h"

#include "base/clock.h"
#include "contract/message.h"
#include "data/request/request.h"
#include "data/tx.h"
#include "observe/log.h"

uint64_t weft_invoke_deadline(const struct weft_rpc_method *method, uint64_t begun_ns, uint64_t deadline_ns,
                              uint64_t default_ns)
{
    if (deadline_ns != WEFT_NEVER) return deadline_ns;
    uint64_t relative = method->type->deadline_ms != 0 ? method->type->deadline_ms * WEFT_MS : default_ns;
    return begun_ns + relative;
}

/* A bad answer is the handler's bug: the client learns that, the log says what. */
static weft_status answer_refuse(struct weft_work *work, const struct weft_fault *fault)
{
    const struct weft_log_fields fields = { .service = work->service,
                                            .method = work->method,
                                            .correlation_id = work->correlation_id };
    weft_log(WEFT_LOG_ERROR, "rpc", &fields, "the handler's answer cannot be sent: %s", fault->text);
    return weft_fault_set(&work->fault, WEFT_INTERNAL, "the answer cannot be sent; the server's log says why");
}

static weft_status answer_check(struct weft_work *work, const struct weft_rpc_method *method, uint64_t max_bytes,
                                const ProtobufCMessage *out, struct weft_invoke_result *ret_result)
{
    struct weft_fault fault = { 0 };
    struct weft_invoke_result result = { 0 };
    weft_status status =
        weft_message_complete(work->arena, method->type->output->descriptor, out, &result.message, &fault);
    if (status != WEFT_OK) return answer_refuse(work, &fault);
    result.size = protobuf_c_message_get_packed_size(result.message);
    if (result.size > max_bytes) {
        weft_fault_set(&fault, WEFT_INTERNAL, "it has %zu bytes, over the limit of %llu: send less, or in pages",
                       result.size, (unsigned long long)max_bytes);
        return answer_refuse(work, &fault);
    }
    *ret_result = result;
    return WEFT_OK;
}

/* A work that has failed, whatever the handler returned, has no answer: weft_work_finish says why. */
static bool work_has_failed(const struct weft_work *work)
{
    return work->fault.status != WEFT_OK || (work->tx != NULL && weft_tx_fault(work->tx)->status != WEFT_OK);
}

weft_status weft_invoke_unpack(const struct weft_rpc_method *method, struct weft_work *work,
                               const struct weft_guard_limits *limits, const void *request, size_t size,
                               ProtobufCMessage **ret_in)
{
    return weft_guard_unpack(limits, method->type->input->descriptor, request, size, work->arena, ret_in, &work->fault);
}

weft_status weft_invoke_handler(const struct weft_rpc_method *method, struct weft_work *work,
                                const struct weft_guard_limits *limits, const ProtobufCMessage *in,
                                struct weft_invoke_result *ret_result)
{
    *ret_result = (struct weft_invoke_result){ 0 };
    /* The client has given up, and whoever it asked in our stead may be at work already. */
    const uint64_t begun_ns = weft_clock_ns();
    if (begun_ns >= work->deadline_ns)
        return weft_fault_set(&work->fault, WEFT_DEADLINE_EXCEEDED, "the deadline passed before the handler began");
    ProtobufCMessage *out = weft_message_make(work->arena, method->type->output->descriptor);
    const weft_status status = method->trampoline(method->handler, work, in, out, method->arg);
    if (method->seconds != NULL) weft_series_observe(method->seconds, weft_clock_ns() - begun_ns);
    if (status != WEFT_OK || work_has_failed(work)) return status;
    return answer_check(work, method, limits->max_bytes, out, ret_result);
}

/* The answer of the try that went through, as it was given then. */
static weft_status answer_again(const struct weft_rpc_method *method, struct weft_work *work,
                                const struct weft_guard_limits *limits, struct weft_bytes answer,
                                struct weft_invoke_result *ret_result)
{
    ProtobufCMessage *out;
    struct weft_fault fault;
    if (weft_guard_unpack(limits, method->type->output->descriptor, answer.data, answer.size, work->arena, &out,
                          &fault) != WEFT_OK)
        return answer_refuse(work, &fault);
    return answer_check(work, method, limits->max_bytes, out, ret_result);
}

static weft_status run_once(const struct weft_rpc_method *method, struct weft_work *work,
                            const struct weft_guard_limits *limits, const char *key, const ProtobufCMessage *in,
                            struct weft_invoke_result *ret_result)
{
    struct weft_request request;
    weft_status status = weft_request_begin(&request, work, key, weft_message_pack(work->arena, in));
    if (status == WEFT_OK && !request.answered) {
        status = weft_invoke_handler(method, work, limits, in, ret_result);
        if (status == WEFT_OK && !work_has_failed(work))
            weft_request_keep(&request, weft_message_pack(work->arena, ret_result->message));
        status = weft_request_end(&request, weft_work_finish(work, status));
    }
    if (status != WEFT_OK || !request.answered) return status;
    weft_log_debug(work, "repeated with its idempotency key: answered as before");
    return answer_again(method, work, limits, request.answer, ret_result);
}

static const char *request_key(const struct weft_rpc_method *method, struct weft_work *work)
{
    const bool may_repeat = (method->type->flags & WEFT_METHOD_IDEMPOTENCY_KEY) != 0;
    return may_repeat ? weft_metadata(work, WEFT_REQUEST_METADATA) : NULL;
}

bool weft_invoke_is_keyed(const struct weft_rpc_method *method, struct weft_work *work)
{
    return request_key(method, work) != NULL;
}

weft_status weft_invoke(const struct weft_rpc_method *method, struct weft_work *work,
                        const struct weft_guard_limits *limits, const ProtobufCMessage *in,
                        struct weft_invoke_result *ret_result)
{
    const char *key = request_key(method, work);
    if (key != NULL) return run_once(method, work, limits, key, in, ret_result);
    return weft_work_finish(work, weft_invoke_handler(method, work, limits, in, ret_result));
}

void weft_invoke_log(const struct weft_work *work, const char *code, uint64_t took_ns)
{
    if (!weft_log_enabled(WEFT_LOG_INFO)) return;
    const struct weft_log_fields fields = {
        .service = work->service,
        .correlation_id = work->correlation_id,
        .traceparent = work->traceparent,
        .method = work->method,
        .code = code,
        .duration_us = (int64_t)(took_ns / 1000),
    };
    weft_log(WEFT_LOG_INFO, "rpc", &fields, "%s", work->fault.status != WEFT_OK ? work->fault.text : "answered");
}
