/* test/kept.c - what a service keeps, seen and changed from outside: its store, its cache, its clock. */
#include "base/clock.h"
#include "data/rows.h"
#include "test/host.h"

#include <stdio.h>
#include <string.h>

/* Runs it on a session of its own; the rows are the arena's. NULL: refused. */
static weft_rows *sql_run(struct weft_test *test, struct weft_sql sql)
{
    struct weft_session *session;
    struct weft_fault fault;
    struct weft_result result;
    const uint64_t trips = test->store_spy.trips;
    weft_rows *rows = NULL;
    if (weft_store_acquire(test->store, WEFT_SESSION_ADMIN, weft_test_deadline(), &session, &fault) != WEFT_OK) {
        fprintf(stderr, "weft_test: %s\n", fault.text);
        return NULL;
    }
    if (weft_session_one(session, sql.text, sql.params, sql.n_params, &result, weft_test_deadline()) == WEFT_RC_OK)
        rows = weft_rows_new(test->arena, &result.sets[0]);
    else
        fprintf(stderr, "weft_test: %s: %s\n", sql.text, result.text != NULL ? result.text : "refused");
    weft_store_release(session);
    test->store_spy.trips = trips; /* not the service's */
    return rows;
}

bool weft_test_sql_values(weft_test *test, struct weft_sql sql)
{
    return sql_run(test, sql) != NULL;
}

int64_t weft_test_int_value(weft_test *test, struct weft_sql sql)
{
    weft_rows *rows = sql_run(test, sql);
    return rows != NULL && weft_next(rows) ? weft_get_int(rows, 0) : 0;
}

const char *weft_test_text_value(weft_test *test, struct weft_sql sql)
{
    weft_rows *rows = sql_run(test, sql);
    return rows != NULL && weft_next(rows) ? weft_get_text(rows, 0) : "";
}

static int32_t cache_run(struct weft_test *test, const struct weft_cache_op *op)
{
    const uint64_t trips = test->cache_spy.trips;
    struct weft_cache_result result = { 0 };
    struct weft_cache_lease lease = { 0 };
    const int32_t rc = weft_cache_run(test->cache, op, 1, &result, &lease);
    weft_cache_release(&lease);
    test->cache_spy.trips = trips; /* not the service's */
    return rc == WEFT_RC_OK ? result.rc : rc;
}

bool weft_test_cached(weft_test *test, const char *key)
{
    const struct weft_cache_op op = { .verb = WEFT_CACHE_GET, .key = key, .key_size = strlen(key) };
    return cache_run(test, &op) == WEFT_RC_OK;
}

void weft_test_cache_put(weft_test *test, const char *key, const void *bytes, size_t size)
{
    const struct weft_cache_op op = {
        .verb = WEFT_CACHE_SET, .key = key, .key_size = strlen(key), .value = bytes, .value_size = size
    };
    if (cache_run(test, &op) != WEFT_RC_OK) fprintf(stderr, "weft_test: the cache does not take %s\n", key);
}

void weft_test_advance_ms(weft_test *test, int64_t ms)
{
    weft_clock_advance(ms * 1000); /* the process's */
    weft_test_emit_due(test);
}

void weft_test_store_away(weft_test *test, bool away)
{
    test->store_spy.away = away;
}

void weft_test_cache_away(weft_test *test, bool away)
{
    test->cache_spy.away = away;
}
