/* contract/json/json_write_wellknown.c - the well-known types' own forms. */
#include "contract/json/json_writer.h"

#include "base/memory.h"
#include "contract/field.h"
#include "contract/guard.h"
#include "contract/json/json_text.h"
#include "contract/map.h"
#include "google/protobuf/any.pb-c.h"
#include "google/protobuf/duration.pb-c.h"
#include "google/protobuf/field_mask.pb-c.h"
#include "google/protobuf/struct.weft.h"
#include "google/protobuf/timestamp.pb-c.h"
#include <math.h>
#include <stdlib.h>

/* ---- text -------------------------------------------------------------------------------------------------------- */

static weft_status write_timestamp(struct weft_json_writer *writer, const Google__Protobuf__Timestamp *timestamp)
{
    weft_buffer_byte(writer->buffer, '"');
    if (!weft_json_timestamp_write(writer->buffer, timestamp->seconds, timestamp->nanos))
        return weft_fault_set(writer->fault, WEFT_INTERNAL,
                              "a Timestamp of %lld s and %d ns is not in the years 1 to 9999",
                              (long long)timestamp->seconds, timestamp->nanos);
    weft_buffer_byte(writer->buffer, '"');
    return WEFT_OK;
}

static weft_status write_duration(struct weft_json_writer *writer, const Google__Protobuf__Duration *duration)
{
    weft_buffer_byte(writer->buffer, '"');
    if (!weft_json_duration_write(writer->buffer, duration->seconds, duration->nanos))
        return weft_fault_set(writer->fault, WEFT_INTERNAL,
                              "a Duration of %lld s and %d ns is beyond 10,000 years, or its parts differ in sign",
                              (long long)duration->seconds, duration->nanos);
    weft_buffer_byte(writer->buffer, '"');
    return WEFT_OK;
}

static weft_status write_field_mask(struct weft_json_writer *writer, const Google__Protobuf__FieldMask *mask)
{
    weft_buffer_byte(writer->buffer, '"');
    for (size_t i = 0; i < mask->n_paths; i++) {
        if (i > 0) weft_buffer_byte(writer->buffer, ',');
        if (!weft_json_path_write(writer->buffer, mask->paths[i]))
            return weft_fault_set(writer->fault, WEFT_INTERNAL,
                                  "the path \"%s\" of a FieldMask is not in snake case: it could not be read back",
                                  mask->paths[i]);
    }
    weft_buffer_byte(writer->buffer, '"');
    return WEFT_OK;
}

/* ---- Value and what it holds ------------------------------------------------------------------------------------- */

static weft_status write_struct(struct weft_json_writer *writer, const Google__Protobuf__Struct *object)
{
    const ProtobufCMessage *const *entries = (const ProtobufCMessage *const *)object->fields;
    bool first = true, *keep = weft_memory_get(object->n_fields + 1);
    weft_status status = WEFT_OK;
    weft_map_last(&google__protobuf__struct__fields_entry__descriptor, entries, object->n_fields, keep);
    weft_json_writer_open(writer, '{');
    for (size_t i = 0; i < object->n_fields && status == WEFT_OK; i++) {
        if (!keep[i]) continue;
        weft_json_writer_next(writer, first);
        weft_json_writer_name(writer, object->fields[i]->key != NULL ? object->fields[i]->key : "");
        status = weft_json_writer_message(writer, &google_protobuf_value_type,
                                          (const ProtobufCMessage *)object->fields[i]->value);
        first = false;
    }
    weft_json_writer_close(writer, '}', first);
    free(keep);
    return status;
}

static weft_status write_list(struct weft_json_writer *writer, const Google__Protobuf__ListValue *list)
{
    weft_status status = WEFT_OK;
    weft_json_writer_open(writer, '[');
    for (size_t i = 0; i < list->n_values && status == WEFT_OK; i++) {
        weft_json_writer_next(writer, i == 0);
        status =
            weft_json_writer_message(writer, &google_protobuf_value_type, (const ProtobufCMessage *)list->values[i]);
    }
    weft_json_writer_close(writer, ']', list->n_values == 0);
    return status;
}

static weft_status write_value(struct weft_json_writer *writer, const Google__Protobuf__Value *value)
{
    switch (value->kind_case) {
    case GOOGLE__PROTOBUF__VALUE__KIND_NUMBER_VALUE:
        if (!isfinite(value->number_value))
            return weft_fault_set(writer->fault, WEFT_INTERNAL, "a Value holds NaN or an infinity, which JSON has not");
        weft_json_real_write(writer->buffer, value->number_value, false);
        return WEFT_OK;
    case GOOGLE__PROTOBUF__VALUE__KIND_STRING_VALUE:
        weft_buffer_json(writer->buffer, value->string_value, strlen(value->string_value));
        return WEFT_OK;
    case GOOGLE__PROTOBUF__VALUE__KIND_BOOL_VALUE:
        weft_buffer_text(writer->buffer, value->bool_value ? "true" : "false");
        return WEFT_OK;
    case GOOGLE__PROTOBUF__VALUE__KIND_STRUCT_VALUE:
        return weft_json_writer_message(writer, &google_protobuf_struct_type,
                                        (const ProtobufCMessage *)value->struct_value);
    case GOOGLE__PROTOBUF__VALUE__KIND_LIST_VALUE:
        return weft_json_writer_message(writer, &google_protobuf_list_value_type,
                                        (const ProtobufCMessage *)value->list_value);
    default:
        weft_buffer_text(writer->buffer, "null");
        return WEFT_OK;
    }
}

/* ---- Any --------------------------------------------------------------------------------------------------------- */

/* {"@type": ..., members} or, of types with a form of their own, {"@type": ..., "value": ...}. */
static weft_status write_any_content(struct weft_json_writer *writer, const struct weft_message_type *type,
                                     const ProtobufCMessage *message)
{
    if (weft_wellknown_of(type->descriptor) == WEFT_WELLKNOWN_NONE)
        return weft_json_writer_members(writer, type, message, false);
    weft_json_writer_next(writer, false);
    weft_json_writer_name(writer, "value");
    return weft_json_writer_message(writer, type, message);
}

static weft_status write_any(struct weft_json_writer *writer, const Google__Protobuf__Any *any)
{
    static const struct weft_guard_limits limits = WEFT_GUARD_DEFAULT;
    if (any->type_url == NULL || *any->type_url == '\0') {
        weft_buffer_text(writer->buffer, "{}");
        return WEFT_OK;
    }
    const char *slash = strrchr(any->type_url, '/');
    const struct weft_message_type *type =
        weft_wellknown_find_from(writer->file, slash != NULL ? slash + 1 : any->type_url);
    if (type == NULL)
        return weft_fault_set(writer->fault, WEFT_INTERNAL, "an Any holds \"%s\", which the contract does not import",
                              any->type_url);
    struct weft_arena *arena = weft_arena_new(1024);
    ProtobufCMessage *message;
    weft_status status =
        weft_guard_unpack(&limits, type->descriptor, any->value.data, any->value.len, arena, &message, writer->fault);
    if (status == WEFT_OK) {
        weft_json_writer_open(writer, '{');
        weft_json_writer_next(writer, true);
        weft_json_writer_name(writer, "@type");
        weft_buffer_json(writer->buffer, any->type_url, strlen(any->type_url));
        status = write_any_content(writer, type, message);
        weft_json_writer_close(writer, '}', false);
    }
    weft_arena_free(arena);
    return status;
}

weft_status weft_json_writer_wellknown(struct weft_json_writer *writer, enum weft_wellknown kind,
                                       const struct weft_message_type *type, const ProtobufCMessage *message)
{
    const ProtobufCFieldDescriptor *value = &type->descriptor->fields[0];
    switch (kind) {
    case WEFT_WELLKNOWN_ANY:
        return write_any(writer, (const Google__Protobuf__Any *)message);
    case WEFT_WELLKNOWN_DURATION:
        return write_duration(writer, (const Google__Protobuf__Duration *)message);
    case WEFT_WELLKNOWN_FIELD_MASK:
        return write_field_mask(writer, (const Google__Protobuf__FieldMask *)message);
    case WEFT_WELLKNOWN_LIST_VALUE:
        return write_list(writer, (const Google__Protobuf__ListValue *)message);
    case WEFT_WELLKNOWN_STRUCT:
        return write_struct(writer, (const Google__Protobuf__Struct *)message);
    case WEFT_WELLKNOWN_TIMESTAMP:
        return write_timestamp(writer, (const Google__Protobuf__Timestamp *)message);
    case WEFT_WELLKNOWN_VALUE:
        return write_value(writer, (const Google__Protobuf__Value *)message);
    case WEFT_WELLKNOWN_WRAPPER:
        return weft_json_writer_value(writer, NULL, value, weft_field_member(message, value));
    case WEFT_WELLKNOWN_NONE:
        break;
    }
    return WEFT_OK;
}
