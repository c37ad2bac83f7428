/* journal.c - journals: kept in order, read by one at a time, bounded, and none the worse for a consumer's death. */
#include "tests.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct weft_cache_op op_append(struct key key, const void *value, size_t size, int64_t keep)
{
    struct weft_cache_op op = op_bytes(WEFT_CACHE_JOURNAL_APPEND, key, value, size);
    op.integer = keep;
    op.ttl_ms = 60000; /* so that a failed test leaves nothing behind */
    return op;
}

static struct weft_cache_op op_claim(struct key key, const char *who, uint64_t ms, int64_t most)
{
    struct weft_cache_op op = op_bytes(WEFT_CACHE_JOURNAL_CLAIM, key, who, strlen(who));
    op.ttl_ms = ms;
    op.integer = most;
    return op;
}

static struct weft_cache_op op_done(struct key key, const char *who, int64_t place)
{
    struct weft_cache_op op = op_bytes(WEFT_CACHE_JOURNAL_DONE, key, who, strlen(who));
    op.integer = place;
    return op;
}

static void append_text(struct box *box, void *session, struct key key, const char *text)
{
    struct weft_cache_result result = box_do(box, session, op_append(key, text, strlen(text), 1000));
    KIT_CHECK(result.rc == WEFT_RC_OK && result.integer == 0, "append: rc %d, %lld went", result.rc,
              (long long)result.integer);
}

static void append_numbers(struct box *box, void *session, struct key key, unsigned from, unsigned to, int64_t keep)
{
    char text[16];
    for (unsigned i = from; i < to; i++) {
        snprintf(text, sizeof text, "%u", i);
        box_expect(box, session, op_append(key, text, strlen(text), keep), WEFT_RC_OK, "append");
    }
}

/* The next entry of what a claim gave: moves on by it. */
static bool entry_next(const char **at, const char *end, const char **ret_bytes, size_t *ret_size)
{
    if (*at == end) return false;
    KIT_CHECK(end - *at >= 8, "%td bytes are left, less than a size has", end - *at);
    uint64_t size = 0;
    for (unsigned byte = 0; byte < 8; byte++)
        size |= (uint64_t)(unsigned char)(*at)[byte] << (8 * byte);
    KIT_CHECK(size <= (size_t)(end - *at - 8), "an entry of %llu bytes, %td are left", (unsigned long long)size,
              end - *at - 8);
    *ret_bytes = *at + 8;
    *ret_size = size;
    *at += 8 + size;
    return true;
}

/* Claims, and the entries as texts with a blank after each. Returns the place of the last. */
static int64_t claim_texts(struct box *box, void *session, struct weft_cache_op op, char *ret_texts, size_t size)
{
    struct weft_cache_result result = box_do(box, session, op);
    KIT_CHECK(result.rc == WEFT_RC_OK, "claim: rc %d", result.rc);
    const char *at = result.value, *end = at + result.value_size, *bytes;
    size_t used = 0, length;
    ret_texts[0] = '\0';
    while (entry_next(&at, end, &bytes, &length) && used < size)
        used += (size_t)snprintf(ret_texts + used, size - used, "%.*s ", (int)length, bytes);
    return result.integer;
}

static int64_t claim_expect(struct box *box, void *session, struct weft_cache_op op, const char *texts)
{
    char found[512];
    int64_t place = claim_texts(box, session, op, found, sizeof found);
    KIT_CHECK(strcmp(found, texts) == 0, "the claim gave '%s', want '%s'", found, texts);
    return place;
}

static void entries_come_in_the_order_of_their_appends(const struct kit *kit)
{
    struct box box;
    box_open(&box, kit, NULL);
    void *one = box_session(&box), *two = box_session(&box);
    struct key key = key_of(&box, "j");
    append_text(&box, one, key, "a");
    append_text(&box, two, key, "b");
    append_text(&box, one, key, "c");
    int64_t place = claim_expect(&box, two, op_claim(key, "x", 5000, 2), "a b ");
    box_expect(&box, one, op_done(key, "x", place), WEFT_RC_OK, "done, by another session in the claimer's name");
    append_text(&box, one, key, "d");
    int64_t last = claim_expect(&box, two, op_claim(key, "x", 5000, 10), "c d ");
    KIT_CHECK(last > place, "the place of a later entry is %lld, of an earlier one %lld", (long long)last,
              (long long)place);
    box_expect(&box, two, op_done(key, "x", last), WEFT_RC_OK, "done");
    box_expect(&box, two, op_claim(key, "x", 5000, 10), WEFT_RC_NOT_FOUND, "a claim of what is empty");
    box.ops->session_close(one);
    box.ops->session_close(two);
    box_close(&box);
}

static void what_is_not_done_is_read_again(const struct kit *kit)
{
    struct box box;
    box_open(&box, kit, NULL);
    void *session = box_session(&box);
    struct key key = key_of(&box, "j");
    append_text(&box, session, key, "a");
    append_text(&box, session, key, "b");
    int64_t first = claim_expect(&box, session, op_claim(key, "x", 5000, 1), "a ");
    claim_expect(&box, session, op_claim(key, "x", 5000, 10), "a b ");
    box_expect(&box, session, op_done(key, "x", first), WEFT_RC_OK, "done with the first");
    int64_t second = claim_expect(&box, session, op_claim(key, "x", 5000, 10), "b ");
    box_expect(&box, session, op_done(key, "x", first), WEFT_RC_OK, "done with the first again");
    claim_expect(&box, session, op_claim(key, "x", 5000, 10), "b ");
    box_expect(&box, session, op_done(key, "x", second), WEFT_RC_OK, "done with all");
    box.ops->session_close(session);
    box_close(&box);
}

static void a_claimed_journal_is_nobody_elses(const struct kit *kit)
{
    struct box box;
    box_open(&box, kit, NULL);
    void *one = box_session(&box), *two = box_session(&box);
    struct key key = key_of(&box, "j"), other = key_of(&box, "other");
    append_text(&box, one, key, "a");
    append_text(&box, one, other, "o");
    int64_t place = claim_expect(&box, one, op_claim(key, "x", 5000, 1), "a ");
    box_expect(&box, two, op_claim(key, "y", 5000, 1), WEFT_RC_CONFLICT, "a claim of what another has");
    box_expect(&box, two, op_done(key, "y", place), WEFT_RC_CONFLICT, "done by another");
    append_text(&box, two, key, "b"); /* appends need no claim */
    int64_t others = claim_expect(&box, two, op_claim(other, "y", 5000, 1), "o ");
    box_expect(&box, two, op_done(other, "y", others), WEFT_RC_OK, "done with the other journal");
    place = claim_expect(&box, one, op_claim(key, "x", 5000, 10), "a b ");
    box_expect(&box, one, op_done(key, "x", place), WEFT_RC_OK, "done");
    append_text(&box, two, key, "c"); /* the claim ended with the last entry */
    place = claim_expect(&box, two, op_claim(key, "y", 5000, 10), "c ");
    box_expect(&box, two, op_done(key, "y", place), WEFT_RC_OK, "done by the next");
    box.ops->session_close(one);
    box.ops->session_close(two);
    box_close(&box);
}

static void a_dead_consumers_entries_go_to_the_next(const struct kit *kit)
{
    struct box box;
    box_open(&box, kit, NULL);
    void *one = box_session(&box), *two = box_session(&box);
    struct key key = key_of(&box, "j");
    append_numbers(&box, one, key, 0, 4, 100);
    int64_t place = claim_expect(&box, one, op_claim(key, "dead", 150, 2), "0 1 ");
    box.ops->session_close(one);
    box_expect(&box, two, op_claim(key, "next", 5000, 10), WEFT_RC_CONFLICT, "a claim while the dead one's lasts");
    box_wait_ms(250);
    int64_t all = claim_expect(&box, two, op_claim(key, "next", 5000, 10), "0 1 2 3 ");
    box_expect(&box, two, op_done(key, "dead", place), WEFT_RC_CONFLICT, "done by one whose claim has run out");
    claim_expect(&box, two, op_claim(key, "next", 5000, 1), "0 ");
    box_expect(&box, two, op_done(key, "next", all), WEFT_RC_OK, "done");
    box.ops->session_close(two);
    box_close(&box);
}

static void a_renewed_claim_lasts(const struct kit *kit)
{
    struct box box;
    box_open(&box, kit, NULL);
    void *session = box_session(&box);
    struct key key = key_of(&box, "j");
    append_text(&box, session, key, "a");
    claim_expect(&box, session, op_claim(key, "x", 200, 1), "a ");
    int64_t place = claim_expect(&box, session, op_claim(key, "x", 5000, 1), "a ");
    box_wait_ms(300);
    box_expect(&box, session, op_claim(key, "y", 5000, 1), WEFT_RC_CONFLICT, "a claim of what was renewed");
    box_expect(&box, session, op_done(key, "x", place), WEFT_RC_OK, "done");
    box.ops->session_close(session);
    box_close(&box);
}

static void the_oldest_go_when_there_are_too_many(const struct kit *kit)
{
    struct box box;
    box_open(&box, kit, NULL);
    void *session = box_session(&box);
    struct key key = key_of(&box, "j");
    append_numbers(&box, session, key, 0, 5, 5);
    int64_t before = claim_expect(&box, session, op_claim(key, "x", 5000, 2), "0 1 ");
    struct weft_cache_result full = box_do(&box, session, op_append(key, "5", 1, 5));
    KIT_CHECK(full.rc == WEFT_RC_OK && full.integer == 1, "one too many: rc %d, %lld went", full.rc,
              (long long)full.integer);
    struct weft_cache_result less = box_do(&box, session, op_append(key, "6", 1, 3));
    KIT_CHECK(less.rc == WEFT_RC_OK && less.integer == 3, "a smaller limit: rc %d, %lld went", less.rc,
              (long long)less.integer);
    box_expect(&box, session, op_done(key, "x", before), WEFT_RC_OK, "done with what went meanwhile");
    int64_t place = claim_expect(&box, session, op_claim(key, "x", 5000, 10), "4 5 6 ");
    box_expect(&box, session, op_done(key, "x", place), WEFT_RC_OK, "done");
    box.ops->session_close(session);
    box_close(&box);
}

static void a_journal_goes_after_its_last_append(const struct kit *kit)
{
    struct box box;
    box_open(&box, kit, NULL);
    void *session = box_session(&box);
    struct key key = key_of(&box, "j");
    struct weft_cache_op append = op_append(key, "a", 1, 10);
    append.ttl_ms = 80;
    box_do(&box, session, append);
    box_wait_ms(160);
    box_expect(&box, session, op_claim(key, "x", 5000, 1), WEFT_RC_NOT_FOUND, "a claim of what has run out");
    box.ops->session_close(session);
    box_close(&box);
}

static void a_journal_is_no_value(const struct kit *kit)
{
    struct box box;
    box_open(&box, kit, NULL);
    void *session = box_session(&box);
    struct key key = key_of(&box, "j");
    append_text(&box, session, key, "a");
    box_expect_missing(&box, session, key);
    box_do(&box, session, op_set(key, "v", 60000));
    box_do(&box, session, op_del(key));
    int64_t place = claim_expect(&box, session, op_claim(key, "x", 5000, 1), "a ");
    box_expect(&box, session, op_done(key, "x", place), WEFT_RC_OK, "done");
    box.ops->session_close(session);
    box_close(&box);
}

/* 0 bytes, every byte, and more than an answer holds: that one comes alone. */
static void entries_are_any_bytes_and_large_ones_come_alone(const struct kit *kit)
{
    struct box box;
    box_open(&box, kit, NULL);
    void *session = box_session(&box);
    struct key key = key_of(&box, "j");
    char every[256];
    const size_t large = 3u << 20;
    char *much = calloc(1, large);
    for (size_t i = 0; i < sizeof every; i++)
        every[i] = (char)i;
    box_expect(&box, session, op_append(key, every, sizeof every, 10), WEFT_RC_OK, "append");
    box_expect(&box, session, op_append(key, "", 0, 10), WEFT_RC_OK, "append");
    box_expect(&box, session, op_append(key, much, large, 10), WEFT_RC_OK, "append");
    struct weft_cache_result two = box_do(&box, session, op_claim(key, "x", 5000, 10));
    KIT_CHECK(two.rc == WEFT_RC_OK && two.value_size == 8 + sizeof every + 8, "rc %d, %llu bytes", two.rc,
              (unsigned long long)two.value_size);
    KIT_CHECK(memcmp((const char *)two.value + 8, every, sizeof every) == 0, "the bytes are not those appended");
    box_expect(&box, session, op_done(key, "x", two.integer), WEFT_RC_OK, "done");
    struct weft_cache_result one = box_do(&box, session, op_claim(key, "x", 5000, 10));
    KIT_CHECK(one.rc == WEFT_RC_OK && one.value_size == 8 + large, "rc %d, %llu bytes", one.rc,
              (unsigned long long)one.value_size);
    box_expect(&box, session, op_done(key, "x", one.integer), WEFT_RC_OK, "done");
    free(much);
    box.ops->session_close(session);
    box_close(&box);
}

static void bad_arguments_are_refused_and_change_nothing(const struct kit *kit)
{
    struct box box;
    box_open(&box, kit, NULL);
    void *session = box_session(&box);
    struct key key = key_of(&box, "j");
    char name[256];
    memset(name, 'n', sizeof name);
    struct weft_cache_op bad[] = {
        op_append(key, "a", 1, 0),
        op_append(key, "a", 1, 1000001),
        op_claim(key, "", 5000, 1),
        op_claim(key, "x", 0, 1),
        op_claim(key, "x", 5000, 0),
        op_claim(key, "x", 5000, 1001),
        op_bytes(WEFT_CACHE_JOURNAL_CLAIM, key, name, sizeof name),
        op_done(key, "", 1),
        op_done(key, "x", -1),
    };
    bad[6].ttl_ms = 5000;
    bad[6].integer = 1;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct weft_cache_result result = box_do(&box, session, bad[i]);
        KIT_CHECK(result.rc == WEFT_RC_INVALID, "bad operation %zu: rc %d", i, result.rc);
    }
    box_expect(&box, session, op_claim(key, "x", 5000, 1), WEFT_RC_NOT_FOUND, "a claim");
    box_expect(&box, session, op_done(key, "x", 1), WEFT_RC_CONFLICT, "done without a claim");
    box.ops->session_close(session);
    box_close(&box);
}

static uint64_t append_fifty(struct box *box, void *session, struct key key)
{
    for (unsigned i = 0; i < 50; i++)
        box_expect(box, session, op_append(key, "x", 1, 10000), WEFT_RC_OK, "append");
    return 50;
}

static void twenty_writers_lose_nothing(const struct kit *kit)
{
    struct box box;
    box_open(&box, kit, NULL);
    struct key key = key_of(&box, "j");
    uint64_t appended = box_threads(&box, 20, append_fifty, key), read = 0;
    void *session = box_session(&box);
    for (;;) {
        struct weft_cache_result result = box_do(&box, session, op_claim(key, "x", 5000, 300));
        if (result.rc == WEFT_RC_NOT_FOUND) break;
        KIT_CHECK(result.rc == WEFT_RC_OK, "claim: rc %d", result.rc);
        read += result.value_size / 9;
        box_expect(&box, session, op_done(key, "x", result.integer), WEFT_RC_OK, "done");
    }
    KIT_CHECK(read == appended, "%llu entries read of %llu", (unsigned long long)read, (unsigned long long)appended);
    box.ops->session_close(session);
    box_close(&box);
}

const struct kit_test journal_tests[] = {
    { "entries_come_in_the_order_of_their_appends", entries_come_in_the_order_of_their_appends, KIT_SEMANTIC,
      WEFT_CACHE_JOURNAL, 0 },
    { "what_is_not_done_is_read_again", what_is_not_done_is_read_again, KIT_SEMANTIC, WEFT_CACHE_JOURNAL, 0 },
    { "a_claimed_journal_is_nobody_elses", a_claimed_journal_is_nobody_elses, KIT_SEMANTIC, WEFT_CACHE_JOURNAL, 0 },
    { "a_dead_consumers_entries_go_to_the_next", a_dead_consumers_entries_go_to_the_next, KIT_SEMANTIC,
      WEFT_CACHE_JOURNAL, 0 },
    { "a_renewed_claim_lasts", a_renewed_claim_lasts, KIT_SEMANTIC, WEFT_CACHE_JOURNAL, 0 },
    { "the_oldest_go_when_there_are_too_many", the_oldest_go_when_there_are_too_many, KIT_SEMANTIC, WEFT_CACHE_JOURNAL,
      0 },
    { "a_journal_goes_after_its_last_append", a_journal_goes_after_its_last_append, KIT_SEMANTIC, WEFT_CACHE_JOURNAL,
      0 },
    { "a_journal_is_no_value", a_journal_is_no_value, KIT_SEMANTIC, WEFT_CACHE_JOURNAL, 0 },
    { "entries_are_any_bytes_and_large_ones_come_alone", entries_are_any_bytes_and_large_ones_come_alone, KIT_SEMANTIC,
      WEFT_CACHE_JOURNAL, 0 },
    { "bad_arguments_are_refused_and_change_nothing", bad_arguments_are_refused_and_change_nothing, KIT_SEMANTIC,
      WEFT_CACHE_JOURNAL, 0 },
    { "twenty_writers_lose_nothing", twenty_writers_lose_nothing, KIT_STRESS, WEFT_CACHE_JOURNAL, 0 },
    TESTS_END,
};
