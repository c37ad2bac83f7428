/* leases.c - cache-aside without stale fills: one filler a key, and none that has read too early. */
#include "tests.h"

/* Takes the lease of a key that is missing. */
static int64_t lease_take(struct box *box, void *session, struct key key, int64_t lease_ms)
{
    struct weft_cache_result result = box_do(box, session, op_lease(key, lease_ms));
    KIT_CHECK(result.rc == WEFT_RC_NOT_FOUND && result.integer != 0, "no lease: rc %d, token %lld", result.rc,
              (long long)result.integer);
    return result.integer;
}

static void lease_refused(struct box *box, void *session, struct key key, const char *when)
{
    struct weft_cache_result result = box_do(box, session, op_lease(key, 5000));
    KIT_CHECK(result.rc == WEFT_RC_NOT_FOUND && result.integer == 0, "%s: rc %d, token %lld", when, result.rc,
              (long long)result.integer);
}

static void a_miss_takes_the_lease_and_the_next_gets_none(const struct kit *kit)
{
    struct box box;
    box_open(&box, kit, NULL);
    void *one = box_session(&box), *two = box_session(&box);
    struct key key = key_of(&box, "k");
    lease_take(&box, one, key, 5000);
    lease_refused(&box, two, key, "of another session");
    lease_refused(&box, one, key, "of the same session");
    box_expect_missing(&box, two, key);
    box_do(&box, one, op_del(key));
    box.ops->session_close(one);
    box.ops->session_close(two);
    box_close(&box);
}

static void the_holder_fills_once_and_all_read_it(const struct kit *kit)
{
    struct box box;
    box_open(&box, kit, NULL);
    void *one = box_session(&box), *two = box_session(&box);
    struct key key = key_of(&box, "k");
    int64_t token = lease_take(&box, one, key, 5000);
    box_expect(&box, two, op_fill(key, token, "filled", 10000), WEFT_RC_OK,
               "fill"); /* a token is not bound to a session */
    box_expect(&box, one, op_fill(key, token, "again", 10000), WEFT_RC_CONFLICT, "a second fill");
    struct weft_cache_result hit = box_do(&box, two, op_lease(key, 5000));
    KIT_CHECK(hit.rc == WEFT_RC_OK && hit.value_size == 6, "get_or_lease of what is there: rc %d", hit.rc);
    box_expect_value(&box, one, key, "filled");
    box_do(&box, one, op_del(key));
    box.ops->session_close(one);
    box.ops->session_close(two);
    box_close(&box);
}

static void a_wrong_token_fills_nothing(const struct kit *kit)
{
    struct box box;
    box_open(&box, kit, NULL);
    void *session = box_session(&box);
    struct key key = key_of(&box, "k"), other = key_of(&box, "other");
    int64_t token = lease_take(&box, session, key, 5000);
    box_expect(&box, session, op_fill(other, token, "x", 10000), WEFT_RC_CONFLICT, "the token of another key");
    box_expect(&box, session, op_fill(key, token + 1, "x", 10000), WEFT_RC_CONFLICT, "another token");
    box_expect(&box, session, op_fill(key, 0, "x", 10000), WEFT_RC_CONFLICT, "no token");
    box_expect_missing(&box, session, key);
    box_expect(&box, session, op_fill(key, token, "x", 10000), WEFT_RC_OK, "the token");
    box_do(&box, session, op_del(key));
    box.ops->session_close(session);
    box_close(&box);
}

/* Reads, is overtaken by a write, and must not fill. */
static void overtaken_by(struct box *box, void *session, const char *name, uint32_t verb, const char *left)
{
    struct key key = key_of(box, name);
    int64_t token = lease_take(box, session, key, 5000);
    struct weft_cache_op write = op_set(key, "7", 10000);
    write.verb = verb;
    write.integer = 7;
    box_do(box, session, write);
    box_expect(box, session, op_fill(key, token, "stale", 10000), WEFT_RC_CONFLICT, name);
    if (left != NULL)
        box_expect_value(box, session, key, left);
    else
        box_expect_missing(box, session, key);
    box_do(box, session, op_del(key));
}

static void every_write_kills_the_lease(const struct kit *kit)
{
    struct box box;
    box_open(&box, kit, NULL);
    void *session = box_session(&box);
    overtaken_by(&box, session, "del", WEFT_CACHE_DEL, NULL);
    overtaken_by(&box, session, "set", WEFT_CACHE_SET, "7");
    overtaken_by(&box, session, "set_new", WEFT_CACHE_SET_NEW, "7");
    overtaken_by(&box, session, "incr", WEFT_CACHE_INCR, "7");
    box.ops->session_close(session);
    box_close(&box);
}

static void after_a_delete_the_next_miss_leases_anew(const struct kit *kit)
{
    struct box box;
    box_open(&box, kit, NULL);
    void *session = box_session(&box);
    struct key key = key_of(&box, "k");
    int64_t first = lease_take(&box, session, key, 5000);
    box_do(&box, session, op_del(key));
    int64_t second = lease_take(&box, session, key, 5000);
    KIT_CHECK(first != second, "the same token twice");
    box_expect(&box, session, op_fill(key, first, "stale", 10000), WEFT_RC_CONFLICT, "the voided token");
    box_expect(&box, session, op_fill(key, second, "fresh", 10000), WEFT_RC_OK, "the new token");
    box_expect_value(&box, session, key, "fresh");
    box_do(&box, session, op_del(key));
    box.ops->session_close(session);
    box_close(&box);
}

static void a_lease_ends_by_itself(const struct kit *kit)
{
    struct box box;
    box_open(&box, kit, NULL);
    void *session = box_session(&box);
    struct key key = key_of(&box, "k");
    int64_t first = lease_take(&box, session, key, 60);
    box_wait_ms(120);
    box_expect(&box, session, op_fill(key, first, "late", 10000), WEFT_RC_CONFLICT, "a fill after the lease");
    int64_t second = lease_take(&box, session, key, 5000);
    box_expect(&box, session, op_fill(key, first, "late", 10000), WEFT_RC_CONFLICT, "a fill during the next lease");
    box_expect(&box, session, op_fill(key, second, "in time", 10000), WEFT_RC_OK, "the next lease");
    box_do(&box, session, op_del(key));
    box.ops->session_close(session);
    box_close(&box);
}

static void a_filled_value_expires(const struct kit *kit)
{
    struct box box;
    box_open(&box, kit, NULL);
    void *session = box_session(&box);
    struct key brief = key_of(&box, "brief"), lasting = key_of(&box, "lasting");
    box_do(&box, session, op_fill(brief, lease_take(&box, session, brief, 5000), "x", 60));
    box_do(&box, session, op_fill(lasting, lease_take(&box, session, lasting, 5000), "x", 0));
    box_wait_ms(120);
    box_expect_missing(&box, session, brief);
    box_expect_value(&box, session, lasting, "x");
    box_do(&box, session, op_del(lasting));
    box.ops->session_close(session);
    box_close(&box);
}

static void a_lease_is_no_value(const struct kit *kit)
{
    struct box box;
    box_open(&box, kit, NULL);
    void *session = box_session(&box);
    struct key key = key_of(&box, "k");
    lease_take(&box, session, key, 5000);
    box_expect_missing(&box, session, key);
    box_expect(&box, session, op_expire(key, 5000), WEFT_RC_NOT_FOUND, "expire");
    box_expect(&box, session, op_get_expire(key, 5000), WEFT_RC_NOT_FOUND, "get_expire");
    KIT_CHECK(box_do(&box, session, op_del(key)).integer == 0, "del counted the lease");
    box.ops->session_close(session);
    box_close(&box);
}

static void leases_in_a_batch_are_of_their_keys(const struct kit *kit)
{
    struct box box;
    box_open(&box, kit, NULL);
    void *session = box_session(&box);
    struct key a = key_of(&box, "a"), b = key_of(&box, "b"), there = key_of(&box, "there");
    box_do(&box, session, op_set(there, "x", 10000));
    struct weft_cache_op ops[] = { op_lease(a, 5000), op_lease(there, 5000), op_lease(b, 5000), op_get(there) };
    struct weft_cache_result results[4];
    box_run(&box, session, ops, 4, results);
    KIT_CHECK(results[0].rc == WEFT_RC_NOT_FOUND && results[2].rc == WEFT_RC_NOT_FOUND, "a miss was no miss");
    KIT_CHECK(results[1].rc == WEFT_RC_OK && results[1].value_size == 1 && results[3].rc == WEFT_RC_OK,
              "a hit was no hit");
    int64_t token_a = results[0].integer, token_b = results[2].integer;
    box_expect(&box, session, op_fill(a, token_a, "a", 10000), WEFT_RC_OK, "fill a");
    box_expect(&box, session, op_fill(b, token_b, "b", 10000), WEFT_RC_OK, "fill b");
    box.ops->session_close(session);
    box_close(&box);
}

static uint64_t try_lease(struct box *box, void *session, struct key key)
{
    return box_do(box, session, op_lease(key, 10000)).integer != 0;
}

static void one_of_a_hundred_threads_gets_the_lease(const struct kit *kit)
{
    struct box box;
    box_open(&box, kit, NULL);
    for (int round = 0; round < 5; round++) {
        struct key key = key_of(&box, (const char *const[]){ "0", "1", "2", "3", "4" }[round]);
        uint64_t holders = box_threads(&box, 100, try_lease, key);
        KIT_CHECK(holders == 1, "%llu holders", (unsigned long long)holders);
    }
    box_close(&box);
}

const struct kit_test leases_tests[] = {
    { "a_miss_takes_the_lease_and_the_next_gets_none", a_miss_takes_the_lease_and_the_next_gets_none, KIT_SEMANTIC,
      WEFT_CACHE_LEASES, 0 },
    { "the_holder_fills_once_and_all_read_it", the_holder_fills_once_and_all_read_it, KIT_SEMANTIC, WEFT_CACHE_LEASES,
      0 },
    { "a_wrong_token_fills_nothing", a_wrong_token_fills_nothing, KIT_SEMANTIC, WEFT_CACHE_LEASES, 0 },
    { "every_write_kills_the_lease", every_write_kills_the_lease, KIT_SEMANTIC, WEFT_CACHE_LEASES, 0 },
    { "after_a_delete_the_next_miss_leases_anew", after_a_delete_the_next_miss_leases_anew, KIT_SEMANTIC,
      WEFT_CACHE_LEASES, 0 },
    { "a_lease_ends_by_itself", a_lease_ends_by_itself, KIT_SEMANTIC, WEFT_CACHE_LEASES, 0 },
    { "a_filled_value_expires", a_filled_value_expires, KIT_SEMANTIC, WEFT_CACHE_LEASES, 0 },
    { "a_lease_is_no_value", a_lease_is_no_value, KIT_SEMANTIC, WEFT_CACHE_LEASES, 0 },
    { "leases_in_a_batch_are_of_their_keys", leases_in_a_batch_are_of_their_keys, KIT_SEMANTIC, WEFT_CACHE_LEASES, 0 },
    { "one_of_a_hundred_threads_gets_the_lease", one_of_a_hundred_threads_gets_the_lease, KIT_SEMANTIC,
      WEFT_CACHE_LEASES, 0 },
    TESTS_END,
};
