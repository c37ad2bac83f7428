/* failures.c - the server goes, hangs, comes back. All through a proxy before it. */
#include "tests.h"

#include <string.h>

/* A proxy before the server of the kit's URL; skips the test when the URL has no host. */
struct line { /* a cache behind a proxy, with a session that has been used */
    struct box box;
    struct kit_proxy *proxy;
    void *session;
    struct key key;
};

static void line_open(struct line *line, const struct kit *kit)
{
    line->proxy = kit_setup_proxy(kit, 6379);
    box_open(&line->box, kit, &(struct kit_setup){ .proxy = line->proxy });
    line->session = box_session(&line->box);
    line->key = key_of(&line->box, "k");
    box_expect(&line->box, line->session, op_set(line->key, "there", 30000), WEFT_RC_OK, "set before the failure");
}

static void line_close(struct line *line)
{
    line->box.ops->session_close(line->session);
    box_close(&line->box);
    kit_proxy_free(line->proxy);
}

/* Runs until it works again; fails the test if that takes too long. */
static void line_expect_heals(struct line *line, double seconds)
{
    uint64_t deadline = kit_deadline(seconds);
    struct weft_cache_result result;
    while (box_try(&line->box, line->session, op_get(line->key), 0.5, &result, NULL) != WEFT_RC_OK) {
        KIT_CHECK(kit_now_ns() < deadline, "it does not heal within %.0f s", seconds);
        box_wait_ms(20);
    }
    KIT_CHECK(result.rc == WEFT_RC_OK && result.value_size == 5, "healed, but the value is gone: rc %d", result.rc);
}

static void a_server_that_is_away_is_an_error_at_once_not_a_hang(const struct kit *kit)
{
    struct line line;
    double seconds;
    struct weft_cache_result result;
    line_open(&line, kit);
    kit_proxy_set_mode(line.proxy, KIT_PROXY_REFUSE);
    for (int i = 0; i < 5; i++) {
        int32_t rc = box_try(&line.box, line.session, op_get(line.key), 2, &result, &seconds);
        KIT_CHECK(rc == WEFT_RC_UNAVAILABLE, "rc %d", rc);
        KIT_CHECK(seconds < 1, "it took %.3f s", seconds);
    }
    kit_proxy_set_mode(line.proxy, KIT_PROXY_PASS);
    line_expect_heals(&line, 5);
    line_close(&line);
}

static void a_port_nobody_listens_on_is_unavailable(const struct kit *kit)
{
    struct box box;
    struct weft_cache_result result;
    double seconds;
    struct kit_proxy *proxy = kit_setup_proxy(kit, 6379);
    box_open(&box, kit, &(struct kit_setup){ .proxy = proxy });
    kit_proxy_free(proxy); /* its port is free now */
    void *session = box_session(&box);
    int32_t rc = box_try(&box, session, op_get(key_of(&box, "k")), 2, &result, &seconds);
    KIT_CHECK(rc == WEFT_RC_UNAVAILABLE && seconds < 1, "rc %d after %.3f s", rc, seconds);
    box.ops->session_close(session);
    box_close(&box);
}

static void a_server_that_hangs_costs_the_deadline_within_a_tenth(const struct kit *kit)
{
    static const double deadlines[] = { 0.2, 0.5, 1.0 };
    struct line line;
    double seconds;
    struct weft_cache_result result;
    line_open(&line, kit);
    kit_proxy_set_mode(line.proxy, KIT_PROXY_BLACK_HOLE);
    for (unsigned i = 0; i < 3; i++) {
        box_wait_ms(300); /* longer than a back-off after the last failure */
        int32_t rc = box_try(&line.box, line.session, op_get(line.key), deadlines[i], &result, &seconds);
        KIT_CHECK(rc == WEFT_RC_TIMEOUT, "rc %d after %.3f s", rc, seconds);
        KIT_CHECK(seconds > deadlines[i] * 0.9 && seconds < deadlines[i] * 1.1 + 0.02, "%.1f s took %.3f s",
                  deadlines[i], seconds);
    }
    kit_proxy_set_mode(line.proxy, KIT_PROXY_PASS);
    line_expect_heals(&line, 5);
    line_close(&line);
}

static void a_deadline_that_has_passed_does_nothing(const struct kit *kit)
{
    struct line line;
    struct weft_cache_result result;
    line_open(&line, kit);
    int32_t rc = box_try(&line.box, line.session, op_set(line.key, "much later", 30000), 0, &result, NULL);
    KIT_CHECK(rc == WEFT_RC_TIMEOUT, "rc %d", rc);
    line_expect_heals(&line, 5);
    line_close(&line);
}

static void a_late_answer_never_meets_a_later_call(const struct kit *kit)
{
    struct line line;
    struct weft_cache_result result;
    line_open(&line, kit);
    struct key other = key_of(&line.box, "other");
    box_do(&line.box, line.session, op_set(other, "of the other key", 30000));
    for (int i = 0; i < 3; i++) {
        kit_proxy_set_mode(line.proxy, KIT_PROXY_BLACK_HOLE);
        int32_t rc = box_try(&line.box, line.session, op_get(line.key), 0.1, &result, NULL);
        KIT_CHECK(rc == WEFT_RC_TIMEOUT || rc == WEFT_RC_UNAVAILABLE, "rc %d in a black hole", rc);
        kit_proxy_set_mode(line.proxy, KIT_PROXY_PASS); /* the question goes on now, and is answered */
        uint64_t deadline = kit_deadline(5);
        while ((rc = box_try(&line.box, line.session, op_get(other), 0.5, &result, NULL)) != WEFT_RC_OK)
            KIT_CHECK(kit_now_ns() < deadline, "it does not heal");
        KIT_CHECK(result.rc == WEFT_RC_OK && result.value_size == 16, "the answer is of another call: '%.*s'",
                  (int)result.value_size, (const char *)result.value);
    }
    line_close(&line);
}

static void cut_connections_heal_by_themselves(const struct kit *kit)
{
    struct line line;
    line_open(&line, kit);
    for (int i = 0; i < 10; i++) {
        kit_proxy_cut(line.proxy);
        line_expect_heals(&line, 5);
    }
    line_close(&line);
}

static void a_wrong_password_is_refused_and_never_shown(const struct kit *kit)
{
    struct box box;
    struct weft_cache_result result = { 0 };
    struct weft_error error = { 0 };
    struct kit_url url;
    KIT_CHECK(kit_url_parse(kit->url, &url), "the URL cannot be read");
    if (url.parts.host == NULL || *url.parts.host == '\0') kit_skip("the URL has no server");
    box_open(&box, kit, &(struct kit_setup){ .user = "nobody", .password = "s3cret-pass" });
    void *session = box_session(&box);
    struct weft_cache_op op = op_get(key_of(&box, "k"));
    for (int i = 0; i < 3; i++) {
        int32_t rc = box.ops->run(session, &op, 1, &result, kit_deadline(2), &error);
        KIT_CHECK(rc == WEFT_RC_REFUSED, "rc %d %s", rc, error.text);
        KIT_CHECK(*error.text != '\0' && strstr(error.text, "s3cret-pass") == NULL, "the text is '%s'", error.text);
    }
    KIT_CHECK(!kit_host_logged(&box.host, "s3cret-pass"), "the password is in the log");
    box.ops->session_close(session);
    box_close(&box);
}

static void close_is_quick_while_the_server_hangs(const struct kit *kit)
{
    struct line line;
    struct weft_cache_result result;
    line_open(&line, kit);
    kit_proxy_set_mode(line.proxy, KIT_PROXY_BLACK_HOLE);
    box_try(&line.box, line.session, op_get(line.key), 0.1, &result, NULL);
    uint64_t start = kit_now_ns();
    line_close(&line);
    KIT_CHECK(kit_now_ns() - start < 5000000000u, "close took longer than 5 s");
}

const struct kit_test failures_tests[] = {
    { "a_server_that_is_away_is_an_error_at_once_not_a_hang", a_server_that_is_away_is_an_error_at_once_not_a_hang,
      KIT_FAILURE, 0, 0 },
    { "a_port_nobody_listens_on_is_unavailable", a_port_nobody_listens_on_is_unavailable, KIT_FAILURE, 0, 0 },
    { "a_server_that_hangs_costs_the_deadline_within_a_tenth", a_server_that_hangs_costs_the_deadline_within_a_tenth,
      KIT_FAILURE, 0, 0 },
    { "a_deadline_that_has_passed_does_nothing", a_deadline_that_has_passed_does_nothing, KIT_FAILURE, 0, 0 },
    { "a_late_answer_never_meets_a_later_call", a_late_answer_never_meets_a_later_call, KIT_FAILURE, 0, 0 },
    { "cut_connections_heal_by_themselves", cut_connections_heal_by_themselves, KIT_FAILURE, 0, 0 },
    { "a_wrong_password_is_refused_and_never_shown", a_wrong_password_is_refused_and_never_shown, KIT_FAILURE, 0, 0 },
    { "close_is_quick_while_the_server_hangs", close_is_quick_while_the_server_hangs, KIT_FAILURE, 0, 0 },
    TESTS_END,
};
