/* values.c - what goes in comes out: types, limits, hostile texts, arrays. */
#include "tests.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char samples[] = "CREATE TABLE samples (place integer PRIMARY KEY, n bigint, r double precision, t text,"
                              " b bytea, ok boolean, at timestamptz, u uuid)";

static struct desk samples_open(const struct kit *kit)
{
    struct desk desk = desk_open(vault_new(kit), WEFT_SESSION_REQUEST);
    DO(&desk, samples);
    return desk;
}

static void samples_end(struct desk *desk)
{
    struct vault *vault = desk->vault;
    desk_close(desk);
    vault_end(vault);
}

static void every_type_comes_back_as_it_went(const struct kit *kit)
{
    struct desk desk = samples_open(kit);
    const int64_t at = INT64_C(1732460400123456);
    const char *uuid = "01890000-0000-7000-8000-0000000000ff";
    DO(&desk, "INSERT INTO samples VALUES (1, $1, $2, $3, $4, $5, $6, $7)", weft_int(INT64_MIN), weft_double(0.1),
       weft_text("text"), weft_bytes("b\0b", 3), weft_bool(true), weft_time_us(at), weft_text(uuid));
    const struct weft_rowset *set = ROWS(&desk, "SELECT n, r, t, b, ok, at, u FROM samples");
    KIT_CHECK(set->n_rows == 1 && set->n_columns == 7, "%u rows of %u", set->n_rows, set->n_columns);
    KIT_CHECK(cell_int(set, 0, "n") == INT64_MIN, "bigint: %lld", (long long)cell_int(set, 0, "n"));
    KIT_CHECK(cell(set, 0, "r")->type == WEFT_TYPE_DOUBLE && cell(set, 0, "r")->as.real == 0.1, "double");
    KIT_CHECK(strcmp(cell_text(set, 0, "t"), "text") == 0, "text: %s", cell_text(set, 0, "t"));
    const struct weft_value *bytes = cell(set, 0, "b");
    KIT_CHECK(bytes->type == WEFT_TYPE_BYTES && bytes->size == 3 && memcmp(bytes->as.bytes, "b\0b", 4) == 0, "bytes");
    KIT_CHECK(cell(set, 0, "ok")->type == WEFT_TYPE_BOOL && cell(set, 0, "ok")->as.integer == 1, "bool");
    KIT_CHECK(cell(set, 0, "at")->type == WEFT_TYPE_TIME && cell(set, 0, "at")->as.integer == at, "time: %lld",
              (long long)cell(set, 0, "at")->as.integer);
    KIT_CHECK(strcmp(cell_text(set, 0, "u"), uuid) == 0, "uuid: %s", cell_text(set, 0, "u"));
    samples_end(&desk);
}

static void null_of_every_type_comes_back_as_null(const struct kit *kit)
{
    struct desk desk = samples_open(kit);
    DO(&desk, "INSERT INTO samples VALUES (1, $1, $2, $3, $4, $5, $6, $7)", weft_null(), weft_null(), weft_text(NULL),
       weft_bytes(NULL, 0), weft_null(), weft_null(), weft_null());
    const struct weft_rowset *set = ROWS(&desk, "SELECT n, r, t, b, ok, at, u FROM samples");
    for (uint32_t i = 0; i < set->n_columns; i++)
        KIT_CHECK(set->values[i].type == WEFT_TYPE_NULL, "%s is of type %u", set->columns[i], set->values[i].type);
    samples_end(&desk);
}

static void whole_numbers_and_times_keep_their_extremes(const struct kit *kit)
{
    static const int64_t numbers[] = { 0, -1, 1, INT32_MAX, INT64_MAX, INT64_MIN };
    static const int64_t times[] = { 0, -1, 1, -62135596800000000 / 10, INT64_C(4102444800999999) };
    struct desk desk = samples_open(kit);
    for (int i = 0; i < 6; i++)
        DO(&desk, "INSERT INTO samples (place, n, at) VALUES ($1, $2, $3)", weft_int(i), weft_int(numbers[i]),
           weft_time_us(times[i % 5]));
    const struct weft_rowset *set = ROWS(&desk, "SELECT n, at FROM samples ORDER BY place");
    for (uint32_t i = 0; i < 6; i++) {
        KIT_CHECK(cell_int(set, i, "n") == numbers[i], "%lld", (long long)numbers[i]);
        KIT_CHECK(cell(set, i, "at")->as.integer == times[i % 5], "%lld became %lld", (long long)times[i % 5],
                  (long long)cell(set, i, "at")->as.integer);
    }
    samples_end(&desk);
}

static void doubles_keep_every_bit(const struct kit *kit)
{
    static const double numbers[] = { 0.1, 1.0 / 3, 5e-324, 1.7976931348623157e308, -0.5, 123456789012345.6 };
    struct desk desk = samples_open(kit);
    for (int i = 0; i < 6; i++)
        DO(&desk, "INSERT INTO samples (place, r) VALUES ($1, $2)", weft_int(i), weft_double(numbers[i]));
    const struct weft_rowset *set = ROWS(&desk, "SELECT r FROM samples ORDER BY place");
    for (uint32_t i = 0; i < 6; i++)
        KIT_CHECK(memcmp(&set->values[i].as.real, &numbers[i], sizeof(double)) == 0, "%.17g became %.17g", numbers[i],
                  set->values[i].as.real);
    samples_end(&desk);
}

static void bytes_of_every_size_and_value_come_back(const struct kit *kit)
{
    static const size_t sizes[] = { 0, 1, 255, 256, 65536, 1048576 };
    struct desk desk = samples_open(kit);
    unsigned char *bytes = malloc(1048576);
    for (size_t i = 0; i < 1048576; i++)
        bytes[i] = (unsigned char)(i ^ i >> 8);
    for (int i = 0; i < 6; i++)
        DO(&desk, "INSERT INTO samples (place, b) VALUES ($1, $2)", weft_int(i), weft_bytes(bytes, sizes[i]));
    const struct weft_rowset *set = ROWS(&desk, "SELECT b FROM samples ORDER BY place");
    for (uint32_t i = 0; i < 6; i++) {
        const struct weft_value *value = cell(set, i, "b");
        KIT_CHECK(value->type == WEFT_TYPE_BYTES && value->size == sizes[i] && value->as.bytes != NULL,
                  "%zu bytes became %llu of type %u", sizes[i], (unsigned long long)value->size, value->type);
        KIT_CHECK(memcmp(value->as.bytes, bytes, sizes[i]) == 0, "%zu bytes came back changed", sizes[i]);
        KIT_CHECK(((const char *)value->as.bytes)[sizes[i]] == '\0', "no NUL follows");
    }
    free(bytes);
    samples_end(&desk);
}

static const char *const hostile[] = {
    "",
    "'; DROP TABLE samples; --",
    "\\'; --",
    "$1 ? :name @x",
    "{\"a\",NULL,}",
    "\"quoted\" and \\ back",
    "line\nline\r\n\ttab\x01\x1f\x7f",
    "%s%n%d",
    "NULL",
    "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80",
    "00123",
    "1e5",
};
enum { HOSTILE = sizeof hostile / sizeof hostile[0] };

static void hostile_text_is_only_text(const struct kit *kit)
{
    struct desk desk = samples_open(kit);
    for (int i = 0; i < HOSTILE; i++)
        DO(&desk, "INSERT INTO samples (place, t) VALUES ($1, $2)", weft_int(i), weft_text(hostile[i]));
    const struct weft_rowset *set = ROWS(&desk, "SELECT t FROM samples ORDER BY place");
    KIT_CHECK(set->n_rows == HOSTILE, "%u rows", set->n_rows);
    for (uint32_t i = 0; i < HOSTILE; i++)
        KIT_CHECK(strcmp(cell_text(set, i, "t"), hostile[i]) == 0, "'%s' became '%s'", hostile[i],
                  cell_text(set, i, "t"));
    samples_end(&desk);
}

/* inbox_insert is where arrays go in; keys are any text. */
static void arrays_carry_any_text(const struct kit *kit)
{
    struct desk desk = samples_open(kit);
    char id[37];
    for (unsigned i = 0; i < HOSTILE; i++)
        DO(&desk, desk.vault->dialect->failed_insert, weft_text("g"), weft_text(uuid_of(i, id)), weft_null(),
           weft_null(), weft_null(), weft_text(hostile[i]), weft_null(), weft_null(), weft_null(), weft_null(),
           weft_text("parked"), weft_int(1), weft_null(), weft_null(), weft_null(), weft_null());
    const char *wanted[HOSTILE + 1];
    memcpy(wanted, hostile, sizeof hostile);
    wanted[HOSTILE] = NULL; /* SQL NULL: equals nothing */
    const struct weft_rowset *set = ROWS(&desk, desk.vault->dialect->failed_keys, weft_text("g"),
                                         weft_texts(wanted, HOSTILE + 1), weft_bool(false));
    KIT_CHECK(set->n_rows == HOSTILE, "%u of %d keys were found", set->n_rows, HOSTILE);
    set = ROWS(&desk, desk.vault->dialect->failed_keys, weft_text("g"), weft_texts(wanted, 0), weft_bool(false));
    KIT_CHECK(set->n_rows == 0, "an empty array found %u keys", set->n_rows);
    samples_end(&desk);
}

static void text_with_a_nul_inside_is_refused_and_nothing_is_sent(const struct kit *kit)
{
    struct desk desk = samples_open(kit);
    struct weft_value text = weft_text("a?b");
    text.as.text = "a\0b";
    const struct weft_value one = weft_int(1);
    const struct weft_value two[] = { weft_int(2), text };
    const struct weft_statement batch[] = {
        { "INSERT INTO samples (place) VALUES ($1)", &one, 1, WEFT_STATEMENT_BEGIN },
        { "INSERT INTO samples (place, t) VALUES ($1, $2)", two, 2, WEFT_STATEMENT_COMMIT },
    };
    int32_t rc = desk_run(&desk, batch, 2, DESK_SECONDS);
    KIT_CHECK(rc == WEFT_RC_INVALID && desk.result.failed == 1, "it returned %d at %u", rc, desk.result.failed);
    KIT_CHECK(desk_number(&desk, "SELECT count(*) FROM samples") == 0, "a part of the batch was done");
    samples_end(&desk);
}

static void a_parameter_may_be_used_twice_and_carry_a_cast(const struct kit *kit)
{
    struct desk desk = samples_open(kit);
    const struct weft_rowset *set =
        ROWS(&desk, "SELECT $2::bigint AS n, $1::text AS a, $1::text AS b", weft_text("x"), weft_int(7));
    KIT_CHECK(cell_int(set, 0, "n") == 7, "n is %lld", (long long)cell_int(set, 0, "n"));
    KIT_CHECK(strcmp(cell_text(set, 0, "a"), "x") == 0 && strcmp(cell_text(set, 0, "b"), "x") == 0, "a or b");
    samples_end(&desk);
}

static void a_wrong_number_of_parameters_is_refused(const struct kit *kit)
{
    struct desk desk = samples_open(kit);
    const char *sql = "INSERT INTO samples (place, n) VALUES ($1, $2)";
    KIT_CHECK(TRY(&desk, 0, sql, weft_int(1)) == WEFT_RC_INVALID, "one of two was taken");
    KIT_CHECK(TRY(&desk, 0, sql, weft_int(1), weft_int(2), weft_int(3)) == WEFT_RC_INVALID, "three of two were taken");
    DO(&desk, sql, weft_int(1), weft_int(2));
    samples_end(&desk);
}

static void many_rows_come_back_in_order(const struct kit *kit)
{
    struct desk desk = samples_open(kit);
    DO(&desk, "INSERT INTO samples (place, t) WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s"
              " WHERE n < 20000) SELECT n, 'row' FROM s");
    KIT_CHECK(desk.result.sets[0].affected == 20000, "%lld rows affected", (long long)desk.result.sets[0].affected);
    const struct weft_rowset *set = ROWS(&desk, "SELECT place, t FROM samples ORDER BY place");
    KIT_CHECK(set->n_rows == 20000, "%u rows", set->n_rows);
    for (uint32_t i = 0; i < set->n_rows; i++)
        KIT_CHECK(set->values[2 * i].as.integer == i + 1, "row %u says %lld", i,
                  (long long)set->values[2 * i].as.integer);
    samples_end(&desk);
}

static void affected_counts_changes_and_nothing_else(const struct kit *kit)
{
    struct desk desk = samples_open(kit);
    KIT_CHECK(DO(&desk, "INSERT INTO samples (place) VALUES (1), (2), (3)")->affected == 3, "INSERT");
    KIT_CHECK(DO(&desk, "UPDATE samples SET n = 1 WHERE place > $1", weft_int(1))->affected == 2, "UPDATE");
    KIT_CHECK(DO(&desk, "UPDATE samples SET n = 1 WHERE place > 99")->affected == 0, "UPDATE of none");
    KIT_CHECK(DO(&desk, "SELECT place FROM samples")->affected == 0, "SELECT");
    KIT_CHECK(DO(&desk, "SELECT place FROM samples")->n_rows == 0, "rows that were not asked for");
    KIT_CHECK(DO(&desk, "CREATE TABLE others (n integer)")->affected == 0, "CREATE TABLE");
    const struct weft_rowset *set = ROWS(&desk, "DELETE FROM samples WHERE place < 3 RETURNING place");
    KIT_CHECK(set->affected == 2 && set->n_rows == 2, "DELETE: %lld, %u rows", (long long)set->affected, set->n_rows);
    samples_end(&desk);
}

const struct kit_test values_tests[] = {
    { "every_type_comes_back_as_it_went", every_type_comes_back_as_it_went, KIT_BASIC, 0, 0 },
    { "null_of_every_type_comes_back_as_null", null_of_every_type_comes_back_as_null, KIT_BASIC, 0, 0 },
    { "whole_numbers_and_times_keep_their_extremes", whole_numbers_and_times_keep_their_extremes, KIT_SEMANTIC, 0, 0 },
    { "doubles_keep_every_bit", doubles_keep_every_bit, KIT_SEMANTIC, 0, 0 },
    { "bytes_of_every_size_and_value_come_back", bytes_of_every_size_and_value_come_back, KIT_SEMANTIC, 0, 0 },
    { "hostile_text_is_only_text", hostile_text_is_only_text, KIT_SEMANTIC, 0, 0 },
    { "arrays_carry_any_text", arrays_carry_any_text, KIT_SEMANTIC, 0, 0 },
    { "text_with_a_nul_inside_is_refused_and_nothing_is_sent", text_with_a_nul_inside_is_refused_and_nothing_is_sent,
      KIT_SEMANTIC, 0, 0 },
    { "a_parameter_may_be_used_twice_and_carry_a_cast", a_parameter_may_be_used_twice_and_carry_a_cast, KIT_SEMANTIC, 0,
      0 },
    { "a_wrong_number_of_parameters_is_refused", a_wrong_number_of_parameters_is_refused, KIT_SEMANTIC, 0, 0 },
    { "many_rows_come_back_in_order", many_rows_come_back_in_order, KIT_SEMANTIC, 0, 0 },
    { "affected_counts_changes_and_nothing_else", affected_counts_changes_and_nothing_else, KIT_SEMANTIC, 0, 0 },
    { NULL, NULL, 0, 0, 0 },
};
