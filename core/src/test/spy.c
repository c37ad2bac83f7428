/* test/spy.c - a session of the spy is the plugin's own, with the way back to the spy. */
#include "test/spy.h"

#include "base/memory.h"

#include <stdio.h>
#include <stdlib.h>

struct spy_session {
    void *spy;
    void *session;
};

static void *session_wrap(void *spy, void *session)
{
    struct spy_session *wrapped = weft_memory_get(sizeof *wrapped);
    *wrapped = (struct spy_session){ spy, session };
    return wrapped;
}

static int32_t refuse(struct weft_error *ret_error)
{
    snprintf(ret_error->text, sizeof ret_error->text, "the test has taken it away");
    return WEFT_RC_UNAVAILABLE;
}

/* ---- store ------------------------------------------------------------------------------------------------------- */

static int32_t store_open(void *self, uint32_t purpose, uint64_t deadline_ns, void **ret_session,
                          struct weft_error *ret_error)
{
    struct weft_store_spy *spy = self;
    void *session;
    if (spy->away) return refuse(ret_error);
    const int32_t rc = spy->plugin->session_open(spy->self, purpose, deadline_ns, &session, ret_error);
    if (rc == WEFT_RC_OK) *ret_session = session_wrap(spy, session);
    return rc;
}

static void store_close(void *session)
{
    struct spy_session *wrapped = session;
    const struct weft_store_spy *spy = wrapped->spy;
    spy->plugin->session_close(wrapped->session);
    free(wrapped);
}

static int32_t store_run(void *session, const struct weft_statement *statements, size_t n,
                         struct weft_result *ret_result, uint64_t deadline_ns)
{
    const struct spy_session *wrapped = session;
    struct weft_store_spy *spy = wrapped->spy;
    spy->trips++;
    if (spy->away) return WEFT_RC_UNAVAILABLE;
    return spy->plugin->run(wrapped->session, statements, n, ret_result, deadline_ns);
}

static void store_cancel(void *session)
{
    const struct spy_session *wrapped = session;
    const struct weft_store_spy *spy = wrapped->spy;
    spy->plugin->cancel(wrapped->session);
}

void weft_store_spy_init(struct weft_store_spy *spy, const struct weft_store_ops *plugin, void *self)
{
    *spy = (struct weft_store_spy){ .plugin = plugin, .self = self };
    spy->ops = (struct weft_store_ops){ .size = sizeof spy->ops,
                                        .caps = plugin->caps & WEFT_STORE_READERS,
                                        .dialect = plugin->dialect,
                                        .session_open = store_open,
                                        .session_close = store_close,
                                        .run = store_run,
                                        .cancel = store_cancel };
}

/* ---- cache ------------------------------------------------------------------------------------------------------- */

static int32_t cache_open(void *self, void **ret_session, struct weft_error *ret_error)
{
    struct weft_cache_spy *spy = self;
    void *session;
    const int32_t rc = spy->plugin->session_open(spy->self, &session, ret_error);
    if (rc == WEFT_RC_OK) *ret_session = session_wrap(spy, session);
    return rc;
}

static void cache_close(void *session)
{
    struct spy_session *wrapped = session;
    const struct weft_cache_spy *spy = wrapped->spy;
    spy->plugin->session_close(wrapped->session);
    free(wrapped);
}

static int32_t cache_run(void *session, const struct weft_cache_op *ops, size_t n,
                         struct weft_cache_result *ret_results, uint64_t deadline_ns, struct weft_error *ret_error)
{
    const struct spy_session *wrapped = session;
    struct weft_cache_spy *spy = wrapped->spy;
    spy->trips++;
    if (spy->away) return refuse(ret_error);
    return spy->plugin->run(wrapped->session, ops, n, ret_results, deadline_ns, ret_error);
}

void weft_cache_spy_init(struct weft_cache_spy *spy, const struct weft_cache_ops *plugin, void *self)
{
    *spy = (struct weft_cache_spy){ .plugin = plugin, .self = self };
    spy->ops = (struct weft_cache_ops){ .size = sizeof spy->ops,
                                        .caps = plugin->caps,
                                        .session_open = cache_open,
                                        .session_close = cache_close,
                                        .run = cache_run };
}
