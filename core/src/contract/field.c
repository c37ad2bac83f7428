/* contract/field.c - the rules of protobuf-c's memory layout (protobuf-c.h, ProtobufCFieldDescriptor). */
#include "contract/field.h"

size_t weft_field_size(const ProtobufCFieldDescriptor *field)
{
    switch (field->type) {
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_DOUBLE:
        return 8;
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_MESSAGE:
        return sizeof(void *);
    case PROTOBUF_C_TYPE_BYTES:
        return sizeof(ProtobufCBinaryData);
    default:
        return 4; /* bool and enum as well */
    }
}

void weft_field_mark(ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
    uint32_t mark = (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0 ? field->id : 1;
    if (field->quantifier_offset != 0) memcpy((char *)message + field->quantifier_offset, &mark, sizeof mark);
}

bool weft_field_has_presence(const ProtobufCFieldDescriptor *field)
{
    if (field->label == PROTOBUF_C_LABEL_REPEATED) return false;
    return (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0 || field->type == PROTOBUF_C_TYPE_MESSAGE ||
           field->label == PROTOBUF_C_LABEL_OPTIONAL || field->label == PROTOBUF_C_LABEL_REQUIRED;
}

/* proto3's implicit presence: a value that is not zero. By its bits, so that -0.0 is a value. */
static bool is_not_zero(const void *member, const ProtobufCFieldDescriptor *field)
{
    static const char zero[8];
    if (field->type == PROTOBUF_C_TYPE_BYTES) return ((const ProtobufCBinaryData *)member)->len > 0;
    return memcmp(member, zero, weft_field_size(field)) != 0;
}

static bool is_optional_set(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
    uint32_t has;
    if (field->type == PROTOBUF_C_TYPE_STRING) { /* proto2 tells by the pointer */
        const void *text = weft_field_pointer(message, field);
        return text != NULL && text != field->default_value;
    }
    memcpy(&has, (const char *)message + field->quantifier_offset, sizeof has);
    return has != 0;
}

bool weft_field_is_set(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
    const void *member = weft_field_member(message, field);
    if (field->label == PROTOBUF_C_LABEL_REPEATED) return weft_field_count(message, field) > 0;
    if (!weft_field_is_selected(message, field)) return false;
    if (field->type == PROTOBUF_C_TYPE_MESSAGE) return weft_field_pointer(message, field) != NULL;
    if ((field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0 || field->label == PROTOBUF_C_LABEL_REQUIRED) return true;
    if (field->label == PROTOBUF_C_LABEL_OPTIONAL) return is_optional_set(message, field);
    if (field->type != PROTOBUF_C_TYPE_STRING) return is_not_zero(member, field);
    const char *text = weft_field_pointer(message, field);
    return text != NULL && *text != '\0';
}
