/* base/memory.c - malloc's family with the one answer to its failure that can be tested: the process ends. */
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static _Noreturn void memory_is_out(void)
{
    static const char line[] = "{\"level\":\"error\",\"context\":\"memory\",\"message\":\"out of memory: the process "
                               "ends; raise its memory limit or lower the limits in weft.yaml\"}\n";
    ssize_t written = write(STDERR_FILENO, line, sizeof line - 1);
    (void)written; /* there is nobody left to tell */
    abort();
}

void *weft_memory_get(size_t size)
{
    void *memory = malloc(size != 0 ? size : 1);
    if (memory == NULL) memory_is_out();
    return memory;
}

void *weft_memory_zeroed(size_t count, size_t size)
{
    void *memory = calloc(count != 0 ? count : 1, size != 0 ? size : 1);
    if (memory == NULL) memory_is_out();
    return memory;
}

void *weft_memory_resize(void *memory, size_t size)
{
    void *resized = realloc(memory, size != 0 ? size : 1);
    if (resized == NULL) memory_is_out();
    return resized;
}

char *weft_memory_text(const char *text)
{
    if (text == NULL) return NULL;
    size_t size = strlen(text) + 1;
    return memcpy(weft_memory_get(size), text, size);
}
