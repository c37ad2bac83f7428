/* contract/field.h - a message's members by descriptor: where they are, whether they are set. Any thread. */
#ifndef WEFT_CONTRACT_FIELD_H
#define WEFT_CONTRACT_FIELD_H

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* The member itself; of repeated fields the pointer to the elements. */
static inline void *weft_field_member(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
    return (char *)(uintptr_t)message + field->offset;
}

static inline void *weft_field_pointer(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
    void *pointer;
    memcpy(&pointer, weft_field_member(message, field), sizeof pointer);
    return pointer;
}

/* Of repeated fields. */
static inline size_t weft_field_count(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
    size_t count;
    memcpy(&count, (const char *)message + field->quantifier_offset, sizeof count);
    return count;
}

/* Of oneofs, proto3's optional included: is it this member? Others always are. */
static inline bool weft_field_is_selected(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
    uint32_t selected;
    if ((field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) == 0) return true;
    memcpy(&selected, (const char *)message + field->quantifier_offset, sizeof selected);
    return selected == field->id;
}

/* Bytes of one value in memory. */
size_t weft_field_size(const ProtobufCFieldDescriptor *field);
/* Says that the member is there: selects it in its oneof, sets proto2's has_. Not for repeated fields. */
void weft_field_mark(ProtobufCMessage *message, const ProtobufCFieldDescriptor *field);
/* Would it be written to the wire? */
bool weft_field_is_set(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field);
/* Is presence known apart from the value: oneofs, optional, messages? */
bool weft_field_has_presence(const ProtobufCFieldDescriptor *field);

#endif
