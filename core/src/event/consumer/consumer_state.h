/* event/consumer/consumer_state.h - a group from inside, for the files that make it: consumer.c, lane.c, batch*.c,
 * mark.c, handle.c, due.c, letters.c.
 *
 *   plugin's thread: deliver --by hash of key--> lanes --batches--> store
 *   due's thread: parked rows that are due -------'
 */
#ifndef WEFT_EVENT_CONSUMER_STATE_H
#define WEFT_EVENT_CONSUMER_STATE_H

#include "base/arena.h"
#include "base/clock.h"
#include "base/mailbox.h"
#include "data/tx.h"
#include "event/consumer/consumer.h"
#include "event/consumer/item.h"

#include <pthread.h>

enum { WEFT_LANES_MOST = 64, WEFT_BATCH_MOST = 1000, WEFT_LETTERS_MOST = 20 };

/* What is counted; series are NULL without metrics. */
struct weft_group_meter {
    struct weft_metrics *metrics;
    struct weft_series *inflight, *active, *transactions, *pauses, *parked, *dead;
    struct weft_group_meter_type {
        struct weft_series *results[WEFT_ITEM_RESULTS], *seconds;
    } * types;           /* one a handler, and one more for types that have none */
    uint64_t read_at_ns; /* when the store's own figures are read again: due's thread */
};

/* One worker: everything is its thread's but the queues. */
struct weft_lane {
    struct weft_consumer *consumer;
    struct weft_mailbox *deliveries; /* const struct weft_delivery * */
    struct weft_mailbox *due;        /* struct weft_parked * */
    struct weft_arena *arena;        /* of a round: what was taken */
    struct weft_arena *batch_arena;  /* of a transaction: messages, statements */
    struct weft_item *items;         /* options.batch of them */
    size_t n_items;
    uint32_t careful; /* batches that are to look before they run */
    void **taken;
    struct weft_settle *settles;
    pthread_t thread;
    bool started;
};

/* The broker's dead-letter queue of the group. */
struct weft_letters {
    struct weft_delivery_sink sink; /* its address is the letters' */
    struct weft_consumer *consumer;
    bool subscribed;
    const struct weft_delivery *in_hand[WEFT_LETTERS_MOST]; /* under the consumer's mutex, as what follows */
    size_t n;
    bool fresh; /* some have come that were not looked at */
};

struct weft_consumer {
    struct weft_delivery_sink sink; /* its address is the consumer's */
    struct weft_consumer_options options;
    struct weft_event_handler *handlers; /* a copy of the options' */
    struct weft_store *store;            /* NULL: the service keeps nothing */
    struct weft_cache *cache;
    struct weft_transport *transport;
    struct weft_letters letters;
    bool plain; /* no inbox and no parked rows: broadcast, or no store */
    struct weft_lane lanes[WEFT_LANES_MOST];
    uint32_t next_lane; /* for events without key; the delivering thread's */
    pthread_t due_thread;
    bool due_started;
    bool stopping; /* atomic; set under the mutex */

    pthread_mutex_t mutex; /* of these: */
    pthread_cond_t changed;
    uint32_t n_due; /* parked rows that lanes have in hand */
    int64_t due_us; /* a row that this instance parked is due then, by the wall clock; INT64_MAX: none known */

    int64_t started_us, waiting_us;         /* wall clock; waiting for the store, 0: not (atomic) */
    struct weft_consumer_counters counters; /* atomic */
    struct weft_group_meter meter;
};

static inline bool weft_consumer_is_stopping(const struct weft_consumer *consumer)
{
    return __atomic_load_n(&consumer->stopping, __ATOMIC_ACQUIRE);
}
static inline void weft_consumer_count(uint64_t *counter)
{
    __atomic_fetch_add(counter, 1, __ATOMIC_RELAXED);
}
/* A lane waits for the store, or has committed. */
static inline void weft_consumer_set_waiting(struct weft_consumer *consumer, bool waits)
{
    if ((__atomic_load_n(&consumer->waiting_us, __ATOMIC_RELAXED) != 0) != waits)
        __atomic_store_n(&consumer->waiting_us, waits ? weft_clock_wall_us() : 0, __ATOMIC_RELAXED);
}
/* The lane of a key: always the same; of none: each in turn. The delivering thread, or due's with a key. */
struct weft_lane *weft_consumer_lane(struct weft_consumer *consumer, const char *key);

/* lane.c */
bool weft_lane_start(struct weft_lane *lane, struct weft_consumer *consumer);
void weft_lane_join(struct weft_lane *lane);   /* it has seen that the consumer stops, or sees it when woken by this */
void weft_lane_return(struct weft_lane *lane); /* gives back what nobody handled; after join */
void weft_lane_free(struct weft_lane *lane);

/* handle.c: one item. */
void weft_item_read(struct weft_lane *lane, struct weft_item *item);
/* Runs the handler: in the batch's transaction, or with NULL in one of its own. Sets status, reason and duration. */
weft_status weft_item_handle(struct weft_lane *lane, weft_tx *tx, struct weft_item *item);
void weft_item_refuse(struct weft_item *item, const char *format, ...) __attribute__((format(printf, 2, 3)));
void weft_item_told(struct weft_lane *lane, const struct weft_item *item); /* counts and logs how it ended */

/* batch.c: one transaction over some items. */
struct weft_batch {
    struct weft_lane *lane;
    struct weft_item *items;
    size_t n;
    weft_tx *tx;
    bool hopeful;      /* all are taken for new, and the store says so if not */
    const char **held; /* keys that are held up; room for n more */
    size_t n_held;
};
enum weft_batch_end {
    WEFT_BATCH_COMMITTED,
    WEFT_BATCH_BLAMED, /* one failed and all is rolled back; *ret_blamed says which, its status and reason are set */
    /* Nobody's fault, run it again: */
    WEFT_BATCH_AWAY,   /* the store is away, or was lost during the commit: the inbox will tell */
    WEFT_BATCH_LATE,   /* it took longer than it may: less of it, if it was more than one */
    WEFT_BATCH_TANGLED /* a deadlock, a serialization failure */
};
enum weft_batch_end weft_batch_run(struct weft_lane *lane, struct weft_item *items, size_t n, size_t *ret_blamed);
enum weft_batch_end weft_batch_ended(const struct weft_tx_outcome *outcome);

/* batch_inbox.c: what is new, and what is held up. False: the transaction has failed. */
enum { WEFT_BATCH_INBOX = UINT32_MAX - 1 }; /* the owner of a hopeful batch's inbox statement */
bool weft_batch_may_hope(const struct weft_lane *lane, const struct weft_item *items, size_t n);
bool weft_batch_open(struct weft_batch *batch);
bool weft_batch_is_held(const struct weft_batch *batch, const char *key);

/* batch_failed.c: what fails goes to a row. */
void weft_batch_queue_failed(struct weft_lane *lane, weft_tx *tx, struct weft_item *item);
void weft_batch_queue_behind(struct weft_lane *lane, weft_tx *tx, struct weft_item *item);
enum weft_batch_end weft_batch_park(struct weft_lane *lane,
                                    struct weft_item *item); /* alone, in a transaction of its own */

/* mark.c: what was under way when a process ended. */
enum weft_batch_end weft_mark_first(struct weft_lane *lane, struct weft_item *items, size_t n);
enum weft_batch_end weft_mark_again(struct weft_lane *lane, struct weft_item *item);
void weft_mark_queue_clear(struct weft_lane *lane, weft_tx *tx, const struct weft_item *items, size_t n);

/* letters.c: the broker's dead-letter queue, drained by due's thread. */
void weft_letters_subscribe(struct weft_consumer *consumer); /* if the transport has one */
void weft_letters_bury(struct weft_consumer *consumer);
bool weft_letters_wait(const struct weft_consumer *consumer); /* under the mutex: is there something to bury? */
void weft_letters_unsubscribe(struct weft_consumer *consumer);
void weft_letters_return(struct weft_consumer *consumer); /* what is left, to the broker; after the threads */

/* due.c: the thread that finds parked rows whose time has come. */
bool weft_due_start(struct weft_consumer *consumer);
void weft_due_join(struct weft_consumer *consumer);
void weft_due_hint(struct weft_consumer *consumer, int64_t due_us); /* a row was parked until then; any thread */
void weft_due_returned(struct weft_consumer *consumer);             /* a lane has done one; any thread */

/* meter.c */
void weft_group_meter_init(struct weft_group_meter *meter, const struct weft_consumer_options *options);
void weft_group_meter_free(struct weft_group_meter *meter);
/* Of the item's type. */
struct weft_group_meter_type *weft_group_meter_type(struct weft_consumer *consumer, const struct weft_item *item);
/* The rows of failed_stats, which a run of `took_ns` has brought. */
void weft_group_meter_read(struct weft_consumer *consumer, const struct weft_rowset *stats, uint64_t took_ns);
const char *weft_item_result_name(enum weft_item_result result); /* handle.c: "handled" */

#endif
