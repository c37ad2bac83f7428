/* data/failure.h - what a failed run of statements means: to the client, and to the log. Any thread. */
#ifndef WEFT_DATA_FAILURE_H
#define WEFT_DATA_FAILURE_H

#include "base/fault.h"
#include "data/work.h"
#include <weft/plugin.h>

/* What the service says of a constraint (weft_on_violation): a list, newest first. */
struct weft_violation_rule {
    const char *constraint; /* "users_email_key" */
    const char *field;      /* "email" */
    const struct weft_violation_rule *next;
    weft_status status;
    uint32_t spare;
};

struct weft_failure {
    int32_t rc; /* enum weft_rc */
    uint32_t spare;
    const struct weft_result *result;
    const char *sql; /* of the statement that failed, or NULL */
    const struct weft_violation_rule *rules;
};

/* The status and text for the client, which hold nothing of the SQL. Returns the status. */
weft_status weft_failure_tell(const struct weft_failure *failure, struct weft_fault *ret_fault);
/* Everything, for the log. */
void weft_failure_describe(const struct weft_failure *failure, char *ret_text, size_t size);
/* Logs what a person must look after: our own bugs, a store that is away (limited). `work` may be NULL. */
void weft_failure_log(weft_status status, const char *text, const char *service, const struct weft_work *work);

#endif
