/* host.h - the least a plugin needs of a host: a clock, a log that is kept, counters, health. Kinds add to it. */
#ifndef WEFT_KIT_HOST_H
#define WEFT_KIT_HOST_H

#include "runner.h"

#include <pthread.h>

enum { KIT_LOG_BYTES = 1 << 16 };

struct kit_host {
    struct weft_host table; /* first: a callback finds its host by it */
    pthread_mutex_t lock;
    pthread_cond_t changed; /* something below, or something of the kind's own, has changed */
    int32_t health;
    char health_text[512];
    uint32_t health_changes;
    char log[KIT_LOG_BYTES]; /* all lines of log() and texts of health(), the latest ones if there is too much */
    size_t log_size;
};

/* Sets everything but complete, deliver and ready, which stay NULL. */
void kit_host_init(struct kit_host *host);
void kit_host_destroy(struct kit_host *host);

/* Waits until the state is `health`, at most so long. */
bool kit_host_wait_health(struct kit_host *host, int32_t health, double seconds);

/* How often health has been reported; waiting until it is more often. */
uint32_t kit_host_health_changes(struct kit_host *host);
bool kit_host_wait_health_change(struct kit_host *host, uint32_t before, double seconds);

/* Waits for a change; the lock is held. false: the deadline has passed. */
bool kit_host_wait(struct kit_host *host, uint64_t deadline_ns);

/* Does the text stand anywhere in the log? */
bool kit_host_logged(struct kit_host *host, const char *text);

#endif
