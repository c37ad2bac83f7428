/* plugin.c - transport-amqp: RabbitMQ and its like over AMQP 0-9-1. What the host sees: the descriptor, the options,
 * and calls that check, note and return. instance.h tells how the rest hangs together.
 *
 * At the broker: a topic is a durable topic exchange; a queue is durable, quorum by default, with a dead-letter queue
 * <name>.dead beside it, which may be subscribed too; an ordered queue has a single active consumer; a broadcast queue
 * is named for this instance and expires without it. Bindings are only added: what an earlier version bound stays
 * bound.
 */
#include "instance.h"
#include "topology/declare.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utlist.h>

int32_t rabbit_error(struct weft_error *ret_error, int32_t rc, const char *format, ...)
{
    va_list args;
    ret_error->rc = rc;
    va_start(args, format);
    vsnprintf(ret_error->text, sizeof ret_error->text, format, args);
    va_end(args);
    return rc;
}

/* ---- open and close --------------------------------------------------------------------------------------------- */

static int32_t open_check(const struct weft_open *open, bool tls, struct weft_error *ret_error)
{
    const struct rabbit_options *options = open->options;
    if (open->url->host == NULL)
        return rabbit_error(ret_error, WEFT_RC_INVALID, "the URL names no host, want %s://user:password@host/vhost",
                            open->url->scheme);
    if (tls && options->verify && access(options->cacert, R_OK) != 0)
        return rabbit_error(ret_error, WEFT_RC_INVALID, "cannot read %s (option cacert): %s", options->cacert,
                            strerror(errno));
    if ((options->cert != NULL) != (options->key != NULL))
        return rabbit_error(ret_error, WEFT_RC_INVALID, "the options cert and key go together");
    if (options->heartbeat > 0 && options->heartbeat < 1000000000)
        return rabbit_error(ret_error, WEFT_RC_INVALID, "heartbeat is below 1s");
    return WEFT_RC_OK;
}

/* Signals are the host's, which hears of this thread's faults by those that are left. */
static int thread_start(struct rabbit *rabbit)
{
    static const int faults[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT };
    sigset_t others, before;
    sigfillset(&others);
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
        sigdelset(&others, faults[i]);
    pthread_sigmask(SIG_SETMASK, &others, &before);
    int error = pthread_create(&rabbit->thread, NULL, rabbit_loop, rabbit);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return error;
}

static void rabbit_free(struct rabbit *rabbit)
{
    rabbit_consumer_free_all(rabbit);
    rabbit_declare_forget(rabbit);
    rabbit_topology_free(rabbit->topology);
    rabbit_topology_free(rabbit->declared);
    rabbit_topology_free(rabbit->mailbox.mail.topology);
    while (rabbit->lines != NULL)
        rabbit_line_free(rabbit, rabbit->lines);
    rabbit_connection_destroy(&rabbit->publishing);
    rabbit_publisher_destroy(&rabbit->publisher);
    rabbit_mailbox_destroy(&rabbit->mailbox);
    pthread_mutex_destroy(&rabbit->delivering);
    free(rabbit);
}

static struct rabbit *rabbit_new(const struct weft_open *open, bool tls)
{
    const struct rabbit_options *options = open->options;
    struct rabbit *rabbit = calloc(1, sizeof *rabbit);
    uint64_t random = 0;
    if (rabbit == NULL) return NULL;
    if (getrandom(&random, sizeof random, 0) != sizeof random)
        random = (uint64_t)getpid() ^ open->host->now_ns(open->host);
    snprintf(rabbit->own_suffix, sizeof rabbit->own_suffix, ".%012llx", (unsigned long long)(random >> 16));
    rabbit->random = (uint32_t)random;
    rabbit->host = open->host;
    rabbit->url = open->url;
    rabbit->options = options;
    rabbit->name = open->instance != NULL ? open->instance : "weft";
    rabbit->tls = tls;
    pthread_mutex_init(&rabbit->delivering, NULL);
    rabbit_connection_init(&rabbit->publishing, rabbit, "publishing");
    bool good = rabbit_mailbox_init(&rabbit->mailbox, (size_t)options->window);
    good = rabbit_line_new(rabbit) != NULL && good;
    good = rabbit_publisher_init(&rabbit->publisher, (size_t)options->window) && good;
    if (good) return rabbit;
    rabbit_free(rabbit);
    return NULL;
}

static int32_t rabbit_open(const struct weft_open *open, void **ret_self, struct weft_error *ret_error)
{
    bool tls = strcmp(open->url->scheme, "amqps") == 0;
    int32_t rc = open_check(open, tls, ret_error);
    if (rc != WEFT_RC_OK) return rc;
    struct rabbit *rabbit = rabbit_new(open, tls);
    if (rabbit == NULL) return rabbit_error(ret_error, WEFT_RC_UNAVAILABLE, "out of memory or descriptors");
    int error = thread_start(rabbit);
    if (error != 0) {
        rabbit_free(rabbit);
        return rabbit_error(ret_error, WEFT_RC_UNAVAILABLE, "cannot start a thread: %s", strerror(error));
    }
    *ret_self = rabbit;
    return WEFT_RC_OK;
}

/* Ends whatever call of the library the I/O thread waits in. */
static void connections_shut(struct rabbit *rabbit)
{
    struct line *line;
    pthread_mutex_lock(&rabbit->mailbox.lock);
    DL_FOREACH(rabbit->lines, line)
    {
        if (line->connection.shared_fd >= 0) shutdown(line->connection.shared_fd, SHUT_RDWR);
    }
    if (rabbit->publishing.shared_fd >= 0) shutdown(rabbit->publishing.shared_fd, SHUT_RDWR);
    pthread_mutex_unlock(&rabbit->mailbox.lock);
}

static const uint64_t goodbye_ns = 1500000000; /* after the deadline: to close connections politely */

static void rabbit_close(void *self, uint64_t deadline_ns)
{
    struct rabbit *rabbit = self;
    rabbit_mailbox_close(&rabbit->mailbox, deadline_ns);
    if (!rabbit_mailbox_wait_finished(&rabbit->mailbox, deadline_ns + goodbye_ns)) connections_shut(rabbit);
    pthread_join(rabbit->thread, NULL);
    struct subscription *subscription, *next;
    HASH_ITER(hh, rabbit->subscribed, subscription, next)
    HASH_DEL(rabbit->subscribed, subscription);
    rabbit_free(rabbit);
}

/* ---- calls ------------------------------------------------------------------------------------------------------ */

static int32_t rabbit_declare(void *self, const struct weft_topology *wanted, struct weft_error *ret_error)
{
    struct rabbit *rabbit = self;
    struct topology *mine = rabbit_topology_new(wanted, rabbit->own_suffix, ret_error);
    if (mine == NULL) return ret_error->rc;
    struct topology *theirs = rabbit_topology_new(wanted, rabbit->own_suffix, ret_error);
    if (theirs == NULL) {
        rabbit_topology_free(mine);
        return ret_error->rc;
    }
    rabbit_topology_free(rabbit->declared);
    rabbit->declared = mine;
    rabbit_topology_free(rabbit_mailbox_declare(&rabbit->mailbox, theirs));
    return WEFT_RC_OK;
}

static size_t rabbit_publish(void *self, const struct weft_publish *const *operations, size_t n)
{
    struct rabbit *rabbit = self;
    return rabbit_mailbox_publish(&rabbit->mailbox, operations, n);
}

static struct subscription *subscription_find(struct rabbit *rabbit, void *tag)
{
    struct subscription *subscription = NULL;
    HASH_FIND_PTR(rabbit->subscribed, &tag, subscription);
    return subscription;
}

static int32_t rabbit_subscribe(void *self, const struct weft_subscription *wanted, void *tag,
                                struct weft_error *ret_error)
{
    struct rabbit *rabbit = self;
    const char *queue = wanted->queue != NULL ? wanted->queue : "", *broker_name = NULL;
    uint32_t flags = 0;
    if (!rabbit_topology_find(rabbit->declared, queue, &broker_name, &flags))
        return rabbit_error(ret_error, WEFT_RC_INVALID, "queue '%s' is not declared", queue);
    if (wanted->flags != flags)
        return rabbit_error(ret_error, WEFT_RC_INVALID, "queue '%s' is declared with flags %u, subscribed with %u",
                            queue, flags, wanted->flags);
    if (wanted->credit == 0)
        return rabbit_error(ret_error, WEFT_RC_INVALID, "a subscription to '%s' with credit 0 gets nothing", queue);
    if (subscription_find(rabbit, tag) != NULL)
        return rabbit_error(ret_error, WEFT_RC_INVALID, "the tag of the subscription to '%s' is in use", queue);

    struct subscription *subscription = rabbit_subscription_new(broker_name, flags, wanted->credit, tag);
    if (subscription == NULL)
        return rabbit_error(ret_error, WEFT_RC_UNAVAILABLE, "out of memory while subscribing to '%s'", queue);
    HASH_ADD_PTR(rabbit->subscribed, tag, subscription);
    rabbit_mailbox_request(&rabbit->mailbox, subscription, true);
    return WEFT_RC_OK;
}

static void rabbit_settle(void *self, void *tag, const struct weft_settle *settles, size_t n)
{
    struct rabbit *rabbit = self;
    (void)tag; /* a delivery knows its subscription */
    rabbit_mailbox_settle(&rabbit->mailbox, settles, n);
}

static void rabbit_unsubscribe(void *self, void *tag)
{
    struct rabbit *rabbit = self;
    struct subscription *subscription = subscription_find(rabbit, tag);
    if (subscription == NULL) return;
    HASH_DEL(rabbit->subscribed, subscription);
    pthread_mutex_lock(&rabbit->delivering); /* a delivery under way is over after this */
    subscription->active = false;
    pthread_mutex_unlock(&rabbit->delivering);
    rabbit_mailbox_request(&rabbit->mailbox, subscription, false);
}

/* ---- the tables ------------------------------------------------------------------------------------------------- */

#define SECONDS(n)    ((int64_t)(n)*1000000000)
#define OPTION(field) .name = #field, .offset = offsetof(struct rabbit_options, field)

static const char *const queue_types[] = { "quorum", "classic", NULL };

static const struct weft_option rabbit_option_table[] = {
    { OPTION(window), .help = "messages that may be published and not yet confirmed", .initial = "1000",
      .type = WEFT_OPTION_INT, .min = 1, .max = 65536 },
    { OPTION(queue_type),
      .help = "type of the queues that are declared; an existing queue of the other type is refused",
      .initial = "quorum", .type = WEFT_OPTION_CHOICE, .choices = queue_types },
    { OPTION(delivery_limit),
      .help = "deliveries of a message before a quorum queue moves it to its dead-letter queue; a far backstop",
      .initial = "1000", .type = WEFT_OPTION_INT, .min = 1, .max = 1000000 },
    { OPTION(heartbeat), .help = "time between heartbeats; a connection that is silent for two is given up; 0 is none",
      .initial = "10s", .type = WEFT_OPTION_DURATION, .min = 0, .max = SECONDS(3600) },
    { OPTION(connect_timeout), .help = "time for connecting, and again for the login", .initial = "3s",
      .type = WEFT_OPTION_DURATION, .min = 1000000, .max = SECONDS(60) },
    { OPTION(queue_expires),
      .help = "queues that nobody uses for so long are deleted, with their messages: for tests; 0 is never",
      .initial = "0s", .type = WEFT_OPTION_DURATION, .min = 0, .max = SECONDS(86400) },
    { OPTION(confirm_timeout),
      .help =
          "time for the broker to confirm a message; one that goes to a queue without leader gives its place in the "
          "window to others then; 0 is none",
      .initial = "30s", .type = WEFT_OPTION_DURATION, .min = 0, .max = SECONDS(3600) },
    { OPTION(queue_settle),
      .help = "time between making a queue and binding it; RabbitMQ saves what it knows of a queue up to 2s later, and "
              "loses a younger one, with its messages, when it is killed",
      .initial = "2500ms", .type = WEFT_OPTION_DURATION, .min = 0, .max = SECONDS(60) },
    { OPTION(max_message_bytes),
      .help =
          "largest payload, in bytes; publishing a larger one is refused, of a received one only the beginning is kept",
      .initial = "16M", .type = WEFT_OPTION_SIZE, .min = 1, .max = 128 << 20 },
    { OPTION(cacert), .help = "amqps: file with the certificates of the authorities that are trusted",
      .initial = "/etc/ssl/certs/ca-certificates.crt", .type = WEFT_OPTION_TEXT },
    { OPTION(cert), .help = "amqps: file with this client's certificate", .type = WEFT_OPTION_TEXT },
    { OPTION(key), .help = "amqps: file with the key of this client's certificate", .type = WEFT_OPTION_TEXT },
    { OPTION(verify), .help = "amqps: whether the broker's certificate and host name are checked", .initial = "true",
      .type = WEFT_OPTION_BOOL },
};

static const struct weft_transport_ops rabbit_ops = {
    .size = sizeof rabbit_ops,
    .caps = WEFT_TRANSPORT_CONFIRMS | WEFT_TRANSPORT_UNROUTED | WEFT_TRANSPORT_SINGLE_ACTIVE |
            WEFT_TRANSPORT_BROADCAST | WEFT_TRANSPORT_REQUEUE | WEFT_TRANSPORT_DEAD_LETTER | WEFT_TRANSPORT_DURABLE |
            WEFT_TRANSPORT_PROCESSES,
    .declare = rabbit_declare,
    .publish = rabbit_publish,
    .subscribe = rabbit_subscribe,
    .settle = rabbit_settle,
    .unsubscribe = rabbit_unsubscribe,
};

static const char *const rabbit_schemes[] = { "amqp", "amqps", NULL };

WEFT_PLUGIN_NOTE("transport", "amqp", "amqp,amqps");

WEFT_EXPORT const struct weft_plugin weft_plugin = {
    WEFT_PLUGIN_HEADER,
    .kind = WEFT_KIND_TRANSPORT,
    .name = "amqp",
    .version = "0.1.0",
    .schemes = rabbit_schemes,
    .options = rabbit_option_table,
    .n_options = sizeof rabbit_option_table / sizeof *rabbit_option_table,
    .options_size = sizeof(struct rabbit_options),
    .open = rabbit_open,
    .close = rabbit_close,
    .transport = &rabbit_ops,
};
