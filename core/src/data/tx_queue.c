/* data/tx_queue.c - what a transaction has to send: statements, outbox rows, cache keys; and how far back it is cut. */
#include "data/tx_state.h"

#include "base/id.h"

#include <string.h>

static void list_grow(weft_tx *tx, struct tx_list *list, size_t item_size)
{
    const uint32_t capacity = list->capacity > 0 ? list->capacity * 2 : 4;
    void *items = weft_arena_alloc(tx->arena, capacity * item_size);
    if (list->n > 0) memcpy(items, list->items, list->n * item_size);
    list->items = items;
    list->capacity = capacity;
}

/* Room for one more; NULL makes the transaction fail. */
static void *list_add(weft_tx *tx, struct tx_list *list, size_t item_size)
{
    if (list->n >= TX_MAX_STATEMENTS) {
        weft_tx_fail(tx, WEFT_RESOURCE_EXHAUSTED,
                     "the transaction has over %d statements, events or cache keys; split it", TX_MAX_STATEMENTS);
        return NULL;
    }
    if (list->n == list->capacity) list_grow(tx, list, item_size);
    return (char *)list->items + list->n++ * item_size;
}

static const char *const *texts_copy(struct weft_arena *arena, const struct weft_value *value)
{
    const char **texts = weft_arena_alloc(arena, value->size * sizeof *texts);
    for (uint64_t i = 0; i < value->size; i++)
        texts[i] = weft_arena_strdup(arena, value->as.texts[i]);
    return texts;
}

static void value_copy(struct weft_arena *arena, struct weft_value *value)
{
    switch (value->type) {
    case WEFT_TYPE_TEXT:
    case WEFT_TYPE_BYTES:
        value->as.bytes = weft_arena_copy(arena, value->as.bytes, value->size);
        break;
    case WEFT_TYPE_INTS:
        value->as.ints = weft_arena_copy(arena, value->as.ints, value->size * sizeof *value->as.ints);
        break;
    case WEFT_TYPE_TEXTS:
        value->as.texts = texts_copy(arena, value);
        break;
    default:
        break;
    }
}

static const struct weft_value *values_copy(struct weft_arena *arena, const struct weft_value *values, uint32_t n)
{
    if (n == 0) return NULL;
    struct weft_value *copy = weft_arena_copy(arena, values, n * sizeof *values);
    for (uint32_t i = 0; i < n; i++)
        value_copy(arena, &copy[i]);
    return copy;
}

void weft_tx_add(weft_tx *tx, struct weft_statement statement, uint32_t owner)
{
    struct tx_statement *added = list_add(tx, &tx->statements, sizeof *added);
    if (added == NULL) return;
    added->statement = statement;
    added->owner = owner;
}

void weft_tx_queue_lent(weft_tx *tx, const char *sql, const struct weft_value *params, uint32_t n_params)
{
    if (!weft_tx_failed(tx))
        weft_tx_add(tx, (struct weft_statement){ sql, params, n_params, WEFT_STATEMENT_UNCOUNTED }, tx->owner);
}

void weft_tx_queue(weft_tx *tx, const char *sql, const struct weft_value *params, uint32_t n_params)
{
    if (!weft_tx_failed(tx)) weft_tx_queue_lent(tx, sql, values_copy(tx->arena, params, n_params), n_params);
}

/* Last before COMMIT, in the order of the calls. */
static void tx_add_row(weft_tx *tx, const char *sql, const struct weft_value *params, uint32_t n_params)
{
    struct tx_statement *added = list_add(tx, &tx->rows, sizeof *added);
    if (added == NULL) return;
    added->statement =
        (struct weft_statement){ sql, weft_arena_copy(tx->arena, params, n_params * sizeof *params), n_params, 0 };
    added->owner = tx->owner;
}

static void row_values(const struct weft_outbox_row *row, struct weft_value ret_values[TX_OUTBOX_PARAMS])
{
    const struct weft_value values[TX_OUTBOX_PARAMS] = {
        weft_text(row->event_id),
        weft_text(row->type),
        weft_text(row->topic),
        weft_text(row->routing_key),
        weft_text(row->key),
        weft_text(row->content_type),
        weft_text(row->schema),
        weft_text(row->correlation_id),
        weft_text(row->causation_id),
        weft_text(row->traceparent),
        weft_text(row->tracestate),
        weft_time_us(row->occurred_us),
        weft_bytes(row->payload, row->payload_size),
    };
    memcpy(ret_values, values, sizeof values);
}

void weft_tx_outbox(weft_tx *tx, const struct weft_outbox_row *row)
{
    struct weft_value values[TX_OUTBOX_PARAMS];
    if (weft_tx_failed(tx)) return;
    row_values(row, values);
    tx_add_row(tx, tx->store->dialect->outbox_insert, values, TX_OUTBOX_PARAMS);
}

/* The flag stays: from now on the relay looks at each claim for what is due. */
void weft_tx_schedule(weft_tx *tx, const char *name, int64_t due_us, const struct weft_outbox_row *row)
{
    struct weft_value values[TX_SCHEDULED_PARAMS] = { weft_text(weft_arena_strdup(tx->arena, name)),
                                                      weft_time_us(due_us) };
    if (weft_tx_failed(tx)) return;
    row_values(row, values + 2);
    tx_add_row(tx, tx->store->dialect->scheduled_insert, values, TX_SCHEDULED_PARAMS);
    __atomic_store_n(&tx->store->schedules, 1, __ATOMIC_RELAXED);
}

void weft_tx_unschedule(weft_tx *tx, const char *name)
{
    const struct weft_value value = weft_text(weft_arena_strdup(tx->arena, name));
    if (!weft_tx_failed(tx)) tx_add_row(tx, tx->store->dialect->scheduled_cancel, &value, 1);
}

bool weft_tx_notifies(const weft_tx *tx, struct weft_statement *ret_notify)
{
    static const char channel[] = WEFT_OUTBOX_CHANNEL;
    static const struct weft_value param = { .type = WEFT_TYPE_TEXT, .size = sizeof channel - 1, .as.text = channel };
    const char *notify = tx->store->dialect->notify;
    if (tx->rows.n == 0 || notify == NULL || __atomic_load_n(&tx->store->notify_others, __ATOMIC_RELAXED) == 0)
        return false;
    *ret_notify = (struct weft_statement){ notify, &param, 1, 0 };
    return true;
}

const char *weft_tx_event_id(const weft_tx *tx)
{
    const struct tx_statement *rows = tx->rows.items;
    return tx->rows.n > 0 ? rows[tx->rows.n - 1].statement.params[0].as.text : NULL;
}

void weft_tx_cache_drop(weft_tx *tx, const char *key)
{
    if (weft_tx_failed(tx)) return;
    const char **added = list_add(tx, &tx->drops, sizeof *added);
    if (added != NULL) *added = weft_arena_strdup(tx->arena, key);
}

const char *const *weft_tx_cache_drops(const weft_tx *tx)
{
    const char **keys = weft_arena_alloc(tx->arena, (tx->drops.n + 1) * sizeof *keys);
    if (tx->drops.n > 0) memcpy(keys, tx->drops.items, tx->drops.n * sizeof *keys);
    return keys;
}

const char *weft_tx_cache_drop_id(const weft_tx *tx)
{
    return tx->drop_id;
}

/* One statement for all keys. */
void weft_tx_add_drops(weft_tx *tx)
{
    if (tx->drops.n == 0 || tx->store->drops == NULL) return;
    char *id = weft_arena_alloc(tx->arena, WEFT_ID_SIZE);
    weft_id_v7(id);
    tx->drop_id = id;
    const struct weft_value values[] = { weft_text(id), weft_texts(tx->drops.items, tx->drops.n) };
    const struct weft_value *params = weft_arena_copy(tx->arena, values, sizeof values);
    weft_tx_add(tx, (struct weft_statement){ tx->store->dialect->cache_drop_insert, params, 2, 0 }, UINT32_MAX);
}

struct weft_tx_mark weft_tx_mark(const weft_tx *tx)
{
    return (struct weft_tx_mark){ tx->n_sent + tx->statements.n, tx->rows.n, tx->drops.n };
}

bool weft_tx_cut(weft_tx *tx, struct weft_tx_mark mark)
{
    if (tx->state == TX_ENDED || mark.statements < tx->n_sent) return false;
    tx->statements.n = mark.statements - tx->n_sent;
    tx->rows.n = mark.rows;
    tx->drops.n = mark.drops;
    tx->fault = (struct weft_fault){ 0 };
    tx->outcome = (struct weft_tx_outcome){ .owner = UINT32_MAX };
    return true;
}
