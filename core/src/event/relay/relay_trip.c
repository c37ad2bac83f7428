/* event/relay/relay_trip.c - round trips to the store.
 *
 * One trip does all there is to do: it removes what was confirmed, marks and unmarks held keys, renews the lease,
 * claims the next rows and probes held ones, in this order, so that a claim sees what the trip has marked. While
 * commits come singly each is claimed at once; once a claim finds several, trips keep a distance: what a trip costs the
 * store, the broker and the consumers' transactions is then shared by all that gathered meanwhile.
 */
#include "event/relay/relay_state.h"

#include "base/clock.h"
#include "data/cache/drops.h"
#include "observe/log.h"

#include <stdlib.h>

enum { TRIP_STATEMENTS = 16, TRIP_PARAMS = 3, TRIP_NONE = -1 };
enum { TRIP_DROPS_OLD_MS = 1500, TRIP_DROPS_MOST = 256 };
enum { TRIP_HELD_MOST = 200000 }; /* keys: some 20 MB */
enum { TRIP_PURGE_ROWS = 1000 };
#define TRIP_DEADLINE_NS    (5 * WEFT_SECOND)
#define TRIP_PACE_ROW_NS    WEFT_MS /* between claims, for each row that the last one found */
#define TRIP_PACE_MOST_NS   (20 * WEFT_MS)
#define TRIP_PACE_FEW_NS    (2 * WEFT_MS)  /* after a claim that found one or none, at most */
#define TRIP_FLUSH_NS       (10 * WEFT_MS) /* confirmed rows wait this long for a claim to go with */
#define TRIP_PROBE_NS       WEFT_SECOND
#define TRIP_PURGE_NS       (60 * WEFT_SECOND)
#define TRIP_DROPS_NS       WEFT_SECOND /* between looks for drops of cache keys that somebody owes */
#define TRIP_PAUSE_FIRST_NS (50 * WEFT_MS)
#define TRIP_PAUSE_MOST_NS  (2 * WEFT_SECOND)

static const char trip_lease_name[] = "relay";

struct trip {
    struct weft_statement statements[TRIP_STATEMENTS];
    struct weft_value params[TRIP_STATEMENTS][TRIP_PARAMS];
    size_t n;
    int lease, held_keys, scheduled, claim, probe, drops, purge, stats; /* where their rows come, or TRIP_NONE */
    uint32_t claim_limit, probe_limit;
    uint32_t n_busy;
};

static const struct trip trip_empty = { .lease = TRIP_NONE,
                                        .held_keys = TRIP_NONE,
                                        .scheduled = TRIP_NONE,
                                        .claim = TRIP_NONE,
                                        .probe = TRIP_NONE,
                                        .drops = TRIP_NONE,
                                        .purge = TRIP_NONE,
                                        .stats = TRIP_NONE };

/* ---- what goes into a trip --------------------------------------------------------------------------------------- */

static int trip_add(struct trip *trip, const char *sql, uint32_t flags, uint32_t n, const struct weft_value *params)
{
    for (uint32_t i = 0; i < n; i++)
        trip->params[trip->n][i] = params[i];
    trip->statements[trip->n] = (struct weft_statement){ sql, trip->params[trip->n], n, flags };
    return (int)trip->n++;
}
#define TRIP_ADD(trip, sql, flags, ...)                                                                                \
    trip_add(trip, sql, flags, sizeof((struct weft_value[]){ __VA_ARGS__ }) / sizeof(struct weft_value),               \
             (struct weft_value[]){ __VA_ARGS__ })

static struct weft_value marks_keys(const struct relay_marks *marks)
{
    return weft_texts((const char *const *)marks->keys, marks->n_keys);
}

static void trip_add_done(struct weft_relay *relay, struct trip *trip)
{
    const struct weft_dialect *dialect = relay->store->dialect;
    if (relay->n_done > 0) TRIP_ADD(trip, dialect->outbox_done, 0, weft_ints(relay->done, relay->n_done));
    for (size_t i = 0; i < RELAY_MARKS; i++) {
        const struct relay_marks *marks = &relay->marks[i];
        if (marks->n_keys + marks->n_ids == 0) continue;
        TRIP_ADD(trip, dialect->outbox_hold, 0, marks_keys(marks), weft_ints(marks->ids, marks->n_ids),
                 weft_text(marks->reason));
    }
    size_t n_dropped;
    const char *const *dropped = weft_drops_take(relay->store->drops, &n_dropped);
    if (n_dropped > 0) TRIP_ADD(trip, dialect->cache_drop_done, 0, weft_texts(dropped, n_dropped));
    if (relay->release.n_keys > 0)
        TRIP_ADD(trip, dialect->outbox_release, 0, marks_keys(&relay->release), weft_ints(relay->release.ids, 0));
}

/* Renewed a little early when a trip is under way anyway. */
static void trip_add_lease(struct weft_relay *relay, struct trip *trip, uint64_t now)
{
    if (relay->locks || (relay->leased && now + relay->lease_ns / 6 < relay->renew_at_ns)) return;
    trip->lease = TRIP_ADD(trip, relay->store->dialect->lease_take, WEFT_STATEMENT_ROWS, weft_text(trip_lease_name),
                           weft_text(relay->instance), weft_int((int64_t)(relay->lease_ns / WEFT_MS)));
}

/* Rows that may still be claimed; no small change while many are known. */
static uint32_t claim_room(const struct weft_relay *relay)
{
    uint32_t known = weft_window_known(relay->window), room = known < relay->capacity ? relay->capacity - known : 0;
    uint32_t least = relay->batch < relay->capacity / 4 ? relay->batch : relay->capacity / 4;
    if (room == 0 || room < least || weft_window_held(relay->window) >= TRIP_HELD_MOST) return 0;
    return room < relay->batch ? room : relay->batch;
}

/* There may be rows, as far as we know. */
static bool claim_wanted(const struct weft_relay *relay)
{
    return relay->backlog || weft_window_busy(relay->window) < relay->busy_left ||
           __atomic_load_n(&relay->dirty, __ATOMIC_ACQUIRE) != 0;
}

static void trip_add_claim(struct weft_relay *relay, struct trip *trip, uint64_t now)
{
    uint32_t limit = claim_room(relay);
    if (limit == 0 || (!claim_wanted(relay) && now < relay->poll_at_ns)) return;
    /* Before the statement is sent: a commit after it sets the flag again. */
    __atomic_store_n(&relay->dirty, 0, __ATOMIC_SEQ_CST);
    size_t n_ids = weft_window_ids(relay->window, relay->ids);
    size_t n_busy = weft_window_busy_keys(relay->window, relay->busy, relay->capacity);
    trip->claim_limit = limit;
    trip->n_busy = (uint32_t)n_busy;
    trip->claim = TRIP_ADD(trip, relay->store->dialect->outbox_claim, WEFT_STATEMENT_ROWS, weft_ints(relay->ids, n_ids),
                           weft_texts(relay->busy, n_busy), weft_int(limit));
}

/* Probes have room of their own beside the claims'. */
static uint32_t probe_room(const struct weft_relay *relay, uint32_t claimed)
{
    uint32_t known = weft_window_known(relay->window) + claimed, most = relay->capacity + RELAY_PROBES;
    return known >= most ? 0 : most - known < RELAY_PROBES ? most - known : RELAY_PROBES;
}

static bool probe_wanted(const struct weft_relay *relay)
{
    return (relay->held_loose || weft_window_held(relay->window) > 0) && probe_room(relay, 0) > 0;
}

static void trip_add_probe(struct weft_relay *relay, struct trip *trip, uint64_t now)
{
    trip->probe_limit = probe_room(relay, trip->claim_limit);
    if (!probe_wanted(relay) || now < relay->probe_at_ns || trip->probe_limit == 0) return;
    trip->probe = TRIP_ADD(trip, relay->store->dialect->outbox_probe, WEFT_STATEMENT_ROWS, weft_int(trip->probe_limit),
                           weft_int(relay->probe_after));
}

/* Answers to commands with an idempotency key, once they have expired: a few now and then, with a trip made anyway. */
static void trip_add_purge(struct weft_relay *relay, struct trip *trip, uint64_t now)
{
    if (trip->n == 0 || now < relay->purge_at_ns) return;
    trip->purge = TRIP_ADD(trip, relay->store->dialect->request_purge, 0, weft_int(TRIP_PURGE_ROWS));
    relay->purge_at_ns = now + TRIP_PURGE_NS;
}

/* At the start whoever comes looks, since the lease of one that died lasts a while: dropping a key twice does no harm.
 * Then the one that relays does, for those that are gone; younger rows are about to be removed by their own process. */
static void trip_add_drops(struct weft_relay *relay, struct trip *trip, uint64_t now)
{
    if (relay->store->drops == NULL || now < relay->drops_at_ns || (relay->replayed && !relay->holds)) return;
    trip->drops = TRIP_ADD(trip, relay->store->dialect->cache_drop_claim, WEFT_STATEMENT_ROWS,
                           weft_int(relay->replayed ? TRIP_DROPS_OLD_MS : 0), weft_int(TRIP_DROPS_MOST));
}

/* Never a trip of its own: the poll comes as often. */
static void trip_add_stats(struct weft_relay *relay, struct trip *trip, uint64_t now)
{
    if (trip->n == 0 || relay->meter.metrics == NULL || now < relay->meter.read_at_ns) return;
    trip->stats = trip_add(trip, relay->store->dialect->outbox_stats, WEFT_STATEMENT_ROWS, 0, NULL);
}

/* What is due goes into the outbox, ahead of the claim that then finds it. When the next one is due is asked for with
 * trips that are made anyway, once a poll; each time, if this process schedules events. */
static void trip_add_scheduled(struct weft_relay *relay, struct trip *trip, uint64_t now)
{
    const struct weft_dialect *dialect = relay->store->dialect;
    bool due = now >= relay->scheduled_at_ns;
    bool look = now + relay->poll_ns / 2 >= relay->scheduled_look_ns ||
                __atomic_load_n(&relay->store->schedules, __ATOMIC_RELAXED) != 0;
    if (due) {
        const struct weft_value time = weft_time_us(weft_clock_wall_us()), limit = weft_int(relay->batch);
        bool both = dialect->scheduled_moved != NULL;
        TRIP_ADD(trip, dialect->scheduled_move, both ? WEFT_STATEMENT_BEGIN : 0, time, limit);
        if (both) TRIP_ADD(trip, dialect->scheduled_moved, WEFT_STATEMENT_COMMIT, time, limit);
        relay->backlog = true;
    }
    if (due || look) trip->scheduled = trip_add(trip, dialect->scheduled_next, WEFT_STATEMENT_ROWS, 0, NULL);
}

static void trip_fill(struct weft_relay *relay, struct trip *trip, uint64_t now)
{
    trip_add_done(relay, trip);
    trip_add_lease(relay, trip, now);
    trip_add_drops(relay, trip, now);
    if (relay->holds) {
        trip_add_scheduled(relay, trip, now);
        trip_add_claim(relay, trip, now);
        trip_add_probe(relay, trip, now);
        trip_add_purge(relay, trip, now);
        trip_add_stats(relay, trip, now);
    } else if (relay->leased) {
        trip->held_keys = trip_add(trip, relay->store->dialect->outbox_held_keys, WEFT_STATEMENT_ROWS, 0, NULL);
    }
}

/* ---- what a trip brings ------------------------------------------------------------------------------------------ */

static void trip_settled(struct weft_relay *relay)
{
    relay->n_done = 0;
    for (size_t i = 0; i < RELAY_MARKS; i++)
        weft_relay_marks_clear(&relay->marks[i]);
    for (size_t i = 0; i < relay->release.n_keys; i++)
        weft_window_release(relay->window, relay->release.keys[i]);
    if (relay->release.n_keys > 0) relay->backlog = true;
    weft_relay_marks_clear(&relay->release);
}

static void relay_set_holds(struct weft_relay *relay, bool holds)
{
    __atomic_store_n(&relay->holds, holds, __ATOMIC_RELAXED);
    __atomic_store_n(&relay->since_us, weft_clock_wall_us(), __ATOMIC_RELAXED);
    __atomic_store_n(&relay->store->notify_others, holds ? 0 : 1, __ATOMIC_RELAXED);
    weft_series_set(relay->meter.active, holds);
    weft_relay_meter_read(&relay->meter, NULL, 0); /* another's to tell, or to be read at once */
    relay->meter.read_at_ns = 0;
    weft_listener_activate(relay->listener, holds);
}

void weft_relay_lose(struct weft_relay *relay, const char *why)
{
    relay_set_holds(relay, false);
    relay->leased = false;
    relay->renew_at_ns = 0;
    weft_window_forget(relay->window);
    for (size_t i = 0; i < RELAY_MARKS; i++)
        weft_relay_marks_clear(&relay->marks[i]);
    weft_relay_marks_clear(&relay->release);
    weft_log(WEFT_LOG_WARN, "relay", &(struct weft_log_fields){ .service = relay->store->service },
             "this instance relays no longer: %s", why);
}

static void relay_take_over(struct weft_relay *relay, const struct weft_rowset *held_keys)
{
    relay_set_holds(relay, true);
    relay->backlog = relay->held_loose = true;
    relay->claim_at_ns = relay->probe_at_ns = 0;
    relay->probe_after = 0;
    relay->scheduled_at_ns = WEFT_NEVER;
    relay->scheduled_look_ns = 0;
    for (uint32_t i = 0; i < held_keys->n_rows; i++)
        if (held_keys->values[i].type == WEFT_TYPE_TEXT)
            weft_window_hold_key(relay->window, held_keys->values[i].as.text);
    relay_count(&relay->counters.takeovers, 1);
    weft_series_add(relay->meter.takeovers, 1);
    weft_log(WEFT_LOG_INFO, "relay", &(struct weft_log_fields){ .service = relay->store->service },
             "this instance relays the outbox now");
}

static void trip_dropped(struct weft_relay *relay, const struct weft_rowset *rows)
{
    bool done = weft_drops_replay(relay->store->drops, rows);
    relay->drops_left = done && rows->n_rows == TRIP_DROPS_MOST;
    relay->replayed |= done && !relay->drops_left;
    relay->drops_at_ns = relay->drops_left ? 0 : weft_clock_ns() + TRIP_DROPS_NS;
}

/* Is the lease ours after this trip? */
static bool trip_lease(struct weft_relay *relay, const struct trip *trip, const struct weft_result *result,
                       uint64_t start)
{
    if (trip->lease == TRIP_NONE) return relay->leased;
    relay->renew_at_ns = start + relay->lease_ns / 3;
    if (result->sets[trip->lease].n_rows == 0) {
        if (relay->leased) weft_relay_lose(relay, "another instance has the lease");
        return false;
    }
    relay->lease_until_ns = start + relay->lease_ns - relay->lease_ns / 10;
    relay->leased = true;
    return true;
}

static void trip_claimed(struct weft_relay *relay, const struct trip *trip, const struct weft_rowset *rows)
{
    for (uint32_t i = 0; i < rows->n_rows; i++) {
        const struct weft_value *columns = rows->values + (size_t)i * rows->n_columns;
        struct weft_window_row *row = weft_window_row_new(columns, relay->store->service, relay->registry);
        row->publish.host_data = &relay->sink;
        if (weft_window_add(relay->window, row)) continue;
        weft_relay_marks_add(&relay->marks[RELAY_BEHIND], row);
        weft_window_row_free(row);
    }
    relay_count(&relay->counters.claimed, rows->n_rows);
    relay->backlog = rows->n_rows == trip->claim_limit;
    relay->busy_left = trip->n_busy;
    relay->emptied = rows->n_rows == 0 && trip->n_busy == 0;
    relay->poll_at_ns = weft_clock_ns() + relay->poll_ns;
}

static void trip_probed(struct weft_relay *relay, const struct trip *trip, const struct weft_rowset *rows)
{
    relay->probe_at_ns = weft_clock_ns() + TRIP_PROBE_NS;
    /* A round that begins and finds nothing: whatever was held has been released or removed by somebody else. */
    if (rows->n_rows == 0 && relay->probe_after == 0) {
        weft_window_release_all(relay->window);
        weft_relay_unheard_clear(relay);
        relay->held_loose = false;
    }
    relay->probe_after = 0;
    for (uint32_t i = 0; i < rows->n_rows; i++) {
        const struct weft_value *columns = rows->values + (size_t)i * rows->n_columns;
        struct weft_window_row *row = weft_window_row_new(columns, relay->store->service, relay->registry);
        row->publish.host_data = &relay->sink;
        if (rows->n_rows == trip->probe_limit) relay->probe_after = row->id;
        if (!weft_window_add_probe(relay->window, row)) weft_window_row_free(row);
    }
}

static void trip_scheduled(struct weft_relay *relay, const struct weft_rowset *next)
{
    uint64_t now = weft_clock_ns();
    int64_t wait_us = next->n_rows == 0 ? INT64_MAX : next->values[0].as.integer - weft_clock_wall_us();
    relay->scheduled_look_ns = now + relay->poll_ns;
    if (next->n_rows == 0)
        relay->scheduled_at_ns = WEFT_NEVER;
    else
        relay->scheduled_at_ns = wait_us <= 0 ? now : now + (uint64_t)wait_us * 1000;
}

static void trip_apply(struct weft_relay *relay, const struct trip *trip, const struct weft_result *result,
                       uint64_t start)
{
    trip_settled(relay);
    if (trip_lease(relay, trip, result, start)) {
        if (trip->held_keys != TRIP_NONE) relay_take_over(relay, &result->sets[trip->held_keys]);
        if (trip->scheduled != TRIP_NONE) trip_scheduled(relay, &result->sets[trip->scheduled]);
        if (trip->claim != TRIP_NONE) trip_claimed(relay, trip, &result->sets[trip->claim]);
        if (trip->purge != TRIP_NONE && result->sets[trip->purge].affected >= TRIP_PURGE_ROWS)
            relay->purge_at_ns = 0; /* there are more */
        if (trip->probe != TRIP_NONE) trip_probed(relay, trip, &result->sets[trip->probe]);
        if (trip->stats != TRIP_NONE)
            weft_relay_meter_read(&relay->meter, &result->sets[trip->stats], weft_clock_ns() - start);
    }
    if (trip->drops != TRIP_NONE) trip_dropped(relay, &result->sets[trip->drops]);
}

/* ---- a trip ------------------------------------------------------------------------------------------------------ */

static void trip_failed(struct weft_relay *relay, const char *text)
{
    uint64_t pause = relay->store_pause_ns == 0 ? TRIP_PAUSE_FIRST_NS : relay->store_pause_ns * 2;
    relay->store_pause_ns = relay_sooner(pause, TRIP_PAUSE_MOST_NS);
    relay->store_at_ns = weft_clock_ns() + relay->store_pause_ns;
    relay->backlog = true; /* the claim that failed saw nothing of what woke it */
    weft_log_limited("relay-store", WEFT_LOG_WARN, "relay",
                     &(struct weft_log_fields){ .service = relay->store->service },
                     "the outbox cannot be read, trying again: %s", text);
}

static bool relay_session(struct weft_relay *relay, uint64_t now)
{
    struct weft_fault fault = { .status = WEFT_OK };
    if (relay->session != NULL) return true;
    if (weft_store_acquire(relay->store, WEFT_SESSION_RELAY, now + TRIP_DEADLINE_NS, &relay->session, &fault) ==
        WEFT_OK)
        return true;
    relay->session = NULL;
    trip_failed(relay, fault.text);
    return false;
}

/* With WEFT_STORE_LOCK: the process holds it or does not; nothing to renew. */
static bool relay_lock(struct weft_relay *relay, uint64_t now)
{
    struct weft_error error = { .rc = WEFT_RC_OK };
    if (!relay->locks || relay->leased) return true;
    int32_t rc = relay->store->ops->lock(relay->store->self, trip_lease_name, &error);
    relay->leased = rc == WEFT_RC_OK;
    relay->lease_until_ns = WEFT_NEVER;
    relay->renew_at_ns = now + relay->lease_ns / 3;
    if (rc != WEFT_RC_OK && rc != WEFT_RC_CONFLICT) trip_failed(relay, error.text);
    return relay->leased;
}

static bool trip_run(struct weft_relay *relay, const struct trip *trip, struct weft_result *ret_result,
                     uint64_t deadline)
{
    int32_t rc = weft_session_run(relay->session, trip->statements, trip->n, ret_result, deadline);
    relay_count(&relay->counters.trips, 1);
    weft_series_add(relay->meter.trips, 1);
    if (rc == WEFT_RC_OK) {
        relay->store_pause_ns = 0;
        return true;
    }
    trip_failed(relay, ret_result->text == NULL ? "no reason given" : ret_result->text);
    if (relay->session->lost) {
        weft_store_release(relay->session);
        relay->session = NULL;
    }
    return false;
}

/* The more a claim finds, the longer the next one waits for as many: at some thousand events a second the distance is
 * the longest, at some hundred it is next to nothing. */
static uint64_t trip_pace(const struct trip *trip, const struct weft_result *result, uint64_t took_ns)
{
    uint32_t n_rows = trip->claim == TRIP_NONE ? 0 : result->sets[trip->claim].n_rows;
    if (n_rows > 1) return relay_sooner(n_rows * TRIP_PACE_ROW_NS, TRIP_PACE_MOST_NS);
    return relay_sooner(took_ns, TRIP_PACE_FEW_NS);
}

void weft_relay_trip(struct weft_relay *relay)
{
    struct trip trip = trip_empty;
    struct weft_result result = { 0 };
    uint64_t start = weft_clock_ns();
    if (relay->leased && start >= relay->lease_until_ns)
        weft_relay_lose(relay, "the lease could not be renewed in time");
    if (!relay_lock(relay, start) || !relay_session(relay, start)) return;
    trip_fill(relay, &trip, start);
    if (trip.n == 0 || !trip_run(relay, &trip, &result, start + TRIP_DEADLINE_NS)) return;
    uint64_t end = weft_clock_ns();
    relay->claim_at_ns = end + trip_pace(&trip, &result, end - start);
    relay->flush_at_ns = end + TRIP_FLUSH_NS;
    trip_apply(relay, &trip, &result, start);
}

static uint64_t claim_due(const struct weft_relay *relay)
{
    if (claim_room(relay) == 0) return WEFT_NEVER;
    if (relay->backlog) return 0;
    return claim_wanted(relay) ? relay_sooner(relay->claim_at_ns, relay->poll_at_ns) : relay->poll_at_ns;
}

static uint64_t scheduled_due(const struct weft_relay *relay)
{
    return relay_sooner(relay->scheduled_at_ns, relay->scheduled_look_ns);
}

uint64_t weft_relay_trip_due(struct weft_relay *relay)
{
    uint64_t due = relay->locks && relay->leased ? WEFT_NEVER : relay->renew_at_ns;
    size_t n_marks = relay->release.n_keys;
    for (size_t i = 0; i < RELAY_MARKS; i++)
        n_marks += relay->marks[i].n_keys + relay->marks[i].n_ids;
    if (n_marks > 0 || relay->leased != relay->holds || relay->n_done >= relay->batch / 2) due = 0;
    if (relay->n_done > 0) due = relay_sooner(due, relay->flush_at_ns);
    if (relay->holds) due = relay_sooner(due, relay_sooner(claim_due(relay), scheduled_due(relay)));
    if (relay->drops_left) due = 0;
    if (relay->holds && probe_wanted(relay)) due = relay_sooner(due, relay->probe_at_ns);
    return due > relay->store_at_ns ? due : relay->store_at_ns;
}

/* ---- the end ----------------------------------------------------------------------------------------------------- */

/* The last trip: what was confirmed, and the lease. */
void weft_relay_give_back(struct weft_relay *relay)
{
    struct trip trip = trip_empty;
    struct weft_result result = { 0 };
    trip_add_done(relay, &trip);
    if (relay->leased && !relay->locks)
        TRIP_ADD(&trip, relay->store->dialect->lease_release, 0, weft_text(trip_lease_name),
                 weft_text(relay->instance));
    if (trip.n > 0 && relay->session != NULL && trip_run(relay, &trip, &result, weft_clock_ns() + WEFT_SECOND))
        trip_settled(relay);
    if (relay->session != NULL) weft_store_release(relay->session);
    relay->session = NULL;
    if (relay->locks && relay->leased) relay->store->ops->unlock(relay->store->self, trip_lease_name);
    relay->leased = false;
    relay_set_holds(relay, false);
}
