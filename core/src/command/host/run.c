/* command/host/run.c - `weft run`: one process with its services, until a signal asks it to stop. */
#include "command/command.h"
#include "command/host/check.h"

#include "base/clock.h"
#include "host/crash.h"
#include "host/process.h"
#include "observe/log.h"
#include "rpc/server/server.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define TOGETHER_NS (300 * WEFT_MS)

struct arguments {
    bool check;
};

/* gRPC's own threads, and what a peer opens, meet no limit before ours (CVE-2023-4785: 1.51 stops accepting for ever
 * once descriptors run out). */
static void limits_raise(void)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) != 0) return;
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
}

static void signals_block(sigset_t *ret_set)
{
    sigemptyset(ret_set);
    sigaddset(ret_set, SIGTERM);
    sigaddset(ret_set, SIGINT);
    pthread_sigmask(SIG_BLOCK, ret_set, NULL);
    signal(SIGPIPE, SIG_IGN);
}

/* Waits for signals: the first drains, a later one ends at once. */
struct watch {
    pthread_t thread;
    sigset_t set;
    struct weft_process *process;
};

/* Cancelled here alone, so that it never ends with a lock of the log. */
static int signal_await(const sigset_t *set)
{
    int number = 0, state;
    pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &state);
    sigwait(set, &number);
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
    return number;
}

static void *watch_run(void *arg)
{
    struct watch *watch = arg;
    int state;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
    int number = signal_await(&watch->set);
    uint64_t first_ns = weft_clock_ns();
    weft_log(WEFT_LOG_INFO, "host", NULL, "SIG%s: a second one ends at once", sigabbrev_np(number));
    weft_process_ask_stop(watch->process);
    /* Shells and `timeout` signal the process and its group: what comes together is one wish. */
    do
        number = signal_await(&watch->set);
    while (weft_clock_ns() < first_ns + TOGETHER_NS);
    weft_log(WEFT_LOG_WARN, "host", NULL, "a second signal: ending at once");
    weft_log_flush();
    _exit(128 + number);
}

static int watch_start(struct watch *watch, const sigset_t *set, struct weft_process *process)
{
    watch->set = *set;
    watch->process = process;
    return pthread_create(&watch->thread, NULL, watch_run, watch);
}

/* From bound to drained. Errors are log lines from here on. */
static int process_run(struct weft_process *process, const sigset_t *set)
{
    struct watch watch;
    struct weft_fault fault = { 0 };
    if (watch_start(&watch, set, process) != 0) {
        weft_log(WEFT_LOG_ERROR, "host", NULL, "no thread for signals");
        weft_process_stop(process);
        return WEFT_EXIT_FAILED;
    }
    weft_status status = weft_process_start(process, &fault);
    if (status == WEFT_OK)
        weft_process_wait(process);
    else if (status != WEFT_CANCELLED)
        weft_log(WEFT_LOG_ERROR, "host", NULL, "cannot start: %s", fault.text);
    weft_process_stop(process);
    pthread_cancel(watch.thread);
    pthread_join(watch.thread, NULL);
    return status == WEFT_OK || status == WEFT_CANCELLED ? WEFT_EXIT_OK : WEFT_EXIT_FAILED;
}

static int services_run(struct weft_command_line *line, struct weft_config *config, const sigset_t *set)
{
    struct weft_process *process;
    struct weft_fault fault = { 0 };
    struct weft_process_options options = { .config = config,
                                            .service_names = line->services.n > 0 ? line->services.list : NULL,
                                            .serve = true };
    weft_log_start(STDOUT_FILENO, (int32_t)weft_config_int(config, "log.level"));
    weft_crash_install(STDOUT_FILENO);
    weft_rpc_init();
    weft_status status = weft_process_new(&options, &process, &fault);
    int result = status == WEFT_OK ? process_run(process, set) : 0;
    weft_log_stop();
    return status == WEFT_OK ? result : weft_command_fail(line, &fault);
}

static int run(struct weft_command_line *line)
{
    struct weft_config *config;
    struct weft_fault fault = { 0 };
    sigset_t set;
    const struct arguments *arguments = line->arguments;
    if (arguments->check) return weft_run_check(line);
    signals_block(&set);
    limits_raise();
    umask(027);
    if (weft_command_settings(line, &config, &fault) != WEFT_OK) return weft_command_fail(line, &fault);
    int result = services_run(line, config, &set);
    weft_config_free(config);
    return result;
}

static const struct weft_command_option options[] = {
    WEFT_COMMAND_FLAG(0, "check", check, "check what a start would need, one line a check; start nothing"),
};

const struct weft_command weft_command_run = {
    .name = "run",
    .summary = "run services in one host",
    .about = "Runs services in one host: gRPC and admin HTTP answer, events are published and consumed. SIGTERM or "
             "SIGINT drains, a second one ends at once.\n"
             "With nothing set everything is embedded: broker and cache in memory, one SQLite file a service. "
             "--check tries settings, plugins, services, ports, reachability and migrations; --json belongs to it.",
    .shares = WEFT_SHARES_SETTINGS | WEFT_SHARES_SERVICES | WEFT_SHARES_JSON,
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .arguments_size = sizeof(struct arguments),
    .exits = { [WEFT_EXIT_OK] = "after a drain; --check: a start would succeed",
               [WEFT_EXIT_FAILED] = "the start was refused; --check: a check failed",
               [WEFT_EXIT_UNREACHABLE] = "a port is taken",
               [WEFT_EXIT_NOT_FOUND] = "a service, plugin or file that is not there",
               [WEFT_EXIT_DENIED] = "others may write to plugins or services" },
    .example = "weft run --service user-service --set grpc.listen=0.0.0.0:50051\n",
    .run = run,
};
