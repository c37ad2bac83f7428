/* weft/test.h - a host inside a test: for service authors.
 *
 * A service runs in the test's process on the embedded plugins: SQLite in a folder that goes with the test, the memory
 * cache. No network, no broker, no relay and no lanes: calls and events come from the test, one at a time, and what the
 * service emits stands in its outbox for the test to look at. All of the rest is as in production: statements, commits,
 * constraints, inbox, migrations.
 *
 *     weft_test *test = weft_test_load(SERVICE_FILE); // the built .so; weft_test_start() takes a linked module
 *     User__V1__CreateUserResponse *out;
 *     weft_status status = weft_test_call(test, user_v1_user_service_create_user, &out,
 *                                         &(User__V1__CreateUserRequest){ .email = "a@b.c", .name = "A" });
 *     ck_assert_int_eq(status, WEFT_OK);
 *     User__V1__UserCreated *event;
 *     ck_assert(weft_test_emitted(test, 0, user_v1_user_created, &event));
 *     weft_test_stop(test);
 *
 * Everything handed out lives until weft_test_stop. One thread. Use any test framework; weft_add_service_test() of
 * weft's CMake package builds such a program. tests/unit/user is an example.
 */
#ifndef WEFT_TEST_H
#define WEFT_TEST_H

#include <weft/service.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct weft_test weft_test;

/* A fresh host with one service, migrated: of a module linked into the test, or of a built `.so`. NULL when that cannot
 * be, with the reason on stderr. */
WEFT_API weft_test *weft_test_start(const struct weft_service_module *module);
WEFT_API weft_test *weft_test_load(const char *file);
WEFT_API void weft_test_stop(weft_test *test); /* NULL is fine */

/* ---- calls ------------------------------------------------------------------------------------------------------- */

/* weft_test_call(test, user_v1_user_service_get_user, &out, &in): calls the method as a client would and returns the
 * status; `out` is a pointer to the response type, NULL unless WEFT_OK. Messages may be compound literals. Types are
 * checked. */
#define weft_test_call(test, method, ret_out, ...)                                                                     \
    ((void)sizeof(((method##_handler)0)(0, (__VA_ARGS__), *(ret_out), 0)),                                             \
     *(ret_out) = (__typeof__(*(ret_out)))weft_test_call_message((test), &method##_method,                             \
                                                                 (const ProtobufCMessage *)(__VA_ARGS__)),             \
     weft_test_status(test))

/* What weft_test_call is made of. NULL: it failed. */
WEFT_API ProtobufCMessage *weft_test_call_message(weft_test *test, const struct weft_method_type *method,
                                                  const ProtobufCMessage *in);

/* Metadata that the next calls carry; a NULL value takes it back. At most 8 names. */
WEFT_API void weft_test_metadata(weft_test *test, const char *name, const char *value);

/* How the last call or delivery ended: status, text for the client, and whether the text names this field. */
WEFT_API weft_status weft_test_status(const weft_test *test);
WEFT_API const char *weft_test_error(const weft_test *test);
WEFT_API bool weft_test_error_names(const weft_test *test, const char *field);

/* Round trips to the store and to the cache that the last call or delivery took. */
WEFT_API uint64_t weft_test_store_trips(const weft_test *test);
WEFT_API uint64_t weft_test_cache_trips(const weft_test *test);

/* ---- events ------------------------------------------------------------------------------------------------------ */

/* weft_test_deliver(test, user_v1_user_created, "0190...", &in): delivers an event to every group that handles it, each
 * in a transaction with its inbox, as a lane does. An id that a group has handled before changes nothing; NULL makes a
 * new id. Returns the first status that is not WEFT_OK: WEFT_RETRY and other errors would park it, WEFT_REJECT is dead.
 */
#define weft_test_deliver(test, event, id, ...)                                                                        \
    ((void)sizeof(((event##_handler)0)(0, (__VA_ARGS__), 0)),                                                          \
     weft_test_deliver_message((test), &event##_event, (id), (const ProtobufCMessage *)(__VA_ARGS__)))

WEFT_API weft_status weft_test_deliver_message(weft_test *test, const struct weft_event_type *type, const char *id,
                                               const ProtobufCMessage *in);

/* weft_test_emitted(test, 0, user_v1_user_created, &out): is the event at place 0 of the outbox of this type? Then `out`
 * is it, else NULL. Events are there in the order they were committed, until weft_test_emitted_clear. */
#define weft_test_emitted(test, index, event, ret_out)                                                                 \
    ((void)sizeof(((event##_handler)0)(0, *(ret_out), 0)),                                                             \
     (*(ret_out) = (__typeof__(*(ret_out)))weft_test_emitted_message((test), (index), &event##_event)) != NULL)

/* NULL: there is none at this place, or it is of another type. */
WEFT_API ProtobufCMessage *weft_test_emitted_message(weft_test *test, size_t index, const struct weft_event_type *type);
WEFT_API size_t weft_test_emitted_count(weft_test *test);
WEFT_API void weft_test_emitted_clear(weft_test *test);

/* The envelope of the event at this place; texts are "" where there is none. false: there is no event at this place. */
struct weft_test_envelope {
    const char *id, *type, *topic, *routing_key, *key, *correlation_id, *causation_id;
};
WEFT_API bool weft_test_emitted_envelope(weft_test *test, size_t index, struct weft_test_envelope *ret_envelope);

/* ---- what is kept ------------------------------------------------------------------------------------------------ */

/* SQL on the service's store, beside its transactions: a statement, or the one value of a query (0, "" when there is no
 * row). SQL that is refused is told on stderr and counts as no row. */
#define weft_test_sql(test, ...)  weft_test_sql_values(test, WEFT_SQL(__VA_ARGS__))
#define weft_test_int(test, ...)  weft_test_int_value(test, WEFT_SQL(__VA_ARGS__))
#define weft_test_text(test, ...) weft_test_text_value(test, WEFT_SQL(__VA_ARGS__))

WEFT_API bool weft_test_sql_values(weft_test *test, struct weft_sql sql);
WEFT_API int64_t weft_test_int_value(weft_test *test, struct weft_sql sql);
WEFT_API const char *weft_test_text_value(weft_test *test, struct weft_sql sql);

/* Is there a value under the key in the cache? Puts one there, any bytes. */
WEFT_API bool weft_test_cached(weft_test *test, const char *key);
WEFT_API void weft_test_cache_put(weft_test *test, const char *key, const void *bytes, size_t size);

/* Moves the clock that weft_now_ms() reads; scheduled events that are due then are emitted, as a relay would see to. */
WEFT_API void weft_test_advance_ms(weft_test *test, int64_t ms);

/* Takes the store or the cache away, and brings it back. */
WEFT_API void weft_test_store_away(weft_test *test, bool away);
WEFT_API void weft_test_cache_away(weft_test *test, bool away);

#ifdef __cplusplus
}
#endif
#endif
