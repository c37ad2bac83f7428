/* data/tx_state.h - a transaction from inside, for the files that make it: tx.c (its life), tx_queue.c (what is
 * queued), group/ (transactions that go out together). */
#ifndef WEFT_DATA_TX_STATE_H
#define WEFT_DATA_TX_STATE_H

#include "data/failure.h"
#include "data/tx.h"

enum {
    TX_MAX_STATEMENTS = 10000, /* queued at a time; outbox rows and cache keys as well */
    TX_OUTBOX_PARAMS = 13,
    TX_SCHEDULED_PARAMS = 2 + TX_OUTBOX_PARAMS
};

enum tx_state { TX_FRESH, TX_OPEN, TX_ENDED };

/* An array in the arena that grows by doubling. */
struct tx_list {
    void *items;
    uint32_t n, capacity;
};

/* Queued, or an outbox row. */
struct tx_statement {
    struct weft_statement statement;
    uint32_t owner;
    uint32_t spare;
};

struct weft_tx {
    struct weft_arena *arena;
    struct weft_store *store; /* NULL: the service has none; it has failed then */
    struct weft_work *work;
    struct weft_session *session; /* while open, and during a run */
    uint64_t deadline_ns;
    uint32_t purpose;
    uint32_t owner;
    enum tx_state state;
    uint32_t n_sent;                        /* statements sent so far */
    struct tx_list statements, rows, drops; /* struct tx_statement twice, const char * */
    const char *drop_id;                    /* of the rows that repeat the drops, once committed; or NULL */
    bool alone;                             /* it shares its commit with no other */
    const struct weft_violation_rule *rules;
    struct weft_fault fault;
    struct weft_tx_outcome outcome;
};

static inline bool weft_tx_failed(const weft_tx *tx)
{
    return tx->fault.status != WEFT_OK;
}

/* tx_queue.c: a statement whose parameters live long enough; the notice of new outbox rows, if others are to hear. */
void weft_tx_add(weft_tx *tx, struct weft_statement statement, uint32_t owner);
/* The rows that stand for the drops of cache keys, if the store keeps such. */
void weft_tx_add_drops(weft_tx *tx);
bool weft_tx_notifies(const weft_tx *tx, struct weft_statement *ret_notify);

/* tx.c: ends that are no commit; each sets fault and outcome, ends the transaction and returns the status. */
/* A run failed and is rolled back. `failed`: whose statement it was, or NULL: nobody's. */
weft_status weft_tx_break(weft_tx *tx, int32_t rc, const struct weft_result *result, const struct tx_statement *failed);
/* Nothing was sent: no session could be had. */
weft_status weft_tx_stay(weft_tx *tx, const struct weft_fault *fault);
/* Nothing was sent: its deadline has passed. */
weft_status weft_tx_late(weft_tx *tx);
/* It has committed: gives back the session. */
void weft_tx_end(weft_tx *tx);

#endif
