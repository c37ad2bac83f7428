/* command/admin/tail.c - `weft tail [PATTERN]`: events as running hosts publish them. A thread a host asks, waits, and
 * prints; a host that goes away is waited for. */
#include "command/admin/client.h"
#include "command/command.h"

#include "base/clock.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { POSITION_SIZE = 64 };
#define TAIL_ASK_TIME (30 * WEFT_SECOND) /* longer than a host lets us wait */
#define TAIL_AGAIN    (500 * WEFT_MS)    /* before an absent host is asked again */

struct arguments {
    int64_t count;
    uint64_t spell_ns;
};

/* Shared by the threads of all hosts. */
struct tail {
    const struct weft_command_line *line;
    const char *pattern; /* or NULL */
    uint64_t until_ns;
    uint64_t left; /* events still to print; guarded by the mutex, as are printing and `ended` */
    bool ended;
    weft_status failed; /* of a host that was never there */
    pthread_mutex_t mutex;
    pthread_cond_t changed;
};

struct source {
    struct tail *tail;
    struct weft_admin_host host;
    char position[POSITION_SIZE]; /* of the host's last answer; "" before */
    bool away;
    pthread_t thread;
};

/* ---- printing ---------------------------------------------------------------------------------------------------- */

static void tail_end(struct tail *tail)
{
    tail->ended = true;
    pthread_cond_broadcast(&tail->changed);
}

/* The last line says where to go on: {"next":"<position>","missed":<n>}. */
static void position_take(struct source *source, const char *text)
{
    char position[POSITION_SIZE];
    uint64_t missed = 0;
    if (sscanf(text, "{\"next\":\"%63[^\"]\",\"missed\":%" SCNu64, position, &missed) != 2) return;
    memcpy(source->position, position, sizeof position);
    if (missed > 0)
        fprintf(stderr, "weft tail: %s: %" PRIu64 " events were published faster than they could be shown\n",
                source->host.address, missed);
}

static void answer_print(struct source *source, const struct weft_buffer *body)
{
    struct tail *tail = source->tail;
    pthread_mutex_lock(&tail->mutex);
    for (const char *text = body->data; text != NULL && *text != '\0' && !tail->ended;) {
        size_t length = strcspn(text, "\n");
        if (strncmp(text, "{\"next\":", 8) == 0) {
            position_take(source, text);
        } else {
            printf("%.*s\n", (int)length, text);
            if (--tail->left == 0) tail_end(tail);
        }
        text += length + (text[length] == '\n');
    }
    if (fflush(stdout) != 0) tail_end(tail); /* who read us has gone */
    pthread_mutex_unlock(&tail->mutex);
}

/* ---- asking ------------------------------------------------------------------------------------------------------ */

/* An answer that will not get better ends the command; an absent host is waited for, once it had been there. */
static void failure_take(struct source *source, const struct weft_fault *fault)
{
    struct tail *tail = source->tail;
    bool absent = fault->status == WEFT_UNAVAILABLE || fault->status == WEFT_DEADLINE_EXCEEDED;
    pthread_mutex_lock(&tail->mutex);
    if (!tail->ended && !source->away) fprintf(stderr, "weft tail: %s\n", fault->text);
    if (!tail->ended && (!absent || source->position[0] == '\0')) {
        tail->failed = fault->status;
        tail_end(tail);
    }
    source->away = true;
    struct timespec time = weft_clock_timespec(weft_clock_ns() + TAIL_AGAIN);
    while (!tail->ended && pthread_cond_clockwait(&tail->changed, &tail->mutex, CLOCK_MONOTONIC, &time) == 0) {
    }
    pthread_mutex_unlock(&tail->mutex);
}

static void source_ask(struct source *source)
{
    struct weft_buffer target __attribute__((cleanup(weft_buffer_free))) = WEFT_BUFFER_EMPTY;
    struct weft_buffer body __attribute__((cleanup(weft_buffer_free))) = WEFT_BUFFER_EMPTY;
    struct weft_fault fault = { 0 };
    weft_buffer_text(&target, "/events");
    if (source->position[0] != '\0') weft_admin_query(&target, "after", source->position);
    weft_admin_query(&target, "pattern", source->tail->pattern);
    weft_status status =
        weft_admin_ask(&source->host, "GET", target.data, NULL, weft_clock_ns() + TAIL_ASK_TIME, &body, &fault);
    if (status != WEFT_OK) {
        failure_take(source, &fault);
        return;
    }
    if (source->away) fprintf(stderr, "weft tail: %s is back\n", source->host.address);
    source->away = false;
    answer_print(source, &body);
}

static void *source_run(void *arg)
{
    struct source *source = arg;
    struct tail *tail = source->tail;
    for (;;) {
        pthread_mutex_lock(&tail->mutex);
        bool ended = tail->ended;
        pthread_mutex_unlock(&tail->mutex);
        if (ended) return NULL;
        source_ask(source);
    }
}

/* The threads are not joined: one may wait for its host for long, and the process ends now. */
static int tail_await(struct tail *tail)
{
    struct timespec time = weft_clock_timespec(tail->until_ns);
    pthread_mutex_lock(&tail->mutex);
    while (!tail->ended)
        if (pthread_cond_clockwait(&tail->changed, &tail->mutex, CLOCK_MONOTONIC, &time) != 0) break;
    tail->ended = true;
    fflush(stdout);
    int result = (int)weft_exit_of(tail->failed);
    pthread_mutex_unlock(&tail->mutex);
    _Exit(result);
}

static int tail(struct weft_command_line *line)
{
    const struct arguments *arguments = line->arguments;
    struct weft_admin_host hosts[WEFT_WORDS_MAX];
    struct weft_config *config = NULL;
    struct weft_fault fault = { 0 };
    size_t n = 0;
    weft_status status = weft_command_settings(line, &config, &fault);
    if (status == WEFT_OK) status = weft_admin_hosts(line, config, hosts, &n, &fault);
    if (status != WEFT_OK) return weft_command_fail(line, &fault);
    struct tail tail = { .line = line,
                         .pattern = line->n_words > 0 ? line->words[0] : NULL,
                         .until_ns = arguments->spell_ns > 0 ? weft_clock_ns() + arguments->spell_ns : WEFT_NEVER,
                         .left = arguments->count > 0 ? (uint64_t)arguments->count : UINT64_MAX };
    pthread_mutex_init(&tail.mutex, NULL);
    pthread_cond_init(&tail.changed, NULL);
    struct source *sources = weft_arena_alloc(line->arena, n * sizeof *sources);
    for (size_t i = 0; i < n; i++) {
        sources[i] = (struct source){ .tail = &tail, .host = hosts[i] };
        if (pthread_create(&sources[i].thread, NULL, source_run, &sources[i]) != 0) {
            weft_fault_set(&fault, WEFT_RESOURCE_EXHAUSTED, "no thread for %s", hosts[i].address);
            return weft_command_fail(line, &fault);
        }
    }
    return tail_await(&tail);
}

static const struct weft_command_option options[] = {
    WEFT_COMMAND_NUMBER('n', "count", "N", count, NULL, 1, INT64_MAX, "end after so many events"),
    WEFT_COMMAND_TIME(0, "for", spell_ns, NULL, WEFT_MS, 24 * 3600 * WEFT_SECOND, "end after so long"),
};

const struct weft_command weft_command_tail = {
    .name = "tail",
    .summary = "events as running hosts publish them, as JSON lines",
    .about =
        "Prints events as the relays of running hosts publish them, from now on, one JSON object a line; sensitive "
        "fields are masked. PATTERN is an event type with * for anything ('user.v1.*'), or a topic. Nothing is "
        "bound at the broker: each host keeps its last events while somebody looks. A host that goes away is "
        "waited for; ends at SIGINT.",
    .words = "[PATTERN]",
    .max_words = 1,
    .shares = WEFT_SHARES_SETTINGS | WEFT_SHARES_ADMIN,
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .arguments_size = sizeof(struct arguments),
    .exits = { [WEFT_EXIT_OK] = "after --count or --for",
               [WEFT_EXIT_UNREACHABLE] = "no host answers",
               [WEFT_EXIT_DENIED] = "the host wants another admin.token" },
    .example = "weft tail 'user.v1.*' --admin 127.0.0.1:8080 --admin 127.0.0.1:8081\n",
    .run = tail,
};
