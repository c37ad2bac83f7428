/* broken.c - transport-memory with one fault, chosen by option: the kit must find each. It stands between the host and
 * the sound plugin, which is compiled in under another name, and spoils what passes. */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <weft/plugin.h>

extern const struct weft_plugin sound_plugin; /* transport-memory's weft_plugin */

/* What is wrong; the order of fault_names. */
enum fault {
    FAULT_NONE,
    FAULT_LOSE,      /* every tenth delivery is acknowledged here and never seen */
    FAULT_REORDER,   /* arrays are delivered backwards */
    FAULT_FLIP,      /* a bit of the payload is turned */
    FAULT_HEADERS,   /* headers are dropped */
    FAULT_SILENT,    /* every tenth completion is swallowed */
    FAULT_TWICE,     /* completions come twice */
    FAULT_OPTIMIST,  /* nobody listening is told as OK */
    FAULT_GREEDY,    /* twice the credit */
    FAULT_CLINGING,  /* unsubscribe does nothing */
    FAULT_UNMARKED,  /* redeliveries are not marked */
    FAULT_FORGETFUL, /* what is to be requeued is acknowledged */
    FAULT_UNREADY,   /* ready() is swallowed */
    FAULT_TALKING,   /* writes to stdout */
    FAULT_CRASHING,  /* dies when something is settled */
    FAULT_HANGING,   /* publish does not return */
    FAULT_LEAKING,   /* a descriptor is left by each open */
    FAULT_SPEECHLESS /* an error has no text */
};

static const char *const fault_names[] = { "none",     "lose",      "reorder",    "flip",    "headers",
                                           "silent",   "twice",     "optimist",   "greedy",  "clinging",
                                           "unmarked", "forgetful", "unready",    "talking", "crashing",
                                           "hanging",  "leaking",   "speechless", NULL };

struct broken_options {
    int64_t fault;
};

struct broken {
    struct weft_host table; /* first: what the sound plugin takes for its host */
    const struct weft_host *host;
    void *self; /* the sound instance */
    void *options;
    int64_t fault;
    unsigned n_deliveries, n_completions;
};

static struct broken *broken_of(const struct weft_host *table)
{
    return (struct broken *)(uintptr_t)table;
}

/* ---- from the plugin to the host -------------------------------------------------------------------------------- */

static void broken_log(const struct weft_host *table, int32_t level, const char *text)
{
    const struct broken *broken = broken_of(table);
    broken->host->log(broken->host, level, text);
}

static uint64_t broken_now_ns(const struct weft_host *table)
{
    const struct broken *broken = broken_of(table);
    return broken->host->now_ns(broken->host);
}

static void broken_count(const struct weft_host *table, const char *name, uint64_t delta)
{
    const struct broken *broken = broken_of(table);
    broken->host->count(broken->host, name, delta);
}

static void broken_health(const struct weft_host *table, int32_t health, const char *text)
{
    const struct broken *broken = broken_of(table);
    broken->host->health(broken->host, health, text);
}

static void broken_ready(const struct weft_host *table)
{
    const struct broken *broken = broken_of(table);
    if (broken->fault != FAULT_UNREADY) broken->host->ready(broken->host);
}

static void broken_complete(const struct weft_host *table, const struct weft_completion *completions, size_t n)
{
    struct broken *broken = broken_of(table);
    for (size_t i = 0; i < n; i++) {
        struct weft_completion completion = completions[i];
        if (broken->fault == FAULT_SILENT && ++broken->n_completions % 10 == 0) continue;
        if (broken->fault == FAULT_OPTIMIST && completion.rc == WEFT_RC_UNROUTED) completion.rc = WEFT_RC_OK;
        if (broken->fault == FAULT_SPEECHLESS) completion.text = NULL;
        broken->host->complete(broken->host, &completion, 1);
        if (broken->fault == FAULT_TWICE) broken->host->complete(broken->host, &completion, 1);
    }
}

static void spoil(const struct broken *broken, struct weft_delivery *delivery)
{
    if (broken->fault == FAULT_FLIP && delivery->message.payload_size > 0)
        *(char *)(uintptr_t)delivery->message.payload ^= 1;
    if (broken->fault == FAULT_HEADERS) delivery->message.n_headers = 0;
    if (broken->fault == FAULT_UNMARKED) delivery->flags = 0;
}

static size_t broken_deliver(const struct weft_host *table, void *tag, const struct weft_delivery *const *deliveries,
                             size_t n)
{
    struct broken *broken = broken_of(table);
    const struct weft_delivery *spoilt[64];
    size_t n_spoilt = 0;
    for (size_t i = 0; i < n; i++) {
        size_t from = broken->fault == FAULT_REORDER ? n - 1 - i : i;
        spoil(broken, (struct weft_delivery *)(uintptr_t)deliveries[from]);
        if (broken->fault != FAULT_LOSE || ++broken->n_deliveries % 10 != 0) spoilt[n_spoilt++] = deliveries[from];
    }
    broken->host->deliver(broken->host, tag, spoilt, n_spoilt);
    return n;
}

/* ---- from the host to the plugin -------------------------------------------------------------------------------- */

static int32_t broken_declare(void *self, const struct weft_topology *topology, struct weft_error *ret_error)
{
    struct broken *broken = self;
    int32_t rc = sound_plugin.transport->declare(broken->self, topology, ret_error);
    if (broken->fault == FAULT_SPEECHLESS) ret_error->text[0] = '\0';
    return rc;
}

static size_t broken_publish(void *self, const struct weft_publish *const *operations, size_t n)
{
    struct broken *broken = self;
    if (broken->fault == FAULT_TALKING && write(STDOUT_FILENO, "hello\n", 6) < 0) return 0;
    if (broken->fault == FAULT_HANGING) poll(NULL, 0, -1);
    return sound_plugin.transport->publish(broken->self, operations, n);
}

static int32_t broken_subscribe(void *self, const struct weft_subscription *wanted, void *tag,
                                struct weft_error *ret_error)
{
    struct broken *broken = self;
    struct weft_subscription subscription = *wanted;
    if (broken->fault == FAULT_GREEDY) subscription.credit *= 2;
    return sound_plugin.transport->subscribe(broken->self, &subscription, tag, ret_error);
}

static void broken_settle(void *self, void *tag, const struct weft_settle *settles, size_t n)
{
    struct broken *broken = self;
    if (broken->fault == FAULT_CRASHING && n > 0) raise(SIGSEGV);
    for (size_t i = 0; i < n; i++) {
        struct weft_settle settle = settles[i];
        if (broken->fault == FAULT_FORGETFUL) settle.verdict = WEFT_VERDICT_ACK;
        sound_plugin.transport->settle(broken->self, tag, &settle, 1);
    }
}

static void broken_unsubscribe(void *self, void *tag)
{
    struct broken *broken = self;
    if (broken->fault != FAULT_CLINGING) sound_plugin.transport->unsubscribe(broken->self, tag);
}

/* The sound plugin's defaults, which are all numbers. */
static void *sound_options(void)
{
    char *options = calloc(1, sound_plugin.options_size);
    for (uint32_t i = 0; i < sound_plugin.n_options && options != NULL; i++) {
        const struct weft_option *option = &sound_plugin.options[i];
        int64_t factor = strchr(option->initial, 'M') != NULL ? 1 << 20 : 1;
        int64_t number = strtoll(option->initial, NULL, 10) * factor;
        memcpy(options + option->offset, &number, sizeof number);
    }
    return options;
}

static int32_t broken_open(const struct weft_open *open, void **ret_self, struct weft_error *ret_error)
{
    struct broken *broken = calloc(1, sizeof *broken);
    broken->fault = ((const struct broken_options *)open->options)->fault;
    broken->host = open->host;
    broken->table = *open->host;
    broken->table.log = broken_log;
    broken->table.now_ns = broken_now_ns;
    broken->table.count = broken_count;
    broken->table.health = broken_health;
    broken->table.complete = broken_complete;
    broken->table.deliver = broken_deliver;
    broken->table.ready = broken_ready;
    broken->options = sound_options();
    if (broken->fault == FAULT_LEAKING && openat(AT_FDCWD, "/dev/null", O_RDONLY | O_CLOEXEC) < 0) broken->fault = 0;

    struct weft_open sound = *open;
    sound.host = &broken->table;
    sound.options = broken->options;
    *ret_self = broken;
    return sound_plugin.open(&sound, &broken->self, ret_error);
}

static void broken_close(void *self, uint64_t deadline_ns)
{
    struct broken *broken = self;
    sound_plugin.close(broken->self, deadline_ns);
    free(broken->options);
    free(broken);
}

static const struct weft_option broken_option_table[] = {
    { .name = "fault",
      .help = "what is wrong with this plugin",
      .initial = "none",
      .choices = fault_names,
      .type = WEFT_OPTION_CHOICE,
      .offset = offsetof(struct broken_options, fault) },
};

static const struct weft_transport_ops broken_ops = {
    .size = sizeof broken_ops,
    .caps = WEFT_TRANSPORT_CONFIRMS | WEFT_TRANSPORT_UNROUTED | WEFT_TRANSPORT_SINGLE_ACTIVE |
            WEFT_TRANSPORT_BROADCAST | WEFT_TRANSPORT_REQUEUE,
    .declare = broken_declare,
    .publish = broken_publish,
    .subscribe = broken_subscribe,
    .settle = broken_settle,
    .unsubscribe = broken_unsubscribe,
};

static const char *const broken_schemes[] = { "memory", NULL };

WEFT_EXPORT const struct weft_plugin weft_plugin = {
    WEFT_PLUGIN_HEADER,
    .kind = WEFT_KIND_TRANSPORT,
    .name = "broken",
    .version = "0.1.0",
    .schemes = broken_schemes,
    .options = broken_option_table,
    .n_options = sizeof broken_option_table / sizeof *broken_option_table,
    .options_size = sizeof(struct broken_options),
    .open = broken_open,
    .close = broken_close,
    .transport = &broken_ops,
};
