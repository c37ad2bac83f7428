/* operation.c - the same limits for every cache, so that none takes what another refuses. */
#include "operation.h"

#define VALUE_MAX  (8u << 20)
#define TTL_MAX_MS 10000000000000u /* three hundred years: more overflows the clock */

enum {
    ENTRIES_MAX = 1000000, /* that a journal may be told to keep */
    CLAIM_MAX = 1000       /* entries a claim may ask for */
};

static bool bytes_valid(const struct weft_cache_op *op)
{
    return op->key != NULL && op->key_size >= 1 && op->key_size <= OPERATION_KEY_MAX && op->value_size <= VALUE_MAX &&
           (op->value != NULL || op->value_size == 0);
}

/* What only some verbs ask for. */
static bool verb_valid(const struct weft_cache_op *op)
{
    const bool named = op->value_size >= 1 && op->value_size <= OPERATION_NAME_MAX;
    switch (op->verb) {
    case WEFT_CACHE_GET_OR_LEASE:
        return op->integer > 0 && (uint64_t)op->integer <= TTL_MAX_MS;
    case WEFT_CACHE_JOURNAL_APPEND:
        return op->integer >= 1 && op->integer <= ENTRIES_MAX;
    case WEFT_CACHE_JOURNAL_CLAIM:
        return named && op->ttl_ms != 0 && op->integer >= 1 && op->integer <= CLAIM_MAX;
    case WEFT_CACHE_JOURNAL_DONE:
        return named && op->integer >= 0;
    default:
        return op->verb >= WEFT_CACHE_GET && op->verb <= WEFT_CACHE_GET_EXPIRE;
    }
}

bool operation_valid(const struct weft_cache_op *op)
{
    return bytes_valid(op) && op->ttl_ms <= TTL_MAX_MS && verb_valid(op);
}
