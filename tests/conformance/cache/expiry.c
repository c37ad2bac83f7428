/* expiry.c - values that end. */
#include "tests.h"

/* How long until the key is gone, in seconds. */
static double time_to_expiry(struct box *box, void *session, struct key key, uint64_t start_ns)
{
    while (box_do(box, session, op_get(key)).rc == WEFT_RC_OK) {
        KIT_CHECK(kit_now_ns() - start_ns < 5000000000u, "it does not expire");
        box_wait_ms(2);
    }
    return (double)(kit_now_ns() - start_ns) / 1e9;
}

static void values_expire_within_a_tenth_of_their_time(const struct kit *kit)
{
    struct box box;
    box_open(&box, kit, NULL);
    void *session = box_session(&box);
    struct key key = key_of(&box, "k");
    uint64_t start = kit_now_ns();
    box_do(&box, session, op_set(key, "x", 1000));
    double took = time_to_expiry(&box, session, key, start);
    KIT_CHECK(took > 0.9 && took < 1.1, "1 s took %.3f s", took);
    box.ops->session_close(session);
    box_close(&box);
}

static void an_expired_value_is_new_again(const struct kit *kit)
{
    struct box box;
    box_open(&box, kit, NULL);
    void *session = box_session(&box);
    struct key set = key_of(&box, "s"), count = key_of(&box, "c");
    box_do(&box, session, op_set(set, "x", 50));
    box_do(&box, session, op_incr(count, 5, 50));
    box_wait_ms(100);
    box_expect(&box, session, op_set_new(set, "y", 10000), WEFT_RC_OK, "set_new of what has expired");
    KIT_CHECK(box_do(&box, session, op_incr(count, 1, 10000)).integer == 1, "the counter went on after it had expired");
    box_expect(&box, session, op_expire(key_of(&box, "none"), 50), WEFT_RC_NOT_FOUND, "expire of nothing");
    box.ops->session_close(session);
    box_close(&box);
}

static void set_clears_an_earlier_expiry(const struct kit *kit)
{
    struct box box;
    box_open(&box, kit, NULL);
    void *session = box_session(&box);
    struct key key = key_of(&box, "k");
    box_do(&box, session, op_set(key, "short", 60));
    box_do(&box, session, op_set(key, "for ever", 0));
    box_wait_ms(120);
    box_expect_value(&box, session, key, "for ever");
    box_do(&box, session, op_del(key));
    box.ops->session_close(session);
    box_close(&box);
}

static void expire_sets_shortens_and_lifts(const struct kit *kit)
{
    struct box box;
    box_open(&box, kit, NULL);
    void *session = box_session(&box);
    struct key shorter = key_of(&box, "shorter"), lifted = key_of(&box, "lifted");
    box_do(&box, session, op_set(shorter, "x", 10000));
    box_do(&box, session, op_set(lifted, "x", 60));
    box_expect(&box, session, op_expire(shorter, 60), WEFT_RC_OK, "expire");
    box_expect(&box, session, op_expire(lifted, 0), WEFT_RC_OK, "expire with 0");
    box_expect(&box, session, op_expire(lifted, 0), WEFT_RC_OK, "expire with 0 of what has no expiry");
    box_expect(&box, session, op_expire(key_of(&box, "none"), 0), WEFT_RC_NOT_FOUND, "expire with 0 of nothing");
    box_wait_ms(120);
    box_expect_missing(&box, session, shorter);
    box_expect_value(&box, session, lifted, "x");
    box_do(&box, session, op_del(lifted));
    box.ops->session_close(session);
    box_close(&box);
}

static void get_expire_slides(const struct kit *kit)
{
    struct box box;
    box_open(&box, kit, NULL);
    void *session = box_session(&box);
    struct key key = key_of(&box, "k");
    box_expect(&box, session, op_get_expire(key, 100), WEFT_RC_NOT_FOUND, "get_expire of nothing");
    box_do(&box, session, op_set(key, "x", 300));
    for (int i = 0; i < 4; i++) {
        box_wait_ms(120);
        struct weft_cache_result result = box_do(&box, session, op_get_expire(key, 300));
        KIT_CHECK(result.rc == WEFT_RC_OK && result.value_size == 1, "it was gone after %d slides", i);
    }
    box_wait_ms(400);
    box_expect_missing(&box, session, key);
    box.ops->session_close(session);
    box_close(&box);
}

static void incr_sets_the_expiry_only_when_new(const struct kit *kit)
{
    struct box box;
    box_open(&box, kit, NULL);
    void *session = box_session(&box);
    struct key key = key_of(&box, "k"), unlimited = key_of(&box, "unlimited");
    box_do(&box, session, op_incr(unlimited, 1, 0));
    box_do(&box, session, op_incr(unlimited, 1, 50));
    uint64_t start = kit_now_ns();
    box_do(&box, session, op_incr(key, 1, 500));
    box_wait_ms(100);
    box_do(&box, session, op_incr(key, 1, 60000));
    double took = time_to_expiry(&box, session, key, start);
    KIT_CHECK(took < 0.7, "a second incr moved the expiry to %.3f s", took);
    box_expect_value(&box, session, unlimited, "2");
    box_do(&box, session, op_del(unlimited));
    box.ops->session_close(session);
    box_close(&box);
}

const struct kit_test expiry_tests[] = {
    { "values_expire_within_a_tenth_of_their_time", values_expire_within_a_tenth_of_their_time, KIT_SEMANTIC, 0, 0 },
    { "an_expired_value_is_new_again", an_expired_value_is_new_again, KIT_SEMANTIC, 0, 0 },
    { "set_clears_an_earlier_expiry", set_clears_an_earlier_expiry, KIT_SEMANTIC, 0, 0 },
    { "expire_sets_shortens_and_lifts", expire_sets_shortens_and_lifts, KIT_SEMANTIC, 0, 0 },
    { "get_expire_slides", get_expire_slides, KIT_SEMANTIC, 0, 0 },
    { "incr_sets_the_expiry_only_when_new", incr_sets_the_expiry_only_when_new, KIT_SEMANTIC, 0, 0 },
    TESTS_END,
};
