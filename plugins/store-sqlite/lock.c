/* lock.c - the lock files. They are never removed: a removed one could be locked by two under the same name. */
#include "lock.h"

#include "store.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

void weft_sqlite_locks_init(struct weft_sqlite_locks *locks)
{
    *locks = (struct weft_sqlite_locks){ 0 };
    pthread_mutex_init(&locks->mutex, NULL);
}

void weft_sqlite_locks_free(struct weft_sqlite_locks *locks)
{
    for (size_t i = 0; i < WEFT_SQLITE_LOCKS_MAX; i++)
        if (locks->held[i].name[0] != 0) close(locks->held[i].descriptor);
    pthread_mutex_destroy(&locks->mutex);
}

/* The place of the name, or of "": a free one. -1: none. */
static int locks_find(const struct weft_sqlite_locks *locks, const char *name)
{
    for (int i = 0; i < WEFT_SQLITE_LOCKS_MAX; i++)
        if (strcmp(locks->held[i].name, name) == 0) return i;
    return -1;
}

static bool name_valid(const char *name)
{
    const size_t size = strlen(name);
    return size > 0 && size < WEFT_SQLITE_LOCK_NAME_MAX && name[0] != '.' && strchr(name, '/') == NULL;
}

static int32_t file_lock(const char *path, int *ret_descriptor, struct weft_error *ret_error)
{
    const int descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (descriptor < 0)
        return weft_sqlite_refuse(ret_error, WEFT_RC_UNAVAILABLE, "cannot open %s: %s", path, strerror(errno));
    struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
    if (fcntl(descriptor, F_OFD_SETLK, &whole) == 0) {
        *ret_descriptor = descriptor;
        return WEFT_RC_OK;
    }
    const int error = errno;
    close(descriptor);
    if (error == EAGAIN || error == EACCES)
        return weft_sqlite_refuse(ret_error, WEFT_RC_CONFLICT, "%s is locked by another process", path);
    return weft_sqlite_refuse(ret_error, WEFT_RC_UNAVAILABLE, "cannot lock %s: %s", path, strerror(error));
}

static int32_t locks_take(struct weft_sqlite_store *store, const char *name, struct weft_error *ret_error)
{
    struct weft_sqlite_locks *locks = &store->locks;
    if (locks_find(locks, name) >= 0) return WEFT_RC_OK;
    const int place = locks_find(locks, "");
    if (place < 0)
        return weft_sqlite_refuse(ret_error, WEFT_RC_INVALID, "more than %d locks at a time", WEFT_SQLITE_LOCKS_MAX);
    char path[PATH_MAX];
    const int size = snprintf(path, sizeof path, "%s%s.%s.lock", store->folder, store->service, name);
    if (size < 0 || (size_t)size >= sizeof path)
        return weft_sqlite_refuse(ret_error, WEFT_RC_INVALID, "the path of lock '%s' is too long", name);
    const int32_t rc = file_lock(path, &locks->held[place].descriptor, ret_error);
    if (rc == WEFT_RC_OK) snprintf(locks->held[place].name, sizeof locks->held[place].name, "%s", name);
    return rc;
}

int32_t weft_sqlite_lock(void *self, const char *name, struct weft_error *ret_error)
{
    struct weft_sqlite_store *store = self;
    if (name == NULL || !name_valid(name))
        return weft_sqlite_refuse(ret_error, WEFT_RC_INVALID, "a lock's name is 1 to %d bytes without a slash",
                                  WEFT_SQLITE_LOCK_NAME_MAX - 1);
    int32_t rc = weft_sqlite_store_prepare(store, ret_error);
    if (rc != WEFT_RC_OK) return rc;
    pthread_mutex_lock(&store->locks.mutex);
    rc = locks_take(store, name, ret_error);
    pthread_mutex_unlock(&store->locks.mutex);
    return rc;
}

void weft_sqlite_unlock(void *self, const char *name)
{
    struct weft_sqlite_locks *locks = &((struct weft_sqlite_store *)self)->locks;
    if (name == NULL || !name_valid(name)) return;
    pthread_mutex_lock(&locks->mutex);
    const int place = locks_find(locks, name);
    if (place >= 0) {
        close(locks->held[place].descriptor);
        locks->held[place].name[0] = 0;
    }
    pthread_mutex_unlock(&locks->mutex);
}
