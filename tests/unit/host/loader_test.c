/* host/plugin/loader.h and host/plugin/note.h: which files are taken, and why others are not. */
#include "host/plugin/loader.h"

#include "host_test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static struct weft_loader *loader;
static struct weft_fault fault;
static char folder[64], file[96];

static void setup(void)
{
    loader = NULL;
    fault = (struct weft_fault){ 0 };
    snprintf(folder, sizeof folder, "/tmp/weft-loader-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(file, sizeof file, "%s/x.so", folder);
}

static void teardown(void)
{
    weft_loader_free(loader);
    unlink(file);
    rmdir(folder);
}

static weft_status find(const char *directory, const char *scheme, const struct weft_plugin **ret_plugin)
{
    ck_assert_msg(weft_loader_new(directory, &loader, &fault) == WEFT_OK, "%s", fault.text);
    return weft_loader_find(loader, WEFT_KIND_CACHE, scheme, ret_plugin, &fault);
}

static void refuses(const char *directory, const char *scheme, weft_status status, const char *part)
{
    const struct weft_plugin *plugin = NULL;
    ck_assert_int_eq(find(directory, scheme, &plugin), status);
    ck_assert_ptr_null(plugin);
    ck_assert_msg(strstr(fault.text, part) != NULL, "'%s' lacks '%s'", fault.text, part);
}

static const char *refusal_of_first(void)
{
    size_t n;
    const struct weft_plugin_file *files = weft_loader_files(loader, &n);
    ck_assert_uint_eq(n, 1);
    return files[0].refusal != NULL ? files[0].refusal : "";
}

/* The good plugin's bytes, up to `size`, with one byte changed if `at` is not negative. */
static void copy_damaged(size_t size, long at)
{
    char *bytes = malloc(1 << 20);
    FILE *from = fopen(FIXTURES "/good/fixture.so", "rb"), *to = fopen(file, "wb");
    size_t all = fread(bytes, 1, 1 << 20, from);
    if (at >= 0 && (size_t)at < all) bytes[at] = (char)~bytes[at];
    fwrite(bytes, 1, size < all ? size : all, to);
    fclose(from);
    fclose(to);
    free(bytes);
}

/* A host's table as small as a plugin of 1.0 needs it, and as 1.1 would append to it. */
struct newer_host {
    struct weft_host base;
    void (*trace)(const struct weft_host *host, const char *text);
};
static char counted[64], traced[64];

static void note_count(const struct weft_host *host, const char *name, uint64_t delta)
{
    (void)host, (void)delta;
    snprintf(counted, sizeof counted, "%s", name);
}

static void note_health(const struct weft_host *host, int32_t health, const char *text)
{
    (void)host, (void)health, (void)text;
}

static void note_trace(const struct weft_host *host, const char *text)
{
    (void)host;
    snprintf(traced, sizeof traced, "%s", text);
}

/* Opens the plugin of the folder on a host of that minor. */
static void open_on(const char *directory, uint16_t minor)
{
    const struct weft_plugin *plugin = NULL;
    const struct newer_host host = { { .size = minor == 0 ? sizeof host.base : sizeof host,
                                       .abi_major = WEFT_ABI_MAJOR,
                                       .abi_minor = minor,
                                       .count = note_count,
                                       .health = note_health },
                                     note_trace };
    const struct weft_open open = { .size = sizeof open, .host = &host.base };
    struct weft_error error;
    void *self = NULL;
    counted[0] = traced[0] = '\0';
    ck_assert_msg(find(directory, "fixture", &plugin) == WEFT_OK, "%s", fault.text);
    ck_assert_int_eq(plugin->open(&open, &self, &error), WEFT_RC_OK);
    plugin->close(self, 0);
}

START_TEST(loader_takes_a_plugin_of_a_newer_minor_which_does_without)
{
    open_on(FIXTURES "/newer", 0);
    ck_assert_str_eq(counted, "opened_on_an_older_host");
    ck_assert_str_eq(traced, "");
}
END_TEST

START_TEST(loader_takes_a_plugin_that_uses_what_a_newer_host_has)
{
    open_on(FIXTURES "/newer", 1);
    ck_assert_str_eq(traced, "opened");
}
END_TEST

START_TEST(loader_takes_a_plugin_of_1_0_on_a_newer_host)
{
    open_on(FIXTURES "/good", 1);
    ck_assert_str_eq(counted, "opened");
}
END_TEST

START_TEST(loader_refuses_a_wrong_magic)
{
    refuses(FIXTURES "/bad_magic", "fixture", WEFT_FAILED_PRECONDITION, "WEFT_PLUGIN_MAGIC");
}
END_TEST

START_TEST(loader_refuses_a_descriptor_that_is_too_small)
{
    refuses(FIXTURES "/small", "fixture", WEFT_FAILED_PRECONDITION, "smaller than that of plugin ABI 1.0");
}
END_TEST

START_TEST(loader_refuses_functions_that_are_too_few)
{
    refuses(FIXTURES "/small_ops", "fixture", WEFT_FAILED_PRECONDITION, "its table of functions is smaller");
}
END_TEST

START_TEST(loader_refuses_a_plugin_without_one_of_its_functions)
{
    refuses(FIXTURES "/no_run", "fixture", WEFT_FAILED_PRECONDITION, "lacks one of them");
}
END_TEST

START_TEST(loader_refuses_a_plugin_with_an_unresolved_symbol)
{
    refuses(FIXTURES "/unresolved", "fixture", WEFT_FAILED_PRECONDITION, "nobody_defines_this");
}
END_TEST

START_TEST(loader_finds_a_plugin_by_kind_and_any_of_its_schemes)
{
    const struct weft_plugin *plugin = NULL, *again = NULL;
    ck_assert_msg(find(FIXTURES "/good", "fixtures", &plugin) == WEFT_OK, "%s", fault.text);
    ck_assert_str_eq(plugin->name, "fixture");
    ck_assert_int_eq(weft_loader_find(loader, WEFT_KIND_CACHE, "fixture", &again, &fault), WEFT_OK);
    ck_assert_ptr_eq(again, plugin);
    ck_assert_int_eq(weft_loader_find(loader, WEFT_KIND_STORE, "fixture", &again, &fault), WEFT_NOT_FOUND);
}
END_TEST

START_TEST(loader_says_which_schemes_there_are)
{
    refuses(FIXTURES "/good", "redis", WEFT_NOT_FOUND, "there are: fixture,fixtures");
}
END_TEST

START_TEST(loader_refuses_another_abi_by_its_note_before_running_it)
{
    refuses(FIXTURES "/old_note", "old", WEFT_FAILED_PRECONDITION,
            "plugin ABI 9.7, this host has 1.0"); /* its constructor would trap */
}
END_TEST

START_TEST(loader_refuses_what_the_note_hides)
{
    refuses(FIXTURES "/old_descriptor", "fixture", WEFT_FAILED_PRECONDITION, "plugin ABI 2.0, this host has 1.0");
    weft_loader_free(loader);
    refuses(FIXTURES "/other_name", "fixture", WEFT_FAILED_PRECONDITION, "differ in kind or name");
    weft_loader_free(loader);
    refuses(FIXTURES "/no_symbol", "fixture", WEFT_FAILED_PRECONDITION, "does not export weft_plugin");
}
END_TEST

START_TEST(loader_refuses_a_file_without_a_note)
{
    refuses(FIXTURES "/no_note", "fixture", WEFT_NOT_FOUND, "refused");
    ck_assert_ptr_nonnull(strstr(refusal_of_first(), "has no .note.weft section"));
}
END_TEST

START_TEST(loader_refuses_files_and_folders_that_others_may_write)
{
    copy_damaged(1 << 20, -1);
    chmod(file, 0666);
    refuses(folder, "fixture", WEFT_NOT_FOUND, "refused");
    ck_assert_ptr_nonnull(strstr(refusal_of_first(), "chmod go-w"));
    weft_loader_free(loader);
    loader = NULL;
    chmod(folder, 0777);
    ck_assert_int_eq(weft_loader_new(folder, &loader, &fault), WEFT_PERMISSION_DENIED);
    ck_assert_int_eq(weft_loader_new("/nowhere/at/all", &loader, &fault), WEFT_NOT_FOUND);
}
END_TEST

START_TEST(note_reader_survives_any_cut_and_any_flipped_byte)
{
    struct weft_note note;
    for (long at = 0; at < 30000; at += 311) {
        for (int flip = 0; flip < 2; flip++) {
            copy_damaged(flip ? 1 << 20 : (size_t)at, flip ? at : -1);
            int fd = open(file, O_RDONLY);
            weft_status status = weft_note_read(fd, &note, &fault);
            ck_assert(status == WEFT_OK || status == WEFT_NOT_FOUND || status == WEFT_INVALID_ARGUMENT);
            close(fd);
        }
    }
    for (long at = 0; at < 64; at++) { /* every byte of the ELF header */
        copy_damaged(1 << 20, at);
        int fd = open(file, O_RDONLY);
        weft_note_read(fd, &note, &fault);
        close(fd);
    }
}
END_TEST

TCase *loader_case(void)
{
    TCase *tcase = tcase_create("loader");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, loader_takes_a_plugin_of_a_newer_minor_which_does_without);
    tcase_add_test(tcase, loader_takes_a_plugin_that_uses_what_a_newer_host_has);
    tcase_add_test(tcase, loader_takes_a_plugin_of_1_0_on_a_newer_host);
    tcase_add_test(tcase, loader_refuses_a_wrong_magic);
    tcase_add_test(tcase, loader_refuses_a_descriptor_that_is_too_small);
    tcase_add_test(tcase, loader_refuses_functions_that_are_too_few);
    tcase_add_test(tcase, loader_refuses_a_plugin_without_one_of_its_functions);
    tcase_add_test(tcase, loader_refuses_a_plugin_with_an_unresolved_symbol);
    tcase_add_test(tcase, loader_finds_a_plugin_by_kind_and_any_of_its_schemes);
    tcase_add_test(tcase, loader_says_which_schemes_there_are);
    tcase_add_test(tcase, loader_refuses_another_abi_by_its_note_before_running_it);
    tcase_add_test(tcase, loader_refuses_what_the_note_hides);
    tcase_add_test(tcase, loader_refuses_a_file_without_a_note);
    tcase_add_test(tcase, loader_refuses_files_and_folders_that_others_may_write);
    tcase_add_test(tcase, note_reader_survives_any_cut_and_any_flipped_byte);
    return tcase;
}
