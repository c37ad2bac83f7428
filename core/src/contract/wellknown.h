/* contract/wellknown.h - protobuf's own messages, which have a JSON form of their own; finding types by name. Any
 * thread. */
#ifndef WEFT_CONTRACT_WELLKNOWN_H
#define WEFT_CONTRACT_WELLKNOWN_H

#include <stdbool.h>
#include <stdint.h>
#include <weft/contract.h>

enum weft_wellknown {
    WEFT_WELLKNOWN_NONE, /* and Empty, whose form is an object like any other */
    WEFT_WELLKNOWN_ANY,
    WEFT_WELLKNOWN_DURATION,
    WEFT_WELLKNOWN_FIELD_MASK,
    WEFT_WELLKNOWN_LIST_VALUE,
    WEFT_WELLKNOWN_STRUCT,
    WEFT_WELLKNOWN_TIMESTAMP,
    WEFT_WELLKNOWN_VALUE,
    WEFT_WELLKNOWN_WRAPPER /* Int64Value and so on: one field, `value` */
};

enum weft_wellknown weft_wellknown_of(const ProtobufCMessageDescriptor *descriptor);
bool weft_wellknown_is_null(const ProtobufCFieldDescriptor *field); /* of type google.protobuf.NullValue */

const ProtobufCEnumDescriptor *weft_wellknown_null_enum(void);

/* The files that libweft has itself, descriptor.proto and weft/options.proto as well; NULL: not among them. */
const struct weft_file *weft_wellknown_file(const char *name);
/* A message by its full name, among those of these files; NULL. */
const struct weft_message_type *weft_wellknown_find(const char *name);
/* The same, and among those of `file` and of all it imports. */
const struct weft_message_type *weft_wellknown_find_from(const struct weft_file *file, const char *name);

#endif
