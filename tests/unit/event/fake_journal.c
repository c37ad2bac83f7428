#include "fake_journal.h"

#include "base/clock.h"
#include "base/memory.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { JOURNAL_MOST = 4096 };

struct fake_entry {
    int64_t place;
    size_t size;
    char *bytes;
};

struct fake_journal {
    pthread_mutex_t mutex;
    struct fake_entry entries[JOURNAL_MOST];
    size_t n;
    int64_t place;
    bool away;
    char claimer[256];
    uint64_t claimed_until_ns;
};

struct fake_session {
    struct fake_journal *fake;
    char *answer;
};

static void entry_add(struct fake_journal *fake, const void *bytes, size_t size)
{
    struct fake_entry *entry = &fake->entries[fake->n++];
    *entry = (struct fake_entry){ ++fake->place, size, weft_memory_get(size + 1) };
    memcpy(entry->bytes, bytes, size);
}

static void entries_remove(struct fake_journal *fake, size_t n)
{
    for (size_t i = 0; i < n; i++)
        free(fake->entries[i].bytes);
    memmove(fake->entries, fake->entries + n, (fake->n - n) * sizeof *fake->entries);
    fake->n -= n;
}

static bool claimed_by_another(const struct fake_journal *fake, const struct weft_cache_op *op)
{
    return weft_clock_ns() < fake->claimed_until_ns &&
           (strlen(fake->claimer) != op->value_size || memcmp(fake->claimer, op->value, op->value_size) != 0);
}

static void run_append(struct fake_journal *fake, const struct weft_cache_op *op, struct weft_cache_result *result)
{
    entry_add(fake, op->value, op->value_size);
    if (fake->n <= (size_t)op->integer) return;
    result->integer = (int64_t)fake->n - op->integer;
    entries_remove(fake, (size_t)result->integer);
}

static void claim_write(struct fake_session *session, size_t n, struct weft_cache_result *result)
{
    const struct fake_journal *fake = session->fake;
    size_t size = 0;
    for (size_t i = 0; i < n; i++)
        size += 8 + fake->entries[i].size;
    free(session->answer);
    char *at = session->answer = weft_memory_get(size);
    for (size_t i = 0; i < n; i++) {
        uint64_t length = fake->entries[i].size; /* the tests run where the lowest byte is first */
        memcpy(at, &length, 8);
        memcpy(at + 8, fake->entries[i].bytes, length);
        at += 8 + length;
    }
    result->value = session->answer;
    result->value_size = size;
    result->integer = fake->entries[n - 1].place;
}

static void run_claim(struct fake_session *session, const struct weft_cache_op *op, struct weft_cache_result *result)
{
    struct fake_journal *fake = session->fake;
    size_t n = fake->n < (size_t)op->integer ? fake->n : (size_t)op->integer;
    if (n == 0 || claimed_by_another(fake, op)) {
        result->rc = n == 0 ? WEFT_RC_NOT_FOUND : WEFT_RC_CONFLICT;
        return;
    }
    snprintf(fake->claimer, sizeof fake->claimer, "%.*s", (int)op->value_size, (const char *)op->value);
    fake->claimed_until_ns = weft_clock_ns() + op->ttl_ms * WEFT_MS;
    claim_write(session, n, result);
}

static void run_done(struct fake_journal *fake, const struct weft_cache_op *op, struct weft_cache_result *result)
{
    if (claimed_by_another(fake, op)) {
        result->rc = WEFT_RC_CONFLICT;
        return;
    }
    while (fake->n > 0 && fake->entries[0].place <= op->integer)
        entries_remove(fake, 1);
    if (fake->n == 0) fake->claimed_until_ns = 0;
}

static int32_t fake_run(void *self, const struct weft_cache_op *ops, size_t n, struct weft_cache_result *ret_results,
                        uint64_t deadline_ns, struct weft_error *ret_error)
{
    (void)deadline_ns;
    struct fake_session *session = self;
    struct fake_journal *fake = session->fake;
    pthread_mutex_lock(&fake->mutex);
    int32_t rc = fake->away ? WEFT_RC_UNAVAILABLE : WEFT_RC_OK;
    for (size_t i = 0; i < n && rc == WEFT_RC_OK; i++) {
        ret_results[i] = (struct weft_cache_result){ .rc = WEFT_RC_OK };
        if (ops[i].verb == WEFT_CACHE_JOURNAL_APPEND) run_append(fake, &ops[i], &ret_results[i]);
        if (ops[i].verb == WEFT_CACHE_JOURNAL_CLAIM) run_claim(session, &ops[i], &ret_results[i]);
        if (ops[i].verb == WEFT_CACHE_JOURNAL_DONE) run_done(fake, &ops[i], &ret_results[i]);
    }
    pthread_mutex_unlock(&fake->mutex);
    snprintf(ret_error->text, sizeof ret_error->text, "made to fail");
    return rc;
}

static int32_t fake_open(void *self, void **ret_session, struct weft_error *ret_error)
{
    (void)ret_error;
    struct fake_session *session = weft_memory_zeroed(1, sizeof *session);
    session->fake = self;
    *ret_session = session;
    return WEFT_RC_OK;
}

static void fake_close(void *self)
{
    struct fake_session *session = self;
    free(session->answer);
    free(session);
}

static const struct weft_cache_ops fake_ops = { .size = sizeof fake_ops,
                                                .caps = WEFT_CACHE_JOURNAL | WEFT_CACHE_SHARED,
                                                .session_open = fake_open,
                                                .session_close = fake_close,
                                                .run = fake_run };

struct fake_journal *fake_journal_new(void)
{
    struct fake_journal *fake = weft_memory_zeroed(1, sizeof *fake);
    pthread_mutex_init(&fake->mutex, NULL);
    return fake;
}

void fake_journal_free(struct fake_journal *fake)
{
    entries_remove(fake, fake->n);
    pthread_mutex_destroy(&fake->mutex);
    free(fake);
}

struct weft_cache *fake_journal_open(struct fake_journal *fake)
{
    return weft_cache_new(&fake_ops, fake, 2, 100 * WEFT_MS);
}

void fake_journal_away(struct fake_journal *fake, bool away)
{
    pthread_mutex_lock(&fake->mutex);
    fake->away = away;
    pthread_mutex_unlock(&fake->mutex);
}

size_t fake_journal_entries(struct fake_journal *fake)
{
    pthread_mutex_lock(&fake->mutex);
    size_t n = fake->n;
    pthread_mutex_unlock(&fake->mutex);
    return n;
}

void fake_journal_put(struct fake_journal *fake, const void *entry, size_t size)
{
    pthread_mutex_lock(&fake->mutex);
    entry_add(fake, entry, size);
    pthread_mutex_unlock(&fake->mutex);
}

void fake_journal_steal(struct fake_journal *fake, const char *claimer, uint64_t ms)
{
    pthread_mutex_lock(&fake->mutex);
    snprintf(fake->claimer, sizeof fake->claimer, "%s", claimer);
    fake->claimed_until_ns = weft_clock_ns() + ms * WEFT_MS;
    pthread_mutex_unlock(&fake->mutex);
}
