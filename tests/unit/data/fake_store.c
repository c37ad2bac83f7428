/* The store that only takes notes. */
#include "fake_store.h"

#include "base/clock.h"
#include "base/memory.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int32_t fake_open(void *self, uint32_t purpose, uint64_t deadline_ns, void **ret_session,
                         struct weft_error *ret_error)
{
    struct fake_store *fake = self;
    (void)purpose, (void)deadline_ns;
    if (fake->open_rc != WEFT_RC_OK) {
        snprintf(ret_error->text, sizeof ret_error->text, "nobody at 127.0.0.1");
        return fake->open_rc;
    }
    fake->n_opened++;
    void **session = weft_memory_get(sizeof *session);
    *session = fake;
    *ret_session = session;
    return WEFT_RC_OK;
}

static void fake_close(void *session)
{
    struct fake_store *fake = *(void **)session;
    fake->n_closed++;
    free(session);
}

static size_t value_write(char *text, size_t size, const struct weft_value *value)
{
    switch (value->type) {
    case WEFT_TYPE_NULL:
        return (size_t)snprintf(text, size, "null");
    case WEFT_TYPE_TEXT:
        return (size_t)snprintf(text, size, "%s", value->as.text);
    case WEFT_TYPE_BYTES:
        return (size_t)snprintf(text, size, "%.*s", (int)value->size, (const char *)value->as.bytes);
    case WEFT_TYPE_TEXTS:
        return (size_t)snprintf(text, size, "[%s...]", value->size > 0 ? value->as.texts[0] : "");
    case WEFT_TYPE_INTS:
        return (size_t)snprintf(text, size, "[%lld...]", value->size > 0 ? (long long)value->as.ints[0] : 0);
    default:
        return (size_t)snprintf(text, size, "%lld", (long long)value->as.integer);
    }
}

static size_t statement_write(char *text, size_t size, const struct weft_statement *statement)
{
    size_t at = 0;
    if (statement->sql != NULL) at += (size_t)snprintf(text + at, size - at, "%s", statement->sql);
    for (uint32_t i = 0; i < statement->n_params; i++) {
        at += (size_t)snprintf(text + at, size - at, i == 0 ? " (" : ", ");
        at += value_write(text + at, size - at, &statement->params[i]);
    }
    if (statement->n_params > 0) at += (size_t)snprintf(text + at, size - at, ")");
    return at;
}

static void run_note(char *text, size_t size, const struct weft_statement *statements, size_t n)
{
    size_t at = 0;
    text[0] = '\0';
    for (size_t i = 0; i < n && at < size; i++) {
        const uint32_t flags = statements[i].flags;
        if (at > 0) at += (size_t)snprintf(text + at, size - at, "; ");
        if (flags & WEFT_STATEMENT_BEGIN)
            at += (size_t)snprintf(text + at, size - at, statements[i].sql != NULL ? "BEGIN; " : "BEGIN");
        at += statement_write(text + at, size - at, &statements[i]);
        if (flags & WEFT_STATEMENT_COMMIT)
            at += (size_t)snprintf(text + at, size - at, statements[i].sql != NULL ? "; COMMIT" : "COMMIT");
        if (flags & WEFT_STATEMENT_ROLLBACK) at += (size_t)snprintf(text + at, size - at, "ROLLBACK");
    }
}

static int32_t fake_run(void *session, const struct weft_statement *statements, size_t n,
                        struct weft_result *ret_result, uint64_t deadline_ns)
{
    struct fake_store *fake = *(void **)session;
    (void)deadline_ns;
    if (fake->before_run != NULL) fake->before_run(fake->before_run_arg);
    ck_assert_uint_lt(fake->n_runs, FAKE_MAX);
    run_note(fake->runs[fake->n_runs], sizeof fake->runs[0], statements, n);
    const struct fake_answer *answer = &fake->answers[fake->n_runs++];
    for (size_t i = 0; i < n && i < FAKE_MAX; i++) {
        fake->sets[i] = (struct weft_rowset){ .affected = answer->affected == 0 ? 1 : answer->affected };
        if (answer->affected < 0) fake->sets[i].affected = 0;
    }
    if (answer->set.n_columns > 0) fake->sets[n - 1] = answer->set;
    *ret_result = (struct weft_result){ .sets = fake->sets,
                                        .n_sets = (uint32_t)n,
                                        .failed = answer->failed,
                                        .reason = answer->reason,
                                        .constraint = answer->constraint,
                                        .text = answer->text };
    return answer->rc;
}

static void fake_cancel(void *session)
{
    struct fake_store *fake = *(void **)session;
    fake->n_cancelled++;
}

static void fake_woken(void *arg)
{
    ((struct fake_store *)arg)->n_woken++;
}

struct fake_store *fake_store_new(uint32_t caps)
{
    static const char *const schema[] = { "create outbox", "create inbox", NULL };
    struct fake_store *fake = weft_memory_zeroed(1, sizeof *fake);
    fake->dialect = (struct weft_dialect){
        .size = sizeof fake->dialect,
        .name = "fake",
        .migrate_lock = "lock",
        .bootstrap = "bootstrap",
        .schema = schema,
        .owner_claim = "claim",
        .owner_read = "owner",
        .migration_list = "list",
        .migration_done = "done",
        .outbox_insert = "outbox",
        .notify = "notify",
        .key_lock = "lock key",
        .request_find = "find",
        .request_drop = "drop",
        .request_insert = "keep",
        .request_answer = "answer",
    };
    fake->ops = (struct weft_store_ops){ .size = sizeof fake->ops,
                                         .caps = caps,
                                         .dialect = &fake->dialect,
                                         .session_open = fake_open,
                                         .session_close = fake_close,
                                         .run = fake_run,
                                         .cancel = fake_cancel };
    fake->store = weft_store_new(&fake->ops, fake, "test-service", 2);
    fake->store->on_outbox = fake_woken;
    fake->store->on_outbox_arg = fake;
    return fake;
}

void fake_store_free(struct fake_store *fake)
{
    weft_store_free(fake->store);
    ck_assert_int_eq(fake->n_opened, fake->n_closed); /* no session is left out */
    free(fake);
}

struct weft_work *fake_work_new(struct fake_store *fake)
{
    struct weft_arena *arena = weft_arena_new(4096);
    struct weft_work *work = weft_arena_alloc(arena, sizeof *work);
    work->arena = arena;
    work->service = "test-service";
    work->store = fake->store;
    work->deadline_ns = weft_clock_ns() + WEFT_SECOND;
    work->correlation_id = "correlation";
    work->session_purpose = WEFT_SESSION_REQUEST;
    return work;
}

void fake_work_free(struct weft_work *work)
{
    weft_arena_free(work->arena);
}
