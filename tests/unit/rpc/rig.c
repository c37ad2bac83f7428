#include "rig.h"

#include "base/memory.h"
#include "data/work.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weft/client.h>

/* ---- handlers ---------------------------------------------------------------------------------------------------- */

static weft_status on_echo(weft_call *call, const Test__V1__EchoRequest *in, Test__V1__EchoResponse *out, void *arg)
{
    (void)arg;
    out->text = weft_strdup(call, in->text);
    out->data = in->data;
    out->correlation_id = weft_strdup(call, weft_correlation_id(call));
    const char *test = weft_metadata(call, "x-test");
    out->metadata = weft_strdup(call, test != NULL ? test : "");
    out->left_ms = weft_left_ms(call);
    out->traceparent = weft_strdup(call, call->traceparent != NULL ? call->traceparent : "");
    return WEFT_OK;
}

static weft_status on_fail(weft_call *call, const Test__V1__FailRequest *in, Test__V1__FailResponse *out, void *arg)
{
    static char not_utf8[] = "\xff\xfe";
    (void)arg;
    if (in->bad_answer) {
        out->text = not_utf8;
        return WEFT_OK;
    }
    for (size_t i = 0; i < in->n_fields; i++)
        weft_fail_field(call, in->fields[i], "is bad");
    return in->n_fields > 0 ? WEFT_INVALID_ARGUMENT : weft_fail(call, (weft_status)in->code, "%s", in->text);
}

static weft_status on_block(weft_call *call, const Test__V1__BlockRequest *in, Test__V1__BlockResponse *out, void *arg)
{
    (void)out;
    struct rig *rig = arg;
    if (!in->silently) weft_work_wait(call);
    pthread_mutex_lock(&rig->lock);
    rig->blocked++;
    rig->entered++;
    pthread_cond_broadcast(&rig->changed);
    while (!rig->open)
        pthread_cond_wait(&rig->changed, &rig->lock);
    rig->blocked--;
    pthread_cond_broadcast(&rig->changed);
    pthread_mutex_unlock(&rig->lock);
    return WEFT_OK;
}

static weft_status on_forward(weft_call *call, const Test__V1__ForwardRequest *in, Test__V1__ForwardResponse *out,
                              void *arg)
{
    struct rig *rig = arg;
    weft_status status;
    if (in->to_itself) {
        Test__V1__ForwardResponse *answer;
        status = test_v1_echo_service_forward(rig->client, call, in, &answer);
    } else {
        Test__V1__EchoResponse *answer;
        status = test_v1_echo_service_echo(rig->client, call, &(Test__V1__EchoRequest){ .text = in->text }, &answer);
        if (status == WEFT_OK) out->text = answer->text, out->correlation_id = answer->correlation_id;
    }
    return status == WEFT_OK ? status : weft_fail(call, status, "%s", weft_client_error());
}

/* ---- the rig ----------------------------------------------------------------------------------------------------- */

#define METHOD(rig, name)                                                                                              \
    (struct weft_rpc_method)                                                                                           \
    {                                                                                                                  \
        .type = &test_v1_echo_service_##name##_method, .trampoline = test_v1_echo_service_##name##_trampoline,         \
        .handler = (weft_handler)on_##name, .arg = rig, .service = "echo-service"                                      \
    }

struct rig *rig_new(const struct weft_rpc_options *given)
{
    weft_rpc_init();
    struct weft_fault fault;
    struct rig *rig = weft_memory_zeroed(1, sizeof *rig);
    pthread_mutex_init(&rig->lock, NULL);
    pthread_cond_init(&rig->changed, NULL);
    const struct weft_rpc_method methods[RIG_METHODS] = { METHOD(rig, echo), METHOD(rig, fail), METHOD(rig, block),
                                                          METHOD(rig, forward) };
    memcpy(rig->methods, methods, sizeof methods);
    rig->registry = weft_registry_new();
    for (size_t i = 0; i < RIG_METHODS; i++)
        ck_assert_int_eq(weft_registry_add_method(rig->registry, methods[i].type, &fault), WEFT_OK);
    struct weft_rpc_options options = { 0 };
    if (given != NULL) options = *given;
    options.listen = "127.0.0.1:0";
    weft_status status = weft_rpc_server_new(&options, rig->registry, rig->methods, RIG_METHODS, &rig->server, &fault);
    ck_assert_msg(status == WEFT_OK, "%s", fault.text);
    snprintf(rig->address, sizeof rig->address, "127.0.0.1:%u", (unsigned)weft_rpc_server_port(rig->server));
    return rig;
}

void rig_serve(struct rig *rig)
{
    struct weft_fault fault;
    weft_status status = weft_rpc_server_start(rig->server, &fault);
    ck_assert_msg(status == WEFT_OK, "%s", fault.text);
    weft_rpc_server_serving(rig->server, true);
    rig->channel = weft_channel_new(rig->address, 0);
}

struct rig *rig_start(const struct weft_rpc_options *options)
{
    struct rig *rig = rig_new(options);
    rig_serve(rig);
    return rig;
}

void rig_stop(struct rig *rig)
{
    weft_channel_free(rig->channel);
    weft_client_free(rig->client);
    weft_rpc_server_stop(rig->server);
    weft_rpc_local_free(rig->local);
    weft_registry_free(rig->registry);
    pthread_cond_destroy(&rig->changed);
    pthread_mutex_destroy(&rig->lock);
    free(rig);
}

weft_status rig_call(struct rig *rig, const char *path, const void *bytes, size_t size,
                     struct weft_channel_reply *reply, struct weft_fault *fault)
{
    const struct weft_channel_request request = {
        .path = path, .deadline_ns = weft_clock_ns() + 10 * WEFT_SECOND, .message = bytes, .size = size
    };
    return weft_channel_call(rig->channel, &request, reply, fault);
}

weft_status rig_call_message(struct rig *rig, const char *path, const ProtobufCMessage *message,
                             struct weft_channel_reply *reply, struct weft_fault *fault)
{
    size_t size = protobuf_c_message_get_packed_size(message);
    uint8_t *bytes = weft_memory_get(size + 1);
    protobuf_c_message_pack(message, bytes);
    weft_status status = rig_call(rig, path, bytes, size, reply, fault);
    free(bytes);
    return status;
}

/* ---- blocked handlers -------------------------------------------------------------------------------------------- */

static void *blocked_main(void *arg)
{
    struct rig_blocked *call = arg;
    const uint8_t bytes[] = { 0x08, call->silently };
    const struct weft_channel_request request = {
        .path = "/test.v1.EchoService/Block", .deadline_ns = call->deadline_ns, .message = bytes, .size = sizeof bytes
    };
    struct weft_channel_reply reply;
    call->status = weft_channel_call(call->rig->channel, &request, &reply, &call->fault);
    weft_channel_reply_free(&reply);
    return NULL;
}

void rig_block(struct rig *rig, struct rig_blocked *calls, unsigned n, bool silently)
{
    for (unsigned i = 0; i < n; i++) {
        calls[i] =
            (struct rig_blocked){ .rig = rig, .silently = silently, .deadline_ns = weft_clock_ns() + 20 * WEFT_SECOND };
        pthread_create(&calls[i].thread, NULL, blocked_main, &calls[i]);
    }
}

void rig_wait_blocked(struct rig *rig, unsigned n)
{
    struct timespec deadline = weft_clock_timespec(weft_clock_ns() + 10 * WEFT_SECOND);
    int rc = 0;
    pthread_mutex_lock(&rig->lock);
    while (rig->blocked < n && rc == 0)
        rc = pthread_cond_clockwait(&rig->changed, &rig->lock, CLOCK_MONOTONIC, &deadline);
    unsigned blocked = rig->blocked;
    pthread_mutex_unlock(&rig->lock);
    ck_assert_uint_ge(blocked, n);
}

void rig_open_gate(struct rig *rig)
{
    pthread_mutex_lock(&rig->lock);
    rig->open = true;
    pthread_cond_broadcast(&rig->changed);
    pthread_mutex_unlock(&rig->lock);
}

void rig_join(struct rig_blocked *calls, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        pthread_join(calls[i].thread, NULL);
}
