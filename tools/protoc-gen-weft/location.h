/* location.h - where an element stands in its file, and the comment above it. */
#ifndef WEFT_GEN_LOCATION_H
#define WEFT_GEN_LOCATION_H

#include "model.h"

/* "user/v1/events.proto:6:3", or the file alone when protoc tells no lines. */
const char *weft_gen_location(struct weft_gen_model *model, const file_proto *file, struct weft_gen_path path);
/* The comment before it, as protoc gives it: lines that begin with a blank; NULL: there is none. */
const char *weft_gen_comment(const file_proto *file, struct weft_gen_path path);

#endif
