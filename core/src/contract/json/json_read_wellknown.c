/* contract/json/json_read_wellknown.c - the well-known types out of their own forms. */
#include "contract/json/json_reader.h"

#include "contract/field.h"
#include "contract/json/json_text.h"
#include "contract/message.h"
#include "google/protobuf/any.pb-c.h"
#include "google/protobuf/duration.pb-c.h"
#include "google/protobuf/field_mask.pb-c.h"
#include "google/protobuf/struct.weft.h"
#include "google/protobuf/timestamp.pb-c.h"

/* ---- text -------------------------------------------------------------------------------------------------------- */

static weft_status read_timestamp(struct weft_json_reader *reader, Google__Protobuf__Timestamp *timestamp)
{
    struct weft_json_text text;
    weft_status status = weft_json_scan_string(&reader->scan, &text);
    if (status != WEFT_OK) return status;
    if (!weft_json_timestamp_read(text.data, text.size, &timestamp->seconds, &timestamp->nanos))
        return weft_json_scan_fail(&reader->scan,
                                   "a time is written like \"2024-01-31T12:00:00.5Z\", of the years 1 to 9999");
    return WEFT_OK;
}

static weft_status read_duration(struct weft_json_reader *reader, Google__Protobuf__Duration *duration)
{
    struct weft_json_text text;
    weft_status status = weft_json_scan_string(&reader->scan, &text);
    if (status != WEFT_OK) return status;
    if (!weft_json_duration_read(text.data, text.size, &duration->seconds, &duration->nanos))
        return weft_json_scan_fail(&reader->scan, "a duration is written like \"1.5s\", of at most 10,000 years");
    return WEFT_OK;
}

static weft_status read_path(struct weft_json_reader *reader, struct weft_json_text text, struct weft_json_list *paths)
{
    __attribute__((cleanup(weft_buffer_free))) struct weft_buffer buffer = WEFT_BUFFER_EMPTY;
    if (text.size == 0 || !weft_json_path_read(&buffer, text.data, text.size))
        return weft_json_scan_fail(&reader->scan, "a field mask is written like \"user.displayName,photo\"");
    *(char **)weft_json_list_add(paths, reader->arena) = weft_arena_copy(reader->arena, buffer.data, buffer.size);
    return WEFT_OK;
}

static weft_status read_field_mask(struct weft_json_reader *reader, Google__Protobuf__FieldMask *mask)
{
    struct weft_json_text text;
    struct weft_json_list paths = { .size = sizeof(char *) };
    weft_status status = weft_json_scan_string(&reader->scan, &text);
    for (size_t at = 0; status == WEFT_OK && text.size > 0 && at <= text.size;) {
        const char *comma = memchr(text.data + at, ',', text.size - at);
        size_t size = comma != NULL ? (size_t)(comma - text.data) - at : text.size - at;
        status = read_path(reader, (struct weft_json_text){ text.data + at, size }, &paths);
        at += size + 1;
    }
    mask->paths = (char **)(void *)paths.data;
    mask->n_paths = paths.n;
    return status;
}

/* ---- Value and what it holds ------------------------------------------------------------------------------------- */

static weft_status read_inner_value(struct weft_json_reader *reader, Google__Protobuf__Value **ret_value)
{
    ProtobufCMessage *message;
    weft_status status = weft_json_reader_message(reader, &google_protobuf_value_type, &message);
    if (status == WEFT_OK) *ret_value = (Google__Protobuf__Value *)message;
    return status;
}

static weft_status read_struct_member(struct weft_json_reader *reader, struct weft_json_text name,
                                      struct weft_json_list *entries)
{
    Google__Protobuf__Struct__FieldsEntry *entry = (Google__Protobuf__Struct__FieldsEntry *)weft_message_make(
        reader->arena, &google__protobuf__struct__fields_entry__descriptor);
    *(void **)weft_json_list_add(entries, reader->arena) = entry;
    weft_status status = weft_json_reader_text(reader, name, &entry->key);
    return status == WEFT_OK ? read_inner_value(reader, &entry->value) : status;
}

static weft_status read_struct(struct weft_json_reader *reader, Google__Protobuf__Struct *object)
{
    struct weft_json_list entries = { .size = sizeof(void *) };
    struct weft_json_text name;
    bool more = true;
    weft_status status = weft_json_scan_open(&reader->scan, WEFT_JSON_OBJECT);
    for (bool first = true; status == WEFT_OK; first = false) {
        status = weft_json_scan_member(&reader->scan, first, &name, &more);
        if (status != WEFT_OK || !more) break;
        status = read_struct_member(reader, name, &entries);
    }
    if (status == WEFT_OK && weft_json_list_has_twins(&entries, &google__protobuf__struct__fields_entry__descriptor))
        return weft_json_scan_fail(&reader->scan, "an object has a name twice");
    object->fields = (Google__Protobuf__Struct__FieldsEntry **)(void *)entries.data;
    object->n_fields = entries.n;
    return status;
}

static weft_status read_list(struct weft_json_reader *reader, Google__Protobuf__ListValue *list)
{
    struct weft_json_list values = { .size = sizeof(void *) };
    bool more = true;
    weft_status status = weft_json_scan_open(&reader->scan, WEFT_JSON_ARRAY);
    for (bool first = true; status == WEFT_OK; first = false) {
        status = weft_json_scan_element(&reader->scan, first, &more);
        if (status != WEFT_OK || !more) break;
        status = read_inner_value(reader, weft_json_list_add(&values, reader->arena));
    }
    list->values = (Google__Protobuf__Value **)(void *)values.data;
    list->n_values = values.n;
    return status;
}

/* Which field of Value a kind of JSON goes into. */
static weft_status read_value(struct weft_json_reader *reader, const struct weft_message_type *type,
                              ProtobufCMessage *message)
{
    static const uint32_t numbers[] = {
        [WEFT_JSON_OBJECT] = GOOGLE__PROTOBUF__VALUE__KIND_STRUCT_VALUE,
        [WEFT_JSON_ARRAY] = GOOGLE__PROTOBUF__VALUE__KIND_LIST_VALUE,
        [WEFT_JSON_STRING] = GOOGLE__PROTOBUF__VALUE__KIND_STRING_VALUE,
        [WEFT_JSON_NUMBER] = GOOGLE__PROTOBUF__VALUE__KIND_NUMBER_VALUE,
        [WEFT_JSON_TRUE] = GOOGLE__PROTOBUF__VALUE__KIND_BOOL_VALUE,
        [WEFT_JSON_FALSE] = GOOGLE__PROTOBUF__VALUE__KIND_BOOL_VALUE,
        [WEFT_JSON_NULL] = GOOGLE__PROTOBUF__VALUE__KIND_NULL_VALUE,
    };
    enum weft_json_kind kind = weft_json_scan_peek(&reader->scan);
    if (kind == WEFT_JSON_BAD) return weft_json_scan_skip(&reader->scan); /* says what is wrong */
    const ProtobufCFieldDescriptor *field = protobuf_c_message_descriptor_get_field(type->descriptor, numbers[kind]);
    weft_field_mark(message, field);
    return weft_json_reader_value(reader, type->field_types[field - type->descriptor->fields], field,
                                  weft_field_member(message, field));
}

/* ---- Any --------------------------------------------------------------------------------------------------------- */

/* Looks for "@type" wherever it stands in the object and goes back; NULL: there is none. */
static weft_status find_type_url(struct weft_json_reader *reader, char **ret_url, bool *ret_empty)
{
    struct weft_json_scan start = reader->scan;
    struct weft_json_text name, url;
    bool more = true;
    *ret_url = NULL;
    *ret_empty = true;
    weft_status status = weft_json_scan_open(&reader->scan, WEFT_JSON_OBJECT);
    for (bool first = true; status == WEFT_OK; first = false) {
        status = weft_json_scan_member(&reader->scan, first, &name, &more);
        if (status != WEFT_OK || !more) break;
        *ret_empty = false;
        if (!weft_json_text_is(name, "@type")) {
            status = weft_json_scan_skip(&reader->scan);
            continue;
        }
        if (*ret_url != NULL) return weft_json_scan_fail(&reader->scan, "\"@type\" is there twice");
        status = weft_json_scan_string(&reader->scan, &url);
        if (status == WEFT_OK) status = weft_json_reader_text(reader, url, ret_url);
    }
    if (status == WEFT_OK && !*ret_empty) reader->scan = start;
    return status;
}

/* {"@type": ..., "value": form of its own} */
static weft_status read_any_value(struct weft_json_reader *reader, const struct weft_message_type *type,
                                  ProtobufCMessage **ret_message)
{
    struct weft_json_text name;
    bool more = true, found = false;
    weft_status status = weft_json_scan_open(&reader->scan, WEFT_JSON_OBJECT);
    for (bool first = true; status == WEFT_OK; first = false) {
        status = weft_json_scan_member(&reader->scan, first, &name, &more);
        if (status != WEFT_OK || !more) break;
        if (weft_json_text_is(name, "@type")) {
            status = weft_json_scan_skip(&reader->scan);
        } else if (weft_json_text_is(name, "value") && !found) {
            status = weft_json_reader_message(reader, type, ret_message);
            found = true;
        } else {
            return weft_json_scan_fail(&reader->scan, "an Any of %s has \"@type\" and one \"value\"", type->name);
        }
    }
    if (status == WEFT_OK && !found)
        return weft_json_scan_fail(&reader->scan, "an Any of %s has no \"value\"", type->name);
    return status;
}

static weft_status read_any(struct weft_json_reader *reader, Google__Protobuf__Any *any)
{
    bool empty;
    weft_status status = find_type_url(reader, &any->type_url, &empty);
    if (status != WEFT_OK || empty) {
        any->type_url = (char *)(uintptr_t)protobuf_c_empty_string;
        return status;
    }
    if (any->type_url == NULL) return weft_json_scan_fail(&reader->scan, "an Any has no \"@type\"");
    const char *slash = strrchr(any->type_url, '/');
    const struct weft_message_type *type =
        weft_wellknown_find_from(reader->file, slash != NULL ? slash + 1 : any->type_url);
    if (type == NULL)
        return weft_json_scan_fail(&reader->scan, "\"@type\" is \"%.200s\", which the contract does not import",
                                   any->type_url);
    ProtobufCMessage *message = NULL;
    if (weft_wellknown_of(type->descriptor) != WEFT_WELLKNOWN_NONE) {
        status = read_any_value(reader, type, &message);
    } else {
        message = weft_message_make(reader->arena, type->descriptor);
        status = weft_json_reader_members(reader, type, message, true);
    }
    if (status != WEFT_OK) return status;
    struct weft_bytes bytes = weft_message_pack(reader->arena, message);
    any->value = (ProtobufCBinaryData){ bytes.size, (uint8_t *)(uintptr_t)bytes.data };
    return WEFT_OK;
}

weft_status weft_json_reader_wellknown(struct weft_json_reader *reader, enum weft_wellknown kind,
                                       const struct weft_message_type *type, ProtobufCMessage *message)
{
    const ProtobufCFieldDescriptor *value = &type->descriptor->fields[0];
    switch (kind) {
    case WEFT_WELLKNOWN_ANY:
        return read_any(reader, (Google__Protobuf__Any *)message);
    case WEFT_WELLKNOWN_DURATION:
        return read_duration(reader, (Google__Protobuf__Duration *)message);
    case WEFT_WELLKNOWN_FIELD_MASK:
        return read_field_mask(reader, (Google__Protobuf__FieldMask *)message);
    case WEFT_WELLKNOWN_LIST_VALUE:
        return read_list(reader, (Google__Protobuf__ListValue *)message);
    case WEFT_WELLKNOWN_STRUCT:
        return read_struct(reader, (Google__Protobuf__Struct *)message);
    case WEFT_WELLKNOWN_TIMESTAMP:
        return read_timestamp(reader, (Google__Protobuf__Timestamp *)message);
    case WEFT_WELLKNOWN_VALUE:
        return read_value(reader, type, message);
    case WEFT_WELLKNOWN_WRAPPER:
        return weft_json_reader_value(reader, NULL, value, weft_field_member(message, value));
    case WEFT_WELLKNOWN_NONE:
        break;
    }
    return WEFT_OK;
}
