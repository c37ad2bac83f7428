/* parked.c - events that failed: parked until due, dead in the end. */
#include "tests.h"

#include <stdio.h>
#include <string.h>

static struct desk parked_open(const struct kit *kit)
{
    return desk_open(vault_new(kit), WEFT_SESSION_LANE);
}

static void parked_end(struct desk *desk)
{
    struct vault *vault = desk->vault;
    desk_close(desk);
    vault_end(vault);
}

static int64_t in_seconds(int64_t seconds)
{
    return ((int64_t)time(NULL) + seconds) * 1000000;
}

/* Due that many seconds from now. */
static int64_t park(struct desk *desk, unsigned n, const char *key, const char *state, int64_t seconds)
{
    char id[37];
    return DO(desk, desk->vault->dialect->failed_insert, weft_text("g"), weft_text(uuid_of(n, id)), weft_text("t.v1.T"),
              weft_text("topic"), weft_text("r.k"), weft_text(key), weft_text("application/protobuf"),
              weft_text("corr"), weft_text("{\"a\":\"b\"}"), weft_bytes("\0x", 2), weft_text(state), weft_int(1),
              weft_time_us(in_seconds(seconds)), weft_text("it failed"))
        ->affected;
}

static const struct weft_rowset *due(struct desk *desk, int64_t limit, bool ordered, bool hold)
{
    return ROWS(desk, desk->vault->dialect->failed_due, weft_text("g"), weft_int(limit), weft_bool(ordered),
                weft_bool(hold));
}

/* Are these the rows, by the last digits of their event ids? */
static void expect_events(const struct weft_rowset *set, const char *wanted)
{
    char found[256] = "";
    for (uint32_t i = 0; i < set->n_rows; i++) {
        const char *id = cell_text(set, i, "event_id");
        snprintf(found + strlen(found), sizeof found - strlen(found), "%s%s", i > 0 ? " " : "", id + strlen(id) - 1);
    }
    KIT_CHECK(strcmp(found, wanted) == 0, "the rows are '%s', want '%s'", found, wanted);
}

static void a_parked_event_comes_back_as_it_went(const struct kit *kit)
{
    struct desk desk = parked_open(kit);
    KIT_CHECK(park(&desk, 1, "key", "parked", -5) == 1, "it was not inserted");
    KIT_CHECK(park(&desk, 1, "key", "dead", -5) == 0, "it was inserted twice");
    const struct weft_rowset *set = due(&desk, 10, false, false);
    static const char *const texts[][2] = {
        { "type", "t.v1.T" },      { "topic", "topic" },           { "routing_key", "r.k" },
        { "key", "key" },          { "correlation_id", "corr" },   { "state", "parked" },
        { "reason", "it failed" }, { "headers", "{\"a\":\"b\"}" }, { "content_type", "application/protobuf" }
    };
    KIT_CHECK(set->n_rows == 1 && set->n_columns == 15, "%u rows of %u", set->n_rows, set->n_columns);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        KIT_CHECK(strcmp(cell_text(set, 0, texts[i][0]), texts[i][1]) == 0, "%s: %s", texts[i][0],
                  cell_text(set, 0, texts[i][0]));
    KIT_CHECK(cell(set, 0, "payload")->size == 2 && cell(set, 0, "payload")->type == WEFT_TYPE_BYTES, "payload");
    KIT_CHECK(cell_int(set, 0, "attempts") == 1 && cell_int(set, 0, "seq") > 0, "attempts or seq");
    KIT_CHECK(cell(set, 0, "due_at")->type == WEFT_TYPE_TIME, "due_at");
    int64_t first = cell(set, 0, "first_failed_at")->as.integer;
    KIT_CHECK(first > in_seconds(-10) && first < in_seconds(10), "first_failed_at");
    parked_end(&desk);
}

static void what_cannot_be_decoded_is_kept_with_what_it_has(const struct kit *kit)
{
    struct desk desk = parked_open(kit);
    char id[37];
    DO(&desk, desk.vault->dialect->failed_insert, weft_text("g"), weft_text(uuid_of(1, id)), weft_null(), weft_null(),
       weft_null(), weft_null(), weft_null(), weft_null(), weft_null(), weft_null(), weft_text("dead"), weft_int(0),
       weft_null(), weft_null());
    const struct weft_rowset *set = ROWS(&desk, desk.vault->dialect->failed_list, weft_text("dead"), weft_int(10));
    KIT_CHECK(set->n_rows == 1 && cell(set, 0, "payload")->type == WEFT_TYPE_BYTES, "it is not there");
    KIT_CHECK(strcmp(cell_text(set, 0, "consumer_group"), "g") == 0, "group");
    parked_end(&desk);
}

static void only_what_is_due_comes_and_by_seq(const struct kit *kit)
{
    struct desk desk = parked_open(kit);
    park(&desk, 1, "a", "parked", -1);
    park(&desk, 2, "b", "parked", 60);
    park(&desk, 3, "a", "parked", -30);
    park(&desk, 4, NULL, "parked", -2);
    park(&desk, 5, "c", "dead", -2);
    expect_events(due(&desk, 10, false, false), "1 3 4");
    expect_events(due(&desk, 2, false, false), "1 3");
    expect_events(due(&desk, 10, true, false), "1 4");
    parked_end(&desk);
}

static void ordered_gives_the_first_of_a_key_even_if_a_later_one_is_due(const struct kit *kit)
{
    struct desk desk = parked_open(kit);
    park(&desk, 1, "a", "parked", 60);
    park(&desk, 2, "a", "parked", -1);
    park(&desk, 3, "b", "parked", -1);
    expect_events(due(&desk, 10, true, false), "3");
    expect_events(due(&desk, 10, false, false), "2 3");
    parked_end(&desk);
}

static void hold_keeps_keys_of_dead_events(const struct kit *kit)
{
    struct desk desk = parked_open(kit);
    park(&desk, 1, "a", "dead", -1);
    park(&desk, 2, "a", "parked", -1);
    park(&desk, 3, "b", "parked", -1);
    park(&desk, 4, NULL, "parked", -1);
    expect_events(due(&desk, 10, true, true), "3 4");
    expect_events(due(&desk, 10, true, false), "2 3 4");
    parked_end(&desk);
}

static void next_is_the_earliest_of_what_could_come(const struct kit *kit)
{
    struct desk desk = parked_open(kit);
    const char *sql = desk.vault->dialect->failed_next;
    KIT_CHECK(ROWS(&desk, sql, weft_text("g"), weft_bool(false), weft_bool(false))->n_rows == 0, "of none");
    park(&desk, 1, "a", "parked", 600);
    park(&desk, 2, "a", "parked", 60);
    park(&desk, 3, "b", "dead", 1);
    park(&desk, 4, "b", "parked", 300);
    struct {
        bool ordered, hold;
        int64_t seconds;
    } const cases[] = { { false, false, 60 }, { true, false, 300 }, { true, true, 600 } };
    for (size_t i = 0; i < 3; i++) {
        const struct weft_rowset *set =
            ROWS(&desk, sql, weft_text("g"), weft_bool(cases[i].ordered), weft_bool(cases[i].hold));
        KIT_CHECK(set->n_rows == 1 && set->values[0].type == WEFT_TYPE_TIME, "case %zu gave %u rows", i, set->n_rows);
        int64_t off = set->values[0].as.integer - in_seconds(cases[i].seconds);
        KIT_CHECK(off > -10000000 && off < 10000000, "case %zu is off by %lld us", i, (long long)off);
    }
    parked_end(&desk);
}

static void keys_that_are_held_up_are_found(const struct kit *kit)
{
    struct desk desk = parked_open(kit);
    static const char *const keys[] = { "a", "b", "c" };
    const char *sql = desk.vault->dialect->failed_keys;
    park(&desk, 1, "a", "parked", 60);
    park(&desk, 2, "a", "parked", 60);
    park(&desk, 3, "b", "dead", 60);
    const struct weft_rowset *set = ROWS(&desk, sql, weft_text("g"), weft_texts(keys, 3), weft_bool(false));
    KIT_CHECK(set->n_rows == 1 && strcmp(cell_text(set, 0, "key"), "a") == 0, "%u keys", set->n_rows);
    set = ROWS(&desk, sql, weft_text("g"), weft_texts(keys, 3), weft_bool(true));
    KIT_CHECK(set->n_rows == 2, "with the dead: %u keys", set->n_rows);
    set = ROWS(&desk, sql, weft_text("other"), weft_texts(keys, 3), weft_bool(true));
    KIT_CHECK(set->n_rows == 0, "of another group: %u keys", set->n_rows);
    parked_end(&desk);
}

static void an_attempt_is_noted_and_the_end_removes(const struct kit *kit)
{
    struct desk desk = parked_open(kit);
    const struct weft_dialect *dialect = desk.vault->dialect;
    park(&desk, 1, "a", "parked", -1);
    park(&desk, 2, "b", "parked", -1);
    const struct weft_rowset *set = due(&desk, 10, false, false);
    int64_t first = cell_int(set, 0, "seq"), second = cell_int(set, 1, "seq");
    DO(&desk, dialect->failed_update, weft_int(first), weft_text("dead"), weft_int(7), weft_null(),
       weft_text("enough"));
    DO(&desk, dialect->failed_delete, weft_int(second));
    set = ROWS(&desk, dialect->failed_list, weft_text("dead"), weft_int(10));
    KIT_CHECK(set->n_rows == 1 && cell_int(set, 0, "attempts") == 7 &&
                  strcmp(cell_text(set, 0, "reason"), "enough") == 0,
              "the dead one");
    KIT_CHECK(ROWS(&desk, dialect->failed_list, weft_text("parked"), weft_int(10))->n_rows == 0,
              "parked ones are left");
    set = ROWS(&desk, dialect->failed_stats);
    KIT_CHECK(set->n_rows == 1 && cell_int(set, 0, "count") == 1, "stats");
    KIT_CHECK(strcmp(cell_text(set, 0, "state"), "dead") == 0 && cell_text(set, 0, "consumer_group") != NULL, "stats");
    parked_end(&desk);
}

const struct kit_test parked_tests[] = {
    { "parked_an_event_comes_back_as_it_went", a_parked_event_comes_back_as_it_went, KIT_SEMANTIC, 0, 0 },
    { "parked_what_cannot_be_decoded_is_kept_with_what_it_has", what_cannot_be_decoded_is_kept_with_what_it_has,
      KIT_SEMANTIC, 0, 0 },
    { "parked_only_what_is_due_comes_and_by_seq", only_what_is_due_comes_and_by_seq, KIT_SEMANTIC, 0, 0 },
    { "parked_ordered_gives_the_first_of_a_key_even_if_a_later_one_is_due",
      ordered_gives_the_first_of_a_key_even_if_a_later_one_is_due, KIT_SEMANTIC, 0, 0 },
    { "parked_hold_keeps_keys_of_dead_events", hold_keeps_keys_of_dead_events, KIT_SEMANTIC, 0, 0 },
    { "parked_next_is_the_earliest_of_what_could_come", next_is_the_earliest_of_what_could_come, KIT_SEMANTIC, 0, 0 },
    { "parked_keys_that_are_held_up_are_found", keys_that_are_held_up_are_found, KIT_SEMANTIC, 0, 0 },
    { "parked_an_attempt_is_noted_and_the_end_removes", an_attempt_is_noted_and_the_end_removes, KIT_SEMANTIC, 0, 0 },
    { NULL, NULL, 0, 0, 0 },
};
