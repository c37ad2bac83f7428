/* event/relay/relay_state.h - a relay from inside, for the files relay*.c alone.
 *
 * Its thread owns everything but what stands under the mutex. Completions come from the plugin's thread and only queue;
 * commits only set `dirty`. */
#ifndef WEFT_EVENT_RELAY_STATE_H
#define WEFT_EVENT_RELAY_STATE_H

#include "event/relay/listener.h"
#include "event/relay/relay.h"
#include "event/relay/window.h"

#include <pthread.h>

enum { RELAY_MARKS = 4, RELAY_PROBES = 64, RELAY_UNHEARD = 64 };
enum relay_mark { RELAY_UNROUTED, RELAY_REFUSED, RELAY_UNCONFIRMED, RELAY_BEHIND };

/* Keys and rows to be marked held in the store, all for one reason. Keys are copies. */
struct relay_marks {
    char **keys;
    int64_t *ids;
    size_t n_keys, n_ids, capacity;
    char reason[256];
};

enum relay_result { RELAY_CONFIRMED, RELAY_NOT_ROUTED, RELAY_NOT_TAKEN, RELAY_AGAIN, RELAY_RESULTS };

/* What is counted; series are NULL without metrics. */
struct relay_meter {
    struct weft_metrics *metrics;
    struct weft_series *inflight, *confirm_seconds; /* any thread's */
    struct weft_series *active, *takeovers, *trips, *pending, *held, *oldest;
    /* By type of event, made as types come; the first is for those without a contract. */
    struct relay_meter_type {
        const struct weft_event_type *type;
        struct weft_series *results[RELAY_RESULTS];
    } * types;
    size_t n_types;
    uint64_t read_at_ns; /* when the store's own figures are read again */
};

struct weft_relay {
    struct weft_publish_sink sink; /* its address is the relay's */
    struct weft_store *store;
    struct weft_transport *transport;
    const struct weft_registry *registry;
    struct weft_tap *tap;
    char *instance;
    uint32_t capacity, batch;
    uint64_t poll_ns, lease_ns;
    bool locks; /* the store has WEFT_STORE_LOCK */
    struct weft_listener *listener;
    pthread_t thread;

    uint32_t dirty; /* atomic: 1 since a commit that no claim has seen yet */

    pthread_mutex_t mutex; /* of these: */
    pthread_cond_t woken;
    struct weft_window_row *completed_first, *completed_last;
    uint32_t n_completed;
    uint32_t wake_at; /* completions that end a wait */
    bool waiting, ready, stopping;
    bool trouble; /* a completion that was no confirm */
    bool left;    /* the thread has ended, and what was under way completes without it */
    uint64_t stop_ns;

    /* The thread's: what is known ... */
    struct weft_window *window;
    int64_t *done; /* confirmed, to be removed */
    size_t n_done;
    int64_t *ids; /* room for what a claim leaves out */
    const char **busy;
    struct relay_marks marks[RELAY_MARKS];
    struct relay_marks release;
    char *unheard[RELAY_UNHEARD]; /* types that nobody listens to and that were told of */
    size_t n_unheard;
    struct weft_session *session;
    /* ... the lease ... */
    bool leased;      /* the lease, or lock, is ours */
    bool holds;       /* and what is held has been read: we relay (atomic: others look) */
    int64_t since_us; /* wall clock, of `holds` (atomic) */
    bool draining;
    uint64_t lease_until_ns, renew_at_ns;
    /* ... what the last claim said ... */
    bool backlog;        /* it was full */
    uint32_t busy_left;  /* keys it left out */
    bool emptied;        /* it left nothing out and found nothing */
    bool held_loose;     /* there may be held rows without a key, or keys we know nothing of */
    int64_t probe_after; /* where the round of probes stands */
    bool replayed;       /* drops of cache keys that an earlier process owed have been looked for */
    bool drops_left;     /* and there were more than one look gives */
    /* ... and when what is due. */
    uint64_t claim_at_ns, poll_at_ns, probe_at_ns, flush_at_ns, drops_at_ns, purge_at_ns;
    uint64_t scheduled_at_ns, scheduled_look_ns; /* an event is due then (NEVER: none known); to be asked for again */
    uint64_t publish_at_ns, publish_pause_ns;    /* back-off while the transport is away */
    uint64_t store_at_ns, store_pause_ns;        /* while the store is */
    bool blocked;                                /* the plugin took fewer than offered */

    struct weft_relay_counters counters; /* atomic */
    struct relay_meter meter;
};

/* relay_publish.c */
void weft_relay_complete(struct weft_publish_sink *sink, const struct weft_completion *completions, size_t n);
void weft_relay_collect(struct weft_relay *relay);
void weft_relay_publish(struct weft_relay *relay);
uint64_t weft_relay_publish_due(const struct weft_relay *relay);
/* relay_trip.c */
void weft_relay_trip(struct weft_relay *relay);
uint64_t weft_relay_trip_due(struct weft_relay *relay);
void weft_relay_give_back(struct weft_relay *relay);
void weft_relay_lose(struct weft_relay *relay, const char *why);
/* relay_meter.c */
void weft_relay_meter_init(struct relay_meter *meter, struct weft_metrics *metrics, const char *service);
void weft_relay_meter_free(struct relay_meter *meter);
void weft_relay_meter_count(struct relay_meter *meter, const struct weft_window_row *row, enum relay_result result);
/* The row of outbox_stats that a trip of `took_ns` has brought; NULL: this instance does not relay. */
void weft_relay_meter_read(struct relay_meter *meter, const struct weft_rowset *stats, uint64_t took_ns);
/* relay_marks.c */
struct relay_marks weft_relay_marks_new(size_t capacity, const char *reason);
void weft_relay_marks_free(struct relay_marks *marks);
void weft_relay_marks_add(struct relay_marks *marks, const struct weft_window_row *row);
void weft_relay_marks_clear(struct relay_marks *marks);
/* Is the type new among those that nobody listens to? More than there is room for count as known. */
bool weft_relay_unheard_add(struct weft_relay *relay, const char *type);
void weft_relay_unheard_clear(struct weft_relay *relay);

void weft_relay_free(struct weft_relay *relay);

static inline void relay_count(uint64_t *counter, uint64_t n)
{
    __atomic_fetch_add(counter, n, __ATOMIC_RELAXED);
}
static inline uint64_t relay_sooner(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

#endif
