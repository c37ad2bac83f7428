/* options.h - the plugin's options, as the host fills them in. */
#ifndef WEFT_AMQP_OPTIONS_H
#define WEFT_AMQP_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

enum queue_type { QUEUE_QUORUM = 0, QUEUE_CLASSIC = 1 }; /* the order of the choices */

struct rabbit_options {
    int64_t window;
    int64_t queue_type;
    int64_t delivery_limit;
    uint64_t heartbeat;       /* ns */
    uint64_t connect_timeout; /* ns */
    uint64_t confirm_timeout; /* ns; 0: none */
    uint64_t queue_settle;    /* ns */
    uint64_t queue_expires;   /* ns; 0: never */
    uint64_t max_message_bytes;
    const char *cacert, *cert, *key;
    bool verify;
};

#endif
