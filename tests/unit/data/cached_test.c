/* Cache-aside, against the embedded cache plugin seen through a counter. */
#include "data_test.h"
#include "fake_store.h"

#include "base/clock.h"
#include "data/cache/cache.h"
#include "data/cache/cached.h"
#include "data/cache/drops.h"
#include "data/cache/sealed.h"
#include "data/tx.h"
#include "fake_cache.h"

#include <google/protobuf/wrappers.pb-c.h>

static struct fake_store *fake;
static struct fake_cache *kept;
static struct weft_work *work;

static void begin(void)
{
    fake = fake_store_new(0);
    kept = fake_cache_new(WEFT_CACHE_LEASES);
    work = fake_work_new(fake);
    work->cache = kept->cache;
}

static void end(void)
{
    fake_work_free(work);
    fake_cache_free(kept);
    fake_store_free(fake);
}

static void fill(const char *key, char *text)
{
    Google__Protobuf__StringValue value = GOOGLE__PROTOBUF__STRING_VALUE__INIT;
    value.value = text;
    weft_cache_fill(work, key, &value.base, 60);
}

static const char *look(const char *key)
{
    Google__Protobuf__StringValue *out = weft_alloc(work, sizeof *out);
    google__protobuf__string_value__init(out);
    return weft_cached(work, key, &out->base) ? out->value : NULL;
}

START_TEST(miss_then_fill_then_hit)
{
    ck_assert_ptr_null(look("k"));
    fill("k", "anna");
    ck_assert_str_eq(look("k"), "anna");
    ck_assert_str_eq(kept->runs, "LEASE k; FILL k; LEASE k; ");
    ck_assert_uint_eq(kept->ttl_ms, 60000);
}
END_TEST

/* As rpc does it for calls that wait together. */
static void prefetch(const char *key)
{
    work->prefetched = weft_cached_will_prefetch(work, key);
    weft_cached_prefetch(kept->cache, &work, 1);
}

START_TEST(prefetch_answers_once)
{
    prefetch("k");
    ck_assert_ptr_null(look("k"));
    fill("k", "anna"); /* by the lease that the prefetch took */
    prefetch("k");
    ck_assert_str_eq(look("k"), "anna");
    ck_assert_str_eq(kept->runs, "LEASE k; FILL k; LEASE k; ");
    ck_assert_str_eq(look("k"), "anna");
    ck_assert_str_eq(kept->runs, "LEASE k; FILL k; LEASE k; LEASE k; ");
}
END_TEST

START_TEST(prefetch_of_another_key_answers_nothing)
{
    prefetch("l");
    ck_assert_ptr_null(look("k"));
    ck_assert_str_eq(kept->runs, "LEASE l; LEASE k; ");
}
END_TEST

START_TEST(prefetch_that_failed_is_a_miss_without_another_try)
{
    kept->rc = WEFT_RC_TIMEOUT;
    prefetch("k");
    ck_assert_ptr_null(look("k"));
    fill("k", "anna");
    ck_assert_str_eq(kept->runs, "LEASE k; ");
}
END_TEST

START_TEST(fill_without_a_miss_does_nothing)
{
    fill("k", "anna");
    ck_assert_str_eq(kept->runs, "");
}
END_TEST

START_TEST(fill_of_a_key_that_another_fills_does_nothing)
{
    kept->token = 0; /* taken by another */
    ck_assert_ptr_null(look("k"));
    fill("k", "anna");
    ck_assert_str_eq(kept->runs, "LEASE k; ");
}
END_TEST

START_TEST(drop_is_sent_after_the_commit)
{
    weft_tx *tx = weft_call_tx(work);
    weft_exec(tx, "update a");
    weft_cache_drop(tx, "k");
    weft_cache_drop(tx, "l");
    ck_assert_str_eq(kept->runs, "");
    ck_assert_int_eq(weft_work_finish(work, WEFT_OK), WEFT_OK);
    ck_assert_uint_eq(fake->n_runs, 1);
    ck_assert_str_eq(kept->runs, "DEL k, DEL l; ");
}
END_TEST

/* With a cache that processes share, and a store that keeps rows for it. */
static void shared_begin(void)
{
    fake_cache_free(kept);
    kept = fake_cache_new(WEFT_CACHE_LEASES | WEFT_CACHE_SHARED);
    work->cache = kept->cache;
    fake->dialect.cache_drop_insert = "drop";
    work->store->drops = weft_drops_new(kept->cache, &fake->dialect);
}

static void update_and_drop(weft_status wanted)
{
    weft_exec(weft_call_tx(work), "update a");
    weft_cache_drop(weft_call_tx(work), "k");
    weft_cache_drop(weft_call_tx(work), "l");
    ck_assert_int_eq(weft_work_finish(work, WEFT_OK), wanted);
}

static size_t drops_done(void)
{
    size_t n;
    weft_drops_take(work->store->drops, &n);
    return n;
}

static void shared_end(void)
{
    weft_drops_free(work->store->drops);
    work->store->drops = NULL;
}

START_TEST(drop_of_a_shared_cache_is_a_row_of_the_same_commit)
{
    shared_begin();
    update_and_drop(WEFT_OK);
    ck_assert_uint_eq(fake->n_runs, 1);
    ck_assert_ptr_nonnull(strstr(fake->runs[0], "drop ("));
    ck_assert_ptr_nonnull(strstr(fake->runs[0], "[k...]"));
    ck_assert_str_eq(kept->runs, "DEL k, DEL l; ");
    ck_assert_uint_eq(drops_done(), 1);
    ck_assert_uint_eq(drops_done(), 0);
    shared_end();
}
END_TEST

START_TEST(row_stays_while_its_drop_has_failed)
{
    shared_begin();
    kept->rc = WEFT_RC_TIMEOUT;
    update_and_drop(WEFT_OK);
    ck_assert_uint_eq(drops_done(), 0);
    shared_end();
}
END_TEST

START_TEST(row_stays_when_the_commit_is_in_doubt)
{
    shared_begin();
    fake->answers[0].rc = WEFT_RC_MAYBE_SENT;
    update_and_drop(WEFT_UNAVAILABLE);
    ck_assert_str_eq(kept->runs, "DEL k, DEL l; ");
    ck_assert_uint_eq(drops_done(), 0);
    shared_end();
}
END_TEST

START_TEST(rows_left_behind_are_dropped_again_and_then_done)
{
    shared_begin();
    struct weft_value values[] = { weft_text("00000000-0000-7000-8000-000000000001"), weft_text("k"),
                                   weft_text("00000000-0000-7000-8000-000000000002"), weft_text("l") };
    struct weft_rowset rows = { .values = values, .n_rows = 2, .n_columns = 2 };
    kept->rc = WEFT_RC_UNAVAILABLE;
    ck_assert(!weft_drops_replay(work->store->drops, &rows));
    ck_assert_uint_eq(drops_done(), 0);
    kept->rc = WEFT_RC_OK;
    kept->runs[0] = '\0';
    ck_assert(weft_drops_replay(work->store->drops, &rows));
    ck_assert_str_eq(kept->runs, "DEL k, DEL l; ");
    ck_assert_uint_eq(drops_done(), 2);
    ck_assert_uint_eq(weft_cache_counters(kept->cache).replays, 2);
    shared_end();
}
END_TEST

START_TEST(drop_is_not_sent_when_nothing_was_committed)
{
    fake->answers[0].rc = WEFT_RC_UNAVAILABLE;
    weft_exec(weft_call_tx(work), "update a");
    weft_cache_drop(weft_call_tx(work), "k");
    ck_assert_int_eq(weft_work_finish(work, WEFT_OK), WEFT_UNAVAILABLE);
    ck_assert_str_eq(kept->runs, "");
}
END_TEST

/* Damaged values are misses, and the fill replaces them. */
static void damaged(const void *value, size_t size)
{
    struct weft_cache_counters before = weft_cache_counters(kept->cache);
    fake_cache_set(kept, value, size);
    kept->runs[0] = '\0';
    ck_assert_ptr_null(look("k"));
    ck_assert_str_eq(kept->runs, "LEASE k; DEL k, LEASE k; ");
    fill("k", "anna");
    ck_assert_str_eq(look("k"), "anna");
    struct weft_cache_counters after = weft_cache_counters(kept->cache);
    ck_assert_uint_eq(after.damaged - before.damaged, 1);
    ck_assert_uint_eq(after.misses - before.misses, 1);
    ck_assert_uint_eq(after.hits - before.hits, 1);
    ck_assert_uint_eq(after.fills - before.fills, 1);
}

START_TEST(damaged_value_is_a_miss_and_the_fill_replaces_it)
{
    damaged("\x0a\xffgarbage", 9);
    damaged("", 0);
    damaged("\x0a\x04otto", 6); /* a message without a seal */
}
END_TEST

START_TEST(truncated_value_is_damaged)
{
    look("k");
    fill("k", "anna");
    for (size_t size = kept->value_size; size-- > 0;) {
        char cut[256];
        memcpy(cut, kept->value, size);
        damaged(cut, size);
    }
}
END_TEST

START_TEST(value_of_another_type_is_damaged)
{
    Google__Protobuf__BytesValue other = GOOGLE__PROTOBUF__BYTES_VALUE__INIT;
    other.value = (ProtobufCBinaryData){ 4, (uint8_t *)"otto" }; /* the same bytes as a text */
    struct weft_bytes sealed = weft_sealed_pack(work->arena, "k", &other.base);
    damaged(sealed.data, sealed.size);
}
END_TEST

START_TEST(value_of_another_key_is_damaged)
{
    Google__Protobuf__StringValue other = GOOGLE__PROTOBUF__STRING_VALUE__INIT;
    other.value = (char *)"otto";
    struct weft_bytes sealed = weft_sealed_pack(work->arena, "l", &other.base);
    damaged(sealed.data, sealed.size);
}
END_TEST

START_TEST(changed_byte_is_damage)
{
    look("k");
    fill("k", "anna");
    for (size_t at = 0; at < kept->value_size; at++) {
        char changed[256];
        size_t size = kept->value_size;
        memcpy(changed, kept->value, size);
        changed[at] ^= 1;
        damaged(changed, size);
    }
}
END_TEST

START_TEST(cache_that_is_away_is_a_miss)
{
    kept->rc = WEFT_RC_UNAVAILABLE;
    ck_assert_ptr_null(look("k"));
    fill("k", "anna");
    weft_exec(weft_call_tx(work), "update a");
    weft_cache_drop(weft_call_tx(work), "k");
    ck_assert_int_eq(weft_work_finish(work, WEFT_OK), WEFT_OK);
}
END_TEST

START_TEST(service_without_cache_misses)
{
    work->cache = NULL;
    ck_assert_ptr_null(look("k"));
    fill("k", "anna");
    weft_exec(weft_call_tx(work), "update a");
    weft_cache_drop(weft_call_tx(work), "k");
    ck_assert_int_eq(weft_work_finish(work, WEFT_OK), WEFT_OK);
}
END_TEST

START_TEST(cache_without_leases_is_simply_set)
{
    fake_cache_free(kept);
    kept = fake_cache_new(0);
    work->cache = kept->cache;
    ck_assert_ptr_null(look("k"));
    fill("k", "anna");
    ck_assert_str_eq(kept->runs, "GET k; SET k; ");
}
END_TEST

START_TEST(overlong_key_is_not_cached)
{
    char key[1200];
    memset(key, 'k', sizeof key - 1);
    key[sizeof key - 1] = '\0';
    ck_assert_ptr_null(look(key));
    weft_cache_drop(weft_call_tx(work), key);
    ck_assert_ptr_null(weft_tx_cache_drops(work->tx)[0]);
    ck_assert_str_eq(kept->runs, "");
}
END_TEST

static int waits;

static void wait_count(struct weft_work *waiting)
{
    (void)waiting;
    waits++;
}

/* A look, a fill and a drop after a commit, with a cache that can do `caps`; how many waits were announced. */
static int waits_with(uint32_t caps)
{
    fake_cache_free(kept);
    kept = fake_cache_new(caps);
    work->cache = kept->cache;
    waits = 0;
    work->before_wait = wait_count;
    look("k");
    fill("k", "anna");
    weft_cached_delete(work, (const char *const[]){ "k", NULL });
    ck_assert_str_eq(kept->runs, "LEASE k; FILL k; DEL k; ");
    return waits;
}

START_TEST(only_a_shared_cache_is_waited_for)
{
    ck_assert_int_eq(waits_with(WEFT_CACHE_LEASES | WEFT_CACHE_SHARED), 3);
    ck_assert_int_eq(waits_with(WEFT_CACHE_LEASES), 0);
}
END_TEST

TCase *cached_case(void)
{
    TCase *tcase = tcase_create("cached");
    tcase_add_checked_fixture(tcase, begin, end);
    tcase_add_test(tcase, miss_then_fill_then_hit);
    tcase_add_test(tcase, fill_without_a_miss_does_nothing);
    tcase_add_test(tcase, prefetch_answers_once);
    tcase_add_test(tcase, prefetch_of_another_key_answers_nothing);
    tcase_add_test(tcase, prefetch_that_failed_is_a_miss_without_another_try);
    tcase_add_test(tcase, fill_of_a_key_that_another_fills_does_nothing);
    tcase_add_test(tcase, drop_is_sent_after_the_commit);
    tcase_add_test(tcase, drop_of_a_shared_cache_is_a_row_of_the_same_commit);
    tcase_add_test(tcase, row_stays_while_its_drop_has_failed);
    tcase_add_test(tcase, row_stays_when_the_commit_is_in_doubt);
    tcase_add_test(tcase, rows_left_behind_are_dropped_again_and_then_done);
    tcase_add_test(tcase, drop_is_not_sent_when_nothing_was_committed);
    tcase_add_test(tcase, damaged_value_is_a_miss_and_the_fill_replaces_it);
    tcase_add_test(tcase, truncated_value_is_damaged);
    tcase_add_test(tcase, value_of_another_type_is_damaged);
    tcase_add_test(tcase, value_of_another_key_is_damaged);
    tcase_add_test(tcase, changed_byte_is_damage);
    tcase_add_test(tcase, cache_that_is_away_is_a_miss);
    tcase_add_test(tcase, service_without_cache_misses);
    tcase_add_test(tcase, cache_without_leases_is_simply_set);
    tcase_add_test(tcase, overlong_key_is_not_cached);
    tcase_add_test(tcase, only_a_shared_cache_is_waited_for);
    return tcase;
}
