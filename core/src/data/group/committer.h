/* data/group/committer.h - commit groups: transactions that only queued writes go out together, as one transaction of
 * the store, one round trip and one flush of its log for all of them.
 *
 * One thread and one session a store. There is no timer: a lone transaction goes at once, and while a group is under
 * way the next one gathers. What fails is taken out of the group and left to be committed alone, where it fails or
 * succeeds by itself; the others go out again without it. So nobody sees another's error, and each commits or not as if
 * alone. */
#ifndef WEFT_DATA_COMMITTER_H
#define WEFT_DATA_COMMITTER_H

#include "data/tx.h"

enum weft_join_end {
    WEFT_JOIN_ENDED, /* the transaction has ended: its fault says how */
    WEFT_JOIN_ALONE  /* nothing of it was kept: weft_tx_commit is to be called, where waiting is allowed */
};

/* A transaction on its way through a group; the caller's, in one piece until `ended`. */
struct weft_join {
    weft_tx *tx;
    /* Called once, by the committer's thread, which all others wait for: it must not wait. */
    void (*ended)(struct weft_join *join, enum weft_join_end end);
    /* The committer's: */
    struct weft_join *next;
    uint64_t kind;
    enum weft_join_end end;
    bool blamed; /* it goes alone by its own doing */
};

struct weft_committer;

/* NULL: no thread could be made, and every transaction goes alone. */
struct weft_committer *weft_committer_start(struct weft_store *store);
void weft_committer_stop(struct weft_committer *committer); /* nothing is on its way any more; NULL is fine */

/* Takes the transaction, with all that its statements point to, until `ended`. False: it is none for a group (it has
 * sent something, reads, takes locks, drops cache keys, has failed or is empty), others of its kind fail too often, or
 * the group under way is stuck: commit it alone. Any thread. */
bool weft_committer_take(struct weft_committer *committer, struct weft_join *join);

/* Since the start; any thread. */
struct weft_committer_counters {
    uint64_t groups;    /* transactions of the store */
    uint64_t committed; /* transactions in them */
    uint64_t evicted;   /* sent away to be committed alone */
};
struct weft_committer_counters weft_committer_counters(const struct weft_committer *committer);

#endif
