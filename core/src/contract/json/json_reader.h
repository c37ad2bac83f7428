/* contract/json/json_reader.h - the pieces of the JSON reader: json_read.c fills messages, json_read_value.c their
 * values, json_read_wellknown.c those that have a form of their own. */
#ifndef WEFT_CONTRACT_JSON_READER_H
#define WEFT_CONTRACT_JSON_READER_H

#include "contract/json/json.h"
#include "contract/json/json_scan.h"
#include "contract/wellknown.h"

struct weft_json_reader {
    struct weft_json_scan scan;
    struct weft_arena *arena;
    const struct weft_file *file; /* where the types of Any are looked for first */
    bool known_only;              /* passes over fields that the contract does not have */
};

/* Elements under way, in the arena. */
struct weft_json_list {
    char *data;
    size_t n, capacity, size; /* size: bytes of one */
};
void *weft_json_list_add(struct weft_json_list *list, struct weft_arena *arena); /* zeroed */
/* Of a map's entries: has a key more than one? */
bool weft_json_list_has_twins(const struct weft_json_list *list, const ProtobufCMessageDescriptor *entry);

/* Any message, whatever its form. */
weft_status weft_json_reader_message(struct weft_json_reader *reader, const struct weft_message_type *type,
                                     ProtobufCMessage **ret_message);
/* The members of an object into `message`, which is initialised. `in_any`: passes over "@type". */
weft_status weft_json_reader_members(struct weft_json_reader *reader, const struct weft_message_type *type,
                                     ProtobufCMessage *message, bool in_any);
/* One value of a field, an element of a repeated one, into `slot`. */
weft_status weft_json_reader_value(struct weft_json_reader *reader, const struct weft_message_type *type,
                                   const ProtobufCFieldDescriptor *field, void *slot);
/* A value out of text that stands for it: the keys of maps. */
weft_status weft_json_reader_key(struct weft_json_reader *reader, const ProtobufCFieldDescriptor *field,
                                 struct weft_json_text text, void *slot);
/* Text without a NUL, in the arena. */
weft_status weft_json_reader_text(struct weft_json_reader *reader, struct weft_json_text text, char **ret_text);
weft_status weft_json_reader_wellknown(struct weft_json_reader *reader, enum weft_wellknown kind,
                                       const struct weft_message_type *type, ProtobufCMessage *message);
/* Does null stand for a value here, and not for nothing? */
bool weft_json_reader_takes_null(const ProtobufCFieldDescriptor *field);

#endif
