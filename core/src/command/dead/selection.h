/* command/dead/selection.h - which failed events a command is about: options and ids, as the dialect's selectors. */
#ifndef WEFT_COMMAND_DEAD_SELECTION_H
#define WEFT_COMMAND_DEAD_SELECTION_H

#include "command/command.h"
#include "data/store.h"

struct weft_selection {
    const char *group, *type, *reason; /* NULL: any */
    bool parked;                       /* instead of the dead ones */
};

/* Of a command whose struct arguments has a `selection`. */
#define WEFT_SELECTION_OPTIONS                                                                                         \
    WEFT_COMMAND_TEXT('g', "group", "GROUP", selection.group, "of this group"),                                        \
        WEFT_COMMAND_TEXT('t', "type", "TYPE", selection.type, "of this event type"),                                  \
        WEFT_COMMAND_TEXT('r', "reason", "REASON", selection.reason,                                                   \
                          "that failed for this: crashed, oversized, undecodable, rejected, or a status")
#define WEFT_SELECTION_PARKED                                                                                          \
    WEFT_COMMAND_FLAG('p', "parked", selection.parked, "those that wait for their next try instead")

/* The first parameters of failed_list and its like. */
enum { WEFT_SELECTION_PARAMS = 5 };
void weft_selection_params(const struct weft_selection *selection, const char *id,
                           struct weft_value ret_params[WEFT_SELECTION_PARAMS]);

/* The line's words as event ids in the form that stores have; one NULL when there is none: any. NULL-terminated behind
 * the first. INVALID_ARGUMENT: a word is no id, or with `must` nothing selects at all. In the line's arena. */
weft_status weft_selection_ids(const struct weft_command_line *line, const struct weft_selection *selection, bool must,
                               const char *const **ret_ids, struct weft_fault *ret_fault);

/* The columns of failed_list, in their order (weft/plugin.h). */
enum weft_failed_column {
    WEFT_FAILED_GROUP,
    WEFT_FAILED_SEQ,
    WEFT_FAILED_EVENT_ID,
    WEFT_FAILED_TYPE,
    WEFT_FAILED_TOPIC,
    WEFT_FAILED_ROUTING_KEY,
    WEFT_FAILED_KEY,
    WEFT_FAILED_CONTENT_TYPE,
    WEFT_FAILED_CORRELATION_ID,
    WEFT_FAILED_HEADERS,
    WEFT_FAILED_PAYLOAD,
    WEFT_FAILED_STATE,
    WEFT_FAILED_ATTEMPTS,
    WEFT_FAILED_DUE_AT,
    WEFT_FAILED_REASON,
    WEFT_FAILED_FIRST_FAILED_AT,
    WEFT_FAILED_FULL_SIZE,
    WEFT_FAILED_FULL_SHA256
};

/* A line in the audit log on stderr: who did what with how many events of the store. */
void weft_selection_audit(const struct weft_command_line *line, const char *service, const char *did, int64_t n);

#endif
