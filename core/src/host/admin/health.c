/* host/admin/health.c - how the process is: alive, ready, and each of its parts. */
#include "host/admin/pages.h"
#include "host/admin/state.h"

#include "base/clock.h"

#include <string.h>

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

/* A member of an object, if there is a value; with a comma unless it is the first. */
static void text_add(struct weft_buffer *buffer, const char *name, const char *text)
{
    if (text == NULL || text[0] == '\0') return;
    weft_buffer_format(buffer, "%s\"%s\":", buffer->data[buffer->size - 1] == '{' ? "" : ",", name);
    weft_buffer_json(buffer, text, strlen(text));
}

/* The brace that begins an object in an array. */
static void object_open(struct weft_buffer *buffer)
{
    weft_buffer_text(buffer, buffer->data[buffer->size - 1] == '[' ? "{" : ",{");
}

/* ---- /health ----------------------------------------------------------------------------------------------------- */

static void state_add(void *arg, const struct weft_part_state *state)
{
    struct weft_buffer *buffer = arg;
    char since[28] = "";
    if (state->since_us != 0) weft_clock_format(state->since_us, since);
    object_open(buffer);
    text_add(buffer, "part", state->part);
    text_add(buffer, "service", state->service);
    text_add(buffer, "group", state->group);
    text_add(buffer, "plugin", state->plugin != NULL ? state->plugin->name : NULL);
    text_add(buffer, "url", state->url);
    text_add(buffer, "state", state->state);
    text_add(buffer, "since", since);
    text_add(buffer, "why", state->why);
    weft_buffer_byte(buffer, '}');
}

void weft_process_health_json(struct weft_process *process, struct weft_buffer *buffer)
{
    weft_buffer_byte(buffer, '{');
    text_add(buffer, "state", phase_name(weft_process_phase(process)));
    text_add(buffer, "instance", process->instance);
    text_add(buffer, "version", WEFT_VERSION);
    weft_buffer_text(buffer, ",\"parts\":[");
    weft_states_each(process, state_add, buffer);
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
    object_open(body);
    text_add(body, "part", part);
    text_add(body, "service", service);
    text_add(body, "reason", why);
    weft_buffer_byte(body, '}');
}

struct readiness {
    struct weft_buffer *body;
    enum weft_phase phase;
    bool ready;
};

/* Without its store a service cannot answer. Without the broker or the cache it can, once it has been ready. */
static void state_judge(void *arg, const struct weft_part_state *state)
{
    struct readiness *readiness = arg;
    bool needed = strcmp(state->part, "store") == 0 ||
                  (strcmp(state->part, "transport") == 0 && readiness->phase == WEFT_PHASE_STARTING);
    if (!needed || state->up) return;
    readiness->ready = false;
    reason_add(readiness->body, state->part, state->service, state->why[0] != '\0' ? state->why : state->state);
}

bool weft_process_readiness(struct weft_process *process, struct weft_buffer *body)
{
    struct readiness readiness = { body, weft_process_phase(process), true };
    weft_buffer_text(body, "{\"ready\":false,\"reasons\":[");
    if (readiness.phase != WEFT_PHASE_READY) {
        readiness.ready = false;
        reason_add(body, "host", NULL, phase_name(readiness.phase));
    }
    if (readiness.phase != WEFT_PHASE_DRAINING) weft_states_each(process, state_judge, &readiness);
    weft_buffer_text(body, "]}\n");
    return readiness.ready;
}

unsigned weft_page_ready(void *arg, const struct weft_admin_request *request, struct weft_buffer *body)
{
    (void)request;
    if (!weft_process_readiness(arg, body)) return 503;
    body->size = 0;
    weft_buffer_text(body, "{\"ready\":true}\n");
    return 200;
}
