/* journal.h - the journals of one instance: lists of entries, each claimed as a whole. Not locked. */
#ifndef CACHE_MEMORY_JOURNAL_H
#define CACHE_MEMORY_JOURNAL_H

#include "table.h"

#include <weft/plugin.h>

struct journal;

struct journals {
    struct journal *all; /* uthash's head */
    size_t bytes, max_bytes;
    int64_t last_place;
};

/* Each fills rc and integer of the result. A claim returns the entries as a blob of one reference, else NULL. */
void journal_append(struct journals *journals, const struct weft_cache_op *op, uint64_t now_ns,
                    struct weft_cache_result *result);
struct blob *journal_claim(struct journals *journals, const struct weft_cache_op *op, uint64_t now_ns,
                           struct weft_cache_result *result);
void journal_done(struct journals *journals, const struct weft_cache_op *op, uint64_t now_ns,
                  struct weft_cache_result *result);
void journals_clear(struct journals *journals);

#endif
