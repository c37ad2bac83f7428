/* statement.c - text to sqlite3_stmt by way of a bounded cache; typed values to parameters. */
#include "statement.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool weft_sqlite_statements_init(struct weft_sqlite_statements *statements, sqlite3 *db, uint32_t capacity)
{
    *statements = (struct weft_sqlite_statements){ .db = db };
    statements->prepared = calloc(capacity, sizeof *statements->prepared);
    return weft_lru_init(&statements->lru, capacity) && statements->prepared != NULL;
}

void weft_sqlite_statements_free(struct weft_sqlite_statements *statements)
{
    for (uint32_t i = 0; statements->prepared != NULL && i < statements->lru.n; i++)
        sqlite3_finalize(statements->prepared[i].handle);
    sqlite3_finalize(statements->once.handle);
    free(statements->prepared);
    weft_lru_free(&statements->lru);
    *statements = (struct weft_sqlite_statements){ 0 };
}

/* ---- preparing --------------------------------------------------------------------------------------------------- */

/* Reads "$12" and "$12::uuid" (to SQLite the cast is a part of the name); 0: something else. */
static uint32_t parameter_number(const char *name)
{
    if (name == NULL || name[0] != '$') return 0;
    char *end = NULL;
    const unsigned long number = strtoul(name + 1, &end, 10);
    const bool ends = end != name + 1 && (end[0] == 0 || (end[0] == ':' && end[1] == ':'));
    return ends && number <= WEFT_SQLITE_PARAMS_MAX ? (uint32_t)number : 0;
}

static int parameters_read(struct weft_sqlite_prepared *prepared, const char **ret_why)
{
    const int n = sqlite3_bind_parameter_count(prepared->handle);
    if (n > WEFT_SQLITE_PARAMS_MAX) {
        *ret_why = "a statement has at most 64 parameters";
        return SQLITE_RANGE;
    }
    for (int i = 0; i < n; i++) {
        const uint32_t number = parameter_number(sqlite3_bind_parameter_name(prepared->handle, i + 1));
        if (number == 0) {
            *ret_why = "parameters are written $1, $2, ... $64";
            return SQLITE_RANGE;
        }
        prepared->number[i] = (uint8_t)number;
        if (number > prepared->n_params) prepared->n_params = number;
    }
    prepared->n_numbers = (uint32_t)n;
    return SQLITE_OK;
}

/* SQLite prepares the first statement of a text and hands back the rest, which would be lost silently. */
static int tail_check(sqlite3 *db, const char *tail, const char **ret_why)
{
    if (tail[strspn(tail, "; \t\r\n")] == 0) return SQLITE_OK;
    sqlite3_stmt *more = NULL;
    const int code = sqlite3_prepare_v2(db, tail, -1, &more, NULL);
    const bool comment = code == SQLITE_OK && more == NULL;
    sqlite3_finalize(more);
    if (comment) return SQLITE_OK;
    *ret_why = "more than one statement in a text that is no script";
    return SQLITE_ERROR;
}

static int prepared_make(sqlite3 *db, const char *sql, bool once, struct weft_sqlite_prepared *prepared,
                         const char **ret_why)
{
    *prepared = (struct weft_sqlite_prepared){ 0 };
    const char *tail = "";
    const unsigned flags = once ? 0 : SQLITE_PREPARE_PERSISTENT;
    int code = sqlite3_prepare_v3(db, sql, -1, flags, &prepared->handle, &tail);
    if (code == SQLITE_OK) code = tail_check(db, tail, ret_why);
    if (code == SQLITE_OK) code = parameters_read(prepared, ret_why);
    if (code == SQLITE_OK) return code;
    /* Finalizing clears what sqlite3_errmsg() says, so there must be nothing to finalize on errors of SQLite's own. */
    sqlite3_finalize(prepared->handle);
    prepared->handle = NULL;
    return code;
}

int weft_sqlite_prepare(struct weft_sqlite_statements *statements, const char *sql, bool once,
                        struct weft_sqlite_prepared **ret_prepared, const char **ret_why)
{
    int32_t slot = weft_lru_find(&statements->lru, sql);
    if (slot >= 0) {
        *ret_prepared = &statements->prepared[slot];
        return SQLITE_OK;
    }
    struct weft_sqlite_prepared fresh;
    const int code = prepared_make(statements->db, sql, once, &fresh, ret_why);
    if (code != SQLITE_OK) return code;
    bool evicted = false;
    slot = once ? -1 : weft_lru_claim(&statements->lru, sql, &evicted);
    struct weft_sqlite_prepared *place = slot < 0 ? &statements->once : &statements->prepared[slot];
    if (evicted || slot < 0) sqlite3_finalize(place->handle);
    *place = fresh;
    *ret_prepared = place;
    return SQLITE_OK;
}

void weft_sqlite_release(struct weft_sqlite_statements *statements, struct weft_sqlite_prepared *prepared)
{
    sqlite3_reset(prepared->handle);
    if (prepared->n_numbers > 0) sqlite3_clear_bindings(prepared->handle);
    if (prepared != &statements->once) return;
    sqlite3_finalize(prepared->handle);
    prepared->handle = NULL;
}

/* ---- binding ----------------------------------------------------------------------------------------------------- */

/* A JSON string; `to` has room for six times the size and the quotes. Returns behind it. */
static char *json_string(char *to, const char *text)
{
    *to++ = '"';
    for (const unsigned char *c = (const unsigned char *)text; *c != 0; c++) {
        if (*c == '"' || *c == '\\') *to++ = '\\';
        if (*c < 0x20)
            to += sprintf(to, "\\u%04x", *c);
        else
            *to++ = (char)*c;
    }
    *to++ = '"';
    return to;
}

static const char *json_of_texts(const struct weft_value *value, struct weft_bump *bump)
{
    size_t room = 3;
    for (uint64_t i = 0; i < value->size; i++)
        room += 5 + (value->as.texts[i] == NULL ? 0 : strlen(value->as.texts[i]) * 6);
    char *json = weft_bump_alloc(bump, room), *to = json;
    if (json == NULL) return NULL;
    *to++ = '[';
    for (uint64_t i = 0; i < value->size; i++) {
        if (i > 0) *to++ = ',';
        to = value->as.texts[i] == NULL ? stpcpy(to, "null") : json_string(to, value->as.texts[i]);
    }
    memcpy(to, "]", 2);
    return json;
}

static const char *json_of_ints(const struct weft_value *value, struct weft_bump *bump)
{
    char *json = weft_bump_alloc(bump, 3 + value->size * 21), *to = json;
    if (json == NULL) return NULL;
    *to++ = '[';
    for (uint64_t i = 0; i < value->size; i++)
        to += sprintf(to, i > 0 ? ",%" PRId64 : "%" PRId64, value->as.ints[i]);
    memcpy(to, "]", 2);
    return json;
}

static int bind_json(sqlite3_stmt *handle, int index, const char *json)
{
    return json == NULL ? SQLITE_NOMEM : sqlite3_bind_text(handle, index, json, -1, SQLITE_STATIC);
}

static int bind_text(sqlite3_stmt *handle, int index, const struct weft_value *value, const char **ret_why)
{
    if (memchr(value->as.text, 0, value->size) != NULL) {
        *ret_why = "a text parameter has a NUL inside";
        return SQLITE_MISMATCH;
    }
    return sqlite3_bind_text64(handle, index, value->as.text, value->size, SQLITE_STATIC, SQLITE_UTF8);
}

static int bind_one(sqlite3_stmt *handle, int index, const struct weft_value *value, struct weft_bump *bump,
                    const char **ret_why)
{
    switch (value->type) {
    case WEFT_TYPE_NULL:
        return sqlite3_bind_null(handle, index);
    case WEFT_TYPE_BOOL:
    case WEFT_TYPE_INT:
    case WEFT_TYPE_TIME:
        return sqlite3_bind_int64(handle, index, value->as.integer);
    case WEFT_TYPE_DOUBLE:
        return sqlite3_bind_double(handle, index, value->as.real);
    case WEFT_TYPE_TEXT:
        return bind_text(handle, index, value, ret_why);
    case WEFT_TYPE_BYTES:
        return sqlite3_bind_blob64(handle, index, value->as.bytes, value->size, SQLITE_STATIC);
    case WEFT_TYPE_INTS:
        return bind_json(handle, index, json_of_ints(value, bump));
    case WEFT_TYPE_TEXTS:
        return bind_json(handle, index, json_of_texts(value, bump));
    default:
        *ret_why = "a parameter has a type unknown to this plugin";
        return SQLITE_MISMATCH;
    }
}

int weft_sqlite_bind(const struct weft_sqlite_prepared *prepared, const struct weft_value *params, uint32_t n_params,
                     struct weft_bump *bump, const char **ret_why)
{
    if (prepared->n_params != n_params) {
        *ret_why = "the number of parameters differs from what the statement names";
        return SQLITE_RANGE;
    }
    for (uint32_t i = 0; i < prepared->n_numbers; i++) {
        const struct weft_value *value = &params[prepared->number[i] - 1];
        const int code = bind_one(prepared->handle, (int)i + 1, value, bump, ret_why);
        if (code != SQLITE_OK) return code;
    }
    return SQLITE_OK;
}
