/* connection.c - from the URL to a logged-in connection, and keeping it alive. */
#include "connection/connection.h"

#include "connection/frame.h"
#include "instance.h"

#include <amqp_ssl_socket.h>
#include <amqp_tcp_socket.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define ms_ns 1000000ull
static const uint64_t second_ns = 1000000000;

enum { CHANNEL_MAX = 2047, FRAME_MAX = 131072, OUTPUT_KEEP = 1 << 20 };

static const uint64_t backoff_first_ns = 100000000;
static const uint64_t backoff_most_ns = 5000000000;
static const uint64_t rpc_timeout_ns = 10000000000;

static struct timeval timeval_of(uint64_t ns)
{
    return (struct timeval){ .tv_sec = (time_t)(ns / second_ns), .tv_usec = (suseconds_t)(ns % second_ns / 1000) };
}

void rabbit_connection_init(struct connection *connection, struct rabbit *rabbit, const char *name)
{
    *connection = (struct connection){ .rabbit = rabbit, .name = name, .fd = -1, .shared_fd = -1 };
}

void rabbit_connection_destroy(struct connection *connection)
{
    rabbit_connection_drop(connection, 0);
    free(connection->output.data);
}

void rabbit_connection_break(struct connection *connection, int32_t health, const char *format, ...)
{
    va_list args;
    if (connection->broken) return;
    connection->broken = true;
    connection->fault_health = health;
    va_start(args, format);
    vsnprintf(connection->fault, sizeof connection->fault, format, args);
    va_end(args);
}

/* ---- connecting ------------------------------------------------------------------------------------------------- */

static amqp_socket_t *socket_new(struct connection *connection)
{
    const struct rabbit_options *options = connection->rabbit->options;
    if (!connection->rabbit->tls) return amqp_tcp_socket_new(connection->state);

    amqp_socket_t *socket = amqp_ssl_socket_new(connection->state);
    if (socket == NULL) return NULL;
    amqp_ssl_socket_set_verify_peer(socket, options->verify);
    amqp_ssl_socket_set_verify_hostname(socket, options->verify);
    amqp_ssl_socket_set_ssl_versions(socket, AMQP_TLSv1_2, AMQP_TLSvLATEST);
    if (options->verify && amqp_ssl_socket_set_cacert(socket, options->cacert) != AMQP_STATUS_OK) {
        rabbit_connection_break(connection, WEFT_HEALTH_REFUSED, "cannot load the certificates in %s (option cacert)",
                                options->cacert);
        return NULL;
    }
    if (options->cert != NULL && amqp_ssl_socket_set_key(socket, options->cert, options->key) != AMQP_STATUS_OK) {
        rabbit_connection_break(connection, WEFT_HEALTH_REFUSED, "cannot load certificate %s with key %s",
                                options->cert, options->key);
        return NULL;
    }
    return socket;
}

static const char *host_of(const struct connection *connection)
{
    return connection->rabbit->url->host;
}

static int port_of(const struct connection *connection)
{
    uint32_t port = connection->rabbit->url->port;
    if (port == 0) port = connection->rabbit->tls ? 5671 : 5672;
    return (int)port;
}

/* A certificate that does not fit will not fit the next time either. */
static int32_t health_of_status(int status)
{
    bool certificate = status == AMQP_STATUS_SSL_PEER_VERIFY_FAILED || status == AMQP_STATUS_SSL_HOSTNAME_VERIFY_FAILED;
    return certificate ? WEFT_HEALTH_REFUSED : WEFT_HEALTH_DOWN;
}

static bool connection_connect(struct connection *connection)
{
    struct timeval patience = timeval_of(connection->rabbit->options->connect_timeout);
    amqp_socket_t *socket = socket_new(connection);
    if (socket == NULL) {
        rabbit_connection_break(connection, WEFT_HEALTH_DOWN, "no socket for %s", host_of(connection));
        return false;
    }
    errno = 0;
    int status = amqp_socket_open_noblock(socket, host_of(connection), port_of(connection), &patience);
    if (status == AMQP_STATUS_OK) return true;
    rabbit_connection_break(connection, health_of_status(status), "cannot connect to %s:%d: %s%s%s",
                            host_of(connection), port_of(connection), amqp_error_string2(status),
                            errno != 0 && !connection->rabbit->tls ? ", " : "",
                            errno != 0 && !connection->rabbit->tls ? strerror(errno) : "");
    return false;
}

static amqp_table_entry_t entry_bool(const char *name)
{
    amqp_table_entry_t entry = { .key = amqp_cstring_bytes(name) };
    entry.value.kind = AMQP_FIELD_KIND_BOOLEAN;
    entry.value.value.boolean = 1;
    return entry;
}

static amqp_table_entry_t entry_text(const char *name, const char *text)
{
    amqp_table_entry_t entry = { .key = amqp_cstring_bytes(name) };
    entry.value.kind = AMQP_FIELD_KIND_UTF8;
    entry.value.value.bytes = amqp_cstring_bytes(text);
    return entry;
}

/* What is said about us at login. The capabilities are asked for: without them the broker would neither tell that it
 * blocks us nor that it has ended a consumer. */
static amqp_rpc_reply_t connection_login(struct connection *connection)
{
    const struct weft_url *url = connection->rabbit->url;
    const char *user = url->user != NULL ? url->user : "guest";
    const char *password = url->password != NULL ? url->password : (url->user != NULL ? "" : "guest");
    const char *vhost = url->path != NULL && *url->path != '\0' ? url->path : "/";
    int heartbeat_s = (int)((connection->rabbit->options->heartbeat + second_ns - 1) / second_ns);
    char title[128];

    amqp_table_entry_t capabilities[] = { entry_bool("connection.blocked"), entry_bool("consumer_cancel_notify"),
                                          entry_bool("publisher_confirms"), entry_bool("basic.nack"),
                                          entry_bool("authentication_failure_close") };
    snprintf(title, sizeof title, "%s (%s)", connection->rabbit->name, connection->name);
    amqp_table_entry_t properties[] = { entry_text("product", "weft"),
                                        entry_text("connection_name", title),
                                        { .key = amqp_cstring_bytes("capabilities") } };
    properties[2].value.kind = AMQP_FIELD_KIND_TABLE;
    properties[2].value.value.table = (amqp_table_t){ .num_entries = 5, .entries = capabilities };
    amqp_table_t table = { .num_entries = 3, .entries = properties };
    return amqp_login_with_properties(connection->state, vhost, CHANNEL_MAX, FRAME_MAX, heartbeat_s, &table,
                                      AMQP_SASL_METHOD_PLAIN, user, password);
}

void rabbit_close_text(const amqp_method_t *method, char *ret_text, size_t size)
{
    amqp_bytes_t text = amqp_empty_bytes;
    int code = 0;
    if (method->id == AMQP_CONNECTION_CLOSE_METHOD) {
        const amqp_connection_close_t *close = method->decoded;
        code = close->reply_code;
        text = close->reply_text;
    } else if (method->id == AMQP_CHANNEL_CLOSE_METHOD) {
        const amqp_channel_close_t *close = method->decoded;
        code = close->reply_code;
        text = close->reply_text;
    }
    snprintf(ret_text, size, "%d %.*s", code, (int)text.len, (const char *)text.bytes);
}

/* Turns the answer to a login into words. 403: wrong name or password. 530: no such vhost. */
static void login_fault(struct connection *connection, const amqp_rpc_reply_t *reply)
{
    char text[300];
    if (reply->reply_type == AMQP_RESPONSE_SERVER_EXCEPTION) {
        const amqp_connection_close_t *close = reply->reply.decoded;
        bool for_good = reply->reply.id == AMQP_CONNECTION_CLOSE_METHOD &&
                        (close->reply_code == AMQP_ACCESS_REFUSED || close->reply_code == AMQP_NOT_ALLOWED);
        rabbit_close_text(&reply->reply, text, sizeof text);
        rabbit_connection_break(connection, for_good ? WEFT_HEALTH_REFUSED : WEFT_HEALTH_DOWN,
                                "%s:%d refused the login: %s", host_of(connection), port_of(connection), text);
    } else {
        rabbit_connection_break(connection, WEFT_HEALTH_DOWN,
                                "%s:%d ended the login: %s; is it an AMQP 0-9-1 port, is the vhost right?",
                                host_of(connection), port_of(connection), amqp_error_string2(reply->library_error));
    }
}

static void connection_share(struct connection *connection, int fd)
{
    pthread_mutex_lock(&connection->rabbit->mailbox.lock);
    connection->shared_fd = fd;
    pthread_mutex_unlock(&connection->rabbit->mailbox.lock);
}

/* After the login heartbeats are ours: the library's would cut into half-sent output. */
static void connection_take_over(struct connection *connection)
{
    int one = 1;
    int heartbeat_s = amqp_get_heartbeat(connection->state);
    connection->heartbeat_ns = (uint64_t)heartbeat_s * second_ns;
    connection->frame_max = (size_t)amqp_get_frame_max(connection->state);
    amqp_tune_connection(connection->state, amqp_get_channel_max(connection->state), (int)connection->frame_max, 0);
    connection->received_ns = connection->sent_ns = rabbit_now(connection->rabbit);
    setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (connection->tls) { /* the library waits for the socket there: not for ever */
        unsigned ms = (unsigned)(rpc_timeout_ns / ms_ns);
        setsockopt(connection->fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, sizeof ms);
    }
}

bool rabbit_connection_open(struct connection *connection)
{
    struct timeval login_time = timeval_of(connection->rabbit->options->connect_timeout);
    struct timeval rpc_time = timeval_of(rpc_timeout_ns);

    connection->broken = connection->more = false;
    connection->fault[0] = '\0';
    connection->output.size = connection->output.sent = 0;
    connection->tls = connection->rabbit->tls;
    connection->state = amqp_new_connection();
    if (connection->state == NULL) {
        rabbit_connection_break(connection, WEFT_HEALTH_DOWN, "out of memory");
        return false;
    }
    amqp_set_handshake_timeout(connection->state, &login_time);
    amqp_set_rpc_timeout(connection->state, &rpc_time);
    if (!connection_connect(connection)) return false;
    connection->fd = amqp_get_sockfd(connection->state);
    connection_share(connection, connection->fd);
    amqp_rpc_reply_t reply = connection_login(connection);
    if (reply.reply_type != AMQP_RESPONSE_NORMAL) {
        login_fault(connection, &reply);
        return false;
    }
    connection_take_over(connection);
    amqp_channel_open(connection->state, RABBIT_CONTROL_CHANNEL);
    char text[300];
    return rabbit_connection_reply(connection, RABBIT_CONTROL_CHANNEL, "channel.open", text, sizeof text) ==
           RABBIT_REPLY_OK;
}

void rabbit_connection_drop(struct connection *connection, uint64_t polite_ns)
{
    if (connection->state == NULL) return;
    if (polite_ns > 0 && !connection->broken) {
        struct timeval patience = timeval_of(polite_ns);
        amqp_set_rpc_timeout(connection->state, &patience);
        rabbit_connection_flush(connection);
        if (connection->output.sent == connection->output.size && !connection->broken)
            amqp_connection_close(connection->state, AMQP_REPLY_SUCCESS);
    }
    connection_share(connection, -1);
    amqp_destroy_connection(connection->state);
    connection->state = NULL;
    connection->fd = -1;
    connection->output.size = connection->output.sent = 0;
}

void rabbit_connection_back_off(struct connection *connection)
{
    struct rabbit *rabbit = connection->rabbit;
    uint64_t wait = connection->backoff_ns * 2;
    if (wait < backoff_first_ns) wait = backoff_first_ns;
    if (wait > backoff_most_ns || connection->fault_health == WEFT_HEALTH_REFUSED) wait = backoff_most_ns;
    connection->backoff_ns = wait;
    connection->retry_ns = rabbit_now(rabbit) + rabbit_jitter(rabbit, wait);
}

/* ---- sending and heartbeats ------------------------------------------------------------------------------------- */

void rabbit_connection_flush(struct connection *connection)
{
    struct output *output = &connection->output;
    while (output->sent < output->size && !connection->broken) {
        ssize_t n =
            send(connection->fd, output->data + output->sent, output->size - output->sent, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return;
        if (n < 0 && errno != EINTR)
            rabbit_connection_break(connection, WEFT_HEALTH_DOWN, "lost the %s connection to %s:%d: %s",
                                    connection->name, host_of(connection), port_of(connection), strerror(errno));
        if (n > 0) {
            output->sent += (size_t)n;
            connection->sent_ns = rabbit_now(connection->rabbit);
        }
    }
    output->size = output->sent = 0;
    if (output->capacity > OUTPUT_KEEP) { /* grown by one large message */
        free(output->data);
        *output = (struct output){ 0 };
    }
}

bool rabbit_connection_drain(struct connection *connection)
{
    uint64_t deadline_ns = rabbit_now(connection->rabbit) + rpc_timeout_ns;
    rabbit_connection_flush(connection);
    while (connection->output.size > 0 && !connection->broken) {
        struct pollfd waiting = { .fd = connection->fd, .events = POLLOUT };
        uint64_t now_ns = rabbit_now(connection->rabbit);
        if (now_ns >= deadline_ns || poll(&waiting, 1, (int)((deadline_ns - now_ns) / ms_ns) + 1) == 0)
            rabbit_connection_break(connection, WEFT_HEALTH_DOWN, "%s:%d took nothing for 10 s", host_of(connection),
                                    port_of(connection));
        rabbit_connection_flush(connection);
    }
    return !connection->broken;
}

void rabbit_connection_keep_alive(struct connection *connection, uint64_t now_ns)
{
    if (connection->state == NULL || connection->broken || connection->heartbeat_ns == 0) return;
    if (now_ns >= connection->received_ns + 2 * connection->heartbeat_ns) {
        rabbit_connection_break(connection, WEFT_HEALTH_DOWN,
                                "%s:%d is silent: nothing came for two heartbeats of %llu s", host_of(connection),
                                port_of(connection), (unsigned long long)(connection->heartbeat_ns / second_ns));
        return;
    }
    if (now_ns < connection->sent_ns + connection->heartbeat_ns / 2) return;
    connection->sent_ns = now_ns;
    if (connection->output.size == 0) /* else there is more on its way than a heartbeat */
        rabbit_frame_heartbeat(connection);
    rabbit_connection_flush(connection);
}

uint64_t rabbit_connection_next_ns(const struct connection *connection)
{
    if (connection->state == NULL || connection->heartbeat_ns == 0) return UINT64_MAX;
    uint64_t send_ns = connection->sent_ns + connection->heartbeat_ns / 2;
    uint64_t receive_ns = connection->received_ns + 2 * connection->heartbeat_ns;
    return send_ns < receive_ns ? send_ns : receive_ns;
}

/* ---- receiving -------------------------------------------------------------------------------------------------- */

bool rabbit_connection_read(struct connection *connection, amqp_frame_t *ret_frame)
{
    struct timeval now = { 0 };
    if (connection->state == NULL || connection->broken) return false;
    int status = amqp_simple_wait_frame_noblock(connection->state, ret_frame, &now);
    if (status == AMQP_STATUS_OK) return true;
    connection->more = false;
    if (status != AMQP_STATUS_TIMEOUT)
        rabbit_connection_break(connection, WEFT_HEALTH_DOWN, "lost the %s connection to %s:%d: %s", connection->name,
                                host_of(connection), port_of(connection), amqp_error_string2(status));
    return false;
}

void rabbit_connection_release(struct connection *connection, amqp_channel_t channel)
{
    if (connection->state != NULL) amqp_maybe_release_buffers_on_channel(connection->state, channel);
}

/* The broker has closed the channel: agrees, and opens it again. */
static bool channel_reopen(struct connection *connection, amqp_channel_t channel)
{
    amqp_channel_close_ok_t agreed = { 0 };
    amqp_send_method(connection->state, channel, AMQP_CHANNEL_CLOSE_OK_METHOD, &agreed);
    amqp_channel_open(connection->state, channel);
    return amqp_get_rpc_reply(connection->state).reply_type == AMQP_RESPONSE_NORMAL;
}

enum rabbit_reply rabbit_connection_reply(struct connection *connection, amqp_channel_t channel, const char *what,
                                          char *ret_text, size_t size)
{
    amqp_rpc_reply_t reply = amqp_get_rpc_reply(connection->state);
    connection->more = true; /* frames that came in between are queued in the library */
    connection->sent_ns = rabbit_now(connection->rabbit);
    if (reply.reply_type == AMQP_RESPONSE_NORMAL) return RABBIT_REPLY_OK;
    if (reply.reply_type == AMQP_RESPONSE_SERVER_EXCEPTION) {
        rabbit_close_text(&reply.reply, ret_text, size);
        if (reply.reply.id == AMQP_CHANNEL_CLOSE_METHOD && channel_reopen(connection, channel))
            return RABBIT_REPLY_REFUSED;
        rabbit_connection_break(connection, WEFT_HEALTH_DOWN, "%s: %s", what, ret_text);
        return RABBIT_REPLY_LOST;
    }
    rabbit_connection_break(connection, WEFT_HEALTH_DOWN, "%s on %s:%d: %s", what, host_of(connection),
                            port_of(connection), amqp_error_string2(reply.library_error));
    return RABBIT_REPLY_LOST;
}
