/* options.c - finds the extensions' bytes and unpacks them. */
#include "options.h"

#include "names.h"
#include <errno.h>
#include <string.h>

enum { OPTION_TAG = 51700 }; /* of all of weft's extensions, proto/weft/options.proto */

/* The data of a length-delimited unknown field begins with its length. */
static const uint8_t *skip_varint(const uint8_t *data, size_t size)
{
    size_t i = 0;
    while (i < size && (data[i] & 0x80) != 0)
        i++;
    return data + (i < size ? i + 1 : size);
}

/* All occurrences, one after the other: that is how protobuf merges messages. NULL: there is none. */
static const uint8_t *option_bytes(struct weft_gen_model *model, const ProtobufCMessage *options, size_t *ret_size)
{
    uint8_t *all = NULL;
    size_t size = 0;
    for (unsigned i = 0; i < options->n_unknown_fields; i++) {
        const ProtobufCMessageUnknownField *field = &options->unknown_fields[i];
        if (field->tag != OPTION_TAG || field->wire_type != PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED) continue;
        const uint8_t *bytes = skip_varint(field->data, field->len);
        size_t n = (size_t)(field->data + field->len - bytes);
        uint8_t *longer = weft_gen_alloc(model, size + n + 1);
        if (size > 0) memcpy(longer, all, size);
        memcpy(longer + size, bytes, n);
        all = longer;
        size += n;
    }
    *ret_size = size;
    return all;
}

static void *model_allocate(void *model, size_t size)
{
    return weft_gen_alloc(model, size);
}
static void model_forget(void *model, void *pointer)
{
    (void)model, (void)pointer;
}

static ProtobufCMessage *unpack_option(struct weft_gen_model *model, const ProtobufCMessageDescriptor *descriptor,
                                       const ProtobufCMessage *options)
{
    size_t size;
    const uint8_t *bytes = options != NULL ? option_bytes(model, options, &size) : NULL;
    if (bytes == NULL) return NULL;
    ProtobufCAllocator allocator = { model_allocate, model_forget, model };
    return protobuf_c_message_unpack(descriptor, &allocator, size, bytes);
}

const Weft__EventOptions *weft_gen_options_event(struct weft_gen_model *model, const struct weft_gen_message *message)
{
    const ProtobufCMessage *options = message->proto->options != NULL ? &message->proto->options->base : NULL;
    Weft__EventOptions *event = (Weft__EventOptions *)unpack_option(model, &weft__event_options__descriptor, options);
    if (event == NULL) return NULL;
    if (*event->type == '\0') event->type = weft_gen_format(model, "%s", message->name);
    if (*event->routing_key == '\0') event->routing_key = (char *)weft_gen_name_dotted(model, message->proto->name);
    return event;
}

const Weft__MethodOptions *weft_gen_options_method(struct weft_gen_model *model, const method_proto *method)
{
    static const Weft__MethodOptions none = WEFT__METHOD_OPTIONS__INIT;
    const ProtobufCMessage *options = method->options != NULL ? &method->options->base : NULL;
    const ProtobufCMessage *found = unpack_option(model, &weft__method_options__descriptor, options);
    return found != NULL ? (const Weft__MethodOptions *)found : &none;
}

bool weft_gen_options_sensitive(const field_proto *field)
{
    bool sensitive = false;
    if (field->options == NULL) return false;
    for (unsigned i = 0; i < field->options->base.n_unknown_fields; i++) {
        const ProtobufCMessageUnknownField *unknown = &field->options->base.unknown_fields[i];
        if (unknown->tag == OPTION_TAG && unknown->wire_type == PROTOBUF_C_WIRE_TYPE_VARINT && unknown->len > 0)
            sensitive = unknown->data[0] != 0;
    }
    return sensitive;
}

bool weft_gen_options_duration(const char *text, uint32_t *ret_ms)
{
    static const struct {
        const char *unit;
        uint64_t ms;
    } units[] = { { "ms", 1 }, { "s", 1000 }, { "m", 60000 }, { "h", 3600000 } };
    char *end;
    if (*text < '0' || *text > '9') return false;
    errno = 0;
    uint64_t number = strtoull(text, &end, 10);
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (strcmp(end, units[i].unit) != 0) continue;
        if (errno != 0 || number == 0 || number > UINT32_MAX / units[i].ms) return false;
        *ret_ms = (uint32_t)(number * units[i].ms);
        return true;
    }
    return false;
}
