/* config/environment.c - variables and mounted secrets. */
#include "config/environment.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { SECRET_MAX_BYTES = 64 * 1024 };

const char *weft_environment_get(char *const *environment, const char *name)
{
    size_t length = strlen(name);
    for (; environment != NULL && *environment != NULL; environment++)
        if (strncmp(*environment, name, length) == 0 && (*environment)[length] == '=')
            return (*environment)[length + 1] != '\0' ? *environment + length + 1 : NULL;
    return NULL;
}

static weft_status secret_read(struct weft_arena *arena, const char *variable, const char *path, const char **ret_text,
                               struct weft_fault *fault)
{
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return weft_fault_set(fault, WEFT_INVALID_ARGUMENT, "%s: cannot read %s: %s", variable, path, strerror(errno));
    char *text = weft_arena_alloc(arena, SECRET_MAX_BYTES + 1);
    size_t size = fread(text, 1, SECRET_MAX_BYTES, file);
    bool failed = ferror(file) != 0 || fgetc(file) != EOF;
    fclose(file);
    while (size > 0 && (text[size - 1] == '\n' || text[size - 1] == '\r'))
        size--;
    text[size] = '\0';
    if (failed || size == 0 || strlen(text) != size)
        return weft_fault_set(fault, WEFT_INVALID_ARGUMENT, "%s: %s is no file with one value of at most 64 KiB",
                              variable, path);
    *ret_text = text;
    return WEFT_OK;
}

weft_status weft_environment_read(char *const *environment, const char *name, bool secret, struct weft_arena *arena,
                                  const char **ret_text, const char **ret_origin, struct weft_fault *ret_fault)
{
    const char *file_name = weft_arena_format(arena, "%s_FILE", name);
    const char *text = weft_environment_get(environment, name);
    const char *path = secret ? weft_environment_get(environment, file_name) : NULL;
    if (text != NULL && path != NULL)
        return weft_fault_set(ret_fault, WEFT_INVALID_ARGUMENT, "%s and %s are both set; keep one", name, file_name);
    if (text == NULL && path == NULL) return WEFT_OK;
    weft_status status = path != NULL ? secret_read(arena, file_name, path, &text, ret_fault) : WEFT_OK;
    if (status != WEFT_OK) return status;
    *ret_text = text;
    *ret_origin = path != NULL ? file_name : weft_arena_strdup(arena, name);
    return WEFT_OK;
}
