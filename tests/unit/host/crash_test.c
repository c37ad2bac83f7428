/* host/crash.h: in a child that dies. */
#include "base/clock.h"
#include "host/crash.h"

#include "host_test.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* Runs `doing` in a child with the handler installed; its last words and how it ended. */
static int child_dies(void (*doing)(void), char ret_words[1024])
{
    int ends[2];
    ck_assert_int_eq(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        struct rlimit none = { 0, 0 };
        setrlimit(RLIMIT_CORE, &none);
        weft_crash_install(ends[1]);
        weft_crash_add((const void *)child_dies, "plugin", "unlucky \"one\"", "1.2"); /* NOLINT */
        doing();
        _exit(0);
    }
    close(ends[1]);
    ssize_t size = read(ends[0], ret_words, 1023);
    ret_words[size > 0 ? size : 0] = '\0';
    close(ends[0]);
    int status = 0;
    waitpid(child, &status, 0);
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void write_nowhere(void)
{
    volatile int *volatile nowhere = (volatile int *)16; /* NOLINT */
    *nowhere = 1;
}

START_TEST(crash_names_the_module_that_holds_the_fault_and_dies_of_the_signal)
{
    char words[1024];
    ck_assert_int_eq(child_dies(write_nowhere, words), SIGSEGV);
    char now[28]; /* as the log writes it; the same day, but for midnight */
    weft_clock_format(weft_clock_wall_us(), now);
    ck_assert_mem_eq(words, "{\"timestamp\":\"", 14);
    ck_assert_msg(memcmp(words + 14, now, 10) == 0 || memcmp(now + 11, "00:0", 4) == 0, "%s, not %s", words, now);
    ck_assert_mem_eq(words + 14 + 26, "Z\",\"level\":\"error\"", 18);
    ck_assert_ptr_nonnull(strstr(words, "\"message\":\"SIGSEGV in plugin unlucky ?one?\""));
    ck_assert_ptr_nonnull(strstr(words, "\"address\":\"0x10\""));
    ck_assert_ptr_nonnull(strstr(words, "\"version\":\"1.2\""));
    ck_assert_ptr_null(strstr(words, "\"buildId\":\"\""));
    ck_assert_int_eq(words[strlen(words) - 1], '\n');
}
END_TEST

#ifndef __SANITIZE_THREAD__
START_TEST(crash_finds_who_called_abort)
{
    char words[1024];
    ck_assert_int_eq(child_dies(abort, words), SIGABRT);
    ck_assert_ptr_nonnull(strstr(words, "SIGABRT in plugin unlucky"));
}
END_TEST
#endif

TCase *crash_case(void)
{
    TCase *tcase = tcase_create("crash");
    tcase_add_test(tcase, crash_names_the_module_that_holds_the_fault_and_dies_of_the_signal);
#ifndef __SANITIZE_THREAD__ /* whose abort() is called from deep within */
    tcase_add_test(tcase, crash_finds_who_called_abort);
#endif
    return tcase;
}
