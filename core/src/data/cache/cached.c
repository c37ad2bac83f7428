/* data/cache/cached.c - cache-aside that is never stale for long.
 *
 * A miss takes a lease, whose token the fill must show; deleting the key voids the token. So a value read before a
 * change never gets in after the delete that followed it (Nishtala et al., "Scaling Memcache at Facebook", NSDI
 * 2013, 3.2.1). One filler a key: who gets no token reads the store and fills nothing. */
#include "data/cache/cached.h"

#include "contract/guard.h"
#include "contract/message.h"
#include "data/tx.h"

#include <string.h>

enum { CACHED_LEASE_MS = 3000, CACHED_KEY_MAX = 1024 };

struct weft_cache_lease_token {
    const char *key;
    int64_t token;
    struct weft_cache_lease_token *next;
};

static bool cached_leases(const struct weft_work *work)
{
    return (weft_cache_caps(work->cache) & WEFT_CACHE_LEASES) != 0;
}

static bool cached_usable(const struct weft_work *work, const char *key)
{
    return work->cache != NULL && key[0] != '\0' && strlen(key) <= CACHED_KEY_MAX;
}

/* A cache of this process never waits, so leadership of the calls need not be handed on for it. */
static void cached_wait(struct weft_work *work)
{
    if ((weft_cache_caps(work->cache) & WEFT_CACHE_SHARED) != 0) weft_work_wait(work);
}

/* One operation, whose result lives until `ret_lease` is released. */
static bool cached_run(struct weft_work *work, const struct weft_cache_op *op, struct weft_cache_result *ret_result,
                       struct weft_cache_lease *ret_lease)
{
    *ret_lease = (struct weft_cache_lease){ 0 };
    cached_wait(work);
    return weft_cache_run(work->cache, op, 1, ret_result, ret_lease) == WEFT_RC_OK;
}

/* Unpacks into `out`, which is of the descriptor's size. The bytes are copied first: the message may borrow from them,
 * and the cache's own copy ends with the lease. */
static bool value_unpack(struct weft_work *work, const struct weft_cache_result *result, ProtobufCMessage *out)
{
    static const struct weft_guard_limits limits = WEFT_GUARD_DEFAULT;
    const void *bytes = weft_arena_copy(work->arena, result->value, result->value_size);
    ProtobufCMessage *message;
    struct weft_fault fault;
    if (weft_guard_unpack(&limits, out->descriptor, bytes, result->value_size, work->arena, &message, &fault) !=
        WEFT_OK)
        return false;
    memcpy(out, message, out->descriptor->sizeof_message);
    return true;
}

static void token_keep(struct weft_work *work, const char *key, int64_t token)
{
    struct weft_cache_lease_token *kept = weft_arena_alloc(work->arena, sizeof *kept);
    kept->key = weft_arena_strdup(work->arena, key);
    kept->token = token;
    kept->next = work->fills;
    work->fills = kept;
}

bool weft_cached(weft_work *work, const char *key, ProtobufCMessage *out)
{
    if (!cached_usable(work, key)) return false;
    const struct weft_cache_op op = { .verb = cached_leases(work) ? WEFT_CACHE_GET_OR_LEASE : WEFT_CACHE_GET,
                                      .key = key,
                                      .key_size = strlen(key),
                                      .integer = CACHED_LEASE_MS };
    struct weft_cache_result result = { 0 };
    struct weft_cache_lease lease;
    bool answered = false, damaged = false;
    if (cached_run(work, &op, &result, &lease)) {
        answered = result.rc == WEFT_RC_OK && value_unpack(work, &result, out);
        damaged = result.rc == WEFT_RC_OK && !answered;
        if (result.rc == WEFT_RC_NOT_FOUND) token_keep(work, key, result.integer);
    }
    weft_cache_release(&lease);
    if (damaged) weft_cached_delete(work, (const char *const[]){ key, NULL });
    return answered;
}

/* The lease taken for the key, which a fill uses up; NULL: none. */
static struct weft_cache_lease_token *token_take(struct weft_work *work, const char *key)
{
    for (struct weft_cache_lease_token **at = &work->fills; *at != NULL; at = &(*at)->next) {
        if (strcmp((*at)->key, key) != 0) continue;
        struct weft_cache_lease_token *token = *at;
        *at = token->next;
        return token;
    }
    return NULL;
}

void weft_cache_fill(weft_work *work, const char *key, const ProtobufCMessage *message, uint32_t ttl_s)
{
    if (!cached_usable(work, key)) return;
    const struct weft_cache_lease_token *token = token_take(work, key);
    if (token == NULL || (token->token == 0 && cached_leases(work))) return;
    const ProtobufCMessage *complete;
    struct weft_fault fault;
    if (weft_message_complete(work->arena, message->descriptor, message, &complete, &fault) != WEFT_OK) return;
    const struct weft_bytes bytes = weft_message_pack(work->arena, complete);
    const struct weft_cache_op op = { .verb = cached_leases(work) ? WEFT_CACHE_FILL : WEFT_CACHE_SET,
                                      .key = key,
                                      .key_size = strlen(key),
                                      .value = bytes.data,
                                      .value_size = bytes.size,
                                      .ttl_ms = (uint64_t)ttl_s * 1000,
                                      .integer = token->token };
    struct weft_cache_result result = { 0 };
    struct weft_cache_lease lease;
    cached_run(work, &op, &result, &lease);
    weft_cache_release(&lease);
}

void weft_cache_drop(weft_tx *tx, const char *key)
{
    if (key != NULL && key[0] != '\0' && strlen(key) <= CACHED_KEY_MAX) weft_tx_cache_drop(tx, key);
}

void weft_cached_delete(struct weft_work *work, const char *const *keys)
{
    size_t n = 0;
    while (keys[n] != NULL)
        n++;
    if (n == 0 || work->cache == NULL) return;
    struct weft_cache_op *ops = weft_arena_alloc(work->arena, n * sizeof *ops);
    struct weft_cache_result *results = weft_arena_alloc(work->arena, n * sizeof *results);
    for (size_t i = 0; i < n; i++)
        ops[i] = (struct weft_cache_op){ .verb = WEFT_CACHE_DEL, .key = keys[i], .key_size = strlen(keys[i]) };
    struct weft_cache_lease lease = { 0 };
    cached_wait(work);
    weft_cache_run(work->cache, ops, n, results, &lease);
    weft_cache_release(&lease);
}
