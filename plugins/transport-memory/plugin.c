/* plugin.c - transport-memory: topics and queues inside one instance. For development, tests, and embedded hosts, whose
 * events are kept by the outbox. Also the plugin to read before writing one: this file is what the host sees, publish.c
 * and consume.c do the work, memory.h holds the instance.
 */
#include "memory.h"

#include <stdlib.h>
#include <utlist.h>

static int32_t memory_open(const struct weft_open *open, void **ret_self, struct weft_error *ret_error)
{
    const struct weft_url *url = open->url;
    if (url->host != NULL || (url->path != NULL && *url->path != '\0'))
        return memory_error(ret_error, WEFT_RC_INVALID, "the URL is 'memory:' and nothing else, got '%s'",
                            url->host != NULL ? url->host : url->path);

    struct memory *memory = calloc(1, sizeof *memory);
    if (memory == NULL) return memory_error(ret_error, WEFT_RC_UNAVAILABLE, "out of memory");
    memory->host = open->host;
    memory->options = *(const struct memory_options *)open->options;
    *ret_self = memory;
    return WEFT_RC_OK;
}

/* Nothing to wait for: what consumers have not settled by now stays in the outbox. */
static void memory_close(void *self, uint64_t deadline_ns)
{
    struct memory *memory = self;
    struct subscription *subscription, *next;
    (void)deadline_ns;

    memory_abandon(memory);
    HASH_ITER(hh, memory->subscriptions, subscription, next)
    {
        HASH_DEL(memory->subscriptions, subscription);
        free(subscription);
    }
    memory_queue_free_all(&memory->queues);
    memory_topic_free_all(&memory->topics);
    free(memory->reached);
    free(memory);
}

static const struct weft_option memory_option_table[] = {
    { .name = "window",
      .help = "messages a topic may have under way before publish takes no more",
      .initial = "1000",
      .type = WEFT_OPTION_INT,
      .offset = offsetof(struct memory_options, window),
      .min = 1,
      .max = 1000000 },
    { .name = "broadcast_limit",
      .help = "messages a broadcast queue keeps for a slow reader before the oldest is dropped",
      .initial = "10000",
      .type = WEFT_OPTION_INT,
      .offset = offsetof(struct memory_options, broadcast_limit),
      .min = 1,
      .max = 1000000 },
    { .name = "max_message_bytes",
      .help = "largest payload, in bytes; a larger one is refused",
      .initial = "16M",
      .type = WEFT_OPTION_SIZE,
      .offset = offsetof(struct memory_options, max_message_bytes),
      .min = 1,
      .max = 128 << 20 },
};

static const struct weft_transport_ops memory_ops = {
    .size = sizeof memory_ops,
    .caps = WEFT_TRANSPORT_CONFIRMS | WEFT_TRANSPORT_UNROUTED | WEFT_TRANSPORT_SINGLE_ACTIVE |
            WEFT_TRANSPORT_BROADCAST | WEFT_TRANSPORT_REQUEUE,
    .declare = memory_declare,
    .publish = memory_publish,
    .subscribe = memory_subscribe,
    .settle = memory_settle,
    .unsubscribe = memory_unsubscribe,
};

static const char *const memory_schemes[] = { "memory", NULL };

WEFT_PLUGIN_NOTE("transport", "memory", "memory");

WEFT_EXPORT const struct weft_plugin weft_plugin = {
    WEFT_PLUGIN_HEADER,
    .kind = WEFT_KIND_TRANSPORT,
    .name = "memory",
    .version = "0.1.0",
    .schemes = memory_schemes,
    .options = memory_option_table,
    .n_options = sizeof memory_option_table / sizeof *memory_option_table,
    .options_size = sizeof(struct memory_options),
    .open = memory_open,
    .close = memory_close,
    .transport = &memory_ops,
};
