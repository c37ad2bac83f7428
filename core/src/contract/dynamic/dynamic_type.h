/* contract/dynamic/dynamic_type.h - one message or enum made at run time: dynamic.c finds them by name, dynamic_type.c
 * lays them out in memory. */
#ifndef WEFT_CONTRACT_DYNAMIC_TYPE_H
#define WEFT_CONTRACT_DYNAMIC_TYPE_H

#include "base/arena.h"
#include "base/fault.h"
#include "google/protobuf/descriptor.pb-c.h"
#include <stdbool.h>
#include <weft/contract.h>

typedef Google__Protobuf__FileDescriptorProto file_proto;
typedef Google__Protobuf__DescriptorProto message_proto;
typedef Google__Protobuf__FieldDescriptorProto field_proto;
typedef Google__Protobuf__EnumDescriptorProto enum_proto;

struct weft_dynamic;

/* Where fields look for the types they name, by full name without the leading dot; NULL: unknown. */
const struct weft_message_type *weft_dynamic_find_message(const struct weft_dynamic *dynamic, const char *name,
                                                          bool *ret_is_map);
const ProtobufCEnumDescriptor *weft_dynamic_find_enum(const struct weft_dynamic *dynamic, const char *name);

/* Fills the enum. The texts of `proto` are shared. */
weft_status weft_dynamic_fill_enum(struct weft_arena *arena, const char *name, const enum_proto *proto,
                                   ProtobufCEnumDescriptor *ret_enum, struct weft_fault *fault);
/* Fills type and descriptor; other types may be filled later, they are only pointed at. */
weft_status weft_dynamic_fill_message(const struct weft_dynamic *dynamic, struct weft_arena *arena,
                                      const file_proto *file, const message_proto *proto,
                                      struct weft_message_type *ret_type, ProtobufCMessageDescriptor *ret_descriptor,
                                      struct weft_fault *fault);

#endif
