/* weft/service.h - everything a service author needs. Read it top to bottom.
 *
 * A service is a module (`.so`) with handlers: rpc methods that clients call and event handlers that the broker feeds.
 * It owns its data. A handler works in a unit of work (`weft_call` for an rpc, `weft_event` for an event; both are a
 * weft_work), reads top to bottom, and has no cleanup code:
 *
 *     returning WEFT_OK commits; anything else rolls back.
 *
 *     static weft_status rename(weft_call *call, const RenameRequest *in, RenameResponse *out, void *arg)
 *     {
 *         weft_tx *tx = weft_call_tx(call);
 *         weft_exec_expect(tx, 1, WEFT_NOT_FOUND, "UPDATE users SET name = $2 WHERE id = $1", in->id, in->name);
 *         user_renamed_emit(tx, &(UserRenamed){ .id = in->id, .name = in->name });
 *         out->id = in->id;
 *         return WEFT_OK;
 *     }
 *
 * All memory handed out here belongs to the work's arena and is valid until the handler returns. All functions are for
 * the thread that runs the handler, unless they say otherwise. Pointers handed in are not NULL, unless it is said.
 *
 * Errors are sticky. A statement that cannot be done makes the transaction fail: later statements and emits do nothing,
 * and the handler's WEFT_OK becomes that first error. So a handler checks only where it wants to decide.
 */
#ifndef WEFT_SERVICE_H
#define WEFT_SERVICE_H

#include <weft/contract.h>
#include <weft/sql.h>
#include <weft/status.h>
#include <weft/value.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef weft_work weft_call;  /* an rpc at work */
typedef weft_work weft_event; /* an event at work */
typedef struct weft_rows weft_rows;

/* ---- ending with an error ---------------------------------------------------------------------------------------- */

/* Sets the error of the work and returns `status`, so that a handler can write `return weft_fail(...)`. The text reaches
 * the client: say what failed, with which value, and what to do. */
WEFT_API weft_status weft_fail(weft_work *work, weft_status status, const char *format, ...) WEFT_PRINTF(3, 4);

/* INVALID_ARGUMENT that names the field: google.rpc.BadRequest in the status details. May be called several times, each
 * adds a violation. `field` is the path as the contract spells it, for example "email" or "address.city". */
WEFT_API weft_status weft_fail_field(weft_work *work, const char *field, const char *format, ...) WEFT_PRINTF(3, 4);

/* Events only. weft_retry: the event is parked and tried again by itself, later each time, until its group's
 * max_attempts are used up; then it is dead. weft_reject: it is dead at once, no try would help. Any other error status
 * parks as weft_retry does. Dead events are kept: `weft dead list` shows them. */
WEFT_API weft_status weft_retry(weft_event *event, const char *format, ...) WEFT_PRINTF(2, 3);
WEFT_API weft_status weft_reject(weft_event *event, const char *format, ...) WEFT_PRINTF(2, 3);

/* ---- the unit of work -------------------------------------------------------------------------------------------- */

/* Zeroed memory of the work, `size` bytes; never NULL: a process out of memory is ended. */
WEFT_API void *weft_alloc(weft_work *work, size_t size);
WEFT_API char *weft_strdup(weft_work *work, const char *text);
WEFT_API char *weft_format(weft_work *work, const char *format, ...) WEFT_PRINTF(2, 3);

/* A UUIDv7 (RFC 9562, section 5.7) as text; ascends with time. */
WEFT_API char *weft_uuid(weft_work *work);
/* A UUID from outside in the one form that ids are kept and compared in, lower case; NULL if `text` is no UUID. */
WEFT_API char *weft_uuid_of(weft_work *work, const char *text);
/* Is it a UUID in the 8-4-4-4-12 form, any case? NULL is not. Any thread. */
WEFT_API bool weft_is_uuid(const char *text);

/* A name that cannot be guessed: 128 random bits as 32 hex digits. */
WEFT_API char *weft_secret(weft_work *work);

/* The host's clock in milliseconds since the epoch; a test's fake clock shows here. */
WEFT_API int64_t weft_now_ms(weft_work *work);
/* Milliseconds left until the work's deadline; 0 when it has passed. */
WEFT_API int64_t weft_left_ms(weft_work *work);

/* The correlation id of the request or event that this work belongs to; on its log lines and on what it emits. */
WEFT_API const char *weft_correlation_id(weft_work *work);

/* Calls only: the value of metadata the client sent, the first of several; `key` in lower case. NULL: not sent, or an
 * event. */
WEFT_API const char *weft_metadata(weft_call *call, const char *key);

/* Events only: id (a UUID), type, key and the attempt, 1 for the first. Calls: NULL and 0. */
WEFT_API const char *weft_event_id(weft_event *event);
WEFT_API const char *weft_event_type(weft_event *event);
WEFT_API const char *weft_event_key(weft_event *event);
WEFT_API uint32_t weft_event_attempt(weft_event *event);

/* One JSON line in the log, with service, method or event, correlation id. No payloads and no secrets in the text. */
WEFT_API void weft_log_debug(weft_work *work, const char *format, ...) WEFT_PRINTF(2, 3);
WEFT_API void weft_log_info(weft_work *work, const char *format, ...) WEFT_PRINTF(2, 3);
WEFT_API void weft_log_warn(weft_work *work, const char *format, ...) WEFT_PRINTF(2, 3);
WEFT_API void weft_log_error(weft_work *work, const char *format, ...) WEFT_PRINTF(2, 3);

/* ---- transactions ------------------------------------------------------------------------------------------------ */

/* The work's transaction, made at the first call; the same at each. Nothing is sent yet: statements queue up and go out
 * together when rows are asked for or at the commit, one round trip. Never NULL. */
WEFT_API weft_tx *weft_call_tx(weft_call *call);
WEFT_API weft_tx *weft_event_tx(weft_event *event);

/*
 *  weft_exec(tx, sql, ...)                        queues a statement that returns no rows.
 *  weft_exec_expect(tx, n, status, sql, ...)      runs it now and fails with `status` unless it affected n rows.
 *  weft_fetch(tx, &rows, sql, ...)                runs it now, within the transaction, and gives its rows.
 *  weft_query(work, &rows, sql, ...)              runs it now on a reader, outside the transaction, and gives its rows.
 *                                                 (A store without readers of their own: once the transaction is open,
 *                                                 within it.)
 *
 * sql is a literal with $1, $2, ...; the parameters follow: integers, bool, double, text, or a struct weft_value made by
 * weft_bytes(), weft_time_ms(), weft_null(), ... NULL text is SQL NULL. Parameters are copied. At most 16.
 * All return WEFT_OK or the error that is now the work's: NOT_FOUND and so on for violations that weft_on_violation maps,
 * ALREADY_EXISTS for other unique ones, FAILED_PRECONDITION for other constraints, ABORTED for serialization failures and
 * deadlocks, UNAVAILABLE, DEADLINE_EXCEEDED, INTERNAL for SQL the store refuses. *ret_rows is set on WEFT_OK only and
 * is valid until the handler returns.
 */
#define weft_exec(tx, ...) weft_exec_values(tx, WEFT_SQL(__VA_ARGS__))
#define weft_exec_expect(tx, expected, status, ...) weft_exec_expect_values(tx, expected, status, WEFT_SQL(__VA_ARGS__))
#define weft_fetch(tx, ret_rows, ...) weft_fetch_values(tx, ret_rows, WEFT_SQL(__VA_ARGS__))
#define weft_query(work, ret_rows, ...) weft_query_values(work, ret_rows, WEFT_SQL(__VA_ARGS__))

WEFT_API weft_status weft_exec_values(weft_tx *tx, struct weft_sql sql);
WEFT_API weft_status weft_exec_expect_values(weft_tx *tx, int64_t expected, weft_status status, struct weft_sql sql);
WEFT_API weft_status weft_fetch_values(weft_tx *tx, weft_rows **ret_rows, struct weft_sql sql);
WEFT_API weft_status weft_query_values(weft_work *work, weft_rows **ret_rows, struct weft_sql sql);

/* Says what a violated constraint means: `status` with a text that names `field` (ALREADY_EXISTS: "email is taken"). The
 * constraint as PostgreSQL names it ("users_email_key"); for SQLite, which knows only columns, "users.email" is tried as
 * well, made from table and field. Before or after the statement; holds for the whole transaction. */
WEFT_API void weft_on_violation(weft_tx *tx, const char *constraint, weft_status status, const char *field);

/* Serialises with all other transactions that lock the same key, until the end of this one: for events of an aggregate
 * that has no row to lock. Queued like a statement. */
WEFT_API weft_status weft_lock_key(weft_tx *tx, const char *key);

/* A transaction that only wrote may be committed together with those of other calls, as one transaction of the store, so
 * that they share its cost: what the store tells of "this transaction" (its time, its id) is then the same for all. This
 * one is committed by itself. */
WEFT_API void weft_tx_alone(weft_tx *tx);

/* Takes back what was scheduled by this name (<package>_<message>_emit_at) and has not gone yet; none: nothing. */
WEFT_API weft_status weft_emit_cancel(weft_tx *tx, const char *name);

/* Rows, one after the other: weft_next() steps to the next, at first to the first, and says whether there is one.
 * Columns count from 0; one that is not there, or any before the first weft_next(), reads as NULL. */
WEFT_API bool weft_next(weft_rows *rows);
WEFT_API uint32_t weft_row_count(const weft_rows *rows);
WEFT_API bool weft_is_null(const weft_rows *rows, uint32_t column);
WEFT_API char *weft_get_text(const weft_rows *rows, uint32_t column); /* "" for NULL; numbers as text; of the arena */
WEFT_API int64_t weft_get_int(const weft_rows *rows, uint32_t column); /* 0 for NULL */
WEFT_API double weft_get_double(const weft_rows *rows, uint32_t column); /* 0 for NULL */
WEFT_API bool weft_get_bool(const weft_rows *rows, uint32_t column); /* false for NULL */
WEFT_API int64_t weft_get_time_ms(const weft_rows *rows, uint32_t column); /* 0 for NULL */
WEFT_API ProtobufCBinaryData weft_get_bytes(const weft_rows *rows, uint32_t column); /* {0, NULL} for NULL */

/* ---- cache ------------------------------------------------------------------------------------------------------- */

/* Cache-aside. weft_cached() looks the key up and unpacks the value into `out`, an initialised message: true if that
 * answered. Otherwise the caller reads the store and hands the message to weft_cache_fill(), which keeps it for `ttl_s`
 * seconds (0: until it is dropped) unless the key was dropped meanwhile. A cache that is down, slow or wrong is a miss; a
 * fill then does nothing. Never an error. A key is UTF-8 of up to 1024 bytes, for example weft_format(work, "user:%s", id);
 * others are not cached. What lies in the cache is the message with a check sum over it, the key and the type. */
WEFT_API bool weft_cached(weft_work *work, const char *key, ProtobufCMessage *out);
WEFT_API void weft_cache_fill(weft_work *work, const char *key, const ProtobufCMessage *message, uint32_t ttl_s);

/* Says that calls of this method begin with weft_cached() of `key`, in which one {field} stands for a string of the
 * request: "user:profile:{id}". A hint that changes nothing but the cost: with a cache that is reached over the network
 * the keys of calls in flight are then looked up together, in one round trip and without a thread that waits for each.
 * The method is registered before. Setup only; nothing is copied. */
WEFT_API void weft_service_prefetch(weft_service *service, const struct weft_method_type *method, const char *key);

/* Drops the key once the transaction has committed, before the client is answered. With a cache that other processes
 * share, the key also goes into the store, in the same commit, so that it is dropped within two seconds if this process
 * dies before it could, or the cache is away. */
WEFT_API void weft_cache_drop(weft_tx *tx, const char *key);

/* Values that live in the cache and nowhere else: sessions, codes that are good once. They are lost with the cache, and
 * no transaction covers them: what must not be lost belongs in the store. Unlike above, a cache that is away is an error,
 * UNAVAILABLE, and no miss. Keys as above.
 *
 *  weft_keep_put   keeps a copy of the message for ttl_s seconds, 1 to 366 days; over what was there.
 *  weft_keep_get   unpacks it into `out`, an initialised message, and, unless ttl_s is 0, keeps it for ttl_s seconds from
 *                  now (sliding expiry), in the same round trip.
 *  weft_keep_drop  forgets it.
 *
 * The last two return NOT_FOUND if there is none: a plain answer, which is no error of the work until the handler makes
 * it one. Others are: UNAVAILABLE; DATA_LOSS for a value that is no such message. No error text names the key. */
WEFT_API weft_status weft_keep_put(weft_work *work, const char *key, const ProtobufCMessage *message, uint32_t ttl_s);
WEFT_API weft_status weft_keep_get(weft_work *work, const char *key, ProtobufCMessage *out, uint32_t ttl_s);
WEFT_API weft_status weft_keep_drop(weft_work *work, const char *key);

/* ---- a service --------------------------------------------------------------------------------------------------- */

struct weft_group_options {
    bool ordered;          /* events of one key in commit order, through retries and over instances */
    bool external_effects; /* the handler acts outside the transaction: batches of one */
    bool hold_on_dead;     /* ordered: a dead event keeps holding its key */
    bool broadcast;        /* every instance gets every event from now on; transient, no inbox */
    uint32_t max_attempts; /* 0: 10 */
    /* A failed event's first wait, doubled with each attempt up to the most; 0: 1 s, 10 minutes. */
    uint32_t backoff_initial_ms, backoff_max_ms;
};

/* A group of this service's consumers: one durable queue, "<service>.<name>", shared by all instances. Handlers are added
 * by the generated <package>_<message>_on(group, handler, arg). The name is of [a-z0-9-], at most 48; `options` may be
 * NULL: all zero. weft.yaml can tune each by services.<service>.groups.<name>: paused, lanes, batch, max_attempts,
 * backoff_initial, backoff_max, backoff_jitter, on_dead. Never NULL. Setup only. */
WEFT_API weft_group *weft_group_new(weft_service *service, const char *name, const struct weft_group_options *options);

/* A service's migrations, compiled in by weft_migrations() of weft's CMake package out of files 0001_name.sql (any store),
 * 0001_name.pg.sql, 0001_name.sqlite.sql. Applied in order, each once, under a lock; one whose text has changed since it
 * was applied is refused. A service without migrations has no store. Setup only; `migrations` is not copied. */
struct weft_migration {
    const char *name;    /* "0001_users" */
    const char *dialect; /* "pg", "sqlite", or NULL for any */
    const char *sql;
    uint32_t version;
    uint32_t spare;
};
WEFT_API void weft_service_add_migrations(weft_service *service, const struct weft_migration *migrations, size_t n);

#define WEFT_SERVICE_MAGIC 0x63767265u /* "ervc" */
#define WEFT_SERVICE_ABI 1

/* What a module exports, under this name: at the end of one of its files, WEFT_SERVICE("user-service", "1.0.0", setup);
 * `setup` registers methods, groups and migrations; a status other than WEFT_OK, or a registration that cannot be, ends
 * the start of the host with a text. */
struct weft_service_module {
    uint32_t magic;
    uint32_t abi;
    const char *name; /* [a-z][a-z0-9-]*, at most 48: the owner of the data, "user-service" */
    const char *version;
    weft_status (*setup)(weft_service *service);
};
extern WEFT_API const struct weft_service_module weft_service_module;

#define WEFT_SERVICE(service_name, service_version, service_setup)                                                      \
    __attribute__((used)) const struct weft_service_module weft_service_module = {                                      \
        WEFT_SERVICE_MAGIC, WEFT_SERVICE_ABI, service_name, service_version, service_setup                              \
    }

#ifdef __cplusplus
}
#endif
#endif
