/* check.c - what can be said of a batch before a byte of it is sent: so that a bad parameter or a misplaced flag costs
 * an error and not the session. Parameters come out as libpq wants them. */
#include "pg.h"

#include <string.h>
#include <strings.h>

static const char *blank_skip(const char *sql)
{
    for (;;) {
        const char *at = sql + strspn(sql, " \t\r\n;(");
        if (strncmp(at, "--", 2) == 0) {
            at += strcspn(at, "\n");
        } else if (strncmp(at, "/*", 2) == 0) {
            const char *end = strstr(at + 2, "*/");
            at = end != NULL ? end + 2 : at + strlen(at);
        }
        if (at == sql) return at;
        sql = at;
    }
}

static bool word_is(const char *at, const char *word)
{
    const size_t size = strlen(word);
    return strncasecmp(at, word, size) == 0 && strchr("abcdefghijklmnopqrstuvwxyz_0123456789", at[size] | 0x20) == NULL;
}

/* Transactions are flags of statements. ROLLBACK TO SAVEPOINT stays within one. */
static bool controls_transaction(const char *sql)
{
    static const char *const words[] = { "BEGIN", "START", "COMMIT", "END", "ABORT", "ROLLBACK" };
    const char *at = blank_skip(sql);
    if (strchr("bscear", at[0] | 0x20) == NULL || at[0] == '\0') return strncasecmp(at, "PREPARE TRANS", 13) == 0;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (!word_is(at, words[i])) continue;
        return !word_is(blank_skip(at + strlen(words[i])), "TO");
    }
    return false;
}

static const char *params_check(struct pg_session *session, const struct weft_statement *statement,
                                struct pg_param **ret_params)
{
    if (statement->n_params > PG_PARAMS_MAX) return "a statement has at most 64 parameters";
    struct pg_param *params = weft_bump_alloc(&session->bump, statement->n_params * sizeof *params + 1);
    if (params == NULL) return "the parameters of the batch take too much memory";
    for (uint32_t i = 0; i < statement->n_params; i++)
        if (!pg_param_make(&session->bump, &statement->params[i], &params[i]))
            return "a parameter is a text with a NUL inside, a time out of range, or too large";
    *ret_params = params;
    return NULL;
}

/* NULL: nothing is wrong with it. */
static const char *statement_check(struct pg_session *session, const struct weft_statement *statement, bool *open,
                                   struct pg_param **ret_params)
{
    if ((statement->flags & WEFT_STATEMENT_BEGIN) != 0) {
        if (*open) return "a transaction is open already";
        *open = true;
    }
    if (statement->sql != NULL && (statement->flags & WEFT_STATEMENT_SCRIPT) == 0) {
        if (controls_transaction(statement->sql)) return "the text begins or ends a transaction";
        const char *wrong = params_check(session, statement, ret_params);
        if (wrong != NULL) return wrong;
    }
    if ((statement->flags & WEFT_STATEMENT_COMMIT) != 0 && !*open) return "no transaction is open";
    if ((statement->flags & (WEFT_STATEMENT_COMMIT | WEFT_STATEMENT_ROLLBACK)) != 0) *open = false;
    return NULL;
}

const char *pg_batch_check(struct pg_session *session, const struct weft_statement *statements, size_t n,
                           struct pg_param ***ret_params, uint32_t *ret_failed)
{
    struct pg_param **params = weft_bump_alloc(&session->bump, n * sizeof *params);
    bool open = session->in_transaction;
    if (params == NULL) return "the batch takes too much memory";
    for (size_t i = 0; i < n; i++) {
        params[i] = NULL;
        const char *wrong = statement_check(session, &statements[i], &open, &params[i]);
        if (wrong == NULL) continue;
        *ret_failed = (uint32_t)i;
        return wrong;
    }
    *ret_params = params;
    return NULL;
}
