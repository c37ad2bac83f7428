/* merge.h - equal INSERTs that follow each other, as one INSERT of many rows: for the server a statement costs more
 * than a row.
 *
 * Only where nobody can tell the difference: values are parameters, literals and harmless functions, nothing selects,
 * nothing is returned, and what a conflict updates is found by columns whose values are known to differ. That the table
 * has no triggers and rules is the caller's to find out. */
#ifndef WEFT_PG_MERGE_H
#define WEFT_PG_MERGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct weft_bump;
struct pg_param;

enum { PG_MERGE_ROWS = 64, PG_MERGE_KEYS = 4, PG_MERGE_PARAMS = 64, PG_MERGE_TABLE = 130 };

/* What can be read off a text. */
struct pg_merge {
    char table[PG_MERGE_TABLE]; /* as written */
    uint32_t row_at, row_end;   /* where its row of values is, with the parentheses */
    uint32_t n_params;          /* all of them in that row */
    uint32_t n_keys;            /* with DO UPDATE: the parameters, from 0, that find the row */
    uint32_t keys[PG_MERGE_KEYS];
    bool updates;
};

/* false: the text is not of that kind. */
bool pg_merge_read(const char *sql, struct pg_merge *ret_merge);
/* How many of the n rows, from the first on, can go as one statement: a power of two, PG_MERGE_ROWS at most. */
size_t pg_merge_reach(const struct pg_merge *merge, struct pg_param *const *rows, size_t n);
/* The text for so many rows; NULL: out of memory. */
char *pg_merge_text(struct weft_bump *bump, const char *sql, const struct pg_merge *merge, size_t n_rows);

#endif
