/* data/sql.c - the statements of a handler: queued, expected, fetched within its transaction, or asked outside. */
#include "data/failure.h"
#include "data/rows.h"
#include "data/tx.h"
#include "data/work.h"

static weft_tx *work_tx(struct weft_work *work)
{
    if (work->tx == NULL) {
        const uint32_t purpose = work->session_purpose != 0 ? work->session_purpose : WEFT_SESSION_REQUEST;
        work->tx = weft_tx_new(work->arena, work->store, purpose, work->deadline_ns, work);
    }
    return work->tx;
}

weft_tx *weft_call_tx(weft_call *call)
{
    return work_tx(call);
}

weft_tx *weft_event_tx(weft_event *event)
{
    return work_tx(event);
}

weft_status weft_exec_values(weft_tx *tx, struct weft_sql sql)
{
    weft_tx_queue(tx, sql.text, sql.params, sql.n_params);
    return weft_tx_fault(tx)->status;
}

static weft_status expectation_fail(weft_tx *tx, weft_status status, int64_t expected, int64_t affected)
{
    switch (status) {
    case WEFT_NOT_FOUND:
        return weft_tx_fail(tx, status, "not found");
    case WEFT_FAILED_PRECONDITION:
        return weft_tx_fail(tx, status, "a precondition does not hold");
    default:
        return weft_tx_fail(tx, status, "%lld rows match, want %lld", (long long)affected, (long long)expected);
    }
}

weft_status weft_exec_expect_values(weft_tx *tx, int64_t expected, weft_status status, struct weft_sql sql)
{
    const struct weft_rowset *set;
    const weft_status sent = weft_tx_rows(tx, sql.text, sql.params, sql.n_params, &set);
    if (sent != WEFT_OK || set->affected == expected) return sent;
    return expectation_fail(tx, status, expected, set->affected);
}

weft_status weft_fetch_values(weft_tx *tx, weft_rows **ret_rows, struct weft_sql sql)
{
    const struct weft_rowset *set;
    const weft_status status = weft_tx_rows(tx, sql.text, sql.params, sql.n_params, &set);
    if (status == WEFT_OK) *ret_rows = weft_rows_new(weft_tx_arena(tx), set);
    return status;
}

/* ---- outside the transaction ------------------------------------------------------------------------------------- */

static weft_status query_fail(struct weft_work *work, int32_t rc, const struct weft_result *result, const char *sql)
{
    const struct weft_failure failure = { .rc = rc, .result = result, .sql = sql };
    char text[512];
    weft_failure_describe(&failure, text, sizeof text);
    struct weft_fault fault = { 0 };
    weft_failure_tell(&failure, &fault);
    weft_failure_log(fault.status, text, work->service, work);
    return weft_fail(work, fault.status, "%s", fault.text);
}

/* A session for a read: readers are a class of their own, whose holders wait for nothing, so that a work which holds a
 * transaction's session may wait for one. */
static weft_status query_session(struct weft_work *work, struct weft_session **ret_session)
{
    const bool readers = (work->store->ops->caps & WEFT_STORE_READERS) != 0;
    const uint32_t own = work->session_purpose != 0 ? work->session_purpose : WEFT_SESSION_REQUEST;
    struct weft_fault fault;
    weft_work_wait(work);
    if (weft_store_acquire(work->store, readers ? WEFT_SESSION_READER : own, work->deadline_ns, ret_session, &fault) ==
        WEFT_OK)
        return WEFT_OK;
    if (fault.status == WEFT_RESOURCE_EXHAUSTED)
        return weft_fail(work, fault.status, "all sessions of the store are busy; try again later");
    weft_failure_log(WEFT_UNAVAILABLE, fault.text, work->service, work);
    return weft_fail(work, WEFT_UNAVAILABLE, "the store is away; try again later");
}

static weft_status query_run(struct weft_work *work, struct weft_sql sql, weft_rows **ret_rows)
{
    struct weft_session *session;
    if (query_session(work, &session) != WEFT_OK) return work->fault.status;
    const struct weft_statement statement = { sql.text, sql.params, sql.n_params, WEFT_STATEMENT_ROWS };
    struct weft_result result;
    const int32_t rc = weft_session_run_first(&session, &statement, 1, &result, work->deadline_ns);
    weft_status status = WEFT_OK;
    if (rc == WEFT_RC_OK)
        *ret_rows = weft_rows_new(work->arena, &result.sets[0]);
    else
        status = query_fail(work, rc, &result, sql.text);
    if (session != NULL) weft_store_release(session);
    return status;
}

weft_status weft_query_values(weft_work *work, weft_rows **ret_rows, struct weft_sql sql)
{
    if (work->store == NULL)
        return weft_fail(work, WEFT_INTERNAL, "the service has no store: it registers no migrations");
    const bool readers = (work->store->ops->caps & WEFT_STORE_READERS) != 0;
    if (work->tx != NULL && weft_tx_open(work->tx) && !readers) return weft_fetch_values(work->tx, ret_rows, sql);
    return query_run(work, sql, ret_rows);
}

/* ---- the rest ---------------------------------------------------------------------------------------------------- */

void weft_on_violation(weft_tx *tx, const char *constraint, weft_status status, const char *field)
{
    weft_tx_on_violation(tx, constraint, status, field);
}

void weft_tx_alone(weft_tx *tx)
{
    weft_tx_set_alone(tx);
}

weft_status weft_lock_key(weft_tx *tx, const char *key)
{
    const struct weft_store *store = weft_tx_store(tx);
    const struct weft_value param = weft_text(key);
    if (store != NULL && store->dialect->key_lock != NULL) weft_tx_queue(tx, store->dialect->key_lock, &param, 1);
    return weft_tx_fault(tx)->status;
}
