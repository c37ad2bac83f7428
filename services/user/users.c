/* One user: created, read, changed, deleted. Each change and its event are one transaction. */
#include "user_service.h"

enum { PROFILE_TTL_S = 3600 };

static const char *profile_key(weft_call *call, const char *id)
{
    return weft_format(call, "user:profile:%s", id);
}

static weft_status no_such_user(weft_call *call, const char *id)
{
    return weft_fail(call, WEFT_NOT_FOUND, "no user has the id '%.40s'", id);
}

User__V1__User *user_from_row(weft_work *work, const weft_rows *rows)
{
    User__V1__User *user = user_v1_user_new(work);
    user->id = weft_get_text(rows, 0);
    user->email = weft_get_text(rows, 1);
    user->name = weft_get_text(rows, 2);
    user->created_at_ms = weft_get_time_ms(rows, 3);
    return user;
}

/* Nothing is read, so the row, the event and the commit go to the store in one round trip. */
weft_status user_create(weft_call *call, const User__V1__CreateUserRequest *in, User__V1__CreateUserResponse *out,
                        void *arg)
{
    (void)arg;
    const bool email_is_valid = user_email_is_valid(call, in->email);
    if (!user_name_is_valid(call, in->name) || !email_is_valid) return WEFT_INVALID_ARGUMENT;

    User__V1__User *user = user_v1_user_new(call);
    user->id = weft_uuid(call);
    user->email = in->email;
    user->name = in->name;
    user->created_at_ms = weft_now_ms(call);

    weft_tx *tx = weft_call_tx(call);
    weft_exec(tx, "INSERT INTO users (id, email, name, created_at) VALUES ($1, $2, $3, $4)", user->id, user->email,
              user->name, weft_time_ms(user->created_at_ms));
    weft_on_violation(tx, "users_email_key", WEFT_ALREADY_EXISTS, "email");
    user_v1_user_created_emit(
        tx, &(User__V1__UserCreated){ .user_id = user->id, .email = user->email, .name = user->name });
    out->user = user;
    return WEFT_OK;
}

weft_status user_get(weft_call *call, const User__V1__GetUserRequest *in, User__V1__GetUserResponse *out, void *arg)
{
    (void)arg;
    const char *id = weft_uuid_of(call, in->id);
    if (id == NULL) return no_such_user(call, in->id);

    out->user = user_v1_user_new(call);
    if (weft_cached(call, profile_key(call, id), &out->user->base)) return WEFT_OK;

    weft_rows *rows;
    const weft_status status =
        weft_query(call, &rows, "SELECT id, email, name, created_at FROM users WHERE id = $1", id);
    if (status != WEFT_OK) return status;
    if (!weft_next(rows)) return no_such_user(call, id);
    out->user = user_from_row(call, rows);
    weft_cache_fill(call, profile_key(call, id), &out->user->base, PROFILE_TTL_S);
    return WEFT_OK;
}

weft_status user_update(weft_call *call, const User__V1__UpdateUserRequest *in, User__V1__UpdateUserResponse *out,
                        void *arg)
{
    (void)arg;
    const char *id = weft_uuid_of(call, in->id);
    if (id == NULL) return no_such_user(call, in->id);
    const bool email_is_valid = in->email == NULL || user_email_is_valid(call, in->email); /* NULL: not given */
    const bool name_is_valid = in->name == NULL || user_name_is_valid(call, in->name);
    if (!email_is_valid || !name_is_valid) return WEFT_INVALID_ARGUMENT;

    weft_tx *tx = weft_call_tx(call);
    weft_rows *rows;
    weft_on_violation(tx, "users_email_key", WEFT_ALREADY_EXISTS, "email");
    const weft_status status = weft_fetch(tx, &rows,
                                          "UPDATE users SET email = COALESCE($2, email), name = COALESCE($3, name)"
                                          " WHERE id = $1 RETURNING id, email, name, created_at",
                                          id, in->email, in->name);
    if (status != WEFT_OK) return status;
    if (!weft_next(rows)) return no_such_user(call, id);

    const User__V1__User *user = out->user = user_from_row(call, rows);
    weft_cache_drop(tx, profile_key(call, id));
    user_v1_user_updated_emit(
        tx, &(User__V1__UserUpdated){ .user_id = user->id, .email = user->email, .name = user->name });
    return WEFT_OK;
}

/* An expectation that does not hold fails the transaction: no event, nothing dropped. */
weft_status user_delete(weft_call *call, const User__V1__DeleteUserRequest *in, User__V1__DeleteUserResponse *out,
                        void *arg)
{
    (void)out, (void)arg;
    char *id = weft_uuid_of(call, in->id);
    if (id == NULL) return no_such_user(call, in->id);

    weft_tx *tx = weft_call_tx(call);
    weft_exec_expect(tx, 1, WEFT_NOT_FOUND, "DELETE FROM users WHERE id = $1", id);
    weft_cache_drop(tx, profile_key(call, id));
    user_v1_user_deleted_emit(tx, &(User__V1__UserDeleted){ .user_id = id });
    return WEFT_OK;
}
