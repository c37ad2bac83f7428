/* message.c - both directions. */
#include "message.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- out -------------------------------------------------------------------------------------------------------- */

enum { SHORT_TEXT_MAX = 255, PROPERTIES_FIXED = 64, HEADER_FIXED = 6 };

static bool is_short(const char *text)
{
    return text == NULL || strlen(text) <= SHORT_TEXT_MAX;
}

static size_t properties_bound(const struct weft_message *message)
{
    size_t size = PROPERTIES_FIXED + 6 * (SHORT_TEXT_MAX + 1);
    for (uint32_t i = 0; i < message->n_headers; i++)
        size += strlen(message->headers[i].name) + strlen(message->headers[i].value) + HEADER_FIXED;
    return size;
}

const char *rabbit_message_fault(const struct weft_message *message, size_t frame_max, uint64_t max_message_bytes)
{
    if (message->topic == NULL || *message->topic == '\0') return "the message has no topic";
    if (message->routing_key == NULL) return "the message has no routing key";
    if (!is_short(message->topic) || !is_short(message->routing_key))
        return "topic or routing key has more than 255 bytes";
    if (!is_short(message->id) || !is_short(message->type) || !is_short(message->content_type) ||
        !is_short(message->correlation_id) || !is_short(message->source))
        return "id, type, content type, correlation id or source has more than 255 bytes";
    for (uint32_t i = 0; i < message->n_headers; i++) {
        if (message->headers[i].name == NULL || message->headers[i].value == NULL ||
            !is_short(message->headers[i].name))
            return "a header has no name or value, or a name of more than 255 bytes";
    }
    if (properties_bound(message) > frame_max - 64) return "the headers are larger than a frame";
    if (message->payload_size > max_message_bytes) return "the payload is larger than the option max_message_bytes";
    if (message->payload_size > 0 && message->payload == NULL) return "the message has a payload size but no payload";
    return NULL;
}

static void property_set(amqp_basic_properties_t *properties, amqp_bytes_t *property, amqp_flags_t flag,
                         const char *text)
{
    if (text == NULL) return;
    *property = amqp_cstring_bytes(text);
    properties->_flags |= flag;
}

static bool headers_encode(struct outgoing *outgoing, const struct weft_message *message)
{
    if (message->n_headers > outgoing->entries_capacity) {
        amqp_table_entry_t *grown = reallocarray(outgoing->entries, message->n_headers, sizeof *grown);
        if (grown == NULL) return false;
        outgoing->entries = grown;
        outgoing->entries_capacity = message->n_headers;
    }
    for (uint32_t i = 0; i < message->n_headers; i++) {
        amqp_table_entry_t *entry = &outgoing->entries[i];
        entry->key = amqp_cstring_bytes(message->headers[i].name);
        entry->value.kind = AMQP_FIELD_KIND_UTF8;
        entry->value.value.bytes = amqp_cstring_bytes(message->headers[i].value);
    }
    outgoing->properties.headers =
        (amqp_table_t){ .num_entries = (int)message->n_headers, .entries = outgoing->entries };
    outgoing->properties._flags |= AMQP_BASIC_HEADERS_FLAG;
    return true;
}

bool rabbit_message_encode(struct outgoing *outgoing, const struct weft_message *message, bool persistent)
{
    amqp_basic_properties_t *properties = &outgoing->properties;
    memset(properties, 0, sizeof *properties);
    outgoing->properties_bytes = properties_bound(message);
    property_set(properties, &properties->message_id, AMQP_BASIC_MESSAGE_ID_FLAG, message->id);
    property_set(properties, &properties->type, AMQP_BASIC_TYPE_FLAG, message->type);
    property_set(properties, &properties->content_type, AMQP_BASIC_CONTENT_TYPE_FLAG, message->content_type);
    property_set(properties, &properties->correlation_id, AMQP_BASIC_CORRELATION_ID_FLAG, message->correlation_id);
    property_set(properties, &properties->app_id, AMQP_BASIC_APP_ID_FLAG, message->source);
    properties->delivery_mode = persistent ? AMQP_DELIVERY_PERSISTENT : AMQP_DELIVERY_NONPERSISTENT;
    properties->_flags |= AMQP_BASIC_DELIVERY_MODE_FLAG;
    if (message->time_us > 0) {
        properties->timestamp = (uint64_t)(message->time_us / 1000000);
        properties->_flags |= AMQP_BASIC_TIMESTAMP_FLAG;
    }
    return message->n_headers == 0 || headers_encode(outgoing, message);
}

/* ---- in --------------------------------------------------------------------------------------------------------- */

enum { NESTING_MAX = 8, HEADERS_MAX = 1024 };

static bool scratch_add(struct scratch *scratch, const void *bytes, size_t size)
{
    if (scratch->size + size > scratch->capacity) {
        size_t capacity = (scratch->size + size) * 2 + 256;
        char *grown = realloc(scratch->bytes, capacity);
        if (grown == NULL) return false;
        scratch->bytes = grown;
        scratch->capacity = capacity;
    }
    if (size > 0) memcpy(scratch->bytes + scratch->size, bytes, size);
    scratch->size += size;
    return true;
}

static bool scratch_text(struct scratch *scratch, const char *text)
{
    return scratch_add(scratch, text, strlen(text));
}

static bool scratch_format(struct scratch *scratch, const char *format, ...) __attribute__((format(printf, 2, 3)));
static bool scratch_format(struct scratch *scratch, const char *format, ...)
{
    char text[64];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return scratch_text(scratch, text);
}

/* A JSON string: what RFC 8259, section 7, demands to be escaped is. */
static bool scratch_quoted(struct scratch *scratch, amqp_bytes_t bytes)
{
    const unsigned char *at = bytes.bytes;
    bool good = scratch_text(scratch, "\"");
    for (size_t i = 0; i < bytes.len && good; i++) {
        if (at[i] == '"' || at[i] == '\\' || at[i] < 0x20)
            good = scratch_format(scratch, "\\u%04x", at[i]);
        else
            good = scratch_add(scratch, &at[i], 1);
    }
    return good && scratch_text(scratch, "\"");
}

static bool value_to_json(struct scratch *scratch, const amqp_field_value_t *value, int depth);

static bool table_to_json(struct scratch *scratch, const amqp_table_t *table, int depth)
{
    bool good = scratch_text(scratch, "{");
    for (int i = 0; i < table->num_entries && good; i++)
        good = (i == 0 || scratch_text(scratch, ",")) && scratch_quoted(scratch, table->entries[i].key) &&
               scratch_text(scratch, ":") && value_to_json(scratch, &table->entries[i].value, depth + 1);
    return good && scratch_text(scratch, "}");
}

static bool array_to_json(struct scratch *scratch, const amqp_array_t *array, int depth)
{
    bool good = scratch_text(scratch, "[");
    for (int i = 0; i < array->num_entries && good; i++)
        good = (i == 0 || scratch_text(scratch, ",")) && value_to_json(scratch, &array->entries[i], depth + 1);
    return good && scratch_text(scratch, "]");
}

/* Numbers and the like; the same as text and as JSON. */
static bool scalar_to_text(struct scratch *scratch, const amqp_field_value_t *value)
{
    switch (value->kind) {
    case AMQP_FIELD_KIND_BOOLEAN:
        return scratch_text(scratch, value->value.boolean ? "true" : "false");
    case AMQP_FIELD_KIND_I8:
        return scratch_format(scratch, "%d", value->value.i8);
    case AMQP_FIELD_KIND_U8:
        return scratch_format(scratch, "%u", value->value.u8);
    case AMQP_FIELD_KIND_I16:
        return scratch_format(scratch, "%d", value->value.i16);
    case AMQP_FIELD_KIND_U16:
        return scratch_format(scratch, "%u", value->value.u16);
    case AMQP_FIELD_KIND_I32:
        return scratch_format(scratch, "%" PRId32, value->value.i32);
    case AMQP_FIELD_KIND_U32:
        return scratch_format(scratch, "%" PRIu32, value->value.u32);
    case AMQP_FIELD_KIND_I64:
        return scratch_format(scratch, "%" PRId64, value->value.i64);
    case AMQP_FIELD_KIND_U64:
    case AMQP_FIELD_KIND_TIMESTAMP:
        return scratch_format(scratch, "%" PRIu64, value->value.u64);
    case AMQP_FIELD_KIND_F32:
        return scratch_format(scratch, "%.9g", (double)value->value.f32);
    case AMQP_FIELD_KIND_F64:
        return scratch_format(scratch, "%.17g", value->value.f64);
    case AMQP_FIELD_KIND_DECIMAL:
        return scratch_format(scratch, "%" PRIu32 "e-%u", value->value.decimal.value, value->value.decimal.decimals);
    default:
        return scratch_text(scratch, "null");
    }
}

static bool value_to_json(struct scratch *scratch, const amqp_field_value_t *value, int depth)
{
    if (depth > NESTING_MAX) return scratch_text(scratch, "null");
    if (value->kind == AMQP_FIELD_KIND_TABLE) return table_to_json(scratch, &value->value.table, depth);
    if (value->kind == AMQP_FIELD_KIND_ARRAY) return array_to_json(scratch, &value->value.array, depth);
    if (value->kind == AMQP_FIELD_KIND_UTF8 || value->kind == AMQP_FIELD_KIND_BYTES)
        return scratch_quoted(scratch, value->value.bytes);
    return scalar_to_text(scratch, value);
}

/* Bytes end at a NUL within them: texts of the ABI have none. */
static bool scratch_bytes(struct scratch *scratch, amqp_bytes_t bytes)
{
    size_t size = bytes.len > 0 ? strnlen(bytes.bytes, bytes.len) : 0;
    return scratch_add(scratch, bytes.bytes, size) && scratch_add(scratch, "", 1);
}

static bool header_to_text(struct scratch *scratch, const amqp_field_value_t *value)
{
    if (value->kind == AMQP_FIELD_KIND_UTF8 || value->kind == AMQP_FIELD_KIND_BYTES)
        return scratch_bytes(scratch, value->value.bytes);
    return value_to_json(scratch, value, 0) && scratch_add(scratch, "", 1);
}

/* The texts of a message in the order in which they stand in the scratch. */
struct texts {
    bool id, type, content_type, correlation_id, source;
    uint32_t n_headers;
};

static bool property_collect(struct scratch *scratch, const amqp_basic_properties_t *properties, amqp_flags_t flag,
                             amqp_bytes_t bytes, bool *ret_there)
{
    *ret_there = (properties->_flags & flag) != 0;
    return !*ret_there || scratch_bytes(scratch, bytes);
}

static bool texts_collect(struct scratch *scratch, const struct arrival *arrival, struct texts *texts)
{
    const amqp_basic_properties_t *from = arrival->properties;
    bool good = scratch_add(scratch, arrival->exchange, strlen(arrival->exchange) + 1) &&
                scratch_add(scratch, arrival->routing_key, strlen(arrival->routing_key) + 1);
    good = good && property_collect(scratch, from, AMQP_BASIC_MESSAGE_ID_FLAG, from->message_id, &texts->id);
    good = good && property_collect(scratch, from, AMQP_BASIC_TYPE_FLAG, from->type, &texts->type);
    good =
        good && property_collect(scratch, from, AMQP_BASIC_CONTENT_TYPE_FLAG, from->content_type, &texts->content_type);
    good = good && property_collect(scratch, from, AMQP_BASIC_CORRELATION_ID_FLAG, from->correlation_id,
                                    &texts->correlation_id);
    good = good && property_collect(scratch, from, AMQP_BASIC_APP_ID_FLAG, from->app_id, &texts->source);
    if ((from->_flags & AMQP_BASIC_HEADERS_FLAG) == 0) return good;
    for (int i = 0; i < from->headers.num_entries && i < HEADERS_MAX && good; i++) {
        good = scratch_bytes(scratch, from->headers.entries[i].key) &&
               header_to_text(scratch, &from->headers.entries[i].value);
        texts->n_headers++;
    }
    return good;
}

/* The text at *at, and steps over it. */
static const char *text_next(const char **at)
{
    const char *text = *at;
    *at += strlen(text) + 1;
    return text;
}

static void texts_place(struct weft_message *message, const struct texts *texts, struct weft_header *headers,
                        const char *at)
{
    message->topic = text_next(&at);
    message->routing_key = text_next(&at);
    message->id = texts->id ? text_next(&at) : NULL;
    message->type = texts->type ? text_next(&at) : NULL;
    message->content_type = texts->content_type ? text_next(&at) : NULL;
    message->correlation_id = texts->correlation_id ? text_next(&at) : NULL;
    message->source = texts->source ? text_next(&at) : NULL;
    for (uint32_t i = 0; i < texts->n_headers; i++) {
        headers[i].name = text_next(&at);
        headers[i].value = text_next(&at);
    }
    message->headers = headers;
    message->n_headers = texts->n_headers;
}

static uint32_t header_count(const amqp_basic_properties_t *properties)
{
    bool some = (properties->_flags & AMQP_BASIC_HEADERS_FLAG) != 0;
    return some && properties->headers.num_entries > 0 ? (uint32_t)properties->headers.num_entries : 0;
}

/* How often the broker has delivered it before: quorum queues count. */
static uint32_t delivery_count(const amqp_basic_properties_t *properties)
{
    for (int i = 0; i < properties->headers.num_entries; i++) {
        const amqp_table_entry_t *entry = &properties->headers.entries[i];
        if (entry->key.len != 16 || memcmp(entry->key.bytes, "x-delivery-count", 16) != 0) continue;
        if (entry->value.kind == AMQP_FIELD_KIND_I64 && entry->value.value.i64 > 0)
            return (uint32_t)entry->value.value.i64;
        if (entry->value.kind == AMQP_FIELD_KIND_I32 && entry->value.value.i32 > 0)
            return (uint32_t)entry->value.value.i32;
        if (entry->value.kind == AMQP_FIELD_KIND_U8 || entry->value.kind == AMQP_FIELD_KIND_I8)
            return entry->value.value.u8;
        if (entry->value.kind == AMQP_FIELD_KIND_I16 && entry->value.value.i16 > 0)
            return (uint32_t)entry->value.value.i16;
    }
    return 0;
}

struct incoming *rabbit_message_decode(struct scratch *scratch, const struct arrival *arrival)
{
    struct texts texts = { 0 };
    scratch->size = 0;
    if (!texts_collect(scratch, arrival, &texts)) return NULL;

    size_t headers_size = texts.n_headers * sizeof(struct weft_header);
    size_t kept = arrival->body_size;
    if (kept > arrival->body_most && kept > WEFT_CUT_BYTES) kept = WEFT_CUT_BYTES;
    struct incoming *incoming = malloc(sizeof *incoming + headers_size + scratch->size + kept + 1);
    if (incoming == NULL) return NULL;
    memset(incoming, 0, sizeof *incoming);
    struct weft_header *headers = (struct weft_header *)(void *)(incoming + 1);
    char *at = (char *)(incoming + 1) + headers_size;
    memcpy(at, scratch->bytes, scratch->size);
    texts_place(&incoming->delivery.message, &texts, headers, at);
    incoming->body = at + scratch->size;
    incoming->body_size = arrival->body_size;
    incoming->body_kept = kept;
    incoming->delivery.message.payload = incoming->body;
    incoming->delivery.message.payload_size = kept;
    incoming->cut.payload_size = arrival->body_size;
    incoming->cut.n_headers = header_count(arrival->properties);
    if (kept < arrival->body_size || incoming->cut.n_headers > HEADERS_MAX) incoming->delivery.cut = &incoming->cut;
    if ((arrival->properties->_flags & AMQP_BASIC_TIMESTAMP_FLAG) != 0 &&
        arrival->properties->timestamp < (uint64_t)INT64_MAX / 1000000)
        incoming->delivery.message.time_us = (int64_t)arrival->properties->timestamp * 1000000;
    if ((arrival->properties->_flags & AMQP_BASIC_HEADERS_FLAG) != 0)
        incoming->delivery.count = delivery_count(arrival->properties);
    incoming->delivery.plugin_data = incoming;
    return incoming;
}
