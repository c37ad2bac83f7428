/* error.c - what PostgreSQL's error codes mean to the host (PostgreSQL documentation, appendix A). */
#include "pg.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct code_meaning {
    const char *code; /* a SQLSTATE, or the first two characters of a class */
    int32_t rc;
    uint32_t reason;
};

/* The first that fits; codes before their classes. */
static const struct code_meaning meanings[] = {
    { "23505", WEFT_RC_CONFLICT, WEFT_REASON_UNIQUE },
    { "23503", WEFT_RC_CONFLICT, WEFT_REASON_FOREIGN_KEY },
    { "23514", WEFT_RC_CONFLICT, WEFT_REASON_CHECK },
    { "23502", WEFT_RC_CONFLICT, WEFT_REASON_NOT_NULL },
    { "23P01", WEFT_RC_CONFLICT, WEFT_REASON_UNIQUE }, /* an exclusion constraint */
    { "40001", WEFT_RC_RETRY, WEFT_REASON_SERIALIZATION },
    { "40P01", WEFT_RC_RETRY, WEFT_REASON_DEADLOCK },
    { "55P03", WEFT_RC_RETRY, WEFT_REASON_LOCK_TIMEOUT },
    { "57014", WEFT_RC_TIMEOUT, WEFT_REASON_NONE },     /* statement_timeout, or cancelled */
    { "57", WEFT_RC_UNAVAILABLE, WEFT_REASON_NONE },    /* shutting down, crashed, starting */
    { "08P01", WEFT_RC_INVALID, WEFT_REASON_NONE },     /* another number of parameters than the text names */
    { "08", WEFT_RC_UNAVAILABLE, WEFT_REASON_NONE },    /* connection */
    { "53", WEFT_RC_UNAVAILABLE, WEFT_REASON_NONE },    /* out of memory, disk, connections */
    { "58", WEFT_RC_UNAVAILABLE, WEFT_REASON_NONE },    /* the system below */
    { "25006", WEFT_RC_UNAVAILABLE, WEFT_REASON_NONE }, /* read only: a standby after a fail-over */
    { "25P03", WEFT_RC_UNAVAILABLE, WEFT_REASON_NONE }, /* idle in transaction for too long: the session is gone */
    { "28", WEFT_RC_REFUSED, WEFT_REASON_NONE },        /* password, pg_hba.conf */
    { "3D", WEFT_RC_REFUSED, WEFT_REASON_NONE },        /* no such database */
    { "42501", WEFT_RC_REFUSED, WEFT_REASON_NONE },     /* may not */
    { "22", WEFT_RC_INVALID, WEFT_REASON_BAD_VALUE },   /* malformed uuid, number out of range */
};

static const struct code_meaning *meaning_find(const char *code)
{
    for (size_t i = 0; i < sizeof meanings / sizeof meanings[0]; i++)
        if (strncmp(code, meanings[i].code, strlen(meanings[i].code)) == 0) return &meanings[i];
    return NULL;
}

/* NOT NULL has no name in PostgreSQL: it is called by its column, "orders.user_id", as SQLite does. */
static char *column_name(struct weft_bump *bump, const PGresult *result)
{
    const char *table = PQresultErrorField(result, PG_DIAG_TABLE_NAME);
    const char *column = PQresultErrorField(result, PG_DIAG_COLUMN_NAME);
    if (table == NULL || column == NULL) return NULL;
    const size_t size = strlen(table) + strlen(column) + 2;
    char *name = weft_bump_alloc(bump, size);
    if (name != NULL) snprintf(name, size, "%s.%s", table, column);
    return name;
}

/* "cached plan must not change result type" has the code of anything not supported; what tells it apart in every
 * language is where it comes from. A fresh session, without the prepared statement, heals it. */
static bool plan_outlived(const PGresult *result)
{
    const char *function = PQresultErrorField(result, PG_DIAG_SOURCE_FUNCTION);
    return function != NULL && strcmp(function, "RevalidateCachedQuery") == 0;
}

void pg_failure_of_result(struct weft_bump *bump, const PGresult *result, struct pg_failure *ret_failure)
{
    const char *code = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *text = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    const char *constraint = PQresultErrorField(result, PG_DIAG_CONSTRAINT_NAME);
    const struct code_meaning *meaning = code == NULL ? NULL : meaning_find(code);
    /* Without a code the message is libpq's own: the connection broke. */
    ret_failure->rc = meaning != NULL ? meaning->rc : code == NULL ? WEFT_RC_UNAVAILABLE : WEFT_RC_INVALID;
    ret_failure->reason = meaning != NULL ? meaning->reason : WEFT_REASON_NONE;
    if (ret_failure->rc == WEFT_RC_REFUSED) ret_failure->rc = WEFT_RC_INVALID; /* no permission: of a statement */
    if (plan_outlived(result)) ret_failure->rc = WEFT_RC_UNAVAILABLE;
    char *copy = weft_bump_text(bump, text != NULL ? text : "the connection to PostgreSQL was lost");
    /* `invalid input syntax for type uuid: "..."`: the value stays out of logs. */
    if (copy != NULL && ret_failure->reason == WEFT_REASON_BAD_VALUE) copy[strcspn(copy, ":\"")] = '\0';
    ret_failure->text = copy;
    ret_failure->constraint = constraint != NULL ? weft_bump_text(bump, constraint) : column_name(bump, result);
}

void pg_error_set(struct weft_error *error, int32_t rc, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(error->text, sizeof error->text, format, args);
    va_end(args);
    error->rc = rc;
}

/* Of a failed connect there is no result, only text; in verbose form it tells the code: "FATAL:  28P01: password ...".
 * What libpq itself found wrong (certificates) has none. */
static const struct code_meaning *connect_meaning(const char *text)
{
    const char *at = strstr(text, "FATAL:  ");
    if (at != NULL && strlen(at) > 13 && at[13] == ':') {
        char code[6] = { 0 };
        memcpy(code, at + 8, 5);
        return meaning_find(code);
    }
    static const struct code_meaning refused = { "", WEFT_RC_REFUSED, WEFT_REASON_NONE };
    static const char *const final[] = { "certificate", "does not support SSL", "no password supplied", "SSL error",
                                         "server common name" };
    for (size_t i = 0; i < sizeof final / sizeof final[0]; i++)
        if (strstr(text, final[i]) != NULL) return &refused;
    return NULL;
}

void pg_failure_of_connect(PGconn *connection, struct weft_error *ret_error)
{
    const char *text = PQerrorMessage(connection);
    const struct code_meaning *meaning = connect_meaning(text);
    int32_t rc = meaning != NULL && meaning->rc == WEFT_RC_REFUSED ? WEFT_RC_REFUSED : WEFT_RC_UNAVAILABLE;
    pg_error_set(ret_error, rc, "PostgreSQL: %.*s", (int)strcspn(text, "\n"), text);
}
