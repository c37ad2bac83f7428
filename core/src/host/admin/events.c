/* host/admin/events.c - published events as they leave (GET /events), and an event of one's own (POST /events).
 *
 * Seeing them needs no queue at the broker: one bound to the real topics would count as a listener, and events that
 * nobody handles would no longer be held. So a host shows what its own relays have published. */
#include "base/clock.h"
#include "base/id.h"
#include "base/text.h"
#include "contract/json/json.h"
#include "contract/message.h"
#include "data/tx.h"
#include "data/work.h"
#include "host/admin/pages.h"
#include "host/parts.h"

#include <fnmatch.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { EVENTS_ARENA_BYTES = 16 * 1024 };
#define EVENTS_POLL_NS (20 * WEFT_SECOND) /* an idle answer's time: below what proxies allow a request */

/* ---- showing ----------------------------------------------------------------------------------------------------- */

struct showing {
    struct weft_process *process;
    const struct weft_admin_request *request;
    const char *pattern; /* or NULL */
    struct weft_arena *arena;
    struct weft_buffer *body;
};

static void text_add(struct weft_buffer *body, const char *name, const char *text)
{
    weft_buffer_format(body, ",\"%s\":", name);
    if (text == NULL)
        weft_buffer_text(body, "null");
    else
        weft_buffer_json(body, text, strlen(text));
}

/* The payload as JSON, sensitive fields masked; null with the reason if the contract is not known here. */
static void data_add(struct showing *showing, const struct weft_event_type *type, const struct weft_message *message)
{
    struct weft_envelope envelope;
    ProtobufCMessage *unpacked = NULL;
    struct weft_fault why = { 0 };
    weft_status status = WEFT_NOT_FOUND;
    weft_buffer_text(showing->body, ",\"data\":");
    size_t begin = showing->body->size;
    weft_envelope_read(showing->arena, message, &envelope);
    if (type == NULL)
        weft_fault_set(&why, WEFT_NOT_FOUND, "no service of this host knows the type");
    else
        status = weft_envelope_unpack(showing->arena, &envelope, message, type, &unpacked, &why);
    if (status == WEFT_OK)
        status = weft_json_write(type->message, unpacked, WEFT_JSON_MASK | WEFT_JSON_DEFAULTS, showing->body, &why);
    if (status == WEFT_OK) return;
    showing->body->size = begin;
    weft_buffer_format(showing->body, "null,\"bytes\":%" PRIu64, message->payload_size);
    text_add(showing->body, "error", why.text);
}

static bool key_is_sensitive(const struct weft_event_type *type)
{
    return type != NULL && (type->message->fields[type->key_field].flags & WEFT_FIELD_SENSITIVE) != 0;
}

static void event_show(void *arg, uint64_t number, const struct weft_message *message)
{
    struct showing *showing = arg;
    char time[28];
    if (showing->pattern != NULL && fnmatch(showing->pattern, message->type, 0) != 0 &&
        strcmp(showing->pattern, message->topic) != 0)
        return;
    const struct weft_event_type *type = weft_registry_event(showing->process->registry, message->type);
    weft_clock_format(message->time_us, time);
    weft_buffer_format(showing->body, "{\"number\":%" PRIu64, number);
    text_add(showing->body, "time", time);
    text_add(showing->body, "type", message->type);
    text_add(showing->body, "id", message->id);
    text_add(showing->body, "source", message->source);
    text_add(showing->body, "topic", message->topic);
    text_add(showing->body, "routingKey", message->routing_key);
    text_add(showing->body, "key", key_is_sensitive(type) ? "***" : message->key);
    text_add(showing->body, "correlationId", message->correlation_id);
    data_add(showing, type, message);
    weft_buffer_text(showing->body, "}\n");
    weft_arena_reset(showing->arena);
}

static bool showing_ended(void *arg)
{
    const struct showing *showing = arg;
    return weft_admin_ended(showing->request);
}

/* "<process>-<number>": a position of another process's is none here. false: not even of this form. */
static bool position_read(const struct weft_process *process, const char *text, uint64_t *ret_after)
{
    uint64_t started, number;
    *ret_after = WEFT_TAP_NEWEST;
    if (text == NULL) return true;
    if (sscanf(text, "%" SCNx64 "-%" SCNu64, &started, &number) != 2) return false;
    if (started == process->started_ns) *ret_after = number;
    return true;
}

unsigned weft_page_events(void *arg, const struct weft_admin_request *request, struct weft_buffer *body)
{
    struct weft_process *process = arg;
    struct showing showing = { process, request, weft_admin_parameter(request, "pattern"), NULL, body };
    struct weft_tap_reader reader = { .deadline_ns = weft_clock_ns() + EVENTS_POLL_NS,
                                      .step_ns = WEFT_ADMIN_STEP_MS * WEFT_MS,
                                      .ended = showing_ended,
                                      .each = event_show,
                                      .arg = &showing };
    uint64_t missed = 0;
    if (!position_read(process, weft_admin_parameter(request, "after"), &reader.after))
        return weft_admin_refuse(body, 400, "after: want the \"next\" of an earlier answer");
    showing.arena = weft_arena_new(EVENTS_ARENA_BYTES);
    uint64_t last = weft_tap_read(process->tap, &reader, &missed);
    weft_arena_free(showing.arena);
    weft_buffer_format(body, "{\"next\":\"%" PRIx64 "-%" PRIu64 "\",\"missed\":%" PRIu64 "}\n", process->started_ns,
                       last, missed);
    return 200;
}

/* ---- publishing -------------------------------------------------------------------------------------------------- */

static bool service_emits(const struct weft_service *service, const char *type)
{
    for (size_t i = 0; i < service->n_emits; i++)
        if (strcmp(service->emits[i]->type, type) == 0) return true;
    return false;
}

/* The part whose outbox it goes to: the named service, or the first that emits the type. */
static struct weft_part *part_find(struct weft_process *process, const char *type, const char *service)
{
    for (size_t i = 0; i < process->n_parts; i++) {
        struct weft_part *part = &process->parts[i];
        bool named = service == NULL || strcmp(part->service->name, service) == 0;
        if (named && part->store != NULL && service_emits(part->service, type)) return part;
    }
    return NULL;
}

static unsigned type_unknown(struct weft_process *process, const char *type, struct weft_buffer *body)
{
    const char *names[256 + 1];
    size_t n = 0;
    for (size_t i = 0; i < process->n_parts; i++)
        for (size_t e = 0; e < process->parts[i].service->n_emits && n < 256; e++)
            names[n++] = process->parts[i].service->emits[e]->type;
    names[n] = NULL;
    const char *near = weft_text_nearest(type, names);
    return weft_admin_refuse(body, 404, "no service of this host emits '%.200s'%s%s%s", type,
                             near != NULL ? "; is it " : "", near != NULL ? near : "", near != NULL ? "?" : "");
}

/* One transaction of the service's, as a handler's: the outbox row alone, behind a lock of its key. */
static weft_status event_emit(struct weft_part *part, const struct weft_event_type *type,
                              const ProtobufCMessage *message, struct weft_work *work, const char **ret_id)
{
    struct weft_tx_outcome outcome = { 0 };
    weft_tx *tx = weft_tx_new(work->arena, part->store, WEFT_SESSION_REQUEST, work->deadline_ns, work);
    weft_status status = weft_lock_key(tx, weft_message_key(work->arena, type, message));
    if (status == WEFT_OK) status = weft_emit(tx, type, message);
    work->fault = *weft_tx_fault(tx);
    *ret_id = weft_tx_event_id(tx);
    if (status != WEFT_OK) {
        weft_tx_rollback(tx);
        return status;
    }
    status = weft_tx_commit(tx, &outcome);
    if (status != WEFT_OK) weft_fault_set(&work->fault, status, "%s: %s", part->service->name, outcome.text);
    return status;
}

static unsigned code_of(weft_status status)
{
    switch (status) {
    case WEFT_INVALID_ARGUMENT:
        return 400;
    case WEFT_UNAVAILABLE:
    case WEFT_RESOURCE_EXHAUSTED:
        return 503;
    case WEFT_DEADLINE_EXCEEDED:
        return 504;
    default:
        return 500;
    }
}

static unsigned event_publish(struct weft_part *part, const struct weft_event_type *type,
                              const struct weft_admin_request *request, struct weft_work *work,
                              struct weft_buffer *body)
{
    size_t size;
    const char *json = weft_admin_body(request, &size), *id = NULL;
    ProtobufCMessage *message = NULL;
    struct weft_fault why = { 0 };
    weft_status status = weft_json_read(type->message, json, size, work->arena, &message, &why);
    if (status == WEFT_OK) {
        status = event_emit(part, type, message, work, &id);
        why = work->fault;
    }
    if (status != WEFT_OK) return weft_admin_refuse(body, code_of(status), "%s", why.text);
    weft_buffer_format(body, "{\"id\":\"%s\"", id);
    text_add(body, "type", type->type);
    text_add(body, "service", part->service->name);
    weft_buffer_text(body, "}\n");
    return 200;
}

unsigned weft_page_event_publish(void *arg, const struct weft_admin_request *request, struct weft_buffer *body)
{
    struct weft_process *process = arg;
    const char *type = weft_admin_parameter(request, "type"), *service = weft_admin_parameter(request, "service");
    const char *correlation = weft_admin_parameter(request, "correlation");
    if (type == NULL) return weft_admin_refuse(body, 400, "want ?type=<event type>");
    if (correlation != NULL && !weft_text_is_correlation_id(correlation, strlen(correlation)))
        return weft_admin_refuse(body, 400, "correlation: want 1 to 128 visible ASCII characters");
    if (weft_process_phase(process) != WEFT_PHASE_READY)
        return weft_admin_refuse(body, 503, "the host is not ready: its stores may not be in place");
    struct weft_part *part = part_find(process, type, service);
    if (part == NULL && service != NULL && part_find(process, type, NULL) != NULL)
        return weft_admin_refuse(body, 404, "the service '%.100s' does not emit %s", service, type);
    if (part == NULL) return type_unknown(process, type, body);
    if (!weft_process_act_begin(process)) return weft_admin_refuse(body, 503, "the host is not ready, or drains");
    struct weft_arena *arena = weft_arena_new(EVENTS_ARENA_BYTES);
    if (correlation == NULL) {
        char *made = weft_arena_alloc(arena, WEFT_ID_SIZE);
        weft_id_v7(made);
        correlation = made;
    }
    struct weft_work work = { .arena = arena,
                              .service = part->service->name,
                              .store = part->store,
                              .deadline_ns = weft_admin_deadline(request),
                              .correlation_id = correlation };
    unsigned code = event_publish(part, weft_registry_event(process->registry, type), request, &work, body);
    weft_arena_free(arena);
    weft_process_act_end(process);
    return code;
}
