/* line.c - who sits on which consuming connection. */
#include "connection/line.h"

#include "connection/frame.h"
#include "instance.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

enum { FIRST_CHANNEL = RABBIT_CONTROL_CHANNEL + 1 };

static const uint64_t patience_ns = 10000000000; /* for an answer */
static const uint64_t backoff_first_ns = 100000000;
static const uint64_t backoff_most_ns = 10000000000;

struct line *rabbit_line_new(struct rabbit *rabbit)
{
    int n = 0;
    struct line *line;
    DL_COUNT(rabbit->lines, line, n);
    line = n < LINES_MAX ? calloc(1, sizeof *line) : NULL;
    if (line == NULL) return NULL;
    rabbit_connection_init(&line->connection, rabbit, "consuming");
    pthread_mutex_lock(&rabbit->mailbox.lock); /* close() looks through them */
    DL_APPEND(rabbit->lines, line);
    pthread_mutex_unlock(&rabbit->mailbox.lock);
    return line;
}

void rabbit_line_free(struct rabbit *rabbit, struct line *line)
{
    pthread_mutex_lock(&rabbit->mailbox.lock);
    DL_DELETE(rabbit->lines, line);
    pthread_mutex_unlock(&rabbit->mailbox.lock);
    rabbit_connection_destroy(&line->connection);
    free(line);
}

static bool line_is_shared(const struct rabbit *rabbit, const struct line *line)
{
    return line == rabbit->lines;
}

void rabbit_line_sweep(struct rabbit *rabbit)
{
    struct line *line, *next;
    DL_FOREACH_SAFE(rabbit->lines, line, next)
    {
        if (line_is_shared(rabbit, line) || (!line->over && !line->connection.broken)) continue;
        if (line->connection.broken) rabbit_line_lost(rabbit, line);
        rabbit_connection_flush(&line->connection);
        rabbit_line_free(rabbit, line);
    }
}

/* ---- seats ------------------------------------------------------------------------------------------------------ */

static void seat_gone(struct rabbit *rabbit, struct seat *seat)
{
    seat->line->seats[seat->channel] = NULL;
    if (!line_is_shared(rabbit, seat->line)) seat->line->over = true;
    seat->line = NULL;
    seat->channel = 0;
    seat->asked_ns = 0;
    seat->kind->gone(rabbit, seat);
}

static void seat_back_off(struct rabbit *rabbit, struct seat *seat)
{
    uint64_t wait_ns = seat->backoff_ns * 2;
    if (wait_ns < backoff_first_ns) wait_ns = backoff_first_ns;
    if (wait_ns > backoff_most_ns) wait_ns = backoff_most_ns;
    seat->backoff_ns = wait_ns;
    seat->retry_ns = rabbit_now(rabbit) + rabbit_jitter(rabbit, wait_ns);
}

bool rabbit_seat_is_due(const struct rabbit *rabbit, const struct seat *seat)
{
    return seat->channel == 0 && rabbit_now(rabbit) >= seat->retry_ns;
}

void rabbit_seat_works(struct seat *seat)
{
    seat->asked_ns = 0;
    seat->backoff_ns = 0;
    seat->alone = false;
    seat->fault[0] = '\0';
}

void rabbit_seat_leave(struct rabbit *rabbit, struct seat *seat)
{
    amqp_channel_close_t close = { .reply_code = AMQP_REPLY_SUCCESS };
    if (seat->channel == 0) return;
    rabbit_frame_method(&seat->line->connection, seat->channel, AMQP_CHANNEL_CLOSE_METHOD, &close);
    seat->line->closing[seat->channel] = true;
    seat_gone(rabbit, seat);
}

void rabbit_seat_fail(struct rabbit *rabbit, struct seat *seat, const char *format, ...)
{
    va_list args;
    rabbit_seat_leave(rabbit, seat);
    va_start(args, format);
    vsnprintf(seat->fault, sizeof seat->fault, format, args);
    va_end(args);
    seat_back_off(rabbit, seat);
}

void rabbit_seat_check(struct rabbit *rabbit, struct seat *seat)
{
    if (seat->asked_ns == 0 || rabbit_now(rabbit) < seat->asked_ns + patience_ns) return;
    rabbit_seat_fail(rabbit, seat, "no answer within %llu s", (unsigned long long)(patience_ns / 1000000000));
    seat->alone = true;
}

uint64_t rabbit_seat_next_ns(const struct seat *seat)
{
    if (seat->channel == 0) return seat->retry_ns > 0 ? seat->retry_ns : UINT64_MAX;
    return seat->asked_ns != 0 ? seat->asked_ns + patience_ns : UINT64_MAX;
}

static amqp_channel_t channel_free_number(const struct line *line)
{
    int most = amqp_get_channel_max(line->connection.state);
    for (int i = FIRST_CHANNEL; i < LINE_CHANNELS && (most == 0 || i <= most); i++) {
        if (line->seats[i] == NULL && !line->closing[i]) return (amqp_channel_t)i;
    }
    return 0;
}

/* The shared line, or a new one that is connected. */
static struct line *line_for(struct rabbit *rabbit, struct seat *seat)
{
    if (!seat->alone) return rabbit->lines;
    struct line *line = rabbit_line_new(rabbit);
    if (line == NULL) {
        rabbit_seat_fail(rabbit, seat, "no connection of its own is left for it");
    } else if (!rabbit_connection_open(&line->connection)) {
        rabbit_seat_fail(rabbit, seat, "%s", line->connection.fault);
        rabbit_line_free(rabbit, line);
        line = NULL;
    }
    rabbit_keep_alive(rabbit);
    return line;
}

bool rabbit_seat_take(struct rabbit *rabbit, struct seat *seat)
{
    struct line *line = line_for(rabbit, seat);
    if (line == NULL || line->connection.state == NULL || line->connection.broken) return false;
    amqp_channel_t channel = channel_free_number(line);
    if (channel == 0) { /* those that are closing will be free soon */
        seat_back_off(rabbit, seat);
        return false;
    }
    amqp_channel_open_t open = { .out_of_band = amqp_empty_bytes };
    rabbit_frame_method(&line->connection, channel, AMQP_CHANNEL_OPEN_METHOD, &open);
    seat->line = line;
    seat->channel = channel;
    seat->asked_ns = rabbit_now(rabbit);
    line->seats[channel] = seat;
    return true;
}

/* ---- what comes -------------------------------------------------------------------------------------------------- */

void rabbit_line_lost(struct rabbit *rabbit, struct line *line)
{
    for (int i = FIRST_CHANNEL; i < LINE_CHANNELS; i++) {
        struct seat *seat = line->seats[i];
        line->closing[i] = false;
        if (seat == NULL) continue;
        bool asking = seat->asked_ns != 0;
        seat_gone(rabbit, seat);
        if (asking && line->accusing) {
            rabbit_seat_fail(rabbit, seat, "%s", line->connection.fault);
            seat->alone = true;
        } else if (asking) {
            seat_back_off(rabbit, seat);
        }
    }
    line->accusing = false;
}

static void channel_closed(struct rabbit *rabbit, struct line *line, struct seat *seat, const amqp_frame_t *frame)
{
    amqp_channel_close_ok_t agreed = { 0 };
    char text[300];
    rabbit_frame_method(&line->connection, frame->channel, AMQP_CHANNEL_CLOSE_OK_METHOD, &agreed);
    line->closing[frame->channel] = false;
    if (seat == NULL) return;
    rabbit_close_text(&frame->payload.method, text, sizeof text);
    seat_gone(rabbit, seat);
    seat->kind->refused(rabbit, seat, atoi(text), text);
}

/* Channel 0 and the control channel. An operator who closes connections, or a broker that stops, accuses nobody. */
static void control_method(struct line *line, const amqp_method_t *method)
{
    char text[300];
    if (method->id != AMQP_CONNECTION_CLOSE_METHOD && method->id != AMQP_CHANNEL_CLOSE_METHOD) return;
    rabbit_close_text(method, text, sizeof text);
    line->accusing = atoi(text) != AMQP_CONNECTION_FORCED;
    rabbit_connection_break(&line->connection, WEFT_HEALTH_DOWN, "the broker closed a consuming connection: %s", text);
}

void rabbit_line_frame(struct rabbit *rabbit, struct line *line, const amqp_frame_t *frame)
{
    if (frame->channel >= LINE_CHANNELS) return;
    struct seat *seat = line->seats[frame->channel];
    bool is_method = frame->frame_type == AMQP_FRAME_METHOD;
    if (is_method && frame->channel < FIRST_CHANNEL)
        control_method(line, &frame->payload.method);
    else if (is_method && frame->payload.method.id == AMQP_CHANNEL_CLOSE_OK_METHOD)
        line->closing[frame->channel] = false;
    else if (is_method && frame->payload.method.id == AMQP_CHANNEL_CLOSE_METHOD)
        channel_closed(rabbit, line, seat, frame);
    else if (seat != NULL)
        seat->kind->frame(rabbit, seat, frame);
}
