/* observe/admin/token.c - <data_dir>/admin.token: written beside its place and linked there, so that it is whole
 * whenever it is seen, and of two hosts that start together both end up with the same one. */
#include "observe/admin/token.h"

#include "base/id.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TOKEN_TRIES = 3 };

static void token_path(const char *data_dir, char ret_path[PATH_MAX])
{
    snprintf(ret_path, PATH_MAX, "%s/admin.token", data_dir);
}

weft_status weft_token_check(const char *token, const char *origin, struct weft_fault *ret_fault)
{
    size_t size = strlen(token);
    if (size >= WEFT_TOKEN_SHORTEST && size < WEFT_TOKEN_SIZE && weft_text_is_visible_ascii(token, size))
        return WEFT_OK;
    return weft_fault_set(ret_fault, WEFT_INVALID_ARGUMENT, "%s: admin.token wants %d to %d visible ASCII characters",
                          origin, WEFT_TOKEN_SHORTEST, WEFT_TOKEN_SIZE - 1);
}

static weft_status file_fault(const char *path, struct weft_fault *fault)
{
    weft_status status = errno == ENOENT ? WEFT_NOT_FOUND : errno == EACCES ? WEFT_PERMISSION_DENIED : WEFT_UNAVAILABLE;
    return weft_fault_set(fault, status, "%s: %s", path, strerror(errno));
}

/* *ret_open: group or others may read or write it. */
static weft_status file_read(const char *path, char ret_token[WEFT_TOKEN_SIZE], bool *ret_open,
                             struct weft_fault *fault)
{
    struct stat file;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) return file_fault(path, fault);
    ssize_t size = fstat(fd, &file) == 0 && S_ISREG(file.st_mode) ? read(fd, ret_token, WEFT_TOKEN_SIZE - 1) : -1;
    close(fd);
    if (size < 0) return weft_fault_set(fault, WEFT_UNAVAILABLE, "%s: cannot be read as a file", path);
    ret_token[size] = '\0';
    ret_token[strcspn(ret_token, "\r\n")] = '\0';
    *ret_open = (file.st_mode & 077) != 0;
    return weft_token_check(ret_token, path, fault);
}

static weft_status file_write(const char *path, const char *token, struct weft_fault *fault)
{
    char beside[PATH_MAX + 64], id[33];
    weft_id_random(id);
    snprintf(beside, sizeof beside, "%s.%s", path, id);
    int fd = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) return weft_fault_set(fault, WEFT_UNAVAILABLE, "%s: %s", beside, strerror(errno));
    bool written = dprintf(fd, "%s\n", token) > 0;
    int error = close(fd) != 0 || !written ? errno : link(beside, path) == 0 || errno == EEXIST ? 0 : errno;
    unlink(beside);
    return error == 0 ? WEFT_OK : weft_fault_set(fault, WEFT_UNAVAILABLE, "%s: %s", path, strerror(error));
}

weft_status weft_token_make(const char *data_dir, char ret_token[WEFT_TOKEN_SIZE], struct weft_fault *ret_fault)
{
    char path[PATH_MAX], first[33], second[33], made[65];
    weft_status status = WEFT_UNAVAILABLE;
    token_path(data_dir, path);
    mkdir(data_dir, 0700); /* what is wrong with it the next open says */
    weft_id_random(first);
    weft_id_random(second);
    snprintf(made, sizeof made, "%s%s", first, second);
    for (int i = 0; i < TOKEN_TRIES; i++) {
        bool open = false;
        struct weft_fault why = { 0 };
        status = file_read(path, ret_token, &open, &why);
        if (status == WEFT_OK && !open) return WEFT_OK;
        if (status == WEFT_OK || status == WEFT_INVALID_ARGUMENT) unlink(path); /* known to others, or none */
        status = file_write(path, made, ret_fault);
        if (status != WEFT_OK) return status;
    }
    return weft_fault_set(ret_fault, status, "%s: does not stay as it was written", path);
}

weft_status weft_token_read(const char *data_dir, char ret_token[WEFT_TOKEN_SIZE], struct weft_fault *ret_fault)
{
    char path[PATH_MAX];
    bool open = false;
    token_path(data_dir, path);
    return file_read(path, ret_token, &open, ret_fault);
}
