/* base/arena.h - memory that is given back all at once: one arena a call, one a delivered batch.
 * An arena belongs to one thread at a time. */
#ifndef WEFT_BASE_ARENA_H
#define WEFT_BASE_ARENA_H

#include <protobuf-c/protobuf-c.h>
#include <stdarg.h>
#include <stddef.h>

struct weft_arena;

/* `first_bytes` is the size of the first block, kept across resets. Never NULL. */
struct weft_arena *weft_arena_new(size_t first_bytes);
void weft_arena_free(struct weft_arena *arena);  /* NULL is fine */
void weft_arena_reset(struct weft_arena *arena); /* all memory handed out is void; keeps the first block */

/* Zeroed, aligned to 16; never NULL (out of memory ends the process with a log line). */
void *weft_arena_alloc(struct weft_arena *arena, size_t size);
void *weft_arena_copy(struct weft_arena *arena, const void *bytes, size_t size); /* a NUL follows */
char *weft_arena_strdup(struct weft_arena *arena, const char *text);             /* NULL gives NULL */
char *weft_arena_vformat(struct weft_arena *arena, const char *format, va_list args);
char *weft_arena_format(struct weft_arena *arena, const char *format, ...) __attribute__((format(printf, 2, 3)));
size_t weft_arena_used(const struct weft_arena *arena); /* bytes handed out since the last reset */

/* The arena as protobuf-c's allocator: allocates without zeroing, frees nothing. Lives as long as the arena. */
ProtobufCAllocator *weft_arena_protobuf(struct weft_arena *arena);

#endif
