/* contract/json/json_write.c - messages as JSON: fields, lists, maps. */
#include "contract/json/json.h"

#include "base/memory.h"
#include "contract/field.h"
#include "contract/json/json_text.h"
#include "contract/json/json_writer.h"
#include "contract/map.h"
#include "contract/message.h"
#include <stdlib.h>

enum { DEPTH_MAX = 100 };

/* ---- brackets ---------------------------------------------------------------------------------------------------- */

static void new_line(struct weft_json_writer *writer)
{
    if ((writer->flags & WEFT_JSON_INDENT) == 0) return;
    weft_buffer_byte(writer->buffer, '\n');
    for (uint32_t i = 0; i < writer->level; i++)
        weft_buffer_add(writer->buffer, "  ", 2);
}

void weft_json_writer_open(struct weft_json_writer *writer, char bracket)
{
    weft_buffer_byte(writer->buffer, bracket);
    writer->level++;
}

void weft_json_writer_close(struct weft_json_writer *writer, char bracket, bool empty)
{
    writer->level--;
    if (!empty) new_line(writer);
    weft_buffer_byte(writer->buffer, bracket);
}

void weft_json_writer_next(struct weft_json_writer *writer, bool first)
{
    if (!first) weft_buffer_byte(writer->buffer, ',');
    new_line(writer);
}

void weft_json_writer_name(struct weft_json_writer *writer, const char *name)
{
    weft_buffer_json(writer->buffer, name, strlen(name));
    weft_buffer_byte(writer->buffer, ':');
    if ((writer->flags & WEFT_JSON_INDENT) != 0) weft_buffer_byte(writer->buffer, ' ');
}

/* ---- values ------------------------------------------------------------------------------------------------------ */

static void write_enum(struct weft_json_writer *writer, const ProtobufCFieldDescriptor *field, int32_t number)
{
    const ProtobufCEnumValue *value = protobuf_c_enum_descriptor_get_value(field->descriptor, number);
    if (weft_wellknown_is_null(field))
        weft_buffer_text(writer->buffer, "null");
    else if (value != NULL)
        weft_buffer_json(writer->buffer, value->name, strlen(value->name));
    else
        weft_buffer_format(writer->buffer, "%d", number); /* of a newer contract */
}

static void write_word(struct weft_json_writer *writer, const ProtobufCFieldDescriptor *field, uint32_t word)
{
    float real;
    switch (field->type) {
    case PROTOBUF_C_TYPE_BOOL:
        weft_buffer_text(writer->buffer, word != 0 ? "true" : "false");
        return;
    case PROTOBUF_C_TYPE_ENUM:
        write_enum(writer, field, (int32_t)word);
        return;
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_FIXED32:
        weft_buffer_format(writer->buffer, "%u", word);
        return;
    case PROTOBUF_C_TYPE_FLOAT:
        memcpy(&real, &word, sizeof real);
        weft_json_real_write(writer->buffer, (double)real, true);
        return;
    default:
        weft_buffer_format(writer->buffer, "%d", (int32_t)word);
        return;
    }
}

/* 64-bit integers are text: JavaScript's numbers are doubles. */
static void write_long(struct weft_json_writer *writer, const ProtobufCFieldDescriptor *field, uint64_t number)
{
    double real;
    switch (field->type) {
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
        weft_buffer_format(writer->buffer, "\"%llu\"", (unsigned long long)number);
        return;
    case PROTOBUF_C_TYPE_DOUBLE:
        memcpy(&real, &number, sizeof real);
        weft_json_real_write(writer->buffer, real, false);
        return;
    default:
        weft_buffer_format(writer->buffer, "\"%lld\"", (long long)number);
        return;
    }
}

static void write_bytes(struct weft_json_writer *writer, const ProtobufCBinaryData *bytes)
{
    weft_buffer_byte(writer->buffer, '"');
    weft_json_base64_write(writer->buffer, bytes->data, bytes->len);
    weft_buffer_byte(writer->buffer, '"');
}

weft_status weft_json_writer_value(struct weft_json_writer *writer, const struct weft_message_type *type,
                                   const ProtobufCFieldDescriptor *field, const void *value)
{
    const void *pointer;
    uint32_t word;
    uint64_t number;
    switch (field->type) {
    case PROTOBUF_C_TYPE_MESSAGE:
        memcpy(&pointer, value, sizeof pointer);
        return weft_json_writer_message(writer, type, pointer);
    case PROTOBUF_C_TYPE_STRING:
        memcpy(&pointer, value, sizeof pointer);
        weft_buffer_json(writer->buffer, pointer != NULL ? pointer : "", pointer != NULL ? strlen(pointer) : 0);
        return WEFT_OK;
    case PROTOBUF_C_TYPE_BYTES:
        write_bytes(writer, value);
        return WEFT_OK;
    default:
        break;
    }
    if (weft_field_size(field) == sizeof word) {
        memcpy(&word, value, sizeof word);
        write_word(writer, field, word);
    } else {
        memcpy(&number, value, sizeof number);
        write_long(writer, field, number);
    }
    return WEFT_OK;
}

/* ---- lists and maps ---------------------------------------------------------------------------------------------- */

static weft_status write_list(struct weft_json_writer *writer, const struct weft_message_type *type,
                              const ProtobufCFieldDescriptor *field, const char *elements, size_t n)
{
    weft_status status = WEFT_OK;
    size_t size = weft_field_size(field);
    weft_json_writer_open(writer, '[');
    for (size_t i = 0; i < n && status == WEFT_OK; i++) {
        weft_json_writer_next(writer, i == 0);
        status = weft_json_writer_value(writer, type, field, elements + i * size);
    }
    weft_json_writer_close(writer, ']', n == 0);
    return status;
}

/* Keys are text, whatever their type. */
static weft_status write_entry(struct weft_json_writer *writer, const struct weft_message_type *type,
                               const ProtobufCMessage *entry)
{
    const ProtobufCFieldDescriptor *key = &type->descriptor->fields[0], *value = &type->descriptor->fields[1];
    bool needs_quotes = key->type != PROTOBUF_C_TYPE_STRING && weft_field_size(key) == 4;
    if (needs_quotes) weft_buffer_byte(writer->buffer, '"');
    weft_json_writer_value(writer, NULL, key, weft_field_member(entry, key));
    if (needs_quotes) weft_buffer_byte(writer->buffer, '"');
    weft_buffer_text(writer->buffer, (writer->flags & WEFT_JSON_INDENT) != 0 ? ": " : ":");
    return weft_json_writer_value(writer, type->field_types[1], value, weft_field_member(entry, value));
}

static weft_status write_map(struct weft_json_writer *writer, const struct weft_message_type *type,
                             const ProtobufCMessage *const *entries, size_t n)
{
    weft_status status = WEFT_OK;
    bool first = true, *keep = weft_memory_get(n + 1);
    weft_map_last(type->descriptor, entries, n, keep);
    weft_json_writer_open(writer, '{');
    for (size_t i = 0; i < n && status == WEFT_OK; i++) {
        if (!keep[i]) continue;
        weft_json_writer_next(writer, first);
        status = write_entry(writer, type, entries[i]);
        first = false;
    }
    weft_json_writer_close(writer, '}', first);
    free(keep);
    return status;
}

/* ---- messages ---------------------------------------------------------------------------------------------------- */

static weft_status write_field(struct weft_json_writer *writer, const struct weft_message_type *type, unsigned index,
                               const ProtobufCMessage *message)
{
    const ProtobufCFieldDescriptor *field = &type->descriptor->fields[index];
    const struct weft_message_type *inner = type->field_types[index];
    uint32_t flags = type->fields[index].flags;
    weft_json_writer_name(writer, type->fields[index].json_name);
    if ((flags & WEFT_FIELD_SENSITIVE) != 0 && (writer->flags & WEFT_JSON_MASK) != 0) {
        weft_buffer_text(writer->buffer, "\"***\"");
        return WEFT_OK;
    }
    if (field->label != PROTOBUF_C_LABEL_REPEATED)
        return weft_json_writer_value(writer, inner, field, weft_field_member(message, field));
    size_t n = weft_field_count(message, field);
    const void *elements = weft_field_pointer(message, field);
    if ((flags & WEFT_FIELD_MAP) != 0) return write_map(writer, inner, elements, n);
    return write_list(writer, inner, field, elements, n);
}

weft_status weft_json_writer_members(struct weft_json_writer *writer, const struct weft_message_type *type,
                                     const ProtobufCMessage *message, bool first)
{
    weft_status status = WEFT_OK;
    for (unsigned i = 0; i < type->descriptor->n_fields && status == WEFT_OK; i++) {
        const ProtobufCFieldDescriptor *field = &type->descriptor->fields[i];
        bool wanted = (writer->flags & WEFT_JSON_DEFAULTS) != 0 && !weft_field_has_presence(field);
        if (!wanted && !weft_field_is_set(message, field)) continue;
        weft_json_writer_next(writer, first);
        status = write_field(writer, type, i, message);
        first = false;
    }
    return status;
}

static weft_status write_object(struct weft_json_writer *writer, const struct weft_message_type *type,
                                const ProtobufCMessage *message)
{
    weft_json_writer_open(writer, '{');
    size_t before = writer->buffer->size;
    weft_status status = weft_json_writer_members(writer, type, message, true);
    weft_json_writer_close(writer, '}', writer->buffer->size == before);
    return status;
}

/* A map's entry without a value, for example: written as if it had an empty one. */
static weft_status write_empty(struct weft_json_writer *writer, const struct weft_message_type *type)
{
    struct weft_arena *arena = weft_arena_new(type->descriptor->sizeof_message + 64);
    weft_status status = weft_json_writer_message(writer, type, weft_message_make(arena, type->descriptor));
    weft_arena_free(arena);
    return status;
}

weft_status weft_json_writer_message(struct weft_json_writer *writer, const struct weft_message_type *type,
                                     const ProtobufCMessage *message)
{
    if (message == NULL) return write_empty(writer, type);
    if (writer->depth >= DEPTH_MAX)
        return weft_fault_set(writer->fault, WEFT_INTERNAL,
                              "the message is nested deeper than %d, or holds itself, at %s", DEPTH_MAX, type->name);
    writer->depth++;
    enum weft_wellknown kind = weft_wellknown_of(type->descriptor);
    weft_status status = kind == WEFT_WELLKNOWN_NONE ? write_object(writer, type, message)
                                                     : weft_json_writer_wellknown(writer, kind, type, message);
    writer->depth--;
    return status;
}

weft_status weft_json_write(const struct weft_message_type *type, const ProtobufCMessage *message, uint32_t flags,
                            struct weft_buffer *buffer, struct weft_fault *ret_fault)
{
    struct weft_json_writer writer = { .buffer = buffer, .flags = flags, .file = type->file, .fault = ret_fault };
    return weft_json_writer_message(&writer, type, message);
}
