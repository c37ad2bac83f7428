/* store.c - from a URL to a folder and a file, and back. */
#include "store.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int32_t weft_sqlite_refuse(struct weft_error *ret_error, int32_t rc, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    ret_error->rc = rc;
    vsnprintf(ret_error->text, sizeof ret_error->text, format, args);
    va_end(args);
    return rc;
}

/* A name that is safe as the beginning of a file's name. */
static bool service_valid(const char *service)
{
    if (service == NULL || service[0] == 0 || strlen(service) > 64 || service[0] == '.') return false;
    for (const char *c = service; *c != 0; c++)
        if (!(*c >= 'a' && *c <= 'z') && !(*c >= 'A' && *c <= 'Z') && !(*c >= '0' && *c <= '9') &&
            strchr("-_.", *c) == NULL)
            return false;
    return true;
}

static int32_t open_check(const struct weft_open *open, const char **ret_folder, struct weft_error *ret_error)
{
    if (open == NULL || open->host == NULL || open->url == NULL || open->options == NULL)
        return weft_sqlite_refuse(ret_error, WEFT_RC_INVALID, "host, url and options must be given");
    if (!service_valid(open->service))
        return weft_sqlite_refuse(ret_error, WEFT_RC_INVALID,
                                  "service '%.64s' cannot name a file: want 1 to 64 letters, digits, - _ .",
                                  open->service == NULL ? "" : open->service);
    const char *path = open->url->path != NULL && open->url->path[0] != 0 ? open->url->path : open->data_dir;
    if (path == NULL || path[0] == 0)
        return weft_sqlite_refuse(ret_error, WEFT_RC_INVALID, "no folder: write sqlite:DIR/, or set the data folder");
    if (path[0] == ':')
        return weft_sqlite_refuse(ret_error, WEFT_RC_INVALID, "sqlite:%.64s is no folder: write sqlite:DIR/", path);
    if (strlen(path) > PATH_MAX - 200)
        return weft_sqlite_refuse(ret_error, WEFT_RC_INVALID, "the folder's path is too long");
    *ret_folder = path;
    return WEFT_RC_OK;
}

static void store_free(struct weft_sqlite_store *store)
{
    weft_sqlite_writer_free(&store->writer);
    weft_sqlite_locks_free(&store->locks);
    free(store->folder);
    free(store->path);
    free(store->service);
    free(store);
}

int32_t weft_sqlite_store_open(const struct weft_open *open, void **ret_self, struct weft_error *ret_error)
{
    const char *folder = NULL;
    const int32_t rc = open_check(open, &folder, ret_error);
    if (rc != WEFT_RC_OK) return rc;
    struct weft_sqlite_store *store = calloc(1, sizeof *store);
    if (store == NULL) return weft_sqlite_refuse(ret_error, WEFT_RC_UNAVAILABLE, "out of memory");
    store->host = open->host;
    store->options = open->options;
    weft_sqlite_writer_init(&store->writer);
    weft_sqlite_locks_init(&store->locks);
    store->service = strdup(open->service);
    const char *slash = folder[strlen(folder) - 1] == '/' ? "" : "/";
    if (asprintf(&store->folder, "%s%s", folder, slash) < 0) store->folder = NULL;
    if (asprintf(&store->path, "%s%s%s.db", folder, slash, open->service) < 0) store->path = NULL;
    if (store->service == NULL || store->folder == NULL || store->path == NULL) {
        store_free(store);
        return weft_sqlite_refuse(ret_error, WEFT_RC_UNAVAILABLE, "out of memory");
    }
    *ret_self = store;
    return WEFT_RC_OK;
}

void weft_sqlite_store_close(void *self, uint64_t deadline_ns)
{
    (void)deadline_ns; /* nothing is waited for: all sessions are closed */
    store_free(self);
}

/* Makes the folder and those above it. What is there already keeps its mode. */
static int folder_make(char *path)
{
    for (char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        const int failed = mkdir(path, 0700) != 0 && errno != EEXIST;
        *slash = '/';
        if (failed) return -1;
    }
    return 0;
}

/* Makes the file, empty and for us alone; SQLite gives its journals the same mode. It is made under another name and
 * closed before it gets its own: closing a descriptor of a database drops the locks that SQLite holds on it in this
 * process (fcntl(2), "advisory record locking"), and another thread may be that far already. */
static int file_make(const char *path)
{
    char other[PATH_MAX];
    snprintf(other, sizeof other, "%s.XXXXXX", path);
    const int descriptor = mkostemp(other, O_CLOEXEC);
    if (descriptor < 0) return -1;
    close(descriptor);
    const int made = link(other, path) == 0 || errno == EEXIST ? 0 : -1;
    const int error = errno;
    unlink(other);
    errno = error;
    return made;
}

int32_t weft_sqlite_store_prepare(const struct weft_sqlite_store *store, struct weft_error *ret_error)
{
    if (access(store->path, R_OK | W_OK) == 0) return WEFT_RC_OK;
    char folder[PATH_MAX];
    snprintf(folder, sizeof folder, "%s", store->folder);
    if (errno == ENOENT && folder_make(folder) == 0 && file_make(store->path) == 0) return WEFT_RC_OK;
    const int32_t rc = errno == ENOSPC || errno == EIO || errno == EMFILE ? WEFT_RC_UNAVAILABLE : WEFT_RC_REFUSED;
    return weft_sqlite_refuse(ret_error, rc, "cannot open or create %s: %s", store->path, strerror(errno));
}
