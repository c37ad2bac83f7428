/* data/tx.c - a transaction: what is queued, when it is sent, how it ends.
 *
 *   fresh --first send--> open --commit/rollback--> ended
 *     '-----------commit of the whole queue----------^
 *
 * A transaction that only wrote never is open: BEGIN, its statements, its outbox rows and COMMIT go out as one run, and
 * it has a session for just that long. The outbox rows are last, so that the locks of the service's own rows decide the
 * order of ids within a key. */
#include "data/tx_state.h"

#include "base/clock.h"
#include "data/failure.h"
#include "data/work.h"

#include <string.h>

/* ---- making and failing ------------------------------------------------------------------------------------------ */

weft_tx *weft_tx_new(struct weft_arena *arena, struct weft_store *store, uint32_t purpose, uint64_t deadline_ns,
                     struct weft_work *work)
{
    weft_tx *tx = weft_arena_alloc(arena, sizeof *tx);
    tx->arena = arena;
    tx->store = store;
    tx->purpose = purpose;
    tx->deadline_ns = deadline_ns;
    tx->work = work;
    tx->outcome.owner = UINT32_MAX;
    if (store == NULL) weft_tx_fail(tx, WEFT_INTERNAL, "the service has no store: it registers no migrations");
    return tx;
}

void weft_tx_set_work(weft_tx *tx, struct weft_work *work)
{
    tx->work = work;
}

void weft_tx_set_alone(weft_tx *tx)
{
    tx->alone = true;
}

void weft_tx_set_owner(weft_tx *tx, uint32_t owner)
{
    tx->owner = owner;
}

struct weft_arena *weft_tx_arena(const weft_tx *tx)
{
    return tx->arena;
}

struct weft_store *weft_tx_store(const weft_tx *tx)
{
    return tx->store;
}

struct weft_work *weft_tx_work(const weft_tx *tx)
{
    return tx->work;
}

const struct weft_fault *weft_tx_fault(const weft_tx *tx)
{
    return &tx->fault;
}

const struct weft_tx_outcome *weft_tx_outcome(const weft_tx *tx)
{
    return &tx->outcome;
}

/* Notes the first failure; tx->fault is set. */
static void tx_note(weft_tx *tx, int32_t rc, uint32_t reason, uint32_t owner)
{
    tx->outcome.rc = rc;
    tx->outcome.reason = reason;
    tx->outcome.owner = owner;
    tx->outcome.sent = tx->n_sent > 0;
    tx->outcome.status = tx->fault.status;
}

weft_status weft_tx_fail(weft_tx *tx, weft_status status, const char *format, ...)
{
    if (weft_tx_failed(tx)) return tx->fault.status;
    va_list args;
    va_start(args, format);
    weft_fault_vset(&tx->fault, status, format, args);
    va_end(args);
    tx_note(tx, WEFT_RC_OK, WEFT_REASON_NONE, tx->owner);
    memcpy(tx->outcome.text, tx->fault.text, sizeof tx->outcome.text);
    return status;
}

void weft_tx_on_violation(weft_tx *tx, const char *constraint, weft_status status, const char *field)
{
    struct weft_violation_rule *rule = weft_arena_alloc(tx->arena, sizeof *rule);
    rule->constraint = weft_arena_strdup(tx->arena, constraint);
    rule->field = weft_arena_strdup(tx->arena, field);
    rule->status = status;
    rule->next = tx->rules;
    tx->rules = rule;
}

/* ---- asked ------------------------------------------------------------------------------------------------------- */

bool weft_tx_empty(const weft_tx *tx)
{
    return tx->state != TX_OPEN && tx->statements.n == 0 && tx->rows.n == 0;
}

bool weft_tx_open(const weft_tx *tx)
{
    return tx->state == TX_OPEN;
}

bool weft_tx_sent(const weft_tx *tx)
{
    return tx->n_sent > 0;
}

/* ---- sending ----------------------------------------------------------------------------------------------------- */

void weft_tx_end(weft_tx *tx)
{
    tx->state = TX_ENDED;
    if (tx->session != NULL) weft_store_release(tx->session);
    tx->session = NULL;
}

static void tx_log(const weft_tx *tx)
{
    weft_failure_log(tx->outcome.status, tx->outcome.text, tx->store->service, tx->work);
}

weft_status weft_tx_break(weft_tx *tx, int32_t rc, const struct weft_result *result, const struct tx_statement *failed)
{
    const struct weft_failure failure = {
        .rc = rc, .result = result, .sql = failed != NULL ? failed->statement.sql : NULL, .rules = tx->rules
    };
    weft_failure_tell(&failure, &tx->fault);
    tx_note(tx, rc, result->reason, failed != NULL ? failed->owner : UINT32_MAX);
    tx->outcome.sent = true;
    weft_failure_describe(&failure, tx->outcome.text, sizeof tx->outcome.text);
    tx_log(tx);
    weft_tx_end(tx);
    return tx->fault.status;
}

/* What refuses us is no matter of the client's permissions. */
weft_status weft_tx_stay(weft_tx *tx, const struct weft_fault *fault)
{
    const weft_status status = fault->status == WEFT_PERMISSION_DENIED ? WEFT_UNAVAILABLE : fault->status;
    weft_fault_set(&tx->fault, status, "%s",
                   status == WEFT_RESOURCE_EXHAUSTED ? "all sessions of the store are busy; try again later"
                                                     : "the store is away; nothing was changed, try again later");
    tx_note(tx, WEFT_RC_UNAVAILABLE, WEFT_REASON_NONE, UINT32_MAX);
    memcpy(tx->outcome.text, fault->text, sizeof tx->outcome.text);
    tx_log(tx);
    weft_tx_end(tx);
    return status;
}

weft_status weft_tx_late(weft_tx *tx)
{
    weft_tx_fail(tx, WEFT_DEADLINE_EXCEEDED, "the deadline passed before the store was asked; nothing was changed");
    tx->outcome.rc = WEFT_RC_TIMEOUT;
    tx->outcome.owner = UINT32_MAX;
    return tx->fault.status;
}

/* Statements tell whose fault it was; a lost connection is nobody's. */
static const struct tx_statement *tx_blamed(const struct tx_statement *queued, uint32_t n, int32_t rc,
                                            const struct weft_result *result)
{
    const bool blamed = (rc == WEFT_RC_CONFLICT || rc == WEFT_RC_INVALID) && result->failed < n;
    return blamed ? &queued[result->failed] : NULL;
}

/* Sends the queue as one run, BEGIN before it if need be; `flags` go to its last statement. */
static weft_status tx_send(weft_tx *tx, uint32_t flags, struct weft_result *ret_result)
{
    if (tx->work != NULL) weft_work_wait(tx->work);
    if (weft_clock_ns() >= tx->deadline_ns) return weft_tx_late(tx);
    struct weft_fault fault;
    if (tx->session == NULL &&
        weft_store_acquire(tx->store, tx->purpose, tx->deadline_ns, &tx->session, &fault) != WEFT_OK)
        return weft_tx_stay(tx, &fault);
    const uint32_t n = tx->statements.n;
    const struct tx_statement *queued = tx->statements.items;
    struct weft_statement *statements = weft_arena_alloc(tx->arena, n * sizeof *statements);
    for (uint32_t i = 0; i < n; i++)
        statements[i] = queued[i].statement;
    if (tx->state == TX_FRESH) statements[0].flags |= WEFT_STATEMENT_BEGIN;
    statements[n - 1].flags |= flags;
    const int32_t rc = tx->state == TX_FRESH
                           ? weft_session_run_first(&tx->session, statements, n, ret_result, tx->deadline_ns)
                           : weft_session_run(tx->session, statements, n, ret_result, tx->deadline_ns);
    if (rc != WEFT_RC_OK) return weft_tx_break(tx, rc, ret_result, tx_blamed(queued, n, rc, ret_result));
    tx->state = TX_OPEN;
    tx->n_sent += n;
    tx->statements.n = 0;
    return WEFT_OK;
}

weft_status weft_tx_read(weft_tx *tx, const struct weft_statement *reads, size_t n, const struct weft_rowset **ret_sets)
{
    const uint32_t before = tx->statements.n;
    for (size_t i = 0; i < n && !weft_tx_failed(tx); i++) {
        struct weft_statement read = reads[i];
        read.flags |= WEFT_STATEMENT_ROWS;
        weft_tx_add(tx, read, tx->owner);
    }
    if (weft_tx_failed(tx)) return tx->fault.status;
    struct weft_result result;
    const weft_status status = tx_send(tx, 0, &result);
    if (status == WEFT_OK) *ret_sets = result.sets + before;
    return status;
}

weft_status weft_tx_rows(weft_tx *tx, const char *sql, const struct weft_value *params, uint32_t n_params,
                         const struct weft_rowset **ret_rows)
{
    const struct weft_statement read = { sql, params, n_params, 0 };
    return weft_tx_read(tx, &read, 1, ret_rows);
}

/* ---- the end ----------------------------------------------------------------------------------------------------- */

static void tx_commit(weft_tx *tx)
{
    const struct tx_statement *rows = tx->rows.items;
    struct weft_statement notify;
    weft_tx_add_drops(tx);
    for (uint32_t i = 0; i < tx->rows.n; i++)
        weft_tx_add(tx, rows[i].statement, rows[i].owner);
    if (weft_tx_notifies(tx, &notify)) weft_tx_add(tx, notify, UINT32_MAX);
    if (tx->statements.n == 0)
        weft_tx_add(tx, (struct weft_statement){ NULL, NULL, 0, 0 }, UINT32_MAX); /* open: a mere COMMIT */
    struct weft_result result;
    if (weft_tx_failed(tx) || tx_send(tx, WEFT_STATEMENT_COMMIT, &result) != WEFT_OK) return;
    weft_tx_end(tx);
    if (tx->rows.n > 0 && tx->store->on_outbox != NULL) tx->store->on_outbox(tx->store->on_outbox_arg);
}

void weft_tx_rollback(weft_tx *tx)
{
    if (tx->state == TX_OPEN) {
        /* Not within the work's deadline, which may have passed: a session that is not rolled back is a lost one. */
        const struct weft_statement statement = { NULL, NULL, 0, WEFT_STATEMENT_ROLLBACK };
        struct weft_result result;
        if (tx->work != NULL) weft_work_wait(tx->work);
        if (weft_session_run(tx->session, &statement, 1, &result, weft_clock_ns() + WEFT_SECOND) != WEFT_RC_OK)
            tx->session->lost = true;
    }
    weft_tx_end(tx);
}

weft_status weft_tx_commit(weft_tx *tx, struct weft_tx_outcome *ret_outcome)
{
    if (!weft_tx_failed(tx) && !weft_tx_empty(tx)) tx_commit(tx);
    if (tx->state != TX_ENDED) weft_tx_rollback(tx);
    if (ret_outcome != NULL) *ret_outcome = tx->outcome;
    return tx->fault.status;
}
