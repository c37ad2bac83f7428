/* names.h - how contract names become C names. Those of protobuf-c (c_type, c_symbol) are its own rules, repeated here
 * because its messages and descriptors are what our code refers to. */
#ifndef WEFT_GEN_NAMES_H
#define WEFT_GEN_NAMES_H

#include "model.h"

const char *weft_gen_name_c_type(struct weft_gen_model *model, const char *name);   /* "User__V1__UserCreated" */
const char *weft_gen_name_c_symbol(struct weft_gen_model *model, const char *name); /* "user__v1__user_created" */
const char *weft_gen_name_symbol(struct weft_gen_model *model, const char *name);   /* "user_v1_user_created" */
const char *weft_gen_name_dotted(struct weft_gen_model *model, const char *name);   /* UserCreated: "user.created" */
const char *weft_gen_name_member(struct weft_gen_model *model, const char *name);   /* CreateUser: "create_user" */
const char *weft_gen_name_file(struct weft_gen_model *model, const char *file);     /* "user_v1_events" of its path */
const char *weft_gen_name_json(const field_proto *field);
/* The file's path without ".proto": "user/v1/events". */
const char *weft_gen_name_stem(struct weft_gen_model *model, const char *file);

#endif
