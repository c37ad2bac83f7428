/* writer.h - the one connection that writes, and the queue for it.
 *
 * SQLite has one writer at a time. Within the process that is made a queue: first come, first served, no polling; and
 * one connection, whose page cache and statements stay warm as it goes from session to session. A session holds it for
 * a batch, or from BEGIN to COMMIT over several. */
#ifndef WEFT_SQLITE_WRITER_H
#define WEFT_SQLITE_WRITER_H

#include "connection.h"
#include <pthread.h>

/* A place in the queue: the session's. */
struct weft_sqlite_turn {
    pthread_cond_t granted_cond;
    bool granted;
    struct weft_sqlite_turn *next;
};

struct weft_sqlite_writer {
    pthread_mutex_t mutex;
    bool taken;
    atomic_bool opened; /* the connection was open once: nobody needs a turn to see whether it can be */
    struct weft_sqlite_turn *first, *last;
    struct weft_sqlite_connection connection; /* whoever holds it */
    bool suspect;                             /* it failed in a way that a new connection may heal */
};

void weft_sqlite_turn_init(struct weft_sqlite_turn *turn);
void weft_sqlite_turn_free(struct weft_sqlite_turn *turn);

void weft_sqlite_writer_init(struct weft_sqlite_writer *writer);
void weft_sqlite_writer_free(struct weft_sqlite_writer *writer);
/* Waits for the turn to the watch's deadline, opens the connection if need be. TIMEOUT, or why it does not open. */
int32_t weft_sqlite_writer_take(struct weft_sqlite_store *store, struct weft_sqlite_turn *turn,
                                struct weft_sqlite_watch *watch, struct weft_error *ret_error);
void weft_sqlite_writer_give(struct weft_sqlite_writer *writer);
/* Makes a waiting turn look at its watch. Any thread. */
void weft_sqlite_writer_nudge(struct weft_sqlite_writer *writer, struct weft_sqlite_turn *turn);

#endif
