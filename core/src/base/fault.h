/* base/fault.h - an error under way to whoever handles it: a status and a text for a person. */
#ifndef WEFT_BASE_FAULT_H
#define WEFT_BASE_FAULT_H

#include <stdarg.h>
#include <stdint.h>
#include <weft/status.h>

struct weft_violation { /* of one field of a request, for google.rpc.BadRequest */
    const char *field;
    const char *description;
};

struct weft_fault {
    weft_status status; /* WEFT_OK: none */
    uint32_t n_violations;
    const struct weft_violation *violations; /* of the work's arena, or NULL */
    char text[512];
};

/* Sets both; returns the status. */
weft_status weft_fault_set(struct weft_fault *fault, weft_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
weft_status weft_fault_vset(struct weft_fault *fault, weft_status status, const char *format, va_list args);

#endif
