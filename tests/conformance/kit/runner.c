/* runner.c - children, limits, and the report. */
#include "runner.h"

#include "descriptor.h"

#include "plugin.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { KIT_SKIPPED = 77, KIT_FAILED = 1, KIT_DEFAULT_SECONDS = 20, KIT_TEXT = 1024 };

/* Where a child reports to: stdout and stderr are watched, a plugin must not write there. */
static int report_fd = -1;

struct settings {
    struct kit kit;
    const char *only;
    bool list;
    bool expect_failure;
};

struct tally {
    unsigned ok, skipped, failed;
};

uint64_t kit_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

uint64_t kit_deadline(double seconds)
{
    return kit_now_ns() + (uint64_t)(seconds * 1e9);
}

static void report(const char *format, va_list args)
{
    vdprintf(report_fd, format, args);
}

_Noreturn void kit_fail(const char *file, int line, const char *format, ...)
{
    va_list args;
    const char *base = strrchr(file, '/');
    va_start(args, format);
    report(format, args);
    va_end(args);
    dprintf(report_fd, " (%s:%d)", base != NULL ? base + 1 : file, line);
    _exit(KIT_FAILED);
}

_Noreturn void kit_skip(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    report(format, args);
    va_end(args);
    _exit(KIT_SKIPPED);
}

static _Noreturn void child(const struct kit *kit, const struct kit_test *test, int report_to, int noise_fd)
{
    char prefix[96];
    struct kit mine = *kit;

    report_fd = report_to;
    snprintf(prefix, sizeof prefix, "kit-%ld-%u", (long)getpid(), kit->run);
    mine.prefix = prefix;
    dup2(noise_fd, STDOUT_FILENO);
    dup2(noise_fd, STDERR_FILENO);
    test->run(&mine);
    exit(0); /* not _exit: leak checkers report at exit */
}

/* Reads the report to its end, which the child's end is, but not beyond the deadline. false: the time is over. */
static bool read_report(int fd, uint64_t deadline_ns, char *ret_text, size_t size)
{
    size_t used = 0;
    for (;;) {
        uint64_t now = kit_now_ns();
        int left_ms = now < deadline_ns ? (int)((deadline_ns - now) / 1000000) + 1 : 0;
        struct pollfd waiting = { .fd = fd, .events = POLLIN };
        if (left_ms == 0 || poll(&waiting, 1, left_ms) == 0) return false;
        ssize_t n = read(fd, ret_text + used, size - 1 - used);
        if (n <= 0) return true;
        used += (size_t)n;
        ret_text[used] = '\0';
        if (used == size - 1) used = size / 2; /* keeps the beginning, drops what is too much */
    }
}

/* Appends what was written to stdout and stderr; false: nothing was. */
static bool read_noise(int noise_fd, char *text, size_t size)
{
    size_t used = strlen(text);
    ssize_t n = pread(noise_fd, text + used, size - 1 - used, 0);
    if (n > 0) text[used + (size_t)n] = '\0';
    return n > 0;
}

static const char *outcome_of(int status, bool in_time, char *text, size_t size)
{
    if (!in_time) {
        snprintf(text, size, "took longer than its limit and was ended");
        return "FAIL";
    }
    if (WIFSIGNALED(status)) {
        size_t used = strlen(text);
        snprintf(text + used, size - used, "%s died of signal %d (%s)", used > 0 ? ";" : "", WTERMSIG(status),
                 strsignal(WTERMSIG(status)));
        return "FAIL";
    }
    if (WEXITSTATUS(status) == KIT_SKIPPED) return "skip";
    if (WEXITSTATUS(status) != 0 && *text == '\0') snprintf(text, size, "ended with exit code %d", WEXITSTATUS(status));
    return WEXITSTATUS(status) == 0 ? "ok" : "FAIL";
}

static void run_forked(const struct kit *kit, const struct kit_test *test, struct tally *tally)
{
    int pipes[2];
    int noise_fd = memfd_create("noise", MFD_CLOEXEC);
    char text[KIT_TEXT] = "";
    int status = 0;
    uint64_t start = kit_now_ns();

    fflush(stdout);
    if (noise_fd < 0 || pipe2(pipes, O_CLOEXEC) < 0) {
        perror("pipe");
        exit(KIT_FAILED);
    }
    pid_t pid = fork();
    if (pid == 0) {
        close(pipes[0]);
        child(kit, test, pipes[1], noise_fd);
    }
    close(pipes[1]);
    unsigned seconds = test->seconds != 0 ? test->seconds : KIT_DEFAULT_SECONDS;
    bool in_time = pid > 0 && read_report(pipes[0], kit_deadline(seconds), text, sizeof text);
    if (!in_time && pid > 0) kill(pid, SIGKILL);
    waitpid(pid, &status, 0);
    close(pipes[0]);

    const char *outcome = outcome_of(status, in_time, text, sizeof text);
    if (read_noise(noise_fd, text, sizeof text)) /* a plugin has to be silent */
        outcome = "FAIL";
    close(noise_fd);
    double took = (double)(kit_now_ns() - start) / 1e9;
    printf("%-5s L%d %s%s%s (%.2f s)\n", outcome, test->level, test->name, *text != '\0' ? ": " : "", text, took);
    tally->ok += outcome[0] == 'o';
    tally->skipped += outcome[0] == 's';
    tally->failed += outcome[0] == 'F';
}

static void run_group(const struct settings *settings, struct kit *kit, uint32_t caps, const struct kit_test *test,
                      struct tally *tally)
{
    for (; test->name != NULL; test++) {
        if (settings->only != NULL && strstr(test->name, settings->only) == NULL) continue;
        kit->run++;
        if (settings->list) {
            printf("L%d %s\n", test->level, test->name);
        } else if ((test->needs & caps) != test->needs) {
            printf("skip  L%d %s: the plugin does not claim capability 0x%x\n", test->level, test->name,
                   test->needs & ~caps);
            tally->skipped++;
        } else {
            run_forked(kit, test, tally);
        }
    }
}

static void run_all(const struct settings *settings, uint32_t caps, const struct kit_test *const *groups,
                    struct tally *tally)
{
    struct kit kit = settings->kit;
    run_group(settings, &kit, caps, kit_descriptor_tests, tally);
    for (; *groups != NULL; groups++)
        run_group(settings, &kit, caps, *groups, tally);
}

static void usage(const char *program)
{
    fprintf(stderr,
            "use: %s --plugin FILE (--url URL | --url-env NAME) [--option NAME=VALUE]... [--only TEXT] [--list] "
            "[--expect-failure]\n",
            program);
    exit(2);
}

/* Ends the program with SKIP when the variable is not set. */
static const char *url_from(const char *variable)
{
    const char *url = getenv(variable);
    if (url == NULL || *url == '\0') {
        printf("SKIP: %s is not set, so there is no server to test against\n", variable);
        exit(KIT_SKIPPED);
    }
    return url;
}

static void settings_read(struct settings *settings, int argc, char **argv)
{
    static const struct option table[] = {
        { "plugin", required_argument, NULL, 'p' },   { "url", required_argument, NULL, 'u' },
        { "url-env", required_argument, NULL, 'e' },  { "option", required_argument, NULL, 'o' },
        { "only", required_argument, NULL, 'y' },     { "list", no_argument, NULL, 'l' },
        { "expect-failure", no_argument, NULL, 'x' }, { NULL, 0, NULL, 0 },
    };
    struct kit *kit = &settings->kit;
    int c;
    while ((c = getopt_long(argc, argv, "", table, NULL)) != -1) {
        if (c == 'p')
            kit->file = optarg;
        else if (c == 'u')
            kit->url = optarg;
        else if (c == 'e')
            kit->url = url_from(optarg);
        else if (c == 'o' && kit->n_options < KIT_OPTIONS_MAX)
            kit->options[kit->n_options++] = optarg;
        else if (c == 'y')
            settings->only = optarg;
        else if (c == 'l')
            settings->list = true;
        else if (c == 'x')
            settings->expect_failure = true;
        else
            usage(argv[0]);
    }
    if (kit->file == NULL || kit->url == NULL) usage(argv[0]);
}

int kit_main(int argc, char **argv, uint32_t kind, uint32_t (*caps)(const struct weft_plugin *plugin),
             const struct kit_test *const *groups)
{
    struct settings settings = { 0 };
    struct tally tally = { 0 };
    char error[512];

    settings_read(&settings, argc, argv);
    settings.kit.plugin = kit_plugin_load(settings.kit.file, kind, error, sizeof error);
    if (settings.kit.plugin == NULL) {
        printf("FAIL %s\n", error);
        return settings.expect_failure ? 0 : KIT_FAILED;
    }
    run_all(&settings, caps(settings.kit.plugin), groups, &tally);
    printf("%u passed, %u skipped, %u failed\n", tally.ok, tally.skipped, tally.failed);
    if (settings.expect_failure) return tally.failed > 0 ? 0 : KIT_FAILED;
    return tally.failed > 0 || (tally.ok == 0 && !settings.list) ? KIT_FAILED : 0;
}
