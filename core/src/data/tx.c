/* data/tx.c - a transaction: what is queued, when it is sent, how it ends.
 *
 *   fresh --first send--> open --commit/rollback--> ended
 *     '-----------commit of the whole queue----------^
 *
 * A transaction that only wrote never is open: BEGIN, its statements, its outbox rows and COMMIT go out as one run, and
 * it has a session for just that long. The outbox rows are last, so that the locks of the service's own rows decide the
 * order of ids within a key. */
#include "data/tx.h"

#include "base/clock.h"
#include "data/failure.h"
#include "data/work.h"

#include <string.h>

enum {
    TX_MAX_STATEMENTS = 10000, /* queued at a time; outbox rows and cache keys as well */
    TX_OUTBOX_PARAMS = 13
};

enum tx_state { TX_FRESH, TX_OPEN, TX_ENDED };

/* An array in the arena that grows by doubling. */
struct tx_list {
    void *items;
    uint32_t n, capacity;
};

struct tx_statement {
    struct weft_statement statement;
    uint32_t owner;
    uint32_t spare;
};

struct tx_row {
    struct weft_outbox_row row;
    uint32_t owner;
    uint32_t spare;
};

struct weft_tx {
    struct weft_arena *arena;
    struct weft_store *store; /* NULL: the service has none; it has failed then */
    struct weft_work *work;
    struct weft_session *session; /* while open, and during a run */
    uint64_t deadline_ns;
    uint32_t purpose;
    uint32_t owner;
    enum tx_state state;
    uint32_t n_sent;                        /* statements sent so far */
    struct tx_list statements, rows, drops; /* struct tx_statement, struct tx_row, const char * */
    const struct weft_violation_rule *rules;
    struct weft_fault fault;
    struct weft_tx_outcome outcome;
};

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

static bool tx_failed(const weft_tx *tx)
{
    return tx->fault.status != WEFT_OK;
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
    if (tx_failed(tx)) return tx->fault.status;
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

/* ---- the queue --------------------------------------------------------------------------------------------------- */

static void list_grow(weft_tx *tx, struct tx_list *list, size_t item_size)
{
    const uint32_t capacity = list->capacity > 0 ? list->capacity * 2 : 4;
    void *items = weft_arena_alloc(tx->arena, capacity * item_size);
    if (list->n > 0) memcpy(items, list->items, list->n * item_size);
    list->items = items;
    list->capacity = capacity;
}

/* Room for one more; NULL makes the transaction fail. */
static void *list_add(weft_tx *tx, struct tx_list *list, size_t item_size)
{
    if (list->n >= TX_MAX_STATEMENTS) {
        weft_tx_fail(tx, WEFT_RESOURCE_EXHAUSTED,
                     "the transaction has over %d statements, events or cache keys; split it", TX_MAX_STATEMENTS);
        return NULL;
    }
    if (list->n == list->capacity) list_grow(tx, list, item_size);
    return (char *)list->items + list->n++ * item_size;
}

static const char *const *texts_copy(struct weft_arena *arena, const struct weft_value *value)
{
    const char **texts = weft_arena_alloc(arena, value->size * sizeof *texts);
    for (uint64_t i = 0; i < value->size; i++)
        texts[i] = weft_arena_strdup(arena, value->as.texts[i]);
    return texts;
}

static void value_copy(struct weft_arena *arena, struct weft_value *value)
{
    switch (value->type) {
    case WEFT_TYPE_TEXT:
    case WEFT_TYPE_BYTES:
        value->as.bytes = weft_arena_copy(arena, value->as.bytes, value->size);
        break;
    case WEFT_TYPE_INTS:
        value->as.ints = weft_arena_copy(arena, value->as.ints, value->size * sizeof *value->as.ints);
        break;
    case WEFT_TYPE_TEXTS:
        value->as.texts = texts_copy(arena, value);
        break;
    default:
        break;
    }
}

static const struct weft_value *values_copy(struct weft_arena *arena, const struct weft_value *values, uint32_t n)
{
    if (n == 0) return NULL;
    struct weft_value *copy = weft_arena_copy(arena, values, n * sizeof *values);
    for (uint32_t i = 0; i < n; i++)
        value_copy(arena, &copy[i]);
    return copy;
}

/* Queues a statement whose parameters live long enough. */
static void tx_add(weft_tx *tx, struct weft_statement statement, uint32_t owner)
{
    struct tx_statement *added = list_add(tx, &tx->statements, sizeof *added);
    if (added == NULL) return;
    added->statement = statement;
    added->owner = owner;
}

void weft_tx_queue_lent(weft_tx *tx, const char *sql, const struct weft_value *params, uint32_t n_params)
{
    if (!tx_failed(tx)) tx_add(tx, (struct weft_statement){ sql, params, n_params, 0 }, tx->owner);
}

void weft_tx_queue(weft_tx *tx, const char *sql, const struct weft_value *params, uint32_t n_params)
{
    if (!tx_failed(tx)) weft_tx_queue_lent(tx, sql, values_copy(tx->arena, params, n_params), n_params);
}

void weft_tx_outbox(weft_tx *tx, const struct weft_outbox_row *row)
{
    if (tx_failed(tx)) return;
    struct tx_row *added = list_add(tx, &tx->rows, sizeof *added);
    if (added == NULL) return;
    added->row = *row;
    added->owner = tx->owner;
}

void weft_tx_cache_drop(weft_tx *tx, const char *key)
{
    if (tx_failed(tx)) return;
    const char **added = list_add(tx, &tx->drops, sizeof *added);
    if (added != NULL) *added = weft_arena_strdup(tx->arena, key);
}

const char *const *weft_tx_cache_drops(const weft_tx *tx)
{
    const char **keys = weft_arena_alloc(tx->arena, (tx->drops.n + 1) * sizeof *keys);
    if (tx->drops.n > 0) memcpy(keys, tx->drops.items, tx->drops.n * sizeof *keys);
    return keys;
}

struct weft_tx_mark weft_tx_mark(const weft_tx *tx)
{
    return (struct weft_tx_mark){ tx->n_sent + tx->statements.n, tx->rows.n, tx->drops.n };
}

bool weft_tx_cut(weft_tx *tx, struct weft_tx_mark mark)
{
    if (tx->state == TX_ENDED || mark.statements < tx->n_sent) return false;
    tx->statements.n = mark.statements - tx->n_sent;
    tx->rows.n = mark.rows;
    tx->drops.n = mark.drops;
    tx->fault = (struct weft_fault){ 0 };
    tx->outcome = (struct weft_tx_outcome){ .owner = UINT32_MAX };
    return true;
}

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

static void tx_end(weft_tx *tx)
{
    tx->state = TX_ENDED;
    if (tx->session != NULL) weft_store_release(tx->session);
    tx->session = NULL;
}

static void tx_log(const weft_tx *tx)
{
    weft_failure_log(tx->outcome.status, tx->outcome.text, tx->store->service, tx->work);
}

/* A run failed: the plugin has rolled back. Statements tell whose it was; a lost connection is nobody's. */
static weft_status tx_break(weft_tx *tx, int32_t rc, const struct weft_result *result, size_t n)
{
    const bool blamed = (rc == WEFT_RC_CONFLICT || rc == WEFT_RC_INVALID) && result->failed < n;
    const struct tx_statement *failed = (struct tx_statement *)tx->statements.items + (blamed ? result->failed : 0);
    const struct weft_failure failure = {
        .rc = rc, .result = result, .sql = blamed ? failed->statement.sql : NULL, .rules = tx->rules
    };
    weft_failure_tell(&failure, &tx->fault);
    tx_note(tx, rc, result->reason, blamed ? failed->owner : UINT32_MAX);
    tx->outcome.sent = true;
    weft_failure_describe(&failure, tx->outcome.text, sizeof tx->outcome.text);
    tx_log(tx);
    tx_end(tx);
    return tx->fault.status;
}

/* Nothing was sent: no session could be had. What refuses us is no matter of the client's permissions. */
static weft_status tx_stay(weft_tx *tx, const struct weft_fault *fault)
{
    const weft_status status = fault->status == WEFT_PERMISSION_DENIED ? WEFT_UNAVAILABLE : fault->status;
    weft_fault_set(&tx->fault, status, "%s",
                   status == WEFT_RESOURCE_EXHAUSTED ? "all sessions of the store are busy; try again later"
                                                     : "the store is away; nothing was changed, try again later");
    tx_note(tx, WEFT_RC_UNAVAILABLE, WEFT_REASON_NONE, UINT32_MAX);
    memcpy(tx->outcome.text, fault->text, sizeof tx->outcome.text);
    tx_log(tx);
    tx_end(tx);
    return status;
}

static weft_status tx_late(weft_tx *tx)
{
    weft_tx_fail(tx, WEFT_DEADLINE_EXCEEDED, "the deadline passed before the store was asked; nothing was changed");
    tx->outcome.rc = WEFT_RC_TIMEOUT;
    tx->outcome.owner = UINT32_MAX;
    return tx->fault.status;
}

/* Sends the queue as one run, BEGIN before it if need be; `flags` go to its last statement. */
static weft_status tx_send(weft_tx *tx, uint32_t flags, struct weft_result *ret_result)
{
    if (tx->work != NULL) weft_work_wait(tx->work);
    if (weft_clock_ns() >= tx->deadline_ns) return tx_late(tx);
    struct weft_fault fault;
    if (tx->session == NULL &&
        weft_store_acquire(tx->store, tx->purpose, tx->deadline_ns, &tx->session, &fault) != WEFT_OK)
        return tx_stay(tx, &fault);
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
    if (rc != WEFT_RC_OK) return tx_break(tx, rc, ret_result, n);
    tx->state = TX_OPEN;
    tx->n_sent += n;
    tx->statements.n = 0;
    return WEFT_OK;
}

weft_status weft_tx_read(weft_tx *tx, const struct weft_statement *reads, size_t n, const struct weft_rowset **ret_sets)
{
    const uint32_t before = tx->statements.n;
    for (size_t i = 0; i < n && !tx_failed(tx); i++) {
        struct weft_statement read = reads[i];
        read.flags |= WEFT_STATEMENT_ROWS;
        tx_add(tx, read, tx->owner);
    }
    if (tx_failed(tx)) return tx->fault.status;
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

static void tx_add_row(weft_tx *tx, const struct tx_row *added)
{
    const struct weft_outbox_row *row = &added->row;
    const struct weft_value values[TX_OUTBOX_PARAMS] = {
        weft_text(row->event_id),
        weft_text(row->type),
        weft_text(row->topic),
        weft_text(row->routing_key),
        weft_text(row->key),
        weft_text(row->content_type),
        weft_text(row->schema),
        weft_text(row->correlation_id),
        weft_text(row->causation_id),
        weft_text(row->traceparent),
        weft_text(row->tracestate),
        weft_time_us(row->occurred_us),
        weft_bytes(row->payload, row->payload_size),
    };
    struct weft_value *params = weft_arena_copy(tx->arena, values, sizeof values);
    tx_add(tx, (struct weft_statement){ tx->store->dialect->outbox_insert, params, TX_OUTBOX_PARAMS, 0 }, added->owner);
}

static void tx_add_notify(weft_tx *tx)
{
    static const char channel[] = "weft_outbox";
    const char *notify = tx->store->dialect->notify;
    if (notify == NULL || __atomic_load_n(&tx->store->notify_others, __ATOMIC_RELAXED) == 0) return;
    const struct weft_value param = weft_text(channel);
    const struct weft_value *params = weft_arena_copy(tx->arena, &param, sizeof param);
    tx_add(tx, (struct weft_statement){ notify, params, 1, 0 }, UINT32_MAX);
}

static void tx_commit(weft_tx *tx)
{
    const struct tx_row *rows = tx->rows.items;
    for (uint32_t i = 0; i < tx->rows.n; i++)
        tx_add_row(tx, &rows[i]);
    if (tx->rows.n > 0) tx_add_notify(tx);
    if (tx->statements.n == 0)
        tx_add(tx, (struct weft_statement){ NULL, NULL, 0, 0 }, UINT32_MAX); /* open: a mere COMMIT */
    struct weft_result result;
    if (tx_failed(tx) || tx_send(tx, WEFT_STATEMENT_COMMIT, &result) != WEFT_OK) return;
    tx_end(tx);
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
    tx_end(tx);
}

weft_status weft_tx_commit(weft_tx *tx, struct weft_tx_outcome *ret_outcome)
{
    if (!tx_failed(tx) && !weft_tx_empty(tx)) tx_commit(tx);
    if (tx->state != TX_ENDED) weft_tx_rollback(tx);
    if (ret_outcome != NULL) *ret_outcome = tx->outcome;
    return tx->fault.status;
}
