/* contract/message.c - what protobuf-c leaves to its caller: a message's `base`, and that text is text. */
#include "contract/message.h"

#include "base/text.h"
#include "contract/field.h"
#include <string.h>

enum { DEPTH_MAX = 100 }; /* as the guard's: what we send must be readable */

/* ---- making ------------------------------------------------------------------------------------------------------ */

/* Types made at run time have no init function of their own (contract/dynamic.c). */
static void init_generic(const ProtobufCMessageDescriptor *descriptor, ProtobufCMessage *message)
{
    memset(message, 0, descriptor->sizeof_message);
    message->descriptor = descriptor;
    for (unsigned i = 0; i < descriptor->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &descriptor->fields[i];
        bool is_own_text = field->type == PROTOBUF_C_TYPE_STRING && field->label != PROTOBUF_C_LABEL_REPEATED &&
                           (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) == 0;
        if (is_own_text) memcpy((char *)message + field->offset, &field->default_value, sizeof field->default_value);
    }
}

ProtobufCMessage *weft_message_make(struct weft_arena *arena, const ProtobufCMessageDescriptor *descriptor)
{
    ProtobufCAllocator *allocator = weft_arena_protobuf(arena);
    ProtobufCMessage *message = allocator->alloc(allocator->allocator_data, descriptor->sizeof_message);
    if (descriptor->message_init != NULL)
        descriptor->message_init(message);
    else
        init_generic(descriptor, message);
    return message;
}

/* ---- completing -------------------------------------------------------------------------------------------------- */

struct completion {
    struct weft_arena *arena;
    struct weft_fault *fault;
    uint32_t depth;
};

static weft_status complete(struct completion *completion, const ProtobufCMessageDescriptor *descriptor,
                            const ProtobufCMessage *message, const ProtobufCMessage **ret_message);

static weft_status bad_field(struct completion *completion, const ProtobufCMessageDescriptor *descriptor,
                             const ProtobufCFieldDescriptor *field, const char *what)
{
    return weft_fault_set(completion->fault, WEFT_INVALID_ARGUMENT, "field %s of %s %s", field->name, descriptor->name,
                          what);
}

/* The copy that may be written to, made at the first need. */
static ProtobufCMessage *writable(struct completion *completion, const ProtobufCMessageDescriptor *descriptor,
                                  const ProtobufCMessage *message, ProtobufCMessage **copy)
{
    if (*copy == NULL) *copy = weft_arena_copy(completion->arena, message, descriptor->sizeof_message);
    return *copy;
}

static weft_status check_text(struct completion *completion, const ProtobufCMessageDescriptor *descriptor,
                              const ProtobufCFieldDescriptor *field, const void *member)
{
    const char *text;
    memcpy(&text, member, sizeof text);
    if (text == NULL || text == field->default_value || weft_text_is_utf8(text, strlen(text))) return WEFT_OK;
    return bad_field(completion, descriptor, field, "is not valid UTF-8; for other bytes there is type bytes");
}

static weft_status check_bytes(struct completion *completion, const ProtobufCMessageDescriptor *descriptor,
                               const ProtobufCFieldDescriptor *field, const void *member)
{
    const ProtobufCBinaryData *bytes = member;
    if (bytes->len == 0 || bytes->data != NULL) return WEFT_OK;
    return bad_field(completion, descriptor, field, "has a length and no data");
}

static weft_status complete_single(struct completion *completion, const ProtobufCMessageDescriptor *descriptor,
                                   const ProtobufCFieldDescriptor *field, const ProtobufCMessage *message,
                                   ProtobufCMessage **copy)
{
    const ProtobufCMessage *inner, *completed;
    memcpy(&inner, (const char *)message + field->offset, sizeof inner);
    if (inner == NULL) return WEFT_OK;
    weft_status status = complete(completion, field->descriptor, inner, &completed);
    if (status != WEFT_OK || completed == inner) return status;
    memcpy((char *)writable(completion, descriptor, message, copy) + field->offset, &completed, sizeof completed);
    return WEFT_OK;
}

static weft_status complete_many(struct completion *completion, const ProtobufCMessageDescriptor *descriptor,
                                 const ProtobufCFieldDescriptor *field, const ProtobufCMessage *message,
                                 ProtobufCMessage **copy)
{
    const ProtobufCMessage *const *list, *completed;
    const ProtobufCMessage **new_list = NULL;
    size_t n = weft_field_count(message, field);
    memcpy(&list, (const char *)message + field->offset, sizeof list);
    for (size_t i = 0; i < n; i++) {
        if (list[i] == NULL) return bad_field(completion, descriptor, field, "holds a message that is NULL");
        weft_status status = complete(completion, field->descriptor, list[i], &completed);
        if (status != WEFT_OK) return status;
        if (completed == list[i]) continue;
        if (new_list == NULL) new_list = weft_arena_copy(completion->arena, list, n * sizeof(void *));
        new_list[i] = completed;
    }
    if (new_list != NULL)
        memcpy((char *)writable(completion, descriptor, message, copy) + field->offset, &new_list, sizeof new_list);
    return WEFT_OK;
}

static weft_status check_many(struct completion *completion, const ProtobufCMessageDescriptor *descriptor,
                              const ProtobufCFieldDescriptor *field, const ProtobufCMessage *message)
{
    const char *list;
    size_t n = weft_field_count(message, field);
    memcpy(&list, (const char *)message + field->offset, sizeof list);
    if (n > 0 && list == NULL) return bad_field(completion, descriptor, field, "has a count and no elements");
    weft_status status = WEFT_OK;
    for (size_t i = 0; i < n && status == WEFT_OK; i++) {
        if (field->type == PROTOBUF_C_TYPE_STRING)
            status = check_text(completion, descriptor, field, list + i * sizeof(char *));
        else if (field->type == PROTOBUF_C_TYPE_BYTES)
            status = check_bytes(completion, descriptor, field, list + i * sizeof(ProtobufCBinaryData));
        else
            break;
    }
    return status;
}

static weft_status complete_field(struct completion *completion, const ProtobufCMessageDescriptor *descriptor,
                                  const ProtobufCFieldDescriptor *field, const ProtobufCMessage *message,
                                  ProtobufCMessage **copy)
{
    if (field->label == PROTOBUF_C_LABEL_REPEATED) {
        weft_status status = check_many(completion, descriptor, field, message);
        if (status != WEFT_OK || field->type != PROTOBUF_C_TYPE_MESSAGE) return status;
        return complete_many(completion, descriptor, field, message, copy);
    }
    if (!weft_field_is_selected(message, field)) return WEFT_OK;
    const char *member = (const char *)message + field->offset;
    switch (field->type) {
    case PROTOBUF_C_TYPE_STRING:
        return check_text(completion, descriptor, field, member);
    case PROTOBUF_C_TYPE_BYTES:
        return check_bytes(completion, descriptor, field, member);
    case PROTOBUF_C_TYPE_MESSAGE:
        return complete_single(completion, descriptor, field, message, copy);
    default:
        return WEFT_OK;
    }
}

static weft_status complete(struct completion *completion, const ProtobufCMessageDescriptor *descriptor,
                            const ProtobufCMessage *message, const ProtobufCMessage **ret_message)
{
    ProtobufCMessage *copy = NULL;
    weft_status status = WEFT_OK;
    if (completion->depth++ > DEPTH_MAX)
        return weft_fault_set(completion->fault, WEFT_INVALID_ARGUMENT,
                              "the message is nested deeper than %d, or holds itself, at %s", DEPTH_MAX,
                              descriptor->name);
    if (message->descriptor == NULL)
        writable(completion, descriptor, message, &copy)->descriptor = descriptor;
    else if (message->descriptor != descriptor && strcmp(message->descriptor->name, descriptor->name) != 0)
        return weft_fault_set(completion->fault, WEFT_INVALID_ARGUMENT, "a message %s stands where a %s belongs",
                              message->descriptor->name, descriptor->name);
    for (unsigned i = 0; i < descriptor->n_fields && status == WEFT_OK; i++)
        status = complete_field(completion, descriptor, &descriptor->fields[i], message, &copy);
    completion->depth--;
    if (status == WEFT_OK) *ret_message = copy != NULL ? copy : message;
    return status;
}

weft_status weft_message_complete(struct weft_arena *arena, const ProtobufCMessageDescriptor *descriptor,
                                  const ProtobufCMessage *message, const ProtobufCMessage **ret_message,
                                  struct weft_fault *ret_fault)
{
    struct completion completion = { arena, ret_fault, 0 };
    return complete(&completion, descriptor, message, ret_message);
}

/* ---- packing and keys -------------------------------------------------------------------------------------------- */

struct weft_bytes weft_message_pack(struct weft_arena *arena, const ProtobufCMessage *message)
{
    ProtobufCAllocator *allocator = weft_arena_protobuf(arena);
    size_t size = protobuf_c_message_get_packed_size(message);
    uint8_t *data = allocator->alloc(allocator->allocator_data, size);
    protobuf_c_message_pack(message, data);
    return (struct weft_bytes){ data, size };
}

static const char *key_text(struct weft_arena *arena, ProtobufCType type, const void *member)
{
    int32_t i32;
    int64_t i64;
    memcpy(&i32, member, sizeof i32);
    switch (type) {
    case PROTOBUF_C_TYPE_BOOL:
        return i32 != 0 ? "true" : "false"; /* protobuf_c_boolean is an int */
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_SINT32:
    case PROTOBUF_C_TYPE_SFIXED32:
    case PROTOBUF_C_TYPE_ENUM:
        return weft_arena_format(arena, "%d", i32);
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_FIXED32:
        return weft_arena_format(arena, "%u", (uint32_t)i32);
    default:
        break;
    }
    memcpy(&i64, member, sizeof i64);
    if (type == PROTOBUF_C_TYPE_UINT64 || type == PROTOBUF_C_TYPE_FIXED64)
        return weft_arena_format(arena, "%llu", (unsigned long long)i64);
    return weft_arena_format(arena, "%lld", (long long)i64);
}

const char *weft_message_key(struct weft_arena *arena, const struct weft_event_type *type,
                             const ProtobufCMessage *message)
{
    const ProtobufCFieldDescriptor *field = &type->message->descriptor->fields[type->key_field];
    const void *member = (const char *)message + field->offset;
    if (!weft_field_is_selected(message, field)) return "";
    if (field->type != PROTOBUF_C_TYPE_STRING) return key_text(arena, field->type, member);
    const char *text;
    memcpy(&text, member, sizeof text);
    return text != NULL ? text : "";
}
