/* data/store.h - a service's store: one plugin instance with a bounded pool of sessions. Any thread. */
#ifndef WEFT_DATA_STORE_H
#define WEFT_DATA_STORE_H

#include "base/fault.h"
#include <stdbool.h>
#include <weft/plugin.h>

/* What commits with outbox rows notify, while notify_others is set. */
#define WEFT_OUTBOX_CHANNEL "weft_outbox"

struct weft_store {
    const struct weft_store_ops *ops;
    const struct weft_dialect *dialect; /* = ops->dialect */
    void *self;
    const char *service;
    uint32_t max_sessions; /* REQUEST sessions open at a time */
    uint32_t spare;
    /* Called after a commit that wrote outbox rows, by the committing thread: wakes the relay. May be NULL. */
    void (*on_outbox)(void *arg);
    void *on_outbox_arg;
    /* Called when the store is lost and when it is there again, by the thread that saw it. May be NULL. Set before use
     */
    void (*on_change)(void *arg);
    void *on_change_arg;
    struct weft_store_pool *pool;
    /* 1: commits with outbox rows also notify other processes, since the relay's lease is not ours (atomic). */
    uint32_t notify_others;
    uint32_t lost;      /* atomic: as in its state */
    uint32_t schedules; /* 1: this process has scheduled events (atomic) */
    uint32_t spare2;
    uint64_t request_kept_ns;         /* answers to commands with an idempotency key; 0: 24 h. Set before use */
    struct weft_committer *committer; /* data/group: what only writes is committed in groups; NULL: each alone */
    struct weft_drops *drops; /* of cache keys; NULL: nothing of them is written down. Set by the host before use */
    const struct weft_topics *topics; /* forms of bodies by topic; NULL: protobuf. Set by the host before use */
};

/* Can the store be reached, as far as those who use it have noticed? Any thread. */
struct weft_store_state {
    bool lost;
    int64_t since_us;  /* wall clock; of the start if it never changed */
    uint64_t n_healed; /* times that it was there again */
    char why[256];     /* it is lost */
};
struct weft_store_state weft_store_state(struct weft_store *store);

struct weft_session {
    struct weft_store *store;
    void *session;
    uint32_t purpose;
    bool lost;                 /* set by weft_session_run; a lost one is closed at release */
    bool reused;               /* it comes from the pool: its connection may have died meanwhile */
    struct weft_session *next; /* in the pool */
};

struct weft_store *weft_store_new(const struct weft_store_ops *ops, void *self, const char *service,
                                  uint32_t max_sessions);
void weft_store_free(struct weft_store *store); /* closes pooled sessions; none may be out */

/* A session of the purpose: a pooled one, or a new one, or waits for one to the deadline. RESOURCE_EXHAUSTED: the pool
 * stayed empty; UNAVAILABLE; PERMISSION_DENIED for REFUSED. */
weft_status weft_store_acquire(struct weft_store *store, uint32_t purpose, uint64_t deadline_ns,
                               struct weft_session **ret_session, struct weft_fault *ret_fault);
void weft_store_release(struct weft_session *session);

/* One batch, one round trip. Returns the plugin's rc and notes a lost session. */
int32_t weft_session_run(struct weft_session *session, const struct weft_statement *statements, size_t n,
                         struct weft_result *ret_result, uint64_t deadline_ns);
/* The same for the first run after acquire. A pooled session that died while idle costs nothing then: it is replaced by
 * a new one and the batch runs again, since UNAVAILABLE says that nothing was committed. The other pooled ones, as dead
 * as it most likely, are closed. *session is NULL when no new one could be had. */
int32_t weft_session_run_first(struct weft_session **session, const struct weft_statement *statements, size_t n,
                               struct weft_result *ret_result, uint64_t deadline_ns);
/* A single statement outside a transaction with rows: for the core's own reads. */
int32_t weft_session_one(struct weft_session *session, const char *sql, const struct weft_value *params,
                         uint32_t n_params, struct weft_result *ret_result, uint64_t deadline_ns);

#endif
