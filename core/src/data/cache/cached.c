/* data/cache/cached.c - cache-aside that is never stale for long.
 *
 * A miss takes a lease, whose token the fill must show; deleting the key voids the token. So a value read before a
 * change never gets in after the delete that followed it (Nishtala et al., "Scaling Memcache at Facebook", NSDI
 * 2013, 3.2.1). One filler a key: who gets no token reads the store and fills nothing.
 *
 * A value that is damaged is a miss. It is deleted and the lease taken in one go, so that the fill replaces it. */
#include "data/cache/cached.h"

#include "base/text.h"
#include "contract/guard.h"
#include "contract/message.h"
#include "data/cache/drops.h"
#include "data/cache/sealed.h"
#include "data/tx.h"
#include "observe/log.h"

#include <assert.h>
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

/* As text: it may have to be written into the store, too. */
static bool key_usable(const char *key)
{
    const size_t size = key != NULL ? strnlen(key, CACHED_KEY_MAX + 1) : 0;
    return size > 0 && size <= CACHED_KEY_MAX && weft_text_is_utf8(key, size);
}

static bool cached_usable(const struct weft_work *work, const char *key)
{
    return work->cache != NULL && key_usable(key);
}

/* A cache of this process never waits, so leadership of the calls need not be handed on for it. */
static void cached_wait(struct weft_work *work)
{
    if ((weft_cache_caps(work->cache) & WEFT_CACHE_SHARED) != 0) weft_work_wait(work);
}

/* Operations whose results live until `ret_lease` is released. */
static bool cached_run(struct weft_work *work, const struct weft_cache_op *ops, size_t n,
                       struct weft_cache_result *ret_results, struct weft_cache_lease *ret_lease)
{
    *ret_lease = (struct weft_cache_lease){ 0 };
    cached_wait(work);
    return weft_cache_run(work->cache, ops, n, ret_results, ret_lease) == WEFT_RC_OK;
}

/* Unpacks into `out`, which is of the descriptor's size. */
static bool value_unpack(struct weft_work *work, const struct weft_prefetched *found, ProtobufCMessage *out)
{
    static const struct weft_guard_limits limits = WEFT_GUARD_DEFAULT;
    struct weft_bytes packed;
    ProtobufCMessage *message;
    struct weft_fault fault;
    if (found->value_size > limits.max_bytes + WEFT_SEAL_BYTES ||
        !weft_sealed_open(found->key, out->descriptor, found->value, found->value_size, &packed) ||
        weft_guard_unpack(&limits, out->descriptor, packed.data, packed.size, work->arena, &message, &fault) != WEFT_OK)
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

/* ---- looking up -------------------------------------------------------------------------------------------------- */

struct weft_prefetched *weft_cached_will_prefetch(struct weft_work *work, const char *key)
{
    if (!cached_usable(work, key)) return NULL;
    struct weft_prefetched *prefetched = weft_arena_alloc(work->arena, sizeof *prefetched);
    prefetched->key = key;
    return prefetched;
}

static struct weft_cache_op look_op(const struct weft_cache *cache, const char *key)
{
    const bool leases = (weft_cache_caps(cache) & WEFT_CACHE_LEASES) != 0;
    return (struct weft_cache_op){ .verb = leases ? WEFT_CACHE_GET_OR_LEASE : WEFT_CACHE_GET,
                                   .key = key,
                                   .key_size = strlen(key),
                                   .integer = CACHED_LEASE_MS };
}

/* The bytes are copied: the cache's own end with the lease. */
static void prefetched_set(struct weft_work *work, const struct weft_cache_result *result)
{
    struct weft_prefetched *prefetched = work->prefetched;
    prefetched->rc = result->rc;
    prefetched->token = result->integer;
    prefetched->value_size = result->value_size;
    if (result->rc == WEFT_RC_OK) prefetched->value = weft_arena_copy(work->arena, result->value, result->value_size);
}

void weft_cached_prefetch(struct weft_cache *cache, struct weft_work *const *works, size_t n)
{
    struct weft_cache_op ops[WEFT_PREFETCH_MAX];
    struct weft_cache_result results[WEFT_PREFETCH_MAX] = { 0 };
    assert(n <= WEFT_PREFETCH_MAX);
    for (size_t i = 0; i < n; i++)
        ops[i] = look_op(cache, works[i]->prefetched->key);
    struct weft_cache_lease lease;
    const int32_t rc = weft_cache_run(cache, ops, n, results, &lease);
    for (size_t i = 0; i < n; i++) {
        if (rc != WEFT_RC_OK) results[i] = (struct weft_cache_result){ .rc = rc };
        prefetched_set(works[i], &results[i]);
    }
    weft_cache_release(&lease);
}

/* What is there under the key: looked up before, or now. NULL: there can be nothing. */
static const struct weft_prefetched *cached_find(struct weft_work *work, const char *key)
{
    struct weft_prefetched *ahead = work->prefetched;
    if (ahead == NULL || strcmp(ahead->key, key) != 0) {
        ahead = weft_cached_will_prefetch(work, key);
        if (ahead == NULL) return NULL;
        work->prefetched = ahead;
        cached_wait(work);
        weft_cached_prefetch(work->cache, &work, 1);
    }
    work->prefetched = NULL; /* it answers once: the next time the value may be another */
    return ahead;
}

/* Away with what is damaged, and on to the fill. */
static void damage_clear(struct weft_work *work, const char *key)
{
    const struct weft_cache_op ops[] = { { .verb = WEFT_CACHE_DEL, .key = key, .key_size = strlen(key) },
                                         look_op(work->cache, key) };
    struct weft_cache_result results[2] = { 0 };
    struct weft_cache_lease lease;
    weft_cache_count(&weft_cache_tally(work->cache)->damaged, 1);
    weft_log_limited("data.cache.damaged", WEFT_LOG_WARN, "cache",
                     &(struct weft_log_fields){ .service = work->service },
                     "a value in the cache is damaged or another's; reading the store instead, and replacing it");
    if (cached_run(work, ops, 2, results, &lease) && results[1].rc == WEFT_RC_NOT_FOUND)
        token_keep(work, key, results[1].integer);
    weft_cache_release(&lease);
}

bool weft_cached(weft_work *work, const char *key, ProtobufCMessage *out)
{
    const struct weft_prefetched *found = cached_find(work, key);
    if (found == NULL) return false;
    const bool answered = found->rc == WEFT_RC_OK && value_unpack(work, found, out);
    struct weft_cache_counters *tally = weft_cache_tally(work->cache);
    weft_cache_count(answered ? &tally->hits : &tally->misses, 1);
    if (found->rc == WEFT_RC_NOT_FOUND) token_keep(work, key, found->token);
    if (found->rc == WEFT_RC_OK && !answered) damage_clear(work, key);
    return answered;
}

/* ---- filling ----------------------------------------------------------------------------------------------------- */

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
    const struct weft_bytes bytes = weft_sealed_pack(work->arena, key, complete);
    const struct weft_cache_op op = { .verb = cached_leases(work) ? WEFT_CACHE_FILL : WEFT_CACHE_SET,
                                      .key = key,
                                      .key_size = strlen(key),
                                      .value = bytes.data,
                                      .value_size = bytes.size,
                                      .ttl_ms = (uint64_t)ttl_s * 1000,
                                      .integer = token->token };
    struct weft_cache_result result = { 0 };
    struct weft_cache_lease lease;
    if (cached_run(work, &op, 1, &result, &lease) && result.rc == WEFT_RC_OK)
        weft_cache_count(&weft_cache_tally(work->cache)->fills, 1);
    weft_cache_release(&lease);
}

/* ---- dropping ---------------------------------------------------------------------------------------------------- */

void weft_cache_drop(weft_tx *tx, const char *key)
{
    if (key_usable(key)) weft_tx_cache_drop(tx, key);
}

bool weft_cached_delete(struct weft_work *work, const char *const *keys)
{
    size_t n = 0;
    while (keys[n] != NULL)
        n++;
    if (n == 0 || work->cache == NULL) return true;
    struct weft_cache_op *ops = weft_arena_alloc(work->arena, n * sizeof *ops);
    struct weft_cache_result *results = weft_arena_alloc(work->arena, n * sizeof *results);
    for (size_t i = 0; i < n; i++)
        ops[i] = (struct weft_cache_op){ .verb = WEFT_CACHE_DEL, .key = keys[i], .key_size = strlen(keys[i]) };
    struct weft_cache_lease lease;
    bool done = cached_run(work, ops, n, results, &lease);
    for (size_t i = 0; i < n && done; i++)
        done = !weft_cache_del_failed(&ops[i], &results[i]);
    weft_cache_release(&lease);
    if (done) weft_cache_count(&weft_cache_tally(work->cache)->drops, n);
    return done;
}

void weft_cached_drop(struct weft_work *work, const weft_tx *tx)
{
    if (weft_cached_delete(work, weft_tx_cache_drops(tx)))
        weft_drops_done(weft_tx_store(tx)->drops, weft_tx_cache_drop_id(tx));
}
