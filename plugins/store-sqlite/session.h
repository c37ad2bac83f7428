/* session.h - what a thread of the host's talks to: a reader with a connection of its own, or one that writes in turns.
 */
#ifndef WEFT_SQLITE_SESSION_H
#define WEFT_SQLITE_SESSION_H

#include "store.h"

struct weft_sqlite_session {
    struct weft_sqlite_store *store;
    uint32_t purpose;
    bool lost; /* only to be closed */
    bool holds_writer;
    bool in_transaction;
    struct weft_sqlite_turn turn;
    struct weft_sqlite_watch watch;
    struct weft_sqlite_connection reader; /* of WEFT_SESSION_READER */
    struct weft_bump bump;                /* results of the last run */

    pthread_mutex_t wait_mutex; /* guards woken */
    pthread_cond_t wait_cond;
    bool woken;
};

int32_t weft_sqlite_session_open(void *self, uint32_t purpose, uint64_t deadline_ns, void **ret_session,
                                 struct weft_error *ret_error);
void weft_sqlite_session_close(void *session);
void weft_sqlite_cancel(void *session);
int32_t weft_sqlite_wait(void *session, const char *channel, uint64_t deadline_ns);
void weft_sqlite_wake(void *session);

/* run.c */
int32_t weft_sqlite_run(void *session, const struct weft_statement *statements, size_t n,
                        struct weft_result *ret_result, uint64_t deadline_ns);
/* Rolls back what is open and lets the writer go. */
void weft_sqlite_session_end(struct weft_sqlite_session *session);

#endif
