/* contract/dynamic/dynamic_type.c - lays a message out in memory as protoc-gen-c would (protobuf-c's descriptors demand
 * no more than consistent offsets), so that protobuf-c, the guard and the JSON mapping work on it as on any other. */
#include "contract/dynamic/dynamic_type.h"

#include "contract/field.h"
#include <ctype.h>
#include <stdlib.h>

enum { FIELD_NUMBER_MAX = (1 << 29) - 1, SENSITIVE_TAG = 51700 };

struct layout { /* a message under way */
    const struct weft_dynamic *dynamic;
    struct weft_arena *arena;
    const message_proto *proto;
    const char *name;
    bool is_proto3;
    size_t size;           /* of the struct so far */
    size_t *oneof_offsets; /* of each oneof's case; its members follow at +8; 0: not yet placed */
    struct weft_fault *fault;
};

static weft_status invalid(struct layout *layout, const field_proto *field, const char *what)
{
    return weft_fault_set(layout->fault, WEFT_INVALID_ARGUMENT, "field %s of %s %s",
                          field->name != NULL ? field->name : "?", layout->name, what);
}

/* Consecutive numbers make one range; a last one carries the count. */
static const ProtobufCIntRange *make_ranges(struct weft_arena *arena, const int32_t *numbers, size_t n,
                                            unsigned *ret_count)
{
    ProtobufCIntRange *ranges = weft_arena_alloc(arena, (n + 1) * sizeof *ranges);
    unsigned count = 0;
    for (size_t i = 0; i < n; i++)
        if (i == 0 || (int64_t)numbers[i] != (int64_t)numbers[i - 1] + 1)
            ranges[count++] = (ProtobufCIntRange){ numbers[i], (unsigned)i };
    ranges[count] = (ProtobufCIntRange){ 0, (unsigned)n };
    *ret_count = count;
    return ranges;
}

/* ---- enums ------------------------------------------------------------------------------------------------------- */

static int value_compare(const void *left, const void *right)
{
    const ProtobufCEnumValue *a = left, *b = right;
    return (a->value > b->value) - (a->value < b->value);
}

static int index_compare(const void *left, const void *right)
{
    return strcmp(((const ProtobufCEnumValueIndex *)left)->name, ((const ProtobufCEnumValueIndex *)right)->name);
}

/* Leaves one of each number, in order; returns how many. */
static size_t sort_values(ProtobufCEnumValue *values, size_t n)
{
    size_t distinct = 0;
    qsort(values, n, sizeof *values, value_compare);
    for (size_t i = 0; i < n; i++)
        if (distinct == 0 || values[i].value != values[distinct - 1].value) values[distinct++] = values[i];
    return distinct;
}

static const ProtobufCEnumValueIndex *make_name_index(struct weft_arena *arena, const enum_proto *proto,
                                                      const ProtobufCEnumValue *values, size_t n_values)
{
    ProtobufCEnumValueIndex *index = weft_arena_alloc(arena, (proto->n_value + 1) * sizeof *index);
    for (size_t i = 0; i < proto->n_value; i++) {
        ProtobufCEnumValue key = { .value = proto->value[i]->number };
        const ProtobufCEnumValue *found = bsearch(&key, values, n_values, sizeof *values, value_compare);
        index[i] = (ProtobufCEnumValueIndex){ proto->value[i]->name, (unsigned)(found - values) };
    }
    qsort(index, proto->n_value, sizeof *index, index_compare);
    return index;
}

weft_status weft_dynamic_fill_enum(struct weft_arena *arena, const char *name, const enum_proto *proto,
                                   ProtobufCEnumDescriptor *ret_enum, struct weft_fault *fault)
{
    ProtobufCEnumValue *values = weft_arena_alloc(arena, (proto->n_value + 1) * sizeof *values);
    int32_t *numbers = weft_arena_alloc(arena, (proto->n_value + 1) * sizeof *numbers);
    for (size_t i = 0; i < proto->n_value; i++) {
        if (proto->value[i]->name == NULL)
            return weft_fault_set(fault, WEFT_INVALID_ARGUMENT, "enum %s has a value without a name", name);
        values[i] = (ProtobufCEnumValue){ proto->value[i]->name, proto->value[i]->name, proto->value[i]->number };
    }
    size_t n = sort_values(values, proto->n_value);
    for (size_t i = 0; i < n; i++)
        numbers[i] = values[i].value;
    *ret_enum = (ProtobufCEnumDescriptor){
        .magic = PROTOBUF_C__ENUM_DESCRIPTOR_MAGIC,
        .name = name,
        .short_name = proto->name,
        .c_name = name,
        .package_name = "",
        .n_values = (unsigned)n,
        .values = values,
        .n_value_names = (unsigned)proto->n_value,
        .values_by_name = make_name_index(arena, proto, values, n),
    };
    ret_enum->value_ranges = make_ranges(arena, numbers, n, &ret_enum->n_value_ranges);
    return WEFT_OK;
}

/* ---- fields ------------------------------------------------------------------------------------------------------ */

/* By FieldDescriptorProto.Type; 0 and groups have none. */
static bool type_of(const field_proto *field, ProtobufCType *ret_type)
{
    static const int types[] = {
        -1,
        PROTOBUF_C_TYPE_DOUBLE,
        PROTOBUF_C_TYPE_FLOAT,
        PROTOBUF_C_TYPE_INT64,
        PROTOBUF_C_TYPE_UINT64,
        PROTOBUF_C_TYPE_INT32,
        PROTOBUF_C_TYPE_FIXED64,
        PROTOBUF_C_TYPE_FIXED32,
        PROTOBUF_C_TYPE_BOOL,
        PROTOBUF_C_TYPE_STRING,
        -1,
        PROTOBUF_C_TYPE_MESSAGE,
        PROTOBUF_C_TYPE_BYTES,
        PROTOBUF_C_TYPE_UINT32,
        PROTOBUF_C_TYPE_ENUM,
        PROTOBUF_C_TYPE_SFIXED32,
        PROTOBUF_C_TYPE_SFIXED64,
        PROTOBUF_C_TYPE_SINT32,
        PROTOBUF_C_TYPE_SINT64,
    };
    size_t type = (size_t)field->type;
    if (type >= sizeof types / sizeof types[0] || types[type] < 0) return false;
    *ret_type = (ProtobufCType)types[type];
    return true;
}

static unsigned place(struct layout *layout, size_t size, size_t align)
{
    size_t offset = (layout->size + align - 1) / align * align;
    layout->size = offset + size;
    return (unsigned)offset;
}

/* All members of a oneof share 16 bytes, the size of the largest value, behind the case. */
static void place_in_oneof(struct layout *layout, size_t oneof, ProtobufCFieldDescriptor *field)
{
    if (layout->oneof_offsets[oneof] == 0)
        layout->oneof_offsets[oneof] = place(layout, 8 + sizeof(ProtobufCBinaryData), 8);
    field->quantifier_offset = (unsigned)layout->oneof_offsets[oneof];
    field->offset = field->quantifier_offset + 8;
    field->flags |= PROTOBUF_C_FIELD_FLAG_ONEOF;
}

static void place_field(struct layout *layout, const field_proto *proto, ProtobufCFieldDescriptor *field)
{
    size_t size = weft_field_size(field);
    if (field->label == PROTOBUF_C_LABEL_REPEATED) {
        field->quantifier_offset = place(layout, sizeof(size_t), sizeof(size_t));
        field->offset = place(layout, sizeof(void *), sizeof(void *));
    } else if (proto->has_oneof_index) {
        place_in_oneof(layout, (size_t)proto->oneof_index, field);
    } else {
        bool has = field->label == PROTOBUF_C_LABEL_OPTIONAL && field->type != PROTOBUF_C_TYPE_STRING &&
                   field->type != PROTOBUF_C_TYPE_MESSAGE;
        if (has) field->quantifier_offset = place(layout, sizeof(protobuf_c_boolean), sizeof(protobuf_c_boolean));
        field->offset = place(layout, size, size < 8 ? size : 8);
        if (field->type == PROTOBUF_C_TYPE_STRING && layout->is_proto3) field->default_value = protobuf_c_empty_string;
    }
}

static ProtobufCLabel label_of(const struct layout *layout, const field_proto *field)
{
    if (field->label == GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__LABEL__LABEL_REPEATED)
        return PROTOBUF_C_LABEL_REPEATED;
    if (layout->is_proto3 || field->has_oneof_index) return PROTOBUF_C_LABEL_NONE;
    if (field->label == GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__LABEL__LABEL_REQUIRED)
        return PROTOBUF_C_LABEL_REQUIRED;
    return PROTOBUF_C_LABEL_OPTIONAL;
}

static bool is_packed(const struct layout *layout, const field_proto *proto, const ProtobufCFieldDescriptor *field)
{
    bool can = field->label == PROTOBUF_C_LABEL_REPEATED && field->type != PROTOBUF_C_TYPE_STRING &&
               field->type != PROTOBUF_C_TYPE_BYTES && field->type != PROTOBUF_C_TYPE_MESSAGE;
    if (proto->options != NULL && proto->options->has_packed) return can && proto->options->packed;
    return can && layout->is_proto3;
}

/* The message or enum that the field names. */
static weft_status find_type(struct layout *layout, const field_proto *proto, ProtobufCFieldDescriptor *field,
                             const struct weft_message_type **ret_type, uint32_t *flags)
{
    bool is_map = false;
    if (field->type != PROTOBUF_C_TYPE_MESSAGE && field->type != PROTOBUF_C_TYPE_ENUM) return WEFT_OK;
    if (proto->type_name == NULL || *proto->type_name != '.') return invalid(layout, proto, "names no type in full");
    if (field->type == PROTOBUF_C_TYPE_ENUM) {
        field->descriptor = weft_dynamic_find_enum(layout->dynamic, proto->type_name + 1);
    } else if ((*ret_type = weft_dynamic_find_message(layout->dynamic, proto->type_name + 1, &is_map)) != NULL) {
        field->descriptor = (*ret_type)->descriptor;
    }
    if (is_map && field->label == PROTOBUF_C_LABEL_REPEATED) *flags |= WEFT_FIELD_MAP;
    return field->descriptor != NULL ? WEFT_OK : invalid(layout, proto, "is of a type that is in none of the files");
}

/* Lower camel case, as protoc makes it. */
static const char *json_name(struct weft_arena *arena, const field_proto *field)
{
    if (field->json_name != NULL && *field->json_name != '\0') return field->json_name;
    char *name = weft_arena_strdup(arena, field->name), *out = name;
    for (const char *c = field->name; *c != '\0'; c++)
        if (*c != '_') *out++ = c > field->name && c[-1] == '_' ? (char)toupper((unsigned char)*c) : *c;
    *out = '\0';
    return name;
}

static bool is_sensitive(const field_proto *field)
{
    const ProtobufCMessage *options = field->options != NULL ? &field->options->base : NULL;
    for (unsigned i = 0; options != NULL && i < options->n_unknown_fields; i++)
        if (options->unknown_fields[i].tag == SENSITIVE_TAG && options->unknown_fields[i].len == 1 &&
            options->unknown_fields[i].data[0] == 1)
            return true;
    return false;
}

static weft_status fill_field(struct layout *layout, const field_proto *proto, ProtobufCFieldDescriptor *field,
                              struct weft_field *side, const struct weft_message_type **ret_type)
{
    if (proto->name == NULL || *proto->name == '\0') return invalid(layout, proto, "has no name");
    if (proto->number < 1 || proto->number > FIELD_NUMBER_MAX)
        return invalid(layout, proto, "has a number that cannot be");
    if (proto->has_oneof_index && (proto->oneof_index < 0 || (size_t)proto->oneof_index >= layout->proto->n_oneof_decl))
        return invalid(layout, proto, "is of a oneof that does not exist");
    *field = (ProtobufCFieldDescriptor){ .name = proto->name,
                                         .id = (uint32_t)proto->number,
                                         .label = label_of(layout, proto) };
    if (!type_of(proto, &field->type)) return invalid(layout, proto, "is a group or of an unknown type");
    if (is_packed(layout, proto, field)) field->flags |= PROTOBUF_C_FIELD_FLAG_PACKED;
    *side = (struct weft_field){ .json_name = json_name(layout->arena, proto) };
    if (proto->proto3_optional)
        side->flags |= WEFT_FIELD_OPTIONAL;
    else if (proto->has_oneof_index)
        side->oneof = layout->proto->oneof_decl[proto->oneof_index]->name;
    if (is_sensitive(proto)) side->flags |= WEFT_FIELD_SENSITIVE;
    place_field(layout, proto, field);
    return find_type(layout, proto, field, ret_type, &side->flags);
}

/* ---- messages ---------------------------------------------------------------------------------------------------- */

static int number_compare(const void *left, const void *right)
{
    const field_proto *a = *(const field_proto *const *)left, *b = *(const field_proto *const *)right;
    return (a->number > b->number) - (a->number < b->number);
}

static int name_compare(const void *left, const void *right, void *fields)
{
    const ProtobufCFieldDescriptor *all = fields;
    return strcmp(all[*(const unsigned *)left].name, all[*(const unsigned *)right].name);
}

static const unsigned *sort_by_name(struct weft_arena *arena, const ProtobufCFieldDescriptor *fields, size_t n)
{
    unsigned *order = weft_arena_alloc(arena, (n + 1) * sizeof *order);
    for (size_t i = 0; i < n; i++)
        order[i] = (unsigned)i;
    qsort_r(order, n, sizeof *order, name_compare, (void *)(uintptr_t)fields);
    return order;
}

static weft_status fill_fields(struct layout *layout, ProtobufCFieldDescriptor *fields, struct weft_field *sides,
                               const struct weft_message_type **types, int32_t *numbers)
{
    size_t n = layout->proto->n_field;
    weft_status status = WEFT_OK;
    if (n > 0) qsort(layout->proto->field, n, sizeof *layout->proto->field, number_compare); /* NULL without fields */
    for (size_t i = 0; i < n && status == WEFT_OK; i++) {
        const field_proto *field = layout->proto->field[i];
        numbers[i] = field->number;
        if (i > 0 && numbers[i] == numbers[i - 1]) return invalid(layout, field, "has another field's number");
        status = fill_field(layout, field, &fields[i], &sides[i], &types[i]);
    }
    return status;
}

/* The JSON mapping relies on the shape of a map's entries. */
static weft_status check_entry(struct layout *layout, const ProtobufCFieldDescriptor *fields)
{
    if (layout->proto->options == NULL || !layout->proto->options->map_entry) return WEFT_OK;
    bool fine = layout->proto->n_field == 2 && fields[0].id == 1 && fields[1].id == 2 &&
                fields[0].label != PROTOBUF_C_LABEL_REPEATED && fields[1].label != PROTOBUF_C_LABEL_REPEATED &&
                fields[0].type != PROTOBUF_C_TYPE_MESSAGE && fields[0].type != PROTOBUF_C_TYPE_BYTES &&
                fields[0].type != PROTOBUF_C_TYPE_FLOAT && fields[0].type != PROTOBUF_C_TYPE_DOUBLE &&
                fields[0].type != PROTOBUF_C_TYPE_ENUM;
    return fine ? WEFT_OK
                : weft_fault_set(layout->fault, WEFT_INVALID_ARGUMENT,
                                 "message %s is a map's entry without a key and a value", layout->name);
}

weft_status weft_dynamic_fill_message(const struct weft_dynamic *dynamic, struct weft_arena *arena,
                                      const file_proto *file, const message_proto *proto,
                                      struct weft_message_type *ret_type, ProtobufCMessageDescriptor *ret_descriptor,
                                      struct weft_fault *fault)
{
    size_t n = proto->n_field;
    ProtobufCFieldDescriptor *fields = weft_arena_alloc(arena, (n + 1) * sizeof *fields);
    struct weft_field *sides = weft_arena_alloc(arena, (n + 1) * sizeof *sides);
    const struct weft_message_type **types = weft_arena_alloc(arena, (n + 1) * sizeof *types);
    int32_t *numbers = weft_arena_alloc(arena, (n + 1) * sizeof *numbers);
    struct layout layout = {
        .dynamic = dynamic,
        .arena = arena,
        .proto = proto,
        .name = ret_type->name,
        .is_proto3 = file->syntax != NULL && strcmp(file->syntax, "proto3") == 0,
        .size = sizeof(ProtobufCMessage),
        .oneof_offsets = weft_arena_alloc(arena, (proto->n_oneof_decl + 1) * sizeof(size_t)),
        .fault = fault,
    };
    weft_status status = fill_fields(&layout, fields, sides, types, numbers);
    if (status == WEFT_OK) status = check_entry(&layout, fields);
    if (status != WEFT_OK) return status;
    *ret_descriptor = (ProtobufCMessageDescriptor){
        .magic = PROTOBUF_C__MESSAGE_DESCRIPTOR_MAGIC,
        .name = ret_type->name,
        .short_name = proto->name,
        .c_name = ret_type->name,
        .package_name = "",
        .sizeof_message = (layout.size + 15) / 16 * 16,
        .n_fields = (unsigned)n,
        .fields = fields,
        .fields_sorted_by_name = sort_by_name(arena, fields, n),
    };
    ret_descriptor->field_ranges = make_ranges(arena, numbers, n, &ret_descriptor->n_field_ranges);
    ret_type->fields = sides;
    ret_type->field_types = types;
    return WEFT_OK;
}
