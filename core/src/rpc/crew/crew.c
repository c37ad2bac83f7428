/* rpc/crew/crew.c - leader and followers. The followers are a stack: the last that came to wait goes first, its cache
 * is warm, and the reserve at the bottom finds out that it is not needed. */
#include "rpc/crew/crew.h"

#include "base/clock.h"
#include "base/memory.h"
#include "base/thread.h"
#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define RESERVE_IDLE_NS (10 * WEFT_SECOND) /* a reserve thread without work for so long ends */

enum worker_state { WORKER_NONE, WORKER_RUNS, WORKER_ENDED };

struct weft_worker {
    struct weft_crew *crew;
    pthread_t thread;
    pthread_cond_t called;
    struct weft_worker *below; /* in the stack of followers */
    enum worker_state state;
    bool follows;                  /* is in the stack */
    atomic_bool leads;             /* written under the lock; its own thread reads it without */
    atomic_uint_least64_t entered; /* odd while inside a handler that it runs as leader */
};

struct weft_crew {
    struct weft_crew_source source;
    pthread_mutex_t lock;
    struct weft_worker *followers;
    /* Read by the leader without the lock: others make it fall seldom (a job deferred from elsewhere, relieve()), and
     * hand_on() looks again. */
    atomic_uint_least32_t n_followers;
    struct weft_worker *leader;
    struct weft_tag *first_job, **last_job;
    bool closed;
    uint32_t n_running, min_workers, max_workers;
    struct weft_worker *relieve_leader; /* what relieve() saw last */
    uint64_t relieve_entered;
    struct weft_worker workers[];
};

struct weft_crew *weft_crew_new(struct weft_crew_source source, uint32_t workers, uint32_t max_workers)
{
    assert(max_workers >= 2 && workers >= 1 && workers <= max_workers);
    struct weft_crew *crew = weft_memory_zeroed(1, sizeof *crew + max_workers * sizeof crew->workers[0]);
    crew->source = source;
    pthread_mutex_init(&crew->lock, NULL);
    crew->last_job = &crew->first_job;
    crew->min_workers = workers;
    crew->max_workers = max_workers;
    for (uint32_t i = 0; i < max_workers; i++) {
        crew->workers[i].crew = crew;
        pthread_cond_init(&crew->workers[i].called, NULL);
    }
    return crew;
}

/* ---- the stack of followers, under the lock ---------------------------------------------------------------------- */

static void follower_push(struct weft_worker *worker)
{
    struct weft_crew *crew = worker->crew;
    worker->below = crew->followers;
    worker->follows = true;
    crew->followers = worker;
    atomic_fetch_add_explicit(&crew->n_followers, 1, memory_order_relaxed);
}

static struct weft_worker *follower_pop(struct weft_crew *crew)
{
    struct weft_worker *worker = crew->followers;
    if (worker == NULL) return NULL;
    crew->followers = worker->below;
    worker->follows = false;
    atomic_fetch_sub_explicit(&crew->n_followers, 1, memory_order_relaxed);
    return worker;
}

/* Takes a follower out of the middle: it has waited long enough. */
static void follower_remove(struct weft_worker *worker)
{
    struct weft_worker **at = &worker->crew->followers;
    while (*at != worker)
        at = &(*at)->below;
    *at = worker->below;
    worker->follows = false;
    atomic_fetch_sub_explicit(&worker->crew->n_followers, 1, memory_order_relaxed);
}

static void leader_set(struct weft_crew *crew, struct weft_worker *worker)
{
    if (crew->leader != NULL) atomic_store_explicit(&crew->leader->leads, false, memory_order_relaxed);
    crew->leader = worker;
    atomic_store_explicit(&worker->leads, true, memory_order_relaxed);
}

static struct weft_tag *job_take(struct weft_crew *crew)
{
    struct weft_tag *job = crew->first_job;
    if (job == NULL) return NULL;
    crew->first_job = job->next;
    if (crew->first_job == NULL) crew->last_job = &crew->first_job;
    return job;
}

/* ---- a worker's thread ------------------------------------------------------------------------------------------- */

/* A follower's wait; the lock is held. Returns false when the thread is to end. A reserve thread that nobody calls
 * ends, unless it is the last follower: the leader counts on it. */
static bool worker_wait(struct weft_worker *worker)
{
    struct weft_crew *crew = worker->crew;
    while (worker->follows && !crew->closed) {
        bool reserve = crew->n_running > crew->min_workers;
        struct timespec deadline = weft_clock_timespec(reserve ? weft_clock_ns() + RESERVE_IDLE_NS : WEFT_NEVER);
        int rc = pthread_cond_clockwait(&worker->called, &crew->lock, CLOCK_MONOTONIC, &deadline);
        if (rc == 0 || !worker->follows) continue;
        if (crew->n_running > crew->min_workers && atomic_load(&crew->n_followers) > 1) {
            follower_remove(worker);
            return false;
        }
    }
    return !crew->closed;
}

static bool worker_leads(const struct weft_worker *worker)
{
    return atomic_load_explicit(&worker->leads, memory_order_relaxed);
}

/* Called by the leader when the source has ended: so do all. */
static void crew_close(struct weft_crew *crew)
{
    pthread_mutex_lock(&crew->lock);
    crew->closed = true;
    for (struct weft_worker *worker = crew->followers; worker != NULL; worker = worker->below)
        pthread_cond_signal(&worker->called);
    pthread_mutex_unlock(&crew->lock);
}

static void worker_lead(struct weft_worker *worker)
{
    const struct weft_crew_source *source = &worker->crew->source;
    while (worker_leads(worker)) {
        struct weft_tag *tag;
        bool ok;
        if (!source->next(source->arg, &tag, &ok)) {
            crew_close(worker->crew);
            return;
        }
        tag->run(tag, ok, worker);
    }
}

/* Runs what was deferred, then joins the followers. The lock is held before and after. */
static void worker_help(struct weft_worker *worker)
{
    struct weft_crew *crew = worker->crew;
    for (struct weft_tag *job; (job = job_take(crew)) != NULL;) {
        pthread_mutex_unlock(&crew->lock);
        job->run(job, true, worker);
        pthread_mutex_lock(&crew->lock);
    }
    follower_push(worker);
}

static void *worker_main(void *arg)
{
    struct weft_worker *worker = arg;
    struct weft_crew *crew = worker->crew;
    pthread_mutex_lock(&crew->lock);
    while (worker_wait(worker)) {
        if (worker_leads(worker)) {
            pthread_mutex_unlock(&crew->lock);
            worker_lead(worker);
            pthread_mutex_lock(&crew->lock);
        }
        worker_help(worker);
    }
    worker->state = WORKER_ENDED;
    crew->n_running--;
    pthread_mutex_unlock(&crew->lock);
    return NULL;
}

/* Starts a thread, which counts as a follower at once. The lock is held. Returns pthread_create's error. */
static int worker_start(struct weft_crew *crew)
{
    struct weft_worker *worker = crew->workers;
    while (worker->state == WORKER_RUNS)
        worker++;
    if (worker->state == WORKER_ENDED) pthread_join(worker->thread, NULL); /* has left the lock: it only returns */
    worker->state = WORKER_NONE;

    int rc = weft_thread_start(&worker->thread, worker_main, worker);
    if (rc != 0) return rc;
    pthread_setname_np(worker->thread, "weft-rpc");
    worker->state = WORKER_RUNS;
    crew->n_running++;
    follower_push(worker);
    return 0;
}

/* ---- for others -------------------------------------------------------------------------------------------------- */

weft_status weft_crew_start(struct weft_crew *crew, struct weft_fault *ret_fault)
{
    int rc = 0;
    pthread_mutex_lock(&crew->lock);
    uint32_t wanted = crew->min_workers > 2 ? crew->min_workers : 2;
    while (rc == 0 && crew->n_running < wanted)
        rc = worker_start(crew);
    if (rc == 0) {
        leader_set(crew, follower_pop(crew));
        pthread_cond_signal(&crew->leader->called);
    }
    pthread_mutex_unlock(&crew->lock);
    if (rc == 0) return WEFT_OK;
    crew_close(crew);
    return weft_fault_set(ret_fault, WEFT_UNAVAILABLE,
                          "cannot start %u worker threads: %s; raise the limit or lower workers", wanted, strerror(rc));
}

void weft_crew_free(struct weft_crew *crew)
{
    if (crew == NULL) return;
    for (uint32_t i = 0; i < crew->max_workers; i++) {
        pthread_mutex_lock(&crew->lock);
        bool started = crew->workers[i].state != WORKER_NONE;
        pthread_mutex_unlock(&crew->lock);
        if (started) pthread_join(crew->workers[i].thread, NULL);
    }
    for (uint32_t i = 0; i < crew->max_workers; i++)
        pthread_cond_destroy(&crew->workers[i].called);
    pthread_mutex_destroy(&crew->lock);
    free(crew);
}

bool weft_worker_may_wait(struct weft_worker *worker)
{
    struct weft_crew *crew = worker->crew;
    if (!worker_leads(worker) || atomic_load_explicit(&crew->n_followers, memory_order_relaxed) > 0) return true;
    pthread_mutex_lock(&crew->lock);
    bool may = crew->followers != NULL || (crew->n_running < crew->max_workers && worker_start(crew) == 0);
    pthread_mutex_unlock(&crew->lock);
    return may;
}

void weft_worker_hand_on(struct weft_worker *worker)
{
    if (worker == NULL || !worker_leads(worker)) return;
    struct weft_crew *crew = worker->crew;
    struct weft_worker *next = NULL;
    pthread_mutex_lock(&crew->lock);
    if (crew->leader == worker) {
        next = follower_pop(crew);
        if (next != NULL) leader_set(crew, next); /* else a job took the last since may_wait(): it will be back soon */
    }
    pthread_mutex_unlock(&crew->lock);
    if (next != NULL) pthread_cond_signal(&next->called);
}

/* Only its own thread writes it: no read-modify-write is needed. */
static void worker_count_entry(struct weft_worker *worker)
{
    uint64_t entered = atomic_load_explicit(&worker->entered, memory_order_relaxed);
    atomic_store_explicit(&worker->entered, entered + 1, memory_order_relaxed);
}

void weft_worker_enter(struct weft_worker *worker)
{
    worker_count_entry(worker);
}

void weft_worker_leave(struct weft_worker *worker)
{
    worker_count_entry(worker);
}

void weft_crew_defer(struct weft_crew *crew, struct weft_tag *job)
{
    job->next = NULL;
    pthread_mutex_lock(&crew->lock);
    *crew->last_job = job;
    crew->last_job = &job->next;
    struct weft_worker *worker = follower_pop(crew); /* one may have come back meanwhile */
    pthread_mutex_unlock(&crew->lock);
    if (worker != NULL) pthread_cond_signal(&worker->called);
}

void weft_crew_relieve(struct weft_crew *crew)
{
    struct weft_worker *next = NULL;
    pthread_mutex_lock(&crew->lock);
    struct weft_worker *leader = crew->leader;
    uint64_t entered = leader != NULL ? atomic_load_explicit(&leader->entered, memory_order_relaxed) : 0;
    bool stuck =
        leader != NULL && entered % 2 == 1 && leader == crew->relieve_leader && entered == crew->relieve_entered;
    if (stuck && (next = follower_pop(crew)) != NULL) leader_set(crew, next);
    crew->relieve_leader = crew->leader;
    crew->relieve_entered = entered;
    pthread_mutex_unlock(&crew->lock);
    if (next != NULL) pthread_cond_signal(&next->called);
}
