#include "fake_store.h"

#include "base/clock.h"
#include "base/memory.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct fake_row {
    int64_t id;
    char key[64], type[64], event_id[37], reason[256];
    bool held;
};

struct fake_store {
    pthread_mutex_t mutex;
    struct fake_row rows[FAKE_ROWS];
    size_t n;
    size_t n_claims;
    int64_t n_answers; /* to commands with an idempotency key, expired */
    int32_t rc;
    char holder[64];
    uint64_t lease_until_ns;
};

enum { FAKE_COLUMNS = 14, FAKE_SETS = 16 };

struct fake_session {
    struct fake_store *fake;
    struct weft_value *values[FAKE_SETS];
    struct weft_rowset sets[FAKE_SETS];
    char *texts[FAKE_SETS];
};

static const struct weft_dialect fake_dialect = {
    .size = sizeof fake_dialect,
    .name = "fake",
    .outbox_claim = "claim",
    .outbox_done = "done",
    .outbox_hold = "hold",
    .outbox_probe = "probe",
    .outbox_release = "release",
    .outbox_held_keys = "held_keys",
    .scheduled_move = "scheduled_move",
    .scheduled_next = "scheduled_next",
    .lease_take = "lease_take",
    .lease_release = "lease_release",
    .request_purge = "request_purge",
};

static bool ids_have(const struct weft_value *ids, int64_t id)
{
    for (uint64_t i = 0; i < ids->size; i++)
        if (ids->as.ints[i] == id) return true;
    return false;
}

static bool keys_have(const struct weft_value *keys, const char *key)
{
    for (uint64_t i = 0; i < keys->size; i++)
        if (*key != '\0' && strcmp(keys->as.texts[i], key) == 0) return true;
    return false;
}

/* Insertion order need not be id order: a commit may come late. */
static struct fake_row *row_after(struct fake_store *fake, int64_t id)
{
    struct fake_row *found = NULL;
    for (size_t i = 0; i < fake->n; i++)
        if (fake->rows[i].id > id && (found == NULL || fake->rows[i].id < found->id)) found = &fake->rows[i];
    return found;
}

static void row_columns(const struct fake_row *row, struct weft_value *columns, char *texts)
{
    struct fake_row *copy = (struct fake_row *)(void *)texts;
    *copy = *row;
    for (size_t i = 0; i < FAKE_COLUMNS; i++)
        columns[i] = weft_null();
    columns[0] = weft_int(row->id);
    columns[1] = weft_text(copy->event_id);
    columns[2] = weft_text(copy->type);
    columns[3] = weft_text("user-events");
    columns[4] = weft_text("user.created");
    columns[5] = copy->key[0] == '\0' ? weft_null() : weft_text(copy->key);
    columns[6] = weft_text("application/x-protobuf");
    columns[8] = weft_text("correlation");
    columns[12] = weft_time_us(1700000000000000);
    columns[13] = weft_bytes("payload", 7);
}

static bool is_first_held(struct fake_store *fake, const struct fake_row *row)
{
    for (size_t i = 0; i < fake->n; i++)
        if (fake->rows[i].held && fake->rows[i].id < row->id && row->key[0] != '\0' &&
            strcmp(fake->rows[i].key, row->key) == 0)
            return false;
    return true;
}

static uint32_t fake_select(struct fake_session *session, size_t at, const struct weft_statement *statement, bool probe)
{
    struct fake_store *fake = session->fake;
    int64_t limit = statement->params[probe ? 0 : 2].as.integer,
            after = probe ? statement->params[1].as.integer : INT64_MIN;
    uint32_t n = 0;
    session->values[at] = weft_memory_zeroed((size_t)limit * FAKE_COLUMNS, sizeof(struct weft_value));
    session->texts[at] = weft_memory_zeroed((size_t)limit, sizeof(struct fake_row));
    if (!probe) fake->n_claims++;
    for (struct fake_row *row = row_after(fake, after); row != NULL && n < limit; row = row_after(fake, row->id)) {
        bool wanted = probe ? row->held && is_first_held(fake, row)
                            : !row->held && !ids_have(&statement->params[0], row->id) &&
                                  !keys_have(&statement->params[1], row->key);
        if (!wanted) continue;
        row_columns(row, session->values[at] + (size_t)n * FAKE_COLUMNS, session->texts[at] + n * sizeof *row);
        n++;
    }
    session->sets[at].n_columns = FAKE_COLUMNS;
    return n;
}

static void fake_done(struct fake_store *fake, const struct weft_value *ids)
{
    size_t kept = 0;
    for (size_t i = 0; i < fake->n; i++)
        if (!ids_have(ids, fake->rows[i].id)) fake->rows[kept++] = fake->rows[i];
    fake->n = kept;
}

static void fake_mark(struct fake_store *fake, const struct weft_statement *statement, bool held)
{
    for (size_t i = 0; i < fake->n; i++) {
        struct fake_row *row = &fake->rows[i];
        if (!keys_have(&statement->params[0], row->key) && !ids_have(&statement->params[1], row->id)) continue;
        if (held && !row->held) snprintf(row->reason, sizeof row->reason, "%s", statement->params[2].as.text);
        if (!held) row->reason[0] = '\0';
        row->held = held;
    }
}

static uint32_t fake_held_keys(struct fake_session *session, size_t at)
{
    struct fake_store *fake = session->fake;
    uint32_t n = 0;
    session->values[at] = weft_memory_zeroed(fake->n + 1, sizeof(struct weft_value));
    for (size_t i = 0; i < fake->n; i++)
        if (fake->rows[i].held && is_first_held(fake, &fake->rows[i]))
            session->values[at][n++] = weft_text(fake->rows[i].key);
    session->sets[at].n_columns = 1;
    return n;
}

static uint32_t fake_lease(struct fake_session *session, size_t at, const struct weft_statement *statement)
{
    struct fake_store *fake = session->fake;
    const char *holder = statement->params[1].as.text;
    session->values[at] = weft_memory_zeroed(1, sizeof(struct weft_value));
    session->sets[at].n_columns = 1;
    if (strcmp(fake->holder, holder) != 0 && weft_clock_ns() < fake->lease_until_ns) return 0;
    snprintf(fake->holder, sizeof fake->holder, "%s", holder);
    fake->lease_until_ns = weft_clock_ns() + (uint64_t)statement->params[2].as.integer * WEFT_MS;
    return 1;
}

static void fake_purge(struct fake_session *session, size_t at, int64_t most)
{
    struct fake_store *fake = session->fake;
    const int64_t purged = fake->n_answers < most ? fake->n_answers : most;
    fake->n_answers -= purged;
    session->sets[at].affected = purged;
}

static uint32_t fake_statement(struct fake_session *session, size_t at, const struct weft_statement *statement)
{
    struct fake_store *fake = session->fake;
    const char *sql = statement->sql;
    if (strcmp(sql, "claim") == 0) return fake_select(session, at, statement, false);
    if (strcmp(sql, "probe") == 0) return fake_select(session, at, statement, true);
    if (strcmp(sql, "held_keys") == 0) return fake_held_keys(session, at);
    if (strcmp(sql, "lease_take") == 0) return fake_lease(session, at, statement);
    if (strcmp(sql, "done") == 0) fake_done(fake, &statement->params[0]);
    if (strcmp(sql, "hold") == 0) fake_mark(fake, statement, true);
    if (strcmp(sql, "release") == 0) fake_mark(fake, statement, false);
    if (strcmp(sql, "lease_release") == 0) fake->lease_until_ns = 0;
    if (strcmp(sql, "request_purge") == 0) fake_purge(session, at, statement->params[0].as.integer);
    return 0;
}

static void session_clear(struct fake_session *session)
{
    for (size_t i = 0; i < FAKE_SETS; i++) {
        free(session->values[i]);
        free(session->texts[i]);
        session->values[i] = NULL;
        session->texts[i] = NULL;
    }
    memset(session->sets, 0, sizeof session->sets);
}

static int32_t fake_run(void *self, const struct weft_statement *statements, size_t n, struct weft_result *ret_result,
                        uint64_t deadline_ns)
{
    (void)deadline_ns;
    struct fake_session *session = self;
    session_clear(session);
    pthread_mutex_lock(&session->fake->mutex);
    int32_t rc = session->fake->rc;
    for (size_t i = 0; i < n && rc == WEFT_RC_OK; i++) {
        session->sets[i].n_rows = fake_statement(session, i, &statements[i]);
        session->sets[i].values = session->values[i];
    }
    pthread_mutex_unlock(&session->fake->mutex);
    *ret_result = (struct weft_result){ .sets = session->sets, .n_sets = (uint32_t)n, .text = "made to fail" };
    return rc;
}

static int32_t fake_session_open(void *self, uint32_t purpose, uint64_t deadline_ns, void **ret_session,
                                 struct weft_error *ret_error)
{
    (void)purpose, (void)deadline_ns, (void)ret_error;
    struct fake_session *session = weft_memory_zeroed(1, sizeof *session);
    session->fake = self;
    *ret_session = session;
    return WEFT_RC_OK;
}

static void fake_session_close(void *self)
{
    session_clear(self);
    free(self);
}

static const struct weft_store_ops fake_ops = {
    .size = sizeof fake_ops,
    .caps = WEFT_STORE_SHARED,
    .dialect = &fake_dialect,
    .session_open = fake_session_open,
    .session_close = fake_session_close,
    .run = fake_run,
};

struct fake_store *fake_store_new(void)
{
    struct fake_store *fake = weft_memory_zeroed(1, sizeof *fake);
    pthread_mutex_init(&fake->mutex, NULL);
    return fake;
}

void fake_store_free(struct fake_store *fake)
{
    pthread_mutex_destroy(&fake->mutex);
    free(fake);
}

struct weft_store *fake_store_open(struct fake_store *fake, const char *service)
{
    return weft_store_new(&fake_ops, fake, service, 4);
}

void fake_store_insert(struct fake_store *fake, int64_t id, const char *key, const char *type)
{
    pthread_mutex_lock(&fake->mutex);
    struct fake_row *row = &fake->rows[fake->n++];
    memset(row, 0, sizeof *row);
    row->id = id;
    snprintf(row->key, sizeof row->key, "%s", key == NULL ? "" : key);
    snprintf(row->type, sizeof row->type, "%s", type);
    snprintf(row->event_id, sizeof row->event_id, "00000000-0000-7000-8000-%012lld", (long long)id);
    pthread_mutex_unlock(&fake->mutex);
}

static size_t fake_count(struct fake_store *fake, bool held_only)
{
    size_t n = 0;
    pthread_mutex_lock(&fake->mutex);
    for (size_t i = 0; i < fake->n; i++)
        n += !held_only || fake->rows[i].held;
    pthread_mutex_unlock(&fake->mutex);
    return n;
}

size_t fake_store_rows(struct fake_store *fake)
{
    return fake_count(fake, false);
}
size_t fake_store_held(struct fake_store *fake)
{
    return fake_count(fake, true);
}

bool fake_store_is_held(struct fake_store *fake, int64_t id, const char *reason)
{
    bool is = false;
    pthread_mutex_lock(&fake->mutex);
    for (size_t i = 0; i < fake->n; i++)
        if (fake->rows[i].id == id)
            is = fake->rows[i].held && strncmp(fake->rows[i].reason, reason, strlen(reason)) == 0;
    pthread_mutex_unlock(&fake->mutex);
    return is;
}

size_t fake_store_claims(struct fake_store *fake)
{
    pthread_mutex_lock(&fake->mutex);
    size_t n = fake->n_claims;
    pthread_mutex_unlock(&fake->mutex);
    return n;
}

void fake_store_expire(struct fake_store *fake, int64_t n_answers)
{
    pthread_mutex_lock(&fake->mutex);
    fake->n_answers = n_answers;
    pthread_mutex_unlock(&fake->mutex);
}

int64_t fake_store_expired(struct fake_store *fake)
{
    pthread_mutex_lock(&fake->mutex);
    int64_t n = fake->n_answers;
    pthread_mutex_unlock(&fake->mutex);
    return n;
}

void fake_store_fail(struct fake_store *fake, int32_t rc)
{
    pthread_mutex_lock(&fake->mutex);
    fake->rc = rc;
    pthread_mutex_unlock(&fake->mutex);
}

void fake_store_steal(struct fake_store *fake, const char *holder, uint64_t ms)
{
    pthread_mutex_lock(&fake->mutex);
    snprintf(fake->holder, sizeof fake->holder, "%s", holder);
    fake->lease_until_ns = weft_clock_ns() + ms * WEFT_MS;
    pthread_mutex_unlock(&fake->mutex);
}
