/* lru.h - which slot holds the prepared form of a SQL text. Bounded: the text used longest ago makes room. What a slot
 * means is the owner's business. One thread at a time. */
#ifndef WEFT_STORE_LRU_H
#define WEFT_STORE_LRU_H

#include <stdbool.h>
#include <stdint.h>

struct weft_lru {
    uint64_t *hashes; /* in an array of their own: a look-up reads nothing else until one fits */
    uint64_t *used;
    char **texts;
    uint32_t n, capacity;
    uint64_t clock;
};

bool weft_lru_init(struct weft_lru *lru, uint32_t capacity); /* false: out of memory */
void weft_lru_free(struct weft_lru *lru);
/* Finds the slot of the text and notes that it was used; -1 if there is none. */
int32_t weft_lru_find(struct weft_lru *lru, const char *text);
/* A slot for a text that has none. If *ret_evicted, it was another's: release what it stood for. -1: out of memory. */
int32_t weft_lru_claim(struct weft_lru *lru, const char *text, bool *ret_evicted);
/* The slot holds nothing any more. */
void weft_lru_drop(struct weft_lru *lru, int32_t slot);

#endif
