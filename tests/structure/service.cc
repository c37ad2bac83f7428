/* Handlers of user-service's contract written in C++11: statements, rows, cache, events, and a test of them. */
#include "user/v1/events.weft.h"
#include "user/v1/user.weft.h"
#include <weft/test.h>

namespace {

weft_status user_create(weft_call *call, const User__V1__CreateUserRequest *in, User__V1__CreateUserResponse *out, void *)
{
    weft_tx *tx = weft_call_tx(call);
    char *id = weft_uuid(call);
    weft_on_violation(tx, "users_email_key", WEFT_ALREADY_EXISTS, "email");
    weft_exec(tx, "INSERT INTO users (id, email, name, created_at) VALUES ($1, $2, $3, $4)", id, in->email, in->name,
              weft_time_ms(weft_now_ms(call)));
    weft_exec_expect(tx, 1, WEFT_NOT_FOUND, "UPDATE users SET seen = $2, share = $3, fine = $4 WHERE id = $1", id, 1u, 0.5, true);
    User__V1__UserCreated event = USER__V1__USER_CREATED__INIT;
    event.user_id = id;
    user_v1_user_created_emit(tx, &event);
    out->user = user_v1_user_new(call);
    out->user->id = id;
    return WEFT_OK;
}

weft_status user_get(weft_call *call, const User__V1__GetUserRequest *in, User__V1__GetUserResponse *out, void *)
{
    weft_rows *rows;
    out->user = user_v1_user_new(call);
    if (weft_cached(call, in->id, &out->user->base)) return WEFT_OK;
    weft_status status = weft_query(call, &rows, "SELECT id, email FROM users WHERE id = $1", in->id);
    if (status != WEFT_OK) return status;
    if (!weft_next(rows)) return weft_fail(call, WEFT_NOT_FOUND, "no user '%s'", in->id);
    out->user->email = weft_get_text(rows, 1);
    return WEFT_OK;
}

weft_status user_created(weft_event *event, const User__V1__UserCreated *in, void *)
{
    return in->user_id[0] != '\0' ? WEFT_OK : weft_reject(event, "no user");
}

weft_status setup(weft_service *service)
{
    user_v1_user_service_handlers handlers = {};
    handlers.create_user = user_create;
    handlers.get_user = user_get;
    user_v1_user_service_register(service, &handlers, nullptr);
    user_v1_user_created_on(weft_group_new(service, "users", nullptr), user_created, nullptr);
    return WEFT_OK;
}

} // namespace

bool creates_a_user(weft_test *test);
bool creates_a_user(weft_test *test)
{
    User__V1__CreateUserRequest in = USER__V1__CREATE_USER_REQUEST__INIT;
    User__V1__CreateUserResponse *out;
    User__V1__UserCreated *event;
    if (weft_test_call(test, user_v1_user_service_create_user, &out, &in) != WEFT_OK) return false;
    if (weft_test_int(test, "SELECT count(*) FROM users WHERE id = $1", out->user->id) != 1) return false;
    return weft_test_emitted(test, 0, user_v1_user_created, &event) &&
           weft_test_deliver(test, user_v1_user_created, nullptr, event) == WEFT_OK;
}

WEFT_SERVICE("user-service", "1.0.0", setup);
