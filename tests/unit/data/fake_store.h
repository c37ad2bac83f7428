/* A store that keeps nothing: it writes down every run and answers as told. One run is one round trip. */
#ifndef WEFT_DATA_FAKE_STORE_H
#define WEFT_DATA_FAKE_STORE_H

#include "base/arena.h"
#include "data/store.h"
#include "data/tx.h"
#include "data/work.h"

enum { FAKE_MAX = 64 };

/* How a run ends. All zero: OK, no rows, one row affected a statement. */
struct fake_answer {
    int32_t rc;
    uint32_t reason;
    uint32_t failed;
    const char *constraint, *text;
    int64_t affected;       /* of each statement; -1: none */
    struct weft_rowset set; /* of the last statement */
};

struct fake_store {
    struct weft_store *store;
    struct weft_store_ops ops;
    struct weft_dialect dialect;
    char runs[FAKE_MAX][512]; /* "BEGIN; insert a (1); COMMIT" */
    size_t n_runs;
    struct fake_answer answers[FAKE_MAX]; /* of the runs, in order; then all OK */
    int32_t open_rc;                      /* of session_open */
    _Atomic int n_opened, n_closed;
    _Atomic int n_cancelled;
    struct weft_rowset sets[FAKE_MAX];
    int n_woken;                   /* calls of on_outbox */
    void (*before_run)(void *arg); /* called by each run; may be NULL */
    void *before_run_arg;
};

/* max_sessions 2, purposes as the store's caps say. */
struct fake_store *fake_store_new(uint32_t caps);
void fake_store_free(struct fake_store *fake);

/* A work on the fake store with a second to live, and its end with the arena. */
struct weft_work *fake_work_new(struct fake_store *fake);
void fake_work_free(struct weft_work *work);

#endif
