/* Sessions: kept by the cache, for as long as they are used.
 *
 * An id is 128 random bits and the session's ttl in seconds, "<32 hex digits>-<ttl>", and the cache's key holds all of
 * it. So reading a session and moving its end on is one round trip, which knows the ttl before it has read anything;
 * and an id with another ttl is another key, under which there is nothing. */
#include "user_service.h"

#include <stdlib.h>

enum { SESSION_TTL_S = 3600, SESSION_TTL_MAX_S = 30 * 24 * 3600, SESSION_SECRET = 32 };

static const char *session_key(weft_call *call, const char *id)
{
    return weft_format(call, "user:session:%s", id);
}

/* Never with the id: error texts are logged. */
static weft_status no_such_session(weft_call *call)
{
    return weft_fail(call, WEFT_NOT_FOUND, "there is no such session; it may have expired");
}

/* Of an id of ours; 0 for anything else. */
static uint32_t session_ttl(const char *id)
{
    if (strspn(id, "0123456789abcdef") != SESSION_SECRET || id[SESSION_SECRET] != '-') return 0;
    const char *digits = id + SESSION_SECRET + 1;
    if (strspn(digits, "0123456789") != strlen(digits) || strlen(digits) > 7) return 0;
    const long ttl = strtol(digits, NULL, 10);
    return ttl <= SESSION_TTL_MAX_S ? (uint32_t)ttl : 0;
}

static weft_status user_must_be(weft_call *call, const char *user_id)
{
    weft_rows *rows;
    const char *id = weft_uuid_of(call, user_id);
    if (id == NULL) return weft_fail(call, WEFT_NOT_FOUND, "no user has the id '%.40s'", user_id);
    const weft_status status = weft_query(call, &rows, "SELECT 1 FROM users WHERE id = $1", id);
    if (status != WEFT_OK || weft_next(rows)) return status;
    return weft_fail(call, WEFT_NOT_FOUND, "no user has the id '%.40s'", id);
}

weft_status session_create(weft_call *call, const User__V1__CreateSessionRequest *in,
                           User__V1__CreateSessionResponse *out, void *arg)
{
    (void)arg;
    const int32_t ttl_s = in->ttl_seconds == 0 ? SESSION_TTL_S : in->ttl_seconds;
    if (ttl_s < 0 || ttl_s > SESSION_TTL_MAX_S)
        return weft_fail_field(call, "ttl_seconds", "is %d, want 1 to %d", ttl_s, SESSION_TTL_MAX_S);
    const weft_status status = user_must_be(call, in->user_id);
    if (status != WEFT_OK) return status;

    User__V1__Session *session = out->session = user_v1_session_new(call);
    session->id = weft_format(call, "%s-%d", weft_secret(call), ttl_s);
    session->user_id = weft_uuid_of(call, in->user_id);
    session->created_at_ms = weft_now_ms(call);
    session->expires_at_ms = session->created_at_ms + ttl_s * (int64_t)1000;
    return weft_keep_put(call, session_key(call, session->id), &session->base, (uint32_t)ttl_s);
}

weft_status session_get(weft_call *call, const User__V1__GetSessionRequest *in, User__V1__GetSessionResponse *out,
                        void *arg)
{
    (void)arg;
    const uint32_t ttl_s = session_ttl(in->id);
    if (ttl_s == 0) return no_such_session(call);

    out->session = user_v1_session_new(call);
    const weft_status status = weft_keep_get(call, session_key(call, in->id), &out->session->base, ttl_s);
    if (status != WEFT_OK) return status == WEFT_NOT_FOUND ? no_such_session(call) : status;
    out->session->expires_at_ms = weft_now_ms(call) + ttl_s * (int64_t)1000;
    return WEFT_OK;
}

weft_status session_delete(weft_call *call, const User__V1__DeleteSessionRequest *in,
                           User__V1__DeleteSessionResponse *out, void *arg)
{
    (void)out, (void)arg;
    if (session_ttl(in->id) == 0) return no_such_session(call);
    const weft_status status = weft_keep_drop(call, session_key(call, in->id));
    return status == WEFT_NOT_FOUND ? no_such_session(call) : status;
}
