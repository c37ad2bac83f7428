/* rpc/prefetch/prefetch_key.c - cache keys made of requests. */
#include "rpc/prefetch/prefetch_key.h"

#include <string.h>

static weft_status key_refuse(struct weft_fault *fault, const struct weft_method_type *method, const char *text,
                              const char *why)
{
    return weft_fault_set(fault, WEFT_INVALID_ARGUMENT,
                          "prefetch '%s' of method %s: %s; write it as \"user:profile:{id}\"", text, method->path, why);
}

/* A oneof's or optional field's value is in the message only if its case says so: plain strings are enough here. */
static bool field_is_plain_string(const ProtobufCFieldDescriptor *field)
{
    return field->type == PROTOBUF_C_TYPE_STRING && field->label != PROTOBUF_C_LABEL_REPEATED &&
           (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) == 0;
}

weft_status weft_prefetch_key_parse(struct weft_arena *arena, const struct weft_method_type *method, const char *text,
                                    const struct weft_prefetch_key **ret_key, struct weft_fault *ret_fault)
{
    const char *open = strchr(text, '{');
    const char *close = open != NULL ? strchr(open, '}') : NULL;
    if (close == NULL || strchr(close, '{') != NULL)
        return key_refuse(ret_fault, method, text, "one {field} of the request is wanted");
    const char *name = weft_arena_copy(arena, open + 1, (size_t)(close - open) - 1);
    const ProtobufCFieldDescriptor *field =
        protobuf_c_message_descriptor_get_field_by_name(method->input->descriptor, name);
    if (field == NULL || !field_is_plain_string(field))
        return key_refuse(ret_fault, method, text, "its field is no string of the request");
    struct weft_prefetch_key *key = weft_arena_alloc(arena, sizeof *key);
    *key = (struct weft_prefetch_key){ .before = weft_arena_copy(arena, text, (size_t)(open - text)),
                                       .after = weft_arena_strdup(arena, close + 1),
                                       .string = field };
    *ret_key = key;
    return WEFT_OK;
}

const char *weft_prefetch_key_of(const struct weft_prefetch_key *key, struct weft_arena *arena,
                                 const ProtobufCMessage *in)
{
    const char *value = *(const char *const *)(const void *)((const char *)in + key->string->offset);
    if (value == NULL || value[0] == '\0') return NULL;
    return weft_arena_format(arena, "%s%s%s", key->before, value, key->after);
}
