/* lru.c - a scan over hashes. With the 64 to 256 texts a service has it beats a table of lists, and it is less code. */
#include "lru.h"

#include <stdlib.h>
#include <string.h>

/* Eight bytes a step; the multiplier is 2^64 / phi (Knuth, The Art of Computer Programming 3, section 6.4). */
static uint64_t text_hash(const char *text)
{
    const uint64_t multiplier = 0x9e3779b97f4a7c15u;
    size_t left = strlen(text);
    uint64_t hash = left + 1;
    for (; left >= 8; left -= 8, text += 8) {
        uint64_t word;
        memcpy(&word, text, 8);
        hash = (hash ^ word) * multiplier;
        hash ^= hash >> 32;
    }
    uint64_t rest = 0;
    memcpy(&rest, text, left);
    hash = (hash ^ rest) * multiplier;
    return hash ^ hash >> 32;
}

bool weft_lru_init(struct weft_lru *lru, uint32_t capacity)
{
    *lru = (struct weft_lru){ .capacity = capacity };
    lru->hashes = calloc(capacity, sizeof *lru->hashes);
    lru->used = calloc(capacity, sizeof *lru->used);
    lru->texts = calloc(capacity, sizeof *lru->texts);
    return lru->hashes != NULL && lru->used != NULL && lru->texts != NULL;
}

void weft_lru_free(struct weft_lru *lru)
{
    for (uint32_t i = 0; i < lru->n; i++)
        free(lru->texts[i]);
    free(lru->hashes);
    free(lru->used);
    free(lru->texts);
    *lru = (struct weft_lru){ 0 };
}

int32_t weft_lru_find(struct weft_lru *lru, const char *text)
{
    const uint64_t hash = text_hash(text);
    for (uint32_t i = 0; i < lru->n; i++) {
        if (lru->hashes[i] != hash || lru->texts[i] == NULL || strcmp(lru->texts[i], text) != 0) continue;
        lru->used[i] = ++lru->clock;
        return (int32_t)i;
    }
    return -1;
}

static uint32_t lru_oldest(const struct weft_lru *lru)
{
    uint32_t oldest = 0;
    for (uint32_t i = 1; i < lru->n; i++)
        if (lru->used[i] < lru->used[oldest]) oldest = i;
    return oldest;
}

int32_t weft_lru_claim(struct weft_lru *lru, const char *text, bool *ret_evicted)
{
    char *copy = strdup(text);
    if (copy == NULL) return -1;
    const uint32_t slot = lru->n < lru->capacity ? lru->n++ : lru_oldest(lru);
    *ret_evicted = lru->texts[slot] != NULL;
    free(lru->texts[slot]);
    lru->texts[slot] = copy;
    lru->hashes[slot] = text_hash(text);
    lru->used[slot] = ++lru->clock;
    return (int32_t)slot;
}

void weft_lru_drop(struct weft_lru *lru, int32_t slot)
{
    free(lru->texts[slot]);
    lru->texts[slot] = NULL;
    lru->used[slot] = 0;
}
