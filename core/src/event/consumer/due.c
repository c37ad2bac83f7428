/* event/consumer/due.c - the thread that looks for parked rows whose time has come, and hands each to the lane of its
 * key.
 *
 * It hands out no more before all are back: so no row is in two hands of this instance, and in an ordered group the
 * next row of a key is looked for when the one before it is done. It also removes what is too old from the inbox. */
#include "event/consumer/consumer_state.h"

#include "base/clock.h"
#include "observe/log.h"

#include <stdlib.h>

enum { DUE_AT_ONCE = 100, DUE_PURGE_ROWS = 1000, DUE_PURGE_ROUNDS = 20 };
#define DUE_LEAST_NS      (50 * WEFT_MS) /* the store's clock may be behind ours */
#define DUE_RUN_NS        (5 * WEFT_SECOND)
#define DUE_PURGE_NS      (3600 * WEFT_SECOND)
#define DUE_INBOX_KEPT_US (7 * 24 * 3600 * 1000000ll)

/* ---- what lanes say ---------------------------------------------------------------------------------------------- */

void weft_due_hint(struct weft_consumer *consumer, int64_t due_us)
{
    pthread_mutex_lock(&consumer->mutex);
    if (due_us < consumer->due_us) {
        consumer->due_us = due_us;
        pthread_cond_broadcast(&consumer->changed);
    }
    pthread_mutex_unlock(&consumer->mutex);
}

void weft_due_returned(struct weft_consumer *consumer)
{
    pthread_mutex_lock(&consumer->mutex);
    if (--consumer->n_due == 0) pthread_cond_broadcast(&consumer->changed);
    pthread_mutex_unlock(&consumer->mutex);
}

/* ---- the store --------------------------------------------------------------------------------------------------- */

static void due_warn(const struct weft_consumer *consumer, const char *text)
{
    weft_log_limited(
        "due", WEFT_LOG_WARN, "consumer",
        &(struct weft_log_fields){ .service = consumer->options.service, .group = consumer->options.group },
        "parked events cannot be read, trying again: %s", text == NULL ? "no reason given" : text);
}

/* Runs some statements on a session of the pool; false if the store is away. `use` sees the result. */
static bool due_run(struct weft_consumer *consumer, const struct weft_statement *statements, size_t n,
                    void (*use)(struct weft_consumer *consumer, const struct weft_result *result, void *arg), void *arg)
{
    struct weft_session *session;
    struct weft_fault fault = { .status = WEFT_OK };
    struct weft_result result = { 0 };
    uint64_t deadline = weft_clock_ns() + DUE_RUN_NS;
    if (weft_store_acquire(consumer->store, WEFT_SESSION_LANE, deadline, &session, &fault) != WEFT_OK) {
        due_warn(consumer, fault.text);
        return false;
    }
    int32_t rc = weft_session_run_first(&session, statements, n, &result, deadline);
    if (rc == WEFT_RC_OK)
        use(consumer, &result, arg);
    else
        due_warn(consumer, result.text);
    if (session != NULL) weft_store_release(session);
    return rc == WEFT_RC_OK;
}

struct due_found {
    struct weft_parked *rows[DUE_AT_ONCE];
    uint32_t n;
    uint64_t began_ns;
    int64_t next_us; /* INT64_MAX: none */
};

static void due_read(struct weft_consumer *consumer, const struct weft_result *result, void *arg)
{
    (void)consumer;
    struct due_found *found = arg;
    const struct weft_rowset *due = &result->sets[0], *next = &result->sets[1];
    for (uint32_t i = 0; i < due->n_rows; i++)
        found->rows[found->n++] = weft_parked_new(due->values + (size_t)i * due->n_columns);
    if (result->n_sets > 2) weft_group_meter_read(consumer, &result->sets[2], weft_clock_ns() - found->began_ns);
    if (next->n_rows > 0 && next->values[0].type == WEFT_TYPE_TIME) found->next_us = next->values[0].as.integer;
}

static bool due_find(struct weft_consumer *consumer, struct due_found *found)
{
    const struct weft_dialect *dialect = consumer->store->dialect;
    const struct weft_value group = weft_text(consumer->options.group), ordered = weft_bool(consumer->options.ordered),
                            hold = weft_bool(consumer->options.hold_on_dead);
    const struct weft_value due[] = { group, weft_int(DUE_AT_ONCE), ordered, hold };
    const struct weft_value next[] = { group, ordered, hold };
    const struct weft_statement statements[] = { { dialect->failed_due, due, 4, WEFT_STATEMENT_ROWS },
                                                 { dialect->failed_next, next, 3, WEFT_STATEMENT_ROWS },
                                                 { dialect->failed_stats, NULL, 0, WEFT_STATEMENT_ROWS } };
    *found = (struct due_found){ .next_us = INT64_MAX, .began_ns = weft_clock_ns() };
    bool counts = consumer->meter.metrics != NULL && found->began_ns >= consumer->meter.read_at_ns;
    return due_run(consumer, statements, counts ? 3 : 2, due_read, found);
}

static void purge_read(struct weft_consumer *consumer, const struct weft_result *result, void *arg)
{
    (void)consumer;
    *(int64_t *)arg = result->sets[0].affected;
}

/* In small deletes, so that no lane waits for one. */
static void due_purge(struct weft_consumer *consumer)
{
    const struct weft_value params[] = { weft_time_us(weft_clock_wall_us() - DUE_INBOX_KEPT_US),
                                         weft_int(DUE_PURGE_ROWS) };
    const struct weft_statement purge = { consumer->store->dialect->inbox_purge, params, 2, 0 };
    int64_t purged = DUE_PURGE_ROWS;
    for (int i = 0; i < DUE_PURGE_ROUNDS && purged >= DUE_PURGE_ROWS && !weft_consumer_is_stopping(consumer); i++)
        if (!due_run(consumer, &purge, 1, purge_read, &purged)) return;
}

/* ---- the thread -------------------------------------------------------------------------------------------------- */

/* Hands them out and waits until the lanes have brought them all back. */
static void due_hand_out(struct weft_consumer *consumer, const struct due_found *found)
{
    pthread_mutex_lock(&consumer->mutex);
    consumer->n_due = found->n;
    pthread_mutex_unlock(&consumer->mutex);
    for (uint32_t i = 0; i < found->n; i++) {
        struct weft_lane *lane = weft_consumer_lane(consumer, weft_envelope_key(&found->rows[i]->message));
        void *row = found->rows[i];
        weft_mailbox_push(lane->due, &row, 1);
        weft_mailbox_wake(lane->deliveries);
    }
    pthread_mutex_lock(&consumer->mutex);
    struct timespec never = weft_clock_timespec(WEFT_NEVER);
    while (consumer->n_due > 0 && !weft_consumer_is_stopping(consumer))
        pthread_cond_clockwait(&consumer->changed, &consumer->mutex, CLOCK_MONOTONIC, &never);
    pthread_mutex_unlock(&consumer->mutex);
}

/* At most the poll: another instance may have parked rows and gone, a person may have had some replayed. */
static uint64_t due_wait_ns(int64_t due_us, uint64_t poll_ns)
{
    int64_t now_us = weft_clock_wall_us();
    if (due_us <= now_us) return DUE_LEAST_NS;
    uint64_t wait = (uint64_t)(due_us - now_us) > poll_ns / 1000 ? poll_ns : (uint64_t)(due_us - now_us) * 1000;
    return wait < DUE_LEAST_NS ? DUE_LEAST_NS : wait;
}

/* Until the next row is due, be it one that a lane parks meanwhile. */
static void due_sleep(struct weft_consumer *consumer, int64_t next_us)
{
    pthread_mutex_lock(&consumer->mutex);
    uint64_t start = weft_clock_ns();
    for (int ended = 0; ended == 0 && !weft_letters_wait(consumer) && !weft_consumer_is_stopping(consumer);) {
        int64_t due_us = consumer->due_us < next_us ? consumer->due_us : next_us;
        struct timespec until = weft_clock_timespec(start + due_wait_ns(due_us, consumer->options.poll_ns));
        ended = pthread_cond_clockwait(&consumer->changed, &consumer->mutex, CLOCK_MONOTONIC, &until);
    }
    consumer->due_us = INT64_MAX;
    pthread_mutex_unlock(&consumer->mutex);
}

static void *due_main(void *arg)
{
    struct weft_consumer *consumer = arg;
    struct due_found found;
    uint64_t purge_at_ns = weft_clock_ns() + DUE_PURGE_NS / 60;
    while (!weft_consumer_is_stopping(consumer)) {
        weft_letters_bury(consumer);
        bool there = due_find(consumer, &found);
        if (found.n > 0) {
            due_hand_out(consumer, &found);
            continue;
        }
        due_sleep(consumer, there ? found.next_us : INT64_MAX);
        if (weft_clock_ns() < purge_at_ns) continue;
        due_purge(consumer);
        purge_at_ns = weft_clock_ns() + DUE_PURGE_NS;
    }
    return NULL;
}

bool weft_due_start(struct weft_consumer *consumer)
{
    consumer->due_started = pthread_create(&consumer->due_thread, NULL, due_main, consumer) == 0;
    return consumer->due_started;
}

void weft_due_join(struct weft_consumer *consumer)
{
    if (consumer->due_started) pthread_join(consumer->due_thread, NULL);
    consumer->due_started = false;
}
