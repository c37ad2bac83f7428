/* writer.c - a queue lock that passes from holder to the one who waits longest. */
#include "writer.h"

#include "store.h"

void weft_sqlite_turn_init(struct weft_sqlite_turn *turn)
{
    *turn = (struct weft_sqlite_turn){ 0 };
    pthread_cond_init(&turn->granted_cond, NULL);
}

void weft_sqlite_turn_free(struct weft_sqlite_turn *turn)
{
    pthread_cond_destroy(&turn->granted_cond);
}

void weft_sqlite_writer_init(struct weft_sqlite_writer *writer)
{
    *writer = (struct weft_sqlite_writer){ 0 };
    pthread_mutex_init(&writer->mutex, NULL);
}

void weft_sqlite_writer_free(struct weft_sqlite_writer *writer)
{
    weft_sqlite_connection_close(&writer->connection);
    pthread_mutex_destroy(&writer->mutex);
}

static void queue_append(struct weft_sqlite_writer *writer, struct weft_sqlite_turn *turn)
{
    turn->granted = false;
    turn->next = NULL;
    if (writer->last != NULL)
        writer->last->next = turn;
    else
        writer->first = turn;
    writer->last = turn;
}

static void queue_remove(struct weft_sqlite_writer *writer, struct weft_sqlite_turn *turn)
{
    struct weft_sqlite_turn **link = &writer->first, *before = NULL;
    while (*link != turn) {
        before = *link;
        link = &before->next;
    }
    *link = turn->next;
    if (writer->last == turn) writer->last = before;
}

static bool turn_wait(struct weft_sqlite_writer *writer, struct weft_sqlite_turn *turn, struct weft_sqlite_watch *watch)
{
    const struct timespec deadline = weft_sqlite_timespec(watch->deadline_ns);
    bool granted = true;
    pthread_mutex_lock(&writer->mutex);
    if (writer->taken) {
        queue_append(writer, turn);
        while (!turn->granted && !weft_sqlite_watch_over(watch))
            pthread_cond_clockwait(&turn->granted_cond, &writer->mutex, CLOCK_MONOTONIC, &deadline);
        granted = turn->granted;
        if (!granted) queue_remove(writer, turn);
    }
    writer->taken = writer->taken || granted;
    pthread_mutex_unlock(&writer->mutex);
    return granted;
}

int32_t weft_sqlite_writer_take(struct weft_sqlite_store *store, struct weft_sqlite_turn *turn,
                                struct weft_sqlite_watch *watch, struct weft_error *ret_error)
{
    struct weft_sqlite_writer *writer = &store->writer;
    if (!turn_wait(writer, turn, watch))
        return weft_sqlite_refuse(ret_error, WEFT_RC_TIMEOUT,
                                  "no turn to write to %s within the deadline: another transaction is open",
                                  store->path);
    if (writer->suspect) {
        weft_sqlite_connection_close(&writer->connection);
        writer->suspect = false;
    }
    int32_t rc = WEFT_RC_OK;
    if (writer->connection.db == NULL)
        rc = weft_sqlite_connection_open(&writer->connection, store, false, watch, ret_error);
    atomic_store_explicit(&writer->opened, rc == WEFT_RC_OK, memory_order_relaxed);
    if (rc != WEFT_RC_OK) weft_sqlite_writer_give(writer);
    return rc;
}

void weft_sqlite_writer_give(struct weft_sqlite_writer *writer)
{
    writer->connection.watch = NULL;
    pthread_mutex_lock(&writer->mutex);
    struct weft_sqlite_turn *next = writer->first;
    writer->taken = next != NULL;
    if (next != NULL) {
        queue_remove(writer, next);
        next->granted = true;
        pthread_cond_signal(&next->granted_cond);
    }
    pthread_mutex_unlock(&writer->mutex);
}

void weft_sqlite_writer_nudge(struct weft_sqlite_writer *writer, struct weft_sqlite_turn *turn)
{
    pthread_mutex_lock(&writer->mutex);
    pthread_cond_signal(&turn->granted_cond);
    pthread_mutex_unlock(&writer->mutex);
}
