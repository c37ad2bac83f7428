/* base/arena.c - a bump allocator over a chain of blocks.
 *
 * The first block is part of the arena and stays across resets, so a call whose needs fit into it costs no malloc at
 * all. Blocks taken later are freed at the reset: one unusual call must not make the arena large for ever. */
#include "base/arena.h"

#include "base/memory.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Under the address sanitizer what is not handed out is poisoned, with a gap behind each piece that was. */
#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#define ARENA_GAP 16
#else
#define ASAN_POISON_MEMORY_REGION(memory, size)   ((void)(memory), (void)(size))
#define ASAN_UNPOISON_MEMORY_REGION(memory, size) ((void)(memory), (void)(size))
#define ARENA_GAP                                 0
#endif

#define ARENA_ALIGN      16
#define ARENA_BLOCK_SIZE 8192 /* of later blocks; a larger piece has a block of its own */

struct block {
    alignas(ARENA_ALIGN) struct block *next;
    size_t size;
};

struct weft_arena {
    alignas(ARENA_ALIGN) ProtobufCAllocator protobuf;
    char *at, *end;       /* what is left of the current block */
    struct block *blocks; /* later ones, newest first */
    size_t used;
    size_t first_bytes;
    alignas(ARENA_ALIGN) char first[];
};

static size_t size_aligned(size_t size)
{
    return (size + (ARENA_ALIGN - 1)) & ~(size_t)(ARENA_ALIGN - 1);
}

static void arena_enter(struct weft_arena *arena, char *memory, size_t size)
{
    arena->at = memory;
    arena->end = memory + size;
    ASAN_POISON_MEMORY_REGION(memory, size);
}

/* A block with room for `size`. One for an outsized piece alone does not end the use of the current block. */
static char *arena_block(struct weft_arena *arena, size_t size)
{
    size_t wanted = size > ARENA_BLOCK_SIZE / 2 ? size : ARENA_BLOCK_SIZE;
    struct block *block = weft_memory_get(sizeof *block + wanted);
    block->next = arena->blocks;
    block->size = wanted;
    arena->blocks = block;
    char *memory = (char *)(block + 1);
    if (wanted == size) {
        ASAN_POISON_MEMORY_REGION(memory, wanted);
        return memory;
    }
    arena_enter(arena, memory, wanted);
    arena->at += size;
    return memory;
}

static void *arena_take(struct weft_arena *arena, size_t size)
{
    if (size > SIZE_MAX / 2) return weft_memory_get(size); /* cannot be had: ends the process */
    size_t step = size_aligned(size != 0 ? size : 1) + ARENA_GAP;
    char *memory = arena->at;
    if (step <= (size_t)(arena->end - arena->at))
        arena->at += step;
    else
        memory = arena_block(arena, step);
    arena->used += size;
    ASAN_UNPOISON_MEMORY_REGION(memory, size);
    return memory;
}

static void *protobuf_take(void *arena, size_t size)
{
    return arena_take(arena, size);
}

static void protobuf_leave(void *arena, void *memory)
{
    (void)arena, (void)memory;
}

struct weft_arena *weft_arena_new(size_t first_bytes)
{
    first_bytes = size_aligned(first_bytes);
    struct weft_arena *arena = weft_memory_get(sizeof *arena + first_bytes);
    arena->protobuf = (ProtobufCAllocator){ protobuf_take, protobuf_leave, arena };
    arena->blocks = NULL;
    arena->used = 0;
    arena->first_bytes = first_bytes;
    arena_enter(arena, arena->first, first_bytes);
    return arena;
}

void weft_arena_reset(struct weft_arena *arena)
{
    for (struct block *block = arena->blocks, *next; block != NULL; block = next) {
        next = block->next;
        ASAN_UNPOISON_MEMORY_REGION(block, sizeof *block + block->size);
        free(block);
    }
    arena->blocks = NULL;
    arena->used = 0;
    arena_enter(arena, arena->first, arena->first_bytes);
}

void weft_arena_free(struct weft_arena *arena)
{
    if (arena == NULL) return;
    weft_arena_reset(arena);
    ASAN_UNPOISON_MEMORY_REGION(arena->first, arena->first_bytes);
    free(arena);
}

void *weft_arena_alloc(struct weft_arena *arena, size_t size)
{
    return memset(arena_take(arena, size), 0, size);
}

void *weft_arena_copy(struct weft_arena *arena, const void *bytes, size_t size)
{
    char *copy = arena_take(arena, size + 1);
    if (size != 0) memcpy(copy, bytes, size);
    copy[size] = '\0';
    return copy;
}

char *weft_arena_strdup(struct weft_arena *arena, const char *text)
{
    return text != NULL ? weft_arena_copy(arena, text, strlen(text)) : NULL;
}

char *weft_arena_vformat(struct weft_arena *arena, const char *format, va_list args)
{
    char small[256]; /* most texts fit: formatted once */
    va_list again;
    va_copy(again, args);
    int size = vsnprintf(small, sizeof small, format, args);
    char *text = weft_arena_copy(arena, small, size > 0 && (size_t)size < sizeof small ? (size_t)size : 0);
    if (size > 0 && (size_t)size >= sizeof small) {
        text = arena_take(arena, (size_t)size + 1);
        vsnprintf(text, (size_t)size + 1, format, again);
    }
    va_end(again);
    return text;
}

char *weft_arena_format(struct weft_arena *arena, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *text = weft_arena_vformat(arena, format, args);
    va_end(args);
    return text;
}

size_t weft_arena_used(const struct weft_arena *arena)
{
    return arena->used;
}

ProtobufCAllocator *weft_arena_protobuf(struct weft_arena *arena)
{
    return &arena->protobuf;
}
