/* model.h - the contract as protoc hands it over, with what the generator asks it for: every message and enum of every
 * file by its full name. Everything lives in one obstack and goes with it. */
#ifndef WEFT_GEN_MODEL_H
#define WEFT_GEN_MODEL_H

#include "google/protobuf/compiler/plugin.pb-c.h"
#include "weft/options.pb-c.h"
#include <obstack.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#define obstack_chunk_alloc malloc
#define obstack_chunk_free  free

typedef Google__Protobuf__FileDescriptorProto file_proto;
typedef Google__Protobuf__DescriptorProto message_proto;
typedef Google__Protobuf__FieldDescriptorProto field_proto;
typedef Google__Protobuf__EnumDescriptorProto enum_proto;
typedef Google__Protobuf__ServiceDescriptorProto service_proto;
typedef Google__Protobuf__MethodDescriptorProto method_proto;

/* Where an element stands in its file: the path of SourceCodeInfo.Location. */
struct weft_gen_path {
    const int32_t *steps;
    size_t n_steps;
};

struct weft_gen_message {
    const char *name; /* "user.v1.User" */
    const file_proto *file;
    const message_proto *proto;
    struct weft_gen_path path;
    const field_proto **fields;      /* proto->n_field of them, by number: protobuf-c's order */
    const Weft__EventOptions *event; /* NULL: no event. Defaults are filled in */
    bool is_map_entry;
};

struct weft_gen_enum {
    const char *name;
    const enum_proto *proto;
};

struct weft_gen_model {
    struct obstack memory;
    const file_proto *const *files; /* the request's, dependencies first */
    size_t n_files;
    struct weft_gen_message *messages; /* in the order of declaration, outer ones first */
    size_t n_messages;
    struct weft_gen_enum *enums;
    size_t n_enums;
    struct weft_gen_message **by_name;
    struct weft_gen_enum **enums_by_name;
};

void weft_gen_model_init(struct weft_gen_model *model, const Google__Protobuf__Compiler__CodeGeneratorRequest *request);
void weft_gen_model_free(struct weft_gen_model *model);
const file_proto *weft_gen_model_file(const struct weft_gen_model *model, const char *name);
/* By full name, with or without the leading dot; NULL: there is none. */
const struct weft_gen_message *weft_gen_model_message(const struct weft_gen_model *model, const char *name);
const struct weft_gen_enum *weft_gen_model_enum(const struct weft_gen_model *model, const char *name);
/* Memory and text that live as long as the model. */
void *weft_gen_alloc(struct weft_gen_model *model, size_t size);
char *weft_gen_format(struct weft_gen_model *model, const char *format, ...) __attribute__((format(printf, 2, 3)));
struct weft_gen_path weft_gen_path(struct weft_gen_model *model, struct weft_gen_path parent, int32_t field,
                                   size_t index);

#endif
