/* command/doctor/broker.c - the transport: reached, and one message taken there and back. */
#include "command/doctor/checks.h"

#include "base/clock.h"
#include "base/id.h"
#include "event/transport.h"
#include "host/plugin/instance.h"

#include <pthread.h>
#include <string.h>
#include <unistd.h>

#define PROBE_TOPIC "weft-doctor" /* the one thing that stays at the broker */
#define PROBE_PAUSE (200 * WEFT_MS)

/* What the plugin's threads tell: under the mutex. */
struct probe {
    struct weft_publish_sink publishing; /* first: host_data is its address */
    struct weft_delivery_sink delivering;
    struct weft_publish publish;
    struct weft_transport *transport;
    struct weft_instance *instance;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    const struct weft_delivery *delivery;
    bool completed;
    int32_t rc;
    char why[200];
};

static void probe_wake(void *arg)
{
    struct probe *probe = arg;
    pthread_mutex_lock(&probe->mutex);
    pthread_cond_broadcast(&probe->changed);
    pthread_mutex_unlock(&probe->mutex);
}

static void probe_complete(struct weft_publish_sink *sink, const struct weft_completion *completions, size_t n)
{
    struct probe *probe = (struct probe *)(void *)sink;
    pthread_mutex_lock(&probe->mutex);
    probe->completed = n > 0;
    probe->rc = completions[0].rc;
    if (completions[0].text != NULL) strncpy(probe->why, completions[0].text, sizeof probe->why - 1);
    pthread_cond_broadcast(&probe->changed);
    pthread_mutex_unlock(&probe->mutex);
}

static void probe_ready(struct weft_publish_sink *sink)
{
    (void)sink;
}

static size_t probe_deliver(struct weft_delivery_sink *sink, const struct weft_delivery *const *deliveries, size_t n)
{
    struct probe *probe = (struct probe *)(void *)((char *)sink - offsetof(struct probe, delivering));
    pthread_mutex_lock(&probe->mutex);
    probe->delivery = deliveries[0];
    pthread_cond_broadcast(&probe->changed);
    pthread_mutex_unlock(&probe->mutex);
    return n < 1 ? n : 1;
}

static bool is_up(const struct probe *probe)
{
    int32_t state = weft_instance_health(probe->instance).state;
    return state == WEFT_HEALTH_UP || state == WEFT_HEALTH_REFUSED;
}
static bool is_completed(const struct probe *probe)
{
    return probe->completed;
}
static bool is_delivered(const struct probe *probe)
{
    return probe->delivery != NULL;
}

static bool is_ended(const struct probe *probe)
{
    return probe->completed || probe->delivery != NULL;
}

static bool probe_await(struct probe *probe, bool (*holds)(const struct probe *), uint64_t time_ns)
{
    struct timespec until = weft_clock_timespec(weft_clock_ns() + time_ns);
    pthread_mutex_lock(&probe->mutex);
    bool held = holds(probe);
    while (!held && pthread_cond_clockwait(&probe->changed, &probe->mutex, CLOCK_MONOTONIC, &until) == 0)
        held = holds(probe);
    pthread_mutex_unlock(&probe->mutex);
    return held || holds(probe);
}

/* Up, with the topology in place. */
static weft_status broker_reach(struct weft_checks *checks, struct probe *probe, const struct weft_topology *topology,
                                struct weft_fault *fault)
{
    weft_status status = weft_transport_declare(probe->transport, topology, fault);
    if (status != WEFT_OK) return status;
    bool answered = probe_await(probe, is_up, checks->time_ns);
    struct weft_instance_health health = weft_instance_health(probe->instance);
    if (answered && health.state == WEFT_HEALTH_UP) return WEFT_OK;
    return weft_fault_set(fault, health.state == WEFT_HEALTH_REFUSED ? WEFT_PERMISSION_DENIED : WEFT_UNAVAILABLE, "%s",
                          health.text[0] != '\0' ? health.text : "it does not answer in time");
}

static void message_make(struct probe *probe, const char *id)
{
    probe->publishing = (struct weft_publish_sink){ probe_complete, probe_ready };
    probe->publish = (struct weft_publish){ .message = { .id = id,
                                                         .type = "weft.doctor",
                                                         .topic = PROBE_TOPIC,
                                                         .routing_key = "probe",
                                                         .content_type = "application/json",
                                                         .source = "weft-doctor",
                                                         .payload = "{}",
                                                         .payload_size = 2,
                                                         .time_us = weft_clock_wall_us() },
                                            .host_data = &probe->publishing };
}

static weft_status message_refused(const struct probe *probe, struct weft_fault *fault)
{
    return weft_fault_set(fault, WEFT_PERMISSION_DENIED, "a message was refused%s%s", probe->why[0] != '\0' ? ": " : "",
                          probe->why);
}

/* One message out, and awaited for a moment: the queue may be there only a moment after its subscription is, and a
 * channel for publishing as well. */
static weft_status message_send(struct probe *probe, uint64_t time_ns, struct weft_fault *fault)
{
    const struct weft_publish *operation = &probe->publish;
    probe->completed = false;
    if (weft_transport_publish(probe->transport, &operation, 1) != 1) {
        probe_await(probe, is_delivered, PROBE_PAUSE);
        return weft_fault_set(fault, WEFT_UNAVAILABLE, "it takes no message");
    }
    probe_await(probe, is_ended, time_ns);
    if (!probe->completed && probe->delivery == NULL)
        return weft_fault_set(fault, WEFT_DEADLINE_EXCEEDED, "it does not confirm a message in time");
    if (probe->completed && probe->rc != WEFT_RC_OK) return message_refused(probe, fault);
    if (probe_await(probe, is_delivered, PROBE_PAUSE)) return WEFT_OK;
    return weft_fault_set(fault, WEFT_UNAVAILABLE, "a message does not come back in time");
}

static weft_status message_return(struct weft_checks *checks, struct probe *probe, struct weft_fault *fault)
{
    const struct weft_settle settle = { .delivery = probe->delivery, .verdict = WEFT_VERDICT_ACK };
    weft_transport_settle(probe->transport, &probe->delivering, &settle, 1);
    if (!probe_await(probe, is_completed, checks->time_ns))
        return weft_fault_set(fault, WEFT_UNAVAILABLE, "it does not confirm a message in time");
    return probe->rc == WEFT_RC_OK ? WEFT_OK : message_refused(probe, fault);
}

/* A queue of this process alone, which goes with it. */
static weft_status broker_use(struct weft_checks *checks, struct probe *probe, const char *queue,
                              struct weft_fault *fault)
{
    char id[WEFT_ID_SIZE];
    uint64_t until_ns = weft_clock_ns() + checks->time_ns;
    struct weft_subscription subscription = {
        .size = sizeof subscription, .flags = WEFT_QUEUE_BROADCAST, .queue = queue, .credit = 1
    };
    weft_id_v7(id);
    message_make(probe, id);
    probe->delivering = (struct weft_delivery_sink){ probe_deliver };
    weft_status status = weft_transport_subscribe(probe->transport, &subscription, &probe->delivering, fault);
    if (status != WEFT_OK) return status;
    do
        status = message_send(probe, checks->time_ns, fault);
    while (status == WEFT_UNAVAILABLE && weft_clock_ns() < until_ns);
    if (status == WEFT_OK) status = message_return(checks, probe, fault);
    weft_transport_unsubscribe(probe->transport, &probe->delivering);
    return status;
}

static weft_status broker_try(struct weft_checks *checks, struct probe *probe, struct weft_fault *fault)
{
    static const char *const topics[] = { PROBE_TOPIC };
    static const struct weft_binding binding = { PROBE_TOPIC, "probe" };
    const char *name = weft_arena_format(checks->report->line->arena, PROBE_TOPIC ".%d", (int)getpid());
    struct weft_queue queue = { .name = name, .bindings = &binding, .n_bindings = 1, .flags = WEFT_QUEUE_BROADCAST };
    struct weft_topology nothing = { .size = sizeof nothing };
    struct weft_topology all = { .size = sizeof all, .topics = topics, .n_topics = 1, .queues = &queue, .n_queues = 1 };
    weft_status status = broker_reach(checks, probe, checks->probes ? &all : &nothing, fault);
    return status == WEFT_OK && checks->probes ? broker_use(checks, probe, name, fault) : status;
}

static void broker_report(struct weft_checks *checks, struct probe *probe, const char *origin)
{
    struct weft_fault fault = { 0 };
    weft_status status = broker_try(checks, probe, &fault);
    const char *url = weft_instance_url(probe->instance);
    if (status == WEFT_OK)
        weft_report_add(checks->report, WEFT_FINDING_OK, "transport", NULL, "%s connects%s", url,
                        checks->probes ? ", declares, publishes, confirms and consumes" : "");
    else
        weft_report_add(checks->report, WEFT_FINDING_FAILED, "transport",
                        weft_check_advice(checks, status, fault.text, origin), "%s: %s", url, fault.text);
    if (status == WEFT_OK) weft_check_examine(checks, "transport", probe->instance);
}

void weft_check_transport(struct weft_checks *checks)
{
    struct weft_fault fault = { 0 };
    struct probe probe = { .transport = weft_transport_new() };
    pthread_mutex_init(&probe.mutex, NULL);
    pthread_cond_init(&probe.changed, NULL);
    struct weft_instance_options options = { .kind = WEFT_KIND_TRANSPORT,
                                             .url = weft_config_text(checks->config, "transport"),
                                             .url_origin = weft_config_origin(checks->config, "transport"),
                                             .config = checks->config,
                                             .instance = "weft-doctor",
                                             .data_dir = weft_config_text(checks->config, "data_dir"),
                                             .transport = probe.transport,
                                             .on_health = probe_wake,
                                             .on_health_arg = &probe };
    if (weft_instance_open(checks->loader, &options, &probe.instance, &fault) == WEFT_OK) {
        broker_report(checks, &probe, options.url_origin);
        weft_instance_close(probe.instance, weft_clock_ns() + WEFT_SECOND);
    } else {
        weft_report_add(checks->report, WEFT_FINDING_FAILED, "transport", NULL, "%s", fault.text);
    }
    weft_transport_free(probe.transport);
    pthread_cond_destroy(&probe.changed);
    pthread_mutex_destroy(&probe.mutex);
}
