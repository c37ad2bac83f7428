/* data/tx.h - transactions: a queue of statements that goes out in one round trip. One thread at a time.
 *
 * Lazy: nothing is sent, and no session taken, until rows are asked for or at the commit. Sticky: the first error wins.
 * A lane shares one transaction among the works of a batch; statements remember their `owner`, so that a failure can be
 * told to the event it belongs to. */
#ifndef WEFT_DATA_TX_H
#define WEFT_DATA_TX_H

#include "base/arena.h"
#include "base/fault.h"
#include "data/store.h"
#include <weft/service.h>

#define WEFT_TX_OWNER_REQUEST (UINT32_MAX - 1) /* of the row of a command with a key: data/request/request.h */

struct weft_tx_outcome {
    int32_t rc;      /* enum weft_rc of what failed; OK */
    uint32_t reason; /* enum weft_reason */
    uint32_t owner;  /* whose statement failed; UINT32_MAX: none's (the commit, the connection) */
    bool sent;       /* something had been sent when it failed */
    weft_status status;
    char text[512]; /* for the log: names statement and constraint */
};

/* In the arena; takes a session when needed. `work` may be NULL (the core's own); else its before_wait is called. */
weft_tx *weft_tx_new(struct weft_arena *arena, struct weft_store *store, uint32_t purpose, uint64_t deadline_ns,
                     struct weft_work *work);
void weft_tx_set_work(weft_tx *tx,
                      struct weft_work *work);     /* whose envelope the next emits carry (correlation id ...) */
struct weft_work *weft_tx_work(const weft_tx *tx); /* that, or NULL */
struct weft_store *weft_tx_store(const weft_tx *tx);
struct weft_arena *weft_tx_arena(const weft_tx *tx); /* what rows, texts and payloads of this transaction live in */
void weft_tx_set_owner(weft_tx *tx, uint32_t owner); /* of statements queued from now on */
/* The core's own statements, in order with the others; params are copied, `sql` is borrowed. */
void weft_tx_queue(weft_tx *tx, const char *sql, const struct weft_value *params, uint32_t n_params);
/* The same for parameters that live as long as the transaction, and may change until they are sent. */
void weft_tx_queue_lent(weft_tx *tx, const char *sql, const struct weft_value *params, uint32_t n_params);
/* Sends what is queued and this, now, and gives its rows (the session's until the next send). Status as weft_fetch. */
weft_status weft_tx_rows(weft_tx *tx, const char *sql, const struct weft_value *params, uint32_t n_params,
                         const struct weft_rowset **ret_rows);
/* The same for several reads in one round trip: each gives one of `ret_sets`, an array of n rowsets. */
weft_status weft_tx_read(weft_tx *tx, const struct weft_statement *reads, size_t n,
                         const struct weft_rowset **ret_sets);
/* An outbox row, sent last before COMMIT. All text is borrowed from the arena or constant. */
struct weft_outbox_row {
    const char *event_id, *type, *topic, *routing_key, *key, *content_type, *schema;
    const char *correlation_id, *causation_id, *traceparent, *tracestate;
    int64_t occurred_us;
    const void *payload;
    size_t payload_size;
};
void weft_tx_outbox(weft_tx *tx, const struct weft_outbox_row *row);
/* The same for a row that goes to the outbox later; and to take back one by its name. In order with the outbox rows. */
void weft_tx_schedule(weft_tx *tx, const char *name, int64_t due_us, const struct weft_outbox_row *row);
void weft_tx_unschedule(weft_tx *tx, const char *name);
const char *weft_tx_event_id(const weft_tx *tx); /* of the last outbox row; NULL: there is none */
/* Makes it fail. The first wins. */
weft_status weft_tx_fail(weft_tx *tx, weft_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The first error, as the client is told it: it names no SQL. Its status is WEFT_OK if there is none. */
const struct weft_fault *weft_tx_fault(const weft_tx *tx);

/* How it failed, if it did. */
const struct weft_tx_outcome *weft_tx_outcome(const weft_tx *tx);

/* What a violated constraint means; see weft_on_violation. */
void weft_tx_on_violation(weft_tx *tx, const char *constraint, weft_status status, const char *field);
void weft_tx_set_alone(weft_tx *tx); /* see weft_tx_alone */
/* Is it open in the store, so that it holds a session? */
bool weft_tx_open(const weft_tx *tx);
/* Is there nothing to send: no statement, no row, nothing open? */
bool weft_tx_empty(const weft_tx *tx);
/* Both end it and give the session back; exactly one of them, once. Commit sends the queue, the outbox rows and COMMIT
 * in one round trip, wakes the relay, and says how it went. Of a failed transaction it is a rollback. */
weft_status weft_tx_commit(weft_tx *tx, struct weft_tx_outcome *ret_outcome);
void weft_tx_rollback(weft_tx *tx);
/* Keys that weft_cache_drop named, once committed: NULL-terminated, the arena's. */
void weft_tx_cache_drop(weft_tx *tx, const char *key);
const char *const *weft_tx_cache_drops(const weft_tx *tx);
/* The id of the rows that stand for these keys in the store until their drop is known to be done; NULL: there are none. */
const char *weft_tx_cache_drop_id(const weft_tx *tx);
bool weft_tx_sent(const weft_tx *tx); /* something has been sent */
/* Cuts unsent statements, outbox rows, drops and errors back to a mark taken before (a lane: the failing event's). What
 * had been sent before the mark stays. */
struct weft_tx_mark {
    uint32_t statements, rows, drops;
};
struct weft_tx_mark weft_tx_mark(const weft_tx *tx);
bool weft_tx_cut(weft_tx *tx, struct weft_tx_mark mark); /* false: sent meanwhile, roll back and run again */

#endif
