/* statement.c - names for texts: a slot each, the one used longest ago makes room. */
#include "statement.h"

#include <stdio.h>
#include <string.h>

bool pg_statements_init(struct pg_statements *statements)
{
    return weft_lru_init(&statements->lru, PG_STATEMENTS_MAX);
}

void pg_statements_free(struct pg_statements *statements)
{
    weft_lru_free(&statements->lru);
}

struct pg_statement *pg_statement_find(struct pg_statements *statements, const char *sql,
                                       char ret_evicted[PG_STATEMENT_NAME])
{
    int32_t slot = weft_lru_find(&statements->lru, sql);
    if (slot >= 0) return &statements->slots[slot];
    bool evicted = false;
    slot = weft_lru_claim(&statements->lru, sql, &evicted);
    if (slot < 0) return NULL;
    struct pg_statement *statement = &statements->slots[slot];
    if (evicted && statement->state != PG_STATEMENT_NEW) memcpy(ret_evicted, statement->name, PG_STATEMENT_NAME);
    statement->state = PG_STATEMENT_NEW;
    snprintf(statement->name, sizeof statement->name, "w%u", statements->named++);
    return statement;
}

void pg_statements_settle(struct pg_statements *statements)
{
    for (uint32_t i = 0; i < statements->lru.n; i++)
        if (statements->slots[i].state == PG_STATEMENT_SENT) statements->slots[i].state = PG_STATEMENT_NEW;
}
