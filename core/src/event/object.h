/* event/object.h - the members of one JSON object as they stand in its text: for bodies whose inside is another's to
 * read, and for the headers of a parked event. No value is built. The owner's thread. */
#ifndef WEFT_EVENT_OBJECT_H
#define WEFT_EVENT_OBJECT_H

#include "base/arena.h"
#include <stdbool.h>

struct weft_span {
    const char *text; /* NULL: not there */
    size_t size;
};

struct weft_object {
    const char *at, *end;
    bool broken; /* it is no object, or ends too early */
};

struct weft_object weft_object_open(const void *text, size_t size);
/* The next member: its name without quotes, as escaped, and its value as written. False at the end or when broken. */
bool weft_object_next(struct weft_object *object, struct weft_span *ret_name, struct weft_span *ret_value);
/* A value that is a string, unescaped; NULL if it is none, is malformed, or holds a NUL. */
char *weft_object_text(struct weft_arena *arena, struct weft_span value);

#endif
