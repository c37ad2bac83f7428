/* config/url.h */
#include "config/url.h"

#include "config_test.h"

static struct weft_arena *arena;
static struct weft_url_parts parts;
static struct weft_fault fault;

static void setup(void)
{
    arena = weft_arena_new(1024);
    parts = (struct weft_url_parts){ 0 };
    fault = (struct weft_fault){ 0 };
}

static void teardown(void)
{
    weft_arena_free(arena);
}

static const struct weft_url *parsed(const char *text)
{
    ck_assert_msg(weft_url_parse(arena, text, &parts, &fault) == WEFT_OK, "%s: %s", text, fault.text);
    return &parts.url;
}

static const char *refused(const char *text)
{
    ck_assert_int_eq(weft_url_parse(arena, text, &parts, &fault), WEFT_INVALID_ARGUMENT);
    return fault.text;
}

static void masks_to(const char *text, const char *masked)
{
    struct weft_buffer buffer = WEFT_BUFFER_EMPTY;
    weft_url_mask(text, &buffer);
    ck_assert_str_eq(buffer.data, masked);
    weft_buffer_free(&buffer);
}

START_TEST(url_is_taken_apart_and_decoded)
{
    const struct weft_url *url = parsed("AMQPS://us%40er:p%3Aw:d@host.example:5671/%2Fprod?heartbeat=5s&name=a%20b");
    ck_assert_str_eq(url->scheme, "amqps");
    ck_assert_str_eq(url->user, "us@er");
    ck_assert_str_eq(url->password, "p:w:d");
    ck_assert_str_eq(url->host, "host.example");
    ck_assert_uint_eq(url->port, 5671);
    ck_assert_str_eq(url->path, "/prod");
    ck_assert_uint_eq(parts.n_options, 2);
    ck_assert_str_eq(parts.options[1].name, "name");
    ck_assert_str_eq(parts.options[1].value, "a b");
}
END_TEST

START_TEST(url_without_path_and_with_empty_path_are_the_same)
{
    ck_assert_str_eq(parsed("amqp://h")->path, "");
    ck_assert_str_eq(parsed("amqp://h/")->path, "");
    ck_assert_ptr_null(parts.url.user);
    ck_assert_ptr_null(parts.url.password);
    ck_assert_uint_eq(parts.url.port, 0);
}
END_TEST

START_TEST(url_of_embedded_plugins_is_all_path)
{
    ck_assert_str_eq(parsed("memory:")->path, "");
    ck_assert_str_eq(parsed("sqlite:./data/?synchronous=full")->path, "./data/");
    ck_assert_ptr_null(parts.url.host);
    ck_assert_str_eq(parts.options[0].value, "full");
    ck_assert_str_eq(parsed("sqlite:///var/lib/weft/")->path, "/var/lib/weft/");
    ck_assert_str_eq(parts.url.host, "");
}
END_TEST

START_TEST(url_with_a_v6_host)
{
    const struct weft_url *url = parsed("redis://[::1]:6379/0");
    ck_assert_str_eq(url->host, "::1");
    ck_assert_uint_eq(url->port, 6379);
    ck_assert_str_eq(url->path, "0");
}
END_TEST

START_TEST(url_that_is_wrong_is_refused_with_a_reason)
{
    ck_assert_ptr_nonnull(strstr(refused("localhost"), "is none"));
    ck_assert_ptr_nonnull(strstr(refused(""), "is none"));
    ck_assert_ptr_nonnull(strstr(refused("amqp://h:0"), "port"));
    ck_assert_ptr_nonnull(strstr(refused("amqp://h:65536"), "port"));
    ck_assert_ptr_nonnull(strstr(refused("amqp://h:12x"), "port"));
    ck_assert_ptr_nonnull(strstr(refused("amqp://h/%2"), "percent"));
    ck_assert_ptr_nonnull(strstr(refused("amqp://h/%"), "percent"));
    ck_assert_ptr_nonnull(strstr(refused("amqp://h/%00"), "percent"));
    ck_assert_ptr_nonnull(strstr(refused("amqp://h/%ff"), "text"));
    ck_assert_ptr_nonnull(strstr(refused("amqp://[::1"), "]"));
    ck_assert_ptr_nonnull(strstr(refused("amqp://h?x"), "name=value"));
    ck_assert_ptr_nonnull(strstr(refused("amqp://h?x=1&x=2"), "twice"));
}
END_TEST

START_TEST(url_refusal_never_shows_the_password)
{
    ck_assert_ptr_null(strstr(refused("amqp://me:hunter2@h:99999"), "hunter2"));
    ck_assert_ptr_null(strstr(refused("hunter2"), "hunter2"));
}
END_TEST

START_TEST(url_is_masked)
{
    masks_to("amqp://me:hunter2@h/v", "amqp://me:***@h/v");
    masks_to("amqp://me@h/v", "amqp://me@h/v");
    masks_to("redis://:p@ss@h/0?x=1&auth_token=abc", "redis://:***@h/0?x=1&auth_token=***");
    masks_to("memory:", "memory:");
    masks_to("no url at all", "***");
}
END_TEST

TCase *url_case(void)
{
    TCase *tcase = tcase_create("url");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, url_is_taken_apart_and_decoded);
    tcase_add_test(tcase, url_without_path_and_with_empty_path_are_the_same);
    tcase_add_test(tcase, url_of_embedded_plugins_is_all_path);
    tcase_add_test(tcase, url_with_a_v6_host);
    tcase_add_test(tcase, url_that_is_wrong_is_refused_with_a_reason);
    tcase_add_test(tcase, url_refusal_never_shows_the_password);
    tcase_add_test(tcase, url_is_masked);
    return tcase;
}
