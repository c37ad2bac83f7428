/* event/relay/window.c - lines of rows, one a key.
 *
 * Costs: every operation is constant but weft_window_add into the middle of a line (a commit that came late) and the
 * lists for a claim, which are linear in what is known.
 */
#include "event/relay/window.h"

#include "base/memory.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

struct weft_window_key {
    UT_hash_handle hh;
    struct weft_window_row *first, *last; /* the line */
    uint32_t n;                           /* rows in it */
    bool held, probed;
    bool busy; /* has as many rows as one may have; until half of them are gone */
    char text[];
};

struct weft_window {
    struct weft_window_key *keys;
    struct weft_window_row **rows; /* all known, in no order */
    struct weft_window_row *ready_first, *ready_last;
    uint32_t capacity, rows_a_key;
    uint32_t n, n_sent, n_waiting, n_held, n_busy;
};

struct weft_window *weft_window_new(uint32_t capacity, uint32_t rows_a_key)
{
    struct weft_window *window = weft_memory_zeroed(1, sizeof *window);
    window->rows = weft_memory_zeroed(capacity, sizeof(struct weft_window_row *));
    window->capacity = capacity;
    window->rows_a_key = rows_a_key;
    return window;
}

void weft_window_free(struct weft_window *window)
{
    if (window == NULL) return;
    for (uint32_t i = 0; i < window->n; i++)
        weft_window_row_free(window->rows[i]);
    struct weft_window_key *key, *next;
    HASH_ITER(hh, window->keys, key, next)
    {
        HASH_DEL(window->keys, key);
        free(key);
    }
    free(window->rows);
    free(window);
}

/* ---- keys -------------------------------------------------------------------------------------------------------- */

static struct weft_window_key *key_find(const struct weft_window *window, const char *text)
{
    struct weft_window_key *key = NULL;
    if (text != NULL) HASH_FIND(hh, window->keys, text, strlen(text), key);
    return key;
}

static struct weft_window_key *key_make(struct weft_window *window, const char *text)
{
    struct weft_window_key *key = key_find(window, text);
    if (key != NULL) return key;
    size_t size = strlen(text);
    key = weft_memory_zeroed(1, sizeof *key + size + 1);
    memcpy(key->text, text, size);
    HASH_ADD(hh, window->keys, text, size, key);
    return key;
}

/* A key that has no rows and is not held need not be known. */
static void key_leave(struct weft_window *window, struct weft_window_key *key)
{
    if (key->n > 0 || key->held || key->probed) return;
    HASH_DEL(window->keys, key);
    free(key);
}

static void key_set_held(struct weft_window *window, struct weft_window_key *key, bool held)
{
    if (key->held == held) return;
    key->held = held;
    window->n_held += held ? 1u : (uint32_t)-1;
}

static void key_count(struct weft_window *window, struct weft_window_key *key, uint32_t n)
{
    key->n = n;
    bool busy = key->busy ? n > window->rows_a_key / 2 : n >= window->rows_a_key;
    if (busy == key->busy) return;
    key->busy = busy;
    window->n_busy += busy ? 1u : (uint32_t)-1;
}

/* ---- rows -------------------------------------------------------------------------------------------------------- */

static void rows_add(struct weft_window *window, struct weft_window_row *row)
{
    assert(window->n < window->capacity);
    row->slot = window->n;
    window->rows[window->n++] = row;
}

static void rows_remove(struct weft_window *window, struct weft_window_row *row)
{
    struct weft_window_row *last = window->rows[--window->n];
    window->rows[row->slot] = last;
    last->slot = row->slot;
}

static void ready_append(struct weft_window *window, struct weft_window_row *row)
{
    row->state = WEFT_ROW_READY;
    row->next = NULL;
    if (window->ready_last == NULL)
        window->ready_first = row;
    else
        window->ready_last->next = row;
    window->ready_last = row;
}

static void ready_prepend(struct weft_window *window, struct weft_window_row *row)
{
    row->state = WEFT_ROW_READY;
    row->next = window->ready_first;
    window->ready_first = row;
    if (window->ready_last == NULL) window->ready_last = row;
}

/* Into the line by id, but never before a first that is ready or under way. */
static void line_insert(struct weft_window *window, struct weft_window_row *row)
{
    struct weft_window_key *key = row->key;
    key_count(window, key, key->n + 1);
    if (key->first == NULL) {
        key->first = key->last = row;
        ready_append(window, row);
        return;
    }
    row->state = WEFT_ROW_WAITING;
    window->n_waiting++;
    struct weft_window_row *before = key->last->id < row->id ? key->last : key->first;
    while (before->behind != NULL && before->behind->id < row->id)
        before = before->behind;
    row->behind = before->behind;
    before->behind = row;
    if (row->behind == NULL) key->last = row;
}

/* The first of its line leaves it. */
static void line_shift(struct weft_window *window, struct weft_window_key *key)
{
    key->first = key->first->behind;
    key_count(window, key, key->n - 1);
    if (key->first == NULL) {
        key->last = NULL;
        return;
    }
    window->n_waiting--;
    ready_append(window, key->first);
}

bool weft_window_add(struct weft_window *window, struct weft_window_row *row)
{
    const char *text = row->publish.message.key;
    if (weft_window_is_held(window, text)) return false;
    rows_add(window, row);
    if (text == NULL) {
        ready_append(window, row);
        return true;
    }
    row->key = key_make(window, text);
    line_insert(window, row);
    return true;
}

bool weft_window_add_probe(struct weft_window *window, struct weft_window_row *row)
{
    row->probe = true;
    if (row->publish.message.key != NULL) {
        row->key = key_make(window, row->publish.message.key);
        if (row->key->probed || row->key->n > 0) return false;
        key_set_held(window, row->key, true);
        row->key->probed = true;
    }
    rows_add(window, row);
    ready_append(window, row);
    return true;
}

void weft_window_add_live(struct weft_window *window, struct weft_window_row *row)
{
    row->live = true;
    row->probe = false;
    row->publish.message.topic = row->live_topic;
    row->publish.flags = WEFT_PUBLISH_TRANSIENT;
    rows_add(window, row);
    ready_append(window, row);
}

size_t weft_window_ready(struct weft_window *window, const struct weft_publish **ret_operations, size_t max)
{
    size_t n = 0;
    for (struct weft_window_row *row = window->ready_first; row != NULL && n < max; row = row->next)
        ret_operations[n++] = &row->publish;
    return n;
}

void weft_window_sent(struct weft_window *window, size_t n)
{
    for (; n > 0; n--) {
        struct weft_window_row *row = window->ready_first;
        window->ready_first = row->next;
        if (row->next == NULL) window->ready_last = NULL;
        row->next = NULL;
        row->state = WEFT_ROW_SENT;
        window->n_sent++;
    }
}

void weft_window_again(struct weft_window *window, struct weft_window_row *row)
{
    assert(row->state == WEFT_ROW_SENT);
    window->n_sent--;
    ready_prepend(window, row);
}

void weft_window_remove(struct weft_window *window, struct weft_window_row *row)
{
    assert(row->state == WEFT_ROW_SENT);
    window->n_sent--;
    rows_remove(window, row);
    struct weft_window_key *key = row->key;
    row->key = NULL;
    if (key == NULL) return;
    if (row->probe)
        key->probed = false;
    else
        line_shift(window, key);
    key_leave(window, key);
}

/* ---- held keys --------------------------------------------------------------------------------------------------- */

/* All rows behind the first, which is under way, leave and are freed. */
static void line_cut(struct weft_window *window, struct weft_window_key *key)
{
    for (struct weft_window_row *row = key->first->behind, *next; row != NULL; row = next) {
        next = row->behind;
        rows_remove(window, row);
        weft_window_row_free(row);
        window->n_waiting--;
    }
    key->first->behind = NULL;
    key->last = key->first;
    key_count(window, key, 1);
}

void weft_window_hold(struct weft_window *window, struct weft_window_row *row)
{
    if (row->key != NULL) {
        if (!row->probe) line_cut(window, row->key);
        key_set_held(window, row->key, true);
    }
    weft_window_remove(window, row);
    weft_window_row_free(row);
}

void weft_window_hold_key(struct weft_window *window, const char *key)
{
    key_set_held(window, key_make(window, key), true);
}

bool weft_window_is_held(const struct weft_window *window, const char *text)
{
    const struct weft_window_key *key = key_find(window, text);
    return key != NULL && key->held;
}

void weft_window_release(struct weft_window *window, const char *text)
{
    struct weft_window_key *key = key_find(window, text);
    if (key == NULL) return;
    key_set_held(window, key, false);
    key_leave(window, key);
}

void weft_window_release_all(struct weft_window *window)
{
    struct weft_window_key *key, *next;
    HASH_ITER(hh, window->keys, key, next)
    {
        key_set_held(window, key, false);
        key_leave(window, key);
    }
}

void weft_window_forget(struct weft_window *window)
{
    window->ready_first = window->ready_last = NULL;
    struct weft_window_key *key, *following;
    HASH_ITER(hh, window->keys, key, following)
    {
        if (key->n > 0) line_cut(window, key);
    }
    for (uint32_t i = window->n; i-- > 0;) {
        struct weft_window_row *row = window->rows[i];
        if (row->state != WEFT_ROW_READY) continue;
        row->state = WEFT_ROW_SENT; /* so that it leaves as any other */
        window->n_sent++;
        weft_window_remove(window, row);
        weft_window_row_free(row);
    }
    weft_window_release_all(window);
}

/* ---- counts ------------------------------------------------------------------------------------------------------ */

uint32_t weft_window_known(const struct weft_window *window)
{
    return window->n;
}
uint32_t weft_window_under_way(const struct weft_window *window)
{
    return window->n_sent;
}
uint32_t weft_window_waiting(const struct weft_window *window)
{
    return window->n_waiting;
}
uint32_t weft_window_held(const struct weft_window *window)
{
    return window->n_held;
}
uint32_t weft_window_busy(const struct weft_window *window)
{
    return window->n_busy;
}
bool weft_window_has_ready(const struct weft_window *window)
{
    return window->ready_first != NULL;
}

size_t weft_window_ids(const struct weft_window *window, int64_t *ret_ids)
{
    for (uint32_t i = 0; i < window->n; i++)
        ret_ids[i] = window->rows[i]->id;
    return window->n;
}

size_t weft_window_busy_keys(const struct weft_window *window, const char **ret_keys, size_t max)
{
    size_t n = 0;
    if (window->n_busy == 0) return 0;
    for (const struct weft_window_key *key = window->keys; key != NULL && n < max; key = key->hh.next)
        if (key->busy) ret_keys[n++] = key->text;
    return n;
}
