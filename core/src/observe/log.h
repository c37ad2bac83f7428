/* observe/log.h - one JSON object a line. Lines are gathered and written by one thread; errors are written at once.
 * Any thread. Before weft_log_start lines go to stderr as they are. */
#ifndef WEFT_OBSERVE_LOG_H
#define WEFT_OBSERVE_LOG_H

#include <stdbool.h>
#include <stdint.h>
#include <weft/plugin.h> /* enum weft_level */

/* What a line can carry beside timestamp, level, context and message; NULL and 0 are left out. */
struct weft_log_fields {
    const char *service;
    const char *correlation_id;
    const char *traceparent;   /* W3C's; printed as traceId and spanId. One that is none is left out */
    const char *method, *code; /* of an rpc */
    const char *event_id, *event_type, *group, *result; /* of an event */
    const char *plugin;
    int64_t duration_us; /* -1 or 0: left out; printed as duration_ms with three decimals */
    uint32_t attempt;
    uint32_t spare;
};

void weft_log_start(int fd, int32_t level); /* one JSON line at a time to fd from now on */
void weft_log_stop(void);                   /* writes what is gathered */
void weft_log_flush(void);
void weft_log_end(void); /* [signal handler, dying] what is gathered is written, and nothing after that */
bool weft_log_enabled(int32_t level);
int32_t weft_log_parse_level(const char *name); /* -1: no such level */
const char *weft_log_level_name(int32_t level);

void weft_log_level(int32_t level);
/* For a time, then back to the level that was set for good; 0: for good. While the log is started. */
void weft_log_level_for(int32_t level, uint64_t for_ns);
struct weft_log_state {
    int32_t level, then; /* `then`: once the time is over */
    uint64_t left_ns;    /* of the time; 0: for good */
};
struct weft_log_state weft_log_state(void);

enum { WEFT_LOG_LEVELS = 4 };
struct weft_log_counters {
    uint64_t lines[WEFT_LOG_LEVELS]; /* written, by level */
    uint64_t dropped;                /* the reader was too slow */
};
struct weft_log_counters weft_log_counters(void);

/* `context` names the room or thing that speaks: "rpc", "relay", "store". `fields` may be NULL. */
void weft_log(int32_t level, const char *context, const struct weft_log_fields *fields, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* What somebody did to the host: at info, whatever the level is. */
void weft_log_audit(const char *context, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* At most once in ten seconds for each `key` (a literal); says how many were left out. */
void weft_log_limited(const char *key, int32_t level, const char *context, const struct weft_log_fields *fields,
                      const char *format, ...) __attribute__((format(printf, 5, 6)));

#endif
