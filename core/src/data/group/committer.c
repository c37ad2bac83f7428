/* data/group/committer.c - the thread that makes groups. */
#include "data/group/committer.h"

#include "base/clock.h"
#include "base/memory.h"
#include "data/group/habits.h"
#include "data/group/run.h"
#include "data/tx_state.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#define COMMITTER_STUCK_NS (100 * WEFT_MS) /* a group that takes longer takes no more company */
enum { COMMITTER_ARENA_BYTES = 64 << 10 };

struct weft_committer {
    struct weft_store *store;
    pthread_t thread;

    pthread_mutex_t mutex; /* of these: */
    pthread_cond_t offered;
    struct weft_join *first, **last;
    struct weft_habits habits;
    uint64_t running_ns; /* since when a group is under way; 0: none is */
    bool waiting, stopping;

    struct weft_group_run run;               /* the thread's */
    struct weft_committer_counters counters; /* atomic */
};

static void committer_count(uint64_t *counter, uint64_t n)
{
    __atomic_fetch_add(counter, n, __ATOMIC_RELAXED);
}

/* ---- any thread -------------------------------------------------------------------------------------------------- */

static bool committer_may_take(struct weft_committer *committer, uint64_t kind)
{
    const uint64_t now = weft_clock_ns();
    if (committer->running_ns != 0 && now - committer->running_ns > COMMITTER_STUCK_NS) return false;
    return weft_habits_may_join(&committer->habits, kind, now);
}

bool weft_committer_take(struct weft_committer *committer, struct weft_join *join)
{
    if (committer == NULL || !weft_group_fits(join->tx)) return false;
    join->next = NULL;
    join->blamed = false;
    join->kind = weft_habits_kind(join->tx);
    pthread_mutex_lock(&committer->mutex);
    const bool taken = committer_may_take(committer, join->kind);
    const bool wake = taken && committer->waiting;
    if (taken) {
        *committer->last = join;
        committer->last = &join->next;
        committer->waiting = false;
    }
    pthread_mutex_unlock(&committer->mutex);
    if (wake) pthread_cond_signal(&committer->offered);
    return taken;
}

struct weft_committer_counters weft_committer_counters(const struct weft_committer *committer)
{
    return (struct weft_committer_counters){
        .groups = __atomic_load_n(&committer->counters.groups, __ATOMIC_RELAXED),
        .committed = __atomic_load_n(&committer->counters.committed, __ATOMIC_RELAXED),
        .evicted = __atomic_load_n(&committer->counters.evicted, __ATOMIC_RELAXED),
    };
}

/* ---- the thread -------------------------------------------------------------------------------------------------- */

/* With the mutex: as many of those that wait as fit into a group, at least one. */
static void committer_gather(struct weft_committer *committer)
{
    struct weft_group_run *run = &committer->run;
    uint32_t size = 0;
    run->n_members = run->n_left = 0;
    while (committer->first != NULL && run->n_members < WEFT_GROUP_MEMBERS && size < WEFT_GROUP_STATEMENTS) {
        struct weft_join *join = committer->first;
        committer->first = join->next;
        size += weft_group_size(join->tx);
        run->members[run->n_members++] = join;
    }
    if (committer->first == NULL) committer->last = &committer->first;
}

/* The relay is woken before the members are told: it may begin while they answer. A join is its owner's again with its
 * `ended`, so nothing of it is read after. */
static void committer_tell(struct weft_committer *committer, bool committed)
{
    const struct weft_group_run *run = &committer->run;
    const struct weft_store *store = committer->store;
    bool emitted = false;
    for (uint32_t i = 0; i < run->n_members && committed; i++)
        emitted |= run->members[i]->tx->rows.n > 0;
    if (emitted && store->on_outbox != NULL) store->on_outbox(store->on_outbox_arg);
    for (uint32_t i = 0; i < run->n_members; i++)
        run->members[i]->ended(run->members[i], WEFT_JOIN_ENDED);
    for (uint32_t i = 0; i < run->n_left; i++)
        run->left[i]->ended(run->left[i], run->left[i]->end);
}

static void committer_learn(struct weft_committer *committer)
{
    const struct weft_group_run *run = &committer->run;
    const uint64_t now = weft_clock_ns();
    for (uint32_t i = 0; i < run->n_left; i++)
        if (run->left[i]->blamed) weft_habits_failed(&committer->habits, run->left[i]->kind, now);
}

/* With the mutex, without it meanwhile. */
static void committer_round(struct weft_committer *committer)
{
    committer_gather(committer);
    committer->running_ns = weft_clock_ns();
    pthread_mutex_unlock(&committer->mutex);
    const bool committed = weft_group_run(&committer->run);
    if (committed) {
        committer_count(&committer->counters.groups, 1);
        committer_count(&committer->counters.committed, committer->run.n_members);
    }
    committer_count(&committer->counters.evicted, committer->run.n_left);
    pthread_mutex_lock(&committer->mutex);
    committer->running_ns = 0;
    committer_learn(committer);
    pthread_mutex_unlock(&committer->mutex);
    committer_tell(committer, committed);
    pthread_mutex_lock(&committer->mutex);
}

static void *committer_main(void *arg)
{
    struct weft_committer *committer = arg;
    pthread_mutex_lock(&committer->mutex);
    while (committer->first != NULL || !committer->stopping) {
        if (committer->first != NULL) {
            committer_round(committer);
            continue;
        }
        committer->waiting = true;
        while (committer->waiting && !committer->stopping)
            pthread_cond_wait(&committer->offered, &committer->mutex);
    }
    pthread_mutex_unlock(&committer->mutex);
    return NULL;
}

/* ---- its life ---------------------------------------------------------------------------------------------------- */

static void committer_free(struct weft_committer *committer)
{
    weft_arena_free(committer->run.arena);
    pthread_cond_destroy(&committer->offered);
    pthread_mutex_destroy(&committer->mutex);
    free(committer);
}

struct weft_committer *weft_committer_start(struct weft_store *store)
{
    struct weft_committer *committer = weft_memory_zeroed(1, sizeof *committer);
    committer->store = store;
    committer->last = &committer->first;
    committer->run.store = store;
    committer->run.arena = weft_arena_new(COMMITTER_ARENA_BYTES);
    pthread_mutex_init(&committer->mutex, NULL);
    pthread_cond_init(&committer->offered, NULL);
    sigset_t all, before; /* signals are the main thread's */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    const int rc = pthread_create(&committer->thread, NULL, committer_main, committer);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rc == 0) {
        pthread_setname_np(committer->thread, "weft-commit");
        return committer;
    }
    committer_free(committer);
    return NULL;
}

void weft_committer_stop(struct weft_committer *committer)
{
    if (committer == NULL) return;
    pthread_mutex_lock(&committer->mutex);
    committer->stopping = true;
    pthread_cond_signal(&committer->offered);
    pthread_mutex_unlock(&committer->mutex);
    pthread_join(committer->thread, NULL);
    committer_free(committer);
}
