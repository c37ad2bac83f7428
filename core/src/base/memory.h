/* base/memory.h - heap memory that is there, or the process ends with a line that says so. Any thread.
 * Who asks bounds what is asked for: sizes that come from outside are checked before. */
#ifndef WEFT_BASE_MEMORY_H
#define WEFT_BASE_MEMORY_H

#include <stddef.h>

void *weft_memory_get(size_t size);                  /* not zeroed; free() gives it back; never NULL */
void *weft_memory_zeroed(size_t count, size_t size); /* as calloc */
void *weft_memory_resize(void *memory, size_t size); /* as realloc */
char *weft_memory_text(const char *text);            /* as strdup; NULL gives NULL */

#endif
