/* statement.h - which SQL texts a session has prepared, and by what name. */
#ifndef WEFT_PG_STATEMENT_H
#define WEFT_PG_STATEMENT_H

#include "lru.h"

enum pg_statement_state {
    PG_STATEMENT_NEW,     /* to be prepared */
    PG_STATEMENT_SENT,    /* its Parse is in the pipeline */
    PG_STATEMENT_PREPARED /* the server has said so */
};

enum { PG_STATEMENTS_MAX = 256, PG_STATEMENT_NAME = 16 };

struct pg_statement {
    enum pg_statement_state state;
    char name[PG_STATEMENT_NAME];
};

struct pg_statements {
    struct weft_lru lru;
    struct pg_statement slots[PG_STATEMENTS_MAX];
    uint32_t named; /* names are never used twice */
};

bool pg_statements_init(struct pg_statements *statements); /* false: out of memory */
void pg_statements_free(struct pg_statements *statements);
/* The statement of this text; a new one if need be. If another had to make room that the server knows, its name is in
 * ret_evicted (else untouched). NULL: out of memory. */
struct pg_statement *pg_statement_find(struct pg_statements *statements, const char *sql,
                                       char ret_evicted[PG_STATEMENT_NAME]);
/* What was sent but never confirmed, as a failed pipeline skips it, is to be prepared again. */
void pg_statements_settle(struct pg_statements *statements);

#endif
