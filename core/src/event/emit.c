/* event/emit.c - an event goes into a transaction: checked and packed at once, sent with the commit. */
#include "event/emit.h"

#include "base/buffer.h"
#include "base/clock.h"
#include "base/id.h"
#include "base/text.h"
#include "contract/json/json.h"
#include "contract/message.h"

#include <string.h>

enum { EMIT_MAX_BYTES = 1 << 20 }; /* of a body: a broker is no place for files */

/* Where the body's message is described: "weft:<type>/<version>/<fingerprint>", a URI as CloudEvents wants dataschema.
 */
static const char *emit_schema(struct weft_arena *arena, const struct weft_event_type *type)
{
    return weft_arena_format(arena, "weft:%s/%u/%s", type->type, type->version, type->message->fingerprint);
}

/* The text forms name every field, set or not: their readers know JSON, not proto3's defaults. */
static weft_status emit_text(struct weft_arena *arena, const struct weft_event_type *type,
                             const ProtobufCMessage *message, enum weft_body body, struct weft_bytes *ret_bytes,
                             struct weft_fault *ret_fault)
{
    __attribute__((cleanup(weft_buffer_free))) struct weft_buffer buffer = WEFT_BUFFER_EMPTY;
    if (body == WEFT_BODY_NESTJS) {
        weft_buffer_text(&buffer, "{\"pattern\":");
        weft_buffer_json(&buffer, type->routing_key, strlen(type->routing_key));
        weft_buffer_text(&buffer, ",\"data\":");
    }
    weft_status status = weft_json_write(type->message, message, WEFT_JSON_DEFAULTS, &buffer, ret_fault);
    if (status != WEFT_OK) return status;
    if (body == WEFT_BODY_NESTJS) weft_buffer_byte(&buffer, '}');
    ret_bytes->size = buffer.size;
    ret_bytes->data = weft_arena_copy(arena, buffer.data, buffer.size);
    return WEFT_OK;
}

static weft_status emit_body(struct weft_arena *arena, const struct weft_event_type *type,
                             const ProtobufCMessage *message, enum weft_body body, struct weft_bytes *ret_bytes,
                             struct weft_fault *ret_fault)
{
    if (body == WEFT_BODY_PROTOBUF)
        *ret_bytes = weft_message_pack(arena, message);
    else if (emit_text(arena, type, message, body, ret_bytes, ret_fault) != WEFT_OK)
        return ret_fault->status;
    if (ret_bytes->size <= EMIT_MAX_BYTES) return WEFT_OK;
    return weft_fault_set(ret_fault, WEFT_INVALID_ARGUMENT, "its body has %zu bytes, at most %d go; send a reference",
                          ret_bytes->size, EMIT_MAX_BYTES);
}

static weft_status emit_key(struct weft_arena *arena, const struct weft_event_type *type,
                            const ProtobufCMessage *message, const char **ret_key, struct weft_fault *ret_fault)
{
    *ret_key = weft_message_key(arena, type, message);
    if (**ret_key != '\0') return WEFT_OK;
    return weft_fault_set(ret_fault, WEFT_INVALID_ARGUMENT, "its key %s is empty; set it before emitting",
                          type->message->descriptor->fields[type->key_field].name);
}

static weft_status emit_content(struct weft_arena *arena, const struct weft_topics *topics,
                                const struct weft_event_type *type, const ProtobufCMessage *message,
                                struct weft_outbox_row *row, struct weft_fault *ret_fault)
{
    enum weft_body body = weft_topics_body(topics, type->topic);
    const ProtobufCMessage *complete;
    struct weft_bytes bytes;
    if (message == NULL) return weft_fault_set(ret_fault, WEFT_INVALID_ARGUMENT, "there is no message");
    if (weft_message_complete(arena, type->message->descriptor, message, &complete, ret_fault) != WEFT_OK ||
        emit_key(arena, type, complete, &row->key, ret_fault) != WEFT_OK ||
        emit_body(arena, type, complete, body, &bytes, ret_fault) != WEFT_OK)
        return ret_fault->status;
    row->content_type = weft_body_content_type(body);
    row->payload = bytes.data == NULL ? (const void *)"" : bytes.data;
    row->payload_size = bytes.size;
    return WEFT_OK;
}

/* The correlation goes on, the event that made this work is the cause. */
static void emit_context(const struct weft_work *work, struct weft_outbox_row *row)
{
    if (work == NULL) {
        row->correlation_id = row->event_id;
        return;
    }
    row->correlation_id = work->correlation_id;
    row->causation_id = work->causation_id;
    row->traceparent = work->traceparent;
    row->tracestate = work->tracestate;
}

weft_status weft_emit_row(struct weft_arena *arena, const struct weft_topics *topics, const struct weft_work *work,
                          const struct weft_event_type *type, const ProtobufCMessage *message,
                          struct weft_outbox_row *ret_row, struct weft_fault *ret_fault)
{
    if (emit_content(arena, topics, type, message, ret_row, ret_fault) != WEFT_OK) return ret_fault->status;
    char *id = weft_arena_alloc(arena, WEFT_ID_SIZE);
    weft_id_v7(id);
    ret_row->event_id = id;
    ret_row->type = type->type;
    ret_row->topic = type->topic;
    ret_row->routing_key = type->routing_key;
    ret_row->schema = emit_schema(arena, type);
    ret_row->occurred_us = weft_clock_wall_us();
    emit_context(work, ret_row);
    return WEFT_OK;
}

/* The row, or the transaction fails. */
static weft_status emit_fill(weft_tx *tx, const struct weft_event_type *type, const ProtobufCMessage *message,
                             struct weft_outbox_row *row)
{
    struct weft_fault fault = { .status = WEFT_OK };
    if (weft_tx_fault(tx)->status != WEFT_OK) return weft_tx_fault(tx)->status;
    if (weft_emit_row(weft_tx_arena(tx), weft_tx_store(tx)->topics, weft_tx_work(tx), type, message, row, &fault) ==
        WEFT_OK)
        return WEFT_OK;
    return weft_tx_fail(tx, fault.status, "cannot emit %s: %s", type->type, fault.text);
}

weft_status weft_emit(weft_tx *tx, const struct weft_event_type *type, const ProtobufCMessage *message)
{
    struct weft_outbox_row row = { 0 };
    weft_status status = emit_fill(tx, type, message, &row);
    if (status == WEFT_OK) weft_tx_outbox(tx, &row);
    return status;
}

/* ---- later ------------------------------------------------------------------------------------------------------- */

enum { EMIT_NAME_MOST = 255 };
#define EMIT_TIME_MOST_MS 253402300799999 /* the end of the year 9999 */

static bool name_usable(const char *name)
{
    size_t size = strlen(name);
    return size > 0 && size <= EMIT_NAME_MOST && weft_text_is_utf8(name, size);
}

weft_status weft_emit_at(weft_tx *tx, const struct weft_event_type *type, const ProtobufCMessage *message,
                         int64_t time_ms, const char *name)
{
    struct weft_outbox_row row = { 0 };
    if (time_ms < 0 || time_ms > EMIT_TIME_MOST_MS)
        return weft_tx_fail(tx, WEFT_INVALID_ARGUMENT,
                            "cannot emit %s at %lld: want milliseconds since 1970, up to the year 9999", type->type,
                            (long long)time_ms);
    if (name != NULL && !name_usable(name))
        return weft_tx_fail(tx, WEFT_INVALID_ARGUMENT,
                            "cannot emit %s by the name '%.64s': want 1 to %d bytes of UTF-8", type->type, name,
                            EMIT_NAME_MOST);
    weft_status status = emit_fill(tx, type, message, &row);
    if (status != WEFT_OK) return status;
    row.occurred_us = time_ms * 1000;
    weft_tx_schedule(tx, name, row.occurred_us, &row);
    return WEFT_OK;
}

weft_status weft_emit_cancel(weft_tx *tx, const char *name)
{
    if (weft_tx_fault(tx)->status != WEFT_OK) return weft_tx_fault(tx)->status;
    weft_tx_unschedule(tx, name);
    return weft_tx_fault(tx)->status;
}
