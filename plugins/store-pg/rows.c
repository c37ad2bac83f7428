/* rows.c - which statements of a run go as one. Only in a run that is a whole transaction: if the one fails, the run is
 * undone, and each can go for itself, so that nothing but the number of messages tells the difference. */
#include "run_state.h"

#include "lru.h"

#include <stdlib.h>
#include <string.h>

enum { SHAPES = 64 };

struct pg_shapes {
    struct weft_lru lru;
    struct shape {
        struct pg_merge merge;
        bool merges;
    } slots[SHAPES];
};

struct pg_shapes *pg_shapes_new(void)
{
    struct pg_shapes *shapes = calloc(1, sizeof *shapes);
    if (shapes == NULL || weft_lru_init(&shapes->lru, SHAPES)) return shapes;
    pg_shapes_free(shapes);
    return NULL;
}

void pg_shapes_free(struct pg_shapes *shapes)
{
    if (shapes == NULL) return;
    weft_lru_free(&shapes->lru);
    free(shapes);
}

static bool statements_equal(const struct weft_statement *a, const struct weft_statement *b)
{
    if ((b->flags & WEFT_STATEMENT_UNCOUNTED) == 0 || b->sql == NULL || a->n_params != b->n_params) return false;
    return a->sql == b->sql || strcmp(a->sql, b->sql) == 0;
}

/* How many equal ones there are from the index on, as far as it matters. */
static size_t equal_count(const struct run *run, uint32_t index)
{
    const struct weft_statement *first = &run->statements[index];
    size_t n = 1;
    if (run->apart || !run->implicit || (first->flags & WEFT_STATEMENT_UNCOUNTED) == 0 || first->sql == NULL) return 1;
    while (n < PG_MERGE_ROWS && index + n < run->n && statements_equal(first, &run->statements[index + n]))
        n++;
    return n;
}

/* A trigger or a rule sees how many statements there are, and could look at the table from within one. */
static bool table_is_plain(struct run *run, const char *table)
{
    static const char sql[] =
        "SELECT 1 FROM pg_class c WHERE c.oid = to_regclass($1) AND c.relkind = 'r' AND NOT c.relhasrules"
        " AND NOT EXISTS (SELECT 1 FROM pg_trigger t WHERE t.tgrelid = c.oid AND NOT t.tgisinternal)";
    const struct weft_value name = weft_text(table);
    const struct weft_statement ask = { sql, &name, 1, WEFT_STATEMENT_ROWS | WEFT_STATEMENT_ONCE };
    struct run asked = { .session = run->session, .statements = &ask, .n = 1, .deadline_ns = run->deadline_ns };
    return pg_run_open(&asked) == WEFT_RC_OK && pg_run_pipeline(&asked, 0, 1) == WEFT_RC_OK &&
           asked.sets[0].n_rows == 1;
}

static void shape_learn(struct run *run, const char *sql)
{
    struct pg_shapes *shapes = run->session->shapes;
    bool evicted;
    if (weft_lru_find(&shapes->lru, sql) >= 0) return;
    const int32_t slot = weft_lru_claim(&shapes->lru, sql, &evicted);
    if (slot < 0) return;
    struct shape *shape = &shapes->slots[slot];
    shape->merges = pg_merge_read(sql, &shape->merge) && table_is_plain(run, shape->merge.table);
}

void pg_run_look(struct run *run)
{
    for (uint32_t i = 0; i < run->n && !run->session->lost;) {
        const size_t n = equal_count(run, i);
        if (n > 1) shape_learn(run, run->statements[i].sql);
        i += (uint32_t)n;
    }
}

size_t pg_run_merges(struct run *run, uint32_t index, const char **ret_sql)
{
    struct pg_shapes *shapes = run->session->shapes;
    const struct weft_statement *statement = &run->statements[index];
    const size_t n = equal_count(run, index);
    if (n < 2) return 1;
    const int32_t slot = weft_lru_find(&shapes->lru, statement->sql);
    if (slot < 0 || !shapes->slots[slot].merges) return 1;
    const struct pg_merge *merge = &shapes->slots[slot].merge;
    if (merge->n_params != statement->n_params) return 1; /* the server will say what is wrong with that */
    const size_t reach = pg_merge_reach(merge, &run->params[index], n);
    const char *sql = reach < 2 ? NULL : pg_merge_text(&run->session->bump, statement->sql, merge, reach);
    if (sql == NULL) return 1;
    *ret_sql = sql;
    return reach;
}
