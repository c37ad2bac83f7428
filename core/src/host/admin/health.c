/* host/admin/health.c - how the process is. Nothing here asks a broker or a database: plugins report. */
#include "host/admin/pages.h"
#include "host/parts.h"

#include <string.h>

static void text_add(struct weft_buffer *buffer, const char *name, const char *text)
{
    weft_buffer_format(buffer, "\"%s\":", name);
    weft_buffer_json(buffer, text, strlen(text));
}

static const char *phase_name(enum weft_phase phase)
{
    switch (phase) {
    case WEFT_PHASE_READY:
        return "ready";
    case WEFT_PHASE_DRAINING:
        return "draining";
    default:
        return "starting";
    }
}

/* Why its store cannot be had: not yet, or not any more; "" if it can. */
static void part_waiting(struct weft_process *process, struct weft_part *part, char ret_why[sizeof part->waiting])
{
    pthread_mutex_lock(&process->mutex);
    memcpy(ret_why, part->waiting, sizeof part->waiting);
    if (part->relay != NULL) weft_relay_store_trouble(part->relay, ret_why, sizeof part->waiting);
    pthread_mutex_unlock(&process->mutex);
}

/* ---- /health ----------------------------------------------------------------------------------------------------- */

static void instance_add(struct weft_buffer *buffer, const char *part, const char *service,
                         struct weft_instance *instance, const char *waiting)
{
    struct weft_instance_health health = weft_instance_health(instance);
    bool silent = health.state == WEFT_HEALTH_CONNECTING && waiting != NULL; /* stores need not report */
    const char *state = silent ? (waiting[0] == '\0' ? "up" : "down") : weft_health_name(health.state);
    weft_buffer_byte(buffer, '{');
    text_add(buffer, "part", part);
    weft_buffer_byte(buffer, ',');
    if (service != NULL) {
        text_add(buffer, "service", service);
        weft_buffer_byte(buffer, ',');
    }
    text_add(buffer, "plugin", weft_instance_plugin(instance)->name);
    weft_buffer_byte(buffer, ',');
    text_add(buffer, "url", weft_instance_url(instance));
    weft_buffer_byte(buffer, ',');
    text_add(buffer, "state", state);
    const char *text = silent ? waiting : health.text;
    if (text[0] != '\0') {
        weft_buffer_byte(buffer, ',');
        text_add(buffer, "text", text);
    }
    weft_buffer_byte(buffer, '}');
}

void weft_process_health_json(struct weft_process *process, struct weft_buffer *buffer)
{
    weft_buffer_byte(buffer, '{');
    text_add(buffer, "state", phase_name(weft_process_phase(process)));
    weft_buffer_byte(buffer, ',');
    text_add(buffer, "instance", process->instance);
    weft_buffer_text(buffer, ",\"parts\":[");
    instance_add(buffer, "transport", NULL, process->transport_instance, NULL);
    weft_buffer_byte(buffer, ',');
    instance_add(buffer, "cache", NULL, process->cache_instance, NULL);
    for (size_t i = 0; i < process->n_parts; i++) {
        struct weft_part *part = &process->parts[i];
        char waiting[sizeof part->waiting];
        if (part->store_instance == NULL) continue;
        part_waiting(process, part, waiting);
        weft_buffer_byte(buffer, ',');
        instance_add(buffer, "store", part->service->name, part->store_instance, waiting);
    }
    weft_buffer_text(buffer, "]}\n");
}

unsigned weft_page_health(void *arg, const struct weft_admin_request *request, struct weft_buffer *body)
{
    (void)request;
    weft_process_health_json(arg, body);
    return 200;
}

/* ---- /livez, /readyz --------------------------------------------------------------------------------------------- */

unsigned weft_page_live(void *arg, const struct weft_admin_request *request, struct weft_buffer *body)
{
    (void)arg, (void)request;
    weft_buffer_text(body, "{\"live\":true}\n");
    return 200;
}

static void reason_add(struct weft_buffer *body, const char *part, const char *service, const char *why)
{
    weft_buffer_text(body, body->data[body->size - 1] == '[' ? "{" : ",{");
    text_add(body, "part", part);
    if (service != NULL) {
        weft_buffer_byte(body, ',');
        text_add(body, "service", service);
    }
    weft_buffer_byte(body, ',');
    text_add(body, "reason", why);
    weft_buffer_byte(body, '}');
}

static void stores_add(struct weft_process *process, struct weft_buffer *body)
{
    for (size_t i = 0; i < process->n_parts; i++) {
        char waiting[sizeof process->parts[i].waiting];
        part_waiting(process, &process->parts[i], waiting);
        if (waiting[0] != '\0') reason_add(body, "store", process->parts[i].service->name, waiting);
    }
}

/* Once ready, a broker that is away is no reason: writes go on, and their events wait in the outbox. A store is one. */
static void transport_add(struct weft_process *process, struct weft_buffer *body)
{
    struct weft_instance_health transport = weft_instance_health(process->transport_instance);
    if (transport.state != WEFT_HEALTH_UP)
        reason_add(body, "transport", NULL,
                   transport.text[0] != '\0' ? transport.text : weft_health_name(transport.state));
}

unsigned weft_page_ready(void *arg, const struct weft_admin_request *request, struct weft_buffer *body)
{
    (void)request;
    static const char begins[] = "{\"ready\":false,\"reasons\":[";
    struct weft_process *process = arg;
    enum weft_phase phase = weft_process_phase(process);
    weft_buffer_text(body, begins);
    if (phase == WEFT_PHASE_DRAINING)
        reason_add(body, "host", NULL, "draining");
    else
        stores_add(process, body);
    if (phase == WEFT_PHASE_STARTING) transport_add(process, body);
    if (phase == WEFT_PHASE_READY && body->size == sizeof begins - 1) {
        body->size = 0;
        weft_buffer_text(body, "{\"ready\":true}\n");
        return 200;
    }
    weft_buffer_text(body, "]}\n");
    return 503;
}
