/* data/group/run.h - a group on its way to the store: who is in it, what is sent, who has to leave. The committer's
 * thread. */
#ifndef WEFT_DATA_GROUP_RUN_H
#define WEFT_DATA_GROUP_RUN_H

#include "data/group/committer.h"

enum { WEFT_GROUP_MEMBERS = 256, WEFT_GROUP_STATEMENTS = 4000, WEFT_JOIN_STATEMENTS = 64 };

struct weft_group_run {
    struct weft_store *store;
    struct weft_arena *arena; /* of one run: reset by it */
    struct weft_join *members[WEFT_GROUP_MEMBERS];
    uint32_t n_members;
    struct weft_join *left[WEFT_GROUP_MEMBERS]; /* who left before the end; `end` and `blamed` of each are set */
    uint32_t n_left;
};

/* Can a transaction of this kind go with others at all? Any thread. */
bool weft_group_fits(const weft_tx *tx);
/* Statements that it adds to a group. */
uint32_t weft_group_size(const weft_tx *tx);
/* Sends the members' statements, then all their outbox rows, in one transaction; again without whoever fails, a few
 * times. Afterwards the members that remain have ended, whichever way. True: they have committed. */
bool weft_group_run(struct weft_group_run *run);

#endif
