/* loop.c - the I/O thread: looks into the mailbox, keeps the connections, sends, waits, receives, delivers. */
#include "instance.h"

#include "settle.h"

#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

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

void rabbit_keep_alive(struct rabbit *rabbit)
{
    uint64_t now_ns = rabbit_now(rabbit);
    rabbit_connection_keep_alive(&rabbit->consuming, now_ns);
    rabbit_connection_keep_alive(&rabbit->publishing, now_ns);
}

/* ---- connections ------------------------------------------------------------------------------------------------ */

static void connection_lost(struct rabbit *rabbit, struct connection *connection)
{
    rabbit_health(rabbit, connection->fault_health, connection->fault);
    if (connection == &rabbit->consuming)
        rabbit_consumer_lost(rabbit);
    else
        rabbit_publisher_give_up(rabbit, connection->fault);
    /* A broker that comes back may have lost it, and a missing exchange is what ends a publishing channel. */
    rabbit_topology_forget(rabbit);
    rabbit->topology_in_place = false;
    rabbit_connection_drop(connection, 0);
    rabbit_connection_back_off(connection);
    rabbit->host->count(rabbit->host, "connections_lost_total", 1);
}

/* Notices what broke since the last round. */
static void loop_mourn(struct rabbit *rabbit)
{
    if (rabbit->consuming.broken && rabbit->consuming.state != NULL) connection_lost(rabbit, &rabbit->consuming);
    if (rabbit->publishing.broken && rabbit->publishing.state != NULL) connection_lost(rabbit, &rabbit->publishing);
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

static bool topology_try(struct rabbit *rabbit)
{
    char text[500] = "";
    if (rabbit->topology_in_place) return true;
    if (rabbit->topology == NULL || rabbit_now(rabbit) < rabbit->topology_retry_ns) return false;
    rabbit->topology_in_place = rabbit_topology_apply(rabbit, text, sizeof text);
    if (!rabbit->topology_in_place && !rabbit->consuming.broken) {
        rabbit_health(rabbit, WEFT_HEALTH_REFUSED, text);
        rabbit->topology_retry_ns = rabbit_now(rabbit) + 5 * round_most_ns;
    }
    return rabbit->topology_in_place;
}

/* Up is: both connections, the topology, a channel for each subscription that is not held up. */
static void loop_connect(struct rabbit *rabbit)
{
    bool up = connection_try(rabbit, &rabbit->consuming) && topology_try(rabbit) &&
              connection_try(rabbit, &rabbit->publishing);
    if (up) rabbit_consumer_open(rabbit);
    loop_mourn(rabbit);
    up = up && rabbit->topology_in_place && rabbit->consuming.state != NULL && rabbit->publishing.state != NULL;
    if (up) rabbit_health(rabbit, WEFT_HEALTH_UP, "");
    if (rabbit_mailbox_accept(&rabbit->mailbox, up && !rabbit->publisher.blocked)) rabbit->host->ready(rabbit->host);
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
        rabbit_topology_free(rabbit->topology);
        rabbit->topology = mail->topology;
        rabbit->topology_in_place = false;
        rabbit->topology_retry_ns = 0;
        if (rabbit->health == WEFT_HEALTH_UP) rabbit_health(rabbit, WEFT_HEALTH_CONNECTING, "declaring the topology");
    }
    rabbit_publisher_add(&rabbit->publisher, mail->publishes, mail->n_publishes);
    loop_apply(rabbit, mail);
}

static void loop_send(struct rabbit *rabbit)
{
    rabbit_publisher_send(rabbit);
    rabbit_settle_flush(rabbit, false);
    rabbit_consumer_retire(rabbit);
    if (rabbit->consuming.state != NULL) rabbit_connection_flush(&rabbit->consuming);
    rabbit_publisher_report(rabbit);
    rabbit_keep_alive(rabbit);
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t loop_next_ns(const struct rabbit *rabbit, const struct mail *mail)
{
    uint64_t next_ns = rabbit_now(rabbit) + round_most_ns;
    next_ns = earlier(next_ns, rabbit_connection_next_ns(&rabbit->consuming));
    next_ns = earlier(next_ns, rabbit_connection_next_ns(&rabbit->publishing));
    next_ns = earlier(next_ns, rabbit_settle_next_ns(rabbit));
    if (rabbit->consuming.state == NULL)
        next_ns = earlier(next_ns, rabbit->consuming.retry_ns);
    else if (rabbit->publishing.state == NULL && rabbit->topology_in_place)
        next_ns = earlier(next_ns, rabbit->publishing.retry_ns);
    return mail->closing ? earlier(next_ns, mail->close_deadline_ns) : next_ns;
}

static void connection_watch(struct connection *connection, struct pollfd *ret_waiting)
{
    bool output = connection->output.size > connection->output.sent;
    *ret_waiting = (struct pollfd){ .fd = connection->fd, .events = (short)(POLLIN | (output ? POLLOUT : 0)) };
}

/* Waits for mail, either socket, or the time. poll passes over a descriptor of -1. */
static void loop_wait(struct rabbit *rabbit, const struct mail *mail)
{
    struct connection *connections[] = { &rabbit->consuming, &rabbit->publishing };
    struct pollfd waiting[3] = { { .fd = rabbit->mailbox.event_fd, .events = POLLIN } };
    uint64_t next_ns = loop_next_ns(rabbit, mail), now_ns = rabbit_now(rabbit);
    int ms = next_ns > now_ns ? (int)((next_ns - now_ns + 999999) / 1000000) : 0;
    if (rabbit->consuming.more || rabbit->publishing.more) ms = 0;
    connection_watch(connections[0], &waiting[1]);
    connection_watch(connections[1], &waiting[2]);
    if (poll(waiting, 3, ms) <= 0) return;
    now_ns = rabbit_now(rabbit);
    for (int i = 0; i < 2; i++) {
        if ((waiting[i + 1].revents & (POLLIN | POLLERR | POLLHUP)) != 0) connections[i]->more = true;
        if ((waiting[i + 1].revents & POLLIN) != 0) connections[i]->received_ns = now_ns;
    }
}

static void loop_receive(struct rabbit *rabbit, struct connection *connection,
                         void (*handle)(struct rabbit *rabbit, const amqp_frame_t *frame))
{
    amqp_frame_t frame;
    for (int i = 0; i < FRAMES_A_ROUND && connection->more && rabbit_connection_read(connection, &frame); i++) {
        handle(rabbit, &frame);
        rabbit_connection_release(connection, frame.channel);
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
    rabbit_settle_flush(rabbit, true);
    rabbit_connection_drop(&rabbit->consuming, polite_ns);
    rabbit_connection_drop(&rabbit->publishing, polite_ns);
    rabbit_publisher_give_up(rabbit, "the transport was closed");
}

static void loop_run(struct rabbit *rabbit, struct mail *mail)
{
    while (loop_take_mail(rabbit, mail), !loop_is_over(rabbit, mail)) {
        loop_connect(rabbit);
        loop_send(rabbit);
        loop_wait(rabbit, mail);
        loop_receive(rabbit, &rabbit->consuming, rabbit_consumer_frame);
        loop_receive(rabbit, &rabbit->publishing, rabbit_publisher_frame);
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
