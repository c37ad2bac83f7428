/* data/work.c - a work: what it is asked for, how it fails, how it ends. */
#include "data/work.h"

#include "base/clock.h"
#include "base/id.h"
#include "contract/message.h"
#include "data/cache/cached.h"
#include "data/tx.h"
#include "observe/log.h"

#include <stdio.h>
#include <string.h>

/* ---- memory, names, times ---------------------------------------------------------------------------------------- */

void *weft_alloc(weft_work *work, size_t size)
{
    return weft_arena_alloc(work->arena, size);
}

char *weft_strdup(weft_work *work, const char *text)
{
    return weft_arena_strdup(work->arena, text);
}

char *weft_format(weft_work *work, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *text = weft_arena_vformat(work->arena, format, args);
    va_end(args);
    return text;
}

ProtobufCMessage *weft_message_new(weft_work *work, const ProtobufCMessageDescriptor *descriptor)
{
    return weft_message_make(work->arena, descriptor);
}

char *weft_uuid(weft_work *work)
{
    char *id = weft_arena_alloc(work->arena, WEFT_ID_SIZE);
    weft_id_v7(id);
    return id;
}

char *weft_secret(weft_work *work)
{
    char *secret = weft_arena_alloc(work->arena, WEFT_ID_RANDOM_SIZE);
    weft_id_random(secret);
    return secret;
}

char *weft_uuid_of(weft_work *work, const char *text)
{
    if (!weft_is_uuid(text)) return NULL;
    char *id = weft_arena_strdup(work->arena, text);
    for (char *at = id; *at != '\0'; at++)
        if (*at >= 'A' && *at <= 'F') *at = (char)(*at - 'A' + 'a');
    return id;
}

bool weft_is_uuid(const char *text)
{
    return text != NULL && weft_id_valid(text);
}

int64_t weft_now_ms(weft_work *work)
{
    (void)work;
    return weft_clock_wall_us() / 1000;
}

int64_t weft_left_ms(weft_work *work)
{
    const uint64_t now = weft_clock_ns();
    return now >= work->deadline_ns ? 0 : (int64_t)((work->deadline_ns - now) / WEFT_MS);
}

const char *weft_correlation_id(weft_work *work)
{
    return work->correlation_id;
}

const char *weft_metadata(weft_call *call, const char *key)
{
    return call->metadata != NULL ? call->metadata(call, key) : NULL;
}

const char *weft_event_id(weft_event *event)
{
    return event->event != NULL ? event->event->id : NULL;
}

const char *weft_event_type(weft_event *event)
{
    return event->event != NULL ? event->event->type : NULL;
}

const char *weft_event_key(weft_event *event)
{
    return event->event != NULL ? event->event->key : NULL;
}

uint32_t weft_event_attempt(weft_event *event)
{
    return event->event != NULL ? event->event->attempt : 0;
}

/* ---- log --------------------------------------------------------------------------------------------------------- */

static void work_log(struct weft_work *work, int32_t level, const char *format, va_list args)
{
    if (!weft_log_enabled(level)) return;
    const struct weft_log_fields fields = {
        .service = work->service,
        .correlation_id = work->correlation_id,
        .traceparent = work->traceparent,
        .method = work->method,
        .event_id = weft_event_id(work),
        .event_type = weft_event_type(work),
        .group = work->event != NULL ? work->event->group : NULL,
        .attempt = weft_event_attempt(work),
    };
    weft_log(level, "handler", &fields, "%s", weft_arena_vformat(work->arena, format, args));
}

#define WORK_LOG(name, level)                                                                                          \
    void name(weft_work *work, const char *format, ...)                                                                \
    {                                                                                                                  \
        va_list args;                                                                                                  \
        va_start(args, format);                                                                                        \
        work_log(work, level, format, args);                                                                           \
        va_end(args);                                                                                                  \
    }
WORK_LOG(weft_log_debug, WEFT_LOG_DEBUG)
WORK_LOG(weft_log_info, WEFT_LOG_INFO)
WORK_LOG(weft_log_warn, WEFT_LOG_WARN)
WORK_LOG(weft_log_error, WEFT_LOG_ERROR)

/* ---- failing ----------------------------------------------------------------------------------------------------- */

static weft_status work_fail(struct weft_work *work, weft_status status, const char *format, va_list args)
{
    work->fault.violations = NULL;
    work->fault.n_violations = 0;
    return weft_fault_vset(&work->fault, status, format, args);
}

weft_status weft_fail(weft_work *work, weft_status status, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    work_fail(work, status, format, args);
    va_end(args);
    return status;
}

weft_status weft_retry(weft_event *event, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    work_fail(event, WEFT_RETRY, format, args);
    va_end(args);
    return WEFT_RETRY;
}

weft_status weft_reject(weft_event *event, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    work_fail(event, WEFT_REJECT, format, args);
    va_end(args);
    return WEFT_REJECT;
}

static void violation_add(struct weft_work *work, const char *field, const char *description)
{
    struct weft_fault *fault = &work->fault;
    struct weft_violation *violations = weft_arena_alloc(work->arena, (fault->n_violations + 1) * sizeof *violations);
    if (fault->n_violations > 0) memcpy(violations, fault->violations, fault->n_violations * sizeof *violations);
    violations[fault->n_violations++] = (struct weft_violation){ weft_arena_strdup(work->arena, field), description };
    fault->violations = violations;
}

weft_status weft_fail_field(weft_work *work, const char *field, const char *format, ...)
{
    struct weft_fault *fault = &work->fault;
    if (fault->status != WEFT_INVALID_ARGUMENT || fault->n_violations == 0) *fault = (struct weft_fault){ 0 };
    va_list args;
    va_start(args, format);
    const char *description = weft_arena_vformat(work->arena, format, args);
    va_end(args);
    violation_add(work, field, description);
    const size_t length = strlen(fault->text);
    snprintf(fault->text + length, sizeof fault->text - length, "%s%s: %s", length > 0 ? "; " : "", field, description);
    fault->status = WEFT_INVALID_ARGUMENT;
    return WEFT_INVALID_ARGUMENT;
}

/* ---- the end ----------------------------------------------------------------------------------------------------- */

static bool status_is_valid(const struct weft_work *work, weft_status status)
{
    if (status == WEFT_RETRY || status == WEFT_REJECT) return work->event != NULL;
    return (unsigned)status <= WEFT_UNAUTHENTICATED;
}

static weft_status fault_take(struct weft_work *work, const struct weft_fault *fault)
{
    work->fault = *fault;
    return fault->status;
}

/* An error that the handler returned: with its own text if it set one, or that of the statement it passes on. */
static weft_status error_explain(struct weft_work *work, weft_status returned)
{
    if (work->fault.status == returned) return returned;
    if (work->tx != NULL && weft_tx_fault(work->tx)->status == returned)
        return fault_take(work, weft_tx_fault(work->tx));
    if (status_is_valid(work, returned)) return weft_fail(work, returned, "%s", weft_status_name(returned));
    weft_log_error(work, "the handler returned %d, which is no status here", (int)returned);
    return weft_fail(work, WEFT_INTERNAL, "the handler returned no status");
}

/* How the handler ended, before the commit. */
static weft_status work_verdict(struct weft_work *work, weft_status returned)
{
    if (returned != WEFT_OK) return error_explain(work, returned);
    if (work->fault.status != WEFT_OK) return error_explain(work, work->fault.status);
    if (work->tx != NULL && weft_tx_fault(work->tx)->status != WEFT_OK)
        return fault_take(work, weft_tx_fault(work->tx));
    return WEFT_OK;
}

static weft_status work_commit(struct weft_work *work)
{
    struct weft_tx_outcome outcome;
    if (weft_tx_commit(work->tx, &outcome) == WEFT_OK) {
        weft_cached_drop(work, work->tx);
        return WEFT_OK;
    }
    /* It may have been committed, or be so in a moment: the row that goes with it, if so, has the last word. */
    if (outcome.rc == WEFT_RC_MAYBE_SENT) weft_cached_delete(work, weft_tx_cache_drops(work->tx));
    return fault_take(work, weft_tx_fault(work->tx));
}

bool weft_work_join(struct weft_work *work, weft_status returned, struct weft_join *join)
{
    if (returned != WEFT_OK || work->fault.status != WEFT_OK || work->tx == NULL || work->shares_tx) return false;
    if (work->store == NULL) return false;
    join->tx = work->tx;
    return weft_committer_take(work->store->committer, join);
}

weft_status weft_work_joined(struct weft_work *work)
{
    return weft_tx_fault(work->tx)->status == WEFT_OK ? WEFT_OK : fault_take(work, weft_tx_fault(work->tx));
}

weft_status weft_work_finish(struct weft_work *work, weft_status returned)
{
    const weft_status status = work_verdict(work, returned);
    if (work->tx == NULL || work->shares_tx) return status;
    if (status == WEFT_OK) return work_commit(work);
    weft_tx_rollback(work->tx);
    return status;
}
