/* numbers.c - counting. */
#include "tests.h"

static void incr_counts_from_zero_in_any_step(const struct kit *kit)
{
    struct box box;
    box_open(&box, kit, NULL);
    void *session = box_session(&box);
    struct key key = key_of(&box, "k");
    KIT_CHECK(box_do(&box, session, op_incr(key, 5, 10000)).integer == 5, "0 + 5");
    KIT_CHECK(box_do(&box, session, op_incr(key, -7, 10000)).integer == -2, "5 - 7");
    KIT_CHECK(box_do(&box, session, op_incr(key, 0, 10000)).integer == -2, "-2 + 0");
    box_expect_value(&box, session, key, "-2");
    box_do(&box, session, op_set(key, "40", 10000));
    KIT_CHECK(box_do(&box, session, op_incr(key, 2, 10000)).integer == 42, "40 + 2");
    box.ops->session_close(session);
    box_close(&box);
}

static void incr_of_what_is_no_number_is_invalid(const struct kit *kit)
{
    static const char *const values[] = { "", "x", "1x", " 1", "1.5", "99999999999999999999" };
    struct box box;
    box_open(&box, kit, NULL);
    void *session = box_session(&box);
    struct key key = key_of(&box, "k");
    for (unsigned i = 0; i < sizeof values / sizeof values[0]; i++) {
        box_do(&box, session, op_set(key, values[i], 10000));
        box_expect(&box, session, op_incr(key, 1, 10000), WEFT_RC_INVALID, values[i]);
        box_expect_value(&box, session, key, values[i]);
    }
    box.ops->session_close(session);
    box_close(&box);
}

static void incr_beyond_64_bits_is_invalid_and_changes_nothing(const struct kit *kit)
{
    struct box box;
    box_open(&box, kit, NULL);
    void *session = box_session(&box);
    struct key key = key_of(&box, "k");
    KIT_CHECK(box_do(&box, session, op_incr(key, INT64_MAX, 10000)).integer == INT64_MAX, "the largest number");
    box_expect(&box, session, op_incr(key, 1, 10000), WEFT_RC_INVALID, "one more");
    box_expect_value(&box, session, key, "9223372036854775807");
    box.ops->session_close(session);
    box_close(&box);
}

static uint64_t count_up(struct box *box, void *session, struct key key)
{
    for (int i = 0; i < 200; i++)
        box_do(box, session, op_incr(key, 1, 30000));
    return 0;
}

static void incr_loses_nothing_of_twenty_threads(const struct kit *kit)
{
    struct box box;
    box_open(&box, kit, NULL);
    struct key key = key_of(&box, "k");
    box_threads(&box, 20, count_up, key);
    void *session = box_session(&box);
    box_expect_value(&box, session, key, "4000");
    box.ops->session_close(session);
    box_close(&box);
}

const struct kit_test numbers_tests[] = {
    { "incr_counts_from_zero_in_any_step", incr_counts_from_zero_in_any_step, KIT_SEMANTIC, 0, 0 },
    { "incr_of_what_is_no_number_is_invalid", incr_of_what_is_no_number_is_invalid, KIT_SEMANTIC, 0, 0 },
    { "incr_beyond_64_bits_is_invalid_and_changes_nothing", incr_beyond_64_bits_is_invalid_and_changes_nothing,
      KIT_SEMANTIC, 0, 0 },
    { "incr_loses_nothing_of_twenty_threads", incr_loses_nothing_of_twenty_threads, KIT_SEMANTIC, 0, 0 },
    TESTS_END,
};
