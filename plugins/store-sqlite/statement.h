/* statement.h - prepared statements of one connection, and the binding of parameters. */
#ifndef WEFT_SQLITE_STATEMENT_H
#define WEFT_SQLITE_STATEMENT_H

#include "bump.h"
#include "lru.h"
#include <sqlite3.h>
#include <weft/plugin.h>

enum { WEFT_SQLITE_PARAMS_MAX = 64 };

/* A prepared text. SQLite numbers parameters by first appearance and "$2" is a name: `number` says which of ours each
 * of its is. */
struct weft_sqlite_prepared {
    sqlite3_stmt *handle; /* NULL: the text holds no statement */
    uint32_t n_params;    /* the highest $n */
    uint32_t n_numbers;
    uint8_t number[WEFT_SQLITE_PARAMS_MAX]; /* of SQLite's parameter i + 1, from 1 */
};

struct weft_sqlite_statements {
    sqlite3 *db;
    struct weft_lru lru;
    struct weft_sqlite_prepared *prepared; /* by slot */
    struct weft_sqlite_prepared once;      /* not worth keeping */
};

bool weft_sqlite_statements_init(struct weft_sqlite_statements *statements, sqlite3 *db, uint32_t capacity);
void weft_sqlite_statements_free(struct weft_sqlite_statements *statements);

/* Finds or prepares the text. SQLITE_OK; else the code, with *ret_why NULL (ask SQLite) or a text of our own. */
int weft_sqlite_prepare(struct weft_sqlite_statements *statements, const char *sql, bool once,
                        struct weft_sqlite_prepared **ret_prepared, const char **ret_why);
/* Binds by reference: the values live until weft_sqlite_release. As above. */
int weft_sqlite_bind(const struct weft_sqlite_prepared *prepared, const struct weft_value *params, uint32_t n_params,
                     struct weft_bump *bump, const char **ret_why);
/* Ends a use: the statement is reset, its parameters are forgotten. */
void weft_sqlite_release(struct weft_sqlite_statements *statements, struct weft_sqlite_prepared *prepared);

#endif
