/* From return codes to statuses, and what clients are told. */
#include "data_test.h"
#include "fake_store.h"

#include "data/failure.h"

static weft_status tell(int32_t rc, uint32_t reason, const char *constraint, struct weft_fault *ret_fault)
{
    const struct weft_violation_rule name = { .constraint = "users_name_check",
                                              .field = "name",
                                              .status = WEFT_INVALID_ARGUMENT };
    const struct weft_violation_rule id = {
        .constraint = "users_pkey", .field = "id", .status = WEFT_ABORTED, .next = &name
    };
    const struct weft_violation_rule email = {
        .constraint = "users_email_key", .field = "email", .status = WEFT_ALREADY_EXISTS, .next = &id
    };
    const struct weft_violation_rule pair = {
        .constraint = "seats_row_seat_key", .field = "seat", .status = WEFT_ALREADY_EXISTS, .next = &email
    };
    const struct weft_result result = { .reason = reason, .constraint = constraint, .text = "secret" };
    const struct weft_failure failure = { .rc = rc, .result = &result, .sql = "insert secret", .rules = &pair };
    *ret_fault = (struct weft_fault){ 0 };
    const weft_status status = weft_failure_tell(&failure, ret_fault);
    ck_assert_int_eq(status, ret_fault->status);
    ck_assert_ptr_null(strstr(ret_fault->text, "secret")); /* neither SQL nor the backend's words reach a client */
    return status;
}

static const struct {
    int32_t rc;
    uint32_t reason;
    const char *constraint;
    weft_status status;
    const char *text;
} failures[] = {
    { WEFT_RC_CONFLICT, WEFT_REASON_UNIQUE, "users_email_key", WEFT_ALREADY_EXISTS, "email is taken" },
    { WEFT_RC_CONFLICT, WEFT_REASON_UNIQUE, "users.email", WEFT_ALREADY_EXISTS, "email is taken" },
    { WEFT_RC_CONFLICT, WEFT_REASON_UNIQUE, "seats.row, seats.seat", WEFT_ALREADY_EXISTS, "seat is taken" },
    { WEFT_RC_CONFLICT, WEFT_REASON_UNIQUE, "users.id", WEFT_ABORTED, "id is not acceptable" },
    { WEFT_RC_CONFLICT, WEFT_REASON_UNIQUE, "customers.email", WEFT_ALREADY_EXISTS,
      "constraint customers.email is violated" },
    { WEFT_RC_CONFLICT, WEFT_REASON_UNIQUE, NULL, WEFT_ALREADY_EXISTS, "a constraint is violated" },
    { WEFT_RC_CONFLICT, WEFT_REASON_CHECK, "users_name_check", WEFT_INVALID_ARGUMENT, "name is not acceptable" },
    { WEFT_RC_CONFLICT, WEFT_REASON_FOREIGN_KEY, "a_fkey", WEFT_FAILED_PRECONDITION, "constraint a_fkey is violated" },
    { WEFT_RC_CONFLICT, WEFT_REASON_NOT_NULL, NULL, WEFT_FAILED_PRECONDITION, "a constraint is violated" },
    { WEFT_RC_RETRY, WEFT_REASON_DEADLOCK, NULL, WEFT_ABORTED, NULL },
    { WEFT_RC_RETRY, WEFT_REASON_SERIALIZATION, NULL, WEFT_ABORTED, NULL },
    { WEFT_RC_RETRY, WEFT_REASON_LOCK_TIMEOUT, NULL, WEFT_ABORTED, NULL },
    { WEFT_RC_TIMEOUT, WEFT_REASON_NONE, NULL, WEFT_DEADLINE_EXCEEDED, NULL },
    { WEFT_RC_UNAVAILABLE, WEFT_REASON_NONE, NULL, WEFT_UNAVAILABLE, NULL },
    { WEFT_RC_CLOSED, WEFT_REASON_NONE, NULL, WEFT_UNAVAILABLE, NULL },
    { WEFT_RC_MAYBE_SENT, WEFT_REASON_NONE, NULL, WEFT_UNAVAILABLE, NULL },
    { WEFT_RC_INVALID, WEFT_REASON_BAD_VALUE, NULL, WEFT_INVALID_ARGUMENT, NULL },
    { WEFT_RC_INVALID, WEFT_REASON_NONE, NULL, WEFT_INTERNAL, "the store refused a statement" },
    { 77, WEFT_REASON_NONE, NULL, WEFT_INTERNAL, NULL },
};

START_TEST(every_failure_has_its_status)
{
    struct weft_fault fault;
    const weft_status status = tell(failures[_i].rc, failures[_i].reason, failures[_i].constraint, &fault);
    ck_assert_int_eq(status, failures[_i].status);
    if (failures[_i].text != NULL) ck_assert_str_eq(fault.text, failures[_i].text);
}
END_TEST

START_TEST(overlong_constraint_is_cut_not_overrun)
{
    char columns[2000] = "t.";
    memset(columns + 2, 'x', sizeof columns - 3);
    struct weft_fault fault;
    ck_assert_int_eq(tell(WEFT_RC_CONFLICT, WEFT_REASON_UNIQUE, columns, &fault), WEFT_ALREADY_EXISTS);
}
END_TEST

START_TEST(log_names_statement_and_constraint)
{
    const struct weft_result result = { .constraint = "k", .text = "duplicate key" };
    const struct weft_failure failure = { .rc = WEFT_RC_CONFLICT, .result = &result, .sql = "insert a" };
    char text[128];
    weft_failure_describe(&failure, text, sizeof text);
    ck_assert_str_eq(text, "conflict, constraint k: duplicate key; statement: insert a");
}
END_TEST

TCase *failure_case(void)
{
    TCase *tcase = tcase_create("failure");
    tcase_add_loop_test(tcase, every_failure_has_its_status, 0, sizeof failures / sizeof failures[0]);
    tcase_add_test(tcase, overlong_constraint_is_cut_not_overrun);
    tcase_add_test(tcase, log_names_statement_and_constraint);
    return tcase;
}
