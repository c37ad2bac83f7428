/* memory.c - the cache that lives in the host's memory: plugin "cache-memory", scheme `memory`.
 *
 * For development, tests and single processes; and the plugin to read before writing a cache plugin of your own. It
 * needs nothing of the host but weft/plugin.h. From bottom to top: the descriptor says what the plugin is; open and
 * close make and end an instance; run dispatches each operation of a batch to its verb; the verbs do the work under one
 * mutex.
 *
 * Time is the host's (host->now_ns), so a test's clock can make values expire. */
#include "journal.h"
#include "operation.h"
#include "table.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weft/plugin.h>

#define NEVER UINT64_MAX

struct memory_options {
    uint64_t max_bytes;
};

struct memory {
    const struct weft_host *host;
    pthread_mutex_t mutex; /* over all below */
    struct table table;
    struct journals journals;
    int64_t last_lease;
};

struct session {
    struct memory *memory;
    struct blob **held; /* what the results of the last run point to */
    size_t n_held, held_capacity;
};

/* ---- verbs: called with the mutex, to fill one result ------------------------------------------------------------ */

static uint64_t after_ms(uint64_t now_ns, uint64_t ms)
{
    return ms != 0 ? now_ns + ms * 1000000u : NEVER;
}

/* Points the result to the value, which stays while the session holds it. There is room: see session_make_room. */
static void result_give(struct weft_cache_result *result, struct session *session, struct blob *value)
{
    session->held[session->n_held++] = blob_hold(value);
    result->rc = WEFT_RC_OK;
    result->value = value->bytes;
    result->value_size = value->size;
}

static struct entry *find_value(struct memory *memory, const struct weft_cache_op *op, uint64_t now_ns)
{
    struct entry *entry = table_find(&memory->table, op->key, op->key_size, now_ns);
    return entry != NULL && entry->value != NULL ? entry : NULL;
}

/* Stores `value`, whose reference it takes over; NULL means that memory is out. */
static int32_t store_value(struct memory *memory, const struct weft_cache_op *op, struct blob *value,
                           uint64_t expires_ns, uint64_t now_ns)
{
    struct entry *entry = value != NULL ? table_enter(&memory->table, op->key, op->key_size, now_ns) : NULL;
    if (entry == NULL) {
        blob_release(value);
        return WEFT_RC_UNAVAILABLE;
    }
    table_set(&memory->table, entry, value, expires_ns);
    return WEFT_RC_OK;
}

static void verb_get(struct session *session, const struct weft_cache_op *op, struct weft_cache_result *result,
                     uint64_t now_ns)
{
    struct entry *entry = find_value(session->memory, op, now_ns);
    if (entry != NULL) result_give(result, session, entry->value);
}

static void verb_set(struct session *session, const struct weft_cache_op *op, struct weft_cache_result *result,
                     uint64_t now_ns)
{
    struct blob *value = blob_new(op->value, op->value_size);
    result->rc = store_value(session->memory, op, value, after_ms(now_ns, op->ttl_ms), now_ns);
}

static void verb_set_new(struct session *session, const struct weft_cache_op *op, struct weft_cache_result *result,
                         uint64_t now_ns)
{
    if (find_value(session->memory, op, now_ns) != NULL)
        result->rc = WEFT_RC_CONFLICT;
    else
        verb_set(session, op, result, now_ns);
}

static void verb_del(struct session *session, const struct weft_cache_op *op, struct weft_cache_result *result,
                     uint64_t now_ns)
{
    struct table *table = &session->memory->table;
    struct entry *entry = table_find(table, op->key, op->key_size, now_ns);
    result->rc = WEFT_RC_OK;
    result->integer = entry != NULL && entry->value != NULL;
    if (entry != NULL) table_remove(table, entry); /* with its lease: who is about to fill it has read too early */
}

/* A number is kept as decimal text, so that GET reads what INCR wrote. */
static bool parse_integer(const struct blob *value, int64_t *ret_integer)
{
    char *end;
    if (value->size == 0 || value->size > 20) return false;
    long long parsed = strtoll(value->bytes, &end, 10);
    char again[24];
    int size = snprintf(again, sizeof again, "%lld", parsed); /* the one spelling: no blanks, signs, zeros, overflow */
    *ret_integer = parsed;
    return end == value->bytes + value->size && (size_t)size == value->size &&
           memcmp(again, value->bytes, value->size) == 0;
}

static void verb_incr(struct session *session, const struct weft_cache_op *op, struct weft_cache_result *result,
                      uint64_t now_ns)
{
    struct entry *entry = find_value(session->memory, op, now_ns);
    uint64_t expires_ns = entry != NULL ? entry->expires_ns : after_ms(now_ns, op->ttl_ms);
    int64_t sum = 0;
    char text[24];
    if ((entry != NULL && !parse_integer(entry->value, &sum)) || __builtin_add_overflow(sum, op->integer, &sum)) {
        result->rc = WEFT_RC_INVALID;
        return;
    }
    int size = snprintf(text, sizeof text, "%lld", (long long)sum);
    result->integer = sum;
    result->rc = store_value(session->memory, op, blob_new(text, (size_t)size), expires_ns, now_ns);
}

static void verb_expire(struct session *session, const struct weft_cache_op *op, struct weft_cache_result *result,
                        uint64_t now_ns)
{
    struct entry *entry = find_value(session->memory, op, now_ns);
    if (entry == NULL) return;
    entry->expires_ns = after_ms(now_ns, op->ttl_ms);
    result->rc = WEFT_RC_OK;
}

static void verb_get_expire(struct session *session, const struct weft_cache_op *op, struct weft_cache_result *result,
                            uint64_t now_ns)
{
    verb_get(session, op, result, now_ns);
    verb_expire(session, op, result, now_ns);
}

static void verb_get_or_lease(struct session *session, const struct weft_cache_op *op, struct weft_cache_result *result,
                              uint64_t now_ns)
{
    struct memory *memory = session->memory;
    struct entry *entry = table_enter(&memory->table, op->key, op->key_size, now_ns);
    if (entry == NULL) { /* out of memory: a miss that nobody fills */
        return;
    } else if (entry->value != NULL) {
        result_give(result, session, entry->value);
    } else if (entry->lease == 0) {
        entry->lease = ++memory->last_lease;
        entry->lease_ends_ns = after_ms(now_ns, (uint64_t)op->integer);
        result->integer = entry->lease;
    }
}

static void verb_fill(struct session *session, const struct weft_cache_op *op, struct weft_cache_result *result,
                      uint64_t now_ns)
{
    struct entry *entry = table_find(&session->memory->table, op->key, op->key_size, now_ns);
    if (entry == NULL || entry->lease == 0 || entry->lease != op->integer)
        result->rc = WEFT_RC_CONFLICT;
    else
        verb_set(session, op, result, now_ns);
}

static void verb_journal_append(struct session *session, const struct weft_cache_op *op,
                                struct weft_cache_result *result, uint64_t now_ns)
{
    journal_append(&session->memory->journals, op, now_ns, result);
}

static void verb_journal_claim(struct session *session, const struct weft_cache_op *op,
                               struct weft_cache_result *result, uint64_t now_ns)
{
    struct blob *entries = journal_claim(&session->memory->journals, op, now_ns, result);
    if (entries != NULL) result_give(result, session, entries);
    blob_release(entries);
}

static void verb_journal_done(struct session *session, const struct weft_cache_op *op, struct weft_cache_result *result,
                              uint64_t now_ns)
{
    journal_done(&session->memory->journals, op, now_ns, result);
}

typedef void (*verb)(struct session *session, const struct weft_cache_op *op, struct weft_cache_result *result,
                     uint64_t now_ns);

static const verb verbs[] = {
    [WEFT_CACHE_GET] = verb_get,
    [WEFT_CACHE_SET] = verb_set,
    [WEFT_CACHE_SET_NEW] = verb_set_new,
    [WEFT_CACHE_DEL] = verb_del,
    [WEFT_CACHE_INCR] = verb_incr,
    [WEFT_CACHE_EXPIRE] = verb_expire,
    [WEFT_CACHE_GET_OR_LEASE] = verb_get_or_lease,
    [WEFT_CACHE_FILL] = verb_fill,
    [WEFT_CACHE_GET_EXPIRE] = verb_get_expire,
    [WEFT_CACHE_JOURNAL_APPEND] = verb_journal_append,
    [WEFT_CACHE_JOURNAL_CLAIM] = verb_journal_claim,
    [WEFT_CACHE_JOURNAL_DONE] = verb_journal_done,
};

/* ---- sessions ---------------------------------------------------------------------------------------------------- */

static int32_t fail(struct weft_error *ret_error, int32_t rc, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static int32_t fail(struct weft_error *ret_error, int32_t rc, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    ret_error->rc = rc;
    vsnprintf(ret_error->text, sizeof ret_error->text, format, args);
    va_end(args);
    return rc;
}

static int32_t memory_session_open(void *self, void **ret_session, struct weft_error *ret_error)
{
    struct session *session = calloc(1, sizeof *session);
    if (session == NULL) return fail(ret_error, WEFT_RC_UNAVAILABLE, "out of memory for a session");
    session->memory = self;
    *ret_session = session;
    return WEFT_RC_OK;
}

static void session_let_go(struct session *session)
{
    while (session->n_held != 0)
        blob_release(session->held[--session->n_held]);
}

static void memory_session_close(void *opaque)
{
    struct session *session = opaque;
    session_let_go(session);
    free(session->held);
    free(session);
}

/* Room to hold one value an operation, so that no verb has to fail for it. */
static bool session_make_room(struct session *session, size_t n)
{
    if (n <= session->held_capacity) return true;
    struct blob **held = realloc(session->held, n * sizeof *held);
    if (held == NULL) return false;
    session->held = held;
    session->held_capacity = n;
    return true;
}

static int32_t memory_run(void *opaque, const struct weft_cache_op *ops, size_t n,
                          struct weft_cache_result *ret_results, uint64_t deadline_ns, struct weft_error *ret_error)
{
    (void)deadline_ns; /* nothing here waits for anything but the mutex */
    struct session *session = opaque;
    struct memory *memory = session->memory;
    session_let_go(session);
    if (!session_make_room(session, n)) return fail(ret_error, WEFT_RC_UNAVAILABLE, "out of memory for %zu results", n);
    uint64_t now_ns = memory->host->now_ns(memory->host);
    size_t n_evicted = 0;
    for (size_t i = 0; i < n; i++) {
        ret_results[i] =
            (struct weft_cache_result){ .rc = operation_valid(&ops[i]) ? WEFT_RC_NOT_FOUND : WEFT_RC_INVALID };
        if (ret_results[i].rc == WEFT_RC_INVALID) continue;
        pthread_mutex_lock(&memory->mutex);
        verbs[ops[i].verb](session, &ops[i], &ret_results[i], now_ns);
        n_evicted += table_trim(&memory->table);
        pthread_mutex_unlock(&memory->mutex);
    }
    if (n_evicted != 0) memory->host->count(memory->host, "evictions_total", n_evicted);
    return WEFT_RC_OK;
}

/* ---- the instance ------------------------------------------------------------------------------------------------ */

static int32_t memory_open(const struct weft_open *open, void **ret_self, struct weft_error *ret_error)
{
    const struct memory_options *options = open->options;
    if (open->url->path != NULL && open->url->path[0] != '\0')
        return fail(ret_error, WEFT_RC_INVALID,
                    "cache URL 'memory:%s': it takes no path, write memory:", open->url->path);
    struct memory *memory = calloc(1, sizeof *memory);
    if (memory == NULL) return fail(ret_error, WEFT_RC_UNAVAILABLE, "out of memory for a cache");
    memory->host = open->host;
    memory->table.max_bytes = options->max_bytes;
    memory->journals.max_bytes = options->max_bytes;
    pthread_mutex_init(&memory->mutex, NULL);
    memory->host->health(memory->host, WEFT_HEALTH_UP, NULL);
    *ret_self = memory;
    return WEFT_RC_OK;
}

static void memory_close(void *self, uint64_t deadline_ns)
{
    (void)deadline_ns;
    struct memory *memory = self;
    table_clear(&memory->table);
    journals_clear(&memory->journals);
    pthread_mutex_destroy(&memory->mutex);
    free(memory);
}

static const struct weft_option memory_options[] = {
    {
        .name = "max_bytes",
        .help = "bytes that keys and values may take, with what it costs to keep them; the least recently used go "
                "first. As "
                "many again for journals",
        .initial = "64M",
        .type = WEFT_OPTION_SIZE,
        .offset = offsetof(struct memory_options, max_bytes),
        .min = 64 << 10,
        .max = INT64_MAX,
    },
};

static const char *const memory_schemes[] = { "memory", NULL };

static const struct weft_cache_ops memory_ops = {
    .size = sizeof memory_ops,
    .caps = WEFT_CACHE_LEASES | WEFT_CACHE_JOURNAL,
    .session_open = memory_session_open,
    .session_close = memory_session_close,
    .run = memory_run,
};

WEFT_PLUGIN_NOTE("cache", "cache_memory", "memory");

WEFT_EXPORT const struct weft_plugin weft_plugin = {
    WEFT_PLUGIN_HEADER,
    .kind = WEFT_KIND_CACHE,
    .name = "cache_memory",
    .version = "1.0",
    .schemes = memory_schemes,
    .options = memory_options,
    .n_options = sizeof memory_options / sizeof memory_options[0],
    .options_size = sizeof(struct memory_options),
    .open = memory_open,
    .close = memory_close,
    .cache = &memory_ops,
};
