/* contract/json/json_read_value.c - single values out of JSON. Integers may be text and may be written 1e3 or 5.0;
 * floats may be text as well; enums are names or numbers. */
#include "contract/json/json_reader.h"

#include "contract/field.h"
#include "contract/json/json_text.h"

static bool is_signed(ProtobufCType type)
{
    return type == PROTOBUF_C_TYPE_INT32 || type == PROTOBUF_C_TYPE_SINT32 || type == PROTOBUF_C_TYPE_SFIXED32 ||
           type == PROTOBUF_C_TYPE_INT64 || type == PROTOBUF_C_TYPE_SINT64 || type == PROTOBUF_C_TYPE_SFIXED64;
}

static weft_status read_integer(struct weft_json_reader *reader, const ProtobufCFieldDescriptor *field,
                                struct weft_json_text text, void *slot)
{
    bool is_word = weft_field_size(field) == 4;
    uint64_t number;
    bool fits;
    if (is_signed(field->type))
        fits = weft_json_signed_read(text.data, text.size, is_word ? INT32_MIN : INT64_MIN,
                                     is_word ? INT32_MAX : INT64_MAX, (int64_t *)&number);
    else
        fits = weft_json_unsigned_read(text.data, text.size, is_word ? UINT32_MAX : UINT64_MAX, &number);
    if (!fits)
        return weft_json_scan_fail(&reader->scan, "\"%.*s\" is no %s integer of %d bits",
                                   (int)(text.size < 50 ? text.size : 50), text.data,
                                   is_signed(field->type) ? "signed" : "unsigned", is_word ? 32 : 64);
    uint32_t word = (uint32_t)number;
    if (is_word)
        memcpy(slot, &word, sizeof word);
    else
        memcpy(slot, &number, sizeof number);
    return WEFT_OK;
}

static weft_status read_real(struct weft_json_reader *reader, const ProtobufCFieldDescriptor *field,
                             struct weft_json_text text, bool names, void *slot)
{
    bool is_float = field->type == PROTOBUF_C_TYPE_FLOAT;
    double real;
    if (!weft_json_real_read(text.data, text.size, names, is_float, &real))
        return weft_json_scan_fail(&reader->scan, "\"%.*s\" is no number, or too large",
                                   (int)(text.size < 50 ? text.size : 50), text.data);
    float single = (float)real;
    if (is_float)
        memcpy(slot, &single, sizeof single);
    else
        memcpy(slot, &real, sizeof real);
    return WEFT_OK;
}

/* A number, or text that holds one. */
static weft_status read_number(struct weft_json_reader *reader, const ProtobufCFieldDescriptor *field, void *slot)
{
    struct weft_json_text text;
    struct weft_json_scan here = reader->scan; /* so that errors point at the value, not behind it */
    bool quoted = weft_json_scan_peek(&reader->scan) == WEFT_JSON_STRING;
    weft_status status =
        quoted ? weft_json_scan_string(&reader->scan, &text) : weft_json_scan_number(&reader->scan, &text);
    if (status != WEFT_OK) return status;
    const char *after = reader->scan.at;
    reader->scan.at = here.at;
    if (field->type == PROTOBUF_C_TYPE_FLOAT || field->type == PROTOBUF_C_TYPE_DOUBLE)
        status = read_real(reader, field, text, quoted, slot);
    else
        status = read_integer(reader, field, text, slot);
    if (status == WEFT_OK) reader->scan.at = after;
    return status;
}

static weft_status read_bool(struct weft_json_reader *reader, void *slot)
{
    bool truth;
    weft_status status = weft_json_scan_bool(&reader->scan, &truth);
    protobuf_c_boolean value = truth;
    if (status == WEFT_OK) memcpy(slot, &value, sizeof value);
    return status;
}

static weft_status read_enum_name(struct weft_json_reader *reader, const ProtobufCEnumDescriptor *type, void *slot)
{
    struct weft_json_text text;
    char *name;
    weft_status status = weft_json_scan_string(&reader->scan, &text);
    if (status == WEFT_OK) status = weft_json_reader_text(reader, text, &name);
    if (status != WEFT_OK) return status;
    const ProtobufCEnumValue *value = protobuf_c_enum_descriptor_get_value_by_name(type, name);
    if (value == NULL) return weft_json_scan_fail(&reader->scan, "\"%.100s\" is no value of enum %s", name, type->name);
    int32_t number = value->value;
    memcpy(slot, &number, sizeof number);
    return WEFT_OK;
}

static weft_status read_enum(struct weft_json_reader *reader, const ProtobufCFieldDescriptor *field, void *slot)
{
    static const ProtobufCFieldDescriptor as_integer = { .type = PROTOBUF_C_TYPE_INT32 };
    enum weft_json_kind kind = weft_json_scan_peek(&reader->scan);
    if (kind == WEFT_JSON_STRING) return read_enum_name(reader, field->descriptor, slot);
    if (kind == WEFT_JSON_NULL && weft_wellknown_is_null(field)) return weft_json_scan_null(&reader->scan);
    return read_number(reader, &as_integer, slot);
}

weft_status weft_json_reader_text(struct weft_json_reader *reader, struct weft_json_text text, char **ret_text)
{
    if (memchr(text.data, '\0', text.size) != NULL)
        return weft_json_scan_fail(&reader->scan, "text holds a NUL, which it may not");
    *ret_text = weft_arena_copy(reader->arena, text.data, text.size);
    return WEFT_OK;
}

static weft_status read_string(struct weft_json_reader *reader, void *slot)
{
    struct weft_json_text text;
    char *copy;
    weft_status status = weft_json_scan_string(&reader->scan, &text);
    if (status == WEFT_OK) status = weft_json_reader_text(reader, text, &copy);
    if (status == WEFT_OK) memcpy(slot, &copy, sizeof copy);
    return status;
}

static weft_status read_bytes(struct weft_json_reader *reader, ProtobufCBinaryData *slot)
{
    struct weft_json_text text;
    weft_status status = weft_json_scan_string(&reader->scan, &text);
    if (status != WEFT_OK) return status;
    slot->data = weft_arena_alloc(reader->arena, text.size / 4 * 3 + 3);
    if (!weft_json_base64_read(text.data, text.size, slot->data, &slot->len))
        return weft_json_scan_fail(&reader->scan, "it is not base64");
    return WEFT_OK;
}

weft_status weft_json_reader_value(struct weft_json_reader *reader, const struct weft_message_type *type,
                                   const ProtobufCFieldDescriptor *field, void *slot)
{
    ProtobufCMessage *message;
    weft_status status;
    switch (field->type) {
    case PROTOBUF_C_TYPE_BOOL:
        return read_bool(reader, slot);
    case PROTOBUF_C_TYPE_ENUM:
        return read_enum(reader, field, slot);
    case PROTOBUF_C_TYPE_STRING:
        return read_string(reader, slot);
    case PROTOBUF_C_TYPE_BYTES:
        return read_bytes(reader, slot);
    case PROTOBUF_C_TYPE_MESSAGE:
        status = weft_json_reader_message(reader, type, &message);
        if (status == WEFT_OK) memcpy(slot, &message, sizeof message);
        return status;
    default:
        return read_number(reader, field, slot);
    }
}

weft_status weft_json_reader_key(struct weft_json_reader *reader, const ProtobufCFieldDescriptor *field,
                                 struct weft_json_text text, void *slot)
{
    char *copy;
    weft_status status = WEFT_OK;
    if (field->type == PROTOBUF_C_TYPE_STRING) {
        status = weft_json_reader_text(reader, text, &copy);
        if (status == WEFT_OK) memcpy(slot, &copy, sizeof copy);
    } else if (field->type == PROTOBUF_C_TYPE_BOOL) {
        protobuf_c_boolean truth = weft_json_text_is(text, "true");
        if (!truth && !weft_json_text_is(text, "false"))
            return weft_json_scan_fail(&reader->scan, "the map's keys are true and false");
        memcpy(slot, &truth, sizeof truth);
    } else {
        status = read_integer(reader, field, text, slot);
    }
    return status;
}
