/* connection.h - one AMQP connection: login, output that never blocks, heartbeats, and why it broke.
 *
 * librabbitmq does the login, the calls that wait for an answer (rpc), parsing, and everything on TLS connections. On
 * plain ones frames are collected in `output` and sent together on the library's socket: one system call a batch. The
 * library writes to the same socket during an rpc, so the output is drained before one. */
#ifndef WEFT_AMQP_CONNECTION_H
#define WEFT_AMQP_CONNECTION_H

#include <amqp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rabbit;

/* Bytes on their way to the socket: what lies between `sent` and `size` is to be sent. */
struct output {
    char *data;
    size_t size, sent, capacity;
};

struct connection {
    struct rabbit *rabbit;
    const char *name;              /* "publishing" or "consuming" */
    amqp_connection_state_t state; /* NULL: not connected */
    int fd;
    int shared_fd; /* the same for close(), under the mailbox's lock; -1: none */
    bool tls;
    bool broken; /* nothing more can be done with it but rabbit_connection_drop; `fault` says why */
    bool more;   /* the library holds frames that poll does not know of */
    struct output output;
    size_t frame_max;
    uint64_t heartbeat_ns;         /* as negotiated; 0: none */
    uint64_t received_ns, sent_ns; /* last sign of life, in either direction */
    uint64_t retry_ns;             /* not to be tried again before */
    uint64_t backoff_ns;
    int32_t fault_health; /* DOWN or REFUSED */
    char fault[400];
};

enum { RABBIT_CONTROL_CHANNEL = 1 }; /* rpc of a consuming connection; confirmed publishes of the publishing one */

void rabbit_connection_init(struct connection *connection, struct rabbit *rabbit, const char *name);
/* Connects and logs in, within the option connect_timeout. false: broken. */
bool rabbit_connection_open(struct connection *connection);
/* Ends it; politely if there is time (ns) for that and it is not broken. Back to not connected. */
void rabbit_connection_drop(struct connection *connection, uint64_t polite_ns);
/* Says when the next try is: back-off with jitter; after REFUSED at the slowest pace. */
void rabbit_connection_back_off(struct connection *connection);
void rabbit_connection_destroy(struct connection *connection);

/* Notes why it can no longer be used; the first reason stays. */
void rabbit_connection_break(struct connection *connection, int32_t health, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Sends as much as the socket takes. */
void rabbit_connection_flush(struct connection *connection);
/* Sends all, waiting for the socket up to 10 s. To be called before an rpc. */
bool rabbit_connection_drain(struct connection *connection);
/* Sends a heartbeat when one is due; breaks the connection when nothing came for two. */
void rabbit_connection_keep_alive(struct connection *connection, uint64_t now_ns);
/* When keep_alive has to be called next; UINT64_MAX: never. */
uint64_t rabbit_connection_next_ns(const struct connection *connection);

/* The next frame, without waiting. false: none now, or broken. After the frame is handled: _release. */
bool rabbit_connection_read(struct connection *connection, amqp_frame_t *ret_frame);
void rabbit_connection_release(struct connection *connection, amqp_channel_t channel);

/* What became of an rpc. */
enum rabbit_reply {
    RABBIT_REPLY_OK,
    RABBIT_REPLY_REFUSED, /* the broker closed the channel, which is open again; ret_text has its reason */
    RABBIT_REPLY_LOST     /* the connection is broken */
};
/* Looks at the last rpc on `channel`. */
enum rabbit_reply rabbit_connection_reply(struct connection *connection, amqp_channel_t channel, const char *what,
                                          char *ret_text, size_t size);

/* Text of a channel.close or connection.close that the broker sent. */
void rabbit_close_text(const amqp_method_t *method, char *ret_text, size_t size);

#endif
