/* base/status.c - the names of statuses. */
#include <weft/status.h>

const char *weft_status_name(weft_status status)
{
    static const char *const names[] = {
        "OK",        "CANCELLED",       "UNKNOWN",           "INVALID_ARGUMENT",   "DEADLINE_EXCEEDED",
        "NOT_FOUND", "ALREADY_EXISTS",  "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION",
        "ABORTED",   "OUT_OF_RANGE",    "UNIMPLEMENTED",     "INTERNAL",           "UNAVAILABLE",
        "DATA_LOSS", "UNAUTHENTICATED",
    };
    if (status == WEFT_RETRY) return "RETRY";
    if (status == WEFT_REJECT) return "REJECT";
    return (unsigned)status < sizeof names / sizeof names[0] ? names[status] : "UNKNOWN";
}
