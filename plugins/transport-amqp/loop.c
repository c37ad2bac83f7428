/* loop.c - the I/O thread: looks into the mailbox, keeps the connections, sends, waits, receives, delivers. */
#include "instance.h"

#include "consume/settle.h"
#include "topology/declare.h"

#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <utlist.h>

enum { FRAMES_A_ROUND = 2000 };

static const uint64_t round_most_ns = 1000000000;
static const uint64_t polite_ns = 500000000; /* for a connection.close that is answered */

uint64_t rabbit_now(const struct rabbit *rabbit)
{
    return rabbit->host->now_ns(rabbit->host);
}

void rabbit_log(struct rabbit *rabbit, int32_t level, const char *format, ...)
{
    char text[600];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    rabbit->host->log(rabbit->host, level, text);
}

void rabbit_health(struct rabbit *rabbit, int32_t health, const char *text)
{
    if (rabbit->health == health && strcmp(rabbit->health_text, text) == 0) return;
    rabbit->health = health;
    snprintf(rabbit->health_text, sizeof rabbit->health_text, "%s", text);
    rabbit->host->health(rabbit->host, health, *text != '\0' ? rabbit->health_text : NULL);
}

uint64_t rabbit_jitter(struct rabbit *rabbit, uint64_t wait_ns)
{
    rabbit->random = rabbit->random * 1664525u + 1013904223u;
    return wait_ns / 2 + wait_ns / 2 * (rabbit->random >> 16) / 65536;
}

void rabbit_keep_alive(struct rabbit *rabbit)
{
    uint64_t now_ns = rabbit_now(rabbit);
    struct line *line;
    DL_FOREACH(rabbit->lines, line)
    rabbit_connection_keep_alive(&line->connection, now_ns);
    rabbit_connection_keep_alive(&rabbit->publishing, now_ns);
}

/* ---- connections ------------------------------------------------------------------------------------------------ */

static void connection_lost(struct rabbit *rabbit, struct connection *connection)
{
    rabbit_health(rabbit, connection->fault_health, connection->fault);
    rabbit_connection_drop(connection, 0);
    rabbit_connection_back_off(connection);
    rabbit->host->count(rabbit->host, "connections_lost_total", 1);
}

/* Notices what broke since the last round. A broker that comes back may have lost the topology, and a missing exchange
 * is what ends a publishing channel. */
static void loop_mourn(struct rabbit *rabbit)
{
    struct line *shared = rabbit->lines;
    if (shared->connection.broken && shared->connection.state != NULL) {
        rabbit_line_lost(rabbit, shared);
        rabbit_declare_again(rabbit, NULL);
        rabbit->topics_in_place = false;
        connection_lost(rabbit, &shared->connection);
    }
    if (rabbit->publishing.broken && rabbit->publishing.state != NULL) {
        rabbit_publisher_give_up(rabbit, rabbit->publishing.fault);
        rabbit_declare_forget(rabbit);
        rabbit_declare_again(rabbit, NULL);
        rabbit->topics_in_place = rabbit->routed = false;
        connection_lost(rabbit, &rabbit->publishing);
    }
    rabbit_line_sweep(rabbit);
}

static bool connection_try(struct rabbit *rabbit, struct connection *connection)
{
    if (connection->state != NULL) return !connection->broken;
    if (rabbit_now(rabbit) < connection->retry_ns) return false;
    bool good = rabbit_connection_open(connection);
    if (good && connection == &rabbit->publishing) good = rabbit_publisher_begin(rabbit);
    if (good) connection->backoff_ns = 0;
    rabbit_keep_alive(rabbit);
    return good;
}

static bool topics_try(struct rabbit *rabbit)
{
    char text[500] = "";
    if (rabbit->topics_in_place) return true;
    if (rabbit->topology == NULL || rabbit_now(rabbit) < rabbit->topics_retry_ns) return false;
    rabbit->topics_in_place = rabbit_declare_topics(rabbit, text, sizeof text);
    if (!rabbit->topics_in_place && !rabbit->lines->connection.broken) {
        rabbit_health(rabbit, WEFT_HEALTH_REFUSED, text);
        rabbit->topics_retry_ns = rabbit_now(rabbit) + 5 * round_most_ns;
    }
    return rabbit->topics_in_place;
}

/* What an operator has to know of a queue that is not there, or does not answer. Publishing and the others go on. */
static void trouble_tell(const struct rabbit *rabbit, const char *queue, const struct seat *seat, char *ret_text,
                         size_t size)
{
    const char *vhost = rabbit->url->path != NULL && *rabbit->url->path != '\0' ? rabbit->url->path : "/";
    int n =
        snprintf(ret_text, size, "queue '%s': %s; trying again, publishing and other queues go on", queue, seat->fault);
    bool leaderless = seat->alone && rabbit->options->queue_type == QUEUE_QUORUM;
    if (!leaderless || n < 0 || (size_t)n >= size) return;
    snprintf(ret_text + n, size - (size_t)n,
             ". If that lasts, a broker's crash left the quorum queue without leader: rabbitmqctl eval "
             "\"ra:trigger_election({'%s_%s', node()}).\", or delete the queue",
             strcmp(vhost, "/") == 0 ? "%2F" : vhost, queue);
}

/* Up is: both connections and the topology. A queue in trouble does not make it down, the text tells of it. */
static void loop_tell_health(struct rabbit *rabbit)
{
    const struct queue *queue = NULL;
    const struct subscription *subscription = rabbit_consumer_failed(rabbit);
    enum declared declared = rabbit_declare_state(rabbit, &queue);
    char text[700] = "";
    if (declared == DECLARED_REFUSED) {
        snprintf(text, sizeof text, "the broker has another topology: %s; change or delete what is there",
                 queue->seat.fault);
        rabbit_health(rabbit, WEFT_HEALTH_REFUSED, text);
    } else if (declared == DECLARED_PENDING) {
        if (rabbit->health != WEFT_HEALTH_UP) rabbit_health(rabbit, WEFT_HEALTH_CONNECTING, "declaring the topology");
    } else {
        if (declared == DECLARED_FAILED)
            trouble_tell(rabbit, queue->broker_name, &queue->seat, text, sizeof text);
        else if (subscription != NULL)
            trouble_tell(rabbit, subscription->queue, &subscription->seat, text, sizeof text);
        rabbit_health(rabbit, WEFT_HEALTH_UP, text);
    }
}

/* After connecting, publishing waits for the queues a little, so that what is mandatory finds those that answer. */
static bool loop_is_routed(struct rabbit *rabbit)
{
    const struct queue *queue = NULL;
    if (!rabbit->routed)
        rabbit->routed =
            rabbit_declare_state(rabbit, &queue) != DECLARED_PENDING || rabbit_now(rabbit) >= rabbit->routed_latest_ns;
    return rabbit->routed;
}

static void loop_connect(struct rabbit *rabbit)
{
    struct connection *shared = &rabbit->lines->connection;
    bool consuming = connection_try(rabbit, shared) && topics_try(rabbit);
    if (consuming) {
        rabbit_declare_queues(rabbit);
        rabbit_consumer_open(rabbit);
    }
    if (consuming && rabbit->publishing.state == NULL && connection_try(rabbit, &rabbit->publishing))
        rabbit->routed_latest_ns = rabbit_now(rabbit) + rabbit->options->queue_settle + 2 * round_most_ns;
    loop_mourn(rabbit);
    bool publishing = rabbit->publishing.state != NULL && loop_is_routed(rabbit);
    if (publishing && shared->state != NULL && rabbit->topics_in_place) loop_tell_health(rabbit);
    if (rabbit_mailbox_accept(&rabbit->mailbox, publishing && !rabbit->publisher.blocked))
        rabbit->host->ready(rabbit->host);
    /* What was taken while the connection broke: the host has better places to keep it than this ring. */
    if (rabbit->publishing.state == NULL) rabbit_publisher_give_up(rabbit, "the broker is away");
}

/* ---- a round ---------------------------------------------------------------------------------------------------- */

/* Settlements and requests in the order in which they came. */
static void loop_apply(struct rabbit *rabbit, const struct mail *mail)
{
    size_t n_settled = 0;
    for (size_t i = 0; i < mail->n_requests; i++) {
        const struct request *request = &mail->requests[i];
        rabbit_settle_apply(rabbit, mail->settlements + n_settled, request->n_settled - n_settled);
        n_settled = request->n_settled;
        if (request->begin)
            rabbit_consumer_add(rabbit, request->subscription);
        else
            rabbit_consumer_leave(rabbit, request->subscription);
    }
    if (n_settled < mail->n_settlements)
        rabbit_settle_apply(rabbit, mail->settlements + n_settled, mail->n_settlements - n_settled);
}

static void loop_take_mail(struct rabbit *rabbit, struct mail *mail)
{
    mail->n_publishes = mail->n_settlements = mail->n_requests = 0;
    mail->topology = NULL;
    rabbit_mailbox_take(&rabbit->mailbox, mail);
    if (mail->topology != NULL) {
        rabbit_declare_abandon(rabbit);
        rabbit_topology_free(rabbit->topology);
        rabbit->topology = mail->topology;
        rabbit->topics_in_place = rabbit->routed = false;
        rabbit->topics_retry_ns = 0;
        rabbit->routed_latest_ns = rabbit_now(rabbit) + rabbit->options->queue_settle + 2 * round_most_ns;
        if (rabbit->health == WEFT_HEALTH_UP) rabbit_health(rabbit, WEFT_HEALTH_CONNECTING, "declaring the topology");
    }
    rabbit_publisher_add(&rabbit->publisher, mail->publishes, mail->n_publishes);
    loop_apply(rabbit, mail);
}

static void loop_send(struct rabbit *rabbit)
{
    struct line *line;
    rabbit_publisher_check(rabbit);
    rabbit_publisher_send(rabbit);
    rabbit_settle_flush(rabbit, false);
    rabbit_consumer_retire(rabbit);
    DL_FOREACH(rabbit->lines, line)
    {
        if (line->connection.state != NULL) rabbit_connection_flush(&line->connection);
    }
    rabbit_publisher_report(rabbit);
    rabbit_keep_alive(rabbit);
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t loop_next_ns(const struct rabbit *rabbit, const struct mail *mail)
{
    const struct connection *shared = &rabbit->lines->connection;
    const struct line *line;
    uint64_t next_ns = rabbit_now(rabbit) + round_most_ns;
    DL_FOREACH(rabbit->lines, line)
    next_ns = earlier(next_ns, rabbit_connection_next_ns(&line->connection));
    next_ns = earlier(next_ns, rabbit_connection_next_ns(&rabbit->publishing));
    next_ns = earlier(next_ns, rabbit_settle_next_ns(rabbit));
    next_ns = earlier(next_ns, rabbit_publisher_next_ns(rabbit));
    if (shared->state == NULL)
        next_ns = earlier(next_ns, shared->retry_ns);
    else if (rabbit->topics_in_place)
        next_ns = earlier(next_ns, earlier(rabbit_declare_next_ns(rabbit), rabbit_consumer_next_ns(rabbit)));
    if (rabbit->publishing.state == NULL && rabbit->topics_in_place)
        next_ns = earlier(next_ns, rabbit->publishing.retry_ns);
    return mail->closing ? earlier(next_ns, mail->close_deadline_ns) : next_ns;
}

static void connection_watch(struct connection *connection, struct pollfd *ret_waiting)
{
    bool output = connection->output.size > connection->output.sent;
    *ret_waiting = (struct pollfd){ .fd = connection->fd, .events = (short)(POLLIN | (output ? POLLOUT : 0)) };
}

static void connection_watched(struct connection *connection, const struct pollfd *waited, uint64_t now_ns)
{
    if ((waited->revents & (POLLIN | POLLERR | POLLHUP)) != 0) connection->more = true;
    if ((waited->revents & POLLIN) != 0) connection->received_ns = now_ns;
}

/* Waits for mail, any socket, or the time. poll passes over a descriptor of -1. */
static void loop_wait(struct rabbit *rabbit, const struct mail *mail)
{
    struct pollfd waiting[2 + LINES_MAX] = { { .fd = rabbit->mailbox.event_fd, .events = POLLIN } };
    uint64_t next_ns = loop_next_ns(rabbit, mail), now_ns = rabbit_now(rabbit);
    int ms = next_ns > now_ns ? (int)((next_ns - now_ns + 999999) / 1000000) : 0;
    struct line *line;
    nfds_t n = 2;
    connection_watch(&rabbit->publishing, &waiting[1]);
    if (rabbit->publishing.more) ms = 0;
    DL_FOREACH(rabbit->lines, line)
    {
        connection_watch(&line->connection, &waiting[n++]);
        if (line->connection.more) ms = 0;
    }
    if (poll(waiting, n, ms) <= 0) return;
    now_ns = rabbit_now(rabbit);
    connection_watched(&rabbit->publishing, &waiting[1], now_ns);
    n = 2;
    DL_FOREACH(rabbit->lines, line)
    connection_watched(&line->connection, &waiting[n++], now_ns);
}

static bool frame_next(struct connection *connection, int i, amqp_frame_t *ret_frame)
{
    return i < FRAMES_A_ROUND && connection->more && rabbit_connection_read(connection, ret_frame);
}

static void loop_receive(struct rabbit *rabbit)
{
    struct line *line;
    amqp_frame_t frame;
    DL_FOREACH(rabbit->lines, line)
    {
        for (int i = 0; frame_next(&line->connection, i, &frame); i++) {
            rabbit_line_frame(rabbit, line, &frame);
            rabbit_connection_release(&line->connection, frame.channel);
        }
    }
    for (int i = 0; frame_next(&rabbit->publishing, i, &frame); i++) {
        rabbit_publisher_frame(rabbit, &frame);
        rabbit_connection_release(&rabbit->publishing, frame.channel);
    }
}

/* May it end? Everything taken is completed, or there is no more time or no way. */
static bool loop_is_over(const struct rabbit *rabbit, const struct mail *mail)
{
    if (!mail->closing) return false;
    return rabbit_publisher_is_idle(&rabbit->publisher) || rabbit->publishing.state == NULL ||
           rabbit_now(rabbit) >= mail->close_deadline_ns;
}

static void loop_end(struct rabbit *rabbit)
{
    struct line *line;
    rabbit_settle_flush(rabbit, true);
    DL_FOREACH(rabbit->lines, line)
    rabbit_connection_drop(&line->connection, polite_ns);
    rabbit_connection_drop(&rabbit->publishing, polite_ns);
    rabbit_publisher_give_up(rabbit, "the transport was closed");
}

static void loop_run(struct rabbit *rabbit, struct mail *mail)
{
    while (loop_take_mail(rabbit, mail), !loop_is_over(rabbit, mail)) {
        loop_connect(rabbit);
        loop_send(rabbit);
        loop_wait(rabbit, mail);
        loop_receive(rabbit);
        rabbit_consumer_deliver(rabbit);
        rabbit_publisher_report(rabbit);
        loop_mourn(rabbit);
    }
    loop_end(rabbit);
}

void *rabbit_loop(void *arg)
{
    struct rabbit *rabbit = arg;
    struct mail mail;
    if (rabbit_mail_init(&mail, rabbit->publisher.window)) {
        loop_run(rabbit, &mail);
        rabbit_mail_free(&mail);
    } else {
        rabbit_health(rabbit, WEFT_HEALTH_DOWN, "out of memory");
    }
    rabbit_mailbox_finish(&rabbit->mailbox);
    return NULL;
}
