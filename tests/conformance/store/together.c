/* together.c - equal statements whose counts nobody asks for: the store may do several at once, and nobody can tell. */
#include "tests.h"

#include <stdio.h>
#include <string.h>

enum { ROWS_MANY = 150 };

static struct desk things_open(const struct kit *kit)
{
    struct desk desk = desk_open(vault_new(kit), WEFT_SESSION_REQUEST);
    DO(&desk, "CREATE TABLE things (n integer PRIMARY KEY, t text, u integer UNIQUE)");
    return desk;
}

static void things_end(struct desk *desk)
{
    struct vault *vault = desk->vault;
    desk_close(desk);
    vault_end(vault);
}

/* One transaction of so many equal statements, with two parameters each. */
struct many {
    struct weft_statement statements[ROWS_MANY];
    struct weft_value params[ROWS_MANY][2];
};

static int32_t many_run(struct desk *desk, struct many *many, const char *sql, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        many->statements[i] = (struct weft_statement){ sql, many->params[i], 2, WEFT_STATEMENT_UNCOUNTED };
    many->statements[0].flags |= WEFT_STATEMENT_BEGIN;
    many->statements[n - 1].flags |= WEFT_STATEMENT_COMMIT;
    return desk_run(desk, many->statements, n, DESK_SECONDS);
}

static void many_fill(struct many *many, int32_t keys)
{
    for (int32_t i = 0; i < ROWS_MANY; i++) {
        many->params[i][0] = weft_int(i % keys);
        many->params[i][1] = weft_int(i);
    }
}

static void each_row_is_there(const struct kit *kit)
{
    struct desk desk = things_open(kit);
    static struct many many;
    for (uint32_t n = 1; n <= ROWS_MANY; n += n < 5 ? 1 : 29) {
        many_fill(&many, ROWS_MANY);
        KIT_CHECK(many_run(&desk, &many, "INSERT INTO things (n, u) VALUES ($1, $2)", n) == WEFT_RC_OK, "%u rows: %s",
                  n, desk.result.text);
        KIT_CHECK(desk.result.n_sets == n, "%u sets of %u", desk.result.n_sets, n);
        KIT_CHECK(desk_number(&desk, "SELECT count(*) FROM things WHERE n = u") == n, "not %u rows", n);
        DO(&desk, "DELETE FROM things");
    }
    things_end(&desk);
}

static void the_last_of_a_key_wins(const struct kit *kit)
{
    struct desk desk = things_open(kit);
    static struct many many;
    many_fill(&many, 40);
    KIT_CHECK(many_run(&desk, &many,
                       "INSERT INTO things (n, t) VALUES ($1, $2)"
                       " ON CONFLICT (n) DO UPDATE SET t = coalesce(things.t, '') || ',' || excluded.t",
                       ROWS_MANY) == WEFT_RC_OK,
              "they fail: %s", desk.result.text);
    const struct weft_rowset *set = ROWS(&desk, "SELECT t FROM things WHERE n = 9");
    KIT_CHECK(strcmp(cell_text(set, 0, "t"), "9,49,89,129") == 0, "the row says %s", cell_text(set, 0, "t"));
    KIT_CHECK(desk_number(&desk, "SELECT count(*) FROM things") == 40, "not 40 rows");
    KIT_CHECK(many_run(&desk, &many, "INSERT INTO things (n, t) VALUES ($1, $2) ON CONFLICT (n) DO NOTHING",
                       ROWS_MANY) == WEFT_RC_OK,
              "they fail: %s", desk.result.text);
    things_end(&desk);
}

static void a_value_that_earlier_ones_change_is_seen(const struct kit *kit)
{
    struct desk desk = things_open(kit);
    static struct many many;
    many_fill(&many, ROWS_MANY);
    KIT_CHECK(many_run(&desk, &many, "INSERT INTO things (n, u) VALUES ((SELECT count(*) FROM things) + 0 * $1, $2)",
                       ROWS_MANY) == WEFT_RC_OK,
              "they fail: %s", desk.result.text);
    KIT_CHECK(desk_number(&desk, "SELECT count(*) FROM things WHERE n = u") == ROWS_MANY,
              "they did not see each other");
    things_end(&desk);
}

static void the_one_that_fails_is_told(const struct kit *kit)
{
    struct desk desk = things_open(kit);
    static struct many many;
    DO(&desk, "INSERT INTO things (n, u) VALUES (1000, 77)");
    for (int again = 0; again < 2; again++) {
        many_fill(&many, ROWS_MANY);
        const int32_t rc = many_run(&desk, &many, "INSERT INTO things (n, u) VALUES ($1, $2)", ROWS_MANY);
        KIT_CHECK(rc == WEFT_RC_CONFLICT && desk.result.reason == WEFT_REASON_UNIQUE, "rc %d, reason %u", rc,
                  desk.result.reason);
        KIT_CHECK(desk.result.failed == 77, "statement %u is blamed, want 77", desk.result.failed);
        KIT_CHECK(desk_number(&desk, "SELECT count(*) FROM things") == 1, "rows are left");
    }
    many.params[3][1] = weft_text("no number");
    DO(&desk, "DELETE FROM things");
    if (vault_is(desk.vault, "pg")) { /* SQLite takes any value */
        KIT_CHECK(many_run(&desk, &many, "INSERT INTO things (n, u) VALUES ($1, $2)", 20) == WEFT_RC_INVALID,
                  "a text is taken for a number");
        KIT_CHECK(desk.result.failed == 3 && desk.result.reason == WEFT_REASON_BAD_VALUE, "statement %u, reason %u",
                  desk.result.failed, desk.result.reason);
    }
    things_end(&desk);
}

/* Every other row is written singly: they must read alike. */
static void values_are_what_they_are_singly(const struct kit *kit)
{
    struct desk desk = things_open(kit);
    const bool pg = vault_is(desk.vault, "pg");
    char id[37];
    uuid_of(5, id);
    DO(&desk,
       pg ? "CREATE TABLE kinds (r integer, i bigint, d double precision, b boolean, t varchar(40), y bytea,"
            " w timestamptz, id uuid, j jsonb, q numeric(10,2))"
          : "CREATE TABLE kinds (r, i INTEGER, d REAL, b BOOLEAN, t TEXT, y BLOB, w TIMESTAMPTZ, id TEXT, j TEXT, q)");
    const char *sql =
        "INSERT INTO kinds (r, i, d, b, t, y, w, id, j, q) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
    struct weft_value params[9][10];
    struct weft_statement statements[9];
    for (int64_t r = 0; r < 9; r++) {
        const bool full = r % 2 == 0;
        const struct weft_value row[10] = {
            weft_int(r),
            full ? weft_int(INT64_MIN + 1) : weft_null(),
            full ? weft_double(0.1) : weft_null(),
            full ? weft_bool(true) : weft_null(),
            full ? weft_text("a 'quoted' \\ \"text\" {,} $1") : weft_null(),
            full ? weft_bytes("\0\xff\\", 3) : weft_null(),
            full ? weft_time_us(1732460400123456) : weft_null(),
            full ? weft_text(id) : weft_null(),
            full ? weft_text("{\"a\": 1}") : weft_null(),
            full ? weft_text("12.50") : weft_null(),
        };
        memcpy(params[r], row, sizeof row);
        statements[r] = (struct weft_statement){ sql, params[r], 10, WEFT_STATEMENT_UNCOUNTED };
    }
    desk_need(&desk, 0, sql, params[0], 10, __FILE__, __LINE__); /* row 0 singly; the others together */
    statements[1].flags |= WEFT_STATEMENT_BEGIN;
    statements[8].flags |= WEFT_STATEMENT_COMMIT;
    KIT_CHECK(desk_run(&desk, statements + 1, 8, DESK_SECONDS) == WEFT_RC_OK, "they fail: %s", desk.result.text);
    KIT_CHECK(desk_number(&desk,
                          "SELECT count(*) FROM kinds a JOIN kinds b ON b.r = 0 AND a.i = b.i AND a.d = b.d AND"
                          " a.b = b.b AND a.t = b.t AND a.y = b.y AND a.w = b.w AND a.id = b.id AND a.j = b.j AND"
                          " a.q = b.q") == 5,
              "full rows differ from the one written singly");
    KIT_CHECK(
        desk_number(&desk, "SELECT count(*) FROM kinds WHERE coalesce(i, d) IS NULL AND t IS NULL AND w IS NULL") == 4,
        "empty rows are not empty");
    things_end(&desk);
}

static void triggers_see_every_statement(const struct kit *kit)
{
    struct desk desk = things_open(kit);
    static struct many many;
    if (!vault_is(desk.vault, "pg")) {
        struct vault *vault = desk.vault;
        desk_close(&desk);
        vault_skip(vault, "it has no triggers of statements");
    }
    DO(&desk, "CREATE TABLE seen (n integer)");
    DO(&desk, "CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS"
              " $$ BEGIN INSERT INTO seen SELECT count(*) FROM things; RETURN NULL; END $$");
    DO(&desk, "CREATE TRIGGER note AFTER INSERT ON things FOR EACH STATEMENT EXECUTE FUNCTION note()");
    many_fill(&many, ROWS_MANY);
    KIT_CHECK(many_run(&desk, &many, "INSERT INTO things (n, u) VALUES ($1, $2)", 20) == WEFT_RC_OK, "they fail: %s",
              desk.result.text);
    KIT_CHECK(desk_number(&desk, "SELECT count(DISTINCT n) FROM seen") == 20, "the trigger has not seen each");
    things_end(&desk);
}

static void a_group_gives_up_a_lock_soon(const struct kit *kit)
{
    struct desk desk = things_open(kit);
    if (!vault_is(desk.vault, "pg")) {
        struct vault *vault = desk.vault;
        desk_close(&desk);
        vault_skip(vault, "it does not lock rows singly");
    }
    DO(&desk, "INSERT INTO things (n) VALUES (1)");
    desk_begin(&desk);
    DO(&desk, "UPDATE things SET u = 1 WHERE n = 1");
    struct desk group = desk_open(desk.vault, WEFT_SESSION_GROUP);
    const uint64_t start = kit_now_ns();
    const int32_t rc = TRY(&group, 0, "UPDATE things SET u = 2 WHERE n = 1");
    KIT_CHECK(rc == WEFT_RC_RETRY && group.result.reason == WEFT_REASON_LOCK_TIMEOUT, "rc %d, reason %u", rc,
              group.result.reason);
    KIT_CHECK(kit_now_ns() - start < 1000000000u, "it waited for over a second");
    desk_commit(&desk);
    DO(&group, "UPDATE things SET u = 2 WHERE n = 1");
    desk_close(&group);
    things_end(&desk);
}

const struct kit_test together_tests[] = {
    { "together_each_row_is_there", each_row_is_there, KIT_SEMANTIC, 0, 0 },
    { "together_the_last_of_a_key_wins", the_last_of_a_key_wins, KIT_SEMANTIC, 0, 0 },
    { "together_a_value_that_earlier_ones_change_is_seen", a_value_that_earlier_ones_change_is_seen, KIT_SEMANTIC, 0,
      0 },
    { "together_the_one_that_fails_is_told", the_one_that_fails_is_told, KIT_SEMANTIC, 0, 0 },
    { "together_values_are_what_they_are_singly", values_are_what_they_are_singly, KIT_SEMANTIC, 0, 0 },
    { "together_triggers_see_every_statement", triggers_see_every_statement, KIT_SEMANTIC, 0, 0 },
    { "together_a_group_gives_up_a_lock_soon", a_group_gives_up_a_lock_soon, KIT_SEMANTIC, 0, 0 },
    { NULL, NULL, 0, 0, 0 },
};
