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
              weft_time_us(in_seconds(seconds)), weft_text("it failed"), weft_null(), weft_null())
        ->affected;
}

/* A dead one of a type, for a reason; `full_size` 0: it is whole. */
static void bury(struct desk *desk, unsigned n, const char *group, const char *type, const char *reason,
                 int64_t full_size)
{
    char id[37];
    DO(desk, desk->vault->dialect->failed_insert, weft_text(group), weft_text(uuid_of(n, id)), weft_text(type),
       weft_text("topic"), weft_text("r.k"), weft_text("key"), weft_null(), weft_text("corr"), weft_null(),
       weft_bytes("x", 1), weft_text("dead"), weft_int(3), weft_time_us(in_seconds(600)), weft_text(reason),
       full_size > 0 ? weft_int(full_size) : weft_null(), full_size > 0 ? weft_bytes("digest", 6) : weft_null());
}

/* $1 to $5 of the texts that select; NULL selects all. */
#define SELECTED(state, group, type, cause, id)                                                                        \
    weft_text(state), weft_text(group), weft_text(type), weft_text(cause), weft_text(id)

static const struct weft_rowset *listed(struct desk *desk, const char *state)
{
    return ROWS(desk, desk->vault->dialect->failed_list, SELECTED(state, NULL, NULL, NULL, NULL), weft_int(10));
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
    KIT_CHECK(set->n_rows == 1 && set->n_columns == 17, "%u rows of %u", set->n_rows, set->n_columns);
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
       weft_null(), weft_null(), weft_null(), weft_null());
    const struct weft_rowset *set = listed(&desk, "dead");
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
    set = listed(&desk, "dead");
    KIT_CHECK(set->n_rows == 1 && cell_int(set, 0, "attempts") == 7 &&
                  strcmp(cell_text(set, 0, "reason"), "enough") == 0,
              "the dead one");
    KIT_CHECK(listed(&desk, "parked")->n_rows == 0, "parked ones are left");
    set = ROWS(&desk, dialect->failed_stats);
    KIT_CHECK(set->n_rows == 1 && cell_int(set, 0, "count") == 1, "stats");
    KIT_CHECK(strcmp(cell_text(set, 0, "state"), "dead") == 0 && cell_text(set, 0, "consumer_group") != NULL, "stats");
    parked_end(&desk);
}

static void bury_four(struct desk *desk)
{
    bury(desk, 1, "g", "t.v1.A", "crashed: three times", 0);
    bury(desk, 2, "g", "t.v1.A", "crashed: once more", 0);
    bury(desk, 3, "g", "t.v1.B", "oversized: 17 MB", 17000000);
    bury(desk, 4, "h", "t.v1.A", "no colon", 0);
}

static void dead_events_are_listed_by_selectors(const struct kit *kit)
{
    struct desk desk = parked_open(kit);
    const char *sql = desk.vault->dialect->failed_list;
    char id[37];
    bury_four(&desk);
    expect_events(ROWS(&desk, sql, SELECTED("dead", NULL, NULL, NULL, NULL), weft_int(3)), "1 2 3");
    expect_events(ROWS(&desk, sql, SELECTED("dead", "h", NULL, NULL, NULL), weft_int(9)), "4");
    expect_events(ROWS(&desk, sql, SELECTED("dead", NULL, "t.v1.A", NULL, NULL), weft_int(9)), "1 2 4");
    expect_events(ROWS(&desk, sql, SELECTED("dead", NULL, NULL, "crashed", NULL), weft_int(9)), "1 2");
    expect_events(ROWS(&desk, sql, SELECTED("dead", NULL, NULL, "no colon", NULL), weft_int(9)), "4");
    expect_events(ROWS(&desk, sql, SELECTED("dead", NULL, NULL, NULL, uuid_of(2, id)), weft_int(9)), "2");
    expect_events(ROWS(&desk, sql, SELECTED("parked", NULL, NULL, NULL, NULL), weft_int(9)), "");
    const struct weft_rowset *set = ROWS(&desk, sql, SELECTED("dead", NULL, "t.v1.B", NULL, NULL), weft_int(9));
    KIT_CHECK(cell_int(set, 0, "full_size") == 17000000 && cell(set, 0, "full_sha256")->size == 6, "what it was");
    parked_end(&desk);
}

static void causes_are_counted(const struct kit *kit)
{
    struct desk desk = parked_open(kit);
    bury_four(&desk);
    const struct weft_rowset *set =
        ROWS(&desk, desk.vault->dialect->failed_causes, SELECTED("dead", NULL, NULL, NULL, NULL));
    KIT_CHECK(set->n_rows == 3, "%u rows", set->n_rows);
    KIT_CHECK(cell_int(set, 0, "count") == 2 && strcmp(cell_text(set, 0, "cause"), "crashed") == 0, "the first");
    KIT_CHECK(strcmp(cell_text(set, 1, "cause"), "oversized") == 0 && cell_int(set, 1, "whole") == 0, "the second");
    KIT_CHECK(strcmp(cell_text(set, 2, "consumer_group"), "h") == 0 && cell_int(set, 2, "whole") == 1, "the third");
    int64_t oldest = cell(set, 0, "oldest")->as.integer;
    KIT_CHECK(cell(set, 0, "oldest")->type == WEFT_TYPE_TIME && oldest > in_seconds(-10) && oldest < in_seconds(10),
              "the oldest");
    set = ROWS(&desk, desk.vault->dialect->failed_causes, SELECTED("dead", NULL, NULL, "oversized", NULL));
    KIT_CHECK(set->n_rows == 1, "%u rows of one cause", set->n_rows);
    parked_end(&desk);
}

static void replayed_events_are_due_in_order_without_attempts(const struct kit *kit)
{
    struct desk desk = parked_open(kit);
    const char *sql = desk.vault->dialect->failed_replay;
    bury_four(&desk);
    KIT_CHECK(DO(&desk, sql, SELECTED("dead", NULL, NULL, "nothing", NULL), weft_int(0))->affected == 0, "of no cause");
    KIT_CHECK(DO(&desk, sql, SELECTED("dead", "g", NULL, NULL, NULL), weft_int(0))->affected == 2, "how many");
    const struct weft_rowset *set = due(&desk, 10, false, false);
    expect_events(set, "1 2");
    KIT_CHECK(cell_int(set, 0, "attempts") == 0, "attempts");
    expect_events(due(&desk, 10, true, false), "1");
    expect_events(listed(&desk, "dead"), "3 4");
    parked_end(&desk);
}

static void replay_keeps_a_distance(const struct kit *kit)
{
    struct desk desk = parked_open(kit);
    bury_four(&desk);
    DO(&desk, desk.vault->dialect->failed_replay, SELECTED("dead", NULL, "t.v1.A", NULL, NULL), weft_int(60000000));
    expect_events(due(&desk, 10, false, false), "1");
    const struct weft_rowset *set = listed(&desk, "parked");
    int64_t first = cell(set, 0, "due_at")->as.integer;
    for (uint32_t i = 0; i < set->n_rows; i++)
        KIT_CHECK(cell(set, i, "due_at")->as.integer == first + i * 60000000ll, "row %u", i);
    parked_end(&desk);
}

static void drop_removes_what_is_selected(const struct kit *kit)
{
    struct desk desk = parked_open(kit);
    bury_four(&desk);
    KIT_CHECK(
        DO(&desk, desk.vault->dialect->failed_drop, SELECTED("dead", NULL, "t.v1.A", "crashed", NULL))->affected == 2,
        "how many");
    expect_events(listed(&desk, "dead"), "3 4");
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
    { "dead_events_are_listed_by_selectors", dead_events_are_listed_by_selectors, KIT_SEMANTIC, 0, 0 },
    { "dead_causes_are_counted", causes_are_counted, KIT_SEMANTIC, 0, 0 },
    { "dead_replayed_events_are_due_in_order_without_attempts", replayed_events_are_due_in_order_without_attempts,
      KIT_SEMANTIC, 0, 0 },
    { "dead_replay_keeps_a_distance", replay_keeps_a_distance, KIT_SEMANTIC, 0, 0 },
    { "dead_drop_removes_what_is_selected", drop_removes_what_is_selected, KIT_SEMANTIC, 0, 0 },
    { NULL, NULL, 0, 0, 0 },
};
