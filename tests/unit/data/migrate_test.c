/* Migrations, against a store that remembers its history. */
#include "data_test.h"
#include "fake_store.h"

#include "base/clock.h"
#include "data/migrate.h"

#include <stdio.h>

static const struct weft_migration files[] = {
    { .name = "0002_orders", .dialect = "fake", .sql = "create orders", .version = 2 },
    { .name = "0001_users", .dialect = "other", .sql = "create others", .version = 1 },
    { .name = "0001_users", .dialect = NULL, .sql = "create any", .version = 1 },
    { .name = "0001_users", .dialect = "fake", .sql = "create users", .version = 1 },
};

struct row {
    char owner[32], name[32], checksum[32];
    int64_t version;
};

static struct fake_store *fake;
static struct weft_fault fault;
static int32_t (*fake_run)(void *, const struct weft_statement *, size_t, struct weft_result *, uint64_t);
static char owner[32];
static struct row rows[16];
static size_t n_rows;
static struct weft_value list[48];

static void history_add(const struct weft_value *params)
{
    struct row *row = &rows[n_rows++];
    snprintf(row->owner, sizeof row->owner, "%s", params[0].as.text);
    row->version = params[1].as.integer;
    snprintf(row->name, sizeof row->name, "%s", params[2].as.text);
    snprintf(row->checksum, sizeof row->checksum, "%s", params[3].as.text);
}

static struct weft_rowset history_list(const char *of)
{
    struct weft_rowset set = { .values = list, .n_columns = 3 };
    for (size_t i = 0; i < n_rows; i++) {
        if (strcmp(rows[i].owner, of) != 0) continue;
        struct weft_value *at = &list[set.n_rows++ * 3];
        at[0] = weft_int(rows[i].version);
        at[1] = weft_text(rows[i].name);
        at[2] = weft_text(rows[i].checksum);
    }
    return set;
}

static int32_t history_run(void *session, const struct weft_statement *statements, size_t n,
                           struct weft_result *ret_result, uint64_t deadline_ns)
{
    const int32_t rc = fake_run(session, statements, n, ret_result, deadline_ns);
    for (size_t i = 0; i < n && rc == WEFT_RC_OK; i++) {
        const struct weft_statement *statement = &statements[i];
        if (statement->sql == NULL) continue;
        if (strcmp(statement->sql, "done") == 0) history_add(statement->params);
        if (strcmp(statement->sql, "list") == 0) fake->sets[i] = history_list(statement->params[0].as.text);
        if (strcmp(statement->sql, "claim") == 0 && owner[0] == '\0')
            snprintf(owner, sizeof owner, "%s", statement->params[0].as.text);
        if (strcmp(statement->sql, "owner") == 0 && owner[0] != '\0') {
            list[0] = weft_text(owner);
            fake->sets[i] = (struct weft_rowset){ .values = list, .n_rows = 1, .n_columns = 1 };
        }
    }
    return rc;
}

static void begin(void)
{
    fake = fake_store_new(0);
    fake_run = fake->ops.run;
    fake->ops.run = history_run;
    owner[0] = '\0';
    n_rows = 0;
    fault = (struct weft_fault){ 0 };
}

static void end(void)
{
    fake_store_free(fake);
}

static weft_status migrate(const struct weft_migration *of, size_t n, enum weft_migrate mode)
{
    fake->n_runs = 0;
    return weft_migrate_run(fake->store, of, n, mode, weft_clock_ns() + WEFT_SECOND, &fault);
}

START_TEST(new_store_gets_everything_in_order)
{
    ck_assert_int_eq(migrate(files, 4, WEFT_MIGRATE_AUTO), WEFT_OK);
    ck_assert_str_eq(owner, "test-service");
    ck_assert_uint_eq(n_rows, 4);
    ck_assert_str_eq(fake->runs[0], "BEGIN; lock; bootstrap; claim (test-service); owner; COMMIT");
    ck_assert_str_eq(fake->runs[1], "BEGIN; lock; list (weft)");
    ck_assert_ptr_nonnull(strstr(fake->runs[2], "create outbox; done (weft, 1, weft_0001, "));
    ck_assert_ptr_nonnull(strstr(fake->runs[2], "COMMIT"));
    ck_assert_str_eq(rows[2].name, "0001_users");
    ck_assert_str_eq(rows[3].name, "0002_orders");
}
END_TEST

START_TEST(file_for_the_dialect_goes_before_one_for_any)
{
    migrate(files, 4, WEFT_MIGRATE_AUTO);
    bool users = false;
    for (size_t i = 0; i < fake->n_runs; i++) {
        users = users || strstr(fake->runs[i], "create users") != NULL;
        ck_assert_ptr_null(strstr(fake->runs[i], "create any"));
        ck_assert_ptr_null(strstr(fake->runs[i], "create others"));
    }
    ck_assert(users);
}
END_TEST

START_TEST(migrated_store_is_left_alone)
{
    migrate(files, 4, WEFT_MIGRATE_AUTO);
    ck_assert_int_eq(migrate(files, 4, WEFT_MIGRATE_AUTO), WEFT_OK);
    ck_assert_uint_eq(n_rows, 4);
    ck_assert_int_eq(migrate(files, 4, WEFT_MIGRATE_CHECK), WEFT_OK);
    for (size_t i = 0; i < fake->n_runs; i++)
        ck_assert_ptr_null(strstr(fake->runs[i], "BEGIN"));
}
END_TEST

START_TEST(missing_migration_is_told_by_check_and_not_applied)
{
    migrate(&files[3], 1, WEFT_MIGRATE_AUTO);
    ck_assert_int_eq(migrate(files, 4, WEFT_MIGRATE_CHECK), WEFT_FAILED_PRECONDITION);
    ck_assert_str_eq(fault.text, "migration 0002_orders of test-service has not been applied; run `weft migrate up`");
    ck_assert_uint_eq(n_rows, 3);
}
END_TEST

START_TEST(check_of_a_new_store_changes_nothing)
{
    ck_assert_int_eq(migrate(files, 4, WEFT_MIGRATE_CHECK), WEFT_FAILED_PRECONDITION);
    ck_assert_uint_eq(fake->n_runs, 1);
    ck_assert_str_eq(fake->runs[0], "owner");
}
END_TEST

START_TEST(off_asks_nothing)
{
    ck_assert_int_eq(migrate(files, 4, WEFT_MIGRATE_OFF), WEFT_OK);
    ck_assert_int_eq(fake->n_opened, 0);
}
END_TEST

START_TEST(store_of_another_service_is_refused)
{
    snprintf(owner, sizeof owner, "order-service");
    ck_assert_int_eq(migrate(files, 4, WEFT_MIGRATE_AUTO), WEFT_FAILED_PRECONDITION);
    ck_assert_ptr_nonnull(strstr(fault.text, "belongs to service order-service, not to test-service"));
    ck_assert_uint_eq(n_rows, 0);
}
END_TEST

START_TEST(changed_migration_is_refused)
{
    migrate(files, 4, WEFT_MIGRATE_AUTO);
    struct weft_migration changed = files[3];
    changed.sql = "create users -- with more";
    ck_assert_int_eq(migrate(&changed, 1, WEFT_MIGRATE_AUTO), WEFT_FAILED_PRECONDITION);
    ck_assert_ptr_nonnull(strstr(fault.text, "migration 0001_users of test-service was applied with other content"));
    ck_assert_str_eq(fake->runs[fake->n_runs - 1], "ROLLBACK");
}
END_TEST

START_TEST(version_of_a_newer_build_is_refused)
{
    migrate(files, 4, WEFT_MIGRATE_AUTO);
    ck_assert_int_eq(migrate(&files[3], 1, WEFT_MIGRATE_AUTO), WEFT_FAILED_PRECONDITION);
    ck_assert_ptr_nonnull(strstr(fault.text, "has migration 0002_orders, which this build does not know"));
}
END_TEST

START_TEST(newer_tables_of_wefts_own_are_borne)
{
    migrate(files, 4, WEFT_MIGRATE_AUTO);
    static const char *const older[] = { "create outbox", NULL };
    fake->dialect.schema = older;
    ck_assert_int_eq(migrate(files, 4, WEFT_MIGRATE_AUTO), WEFT_OK);
}
END_TEST

START_TEST(late_migration_with_a_lower_number_is_refused)
{
    migrate(files, 1, WEFT_MIGRATE_AUTO);
    ck_assert_int_eq(migrate(files, 4, WEFT_MIGRATE_AUTO), WEFT_FAILED_PRECONDITION);
    ck_assert_ptr_nonnull(strstr(fault.text, "0001_users of test-service is older than the newest applied"));
}
END_TEST

START_TEST(two_migrations_of_one_version_are_refused)
{
    const struct weft_migration twice[] = { files[3], files[3] };
    ck_assert_int_eq(migrate(twice, 2, WEFT_MIGRATE_AUTO), WEFT_FAILED_PRECONDITION);
    ck_assert_uint_eq(fake->n_runs, 0);
}
END_TEST

START_TEST(migration_that_fails_is_named_and_not_noted)
{
    fake->answers[8] = (struct fake_answer){ .rc = WEFT_RC_INVALID, .text = "syntax error" };
    ck_assert_int_eq(migrate(files, 4, WEFT_MIGRATE_AUTO), WEFT_FAILED_PRECONDITION);
    ck_assert_str_eq(fault.text, "store of test-service, migration 0001_users: syntax error");
    ck_assert_uint_eq(n_rows, 2);
}
END_TEST

START_TEST(store_that_is_away_can_be_tried_again)
{
    fake->open_rc = WEFT_RC_UNAVAILABLE;
    ck_assert_int_eq(migrate(files, 4, WEFT_MIGRATE_AUTO), WEFT_UNAVAILABLE);
    fake->open_rc = WEFT_RC_REFUSED;
    ck_assert_int_eq(migrate(files, 4, WEFT_MIGRATE_AUTO), WEFT_PERMISSION_DENIED);
    fake->open_rc = WEFT_RC_OK;
    fake->answers[2].rc = WEFT_RC_MAYBE_SENT;
    ck_assert_int_eq(migrate(files, 4, WEFT_MIGRATE_AUTO), WEFT_UNAVAILABLE);
    fake->answers[2].rc = WEFT_RC_OK;
    ck_assert_int_eq(migrate(files, 4, WEFT_MIGRATE_AUTO), WEFT_OK);
}
END_TEST

TCase *migrate_case(void)
{
    TCase *tcase = tcase_create("migrate");
    tcase_add_checked_fixture(tcase, begin, end);
    tcase_add_test(tcase, new_store_gets_everything_in_order);
    tcase_add_test(tcase, file_for_the_dialect_goes_before_one_for_any);
    tcase_add_test(tcase, migrated_store_is_left_alone);
    tcase_add_test(tcase, missing_migration_is_told_by_check_and_not_applied);
    tcase_add_test(tcase, check_of_a_new_store_changes_nothing);
    tcase_add_test(tcase, off_asks_nothing);
    tcase_add_test(tcase, store_of_another_service_is_refused);
    tcase_add_test(tcase, changed_migration_is_refused);
    tcase_add_test(tcase, version_of_a_newer_build_is_refused);
    tcase_add_test(tcase, newer_tables_of_wefts_own_are_borne);
    tcase_add_test(tcase, late_migration_with_a_lower_number_is_refused);
    tcase_add_test(tcase, two_migrations_of_one_version_are_refused);
    tcase_add_test(tcase, migration_that_fails_is_named_and_not_noted);
    tcase_add_test(tcase, store_that_is_away_can_be_tried_again);
    return tcase;
}
