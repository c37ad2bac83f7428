/* rpc/control/control.c - the second queue and its thread. */
#include "rpc/control/control.h"

#include "base/clock.h"
#include "base/memory.h"
#include "base/thread.h"
#include "contract/guard.h"
#include "contract/message.h"
#include "rpc/server/deadline.h"
#include "rpc/server/payload.h"
#include <assert.h>
#include <google/rpc/error_details.weft.h>
#include <grpc/byte_buffer.h>
#include <grpc/support/alloc.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#define REQUESTS_A_METHOD 8
#define MAX_OPEN          1024           /* calls at a time; more are refused */
#define MAX_CALLS         (2 * MAX_OPEN) /* with refusals under way: no more are requested */
#define MAX_REQUEST       (64 << 10)
#define ARENA_BYTES       1024
#define TICK_NS           (100 * WEFT_MS)

static const struct weft_control_method *const control_methods[] = { &weft_health_check, &weft_health_watch,
                                                                     &weft_reflection_v1, &weft_reflection_v1alpha };
#define CONTROL_STREAMS (WEFT_METHOD_CLIENT_STREAMS | WEFT_METHOD_SERVER_STREAMS)
#define N_METHODS       (sizeof control_methods / sizeof control_methods[0])

/* Where calls come from: one of our methods, or any that is not registered. */
struct weft_control_source {
    const struct weft_control_method *method; /* NULL: unknown */
    void *registered;
    uint32_t requested;
    struct weft_rpc_meter meter;
};

struct weft_control {
    grpc_server *server;
    grpc_completion_queue *queue;
    struct weft_tally *tally;
    struct weft_crew *crews[2];
    const struct weft_registry *registry;
    struct weft_registry *own; /* the files of control_methods */
    const char **services;     /* NULL before the start */
    pthread_t thread;
    bool started;

    pthread_mutex_t lock; /* for what follows, and for every call */
    struct weft_control_source sources[N_METHODS + 1];
    struct weft_control_call *open;
    uint32_t n_open, n_calls;
    bool serving, ending;
};

static bool method_streams(const struct weft_control_method *method)
{
    return (method->type->flags & WEFT_METHOD_CLIENT_STREAMS) != 0;
}

/* ---- sending and receiving --------------------------------------------------------------------------------------- */

static void call_batch(struct weft_control_call *call, const grpc_op *ops, size_t n_ops, struct weft_tag *tag)
{
    call->out++;
    weft_tag_given(tag);
    grpc_call_error error = grpc_call_start_batch(call->call, ops, n_ops, tag, NULL);
    assert(error == GRPC_CALL_OK);
    (void)error;
}

/* A message, or the end, or both, with the headers before the first. */
static void call_send(struct weft_control_call *call, const ProtobufCMessage *message, bool end)
{
    grpc_op ops[3] = { 0 };
    size_t n_ops = 0;
    grpc_slice text = grpc_empty_slice();
    if (!call->has_headers) ops[n_ops++].op = GRPC_OP_SEND_INITIAL_METADATA;
    if (message != NULL) {
        call->response = weft_payload_pack(message, protobuf_c_message_get_packed_size(message));
        ops[n_ops].op = GRPC_OP_SEND_MESSAGE;
        ops[n_ops++].data.send_message.send_message = call->response;
    }
    if (end) {
        text = grpc_slice_from_copied_string(call->end_text);
        ops[n_ops].op = GRPC_OP_SEND_STATUS_FROM_SERVER;
        ops[n_ops].data.send_status_from_server.status = (grpc_status_code)call->end_status;
        ops[n_ops++].data.send_status_from_server.status_details = &text;
    }
    call->has_headers = call->sending = true;
    call->ended = end;
    call_batch(call, ops, n_ops, &call->sent);
    grpc_slice_unref(text);
}

void weft_control_send(struct weft_control_call *call, const ProtobufCMessage *message)
{
    assert(!call->sending);
    if (!call->ended) call_send(call, message, false);
}

void weft_control_answer(struct weft_control_call *call, const ProtobufCMessage *message)
{
    assert(!call->sending);
    call->end_status = WEFT_OK;
    call->end_text = "";
    if (!call->ended) call_send(call, message, true);
}

void weft_control_finish(struct weft_control_call *call, weft_status status, const char *text)
{
    if (call->ended || call->end_text != NULL) return;
    call->end_status = status;
    call->end_text = text;
    if (!call->sending) call_send(call, NULL, true);
}

void weft_control_receive(struct weft_control_call *call)
{
    grpc_op op = { .op = GRPC_OP_RECV_MESSAGE };
    op.data.recv_message.recv_message = &call->request;
    if (!call->ended) call_batch(call, &op, 1, &call->received);
}

ProtobufCMessage *weft_control_unpack(struct weft_control_call *call, const ProtobufCMessageDescriptor *descriptor)
{
    const struct weft_guard_limits limits = { MAX_REQUEST, 10, 1000, 0 };
    struct weft_fault fault;
    struct weft_payload payload;
    ProtobufCMessage *message = NULL;
    weft_status status = weft_payload_open(&payload, call->request, limits.max_bytes, &fault);
    if (status == WEFT_OK) {
        status = weft_guard_unpack(&limits, descriptor, payload.bytes, payload.size, call->arena, &message, &fault);
        weft_payload_close(&payload);
    }
    grpc_byte_buffer_destroy(call->request);
    call->request = NULL;
    if (status != WEFT_OK) weft_control_finish(call, status, weft_arena_strdup(call->arena, fault.text));
    return message;
}

/* ---- a call's life, under the lock ------------------------------------------------------------------------------- */

static void call_free(struct weft_control_call *call)
{
    if (call->call != NULL) grpc_call_unref(call->call);
    grpc_byte_buffer_destroy(call->request);
    grpc_byte_buffer_destroy(call->response);
    grpc_call_details_destroy(&call->details);
    grpc_metadata_array_destroy(&call->metadata);
    weft_arena_free(call->arena);
    free(call);
}

static struct weft_control_call *call_new(struct weft_control_source *source, struct weft_control *control);

static void call_request(struct weft_control *control, struct weft_control_source *source)
{
    struct weft_control_call *call = call_new(source, control);
    grpc_call_error error;
    weft_tag_given(&call->arrived);
    source->requested++;
    control->n_calls++;
    weft_tally_add(control->tally);
    if (source->method == NULL)
        error = grpc_server_request_call(control->server, &call->call, &call->details, &call->metadata, control->queue,
                                         control->queue, &call->arrived);
    else
        error = grpc_server_request_registered_call(
            control->server, source->registered, &call->call, &call->deadline, &call->metadata,
            method_streams(source->method) ? NULL : &call->request, control->queue, control->queue, &call->arrived);
    assert(error == GRPC_CALL_OK);
    (void)error;
}

static void control_request(struct weft_control *control)
{
    for (size_t i = 0; i < N_METHODS + 1 && !control->ending; i++)
        while (control->sources[i].requested < REQUESTS_A_METHOD && control->n_calls < MAX_CALLS)
            call_request(control, &control->sources[i]);
}

/* Who does not wait for the end has cancelled. */
static void call_count(const struct weft_control_call *call)
{
    weft_status code = call->cancelled || call->end_text == NULL ? WEFT_CANCELLED : call->end_status;
    weft_rpc_meter_count(&call->source->meter, code, weft_clock_ns() - call->arrived_ns);
}

/* The last tag of a call is back: nobody knows it any more. */
static void call_settle(struct weft_control_call *call)
{
    struct weft_control *control = call->control;
    if (call->out > 0) return;
    call_count(call);
    DL_DELETE(control->open, call);
    control->n_open--;
    control->n_calls--;
    call_free(call);
    control_request(control);
    weft_tally_done(control->tally);
}

static void call_refuse_unknown(struct weft_control_call *call)
{
    char *path = grpc_slice_to_c_string(call->details.method);
    weft_control_finish(call, WEFT_UNIMPLEMENTED, weft_arena_format(call->arena, "unknown method '%s'", path));
    gpr_free(path);
}

static void call_open(struct weft_control_call *call)
{
    struct weft_control *control = call->control;
    grpc_op op = { .op = GRPC_OP_RECV_CLOSE_ON_SERVER };
    op.data.recv_close_on_server.cancelled = &call->cancelled;
    call->arrived_ns = weft_clock_ns();
    DL_APPEND(control->open, call);
    control->n_open++;
    call_batch(call, &op, 1, &call->closed);
    if (control->ending)
        weft_control_finish(call, WEFT_UNAVAILABLE, "draining: this instance is about to end");
    else if (control->n_open > MAX_OPEN)
        weft_control_finish(call, WEFT_RESOURCE_EXHAUSTED, "too many calls at a time");
    else if (call->source->method == NULL)
        call_refuse_unknown(call);
    else
        call->source->method->opened(call);
}

/* ---- events ------------------------------------------------------------------------------------------------------ */

static void call_arrived(struct weft_tag *tag, bool ok, struct weft_worker *worker)
{
    (void)worker;
    struct weft_control_call *call = WEFT_TAG_OWNER(tag, struct weft_control_call, arrived);
    struct weft_control *control = call->control;
    pthread_mutex_lock(&control->lock);
    call->source->requested--;
    if (ok) {
        control_request(control);
        call_open(call);
    } else { /* the server shuts down */
        control->n_calls--;
        call_free(call);
        weft_tally_done(control->tally);
    }
    pthread_mutex_unlock(&control->lock);
}

static void call_sent(struct weft_tag *tag, bool ok, struct weft_worker *worker)
{
    (void)worker;
    struct weft_control_call *call = WEFT_TAG_OWNER(tag, struct weft_control_call, sent);
    struct weft_control *control = call->control;
    pthread_mutex_lock(&control->lock);
    grpc_byte_buffer_destroy(call->response);
    call->response = NULL;
    call->sending = false;
    call->out--;
    if (!ok) call->ended = true; /* the client is gone */
    if (!call->ended && call->end_text != NULL)
        call_send(call, NULL, true);
    else if (!call->ended && call->source->method->sent != NULL)
        call->source->method->sent(call);
    call_settle(call);
    pthread_mutex_unlock(&control->lock);
}

static void call_received(struct weft_tag *tag, bool ok, struct weft_worker *worker)
{
    (void)worker;
    struct weft_control_call *call = WEFT_TAG_OWNER(tag, struct weft_control_call, received);
    struct weft_control *control = call->control;
    pthread_mutex_lock(&control->lock);
    call->out--;
    if (ok && !call->ended) call->source->method->received(call);
    call_settle(call);
    pthread_mutex_unlock(&control->lock);
}

static void call_closed(struct weft_tag *tag, bool ok, struct weft_worker *worker)
{
    (void)ok, (void)worker;
    struct weft_control_call *call = WEFT_TAG_OWNER(tag, struct weft_control_call, closed);
    struct weft_control *control = call->control;
    pthread_mutex_lock(&control->lock);
    call->out--;
    call->ended = true;
    call_settle(call);
    pthread_mutex_unlock(&control->lock);
}

static struct weft_control_call *call_new(struct weft_control_source *source, struct weft_control *control)
{
    struct weft_control_call *call = weft_memory_zeroed(1, sizeof *call);
    call->arrived.run = call_arrived;
    call->sent.run = call_sent;
    call->received.run = call_received;
    call->closed.run = call_closed;
    call->control = control;
    call->source = source;
    call->arena = weft_arena_new(ARENA_BYTES);
    grpc_call_details_init(&call->details);
    grpc_metadata_array_init(&call->metadata);
    return call;
}

/* ---- the thread -------------------------------------------------------------------------------------------------- */

static void *control_main(void *arg)
{
    struct weft_control *control = arg;
    uint64_t tick_ns = weft_clock_ns() + TICK_NS;
    for (;;) {
        grpc_event event = grpc_completion_queue_next(control->queue, weft_deadline_to_gpr(tick_ns), NULL);
        if (event.type == GRPC_QUEUE_SHUTDOWN) return NULL;
        if (event.type == GRPC_OP_COMPLETE) {
            struct weft_tag *tag = event.tag;
            weft_tag_back(tag);
            tag->run(tag, event.success != 0, NULL);
        }
        if (weft_clock_ns() < tick_ns) continue;
        for (size_t i = 0; i < sizeof control->crews / sizeof control->crews[0]; i++)
            if (control->crews[i] != NULL) weft_crew_relieve(control->crews[i]);
        tick_ns = weft_clock_ns() + TICK_NS;
    }
}

static size_t names_count(const char *const *names)
{
    size_t n = 0;
    while (names[n] != NULL)
        n++;
    return n;
}

/* The host's services, then ours. */
static const char **services_join(const char *const *theirs, const char *const *ours)
{
    size_t n_theirs = names_count(theirs), n_ours = names_count(ours);
    const char **all = weft_memory_zeroed(n_theirs + n_ours + 1, sizeof all[0]);
    memcpy(all, theirs, n_theirs * sizeof all[0]);
    memcpy(all + n_theirs, ours, n_ours * sizeof all[0]);
    return all;
}

weft_status weft_control_start(struct weft_control *control, struct weft_fault *ret_fault)
{
    control->services = services_join(weft_registry_services(control->registry), weft_registry_services(control->own));
    int rc = weft_thread_start(&control->thread, control_main, control);
    if (rc != 0)
        return weft_fault_set(ret_fault, WEFT_UNAVAILABLE, "cannot start the control thread: %s", strerror(rc));
    pthread_setname_np(control->thread, "weft-rpc-ctl");
    control->started = true;
    pthread_mutex_lock(&control->lock);
    control_request(control);
    pthread_mutex_unlock(&control->lock);
    return WEFT_OK;
}

/* ---- made and ended ---------------------------------------------------------------------------------------------- */

/* What we serve is a contract like any other, for reflection; the details of errors as well, so that tools show them.
 */
static struct weft_registry *own_registry(void)
{
    struct weft_registry *own = weft_registry_new();
    struct weft_fault fault;
    weft_status status = weft_registry_add_file(own, &google_rpc_error_details_proto, &fault);
    assert(status == WEFT_OK);
    for (size_t i = 0; i < N_METHODS; i++) {
        status = weft_registry_add_method(own, control_methods[i]->type, &fault);
        assert(status == WEFT_OK);
    }
    (void)status;
    return own;
}

static void *method_register(grpc_server *server, const struct weft_control_method *method)
{
    void *registered = grpc_server_register_method(
        server, method->type->path, NULL,
        method_streams(method) ? GRPC_SRM_PAYLOAD_NONE : GRPC_SRM_PAYLOAD_READ_INITIAL_BYTE_BUFFER, 0);
    assert(registered != NULL);
    return registered;
}

struct weft_control *weft_control_new(const struct weft_control_options *options)
{
    struct weft_control *control = weft_memory_zeroed(1, sizeof *control);
    control->server = options->server;
    control->tally = options->tally;
    memcpy(control->crews, options->crews, sizeof control->crews);
    control->registry = options->registry;
    control->own = own_registry();
    pthread_mutex_init(&control->lock, NULL);
    /* Not polled: core's sockets are the leader's to wait on. A second thread that polls would take turns with it, and
     * each event would cross from one to the other. */
    const grpc_completion_queue_attributes attributes = { GRPC_CQ_CURRENT_VERSION, GRPC_CQ_NEXT, GRPC_CQ_NON_POLLING,
                                                          NULL };
    control->queue = grpc_completion_queue_create(grpc_completion_queue_factory_lookup(&attributes), &attributes, NULL);
    grpc_server_register_completion_queue(control->server, control->queue, NULL);
    for (size_t i = 0; i < N_METHODS; i++) {
        control->sources[i].method = control_methods[i];
        control->sources[i].registered = method_register(control->server, control_methods[i]);
        weft_rpc_meter_init(&control->sources[i].meter, options->metrics, control_methods[i]->type->path,
                            (control_methods[i]->type->flags & CONTROL_STREAMS) != 0);
    }
    weft_rpc_meter_init(&control->sources[N_METHODS].meter, options->metrics, "_OTHER", false);
    return control;
}

void weft_control_serving(struct weft_control *control, bool serving)
{
    pthread_mutex_lock(&control->lock);
    control->serving = serving;
    for (struct weft_control_call *call = control->open; call != NULL; call = call->next)
        if (!call->ended && call->source->method != NULL && call->source->method->changed != NULL)
            call->source->method->changed(call);
    pthread_mutex_unlock(&control->lock);
}

void weft_control_end(struct weft_control *control)
{
    pthread_mutex_lock(&control->lock);
    control->ending = true;
    for (struct weft_control_call *call = control->open; call != NULL; call = call->next)
        weft_control_finish(call, WEFT_UNAVAILABLE, "draining: this instance is about to end");
    pthread_mutex_unlock(&control->lock);
}

void weft_control_join(struct weft_control *control)
{
    grpc_completion_queue_shutdown(control->queue);
    if (control->started) pthread_join(control->thread, NULL);
}

void weft_control_free(struct weft_control *control)
{
    grpc_completion_queue_destroy(control->queue);
    weft_registry_free(control->own);
    pthread_mutex_destroy(&control->lock);
    free(control->services);
    free(control);
}

/* ---- what its methods ask ---------------------------------------------------------------------------------------- */

bool weft_control_is_serving(const struct weft_control *control)
{
    return control->serving;
}

const char *const *weft_control_services(const struct weft_control *control)
{
    return control->services;
}

const struct weft_file *weft_control_file(const struct weft_control *control, const char *name)
{
    const struct weft_file *file = weft_registry_file(control->registry, name);
    return file != NULL ? file : weft_registry_file(control->own, name);
}

const struct weft_file *weft_control_symbol(const struct weft_control *control, const char *symbol)
{
    const struct weft_file *file = weft_registry_symbol(control->registry, symbol);
    return file != NULL ? file : weft_registry_symbol(control->own, symbol);
}
