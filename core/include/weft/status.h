/* weft/status.h - how a handler, and what it calls, ends. The codes are gRPC's (grpc/grpc, doc/statuscodes.md). */
#ifndef WEFT_STATUS_H
#define WEFT_STATUS_H

#ifdef __cplusplus
extern "C" {
#endif

#ifndef WEFT_API
#define WEFT_API __attribute__((visibility("default")))
#endif
#define WEFT_PRINTF(text, first) __attribute__((format(printf, text, first)))

typedef enum weft_status {
    WEFT_OK = 0,
    WEFT_CANCELLED = 1,
    WEFT_UNKNOWN = 2,
    WEFT_INVALID_ARGUMENT = 3,
    WEFT_DEADLINE_EXCEEDED = 4,
    WEFT_NOT_FOUND = 5,
    WEFT_ALREADY_EXISTS = 6,
    WEFT_PERMISSION_DENIED = 7,
    WEFT_RESOURCE_EXHAUSTED = 8,
    WEFT_FAILED_PRECONDITION = 9,
    WEFT_ABORTED = 10,
    WEFT_OUT_OF_RANGE = 11,
    WEFT_UNIMPLEMENTED = 12,
    WEFT_INTERNAL = 13,
    WEFT_UNAVAILABLE = 14,
    WEFT_DATA_LOSS = 15,
    WEFT_UNAUTHENTICATED = 16,
    /* What only event handlers return, by weft_retry() and weft_reject(). */
    WEFT_RETRY = 100, /* park it and try again */
    WEFT_REJECT = 101 /* no try will help: dead at once */
} weft_status;

/* The name as gRPC spells it, for example "NOT_FOUND"; "RETRY" and "REJECT" for ours. Any thread; never NULL. */
WEFT_API const char *weft_status_name(weft_status status);

#ifdef __cplusplus
}
#endif
#endif
