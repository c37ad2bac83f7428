/* error.h - saying why something failed. */
#ifndef CACHE_REDIS_ERROR_H
#define CACHE_REDIS_ERROR_H

#include <stdarg.h>
#include <stdio.h>
#include <weft/plugin.h>

/* Fills in both; returns the rc. */
__attribute__((format(printf, 3, 4))) static inline int32_t error_set(struct weft_error *error, int32_t rc,
                                                                      const char *format, ...)
{
    va_list args;
    va_start(args, format);
    error->rc = rc;
    vsnprintf(error->text, sizeof error->text, format, args);
    va_end(args);
    return rc;
}

#endif
