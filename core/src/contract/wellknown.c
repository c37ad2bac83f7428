/* contract/wellknown.c - tables of names. */
#include "contract/wellknown.h"

#include "google/protobuf/any.weft.h"
#include "google/protobuf/descriptor.weft.h"
#include "google/protobuf/duration.weft.h"
#include "google/protobuf/empty.weft.h"
#include "google/protobuf/field_mask.weft.h"
#include "google/protobuf/struct.weft.h"
#include "google/protobuf/timestamp.weft.h"
#include "google/protobuf/wrappers.weft.h"
#include "weft/options.weft.h"
#include <string.h>

#define PREFIX "google.protobuf."

enum weft_wellknown weft_wellknown_of(const ProtobufCMessageDescriptor *descriptor)
{
    static const struct {
        const char *name;
        enum weft_wellknown kind;
    } kinds[] = {
        { "Any", WEFT_WELLKNOWN_ANY },
        { "BoolValue", WEFT_WELLKNOWN_WRAPPER },
        { "BytesValue", WEFT_WELLKNOWN_WRAPPER },
        { "DoubleValue", WEFT_WELLKNOWN_WRAPPER },
        { "Duration", WEFT_WELLKNOWN_DURATION },
        { "FieldMask", WEFT_WELLKNOWN_FIELD_MASK },
        { "FloatValue", WEFT_WELLKNOWN_WRAPPER },
        { "Int32Value", WEFT_WELLKNOWN_WRAPPER },
        { "Int64Value", WEFT_WELLKNOWN_WRAPPER },
        { "ListValue", WEFT_WELLKNOWN_LIST_VALUE },
        { "StringValue", WEFT_WELLKNOWN_WRAPPER },
        { "Struct", WEFT_WELLKNOWN_STRUCT },
        { "Timestamp", WEFT_WELLKNOWN_TIMESTAMP },
        { "UInt32Value", WEFT_WELLKNOWN_WRAPPER },
        { "UInt64Value", WEFT_WELLKNOWN_WRAPPER },
        { "Value", WEFT_WELLKNOWN_VALUE },
    };
    if (strncmp(descriptor->name, PREFIX, sizeof PREFIX - 1) != 0) return WEFT_WELLKNOWN_NONE;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (strcmp(descriptor->name + sizeof PREFIX - 1, kinds[i].name) == 0) return kinds[i].kind;
    return WEFT_WELLKNOWN_NONE;
}

bool weft_wellknown_is_null(const ProtobufCFieldDescriptor *field)
{
    const ProtobufCEnumDescriptor *type = field->descriptor;
    return field->type == PROTOBUF_C_TYPE_ENUM && strcmp(type->name, PREFIX "NullValue") == 0;
}

const ProtobufCEnumDescriptor *weft_wellknown_null_enum(void)
{
    return &google__protobuf__null_value__descriptor;
}

static const struct weft_message_type *find_in(const struct weft_file *file, const char *name)
{
    for (size_t i = 0; file->messages[i] != NULL; i++)
        if (strcmp(file->messages[i]->name, name) == 0) return file->messages[i];
    return NULL;
}

static const struct weft_file *const files[] = {
    &google_protobuf_any_proto,        &google_protobuf_duration_proto,   &google_protobuf_empty_proto,
    &google_protobuf_field_mask_proto, &google_protobuf_struct_proto,     &google_protobuf_timestamp_proto,
    &google_protobuf_wrappers_proto,   &google_protobuf_descriptor_proto, &weft_options_proto,
};

const struct weft_file *weft_wellknown_file(const char *name)
{
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
        if (strcmp(files[i]->name, name) == 0) return files[i];
    return NULL;
}

const struct weft_message_type *weft_wellknown_find(const char *name)
{
    const struct weft_message_type *found = NULL;
    if (strncmp(name, PREFIX, sizeof PREFIX - 1) != 0 && strncmp(name, "weft.", 5) != 0) return NULL;
    for (size_t i = 0; i < sizeof files / sizeof files[0] && found == NULL; i++)
        found = find_in(files[i], name);
    return found;
}

/* `budget` ends the search in a contract whose files import one another in very many ways. */
static const struct weft_message_type *find_below(const struct weft_file *file, const char *name, uint32_t *budget)
{
    if (*budget == 0) return NULL;
    --*budget;
    const struct weft_message_type *found = find_in(file, name);
    for (size_t i = 0; found == NULL && file->dependencies[i] != NULL; i++)
        found = find_below(file->dependencies[i], name, budget);
    return found;
}

const struct weft_message_type *weft_wellknown_find_from(const struct weft_file *file, const char *name)
{
    uint32_t budget = 10000;
    const struct weft_message_type *found = weft_wellknown_find(name);
    return found != NULL || file == NULL ? found : find_below(file, name, &budget);
}
