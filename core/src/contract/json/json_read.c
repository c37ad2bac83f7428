/* contract/json/json_read.c - fills messages out of JSON: members, lists, maps. */
#include "contract/json/json.h"

#include "base/memory.h"
#include "base/text.h"
#include "contract/field.h"
#include "contract/json/json_reader.h"
#include "contract/map.h"
#include "contract/message.h"
#include <stdlib.h>

void *weft_json_list_add(struct weft_json_list *list, struct weft_arena *arena)
{
    if (list->n == list->capacity) {
        size_t capacity = list->capacity > 0 ? 2 * list->capacity : 4;
        char *data = weft_arena_alloc(arena, capacity * list->size);
        if (list->n > 0) memcpy(data, list->data, list->n * list->size);
        list->data = data;
        list->capacity = capacity;
    }
    return list->data + list->n++ * list->size;
}

bool weft_json_reader_takes_null(const ProtobufCFieldDescriptor *field)
{
    if (field->type == PROTOBUF_C_TYPE_MESSAGE) return weft_wellknown_of(field->descriptor) == WEFT_WELLKNOWN_VALUE;
    return weft_wellknown_is_null(field);
}

/* ---- lists and maps ---------------------------------------------------------------------------------------------- */

static void set_list(ProtobufCMessage *message, const ProtobufCFieldDescriptor *field,
                     const struct weft_json_list *list)
{
    memcpy((char *)message + field->quantifier_offset, &list->n, sizeof list->n);
    memcpy((char *)message + field->offset, &list->data, sizeof list->data);
}

static weft_status read_list(struct weft_json_reader *reader, const struct weft_message_type *type,
                             const ProtobufCFieldDescriptor *field, ProtobufCMessage *message)
{
    struct weft_json_list list = { .size = weft_field_size(field) };
    bool more = true;
    weft_status status = weft_json_scan_open(&reader->scan, WEFT_JSON_ARRAY);
    for (bool first = true; status == WEFT_OK; first = false) {
        status = weft_json_scan_element(&reader->scan, first, &more);
        if (status != WEFT_OK || !more) break;
        if (weft_json_scan_peek(&reader->scan) == WEFT_JSON_NULL && !weft_json_reader_takes_null(field))
            return weft_json_scan_fail(&reader->scan, "a list holds null; leave it out");
        status = weft_json_reader_value(reader, type, field, weft_json_list_add(&list, reader->arena));
    }
    if (status == WEFT_OK) set_list(message, field, &list);
    return status;
}

static weft_status read_entry(struct weft_json_reader *reader, const struct weft_message_type *type,
                              struct weft_json_text name, ProtobufCMessage *entry)
{
    const ProtobufCFieldDescriptor *key = &type->descriptor->fields[0], *value = &type->descriptor->fields[1];
    if (weft_json_scan_peek(&reader->scan) == WEFT_JSON_NULL && !weft_json_reader_takes_null(value))
        return weft_json_scan_fail(&reader->scan, "a map holds null; leave it out");
    weft_status status = weft_json_reader_key(reader, key, name, weft_field_member(entry, key));
    weft_field_mark(entry, key); /* proto2's maps */
    weft_field_mark(entry, value);
    if (status != WEFT_OK) return status;
    return weft_json_reader_value(reader, type->field_types[1], value, weft_field_member(entry, value));
}

bool weft_json_list_has_twins(const struct weft_json_list *list, const ProtobufCMessageDescriptor *entry)
{
    bool *keep = weft_memory_get(list->n + 1);
    size_t n = weft_map_last(entry, (const ProtobufCMessage *const *)(void *)list->data, list->n, keep);
    free(keep);
    return n < list->n;
}

static weft_status read_map(struct weft_json_reader *reader, const struct weft_message_type *type,
                            const ProtobufCFieldDescriptor *field, ProtobufCMessage *message)
{
    struct weft_json_list list = { .size = sizeof(ProtobufCMessage *) };
    struct weft_json_text name;
    bool more = true;
    weft_status status = weft_json_scan_open(&reader->scan, WEFT_JSON_OBJECT);
    for (bool first = true; status == WEFT_OK; first = false) {
        status = weft_json_scan_member(&reader->scan, first, &name, &more);
        if (status != WEFT_OK || !more) break;
        ProtobufCMessage *entry = weft_message_make(reader->arena, type->descriptor);
        *(ProtobufCMessage **)weft_json_list_add(&list, reader->arena) = entry;
        status = read_entry(reader, type, name, entry);
    }
    if (status == WEFT_OK && weft_json_list_has_twins(&list, type->descriptor))
        return weft_json_scan_fail(&reader->scan, "a map has a key twice");
    if (status == WEFT_OK) set_list(message, field, &list);
    return status;
}

/* ---- members ----------------------------------------------------------------------------------------------------- */

/* By JSON name or by the contract's own; `expected` is tried first: most writers keep the order. */
static unsigned find_field(const struct weft_message_type *type, struct weft_json_text name, unsigned expected)
{
    unsigned n = type->descriptor->n_fields;
    if (expected < n && weft_json_text_is(name, type->fields[expected].json_name)) return expected;
    for (unsigned i = 0; i < n; i++)
        if (weft_json_text_is(name, type->fields[i].json_name) ||
            weft_json_text_is(name, type->descriptor->fields[i].name))
            return i;
    return n;
}

static weft_status unknown_field(struct weft_json_reader *reader, const struct weft_message_type *type,
                                 struct weft_json_text name)
{
    unsigned n = type->descriptor->n_fields;
    const char **names = weft_arena_alloc(reader->arena, (n + 1) * sizeof *names);
    const char *word = weft_arena_copy(reader->arena, name.data, name.size);
    for (unsigned i = 0; i < n; i++)
        names[i] = type->fields[i].json_name;
    const char *nearest = weft_text_nearest(word, names);
    return weft_json_scan_fail(&reader->scan, "%s has no field \"%.100s\"%s%s%s", type->name, word,
                               nearest != NULL ? "; is it \"" : "", nearest != NULL ? nearest : "",
                               nearest != NULL ? "\"?" : "");
}

static weft_status read_single(struct weft_json_reader *reader, const struct weft_message_type *type, unsigned index,
                               ProtobufCMessage *message)
{
    const ProtobufCFieldDescriptor *field = &type->descriptor->fields[index];
    uint32_t selected = 0;
    if (weft_json_scan_peek(&reader->scan) == WEFT_JSON_NULL && !weft_json_reader_takes_null(field))
        return weft_json_scan_null(&reader->scan); /* as if it were not there */
    if ((field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0)
        memcpy(&selected, (char *)message + field->quantifier_offset, sizeof selected);
    if (selected != 0)
        return weft_json_scan_fail(&reader->scan, "another member of oneof %s is set already",
                                   type->fields[index].oneof);
    weft_field_mark(message, field);
    return weft_json_reader_value(reader, type->field_types[index], field, weft_field_member(message, field));
}

static weft_status read_field(struct weft_json_reader *reader, const struct weft_message_type *type, unsigned index,
                              ProtobufCMessage *message)
{
    const ProtobufCFieldDescriptor *field = &type->descriptor->fields[index];
    if (field->label != PROTOBUF_C_LABEL_REPEATED) return read_single(reader, type, index, message);
    if (weft_json_scan_peek(&reader->scan) == WEFT_JSON_NULL) return weft_json_scan_null(&reader->scan);
    if ((type->fields[index].flags & WEFT_FIELD_MAP) != 0)
        return read_map(reader, type->field_types[index], field, message);
    return read_list(reader, type->field_types[index], field, message);
}

/* One member: `seen` tells which fields have been there, `expected` which is likely to be next. */
static weft_status read_member(struct weft_json_reader *reader, const struct weft_message_type *type,
                               struct weft_json_text name, ProtobufCMessage *message, bool *seen, unsigned *expected)
{
    struct weft_json_scan *scan = &reader->scan;
    unsigned index = find_field(type, name, *expected);
    if (index == type->descriptor->n_fields)
        return reader->known_only ? weft_json_scan_skip(scan) : unknown_field(reader, type, name);
    const char *outer_message = scan->message, *outer_field = scan->field;
    scan->message = type->name;
    scan->field = type->descriptor->fields[index].name;
    if (seen[index]) return weft_json_scan_fail(scan, "it is there twice");
    seen[index] = true;
    *expected = index + 1;
    weft_status status = read_field(reader, type, index, message);
    if (status != WEFT_OK) return status; /* the innermost field is the one to name */
    scan->message = outer_message;
    scan->field = outer_field;
    return WEFT_OK;
}

weft_status weft_json_reader_members(struct weft_json_reader *reader, const struct weft_message_type *type,
                                     ProtobufCMessage *message, bool in_any)
{
    bool *seen = weft_arena_alloc(reader->arena, type->descriptor->n_fields + 1), more = true;
    unsigned expected = 0;
    struct weft_json_text name;
    weft_status status = weft_json_scan_open(&reader->scan, WEFT_JSON_OBJECT);
    for (bool first = true; status == WEFT_OK; first = false) {
        status = weft_json_scan_member(&reader->scan, first, &name, &more);
        if (status != WEFT_OK || !more) break;
        if (in_any && weft_json_text_is(name, "@type"))
            status = weft_json_scan_skip(&reader->scan);
        else
            status = read_member(reader, type, name, message, seen, &expected);
    }
    return status;
}

weft_status weft_json_reader_message(struct weft_json_reader *reader, const struct weft_message_type *type,
                                     ProtobufCMessage **ret_message)
{
    ProtobufCMessage *message = weft_message_make(reader->arena, type->descriptor);
    enum weft_wellknown kind = weft_wellknown_of(type->descriptor);
    weft_status status = kind == WEFT_WELLKNOWN_NONE ? weft_json_reader_members(reader, type, message, false)
                                                     : weft_json_reader_wellknown(reader, kind, type, message);
    if (status == WEFT_OK) *ret_message = message;
    return status;
}

static weft_status read_document(struct weft_json_reader *reader, const struct weft_message_type *type,
                                 ProtobufCMessage **ret_message)
{
    ProtobufCMessage *message;
    weft_status status = weft_json_reader_message(reader, type, &message);
    if (status == WEFT_OK) status = weft_json_scan_end(&reader->scan);
    if (status == WEFT_OK) *ret_message = message;
    return status;
}

weft_status weft_json_read(const struct weft_message_type *type, const char *text, size_t size,
                           struct weft_arena *arena, ProtobufCMessage **ret_message, struct weft_fault *ret_fault)
{
    struct weft_json_reader reader = { .arena = arena, .file = type->file };
    weft_json_scan_init(&reader.scan, text, size, arena, ret_fault);
    return read_document(&reader, type, ret_message);
}

weft_status weft_json_read_known(const struct weft_message_type *type, const char *text, size_t size,
                                 struct weft_arena *arena, ProtobufCMessage **ret_message, struct weft_fault *ret_fault)
{
    struct weft_json_reader reader = { .arena = arena, .file = type->file, .known_only = true };
    weft_json_scan_init(&reader.scan, text, size, arena, ret_fault);
    return read_document(&reader, type, ret_message);
}
