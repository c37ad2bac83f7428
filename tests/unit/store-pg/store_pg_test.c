/* Which statements store-pg takes for rows of one, and as what it sends them. */
#include "merge.h"
#include "pg.h"

#include <check.h>

static const char plain[] = "INSERT INTO t (a, b) VALUES ($1, $2)";

START_TEST(inserts_of_plain_values_are_rows)
{
    static const char *const texts[] = {
        plain,
        "insert into s.t(a,b)values($2::uuid,$1)",
        "INSERT INTO t (a, b, c) VALUES ($1, 'literal', coalesce($2::bytea, ''))",
        "INSERT INTO t (a, b, c) VALUES ($1, now(), NULL) ON CONFLICT DO NOTHING",
        "INSERT INTO t (a, b) VALUES ($1, $2) ON CONFLICT (a) DO NOTHING",
        "INSERT INTO t (a, b) VALUES ($1, $2)\n  ON CONFLICT (a) DO UPDATE SET b = greatest(t.b, excluded.b) + 1",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct pg_merge merge;
        ck_assert_msg(pg_merge_read(texts[i], &merge), "%s", texts[i]);
    }
}
END_TEST

START_TEST(what_may_see_other_rows_is_left_alone)
{
    static const char *const texts[] = {
        "UPDATE t SET a = $1",
        "DELETE FROM t WHERE a = $1",
        "INSERT INTO t VALUES ($1, $2)",
        "INSERT INTO t AS x (a, b) VALUES ($1, $2)",
        "INSERT INTO t (a, b) SELECT $1, $2",
        "INSERT INTO t (a, b) VALUES ($1, (SELECT count(*) FROM t) + $2)",
        "INSERT INTO t (a, b) VALUES ($1, own_function($2))",
        "INSERT INTO t (a, b) VALUES ($1, DEFAULT)",
        "INSERT INTO t (a, b) VALUES ($1, E'\\'$2')",
        "INSERT INTO t (a, b) VALUES ($1, '$2')",
        "INSERT INTO t (a, b) VALUES ($1, $2) RETURNING a",
        "INSERT INTO t (a, b) VALUES ($1, $2), ($2, $1)",
        "INSERT INTO t (a, b) VALUES ($1, $2) -- why",
        "INSERT INTO t (a, b) VALUES (1, 2)",
        "INSERT INTO t (a, b) VALUES ($1, $2) ON CONFLICT (a) DO UPDATE SET b = $2",
        "INSERT INTO t (a, b) VALUES ($1, $2) ON CONFLICT (a) DO UPDATE SET b = (SELECT 1)",
        "INSERT INTO t (a, b) VALUES ($1, $2) ON CONFLICT (lower(a)) DO UPDATE SET b = 1",
        "INSERT INTO t (a, b) VALUES (lower($1), $2) ON CONFLICT (a) DO UPDATE SET b = 1",
        "INSERT INTO t (a, b) VALUES (coalesce($1, 1), $2) ON CONFLICT (a) DO UPDATE SET b = 1",
        "INSERT INTO t (a, b) VALUES ($1, $2) ON CONFLICT ON CONSTRAINT t_key DO UPDATE SET b = 1",
        "INSERT INTO t (a, b) VALUES ($1, $2",
        "",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct pg_merge merge;
        ck_assert_msg(!pg_merge_read(texts[i], &merge), "%s", texts[i]);
    }
}
END_TEST

START_TEST(parameters_are_counted_on)
{
    static const char sql[] = "INSERT INTO t (a, b) VALUES ($2, $1) ON CONFLICT DO NOTHING";
    struct pg_merge merge;
    struct weft_bump bump;
    weft_bump_init(&bump, 1 << 16);
    ck_assert(pg_merge_read(sql, &merge));
    ck_assert_str_eq(merge.table, "t");
    ck_assert_str_eq(pg_merge_text(&bump, sql, &merge, 3),
                     "INSERT INTO t (a, b) VALUES ($2, $1),($4, $3),($6, $5) ON CONFLICT DO NOTHING");
    weft_bump_free(&bump);
}
END_TEST

/* Rows of two parameters, the second given by a letter each. */
static size_t reach(const char *sql, const char *letters)
{
    static char texts[128][2];
    struct pg_param params[128][2];
    struct pg_param *rows[128];
    const size_t n = strlen(letters);
    struct pg_merge merge;
    ck_assert(pg_merge_read(sql, &merge));
    for (size_t i = 0; i < n; i++) {
        texts[i][0] = letters[i];
        params[i][0] = (struct pg_param){ "same", 0, 0 };
        params[i][1] = (struct pg_param){ letters[i] == '-' ? NULL : texts[i], 0, 0 };
        rows[i] = params[i];
    }
    return pg_merge_reach(&merge, rows, n);
}

START_TEST(a_row_that_would_be_updated_twice_begins_the_next_statement)
{
    static const char updates[] = "INSERT INTO t (a, b) VALUES ($1, $2) ON CONFLICT (b) DO UPDATE SET a = excluded.a";
    ck_assert_uint_eq(reach(updates, "abcdefgh"), 8);
    ck_assert_uint_eq(reach(updates, "abcdeagh"), 4); /* five in a row, in powers of two */
    ck_assert_uint_eq(reach(updates, "aabcdefg"), 1);
    ck_assert_uint_eq(reach(updates, "----"), 4); /* NULL is nobody's key */
    ck_assert_uint_eq(reach(plain, "aaaaaa"), 4);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("store-pg");
    TCase *tests = tcase_create("merge");
    tcase_add_test(tests, inserts_of_plain_values_are_rows);
    tcase_add_test(tests, what_may_see_other_rows_is_left_alone);
    tcase_add_test(tests, parameters_are_counted_on);
    tcase_add_test(tests, a_row_that_would_be_updated_twice_begins_the_next_statement);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
