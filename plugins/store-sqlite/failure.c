/* failure.c - the table of codes (sqlite.org/rescode.html). */
#include "failure.h"

#include <string.h>

static const struct {
    int code;
    int32_t rc;
    uint32_t reason;
} meanings[] = {
    { SQLITE_CONSTRAINT_UNIQUE, WEFT_RC_CONFLICT, WEFT_REASON_UNIQUE },
    { SQLITE_CONSTRAINT_PRIMARYKEY, WEFT_RC_CONFLICT, WEFT_REASON_UNIQUE },
    { SQLITE_CONSTRAINT_ROWID, WEFT_RC_CONFLICT, WEFT_REASON_UNIQUE },
    { SQLITE_CONSTRAINT_FOREIGNKEY, WEFT_RC_CONFLICT, WEFT_REASON_FOREIGN_KEY },
    { SQLITE_CONSTRAINT_CHECK, WEFT_RC_CONFLICT, WEFT_REASON_CHECK },
    { SQLITE_CONSTRAINT_NOTNULL, WEFT_RC_CONFLICT, WEFT_REASON_NOT_NULL },
    { SQLITE_CONSTRAINT_DATATYPE, WEFT_RC_INVALID, WEFT_REASON_BAD_VALUE },
    { SQLITE_MISMATCH, WEFT_RC_INVALID, WEFT_REASON_BAD_VALUE },
    { SQLITE_TOOBIG, WEFT_RC_INVALID, WEFT_REASON_BAD_VALUE },
    /* Not waited for to the deadline: SQLite saw that waiting cannot help. */
    { SQLITE_BUSY, WEFT_RC_RETRY, WEFT_REASON_LOCK_TIMEOUT },
    { SQLITE_LOCKED, WEFT_RC_RETRY, WEFT_REASON_LOCK_TIMEOUT },
    { SQLITE_INTERRUPT, WEFT_RC_TIMEOUT, WEFT_REASON_NONE },
    { SQLITE_FULL, WEFT_RC_UNAVAILABLE, WEFT_REASON_NONE },
    { SQLITE_IOERR, WEFT_RC_UNAVAILABLE, WEFT_REASON_NONE },
    { SQLITE_CANTOPEN, WEFT_RC_UNAVAILABLE, WEFT_REASON_NONE },
    { SQLITE_PROTOCOL, WEFT_RC_UNAVAILABLE, WEFT_REASON_NONE },
    { SQLITE_NOMEM, WEFT_RC_UNAVAILABLE, WEFT_REASON_NONE },
    { SQLITE_CORRUPT, WEFT_RC_UNAVAILABLE, WEFT_REASON_NONE },
    { SQLITE_NOTADB, WEFT_RC_UNAVAILABLE, WEFT_REASON_NONE },
    { SQLITE_READONLY_DBMOVED, WEFT_RC_UNAVAILABLE, WEFT_REASON_NONE },
};

/* The extended code if the table has it, else the primary one. */
static void failure_find(int code, int32_t *ret_rc, uint32_t *ret_reason)
{
    *ret_rc = WEFT_RC_INVALID;
    *ret_reason = WEFT_REASON_NONE;
    const int candidates[] = { code & 0xff, code };
    for (size_t c = 0; c < 2; c++)
        for (size_t i = 0; i < sizeof meanings / sizeof meanings[0]; i++)
            if (meanings[i].code == candidates[c]) {
                *ret_rc = meanings[i].rc;
                *ret_reason = meanings[i].reason;
            }
}

/* "UNIQUE constraint failed: users.email" names the column, "...: index 'users_lower_email'" the index. */
static const char *failure_constraint(const char *text, struct weft_bump *bump)
{
    const char *colon = strstr(text, " constraint failed: ");
    if (colon == NULL) return NULL;
    const char *name = strchr(colon, ':') + 2;
    if (strncmp(name, "index '", 7) != 0) return weft_bump_text(bump, name);
    name += 7;
    return weft_bump_copy(bump, name, strcspn(name, "'"));
}

int32_t weft_sqlite_failure(struct weft_sqlite_connection *connection, int code, const char *why, bool committing,
                            struct weft_bump *bump, struct weft_result *ret_result)
{
    int32_t rc;
    failure_find(code, &rc, &ret_result->reason);
    if (rc == WEFT_RC_RETRY && connection->watch != NULL && weft_sqlite_watch_over(connection->watch)) {
        rc = WEFT_RC_TIMEOUT;
        ret_result->reason = WEFT_REASON_NONE;
        why = "the database was locked by another process to the deadline";
    }
    /* The commit's record may have reached the disk before the error. */
    if (committing && (code & 0xff) == SQLITE_IOERR) rc = WEFT_RC_MAYBE_SENT;
    if (rc == WEFT_RC_TIMEOUT && code == SQLITE_INTERRUPT) why = "the deadline passed, or the run was cancelled";
    if (code == SQLITE_AUTH) why = "the text begins or ends a transaction, or attaches a file";
    const char *text = why != NULL ? why : sqlite3_errmsg(connection->db);
    if (rc == WEFT_RC_CONFLICT) ret_result->constraint = failure_constraint(text, bump);
    ret_result->text = weft_bump_text(bump, text);
    return rc;
}
