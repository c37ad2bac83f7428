/* data/cache/debt.h - cache keys whose DEL is still owed. Not locked: its owner does. */
#ifndef WEFT_DATA_DEBT_H
#define WEFT_DATA_DEBT_H

#include <stdbool.h>
#include <stddef.h>
#include <weft/plugin.h>

struct weft_debt_key;

struct weft_debt {
    struct weft_debt_key *keys; /* a list, the latest first */
    size_t n_keys;
};

/* Remembers the keys of the batch's DELs. false: there are too many; some are forgotten. */
bool weft_debt_add(struct weft_debt *debt, const struct weft_cache_op *ops, size_t n);
/* The first keys as DEL operations; they stay owed until settled. Returns how many. */
size_t weft_debt_ops(const struct weft_debt *debt, struct weft_cache_op *ret_ops, size_t max);
void weft_debt_settle(struct weft_debt *debt, size_t n);                /* the first n are paid */
void weft_debt_merge(struct weft_debt *debt, struct weft_debt *others); /* takes over the others' keys */
void weft_debt_clear(struct weft_debt *debt);

#endif
