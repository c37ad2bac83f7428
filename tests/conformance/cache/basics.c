/* basics.c - loading, opening, closing, arguments. */
#include "tests.h"

#include "own.h"

#include <stdio.h>
#include <string.h>

static void ops_are_complete(const struct kit *kit)
{
    const struct weft_cache_ops *ops = kit->plugin->cache;
    KIT_CHECK(WEFT_HAS(ops, run), "the table of functions says it has %u bytes", ops->size);
    KIT_CHECK(ops->session_open != NULL && ops->session_close != NULL && ops->run != NULL, "a function is missing");
}

static void a_wrong_url_is_refused_with_a_text(const struct kit *kit)
{
    struct box box;
    struct weft_error error;
    char url[1024];
    snprintf(url, sizeof url, "%.900s%s", kit->url, strstr(kit->url, "://") != NULL ? "/no/such/path" : "no/such/path");
    int32_t rc = box_try_open(&box, kit, &(struct kit_setup){ .url = url }, &error);
    KIT_CHECK(rc == WEFT_RC_INVALID, "open of '%s' ended with %d", url, rc);
    KIT_CHECK(*error.text != '\0', "there is no text");
    box_close(&box);
}

static void open_use_close(const struct kit *kit)
{
    struct box box;
    box_open(&box, kit, NULL);
    void *session = box_session(&box);
    box_expect_missing(&box, session, key_of(&box, "none"));
    box.ops->session_close(session);
    box_close(&box);
}

static void a_hundred_opens_and_closes_leave_no_thread_and_no_descriptor(const struct kit *kit)
{
    open_use_close(kit); /* what a library keeps for ever it has by now */
    const struct kit_own before = kit_own_now();
    for (int i = 0; i < 100; i++)
        open_use_close(kit);
    kit_own_check(before);
}

static void session_open_does_not_wait_for_the_server(const struct kit *kit)
{
    struct box box;
    box_open(&box, kit, NULL);
    uint64_t start = kit_now_ns();
    for (int i = 0; i < 100; i++)
        box.ops->session_close(box_session(&box));
    KIT_CHECK(kit_now_ns() - start < 500000000u, "a hundred sessions took half a second");
    box_close(&box);
}

static void instances_are_apart_or_shared_as_claimed(const struct kit *kit)
{
    struct box a, b;
    box_open(&a, kit, NULL);
    box_open(&b, kit, NULL);
    void *session_a = box_session(&a), *session_b = box_session(&b);
    struct key key = key_of(&a, "k");
    box_do(&a, session_a, op_set(key, "from a", 10000));
    if ((a.ops->caps & WEFT_CACHE_SHARED) != 0)
        box_expect_value(&b, session_b, key, "from a");
    else
        box_expect_missing(&b, session_b, key);
    box_do(&a, session_a, op_del(key));
    a.ops->session_close(session_a);
    b.ops->session_close(session_b);
    box_close(&a);
    box_close(&b);
}

static void arguments_out_of_bounds_are_invalid_and_harm_nothing_else(const struct kit *kit)
{
    struct box box;
    box_open(&box, kit, NULL);
    void *session = box_session(&box);
    struct key good = key_of(&box, "good");
    struct weft_cache_op bad[] = {
        op_get((struct key){ NULL, 5 }),
        op_get((struct key){ "x", 0 }),
        op_get(key_sized(&box, "long", 1025)),
        { .verb = 0, .key = "x", .key_size = 1 },
        { .verb = 4711, .key = "x", .key_size = 1 },
        op_bytes(WEFT_CACHE_SET, good, NULL, 7),
        op_bytes(WEFT_CACHE_SET, good, "x", (8u << 20) + 1),
        op_set(good, "x", UINT64_MAX),
        op_lease(good, 0),
        op_lease(good, -1),
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct weft_cache_op ops[] = { op_set(good, "before", 10000), bad[i], op_get(good) };
        struct weft_cache_result results[3];
        box_run(&box, session, ops, 3, results);
        KIT_CHECK(results[1].rc == WEFT_RC_INVALID, "bad operation %zu: rc %d", i, results[1].rc);
        KIT_CHECK(results[0].rc == WEFT_RC_OK && results[2].rc == WEFT_RC_OK && results[2].value_size == 6,
                  "bad operation %zu: its neighbours suffered", i);
    }
    box.ops->session_close(session);
    box_close(&box);
}

static void an_empty_batch_is_fine(const struct kit *kit)
{
    struct box box;
    box_open(&box, kit, NULL);
    void *session = box_session(&box);
    box_run(&box, session, NULL, 0, NULL);
    box.ops->session_close(session);
    box_close(&box);
}

const struct kit_test basics_tests[] = {
    { "ops_are_complete", ops_are_complete, KIT_BASIC, 0, 0 },
    { "a_wrong_url_is_refused_with_a_text", a_wrong_url_is_refused_with_a_text, KIT_BASIC, 0, 0 },
    { "a_hundred_opens_and_closes_leave_no_thread_and_no_descriptor",
      a_hundred_opens_and_closes_leave_no_thread_and_no_descriptor, KIT_BASIC, 0, 0 },
    { "session_open_does_not_wait_for_the_server", session_open_does_not_wait_for_the_server, KIT_BASIC, 0, 0 },
    { "instances_are_apart_or_shared_as_claimed", instances_are_apart_or_shared_as_claimed, KIT_BASIC, 0, 0 },
    { "arguments_out_of_bounds_are_invalid_and_harm_nothing_else",
      arguments_out_of_bounds_are_invalid_and_harm_nothing_else, KIT_BASIC, 0, 0 },
    { "an_empty_batch_is_fine", an_empty_batch_is_fine, KIT_BASIC, 0, 0 },
    TESTS_END,
};
