/* crashing.c - a cache that knows nothing, and after a number of runs writes to no memory: in the call that the host
 * made, or in a thread of its own. */
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <weft/plugin.h>

enum place { IN_CALL, IN_THREAD }; /* the order of the choices */

struct crashing_options {
    int64_t after, place;
};

struct crashing {
    const struct crashing_options *options;
    int64_t n_runs; /* atomic */
    pthread_t thread;
    sem_t over; /* the thread's end: by a crash, or by close */
    int closing;
};

static void write_nowhere(void)
{
    volatile int *volatile nowhere = (volatile int *)64; /* NOLINT */
    *nowhere = 1;
}

static void *crashing_thread(void *arg)
{
    struct crashing *crashing = arg;
    while (sem_wait(&crashing->over) != 0 && errno == EINTR)
        ;
    if (!__atomic_load_n(&crashing->closing, __ATOMIC_ACQUIRE)) write_nowhere();
    return NULL;
}

static int32_t crashing_open(const struct weft_open *open, void **ret_self, struct weft_error *ret_error)
{
    struct crashing *crashing = calloc(1, sizeof *crashing);
    ret_error->rc = WEFT_RC_UNAVAILABLE;
    if (crashing == NULL) return WEFT_RC_UNAVAILABLE;
    crashing->options = open->options;
    sem_init(&crashing->over, 0, 0);
    if (pthread_create(&crashing->thread, NULL, crashing_thread, crashing) != 0) return WEFT_RC_UNAVAILABLE;
    *ret_self = crashing;
    return WEFT_RC_OK;
}

static void crashing_close(void *self, uint64_t deadline_ns)
{
    struct crashing *crashing = self;
    (void)deadline_ns;
    __atomic_store_n(&crashing->closing, 1, __ATOMIC_RELEASE);
    sem_post(&crashing->over);
    pthread_join(crashing->thread, NULL);
    sem_destroy(&crashing->over);
    free(crashing);
}

static int32_t crashing_session_open(void *self, void **ret_session, struct weft_error *ret_error)
{
    (void)ret_error;
    *ret_session = self; /* it keeps nothing of a session */
    return WEFT_RC_OK;
}

static void crashing_session_close(void *session)
{
    (void)session;
}

static int32_t crashing_run(void *session, const struct weft_cache_op *ops, size_t n,
                            struct weft_cache_result *ret_results, uint64_t deadline_ns, struct weft_error *ret_error)
{
    struct crashing *crashing = session;
    (void)deadline_ns;
    (void)ret_error;
    for (size_t i = 0; i < n; i++) {
        bool reads = ops[i].verb == WEFT_CACHE_GET || ops[i].verb == WEFT_CACHE_GET_OR_LEASE;
        ret_results[i] = (struct weft_cache_result){ .rc = reads ? WEFT_RC_NOT_FOUND : WEFT_RC_OK };
    }
    if (__atomic_add_fetch(&crashing->n_runs, 1, __ATOMIC_RELAXED) < crashing->options->after) return WEFT_RC_OK;
    if (crashing->options->place == IN_CALL)
        write_nowhere();
    else
        sem_post(&crashing->over);
    return WEFT_RC_OK;
}

#define OPTION(field) .name = #field, .offset = offsetof(struct crashing_options, field)

static const char *const places[] = { "call", "thread", NULL };

static const struct weft_option crashing_option_table[] = {
    { OPTION(after), .help = "runs before the crash", .initial = "100", .type = WEFT_OPTION_INT, .min = 1,
      .max = 1000000 },
    { OPTION(place), .help = "where it crashes", .initial = "call", .type = WEFT_OPTION_CHOICE, .choices = places },
};

static const struct weft_cache_ops crashing_ops = {
    .size = sizeof crashing_ops,
    .caps = WEFT_CACHE_SHARED,
    .session_open = crashing_session_open,
    .session_close = crashing_session_close,
    .run = crashing_run,
};

static const char *const crashing_schemes[] = { "crashing", NULL };

WEFT_PLUGIN_NOTE("cache", "crashing", "crashing");

WEFT_EXPORT const struct weft_plugin weft_plugin = {
    WEFT_PLUGIN_HEADER,
    .kind = WEFT_KIND_CACHE,
    .name = "crashing",
    .version = "6.6.6",
    .schemes = crashing_schemes,
    .options = crashing_option_table,
    .n_options = sizeof crashing_option_table / sizeof *crashing_option_table,
    .options_size = sizeof(struct crashing_options),
    .open = crashing_open,
    .close = crashing_close,
    .cache = &crashing_ops,
};
