/* observe/metrics/process.c - what Linux knows of this process (proc(5)), and what the log has counted. */
#include "observe/log.h"
#include "observe/metrics/metrics.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define PROCESS_NS 1000000000ll

/* A number of /proc/self/stat by its place from 1 (proc(5)); after the name, which may hold anything. */
static int64_t stat_number(const char *stat, int place)
{
    const char *at = strrchr(stat, ')');
    long long number = 0;
    for (int i = 2; at != NULL && i < place; i++)
        at = strchr(at + 1, ' ');
    if (at != NULL) sscanf(at, "%lld", &number);
    return number;
}

static void text_read(const char *path, char *ret_text, size_t size)
{
    FILE *file = fopen(path, "re");
    size_t got = file != NULL ? fread(ret_text, 1, size - 1, file) : 0;
    ret_text[got] = '\0';
    if (file != NULL) fclose(file);
}

static int64_t fds_count(void)
{
    int64_t n = -3; /* ".", ".." and the one that this opens */
    DIR *folder = opendir("/proc/self/fd");
    if (folder == NULL) return 0;
    while (readdir(folder) != NULL)
        n++;
    closedir(folder);
    return n;
}

/* The process began `start` clock ticks after the machine did. */
static int64_t start_ns(int64_t start)
{
    char stat[65536];
    long long boot = 0;
    text_read("/proc/stat", stat, sizeof stat);
    const char *line = strstr(stat, "\nbtime ");
    if (line == NULL || sscanf(line, "\nbtime %lld", &boot) != 1) return 0;
    return boot * PROCESS_NS + start * (PROCESS_NS / sysconf(_SC_CLK_TCK));
}

static void log_read(struct weft_metrics *metrics)
{
    struct weft_log_counters counters = weft_log_counters();
    for (int32_t level = 0; level < WEFT_LOG_LEVELS; level++)
        weft_series_set(WEFT_SERIES(metrics, LOG_LINES, weft_log_level_name(level)), (int64_t)counters.lines[level]);
    weft_series_set(WEFT_SERIES(metrics, LOG_DROPPED), (int64_t)counters.dropped);
}

void weft_metrics_read_process(struct weft_metrics *metrics)
{
    char stat[1024];
    struct rlimit files = { 0 };
    struct rusage usage = { 0 };
    text_read("/proc/self/stat", stat, sizeof stat);
    getrusage(RUSAGE_SELF, &usage);
    getrlimit(RLIMIT_NOFILE, &files);
    int64_t cpu_us =
        (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000 + usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
    weft_series_set(WEFT_SERIES(metrics, PROCESS_CPU), cpu_us * 1000);
    weft_series_set(WEFT_SERIES(metrics, PROCESS_THREADS), stat_number(stat, 20));
    struct weft_series *start = WEFT_SERIES(metrics, PROCESS_START);
    if (start->value == 0) weft_series_set(start, start_ns(stat_number(stat, 22)));
    weft_series_set(WEFT_SERIES(metrics, PROCESS_MEMORY), stat_number(stat, 24) * sysconf(_SC_PAGESIZE));
    weft_series_set(WEFT_SERIES(metrics, PROCESS_FDS), fds_count());
    weft_series_set(WEFT_SERIES(metrics, PROCESS_MAX_FDS), (int64_t)files.rlim_cur);
    log_read(metrics);
}
