/* script.c - several statements in one text: the simple protocol, outside the pipeline. */
#include "run_state.h"

#include <poll.h>
#include <string.h>

/* The script with the BEGIN and COMMIT that its flags ask for: one round trip as well. */
static const char *script_text(struct run *run, const struct weft_statement *statement)
{
    static const char begin[] = "BEGIN;\n",
                      commit[] = "\n;COMMIT"; /* on a line of its own: a comment may end the text */
    if ((statement->flags & (WEFT_STATEMENT_BEGIN | WEFT_STATEMENT_COMMIT)) == 0) return statement->sql;
    char *text = weft_bump_alloc(&run->session->bump, strlen(statement->sql) + sizeof begin + sizeof commit);
    if (text == NULL) return NULL;
    text[0] = '\0';
    if (statement->flags & WEFT_STATEMENT_BEGIN) strcpy(text, begin);
    strcat(text, statement->sql);
    if (statement->flags & WEFT_STATEMENT_COMMIT) strcat(text, commit);
    return text;
}

static int32_t script_read(struct run *run, uint32_t index)
{
    PGconn *connection = run->session->connection;
    for (;;) {
        while (PQisBusy(connection)) {
            int32_t rc = pg_session_poll(run->session, POLLIN, run->deadline_ns);
            if (rc != WEFT_RC_OK) return pg_run_lose(run, rc, "the script did not end within its deadline");
            if (!PQconsumeInput(connection))
                return pg_run_lose(run, WEFT_RC_UNAVAILABLE, "the connection to PostgreSQL was lost");
        }
        PGresult *result = PQgetResult(connection);
        if (result == NULL) return run->failure.rc;
        if (!pg_session_keep(run->session, result)) return pg_run_lose(run, WEFT_RC_UNAVAILABLE, "out of memory");
        if (PQresultStatus(result) == PGRES_FATAL_ERROR) pg_run_result_failed(run, index, result);
    }
}

/* Several statements in one text: the simple protocol, outside the pipeline. */
int32_t pg_run_script(struct run *run, uint32_t index)
{
    PGconn *connection = run->session->connection;
    const struct weft_statement *statement = &run->statements[index];
    const char *text = script_text(run, statement);
    if (text == NULL) return pg_run_fail(run, index, WEFT_RC_INVALID, "the script takes too much memory");
    bool open = PQtransactionStatus(connection) == PQTRANS_INTRANS || (statement->flags & WEFT_STATEMENT_BEGIN) != 0;
    if (statement->flags & WEFT_STATEMENT_COMMIT) open = false;
    run->commits = !open;
    run->flushed = false;
    if (!PQexitPipelineMode(connection) || !PQsendQuery(connection, text))
        return pg_run_lose(run, WEFT_RC_UNAVAILABLE, "the connection to PostgreSQL was lost");
    int32_t rc = pg_run_flush(run);
    if (rc == WEFT_RC_OK) rc = script_read(run, index);
    if (rc == WEFT_RC_OK && PQtransactionStatus(connection) != (open ? PQTRANS_INTRANS : PQTRANS_IDLE))
        rc = pg_run_fail(run, index, WEFT_RC_INVALID, "the script begins or ends a transaction");
    if (rc == WEFT_RC_OK) run->n_sets = index + 1;
    if (!run->session->lost && !PQenterPipelineMode(connection)) run->session->lost = true;
    return rc;
}
