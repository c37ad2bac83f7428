/* data/request/request.c - the row of a command with a key: looked up, kept first in the handler's transaction, looked
 * up again when the try failed.
 *
 * The row goes before all other statements, so that of two tries at a time one waits for the other right there, by the
 * row's primary key, before either has touched anything. The answer is known only when the handler returns. In a
 * transaction that went out as a whole its parameter is filled in before it is sent; one that had read something has
 * sent the row empty, and fills it by an update before the commit. Nobody sees it empty: it is not committed yet. */
#include "data/request/request.h"

#include "base/clock.h"
#include "base/text.h"
#include "data/cache/cached.h"
#include "data/tx.h"

#include <openssl/sha.h>
#include <string.h>

enum { REQUEST_KEY_MAX = 128 };
enum request_column {
    COLUMN_METHOD,
    COLUMN_PRINCIPAL,
    COLUMN_KEY,
    COLUMN_HASH,
    COLUMN_ANSWER,
    COLUMN_EXPIRES,
    COLUMNS
};

#define REQUEST_KEPT_NS (24 * 3600 * WEFT_SECOND) /* if the store says nothing */

static const char request_elsewhere[] =
    "the idempotency key was used before with another request; a new command takes a new key";

static const struct weft_dialect *request_dialect(const struct weft_request *request)
{
    return request->work->store->dialect;
}

/* Answers are kept apart by who asks. Calls carry no authenticated name yet: all are the same client. */
static const char *request_principal(const struct weft_work *work)
{
    (void)work;
    return "";
}

/* ---- looking it up ----------------------------------------------------------------------------------------------- */

static weft_status request_found(struct weft_request *request, const weft_rows *rows)
{
    const ProtobufCBinaryData hash = weft_get_bytes(rows, 0), answer = weft_get_bytes(rows, 1);
    if (hash.len != sizeof request->hash || memcmp(hash.data, request->hash, sizeof request->hash) != 0)
        return weft_fail(request->work, WEFT_INVALID_ARGUMENT, "%s", request_elsewhere);
    request->answered = true;
    request->answer = (struct weft_bytes){ answer.data, answer.len };
    return WEFT_OK;
}

static weft_status request_find(struct weft_request *request)
{
    weft_rows *rows;
    const weft_status status = weft_query(request->work, &rows, request_dialect(request)->request_find,
                                          request->work->method, request->principal, request->key);
    if (status != WEFT_OK || !weft_next(rows)) return status;
    return request_found(request, rows);
}

/* ---- the row ----------------------------------------------------------------------------------------------------- */

static int64_t request_expires_us(const struct weft_work *work)
{
    const uint64_t kept = work->store->request_kept_ns != 0 ? work->store->request_kept_ns : REQUEST_KEPT_NS;
    return weft_clock_wall_us() + (int64_t)(kept / 1000);
}

/* One that has expired gives way; the purge may not have come by yet. */
static void request_queue(struct weft_request *request)
{
    struct weft_work *work = request->work;
    weft_tx *tx = weft_call_tx(work);
    request->row = weft_arena_alloc(work->arena, COLUMNS * sizeof *request->row);
    request->row[COLUMN_METHOD] = weft_text(work->method);
    request->row[COLUMN_PRINCIPAL] = weft_text(request->principal);
    request->row[COLUMN_KEY] = weft_text(request->key);
    request->row[COLUMN_HASH] = weft_bytes(request->hash, sizeof request->hash);
    request->row[COLUMN_ANSWER] = weft_null();
    request->row[COLUMN_EXPIRES] = weft_time_us(request_expires_us(work));
    weft_tx_set_owner(tx, WEFT_TX_OWNER_REQUEST);
    weft_tx_queue_lent(tx, request_dialect(request)->request_drop, request->row, COLUMN_KEY + 1);
    weft_tx_queue_lent(tx, request_dialect(request)->request_insert, request->row, COLUMNS);
    weft_tx_set_owner(tx, 0);
}

static bool key_is_valid(const char *key)
{
    const size_t size = strlen(key);
    return size >= 1 && size <= REQUEST_KEY_MAX && weft_text_is_visible_ascii(key, size);
}

weft_status weft_request_begin(struct weft_request *request, struct weft_work *work, const char *key,
                               struct weft_bytes message)
{
    *request = (struct weft_request){ .work = work, .key = key, .principal = request_principal(work) };
    if (!key_is_valid(key))
        return weft_fail(work, WEFT_INVALID_ARGUMENT,
                         "%s has %zu bytes or some that are not visible ASCII; want 1 to %d, for example a UUID",
                         WEFT_REQUEST_METADATA, strlen(key), REQUEST_KEY_MAX);
    if (work->store == NULL)
        return weft_fail(work, WEFT_INTERNAL,
                         "the service has no store to keep answers in: it registers no migrations");
    SHA256(message.data, message.size, request->hash);
    const weft_status status = request_find(request);
    if (status == WEFT_OK && !request->answered) request_queue(request);
    return status;
}

void weft_request_keep(struct weft_request *request, struct weft_bytes answer)
{
    weft_tx *tx = request->work->tx;
    const struct weft_value bytes = weft_bytes(answer.data, answer.size);
    if (!weft_tx_sent(tx)) {
        request->row[COLUMN_ANSWER] = bytes;
        return;
    }
    const struct weft_value params[] = { request->row[COLUMN_METHOD], request->row[COLUMN_PRINCIPAL],
                                         request->row[COLUMN_KEY], bytes };
    weft_tx_queue(tx, request_dialect(request)->request_answer, params, sizeof params / sizeof *params);
}

/* ---- the end of a try -------------------------------------------------------------------------------------------- */

/* Did another try commit first, so that our row could not be inserted? */
static bool request_was_beaten(const struct weft_request *request)
{
    const struct weft_tx_outcome *outcome = weft_tx_outcome(request->work->tx);
    return outcome->owner == WEFT_TX_OWNER_REQUEST && outcome->rc == WEFT_RC_CONFLICT;
}

weft_status weft_request_end(struct weft_request *request, weft_status status)
{
    struct weft_work *work = request->work;
    if (status == WEFT_OK || request->row == NULL) return status;
    const struct weft_fault failed = work->fault;
    work->fault = (struct weft_fault){ 0 };
    const weft_status found = request_find(request);
    if (request->answered) weft_cached_delete(work, weft_tx_cache_drops(work->tx)); /* nobody knows whether it was us */
    if (request->answered || found == WEFT_INVALID_ARGUMENT) return found;
    if (request_was_beaten(request))
        return weft_fail(work, WEFT_ABORTED, "the command was under way a second time; try again with the same key");
    work->fault = failed;
    return status;
}
