/* observe/log_sink.c - a double buffer in front of a file descriptor.
 *
 * One line a request is the busiest writer there is in a host. So a line costs a copy under a mutex; the system calls
 * are shared: the first line of a batch wakes the writer, which then gathers for 20 ms or 32 KiB and writes once.
 * Without lines nothing wakes up. */
#include "observe/log_sink.h"

#include "base/clock.h"
#include "base/memory.h"
#include "base/thread.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SINK_ENOUGH  (32 * 1024)   /* bytes worth a write of their own */
#define SINK_MAX     (1024 * 1024) /* bytes that may wait */
#define SINK_GATHER  (20 * WEFT_MS)
#define SINK_PATIENT (2 * WEFT_SECOND)

enum writer_state {
    WRITER_NONE,      /* not started: lines go to stderr one by one */
    WRITER_IDLE,      /* asleep until the first line */
    WRITER_GATHERING, /* asleep for a moment, for more lines */
    WRITER_BUSY       /* awake, or about to be */
};

static struct {
    pthread_mutex_t mutex;
    pthread_cond_t wanted;  /* the writer waits here */
    pthread_cond_t written; /* those who flush wait here */
    enum writer_state state;
    bool urgent, stopping;
    int fd;
    pthread_t thread;
    char *filling;
    size_t size, capacity;
    uint64_t n_dropped, n_dropped_ever;
    uint64_t n_added, n_written; /* bytes since the start */
    uint64_t alarm_ns;
    void (*ring)(void);
} sink = { .mutex = PTHREAD_MUTEX_INITIALIZER,
           .alarm_ns = WEFT_NEVER,
           .wanted = PTHREAD_COND_INITIALIZER,
           .written = PTHREAD_COND_INITIALIZER };

/* Set by a signal handler of a process that dies, and then by whoever writes last. */
static atomic_int sink_dying, sink_over;

#define SINK_LAST    (100 * WEFT_MS)
#define SINK_LOOK_NS 1000000

/* Writes all, or gives up when the other end is gone. */
static void descriptor_write(int fd, const char *bytes, size_t size)
{
    while (size != 0) {
        ssize_t written = write(fd, bytes, size);
        if (written > 0) {
            bytes += written;
            size -= (size_t)written;
        } else if (errno == EAGAIN) { /* somebody made it non-blocking */
            poll(&(struct pollfd){ .fd = fd, .events = POLLOUT }, 1, 1000);
        } else if (errno != EINTR) {
            return;
        }
    }
}

/* The functions below, up to sink_main, are called with the mutex. */

static void sink_append(const char *bytes, size_t size)
{
    if (sink.size + size > sink.capacity) {
        sink.capacity = sink.capacity != 0 ? sink.capacity : 2 * SINK_ENOUGH;
        while (sink.capacity < sink.size + size)
            sink.capacity *= 2;
        sink.filling = weft_memory_resize(sink.filling, sink.capacity);
    }
    memcpy(sink.filling + sink.size, bytes, size);
    sink.size += size;
    sink.n_added += size;
}

static void sink_tell_drops(void)
{
    char line[192], now[28];
    if (sink.n_dropped == 0) return;
    weft_clock_format(weft_clock_wall_us(), now);
    int size =
        snprintf(line, sizeof line,
                 "{\"timestamp\":\"%s\",\"level\":\"warn\",\"message\":\"%llu lines dropped here: the log's reader "
                 "is too slow\",\"context\":\"log\"}\n",
                 now, (unsigned long long)sink.n_dropped);
    sink.n_dropped = 0;
    sink_append(line, (size_t)size);
}

static bool sink_ready(void)
{
    return sink.size >= SINK_ENOUGH || sink.urgent || sink.stopping;
}

/* Without the mutex meanwhile: what rings may write a line. */
static void alarm_check(void)
{
    if (sink.alarm_ns == WEFT_NEVER || sink.alarm_ns > weft_clock_ns()) return;
    void (*ring)(void) = sink.ring;
    sink.alarm_ns = WEFT_NEVER;
    pthread_mutex_unlock(&sink.mutex);
    ring();
    pthread_mutex_lock(&sink.mutex);
}

static void writer_wait(void)
{
    while (sink.size == 0 && !sink.stopping) {
        struct timespec alarm = weft_clock_timespec(sink.alarm_ns);
        sink.state = WRITER_IDLE;
        pthread_cond_clockwait(&sink.wanted, &sink.mutex, CLOCK_MONOTONIC, &alarm);
        alarm_check();
    }
    struct timespec deadline = weft_clock_timespec(weft_clock_ns() + SINK_GATHER);
    int ended = 0;
    while (!sink_ready() && ended == 0) {
        sink.state = WRITER_GATHERING;
        ended = pthread_cond_clockwait(&sink.wanted, &sink.mutex, CLOCK_MONOTONIC, &deadline);
    }
    sink.state = WRITER_BUSY;
    sink.urgent = false;
}

/* Lets others fill the spare buffer while this one is written. */
static void writer_write(char **spare, size_t *spare_capacity)
{
    char *full = sink.filling;
    size_t size = sink.size, capacity = sink.capacity;
    sink.filling = *spare;
    sink.capacity = *spare_capacity;
    sink.size = 0;
    sink_tell_drops();
    pthread_mutex_unlock(&sink.mutex);
    bool last = atomic_load(&sink_dying) != 0;
    if (!atomic_load(&sink_over)) descriptor_write(sink.fd, full, size);
    if (last) atomic_store(&sink_over, 1);
    pthread_mutex_lock(&sink.mutex);
    sink.n_written += size;
    pthread_cond_broadcast(&sink.written);
    *spare = full;
    *spare_capacity = capacity;
}

static void *sink_main(void *unused)
{
    (void)unused;
    char *spare = NULL;
    size_t spare_capacity = 0;
    pthread_mutex_lock(&sink.mutex);
    while (!sink.stopping || sink.size != 0) {
        writer_wait();
        writer_write(&spare, &spare_capacity);
        alarm_check();
    }
    sink.state = WRITER_NONE;
    pthread_cond_broadcast(&sink.written);
    pthread_mutex_unlock(&sink.mutex);
    free(spare);
    return NULL;
}

void weft_log_sink_start(int fd)
{
    pthread_mutex_lock(&sink.mutex);
    if (sink.state == WRITER_NONE) {
        sink.fd = fd;
        sink.stopping = false;
        sink.n_written = sink.n_added;
        /* SIGPIPE is blocked there: a closed log must not end the host */
        if (weft_thread_start(&sink.thread, sink_main, NULL) == 0) sink.state = WRITER_BUSY;
    }
    pthread_mutex_unlock(&sink.mutex);
}

void weft_log_sink_stop(void)
{
    struct timespec deadline = weft_clock_timespec(weft_clock_ns() + SINK_PATIENT);
    pthread_mutex_lock(&sink.mutex);
    bool started = sink.state != WRITER_NONE;
    int ended = 0;
    sink.stopping = true;
    pthread_cond_signal(&sink.wanted);
    while (sink.state != WRITER_NONE && ended == 0)
        ended = pthread_cond_clockwait(&sink.written, &sink.mutex, CLOCK_MONOTONIC, &deadline);
    bool stuck = sink.state != WRITER_NONE; /* in write(): the process is about to end and must not wait for it */
    pthread_mutex_unlock(&sink.mutex);
    if (!started) return;
    if (stuck)
        pthread_detach(sink.thread);
    else
        pthread_join(sink.thread, NULL);
}

void weft_log_sink_add(const char *lines, size_t size, bool urgent)
{
    pthread_mutex_lock(&sink.mutex);
    if (sink.state == WRITER_NONE) {
        pthread_mutex_unlock(&sink.mutex);
        descriptor_write(STDERR_FILENO, lines, size);
        return;
    }
    if (sink.size + size > SINK_MAX)
        sink.n_dropped++, sink.n_dropped_ever++;
    else
        sink_append(lines, size);
    sink.urgent = sink.urgent || urgent;
    bool wake = sink.state == WRITER_IDLE || (sink.state == WRITER_GATHERING && sink_ready());
    if (wake) sink.state = WRITER_BUSY; /* one signal is enough */
    pthread_mutex_unlock(&sink.mutex);
    if (wake) pthread_cond_signal(&sink.wanted);
}

void weft_log_sink_flush(void)
{
    struct timespec deadline = weft_clock_timespec(weft_clock_ns() + SINK_PATIENT);
    pthread_mutex_lock(&sink.mutex);
    uint64_t goal = sink.n_added;
    int ended = 0;
    sink.urgent = sink.size != 0;
    pthread_cond_signal(&sink.wanted);
    while (sink.n_written < goal && sink.state != WRITER_NONE && ended == 0)
        ended = pthread_cond_clockwait(&sink.written, &sink.mutex, CLOCK_MONOTONIC, &deadline);
    pthread_mutex_unlock(&sink.mutex);
}

void weft_log_sink_end(void)
{
    struct timespec pause = { .tv_nsec = SINK_LOOK_NS };
    uint64_t deadline = weft_clock_ns() + SINK_LAST;
    atomic_store(&sink_dying, 1);
    while (!atomic_load(&sink_over) && weft_clock_ns() < deadline)
        nanosleep(&pause, NULL);
    atomic_store(&sink_over, 1);
}

void weft_log_sink_alarm(uint64_t at_ns, void (*ring)(void))
{
    pthread_mutex_lock(&sink.mutex);
    sink.alarm_ns = at_ns;
    sink.ring = ring;
    pthread_cond_signal(&sink.wanted);
    pthread_mutex_unlock(&sink.mutex);
}

uint64_t weft_log_sink_dropped(void)
{
    pthread_mutex_lock(&sink.mutex);
    uint64_t n = sink.n_dropped_ever;
    pthread_mutex_unlock(&sink.mutex);
    return n;
}
