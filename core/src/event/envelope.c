/* event/envelope.c - CloudEvents 1.0 in binary mode (cloudevents/spec, bindings/amqp-protocol-binding.md, section 3.1),
 * and what others send who know nothing of it: broker properties alone, NestJS bodies ({"pattern": ..., "data": ...}).
 */
#include "event/envelope.h"

#include "base/clock.h"
#include "base/id.h"
#include "base/text.h"
#include "contract/guard.h"
#include "contract/json/json.h"
#include "event/object.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- names ------------------------------------------------------------------------------------------------------- */

/* The AMQP binding writes ':' and allows '_', since JMS knows no colon. */
static const char envelope_prefix[] = "cloudEvents";
enum { ENVELOPE_PREFIX = sizeof envelope_prefix - 1 };

/* What is read of the headers before the rest of the message has its say. */
struct envelope_headers {
    const char *id, *source, *type, *subject, *time, *dataschema, *traceparent, *tracestate, *causationid;
};

static const struct {
    const char *name;
    size_t offset;
} envelope_names[] = {
    { "id", offsetof(struct envelope_headers, id) },
    { "source", offsetof(struct envelope_headers, source) },
    { "type", offsetof(struct envelope_headers, type) },
    { "subject", offsetof(struct envelope_headers, subject) },
    { "time", offsetof(struct envelope_headers, time) },
    { "dataschema", offsetof(struct envelope_headers, dataschema) },
    /* From here on with and without the prefix: W3C Trace Context has them bare, CloudEvents as an extension. */
    { "traceparent", offsetof(struct envelope_headers, traceparent) },
    { "tracestate", offsetof(struct envelope_headers, tracestate) },
    { "causationid", offsetof(struct envelope_headers, causationid) },
};
enum { ENVELOPE_BARE = 6, ENVELOPE_NAMES = sizeof envelope_names / sizeof envelope_names[0] };

/* The attribute's name behind the prefix, or NULL. */
static const char *header_attribute(const char *name)
{
    if (strncmp(name, envelope_prefix, ENVELOPE_PREFIX) != 0) return NULL;
    return name[ENVELOPE_PREFIX] == ':' || name[ENVELOPE_PREFIX] == '_' ? name + ENVELOPE_PREFIX + 1 : NULL;
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

static bool text_usable(const char *text)
{
    return text != NULL && *text != '\0' && weft_text_is_utf8(text, strlen(text));
}

static void headers_read(const struct weft_message *message, struct envelope_headers *headers)
{
    for (uint32_t i = 0; i < message->n_headers; i++) {
        const struct weft_header *header = &message->headers[i];
        if (header->name == NULL || !text_usable(header->value)) continue;
        const char *name = header_attribute(header->name);
        size_t first = name != NULL ? 0 : ENVELOPE_BARE;
        if (name == NULL) name = header->name;
        for (size_t known = first; known < ENVELOPE_NAMES; known++)
            if (strcmp(name, envelope_names[known].name) == 0)
                *(const char **)((char *)headers + envelope_names[known].offset) = header->value;
    }
}

const char *weft_envelope_key(const struct weft_message *message)
{
    for (uint32_t i = 0; i < message->n_headers; i++) {
        const char *name = message->headers[i].name == NULL ? NULL : header_attribute(message->headers[i].name);
        if (name == NULL || strcmp(name, "subject") != 0) continue;
        return text_usable(message->headers[i].value) ? message->headers[i].value : NULL;
    }
    return text_usable(message->key) ? message->key : NULL;
}

/* Two digits of an offset from UTC and its sign, in minutes: "+02:00"; "Z" is 0. */
static int64_t time_offset_min(const char *text)
{
    if (*text != '+' && *text != '-') return 0;
    long hours = strtol(text + 1, NULL, 10);
    const char *colon = strchr(text, ':');
    long minutes = colon == NULL ? 0 : strtol(colon + 1, NULL, 10);
    return (*text == '-' ? -1 : 1) * (hours % 24 * 60 + minutes % 60);
}

/* RFC 3339, section 5.6; 0 if it is none. */
static int64_t time_parse_us(const char *text)
{
    struct tm tm = { 0 };
    const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
    if (rest == NULL) return 0;
    int64_t fraction_us = 0;
    if (*rest == '.') {
        int64_t unit_us = 100000;
        for (rest++; isdigit((unsigned char)*rest); rest++, unit_us /= 10)
            fraction_us += unit_us * (*rest - '0');
    }
    return ((int64_t)timegm(&tm) - time_offset_min(rest) * 60) * 1000000 + fraction_us;
}

static bool payload_is_object(const struct weft_message *message)
{
    const char *payload = message->payload;
    uint64_t at = 0;
    while (at < message->payload_size && isspace((unsigned char)payload[at]))
        at++;
    return at < message->payload_size && payload[at] == '{';
}

/* The content type decides; without one, or with one that tells nothing, the first byte does: no protobuf message
 * begins with a brace (field 15 as a group). */
static bool message_is_json(const struct weft_message *message)
{
    const char *type = message->content_type;
    if (type != NULL && strcasestr(type, "json") != NULL) return true;
    if (type != NULL && strcasestr(type, "protobuf") != NULL) return false;
    return payload_is_object(message);
}

/* {"pattern": ..., "data": ...} and at most an id beside them (NestJS: packages/microservices, ReadPacket). */
static bool nest_read(const struct weft_message *message, struct weft_span *ret_pattern, struct weft_span *ret_data)
{
    struct weft_object object = weft_object_open(message->payload, message->payload_size);
    struct weft_span name, value, pattern = { NULL, 0 }, data = { NULL, 0 };
    while (weft_object_next(&object, &name, &value)) {
        if (name.size == 7 && memcmp(name.text, "pattern", 7) == 0)
            pattern = value;
        else if (name.size == 4 && memcmp(name.text, "data", 4) == 0)
            data = value;
        else if (name.size != 2 || memcmp(name.text, "id", 2) != 0)
            return false;
    }
    if (object.broken || pattern.text == NULL || data.text == NULL) return false;
    *ret_pattern = pattern;
    *ret_data = data;
    return true;
}

static void envelope_body(struct weft_arena *arena, const struct weft_message *message, struct weft_envelope *envelope)
{
    struct weft_span pattern, data;
    envelope->body = message_is_json(message) ? WEFT_BODY_JSON : WEFT_BODY_PROTOBUF;
    if (envelope->body != WEFT_BODY_JSON || !nest_read(message, &pattern, &data)) return;
    envelope->body = WEFT_BODY_NESTJS;
    if (envelope->type[0] != '\0') return;
    const char *type = weft_object_text(arena, pattern);
    if (text_usable(type)) envelope->type = type;
}

/* PostgreSQL gives UUIDs back in lower case: so that ids can be compared, ours are as well. */
static void envelope_id(const char *id, const char *source, char ret_id[WEFT_ID_SIZE])
{
    ret_id[0] = '\0';
    if (id == NULL) return;
    if (!weft_id_valid(id)) {
        weft_id_v5(source, id, ret_id);
        return;
    }
    for (size_t i = 0; i < WEFT_ID_SIZE; i++)
        ret_id[i] = (char)tolower((unsigned char)id[i]);
}

static const char *text_first(const char *first, const char *second)
{
    return first != NULL ? first : text_usable(second) ? second : NULL;
}

static const char *correlation_or_fresh(struct weft_arena *arena, const char *id)
{
    if (id != NULL && weft_text_is_correlation_id(id, strlen(id))) return id;
    char fresh[WEFT_ID_SIZE];
    weft_id_v7(fresh);
    return weft_arena_strdup(arena, fresh);
}

void weft_envelope_read(struct weft_arena *arena, const struct weft_message *message,
                        struct weft_envelope *ret_envelope)
{
    struct envelope_headers headers = { 0 };
    headers_read(message, &headers);
    const char *type = text_first(headers.type, message->type), *source = text_first(headers.source, message->source);
    *ret_envelope = (struct weft_envelope){
        .type = type == NULL ? "" : type,
        .source = source == NULL ? "" : source,
        .key = text_first(headers.subject, message->key),
        .correlation_id = correlation_or_fresh(arena, message->correlation_id),
        .causation_id = headers.causationid,
        .traceparent = headers.traceparent,
        .tracestate = headers.tracestate,
        .schema = headers.dataschema,
        .time_us = headers.time == NULL ? 0 : time_parse_us(headers.time),
    };
    /* AMQP's timestamp has seconds only: the header is better. */
    if (ret_envelope->time_us == 0) ret_envelope->time_us = message->time_us;
    envelope_id(text_first(headers.id, message->id), ret_envelope->source, ret_envelope->id);
    envelope_body(arena, message, ret_envelope);
}

/* ---- the body ---------------------------------------------------------------------------------------------------- */

/* Does the message itself have these two fields, so that what looks like a NestJS body is its own JSON? */
static bool type_is_nest_alike(const struct weft_event_type *type)
{
    const ProtobufCMessageDescriptor *descriptor = type->message->descriptor;
    return protobuf_c_message_descriptor_get_field_by_name(descriptor, "pattern") != NULL &&
           protobuf_c_message_descriptor_get_field_by_name(descriptor, "data") != NULL;
}

weft_status weft_envelope_unpack(struct weft_arena *arena, const struct weft_envelope *envelope,
                                 const struct weft_message *message, const struct weft_event_type *type,
                                 ProtobufCMessage **ret_message, struct weft_fault *ret_fault)
{
    static const struct weft_guard_limits limits = WEFT_GUARD_DEFAULT;
    if (envelope->body == WEFT_BODY_PROTOBUF)
        return weft_guard_unpack(&limits, type->message->descriptor, message->payload, message->payload_size, arena,
                                 ret_message, ret_fault);
    if (message->payload_size > limits.max_bytes)
        return weft_fault_set(ret_fault, WEFT_RESOURCE_EXHAUSTED, "%s: the body has %llu bytes, at most %llu are read",
                              type->type, (unsigned long long)message->payload_size,
                              (unsigned long long)limits.max_bytes);
    struct weft_span pattern, text = { message->payload, message->payload_size };
    if (envelope->body == WEFT_BODY_NESTJS && !type_is_nest_alike(type)) nest_read(message, &pattern, &text);
    return weft_json_read_known(type->message, text.text, text.size, arena, ret_message, ret_fault);
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

uint32_t weft_envelope_headers(const struct weft_envelope_attributes *attributes,
                               struct weft_header ret_headers[WEFT_ENVELOPE_HEADERS])
{
    const struct weft_header all[] = {
        { "cloudEvents:specversion", "1.0" },
        { "cloudEvents:id", attributes->id },
        { "cloudEvents:source", attributes->source },
        { "cloudEvents:type", attributes->type },
        { "cloudEvents:subject", attributes->key },
        { "cloudEvents:time", attributes->time },
        { "cloudEvents:dataschema", attributes->schema },
        { "traceparent", attributes->traceparent },
        { "tracestate", attributes->tracestate },
        { "causationid", attributes->causation_id },
        { "sequence", attributes->sequence },
    };
    _Static_assert(sizeof all / sizeof all[0] <= WEFT_ENVELOPE_HEADERS, "room for every header");
    uint32_t n = 0;
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        if (all[i].value != NULL) ret_headers[n++] = all[i];
    return n;
}

const char *weft_body_content_type(enum weft_body body)
{
    return body == WEFT_BODY_PROTOBUF ? "application/x-protobuf" : "application/json";
}
