/* run_state.h - a run from inside, for run.c, rows.c and script.c. */
#ifndef WEFT_PG_RUN_STATE_H
#define WEFT_PG_RUN_STATE_H

#include "merge.h"
#include "pg.h"

enum step_kind { STEP_PREPARE, STEP_STATEMENT, STEP_CONTROL /* BEGIN, COMMIT, ROLLBACK */, STEP_SYNC };

struct step {
    enum step_kind kind;
    uint32_t index;                 /* of the statement it belongs to ... */
    uint32_t count;                 /* STATEMENT: ... and how many it does at once */
    struct pg_statement *statement; /* PREPARE */
    const char *tag;                /* CONTROL: what the server must answer */
};

struct run {
    struct pg_session *session;
    const struct weft_statement *statements;
    size_t n;
    struct pg_param **params; /* of each statement */
    uint64_t deadline_ns;
    struct weft_rowset *sets;
    uint32_t n_sets;
    uint32_t failed;
    struct pg_failure failure; /* the first */
    uint32_t blamed; /* how many statements the failed step did: with more than one nobody knows whose it is */
    bool implicit;   /* BEGIN and COMMIT are left out */
    bool apart;      /* every statement for itself */
    bool commits;    /* what is on its way ends in a commit */
    bool flushed;    /* ... and all of it has left */
    struct step *steps;
    size_t n_steps;
};

/* The first failure is kept, with the statement it belongs to; returns its rc. */
int32_t pg_run_fail(struct run *run, uint32_t index, int32_t rc, const char *text);
/* The connection is of no more use. What had a commit on its way may have been done. */
int32_t pg_run_lose(struct run *run, int32_t rc, const char *text);
int32_t pg_run_flush(struct run *run); /* until all has left */
void pg_run_result_failed(struct run *run, uint32_t index, const PGresult *result);
/* Checks the batch and makes room for it. */
int32_t pg_run_open(struct run *run);
int32_t pg_run_pipeline(struct run *run, size_t from, size_t to);

/* script.c: several statements in one text. */
int32_t pg_run_script(struct run *run, uint32_t index);

/* rows.c */
/* Finds out what is not yet known of the texts in the run: a round trip for each that may be worth it, once a session.
 */
void pg_run_look(struct run *run);
/* How many statements from the index on go as one, and as which; 1: as it is. */
size_t pg_run_merges(struct run *run, uint32_t index, const char **ret_sql);

#endif
