/* lock.h - named locks among processes, as files beside the database: what dies with a process needs no expiry.
 *
 * Open file description locks (fcntl(2)) and not the older ones of a process: those vanish when any descriptor of the
 * file is closed, and two instances in one process would not exclude each other. */
#ifndef WEFT_SQLITE_LOCK_H
#define WEFT_SQLITE_LOCK_H

#include <pthread.h>
#include <stdint.h>
#include <weft/plugin.h>

enum { WEFT_SQLITE_LOCKS_MAX = 16, WEFT_SQLITE_LOCK_NAME_MAX = 64 };

struct weft_sqlite_locks {
    pthread_mutex_t mutex;
    struct {
        char name[WEFT_SQLITE_LOCK_NAME_MAX]; /* "": free */
        int descriptor;
    } held[WEFT_SQLITE_LOCKS_MAX];
};

void weft_sqlite_locks_init(struct weft_sqlite_locks *locks);
void weft_sqlite_locks_free(struct weft_sqlite_locks *locks); /* gives all back */

/* Of struct weft_store_ops. */
int32_t weft_sqlite_lock(void *self, const char *name, struct weft_error *ret_error);
void weft_sqlite_unlock(void *self, const char *name);

#endif
