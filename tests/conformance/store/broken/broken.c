/* broken.c - store-sqlite with one fault, chosen by option: the kit must find each. It stands between the host and the
 * sound plugin, which is compiled in under another name, and spoils what passes. */
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <weft/plugin.h>

extern const struct weft_plugin sound_plugin; /* store-sqlite's weft_plugin */

/* What is wrong; the order of fault_names. */
enum fault {
    FAULT_NONE,
    FAULT_FORGETFUL, /* a commit is a rollback */
    FAULT_STUBBORN,  /* a rollback is a commit */
    FAULT_PIECEMEAL, /* each statement commits alone */
    FAULT_AGREEABLE, /* a conflict is told as OK */
    FAULT_NAMELESS,  /* constraints have no name */
    FAULT_CUTTING,   /* the last byte of bytes is lost */
    FAULT_UNTYPED,   /* times come as integers */
    FAULT_BOASTFUL,  /* one row more is affected */
    FAULT_LATE,      /* deadlines are kept half a second late */
    FAULT_DEAF,      /* cancel does nothing */
    FAULT_SLEEPY,    /* wake does nothing */
    FAULT_HASTY,     /* wait does not wait */
    FAULT_MIXING,    /* all services have one file */
    FAULT_LEAKING,   /* a descriptor is left by each open */
    FAULT_GENEROUS,  /* a lock is given to all */
    FAULT_UNDYING,   /* a lost session says OK */
    FAULT_UNHELD,    /* held rows are claimed */
    FAULT_GRASPING,  /* ids and keys to leave out are claimed */
    FAULT_NAIVE,     /* every event is new */
    FAULT_SHARED,    /* a lease is given to all */
    FAULT_EAGER      /* later events of a key come before the first */
};

static const char *const fault_names[] = { "none",     "forgetful", "stubborn", "piecemeal", "agreeable", "nameless",
                                           "cutting",  "untyped",   "boastful", "late",      "deaf",      "sleepy",
                                           "hasty",    "mixing",    "leaking",  "generous",  "undying",   "unheld",
                                           "grasping", "naive",     "shared",   "eager",     NULL };

struct broken_options {
    int64_t fault;
};

struct broken {
    void *self; /* the sound instance */
    void *options;
    int64_t fault;
};

struct broken_session {
    const struct broken *broken;
    void *session;
};

/* ---- statements on their way in ---------------------------------------------------------------------------------- */

#define OUTBOX                                                                                                         \
    "SELECT id, event_id, type, topic, routing_key, key, content_type, schema, correlation_id, causation_id,"          \
    " traceparent, tracestate, occurred_at, payload FROM weft_outbox "

static const char *text_spoil(int64_t fault, const char *sql)
{
    const struct weft_dialect *dialect = sound_plugin.store->dialect;
    if (fault == FAULT_UNHELD && sql == dialect->outbox_claim)
        return OUTBOX "WHERE $1 IS NOT NULL AND $2 IS NOT NULL ORDER BY id LIMIT $3";
    if (fault == FAULT_GRASPING && sql == dialect->outbox_claim)
        return OUTBOX "WHERE held = 0 AND $1 IS NOT NULL AND $2 IS NOT NULL ORDER BY id LIMIT $3";
    if (fault == FAULT_NAIVE && sql == dialect->inbox_insert)
        return "SELECT value AS event_id FROM json_each($2) WHERE $1 IS NOT NULL";
    if (fault == FAULT_SHARED && sql == dialect->lease_take) return "SELECT $1 AS name WHERE $2 IS NOT NULL AND $3 > 0";
    return sql;
}

static uint32_t flags_spoil(int64_t fault, uint32_t flags)
{
    enum { BOUNDS = WEFT_STATEMENT_BEGIN | WEFT_STATEMENT_COMMIT };
    if (fault == FAULT_PIECEMEAL) return flags & ~(uint32_t)BOUNDS;
    if (fault == FAULT_FORGETFUL && (flags & WEFT_STATEMENT_COMMIT) != 0)
        return (flags & ~(uint32_t)WEFT_STATEMENT_COMMIT) | WEFT_STATEMENT_ROLLBACK;
    if (fault == FAULT_STUBBORN && (flags & WEFT_STATEMENT_ROLLBACK) != 0) return WEFT_STATEMENT_COMMIT;
    return flags;
}

/* Not ordered: FAULT_EAGER turns the parameter off. */
static const struct weft_value *params_spoil(int64_t fault, const struct weft_statement *statement)
{
    if (fault != FAULT_EAGER || statement->sql != sound_plugin.store->dialect->failed_due) return statement->params;
    struct weft_value *params = (struct weft_value *)(uintptr_t)statement->params;
    params[2] = weft_bool(false);
    return params;
}

/* ---- results on their way out ------------------------------------------------------------------------------------ */

static void value_spoil(int64_t fault, struct weft_value *value)
{
    if (fault == FAULT_CUTTING && value->type == WEFT_TYPE_BYTES && value->size > 0) value->size--;
    if (fault == FAULT_UNTYPED && value->type == WEFT_TYPE_TIME) value->type = WEFT_TYPE_INT;
}

static int32_t result_spoil(int64_t fault, int32_t rc, struct weft_result *result)
{
    for (uint32_t i = 0; i < result->n_sets; i++) {
        struct weft_rowset *set = (struct weft_rowset *)(uintptr_t)&result->sets[i];
        if (fault == FAULT_BOASTFUL) set->affected++;
        for (uint32_t j = 0; j < set->n_rows * set->n_columns; j++)
            value_spoil(fault, (struct weft_value *)(uintptr_t)&set->values[j]);
    }
    if (fault == FAULT_NAMELESS) result->constraint = NULL;
    if (fault == FAULT_AGREEABLE && rc == WEFT_RC_CONFLICT) return WEFT_RC_OK;
    return fault == FAULT_UNDYING && rc == WEFT_RC_CLOSED ? WEFT_RC_OK : rc;
}

static int32_t broken_run(void *self, const struct weft_statement *statements, size_t n, struct weft_result *ret_result,
                          uint64_t deadline_ns)
{
    struct broken_session *session = self;
    int64_t fault = session->broken->fault;
    struct weft_statement *spoilt = calloc(n + 1, sizeof *spoilt);
    for (size_t i = 0; i < n; i++) {
        spoilt[i] = statements[i];
        spoilt[i].params = params_spoil(fault, &statements[i]);
        spoilt[i].flags = flags_spoil(fault, statements[i].flags);
        spoilt[i].sql = text_spoil(fault, statements[i].sql);
    }
    if (fault == FAULT_LATE) deadline_ns += 500000000;
    int32_t rc = sound_plugin.store->run(session->session, spoilt, n, ret_result, deadline_ns);
    free(spoilt);
    return result_spoil(fault, rc, ret_result);
}

/* ---- the rest ---------------------------------------------------------------------------------------------------- */

static int32_t broken_session_open(void *self, uint32_t purpose, uint64_t deadline_ns, void **ret_session,
                                   struct weft_error *ret_error)
{
    const struct broken *broken = self;
    struct broken_session *session = calloc(1, sizeof *session);
    session->broken = broken;
    int32_t rc = sound_plugin.store->session_open(broken->self, purpose, deadline_ns, &session->session, ret_error);
    if (rc == WEFT_RC_OK)
        *ret_session = session;
    else
        free(session);
    return rc;
}

static void broken_session_close(void *self)
{
    struct broken_session *session = self;
    sound_plugin.store->session_close(session->session);
    free(session);
}

static void broken_cancel(void *self)
{
    struct broken_session *session = self;
    if (session->broken->fault != FAULT_DEAF) sound_plugin.store->cancel(session->session);
}

static int32_t broken_wait(void *self, const char *channel, uint64_t deadline_ns)
{
    struct broken_session *session = self;
    if (session->broken->fault == FAULT_HASTY) return WEFT_RC_OK;
    return sound_plugin.store->wait(session->session, channel, deadline_ns);
}

static void broken_wake(void *self)
{
    struct broken_session *session = self;
    if (session->broken->fault != FAULT_SLEEPY) sound_plugin.store->wake(session->session);
}

static int32_t broken_lock(void *self, const char *name, struct weft_error *ret_error)
{
    const struct broken *broken = self;
    return broken->fault == FAULT_GENEROUS ? WEFT_RC_OK : sound_plugin.store->lock(broken->self, name, ret_error);
}

static void broken_unlock(void *self, const char *name)
{
    const struct broken *broken = self;
    sound_plugin.store->unlock(broken->self, name);
}

/* The sound plugin's options, with their defaults. */
static void *sound_options(void)
{
    int64_t *options = calloc(1, sound_plugin.options_size);
    for (uint32_t i = 0; i < sound_plugin.n_options; i++) {
        const struct weft_option *option = &sound_plugin.options[i];
        char *unit = NULL;
        int64_t number = option->type == WEFT_OPTION_CHOICE ? 0 : strtoll(option->initial, &unit, 10);
        if (unit != NULL && *unit == 'M') number <<= 20;
        memcpy((char *)options + option->offset, &number, sizeof number);
    }
    return options;
}

static int32_t broken_open(const struct weft_open *open_args, void **ret_self, struct weft_error *ret_error)
{
    struct broken *broken = calloc(1, sizeof *broken);
    broken->fault = ((const struct broken_options *)open_args->options)->fault;
    broken->options = sound_options();
    struct weft_open sound = *open_args;
    sound.options = broken->options;
    if (broken->fault == FAULT_MIXING) {
        sound.service = "all";
        sound.data_dir = ".";
    }
    if (broken->fault == FAULT_LEAKING && open("/dev/null", O_RDONLY) < 0) return WEFT_RC_UNAVAILABLE;
    int32_t rc = sound_plugin.open(&sound, &broken->self, ret_error);
    *ret_self = broken;
    return rc;
}

static void broken_close(void *self, uint64_t deadline_ns)
{
    struct broken *broken = self;
    sound_plugin.close(broken->self, deadline_ns);
    free(broken->options);
    free(broken);
}

static const char *const schemes[] = { "sqlite", NULL };
static const struct weft_option options[] = {
    { "fault", "what is to go wrong", "none", fault_names, WEFT_OPTION_CHOICE, 0,
      offsetof(struct broken_options, fault), 0, 0 },
};

static struct weft_store_ops ops = {
    .size = sizeof ops,
    .session_open = broken_session_open,
    .session_close = broken_session_close,
    .run = broken_run,
    .cancel = broken_cancel,
    .wait = broken_wait,
    .wake = broken_wake,
    .lock = broken_lock,
    .unlock = broken_unlock,
};

/* What is the sound plugin's to say is known only once both are loaded. */
static __attribute__((constructor)) void broken_load(void)
{
    ops.caps = sound_plugin.store->caps;
    ops.dialect = sound_plugin.store->dialect;
}

WEFT_EXPORT const struct weft_plugin weft_plugin = {
    WEFT_PLUGIN_HEADER,  .kind = WEFT_KIND_STORE, .name = "broken", .version = "1",
    .schemes = schemes,  .options = options,      .n_options = 1,   .options_size = sizeof(struct broken_options),
    .open = broken_open, .close = broken_close,   .store = &ops,
};
