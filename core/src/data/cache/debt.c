/* data/cache/debt.c - a bounded list of keys. */
#include "data/cache/debt.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

#define DEBT_MAX 10000 /* keys: a few hundred writes a second for the longest pause of the breaker, ten times over */

struct weft_debt_key {
    struct weft_debt_key *next;
    size_t size;
    char key[];
};

static void debt_push(struct weft_debt *debt, const void *key, size_t size)
{
    struct weft_debt_key *owed = weft_memory_get(sizeof *owed + size);
    memcpy(owed->key, key, size);
    owed->size = size;
    owed->next = debt->keys;
    debt->keys = owed;
    debt->n_keys++;
}

bool weft_debt_add(struct weft_debt *debt, const struct weft_cache_op *ops, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (ops[i].verb != WEFT_CACHE_DEL) continue;
        if (debt->n_keys == DEBT_MAX) return false;
        debt_push(debt, ops[i].key, ops[i].key_size);
    }
    return true;
}

size_t weft_debt_ops(const struct weft_debt *debt, struct weft_cache_op *ret_ops, size_t max)
{
    size_t n = 0;
    for (const struct weft_debt_key *owed = debt->keys; owed != NULL && n < max; owed = owed->next)
        ret_ops[n++] = (struct weft_cache_op){ .verb = WEFT_CACHE_DEL, .key = owed->key, .key_size = owed->size };
    return n;
}

void weft_debt_settle(struct weft_debt *debt, size_t n)
{
    for (; n != 0 && debt->keys != NULL; n--) {
        struct weft_debt_key *paid = debt->keys;
        debt->keys = paid->next;
        debt->n_keys--;
        free(paid);
    }
}

void weft_debt_merge(struct weft_debt *debt, struct weft_debt *others)
{
    struct weft_debt_key **end = &debt->keys;
    while (*end != NULL)
        end = &(*end)->next;
    *end = others->keys;
    debt->n_keys += others->n_keys;
    *others = (struct weft_debt){ 0 };
}

void weft_debt_clear(struct weft_debt *debt)
{
    weft_debt_settle(debt, debt->n_keys);
}
