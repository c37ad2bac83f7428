/* values.c - what goes in comes out. */
#include "tests.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void a_miss_is_not_an_error(const struct kit *kit)
{
    struct box box;
    box_open(&box, kit, NULL);
    void *session = box_session(&box);
    struct weft_cache_result result = box_do(&box, session, op_get(key_of(&box, "none")));
    KIT_CHECK(result.rc == WEFT_RC_NOT_FOUND, "rc %d", result.rc);
    KIT_CHECK(result.value == NULL && result.value_size == 0, "a miss has a value");
    box.ops->session_close(session);
    box_close(&box);
}

static void round_trip(struct box *box, void *session, struct key key, const void *value, size_t size)
{
    struct weft_cache_op set = op_bytes(WEFT_CACHE_SET, key, value, size);
    set.ttl_ms = 20000;
    box_expect(box, session, set, WEFT_RC_OK, "set");
    struct weft_cache_result result = box_do(box, session, op_get(key));
    KIT_CHECK(result.rc == WEFT_RC_OK && result.value_size == size, "%zu bytes went in, rc %d and %zu bytes came out",
              size, result.rc, (size_t)result.value_size);
    KIT_CHECK(size == 0 || memcmp(result.value, value, size) == 0, "%zu bytes came out changed", size);
    box_expect(box, session, op_del(key), WEFT_RC_OK, "del");
}

static void values_are_kept_byte_by_byte_up_to_8_mib(const struct kit *kit)
{
    static const size_t sizes[] = { 0, 1, 255, 256, 4096, 65536, 1 << 20, 8 << 20 };
    struct box box;
    box_open(&box, kit, NULL);
    void *session = box_session(&box);
    unsigned char *value = malloc(8 << 20);
    for (size_t i = 0; i < 8 << 20; i++)
        value[i] = (unsigned char)(i * 7 + i / 256); /* every byte, in many orders */
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        round_trip(&box, session, key_of(&box, "value"), value, sizes[i]);
    free(value);
    box.ops->session_close(session);
    box_close(&box);
}

static void keys_are_any_bytes_up_to_1_kib(const struct kit *kit)
{
    struct box box;
    box_open(&box, kit, NULL);
    void *session = box_session(&box);
    struct key plain = key_of(&box, "k");
    char odd[256];
    for (unsigned i = 0; i < 256; i++)
        odd[i] = (char)i;
    round_trip(&box, session, key_of(&box, "a key with blanks"), "1", 1);
    round_trip(&box, session, key_of(&box, "crlf\r\nDEL x\r\n"), "2", 1);
    round_trip(&box, session, key_of(&box, "h\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80"), "3", 1);
    round_trip(&box, session, (struct key){ odd, sizeof odd }, "4", 1);
    round_trip(&box, session, key_sized(&box, "long", 1024), "5", 1);
    /* A NUL does not end a key. */
    box_do(&box, session, op_set((struct key){ plain.bytes, plain.size + 1 }, "with NUL", 10000));
    box_expect_missing(&box, session, plain);
    box_do(&box, session, op_del((struct key){ plain.bytes, plain.size + 1 }));
    box.ops->session_close(session);
    box_close(&box);
}

static void set_overwrites(const struct kit *kit)
{
    struct box box;
    box_open(&box, kit, NULL);
    void *session = box_session(&box);
    struct key key = key_of(&box, "k");
    box_do(&box, session, op_set(key, "a long first value", 10000));
    box_do(&box, session, op_set(key, "second", 10000));
    box_expect_value(&box, session, key, "second");
    box.ops->session_close(session);
    box_close(&box);
}

static void del_counts_and_twice_is_fine(const struct kit *kit)
{
    struct box box;
    box_open(&box, kit, NULL);
    void *session = box_session(&box);
    struct key key = key_of(&box, "k");
    box_do(&box, session, op_set(key, "x", 10000));
    struct weft_cache_result first = box_do(&box, session, op_del(key)), second = box_do(&box, session, op_del(key));
    KIT_CHECK(first.rc == WEFT_RC_OK && first.integer == 1, "first: rc %d, %lld", first.rc, (long long)first.integer);
    KIT_CHECK(second.rc == WEFT_RC_OK && second.integer == 0, "second: rc %d, %lld", second.rc,
              (long long)second.integer);
    box_expect_missing(&box, session, key);
    box.ops->session_close(session);
    box_close(&box);
}

static void a_batch_runs_in_order_and_misses_are_single(const struct kit *kit)
{
    struct box box;
    box_open(&box, kit, NULL);
    void *session = box_session(&box);
    struct key a = key_of(&box, "a"), b = key_of(&box, "b"), none = key_of(&box, "none");
    struct weft_cache_op ops[] = { op_set(a, "1", 10000),
                                   op_get(none),
                                   op_set(b, "2", 10000),
                                   op_get(a),
                                   op_set(a, "3", 10000),
                                   op_get(a),
                                   op_del(b),
                                   op_get(b),
                                   op_incr(none, 4, 10000),
                                   op_get(none) };
    struct weft_cache_result results[10];
    static const int32_t rcs[10] = { WEFT_RC_OK, WEFT_RC_NOT_FOUND, WEFT_RC_OK,        WEFT_RC_OK, WEFT_RC_OK,
                                     WEFT_RC_OK, WEFT_RC_OK,        WEFT_RC_NOT_FOUND, WEFT_RC_OK, WEFT_RC_OK };
    box_run(&box, session, ops, 10, results);
    for (int i = 0; i < 10; i++)
        KIT_CHECK(results[i].rc == rcs[i], "operation %d: rc %d, want %d", i, results[i].rc, rcs[i]);
    KIT_CHECK(*(const char *)results[3].value == '1' && *(const char *)results[5].value == '3' &&
                  *(const char *)results[9].value == '4',
              "values are mixed up");
    box.ops->session_close(session);
    box_close(&box);
}

static void a_batch_of_a_thousand_comes_back_whole(const struct kit *kit)
{
    enum { N = 1000 };
    struct box box;
    struct weft_cache_op ops[N];
    static struct weft_cache_result results[N];
    static char names[N][16];
    box_open(&box, kit, NULL);
    void *session = box_session(&box);
    for (int i = 0; i < N; i++) {
        snprintf(names[i], sizeof names[i], "%d", i);
        ops[i] = op_set(key_of(&box, names[i]), names[i], 10000);
    }
    box_run(&box, session, ops, N, results);
    for (int i = 0; i < N; i++)
        ops[i].verb = WEFT_CACHE_GET;
    box_run(&box, session, ops, N, results);
    for (int i = 0; i < N; i++)
        KIT_CHECK(results[i].rc == WEFT_RC_OK && strcmp(names[i], results[i].value) == 0, "value %d is wrong", i);
    box.ops->session_close(session);
    box_close(&box);
}

static void results_stay_until_the_session_runs_again(const struct kit *kit)
{
    struct box box;
    box_open(&box, kit, NULL);
    void *reader = box_session(&box), *writer = box_session(&box);
    struct key key = key_of(&box, "k");
    box_do(&box, writer, op_set(key, "as it was", 10000));
    struct weft_cache_result result = box_do(&box, reader, op_get(key));
    box_do(&box, writer, op_set(key, "changed", 10000));
    box_do(&box, writer, op_del(key));
    KIT_CHECK(result.value_size == 9 && memcmp(result.value, "as it was", 9) == 0, "the reader's value has changed");
    box.ops->session_close(reader);
    box.ops->session_close(writer);
    box_close(&box);
}

static uint64_t try_set_new(struct box *box, void *session, struct key key)
{
    return box_do(box, session, op_set_new(key, "mine", 10000)).rc == WEFT_RC_OK;
}

static void set_new_has_one_winner_of_a_hundred_threads(const struct kit *kit)
{
    struct box box;
    box_open(&box, kit, NULL);
    for (int round = 0; round < 5; round++) {
        struct key key = key_of(&box, (const char *const[]){ "0", "1", "2", "3", "4" }[round]);
        uint64_t winners = box_threads(&box, 100, try_set_new, key);
        KIT_CHECK(winners == 1, "%llu winners", (unsigned long long)winners);
    }
    box_close(&box);
}

static void set_new_leaves_what_is_there(const struct kit *kit)
{
    struct box box;
    box_open(&box, kit, NULL);
    void *session = box_session(&box);
    struct key key = key_of(&box, "k");
    box_expect(&box, session, op_set_new(key, "first", 10000), WEFT_RC_OK, "the first");
    box_expect(&box, session, op_set_new(key, "second", 10000), WEFT_RC_CONFLICT, "the second");
    box_expect_value(&box, session, key, "first");
    box_do(&box, session, op_del(key));
    box_expect(&box, session, op_set_new(key, "third", 10000), WEFT_RC_OK, "after a delete");
    box.ops->session_close(session);
    box_close(&box);
}

static void what_exceeds_a_limit_in_bytes_evicts_the_oldest(const struct kit *kit)
{
    struct box box;
    bool limited = false;
    for (uint32_t i = 0; i < kit->plugin->n_options; i++)
        limited = limited || strcmp(kit->plugin->options[i].name, "max_bytes") == 0;
    if (!limited) kit_skip("the plugin has no option max_bytes");
    box_open(&box, kit, &(struct kit_setup){ .option = "max_bytes=1M" });
    void *session = box_session(&box);
    struct key hot = key_of(&box, "hot");
    char value[1000], name[16];
    memset(value, 'v', sizeof value - 1);
    value[sizeof value - 1] = '\0';
    box_do(&box, session, op_set(hot, "stays", 0));
    for (int i = 0; i < 3000; i++) {
        snprintf(name, sizeof name, "%d", i);
        box_expect(&box, session, op_set(key_of(&box, name), value, 0), WEFT_RC_OK, "set");
        box_expect_value(&box, session, hot, "stays"); /* used all the time */
    }
    box_expect_missing(&box, session, key_of(&box, "0"));
    box_expect_value(&box, session, key_of(&box, "2999"), value);
    box.ops->session_close(session);
    box_close(&box);
}

const struct kit_test values_tests[] = {
    { "a_miss_is_not_an_error", a_miss_is_not_an_error, KIT_BASIC, 0, 0 },
    { "values_are_kept_byte_by_byte_up_to_8_mib", values_are_kept_byte_by_byte_up_to_8_mib, KIT_SEMANTIC, 0, 0 },
    { "keys_are_any_bytes_up_to_1_kib", keys_are_any_bytes_up_to_1_kib, KIT_SEMANTIC, 0, 0 },
    { "set_overwrites", set_overwrites, KIT_SEMANTIC, 0, 0 },
    { "del_counts_and_twice_is_fine", del_counts_and_twice_is_fine, KIT_SEMANTIC, 0, 0 },
    { "a_batch_runs_in_order_and_misses_are_single", a_batch_runs_in_order_and_misses_are_single, KIT_SEMANTIC, 0, 0 },
    { "a_batch_of_a_thousand_comes_back_whole", a_batch_of_a_thousand_comes_back_whole, KIT_SEMANTIC, 0, 0 },
    { "results_stay_until_the_session_runs_again", results_stay_until_the_session_runs_again, KIT_SEMANTIC, 0, 0 },
    { "set_new_has_one_winner_of_a_hundred_threads", set_new_has_one_winner_of_a_hundred_threads, KIT_SEMANTIC, 0, 0 },
    { "set_new_leaves_what_is_there", set_new_leaves_what_is_there, KIT_SEMANTIC, 0, 0 },
    { "what_exceeds_a_limit_in_bytes_evicts_the_oldest", what_exceeds_a_limit_in_bytes_evicts_the_oldest, KIT_SEMANTIC,
      0, 0 },
    TESTS_END,
};
