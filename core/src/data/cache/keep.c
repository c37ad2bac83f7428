/* data/cache/keep.c - values that live in the cache and nowhere else. What is a miss for cache-aside is an error here,
 * so that nobody takes "the cache is away" for "there is no such session". No text names the key, which may be secret.
 */
#include "contract/guard.h"
#include "contract/message.h"
#include "data/work.h"
#include "observe/log.h"

#include <string.h>

enum { KEEP_KEY_MAX = 1024, KEEP_TTL_MAX_S = 366 * 24 * 3600 };

/* The one operation of a call, and what came of it until it is released. */
struct keep {
    struct weft_cache_op op;
    struct weft_cache_result result;
    struct weft_cache_lease lease;
};

static weft_status keep_check(struct weft_work *work, const char *key, uint32_t ttl_s)
{
    if (work->cache == NULL) return weft_fail(work, WEFT_INTERNAL, "the service has no cache to keep values in");
    if (key[0] == '\0' || strlen(key) > KEEP_KEY_MAX)
        return weft_fail(work, WEFT_INTERNAL, "a key of %zu bytes, want 1 to %d", strlen(key), KEEP_KEY_MAX);
    if (ttl_s > KEEP_TTL_MAX_S)
        return weft_fail(work, WEFT_INTERNAL, "kept for %u s, at most %d go", ttl_s, KEEP_TTL_MAX_S);
    return WEFT_OK;
}

/* OK: done; NOT_FOUND: there is none. Else the work's error. */
static weft_status keep_run(struct weft_work *work, struct keep *keep, const char *key)
{
    keep->op.key = key;
    keep->op.key_size = strlen(key);
    if ((weft_cache_caps(work->cache) & WEFT_CACHE_SHARED) != 0) weft_work_wait(work);
    int32_t rc = weft_cache_run(work->cache, &keep->op, 1, &keep->result, &keep->lease);
    if (rc == WEFT_RC_OK) rc = keep->result.rc;
    if (rc == WEFT_RC_OK || rc == WEFT_RC_NOT_FOUND) return rc == WEFT_RC_OK ? WEFT_OK : WEFT_NOT_FOUND;
    return weft_fail(work, WEFT_UNAVAILABLE, "the cache is away; try again later");
}

weft_status weft_keep_put(weft_work *work, const char *key, const ProtobufCMessage *message, uint32_t ttl_s)
{
    weft_status status = keep_check(work, key, ttl_s);
    if (status == WEFT_OK && ttl_s == 0)
        status = weft_fail(work, WEFT_INTERNAL, "nothing is kept for ever: say how long");
    const ProtobufCMessage *complete;
    struct weft_fault fault = { 0 };
    if (status != WEFT_OK) return status;
    if (weft_message_complete(work->arena, message->descriptor, message, &complete, &fault) != WEFT_OK)
        return weft_fail(work, fault.status, "%s", fault.text);
    const struct weft_bytes bytes = weft_message_pack(work->arena, complete);
    struct keep keep = { .op = { .verb = WEFT_CACHE_SET,
                                 .value = bytes.data,
                                 .value_size = bytes.size,
                                 .ttl_ms = (uint64_t)ttl_s * 1000 } };
    status = keep_run(work, &keep, key);
    weft_cache_release(&keep.lease);
    return status;
}

/* Unpacks into `out`, which is of the descriptor's size. The message may borrow from the bytes, and the cache's own end
 * with the lease. */
static weft_status value_unpack(struct weft_work *work, const struct weft_cache_result *result, ProtobufCMessage *out)
{
    static const struct weft_guard_limits limits = WEFT_GUARD_DEFAULT;
    const void *bytes = weft_arena_copy(work->arena, result->value, result->value_size);
    ProtobufCMessage *message;
    struct weft_fault fault = { 0 };
    if (weft_guard_unpack(&limits, out->descriptor, bytes, result->value_size, work->arena, &message, &fault) !=
        WEFT_OK)
        return weft_fail(work, WEFT_DATA_LOSS, "the value that was kept is no %s", out->descriptor->name);
    memcpy(out, message, out->descriptor->sizeof_message);
    return WEFT_OK;
}

weft_status weft_keep_get(weft_work *work, const char *key, ProtobufCMessage *out, uint32_t ttl_s)
{
    weft_status status = keep_check(work, key, ttl_s);
    if (status != WEFT_OK) return status;
    struct keep keep = { .op = { .verb = ttl_s != 0 ? WEFT_CACHE_GET_EXPIRE : WEFT_CACHE_GET,
                                 .ttl_ms = (uint64_t)ttl_s * 1000 } };
    status = keep_run(work, &keep, key);
    if (status == WEFT_OK) status = value_unpack(work, &keep.result, out);
    weft_cache_release(&keep.lease);
    return status;
}

weft_status weft_keep_drop(weft_work *work, const char *key)
{
    weft_status status = keep_check(work, key, 0);
    if (status != WEFT_OK) return status;
    struct keep keep = { .op = { .verb = WEFT_CACHE_DEL } };
    status = keep_run(work, &keep, key);
    if (status == WEFT_OK && keep.result.integer == 0) status = WEFT_NOT_FOUND;
    weft_cache_release(&keep.lease);
    return status;
}
