/* merge.c - reading an INSERT just far enough. Whatever is not understood is left alone. */
#include "merge.h"

#include "pg.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- words ------------------------------------------------------------------------------------------------------- */

static bool is_word(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

static void blank_skip(const char **at)
{
    *at += strspn(*at, " \t\r\n");
}

/* Steps over the word, if it comes next. */
static bool word_take(const char **at, const char *word)
{
    const size_t size = strlen(word);
    blank_skip(at);
    if (strncasecmp(*at, word, size) != 0 || (is_word(word[0]) && is_word((*at)[size]))) return false;
    *at += size;
    return true;
}

static bool words_take(const char **at, const char *first, const char *second)
{
    return word_take(at, first) && word_take(at, second);
}

/* A plain name, perhaps with its schema: as it stands, without the blanks around. */
static bool name_take(const char **at, char *ret_name, size_t size)
{
    blank_skip(at);
    size_t n = 0;
    while (is_word((*at)[n]) || (*at)[n] == '.')
        n++;
    if (n == 0 || n >= size || isdigit((unsigned char)**at)) return false;
    memcpy(ret_name, *at, n);
    ret_name[n] = '\0';
    *at += n;
    return true;
}

/* ---- expressions ------------------------------------------------------------------------------------------------- */

static bool name_is_one_of(const char *name, size_t size, const char *const *names)
{
    for (; *names != NULL; names++)
        if (strlen(*names) == size && strncasecmp(name, *names, size) == 0) return true;
    return false;
}

/* Functions whose value no earlier row of the same statement can change. Any other may look at tables. */
static const char *const harmless[] = { "coalesce",        "greatest",        "least",  "now",
                                        "gen_random_uuid", "clock_timestamp", "nullif", NULL };
static const char *const forbidden[] = { "select", "returning", "default", "values", "table", "with", NULL };

/* A string that holds nothing which would need a second look; *at is behind it. */
static bool string_take(const char **at)
{
    const size_t size = strcspn(*at + 1, "'\\$");
    if ((*at)[1 + size] != '\'') return false;
    *at += size + 2;
    return true;
}

static bool identifier_take(const char **at)
{
    const char *name = *at;
    while (is_word(**at))
        (*at)++;
    const size_t size = (size_t)(*at - name);
    if (**at == '\'') return false; /* E'...' and its like */
    blank_skip(at);
    if (name_is_one_of(name, size, forbidden)) return false;
    return **at != '(' || name_is_one_of(name, size, harmless);
}

/* Steps over an expression, up to a comma or a parenthesis that is not its own, or the end of the text. */
static bool expression_take(const char **at)
{
    for (int depth = 0; **at != '\0';) {
        if (depth == 0 && (**at == ',' || **at == ')')) return true;
        if (isalpha((unsigned char)**at) || **at == '_') {
            if (!identifier_take(at)) return false;
        } else if (**at == '\'') {
            if (!string_take(at)) return false;
        } else if (strchr("\"\\;?{}", **at) != NULL || strncmp(*at, "--", 2) == 0 || strncmp(*at, "/*", 2) == 0) {
            return false;
        } else {
            depth += **at == '(' ? 1 : **at == ')' ? -1 : 0;
            (*at)++;
        }
    }
    return true;
}

/* $7, perhaps with a cast: its number, or 0. */
static uint32_t parameter_number(const char *text)
{
    uint32_t number = 0;
    blank_skip(&text);
    if (*text++ != '$') return 0;
    while (isdigit((unsigned char)*text) && number <= PG_MERGE_PARAMS)
        number = number * 10 + (uint32_t)(*text++ - '0');
    blank_skip(&text);
    if (text[0] == ':' && text[1] == ':') return number;
    return *text == ',' || *text == ')' ? number : 0;
}

/* ---- the statement ----------------------------------------------------------------------------------------------- */

enum { COLUMNS_MOST = 64, COLUMN_NAME = 64 };

struct insert {
    char columns[COLUMNS_MOST][COLUMN_NAME];
    uint32_t parameters[COLUMNS_MOST]; /* the number of the column's parameter; 0: it has another value */
    uint32_t n_columns, n_values;
};

static bool columns_take(const char **at, struct insert *insert)
{
    if (!word_take(at, "(")) return false;
    do {
        if (insert->n_columns == COLUMNS_MOST || !name_take(at, insert->columns[insert->n_columns++], COLUMN_NAME))
            return false;
    } while (word_take(at, ","));
    return word_take(at, ")");
}

static bool row_take(const char **at, struct insert *insert)
{
    if (!word_take(at, "(")) return false;
    do {
        if (insert->n_values == COLUMNS_MOST) return false;
        insert->parameters[insert->n_values++] = parameter_number(*at);
        if (!expression_take(at)) return false;
    } while (word_take(at, ","));
    return word_take(at, ")") && insert->n_values == insert->n_columns;
}

static bool key_add(const struct insert *insert, const char *column, struct pg_merge *merge)
{
    for (uint32_t i = 0; i < insert->n_columns; i++) {
        if (strcasecmp(insert->columns[i], column) != 0) continue;
        if (insert->parameters[i] == 0 || merge->n_keys == PG_MERGE_KEYS) return false;
        merge->keys[merge->n_keys++] = insert->parameters[i] - 1;
        return true;
    }
    return false;
}

/* ON CONFLICT (id) DO UPDATE SET ...; DO NOTHING needs no keys. */
static bool conflict_take(const char **at, const struct insert *insert, struct pg_merge *merge)
{
    char column[COLUMN_NAME];
    bool named = false;
    if (word_take(at, "(")) {
        named = true;
        do {
            if (!name_take(at, column, sizeof column) || !key_add(insert, column, merge)) named = false;
        } while (named && word_take(at, ","));
        if (!named || !word_take(at, ")")) return false;
    }
    if (!word_take(at, "DO")) return false;
    if (word_take(at, "NOTHING")) return true;
    if (!named || !words_take(at, "UPDATE", "SET")) return false;
    merge->updates = true;
    if (strchr(*at, '$') != NULL) return false; /* it would be another's, for all but the first row */
    do {
        blank_skip(at);
        if (!expression_take(at)) return false;
    } while (word_take(at, ","));
    return true;
}

static uint32_t parameters_count(const char *row, const char *end)
{
    uint32_t most = 0;
    for (const char *at = row; at < end; at++) {
        uint32_t number = 0;
        if (*at != '$') continue;
        while (isdigit((unsigned char)at[1]) && number <= PG_MERGE_PARAMS)
            number = number * 10 + (uint32_t)(*++at - '0');
        if (number > most) most = number;
    }
    return most;
}

bool pg_merge_read(const char *sql, struct pg_merge *ret_merge)
{
    struct insert insert = { .n_columns = 0 };
    const char *at = sql;
    *ret_merge = (struct pg_merge){ .n_params = 0 };
    if (!words_take(&at, "INSERT", "INTO") || !name_take(&at, ret_merge->table, sizeof ret_merge->table)) return false;
    if (!columns_take(&at, &insert) || !word_take(&at, "VALUES")) return false;
    blank_skip(&at);
    const char *row = at;
    if (!row_take(&at, &insert)) return false;
    ret_merge->row_at = (uint32_t)(row - sql);
    ret_merge->row_end = (uint32_t)(at - sql);
    ret_merge->n_params = parameters_count(row, at);
    if (words_take(&at, "ON", "CONFLICT") && !conflict_take(&at, &insert, ret_merge)) return false;
    blank_skip(&at);
    return *at == '\0' && ret_merge->n_params > 0 && ret_merge->n_params <= PG_MERGE_PARAMS;
}

/* ---- rows -------------------------------------------------------------------------------------------------------- */

static bool param_same(const struct pg_param *a, const struct pg_param *b)
{
    if (a->value == NULL || b->value == NULL || a->format != b->format) return false; /* NULL meets nobody */
    return a->format == 0 ? strcmp(a->value, b->value) == 0
                          : a->length == b->length && memcmp(a->value, b->value, (size_t)a->length) == 0;
}

static bool rows_meet(const struct pg_merge *merge, const struct pg_param *a, const struct pg_param *b)
{
    for (uint32_t i = 0; i < merge->n_keys; i++)
        if (!param_same(&a[merge->keys[i]], &b[merge->keys[i]])) return false;
    return true;
}

/* One statement updates a row once at most: the second that wants it goes with the next. */
static size_t rows_apart(const struct pg_merge *merge, struct pg_param *const *rows, size_t n)
{
    for (size_t i = 1; i < n && merge->updates; i++)
        for (size_t before = 0; before < i; before++)
            if (rows_meet(merge, rows[before], rows[i])) return i;
    return n;
}

size_t pg_merge_reach(const struct pg_merge *merge, struct pg_param *const *rows, size_t n)
{
    size_t reach = 1;
    n = rows_apart(merge, rows, n < PG_MERGE_ROWS ? n : PG_MERGE_ROWS);
    while (reach * 2 <= n)
        reach *= 2;
    return reach;
}

/* The row with its parameters counted on from `first`. */
static char *row_write(char *to, const char *row, const char *end, uint32_t first)
{
    while (row < end) {
        char *number_end;
        if (*row != '$') {
            *to++ = *row++;
            continue;
        }
        to += sprintf(to, "$%lu", strtoul(row + 1, &number_end, 10) + first);
        row = number_end;
    }
    return to;
}

char *pg_merge_text(struct weft_bump *bump, const char *sql, const struct pg_merge *merge, size_t n_rows)
{
    enum { NUMBER_GROWS = 4 }; /* digits that a parameter's number may gain */
    const size_t row_size = merge->row_end - merge->row_at + merge->n_params * NUMBER_GROWS * 2 + 2;
    char *text = weft_bump_alloc(bump, strlen(sql) + n_rows * row_size + 1), *to = text;
    if (text == NULL) return NULL;
    memcpy(to, sql, merge->row_at);
    to += merge->row_at;
    for (size_t i = 0; i < n_rows; i++) {
        if (i > 0) *to++ = ',';
        to = row_write(to, sql + merge->row_at, sql + merge->row_end, (uint32_t)i * merge->n_params);
    }
    strcpy(to, sql + merge->row_end);
    return text;
}
