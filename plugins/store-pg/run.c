/* run.c - a batch of statements as one pipeline.
 *
 * Sending: every statement is bound to its prepared form; a text met for the first time is parsed in the same pipeline,
 * which costs no round trip. Then one Sync, one flush. Reading: one result a step, in order, up to the Sync.
 *
 * A batch that begins and ends its transaction, or has none, goes without BEGIN and COMMIT: all before the Sync is one
 * transaction, committed by it, undone by the first failure. */
#include "run_state.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/eventfd.h>

int32_t pg_run_fail(struct run *run, uint32_t index, int32_t rc, const char *text)
{
    if (run->failure.rc == WEFT_RC_OK) {
        run->failure = (struct pg_failure){ .rc = rc, .text = text };
        run->failed = index;
    }
    return run->failure.rc;
}

/* The connection is of no more use. What had a commit on its way may have been done. */
int32_t pg_run_lose(struct run *run, int32_t rc, const char *text)
{
    run->session->lost = true;
    if (run->commits && run->flushed) rc = WEFT_RC_MAYBE_SENT;
    return pg_run_fail(run, run->n_sets, rc, text);
}

/* ---- sending -------------------------------------------------------------------------------------------------------
 */

static void step_add(struct run *run, struct step step)
{
    run->steps[run->n_steps++] = step;
}

/* The text's prepared form, with its Parse put before if it has none yet. NULL: nothing can be sent. */
static struct pg_statement *prepare(struct run *run, uint32_t index, const char *sql)
{
    PGconn *connection = run->session->connection;
    char evicted[PG_STATEMENT_NAME] = "";
    struct pg_statement *statement = pg_statement_find(&run->session->statements, sql, evicted);
    if (statement == NULL || statement->state != PG_STATEMENT_NEW) return statement;
    if (evicted[0] != '\0') {
        char deallocate[PG_STATEMENT_NAME + sizeof "DEALLOCATE "];
        snprintf(deallocate, sizeof deallocate, "DEALLOCATE %s", evicted);
        if (!PQsendQueryParams(connection, deallocate, 0, NULL, NULL, NULL, NULL, 0)) return NULL;
        step_add(run, (struct step){ STEP_CONTROL, index, 1, NULL, "DEALLOCATE" });
    }
    if (!PQsendPrepare(connection, statement->name, sql, 0, NULL)) return NULL;
    statement->state = PG_STATEMENT_SENT;
    step_add(run, (struct step){ STEP_PREPARE, index, 1, statement, NULL });
    return statement;
}

/* Parameters in libpq's form, those of several rows one after the other. It copies what it is given. */
struct bound {
    const char **values;
    int *lengths, *formats;
    int n;
};

static bool bound_make(struct run *run, struct pg_param *const *rows, size_t n_rows, uint32_t n_params,
                       struct bound *ret_bound)
{
    const size_t n = n_rows * n_params;
    char *memory = weft_bump_alloc(&run->session->bump, n * (sizeof(char *) + 2 * sizeof(int)) + 1);
    if (memory == NULL) return false;
    const char **values = (const char **)(void *)memory;
    int *lengths = (int *)(void *)(memory + n * sizeof(char *));
    *ret_bound = (struct bound){ values, lengths, lengths + n, (int)n };
    for (size_t i = 0; i < n; i++) {
        const struct pg_param *param = &rows[i / n_params][i % n_params];
        values[i] = param->value;
        lengths[i] = param->length;
        ret_bound->formats[i] = param->format;
    }
    return true;
}

static int32_t send_bound(struct run *run, uint32_t index, const struct weft_statement *wanted,
                          struct pg_param *const *rows, size_t n_rows)
{
    PGconn *connection = run->session->connection;
    struct bound bound;
    if (!bound_make(run, rows, n_rows, wanted->n_params, &bound))
        return pg_run_lose(run, WEFT_RC_UNAVAILABLE, "out of memory");
    struct pg_statement *statement = NULL;
    if (!(wanted->flags & WEFT_STATEMENT_ONCE)) {
        statement = prepare(run, index, wanted->sql);
        if (statement == NULL) return pg_run_lose(run, WEFT_RC_UNAVAILABLE, "the connection to PostgreSQL was lost");
    }
    int sent =
        statement == NULL
            ? PQsendQueryParams(connection, wanted->sql, bound.n, NULL, bound.values, bound.lengths, bound.formats, 0)
            : PQsendQueryPrepared(connection, statement->name, bound.n, bound.values, bound.lengths, bound.formats, 0);
    return sent ? WEFT_RC_OK : pg_run_lose(run, WEFT_RC_UNAVAILABLE, "the connection to PostgreSQL was lost");
}

static int32_t send_control(struct run *run, uint32_t index, const char *tag)
{
    const struct weft_statement control = { tag, NULL, 0, 0 };
    int32_t rc = send_bound(run, index, &control, NULL, 0);
    if (rc == WEFT_RC_OK) step_add(run, (struct step){ STEP_CONTROL, index, 1, NULL, tag });
    return rc;
}

/* Is it sure to change nothing? Then losing the connection leaves nothing in doubt. */
static bool only_reads(const char *sql)
{
    sql += strspn(sql, " \n\t");
    return strncasecmp(sql, "SELECT", 6) == 0;
}

/* The statement itself, perhaps with equal ones that follow. */
static int32_t send_sql(struct run *run, uint32_t index, uint32_t *ret_count)
{
    struct weft_statement wanted = run->statements[index];
    *ret_count = (uint32_t)pg_run_merges(run, index, &wanted.sql);
    int32_t rc = send_bound(run, index, &wanted, &run->params[index], *ret_count);
    if (rc == WEFT_RC_OK) step_add(run, (struct step){ STEP_STATEMENT, index, *ret_count, NULL, NULL });
    if (run->implicit && !only_reads(wanted.sql)) run->commits = true;
    return rc;
}

/* *ret_count: how many statements have gone with this. The last of them may be the one that commits. */
static int32_t send_statement(struct run *run, uint32_t index, uint32_t *ret_count)
{
    const struct weft_statement *statement = &run->statements[index];
    int32_t rc = WEFT_RC_OK;
    *ret_count = 1;
    if ((statement->flags & WEFT_STATEMENT_BEGIN) && !run->implicit) rc = send_control(run, index, "BEGIN");
    if (rc == WEFT_RC_OK && statement->sql != NULL) rc = send_sql(run, index, ret_count);
    const uint32_t flags = run->statements[index + *ret_count - 1].flags;
    if (rc == WEFT_RC_OK && (flags & WEFT_STATEMENT_ROLLBACK)) rc = send_control(run, index, "ROLLBACK");
    if (rc == WEFT_RC_OK && (flags & WEFT_STATEMENT_COMMIT)) {
        run->commits = true;
        if (!run->implicit) rc = send_control(run, index, "COMMIT");
    }
    return rc;
}

int32_t pg_run_flush(struct run *run)
{
    PGconn *connection = run->session->connection;
    int left;
    while ((left = PQflush(connection)) > 0) {
        int32_t rc = pg_session_poll(run->session, POLLIN | POLLOUT, run->deadline_ns);
        if (rc != WEFT_RC_OK) return pg_run_lose(run, rc, "the statement was not sent within its deadline");
        if (!PQconsumeInput(connection)) break;
    }
    if (left != 0) return pg_run_lose(run, WEFT_RC_UNAVAILABLE, "the connection to PostgreSQL was lost");
    run->flushed = true;
    return WEFT_RC_OK;
}

/* ---- reading -------------------------------------------------------------------------------------------------------
 */

/* The next result that is one; libpq puts a NULL between those of two commands. */
static int32_t next_result(struct run *run, PGresult **ret_result)
{
    PGconn *connection = run->session->connection;
    for (;;) {
        while (PQisBusy(connection)) {
            int32_t rc = pg_session_poll(run->session, POLLIN, run->deadline_ns);
            if (rc == WEFT_RC_TIMEOUT) return pg_run_lose(run, rc, "the statement did not end within its deadline");
            if (rc != WEFT_RC_OK || !PQconsumeInput(connection))
                return pg_run_lose(run, WEFT_RC_UNAVAILABLE, "the connection to PostgreSQL was lost");
        }
        *ret_result = PQgetResult(connection);
        if (*ret_result != NULL) return WEFT_RC_OK;
        if (PQstatus(connection) == CONNECTION_BAD)
            return pg_run_lose(run, WEFT_RC_UNAVAILABLE, "the connection to PostgreSQL was lost");
    }
}

void pg_run_result_failed(struct run *run, uint32_t index, const PGresult *result)
{
    struct pg_failure failure;
    pg_failure_of_result(&run->session->bump, result, &failure);
    if (run->failure.rc != WEFT_RC_OK) return;
    run->failure = failure;
    run->failed = index;
    /* The server is about to close, or a cached plan no longer fits: a fresh session heals both. */
    if (failure.rc == WEFT_RC_UNAVAILABLE) run->session->lost = true;
}

static void result_take(struct run *run, const struct step *step, PGresult *result)
{
    const struct weft_statement *statement = &run->statements[step->index];
    switch (step->kind) {
    case STEP_PREPARE:
        step->statement->state = PG_STATEMENT_PREPARED;
        break;
    case STEP_STATEMENT:
        if (pg_rowset_make(&run->session->bump, result, (statement->flags & WEFT_STATEMENT_ROWS) != 0,
                           &run->sets[step->index]))
            run->n_sets = step->index + step->count;
        else
            pg_run_fail(run, step->index, WEFT_RC_INVALID, "a value of the result cannot be read");
        break;
    case STEP_CONTROL:
        /* COMMIT of a failed transaction answers ROLLBACK. */
        if (strcmp(PQcmdStatus(result), step->tag) != 0)
            pg_run_fail(run, (uint32_t)run->n, WEFT_RC_INVALID, "the transaction had failed and was rolled back");
        if (statement->sql == NULL) run->n_sets = step->index + 1;
        break;
    case STEP_SYNC:
        break;
    }
}

static bool is_commit(const struct step *step)
{
    return step->kind == STEP_SYNC || (step->kind == STEP_CONTROL && strcmp(step->tag, "COMMIT") == 0);
}

/* Reads what belongs to the steps. A failed step makes the server skip the others up to the Sync, which still answers.
 */
static int32_t read_steps(struct run *run)
{
    for (size_t at = 0; at < run->n_steps;) {
        const struct step *step = &run->steps[at];
        PGresult *result;
        if (next_result(run, &result) != WEFT_RC_OK) return run->failure.rc;
        if (!pg_session_keep(run->session, result)) return pg_run_lose(run, WEFT_RC_UNAVAILABLE, "out of memory");
        switch (PQresultStatus(result)) {
        case PGRES_COMMAND_OK:
        case PGRES_TUPLES_OK:
            result_take(run, step, result);
            break;
        case PGRES_PIPELINE_ABORTED:
        case PGRES_PIPELINE_SYNC:
            break;
        default:
            if (run->failure.rc == WEFT_RC_OK) run->blamed = step->count;
            pg_run_result_failed(run, is_commit(step) ? (uint32_t)run->n : step->index, result);
            /* The server ends the session at its commit, before or after it. */
            if (run->commits && is_commit(step) && run->failure.rc == WEFT_RC_UNAVAILABLE)
                run->failure.rc = WEFT_RC_MAYBE_SENT;
            if (step->kind == STEP_SYNC) continue; /* a deferred constraint: the Sync itself is still to come */
        }
        at++;
    }
    return run->failure.rc;
}

/* ---- a run ---------------------------------------------------------------------------------------------------------
 */

int32_t pg_run_pipeline(struct run *run, size_t from, size_t to)
{
    run->n_steps = 0;
    run->commits = run->flushed = false;
    int32_t rc = WEFT_RC_OK;
    for (uint32_t i = (uint32_t)from, count; i < to && rc == WEFT_RC_OK; i += count)
        rc = send_statement(run, i, &count);
    if (rc == WEFT_RC_OK && !PQpipelineSync(run->session->connection))
        rc = pg_run_lose(run, WEFT_RC_UNAVAILABLE, "the connection to PostgreSQL was lost");
    if (rc == WEFT_RC_OK) {
        step_add(run, (struct step){ STEP_SYNC, (uint32_t)to - 1, 1, NULL, NULL });
        rc = pg_run_flush(run);
    }
    if (rc == WEFT_RC_OK) rc = read_steps(run);
    if (rc != WEFT_RC_OK) pg_statements_settle(&run->session->statements);
    return rc;
}

/* After a failure inside an explicit transaction: the session is to be outside one. */
static void roll_back(struct run *run)
{
    if (run->session->lost || PQtransactionStatus(run->session->connection) == PQTRANS_IDLE) return;
    const struct weft_statement rollback = { NULL, NULL, 0, WEFT_STATEMENT_ROLLBACK };
    struct step steps[10];
    struct run undo = {
        .session = run->session, .statements = &rollback, .n = 1, .deadline_ns = run->deadline_ns, .steps = steps
    };
    if (undo.deadline_ns < pg_now_ns() + 1000000000u) undo.deadline_ns = pg_now_ns() + 1000000000u;
    if (pg_run_pipeline(&undo, 0, 1) != WEFT_RC_OK) run->session->lost = true;
}

static bool is_implicit(const struct pg_session *session, const struct weft_statement *statements, size_t n)
{
    enum { CONTROL = WEFT_STATEMENT_BEGIN | WEFT_STATEMENT_COMMIT | WEFT_STATEMENT_ROLLBACK };
    if (session->in_transaction) return false;
    for (size_t i = 0; i < n; i++) {
        uint32_t control = statements[i].flags & CONTROL;
        if (statements[i].flags & WEFT_STATEMENT_SCRIPT) return false;
        if (i == 0) control &= ~(uint32_t)WEFT_STATEMENT_BEGIN;
        if (i == n - 1) control &= ~(uint32_t)WEFT_STATEMENT_COMMIT;
        if (control != 0) return false;
    }
    return ((statements[0].flags & WEFT_STATEMENT_BEGIN) != 0) ==
           ((statements[n - 1].flags & WEFT_STATEMENT_COMMIT) != 0);
}

static int32_t run_all(struct run *run)
{
    size_t from = 0;
    for (size_t i = 0; i < run->n; i++) {
        if (!(run->statements[i].flags & WEFT_STATEMENT_SCRIPT)) continue;
        if (i > from && pg_run_pipeline(run, from, i) != WEFT_RC_OK) return run->failure.rc;
        if (pg_run_script(run, (uint32_t)i) != WEFT_RC_OK) return run->failure.rc;
        from = i + 1;
    }
    return from < run->n ? pg_run_pipeline(run, from, run->n) : run->failure.rc;
}

/* A session that rested in a pool may have lost its server meanwhile. Known before anything is sent, that is a plain
 * "unavailable"; found out afterwards it would leave a commit in doubt. One system call, and none for a busy session.
 */
static bool died_at_rest(struct pg_session *session)
{
    enum { REST_NS = 100000000 };
    uint64_t now = pg_now_ns();
    if (now - session->used_ns < REST_NS) return false;
    struct pollfd fd = { PQsocket(session->connection), POLLRDHUP, 0 };
    return poll(&fd, 1, 0) > 0 && (fd.revents & (POLLRDHUP | POLLHUP | POLLERR | POLLNVAL)) != 0;
}

int32_t pg_run_open(struct run *run)
{
    struct pg_session *session = run->session;
    run->sets = weft_bump_alloc(&session->bump, run->n * sizeof *run->sets);
    /* a statement is at most DEALLOCATE, PREPARE and itself, with the same for BEGIN and COMMIT; and a Sync */
    run->steps = weft_bump_alloc(&session->bump, (9 * run->n + 1) * sizeof *run->steps);
    if (run->sets == NULL || run->steps == NULL)
        return pg_run_fail(run, 0, WEFT_RC_INVALID, "the batch takes too much memory");
    memset(run->sets, 0, run->n * sizeof *run->sets);
    uint32_t wrong_at = 0;
    const char *wrong = pg_batch_check(session, run->statements, run->n, &run->params, &wrong_at);
    if (wrong != NULL) return pg_run_fail(run, wrong_at, WEFT_RC_INVALID, wrong);
    run->implicit = is_implicit(session, run->statements, run->n);
    return WEFT_RC_OK;
}

/* A statement that stood for several has failed, and the transaction is undone: once more, each for itself, so that it
 * shows which it is. */
static bool run_starts_over(struct run *run)
{
    const bool statement = run->failure.rc == WEFT_RC_CONFLICT || run->failure.rc == WEFT_RC_INVALID ||
                           run->failure.reason == WEFT_REASON_LOCK_TIMEOUT;
    if (!statement || run->blamed < 2 || run->session->lost) return false;
    run->apart = true;
    run->failure = (struct pg_failure){ .rc = WEFT_RC_OK };
    run->n_sets = run->failed = run->blamed = 0;
    return true;
}

/* Checks the batch, then sends it. */
static int32_t run_start(struct run *run)
{
    struct pg_session *session = run->session;
    if (pg_run_open(run) != WEFT_RC_OK) return run->failure.rc;
    if (pg_now_ns() >= run->deadline_ns)
        return pg_run_lose(run, WEFT_RC_TIMEOUT, "the deadline has passed before anything was sent");
    if (died_at_rest(session)) return pg_run_lose(run, WEFT_RC_UNAVAILABLE, "PostgreSQL has closed the connection");
    pg_run_look(run);
    if (session->lost)
        return pg_run_lose(run, pg_now_ns() >= run->deadline_ns ? WEFT_RC_TIMEOUT : WEFT_RC_UNAVAILABLE,
                           "the connection to PostgreSQL was lost before anything was sent");
    int32_t rc = run_all(run);
    if (rc != WEFT_RC_OK && run_starts_over(run)) rc = run_all(run);
    session->used_ns = pg_now_ns();
    return rc;
}

int32_t pg_run(void *self, const struct weft_statement *statements, size_t n, struct weft_result *ret_result,
               uint64_t deadline_ns)
{
    struct pg_session *session = self;
    *ret_result = (struct weft_result){ 0 };
    if (session->lost) {
        ret_result->text = "the session is lost: close it and open another";
        return WEFT_RC_CLOSED;
    }
    if (n == 0) return WEFT_RC_OK;
    pg_session_reset(session);
    atomic_store_explicit(&session->cancelled, false, memory_order_relaxed); /* meant for an earlier run */
    struct run run = { .session = session, .statements = statements, .n = n, .deadline_ns = deadline_ns };
    if (run_start(&run) == WEFT_RC_OK)
        run.n_sets = (uint32_t)n;
    else
        roll_back(&run);
    session->in_transaction = !session->lost && PQtransactionStatus(session->connection) == PQTRANS_INTRANS;
    *ret_result = (struct weft_result){ .sets = run.sets,
                                        .n_sets = run.n_sets,
                                        .failed = run.failed,
                                        .reason = run.failure.reason,
                                        .constraint = run.failure.constraint,
                                        .text = run.failure.text };
    return run.failure.rc;
}

void pg_cancel(void *self)
{
    struct pg_session *session = self;
    atomic_store_explicit(&session->cancelled, true, memory_order_release); /* pairs with pg_session_poll */
    eventfd_write(session->wake_fd, 1);
}
