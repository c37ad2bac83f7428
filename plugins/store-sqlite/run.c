/* run.c - a batch of statements: the writer's turn, the statements one by one, and what happens when one fails. */
#include "failure.h"
#include "result.h"
#include "session.h"

struct run {
    struct weft_sqlite_session *session;
    struct weft_sqlite_connection *connection;
    struct weft_result *result;
    const char *why; /* a text of our own about the failure, or NULL */
};

/* ---- one statement ----------------------------------------------------------------------------------------------- */

static int run_step(struct run *run, sqlite3_stmt *handle, bool rows, struct weft_rowset *set)
{
    const sqlite3_int64 before = sqlite3_total_changes64(run->connection->db);
    int code;
    if (rows)
        code = weft_sqlite_rows_read(handle, &run->session->bump, set);
    else
        while ((code = sqlite3_step(handle)) == SQLITE_ROW) {
        }
    if (run->session->bump.full) run->why = "the result is larger than the option max_result allows";
    /* sqlite3_changes64() keeps its value over statements that change no rows. */
    if (code == SQLITE_DONE && sqlite3_total_changes64(run->connection->db) != before)
        set->affected = sqlite3_changes64(run->connection->db);
    return code == SQLITE_DONE ? SQLITE_OK : code;
}

static int run_prepared(struct run *run, const struct weft_statement *statement, struct weft_rowset *set)
{
    struct weft_sqlite_statements *statements = &run->connection->statements;
    struct weft_sqlite_prepared *prepared = NULL;
    const bool once = (statement->flags & WEFT_STATEMENT_ONCE) != 0;
    int code = weft_sqlite_prepare(statements, statement->sql, once, &prepared, &run->why);
    if (code != SQLITE_OK) return code;
    code = weft_sqlite_bind(prepared, statement->params, statement->n_params, &run->session->bump, &run->why);
    if (code == SQLITE_OK && prepared->handle != NULL)
        code = run_step(run, prepared->handle, (statement->flags & WEFT_STATEMENT_ROWS) != 0, set);
    if (code != SQLITE_OK && run->why == NULL) /* resetting says it anew, finalizing does not */
        run->why = weft_bump_text(&run->session->bump, sqlite3_errmsg(run->connection->db));
    weft_sqlite_release(statements, prepared);
    return code;
}

static int run_script(struct run *run, const char *sql)
{
    int code = SQLITE_OK;
    while (code == SQLITE_OK && sql[0] != 0) {
        sqlite3_stmt *handle = NULL;
        code = sqlite3_prepare_v2(run->connection->db, sql, -1, &handle, &sql);
        struct weft_rowset none = { 0 };
        if (code == SQLITE_OK && handle != NULL) code = run_step(run, handle, false, &none);
        if (code != SQLITE_OK) run->why = weft_bump_text(&run->session->bump, sqlite3_errmsg(run->connection->db));
        sqlite3_finalize(handle);
    }
    return code;
}

static int run_begin(struct run *run)
{
    if (run->session->in_transaction) {
        run->why = "a transaction is open already";
        return SQLITE_MISUSE;
    }
    const int code = weft_sqlite_connection_step(run->connection, run->connection->begin);
    run->session->in_transaction = code == SQLITE_OK;
    return code;
}

static int run_sql(struct run *run, const struct weft_statement *statement, struct weft_rowset *set)
{
    if (statement->sql == NULL) return SQLITE_OK;
    int code;
    if ((statement->flags & WEFT_STATEMENT_SCRIPT) != 0)
        code = run_script(run, statement->sql);
    else
        code = run_prepared(run, statement, set);
    if (code == SQLITE_OK && !run->session->in_transaction && !sqlite3_get_autocommit(run->connection->db)) {
        run->why = "the text begins a transaction (a savepoint outside of one)";
        return SQLITE_MISUSE;
    }
    return code;
}

static int run_commit(struct run *run)
{
    if (!run->session->in_transaction) {
        run->why = "no transaction is open";
        return SQLITE_MISUSE;
    }
    const int code = weft_sqlite_connection_step(run->connection, run->connection->commit);
    if (code == SQLITE_OK) run->session->in_transaction = false;
    return code;
}

/* ---- the batch --------------------------------------------------------------------------------------------------- */

void weft_sqlite_session_end(struct weft_sqlite_session *session)
{
    session->in_transaction = false;
    weft_sqlite_connection_rollback(&session->reader);
    if (!session->holds_writer) return;
    weft_sqlite_connection_rollback(&session->store->writer.connection);
    session->holds_writer = false;
    weft_sqlite_writer_give(&session->store->writer);
}

/* Ends the run at statement `i`: rolls back, and says whether the session can go on. */
static int32_t run_fail(struct run *run, int code, uint32_t i, bool committing)
{
    struct weft_sqlite_session *session = run->session;
    run->result->failed = i;
    const int32_t rc = weft_sqlite_failure(run->connection, code, run->why, committing, &session->bump, run->result);
    session->lost = rc == WEFT_RC_UNAVAILABLE || rc == WEFT_RC_TIMEOUT || rc == WEFT_RC_MAYBE_SENT;
    if (session->holds_writer && rc != WEFT_RC_TIMEOUT) session->store->writer.suspect |= session->lost;
    weft_sqlite_session_end(session);
    return rc;
}

static int32_t run_all(struct run *run, const struct weft_statement *statements, size_t n, struct weft_rowset *sets)
{
    for (size_t i = 0; i < n; i++) {
        const uint32_t flags = statements[i].flags;
        sets[i] = (struct weft_rowset){ 0 };
        int code = SQLITE_OK;
        if (weft_sqlite_watch_over(&run->session->watch)) code = SQLITE_INTERRUPT;
        if (code == SQLITE_OK && (flags & WEFT_STATEMENT_BEGIN) != 0) code = run_begin(run);
        if (code == SQLITE_OK) code = run_sql(run, &statements[i], &sets[i]);
        if (code != SQLITE_OK) return run_fail(run, code, (uint32_t)i, false);
        run->result->n_sets = (uint32_t)i + 1;
        if ((flags & WEFT_STATEMENT_COMMIT) != 0 && (code = run_commit(run)) != SQLITE_OK)
            return run_fail(run, code, (uint32_t)n, true);
        if ((flags & WEFT_STATEMENT_ROLLBACK) == 0) continue;
        weft_sqlite_connection_rollback(run->connection);
        run->session->in_transaction = false;
    }
    return WEFT_RC_OK;
}

/* The connection this run uses: the session's own, or the writer's once it is our turn. */
static int32_t run_connect(struct run *run)
{
    struct weft_sqlite_session *session = run->session;
    struct weft_sqlite_store *store = session->store;
    run->connection = session->purpose == WEFT_SESSION_READER ? &session->reader : &store->writer.connection;
    if (session->purpose != WEFT_SESSION_READER && !session->holds_writer) {
        struct weft_error error = { 0 };
        const int32_t rc = weft_sqlite_writer_take(store, &session->turn, &session->watch, &error);
        if (rc != WEFT_RC_OK) {
            run->result->text = weft_bump_text(&session->bump, error.text);
            session->lost = true;
            return rc == WEFT_RC_REFUSED ? WEFT_RC_UNAVAILABLE : rc;
        }
        session->holds_writer = true;
        /* What the relay commits may be lost: it need not wait for the disk. */
        const int64_t normal = 1, configured = store->options->synchronous;
        weft_sqlite_connection_synchronous(run->connection,
                                           session->purpose == WEFT_SESSION_RELAY ? normal : configured);
    }
    run->connection->watch = &session->watch;
    return WEFT_RC_OK;
}

int32_t weft_sqlite_run(void *self, const struct weft_statement *statements, size_t n, struct weft_result *ret_result,
                        uint64_t deadline_ns)
{
    struct weft_sqlite_session *session = self;
    struct run run = { .session = session, .result = ret_result };
    *ret_result = (struct weft_result){ 0 };
    if (session->lost) {
        ret_result->text = "the session is lost: close it and open another";
        return WEFT_RC_CLOSED;
    }
    weft_bump_reset(&session->bump);
    struct weft_rowset *sets = weft_bump_alloc(&session->bump, (n + 1) * sizeof *sets);
    if (sets == NULL) {
        ret_result->text = "more statements than memory";
        weft_sqlite_session_end(session);
        return WEFT_RC_INVALID;
    }
    ret_result->sets = sets;
    session->watch.deadline_ns = deadline_ns;
    atomic_store_explicit(&session->watch.cancelled, false, memory_order_relaxed);
    const int32_t rc = run_connect(&run);
    if (rc != WEFT_RC_OK) return rc;
    const int32_t ended = run_all(&run, statements, n, sets);
    if (ended == WEFT_RC_OK) {
        run.connection->watch = NULL;
        if (!session->in_transaction) weft_sqlite_session_end(session);
    }
    return ended;
}
