/* bump.c - blocks that double in size; the newest is the one allocations come from. */
#include "bump.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_BLOCK = 8 * 1024, KEPT_BLOCK = 1024 * 1024, ALIGNMENT = 8 };

struct weft_bump_block {
    struct weft_bump_block *older;
    size_t size, used;
    char bytes[];
};

void weft_bump_init(struct weft_bump *bump, size_t limit)
{
    *bump = (struct weft_bump){ .limit = limit };
}

static void blocks_free(struct weft_bump_block *block)
{
    while (block != NULL) {
        struct weft_bump_block *older = block->older;
        free(block);
        block = older;
    }
}

void weft_bump_free(struct weft_bump *bump)
{
    blocks_free(bump->block);
    bump->block = NULL;
    bump->total = 0;
}

void weft_bump_reset(struct weft_bump *bump)
{
    struct weft_bump_block *newest = bump->block;
    bump->full = false;
    if (newest == NULL) return;
    if (newest->size > KEPT_BLOCK) {
        weft_bump_free(bump);
        return;
    }
    blocks_free(newest->older);
    newest->older = NULL;
    newest->used = 0;
    bump->total = newest->size;
}

static bool bump_grow(struct weft_bump *bump, size_t size)
{
    size_t wanted = bump->block == NULL ? FIRST_BLOCK : bump->block->size * 2;
    if (wanted < size) wanted = size;
    if (wanted > bump->limit - bump->total) wanted = size; /* near the limit: no more than needed */
    if (bump->full || size > bump->limit - bump->total) return false;
    struct weft_bump_block *block = malloc(sizeof *block + wanted);
    if (block == NULL) return false;
    block->older = bump->block;
    block->size = wanted;
    block->used = 0;
    bump->block = block;
    bump->total += wanted;
    return true;
}

void *weft_bump_alloc(struct weft_bump *bump, size_t size)
{
    if (size > SIZE_MAX - ALIGNMENT) size = SIZE_MAX - ALIGNMENT;
    size = (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    struct weft_bump_block *block = bump->block;
    if (block == NULL || size > block->size - block->used) {
        if (!bump_grow(bump, size)) {
            bump->full = true;
            return NULL;
        }
        block = bump->block;
    }
    void *memory = block->bytes + block->used;
    block->used += size;
    return memory;
}

char *weft_bump_copy(struct weft_bump *bump, const void *bytes, size_t size)
{
    char *copy = weft_bump_alloc(bump, size < SIZE_MAX ? size + 1 : size);
    if (copy == NULL) return NULL;
    if (size > 0) memcpy(copy, bytes, size);
    copy[size] = 0;
    return copy;
}

char *weft_bump_text(struct weft_bump *bump, const char *text)
{
    return text == NULL ? NULL : weft_bump_copy(bump, text, strlen(text));
}
