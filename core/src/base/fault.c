/* base/fault.c - setting a fault. */
#include "base/fault.h"

#include <stdio.h>

weft_status weft_fault_vset(struct weft_fault *fault, weft_status status, const char *format, va_list args)
{
    fault->status = status;
    vsnprintf(fault->text, sizeof fault->text, format, args);
    return status;
}

weft_status weft_fault_set(struct weft_fault *fault, weft_status status, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    weft_fault_vset(fault, status, format, args);
    va_end(args);
    return status;
}
