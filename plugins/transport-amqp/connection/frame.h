/* frame.h - writing frames: into the connection's output, or through the library on TLS connections. Failures break the
 * connection. I/O thread. */
#ifndef WEFT_AMQP_FRAME_H
#define WEFT_AMQP_FRAME_H

#include <amqp.h>
#include <amqp_framing.h>
#include <stddef.h>

struct connection;

void rabbit_frame_method(struct connection *connection, amqp_channel_t channel, amqp_method_number_t id, void *decoded);
/* The header and body frames that follow a basic.publish. `properties_bytes` is an upper bound for the properties. */
void rabbit_frame_content(struct connection *connection, amqp_channel_t channel, amqp_basic_properties_t *properties,
                          size_t properties_bytes, const void *body, size_t body_size);
void rabbit_frame_heartbeat(struct connection *connection);

#endif
