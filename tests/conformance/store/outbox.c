/* outbox.c - rows on their way out: inserted, claimed, held, released, removed. */
#include "tests.h"

#include <stdio.h>
#include <string.h>

static struct desk outbox_open(const struct kit *kit)
{
    return desk_open(vault_new(kit), WEFT_SESSION_RELAY);
}

static void outbox_end(struct desk *desk)
{
    struct vault *vault = desk->vault;
    desk_close(desk);
    vault_end(vault);
}

static void insert(struct desk *desk, unsigned n, const char *key)
{
    char id[37];
    DO(desk, desk->vault->dialect->outbox_insert, weft_text(uuid_of(n, id)), weft_text("user.v1.UserCreated"),
       weft_text("user-events"), weft_text("user.created"), weft_text(key), weft_text("application/protobuf"),
       weft_null(), weft_text("correlation"), weft_null(), weft_null(), weft_null(), weft_time_us(1000000 + n),
       weft_bytes("payload", 7));
}

/* What a claim gives, without these ids and keys. */
static const struct weft_rowset *claim(struct desk *desk, const int64_t *ids, size_t n_ids, const char *const *keys,
                                       size_t n_keys, int64_t limit)
{
    return ROWS(desk, desk->vault->dialect->outbox_claim, weft_ints(ids, n_ids), weft_texts(keys, n_keys),
                weft_int(limit));
}

static const struct weft_rowset *claim_all(struct desk *desk)
{
    return claim(desk, NULL, 0, NULL, 0, 1000);
}

static void hold(struct desk *desk, const char *key, int64_t id)
{
    DO(desk, desk->vault->dialect->outbox_hold, weft_texts(&key, key != NULL), weft_ints(&id, id != 0),
       weft_text("nobody listens"));
}

static const struct weft_rowset *probe(struct desk *desk, int64_t limit, int64_t after)
{
    return ROWS(desk, desk->vault->dialect->outbox_probe, weft_int(limit), weft_int(after));
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

static void a_row_comes_back_as_it_went(const struct kit *kit)
{
    struct desk desk = outbox_open(kit);
    char id[37], cause[37];
    DO(&desk, desk.vault->dialect->outbox_insert, weft_text(uuid_of(1, id)), weft_text("t.v1.T"), weft_text("topic"),
       weft_text("r.k"), weft_text("key"), weft_text("application/json"), weft_text("schema"), weft_text("corr"),
       weft_text(uuid_of(2, cause)), weft_text("00-trace"), weft_text("state"), weft_time_us(1732460400123456),
       weft_bytes("\0\xff", 2));
    DO(&desk, desk.vault->dialect->outbox_insert, weft_text(uuid_of(3, id)), weft_text("t"), weft_text("topic"),
       weft_text("r"), weft_null(), weft_text("c"), weft_null(), weft_text("corr"), weft_null(), weft_null(),
       weft_null(), weft_time_us(0), weft_bytes(NULL, 0));
    const struct weft_rowset *set = claim_all(&desk);
    static const char *const texts[][2] = { { "type", "t.v1.T" },         { "topic", "topic" },
                                            { "routing_key", "r.k" },     { "key", "key" },
                                            { "schema", "schema" },       { "content_type", "application/json" },
                                            { "correlation_id", "corr" }, { "traceparent", "00-trace" },
                                            { "tracestate", "state" } };
    KIT_CHECK(set->n_rows == 2 && set->n_columns == 14, "%u rows of %u", set->n_rows, set->n_columns);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        KIT_CHECK(strcmp(cell_text(set, 0, texts[i][0]), texts[i][1]) == 0, "%s: %s", texts[i][0],
                  cell_text(set, 0, texts[i][0]));
    KIT_CHECK(strcmp(cell_text(set, 0, "event_id"), uuid_of(1, id)) == 0, "event_id: %s",
              cell_text(set, 0, "event_id"));
    KIT_CHECK(strcmp(cell_text(set, 0, "causation_id"), cause) == 0, "causation_id");
    const struct weft_value *time = cell(set, 0, "occurred_at"), *payload = cell(set, 0, "payload");
    KIT_CHECK(time->type == WEFT_TYPE_TIME && time->as.integer == 1732460400123456, "occurred_at");
    KIT_CHECK(payload->type == WEFT_TYPE_BYTES && payload->size == 2 && memcmp(payload->as.bytes, "\0\xff", 2) == 0,
              "payload");
    KIT_CHECK(cell(set, 1, "payload")->type == WEFT_TYPE_BYTES && cell(set, 1, "payload")->size == 0, "empty payload");
    KIT_CHECK(cell(set, 1, "key")->type == WEFT_TYPE_NULL, "no key");
    outbox_end(&desk);
}

static void a_claim_leaves_out_ids_and_keys_and_goes_by_id(const struct kit *kit)
{
    struct desk desk = outbox_open(kit);
    static const char *const keys[] = { "a", "b", "a", NULL, "c", "b" };
    int64_t ids[6];
    for (unsigned i = 0; i < 6; i++)
        insert(&desk, i, keys[i]);
    const struct weft_rowset *set = claim_all(&desk);
    expect_events(set, "0 1 2 3 4 5");
    for (uint32_t i = 0; i < 6; i++)
        ids[i] = cell_int(set, i, "id");
    expect_events(claim(&desk, NULL, 0, NULL, 0, 2), "0 1");
    expect_events(claim(&desk, ids, 2, NULL, 0, 3), "2 3 4");
    const char *leave[] = { "a", NULL, "b" };
    expect_events(claim(&desk, NULL, 0, leave, 3, 100), "3 4");
    expect_events(claim(&desk, &ids[3], 1, leave, 3, 100), "4");
    outbox_end(&desk);
}

static void done_removes_and_is_idempotent(const struct kit *kit)
{
    struct desk desk = outbox_open(kit);
    for (unsigned i = 0; i < 3; i++)
        insert(&desk, i, "a");
    const struct weft_rowset *set = claim_all(&desk);
    const int64_t ids[] = { cell_int(set, 0, "id"), cell_int(set, 2, "id") };
    KIT_CHECK(DO(&desk, desk.vault->dialect->outbox_done, weft_ints(ids, 2))->affected == 2, "two were to go");
    KIT_CHECK(DO(&desk, desk.vault->dialect->outbox_done, weft_ints(ids, 2))->affected == 0, "a second time");
    expect_events(claim_all(&desk), "1");
    outbox_end(&desk);
}

static void ids_are_never_used_twice(const struct kit *kit)
{
    struct desk desk = outbox_open(kit);
    insert(&desk, 1, "a");
    int64_t first = cell_int(claim_all(&desk), 0, "id");
    DO(&desk, desk.vault->dialect->outbox_done, weft_ints(&first, 1));
    insert(&desk, 2, "a");
    int64_t second = cell_int(claim_all(&desk), 0, "id");
    KIT_CHECK(second > first, "%lld after %lld", (long long)second, (long long)first);
    outbox_end(&desk);
}

static void held_rows_are_not_claimed_but_probed_and_resume(const struct kit *kit)
{
    struct desk desk = outbox_open(kit);
    static const char *const keys[] = { "a", "b", "a", NULL, NULL, "b", "c" };
    int64_t ids[7];
    for (unsigned i = 0; i < 7; i++)
        insert(&desk, i, keys[i]);
    const struct weft_rowset *set = claim_all(&desk);
    for (uint32_t i = 0; i < 7; i++)
        ids[i] = cell_int(set, i, "id");
    hold(&desk, "a", 0);
    hold(&desk, "b", ids[3]);
    expect_events(claim_all(&desk), "4 6");
    expect_events(probe(&desk, 100, 0), "0 1 3");
    expect_events(probe(&desk, 1, 0), "0");
    expect_events(probe(&desk, 100, ids[0]), "1 3");
    set = ROWS(&desk, desk.vault->dialect->outbox_held_keys);
    KIT_CHECK(set->n_rows == 2, "%u keys are held, want 2", set->n_rows);
    set = ROWS(&desk, desk.vault->dialect->outbox_stats);
    KIT_CHECK(set->n_columns == 3 && set->values[0].as.integer == 2 && set->values[1].as.integer == 5,
              "pending %lld, held %lld", (long long)set->values[0].as.integer, (long long)set->values[1].as.integer);
    KIT_CHECK(set->values[2].type == WEFT_TYPE_TIME && set->values[2].as.integer == 1000000, "the oldest");
    DO(&desk, desk.vault->dialect->outbox_done, weft_ints(ids, 1)); /* the probe was confirmed */
    expect_events(probe(&desk, 100, 0), "1 2 3");
    const char *key = "a";
    DO(&desk, desk.vault->dialect->outbox_release, weft_texts(&key, 1), weft_ints(&ids[3], 1));
    expect_events(claim_all(&desk), "2 3 4 6");
    expect_events(probe(&desk, 100, 0), "1");
    outbox_end(&desk);
}

static void stats_of_an_empty_outbox_are_zero(const struct kit *kit)
{
    struct desk desk = outbox_open(kit);
    const struct weft_rowset *set = ROWS(&desk, desk.vault->dialect->outbox_stats);
    KIT_CHECK(set->n_rows == 1 && set->values[0].as.integer == 0 && set->values[1].as.integer == 0 &&
                  set->values[2].type == WEFT_TYPE_NULL,
              "they are not");
    outbox_end(&desk);
}

static void a_row_leaves_with_the_state_or_not_at_all(const struct kit *kit)
{
    struct desk desk = outbox_open(kit), handler = desk_open(desk.vault, WEFT_SESSION_REQUEST);
    DO(&handler, "CREATE TABLE things (n integer PRIMARY KEY)");
    desk_begin(&handler);
    DO(&handler, "INSERT INTO things VALUES (1)");
    insert(&handler, 1, "a");
    desk_rollback(&handler);
    desk_begin(&handler);
    insert(&handler, 2, "a");
    DO(&handler, "INSERT INTO things VALUES (2)");
    KIT_CHECK(TRY(&handler, 0, "INSERT INTO things VALUES (2)") == WEFT_RC_CONFLICT, "no conflict");
    KIT_CHECK(claim_all(&desk)->n_rows == 0, "an event without its state");
    KIT_CHECK(desk_number(&desk, "SELECT count(*) FROM things") == 0, "a state without its event");
    desk_close(&handler);
    outbox_end(&desk);
}

/* Ids are drawn before the commit: the lower one may appear later, and must not be skipped. */
static void a_late_commit_with_a_lower_id_is_claimed(const struct kit *kit)
{
    struct desk desk = outbox_open(kit), late = desk_open(desk.vault, WEFT_SESSION_REQUEST);
    desk_begin(&late);
    insert(&late, 1, "a");
    const struct weft_statement try_write = { "DELETE FROM weft_marker", NULL, 0, 0 };
    struct desk early = desk_open(desk.vault, WEFT_SESSION_REQUEST);
    if (desk_run(&early, &try_write, 1, 0.2) != WEFT_RC_OK) {
        desk_close(&early);
        desk_commit(&late);
        desk_close(&late);
        outbox_end(&desk);
        kit_skip("the store writes one transaction at a time: ids are in the order of commits");
    }
    insert(&early, 2, "b");
    expect_events(claim_all(&desk), "2");
    int64_t id = cell_int(claim_all(&desk), 0, "id");
    desk_commit(&late);
    expect_events(claim(&desk, &id, 1, NULL, 0, 100), "1");
    expect_events(claim_all(&desk), "1 2");
    desk_close(&late);
    desk_close(&early);
    outbox_end(&desk);
}

/* A foreign producer gives only what it must. */
static void a_program_of_any_kind_may_insert(const struct kit *kit)
{
    struct desk desk = outbox_open(kit);
    DO(&desk, "INSERT INTO weft_outbox (event_id, type, topic, routing_key, payload) VALUES ($1, 't', 'p', 'r', $2)",
       weft_text("01890000-0000-7000-8000-000000000001"), weft_bytes("x", 1));
    const struct weft_rowset *set = claim_all(&desk);
    KIT_CHECK(cell(set, 0, "occurred_at")->type == WEFT_TYPE_TIME, "no time");
    int64_t now = cell(set, 0, "occurred_at")->as.integer / 1000000, wall = (int64_t)time(NULL);
    KIT_CHECK(now > wall - 10 && now < wall + 10, "occurred_at is %lld, now %lld", (long long)now, (long long)wall);
    KIT_CHECK(cell_text(set, 0, "content_type")[0] != '\0' && cell_text(set, 0, "correlation_id")[0] != '\0',
              "no content type or correlation id");
    outbox_end(&desk);
}

/* 100,000 rows, by SQL alone. */
static void outbox_fill(struct desk *desk)
{
    const char *recursive = "INSERT INTO weft_outbox (event_id, type, topic, routing_key, key, payload)"
                            " WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < 100000)"
                            " SELECT %s, 't', 'p', 'r', 'key-' || (n %% 50000), %s FROM s";
    char sql[512];
    bool pg = vault_is(desk->vault, "pg");
    snprintf(sql, sizeof sql, recursive, pg ? "gen_random_uuid()" : "hex(randomblob(16))",
             pg ? "decode(repeat('ab', 512), 'hex')" : "zeroblob(512)");
    const struct weft_statement fill = { sql, NULL, 0, WEFT_STATEMENT_ONCE };
    int32_t rc = desk_run(desk, &fill, 1, 40);
    KIT_CHECK(rc == WEFT_RC_OK, "filling returned %d: %s", rc, desk->result.text);
}

/* The shortest of some runs, in ms: what else the machine does makes them longer, never shorter. */
static double claim_shortest_ms(struct desk *desk, const int64_t *ids, const char *const *keys)
{
    double shortest = 1e9;
    for (int i = 0; i < 20; i++) {
        uint64_t start = kit_now_ns();
        KIT_CHECK(claim(desk, ids, 1000, keys, 1000, 10)->n_rows == 10, "not 10 rows");
        double ms = (double)(kit_now_ns() - start) / 1e6;
        if (ms < shortest) shortest = ms;
    }
    return shortest;
}

static double scan_shortest_ms(struct desk *desk)
{
    double shortest = 1e9;
    for (int i = 0; i < 5; i++) {
        uint64_t start = kit_now_ns();
        DO(desk, "SELECT count(*), sum(length(payload)) FROM weft_outbox WHERE NOT held");
        double ms = (double)(kit_now_ns() - start) / 1e6;
        if (ms < shortest) shortest = ms;
    }
    return shortest;
}

/* 100,000 rows wait; 1,000 are on their way and held back. A claim reads what it takes, not all that waits, also when
 * the statement was planned, and the table analyzed, while the outbox was empty: it mostly is. */
static void a_claim_reads_no_more_than_it_takes(const struct kit *kit)
{
    struct desk desk = outbox_open(kit);
    static int64_t ids[1000];
    static char keys[1000][16];
    static const char *key_list[1000];
    DO(&desk, "ANALYZE weft_outbox");
    for (int i = 0; i < 10; i++)
        claim(&desk, ids, 0, key_list, 0, 10);
    outbox_fill(&desk);
    const struct weft_rowset *set = claim_all(&desk);
    for (uint32_t i = 0; i < 1000; i++) {
        ids[i] = cell_int(set, i, "id");
        snprintf(keys[i], sizeof keys[i], "%s", cell_text(set, i, "key"));
        key_list[i] = keys[i];
    }
    double claim_ms = claim_shortest_ms(&desk, ids, key_list), scan_ms = scan_shortest_ms(&desk);
    KIT_CHECK(claim_ms < scan_ms / 2, "a claim takes %.1f ms, reading the whole outbox %.1f ms", claim_ms, scan_ms);
    KIT_CHECK(DO(&desk, desk.vault->dialect->outbox_done, weft_ints(ids, 1000))->affected == 1000, "not 1,000 gone");
    outbox_end(&desk);
}

static void a_retry_lets_all_held_rows_go(const struct kit *kit)
{
    struct desk desk = outbox_open(kit);
    insert(&desk, 1, "a");
    insert(&desk, 2, "b");
    insert(&desk, 3, "a");
    hold(&desk, "a", 0);
    KIT_CHECK(DO(&desk, desk.vault->dialect->outbox_retry)->affected == 2, "how many");
    expect_events(claim_all(&desk), "1 2 3");
    outbox_end(&desk);
}

const struct kit_test outbox_tests[] = {
    { "outbox_a_row_comes_back_as_it_went", a_row_comes_back_as_it_went, KIT_SEMANTIC, 0, 0 },
    { "outbox_a_claim_leaves_out_ids_and_keys_and_goes_by_id", a_claim_leaves_out_ids_and_keys_and_goes_by_id,
      KIT_SEMANTIC, 0, 0 },
    { "outbox_done_removes_and_is_idempotent", done_removes_and_is_idempotent, KIT_SEMANTIC, 0, 0 },
    { "outbox_ids_are_never_used_twice", ids_are_never_used_twice, KIT_SEMANTIC, 0, 0 },
    { "outbox_held_rows_are_not_claimed_but_probed_and_resume", held_rows_are_not_claimed_but_probed_and_resume,
      KIT_SEMANTIC, 0, 0 },
    { "outbox_stats_of_an_empty_outbox_are_zero", stats_of_an_empty_outbox_are_zero, KIT_SEMANTIC, 0, 0 },
    { "outbox_a_row_leaves_with_the_state_or_not_at_all", a_row_leaves_with_the_state_or_not_at_all, KIT_SEMANTIC, 0,
      0 },
    { "outbox_a_late_commit_with_a_lower_id_is_claimed", a_late_commit_with_a_lower_id_is_claimed, KIT_SEMANTIC, 0, 0 },
    { "outbox_a_program_of_any_kind_may_insert", a_program_of_any_kind_may_insert, KIT_SEMANTIC, 0, 0 },
    { "outbox_a_claim_reads_no_more_than_it_takes", a_claim_reads_no_more_than_it_takes, KIT_STRESS, 0, 60 },
    { "outbox_a_retry_lets_all_held_rows_go", a_retry_lets_all_held_rows_go, KIT_SEMANTIC, 0, 0 },
    { NULL, NULL, 0, 0, 0 },
};
