/* data/failure.c - from a plugin's return code, reason and constraint to a status. */
#include "data/failure.h"

#include "observe/log.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* SQLite names a violated unique constraint by its columns: "users.email", or "users.a, users.b". PostgreSQL would call
 * it users_email_key and users_a_b_key unless it has a name of its own. */
static void constraint_name(const char *columns, char *ret_name, size_t size)
{
    const char *dot = strchr(columns, '.');
    const size_t table = (size_t)(dot - columns);
    size_t at = (size_t)snprintf(ret_name, size, "%.*s", (int)table, columns);
    for (const char *column = dot; column != NULL && at < size; column = strchr(column + 1, '.')) {
        const size_t length = strcspn(column + 1, ",");
        at += (size_t)snprintf(ret_name + at, size - at, "_%.*s", (int)length, column + 1);
    }
    if (at < size) snprintf(ret_name + at, size - at, "_key");
}

/* Is it the column `field` of the table that the constraint's name begins with? */
static bool column_is(const char *columns, const struct weft_violation_rule *rule)
{
    const char *dot = strchr(columns, '.');
    const size_t table = (size_t)(dot - columns);
    return rule->field != NULL && strcmp(dot + 1, rule->field) == 0 && strncmp(rule->constraint, columns, table) == 0 &&
           rule->constraint[table] == '_';
}

static bool rule_matches(const struct weft_violation_rule *rule, const char *constraint)
{
    if (strcmp(rule->constraint, constraint) == 0) return true;
    if (strchr(constraint, '.') == NULL) return false;
    char name[256];
    constraint_name(constraint, name, sizeof name);
    return strcmp(rule->constraint, name) == 0 || column_is(constraint, rule);
}

static const struct weft_violation_rule *rule_find(const struct weft_failure *failure)
{
    if (failure->result->constraint == NULL) return NULL;
    for (const struct weft_violation_rule *rule = failure->rules; rule != NULL; rule = rule->next) {
        if (rule_matches(rule, failure->result->constraint)) return rule;
    }
    return NULL;
}

static weft_status rule_tell(const struct weft_violation_rule *rule, struct weft_fault *ret_fault)
{
    const char *field = rule->field != NULL ? rule->field : rule->constraint;
    const char *what = rule->status == WEFT_ALREADY_EXISTS ? "is taken"
                       : rule->status == WEFT_NOT_FOUND    ? "does not exist"
                                                           : "is not acceptable";
    return weft_fault_set(ret_fault, rule->status, "%s %s", field, what);
}

static weft_status conflict_tell(const struct weft_failure *failure, struct weft_fault *ret_fault)
{
    const struct weft_violation_rule *rule = rule_find(failure);
    if (rule != NULL) return rule_tell(rule, ret_fault);
    const bool unique = failure->result->reason == WEFT_REASON_UNIQUE;
    const char *constraint = failure->result->constraint;
    return weft_fault_set(ret_fault, unique ? WEFT_ALREADY_EXISTS : WEFT_FAILED_PRECONDITION,
                          constraint != NULL ? "constraint %s is violated" : "a constraint is violated", constraint);
}

weft_status weft_failure_tell(const struct weft_failure *failure, struct weft_fault *ret_fault)
{
    switch (failure->rc) {
    case WEFT_RC_CONFLICT:
        return conflict_tell(failure, ret_fault);
    case WEFT_RC_RETRY:
        return weft_fault_set(ret_fault, WEFT_ABORTED, "another transaction was in the way; try again");
    case WEFT_RC_TIMEOUT:
        return weft_fault_set(ret_fault, WEFT_DEADLINE_EXCEEDED,
                              "the store did not answer in time; nothing was changed");
    case WEFT_RC_MAYBE_SENT:
        return weft_fault_set(ret_fault, WEFT_UNAVAILABLE,
                              "the store was lost during the commit: the outcome is unknown; "
                              "look before you try again, or try again with the same idempotency key");
    case WEFT_RC_UNAVAILABLE:
    case WEFT_RC_CLOSED:
        return weft_fault_set(ret_fault, WEFT_UNAVAILABLE, "the store is away; nothing was changed, try again later");
    default:
        break;
    }
    if (failure->rc == WEFT_RC_INVALID && failure->result->reason == WEFT_REASON_BAD_VALUE)
        return weft_fault_set(ret_fault, WEFT_INVALID_ARGUMENT, "a value has not the form that the store wants");
    return weft_fault_set(ret_fault, WEFT_INTERNAL, "the store refused a statement");
}

static const char *rc_name(int32_t rc)
{
    static const char *const names[] = { "ok",       "not sent",        "outcome unknown", "refused",
                                         "unrouted", "not found",       "conflict",        "rolled back",
                                         "timeout",  "store not there", "invalid",         "session closed" };
    return (size_t)rc < sizeof names / sizeof names[0] ? names[rc] : "unknown return code";
}

void weft_failure_describe(const struct weft_failure *failure, char *ret_text, size_t size)
{
    const struct weft_result *result = failure->result;
    snprintf(ret_text, size, "%s%s%s%s%s%s%.200s", rc_name(failure->rc),
             result->constraint != NULL ? ", constraint " : "", result->constraint != NULL ? result->constraint : "",
             result->text != NULL ? ": " : "", result->text != NULL ? result->text : "",
             failure->sql != NULL ? "; statement: " : "", failure->sql != NULL ? failure->sql : "");
}

void weft_failure_log(weft_status status, const char *text, const char *service, const struct weft_work *work)
{
    const struct weft_log_fields fields = { .service = service,
                                            .correlation_id = work != NULL ? work->correlation_id : NULL,
                                            .method = work != NULL ? work->method : NULL };
    if (status == WEFT_INTERNAL)
        weft_log(WEFT_LOG_ERROR, "store", &fields, "%s", text);
    else if (status == WEFT_UNAVAILABLE)
        weft_log_limited("store away", WEFT_LOG_WARN, "store", &fields, "%s", text);
}
