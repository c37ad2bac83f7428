/* runner.h - runs the tests of a conformance program: each in a forked child, with names of its own and a time limit,
 * so that a crash or a hang fails that test only.
 *
 *     program --plugin FILE (--url URL | --url-env NAME) [--option NAME=VALUE]... [--only TEXT] [--list]
 * [--expect-failure]
 *
 * Prints a line a test: ok, skip with the reason, FAIL with the reason. Ends with 0 when nothing failed, 1 when
 * something did, 77 when the program cannot run at all (the variable of --url-env is not set).
 */
#ifndef WEFT_KIT_RUNNER_H
#define WEFT_KIT_RUNNER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <weft/plugin.h>

enum { KIT_OPTIONS_MAX = 32 };

/* What a test knows. */
struct kit {
    const char *file; /* the plugin */
    const char *url;
    const char *options[KIT_OPTIONS_MAX]; /* "name=value" */
    size_t n_options;
    const struct weft_plugin *plugin;
    const char *prefix; /* of all names the test makes on a server: no other test or run has it */
    unsigned run;
};

/* How much a plugin has to offer before the test makes sense. */
enum kit_level {
    KIT_BASIC = 1, /* load and basics */
    KIT_SEMANTIC = 2,
    KIT_FAILURE = 3, /* goes through a proxy that fails: needs a URL with a host */
    KIT_STRESS = 4
};

struct kit_test {
    const char *name; /* a sentence: credit_is_never_exceeded */
    void (*run)(const struct kit *kit);
    enum kit_level level;
    uint32_t needs;   /* capabilities: skipped unless all are claimed */
    unsigned seconds; /* time limit; 0: 20 */
};

/* Runs them all, those of the descriptor first. `caps` says which capabilities the plugin claims. */
int kit_main(int argc, char **argv, uint32_t kind, uint32_t (*caps)(const struct weft_plugin *plugin),
             const struct kit_test *const *groups);

/* For use in a test; none returns when it ends the test. */
_Noreturn void kit_fail(const char *file, int line, const char *format, ...) __attribute__((format(printf, 3, 4)));
_Noreturn void kit_skip(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* KIT_CHECK(condition, "what was found", ...): fails the test unless the condition holds. */
#define KIT_CHECK(condition, ...)                                                                                      \
    do {                                                                                                               \
        if (!(condition)) kit_fail(__FILE__, __LINE__, __VA_ARGS__);                                                   \
    } while (0)

/* Time. */
uint64_t kit_now_ns(void);
uint64_t kit_deadline(double seconds); /* from now on */

#endif
