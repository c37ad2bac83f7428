/* user-service: registered users, and how many orders each has. */
#ifndef USER_SERVICE_H
#define USER_SERVICE_H

#include "order/v1/events.weft.h"
#include "user/v1/events.weft.h"
#include "user/v1/session.weft.h"
#include "user/v1/user.weft.h"

/* users.c: one user */
weft_status user_create(weft_call *call, const User__V1__CreateUserRequest *in, User__V1__CreateUserResponse *out,
                        void *arg);
weft_status user_get(weft_call *call, const User__V1__GetUserRequest *in, User__V1__GetUserResponse *out, void *arg);
weft_status user_update(weft_call *call, const User__V1__UpdateUserRequest *in, User__V1__UpdateUserResponse *out,
                        void *arg);
weft_status user_delete(weft_call *call, const User__V1__DeleteUserRequest *in, User__V1__DeleteUserResponse *out,
                        void *arg);

/* A row of "id, email, name, created_at". */
User__V1__User *user_from_row(weft_work *work, const weft_rows *rows);

/* user_pages.c: all users */
weft_status user_list(weft_call *call, const User__V1__ListUsersRequest *in, User__V1__ListUsersResponse *out,
                      void *arg);

/* sessions.c: who is logged in */
weft_status session_create(weft_call *call, const User__V1__CreateSessionRequest *in,
                           User__V1__CreateSessionResponse *out, void *arg);
weft_status session_get(weft_call *call, const User__V1__GetSessionRequest *in, User__V1__GetSessionResponse *out,
                        void *arg);
weft_status session_delete(weft_call *call, const User__V1__DeleteSessionRequest *in,
                           User__V1__DeleteSessionResponse *out, void *arg);

/* user_rules.c: what a request may hold. They name the field in the call's error if it may not. */
bool user_email_is_valid(weft_call *call, const char *email);
bool user_name_is_valid(weft_call *call, const char *name);

/* order_counts.c: what order-service tells us */
weft_status count_order_placed(weft_event *event, const Order__V1__OrderPlaced *in, void *arg);
weft_status count_order_cancelled(weft_event *event, const Order__V1__OrderCancelled *in, void *arg);

#endif
