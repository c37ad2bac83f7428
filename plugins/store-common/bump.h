/* bump.h - a session's memory: handed out bump by bump, taken back all at once before the next run. Bounded, so that no
 * query can eat the process. One thread at a time. */
#ifndef WEFT_STORE_BUMP_H
#define WEFT_STORE_BUMP_H

#include <stdbool.h>
#include <stddef.h>

struct weft_bump_block;

struct weft_bump {
    struct weft_bump_block *block; /* the newest; older ones hang behind it */
    size_t total, limit;           /* bytes in blocks */
    bool full;                     /* an allocation did not fit: sticky until the next reset */
};

void weft_bump_init(struct weft_bump *bump, size_t limit);
void weft_bump_free(struct weft_bump *bump);
/* Everything handed out is void. Keeps one block. */
void weft_bump_reset(struct weft_bump *bump);
/* Aligned to 8, not zeroed; NULL once full. */
void *weft_bump_alloc(struct weft_bump *bump, size_t size);
/* A copy with a NUL behind it; NULL once full. */
char *weft_bump_copy(struct weft_bump *bump, const void *bytes, size_t size);
/* NULL gives NULL. */
char *weft_bump_text(struct weft_bump *bump, const char *text);

#endif
