/* config/setting.c - the settings of a host. */
#include "config/setting.h"

#include "base/text.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define KIB 1024ll
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)
#define MS  1000000ll
#define S   (1000 * MS)
#define H   (3600 * S)

static const char *const levels[] = { "debug", "info", "warn", "error", NULL };
static const char *const migrates[] = { "off", "check", "auto", NULL };     /* in the order of enum weft_migrate */
static const char *const on_dead[] = { "release", "hold", NULL };
static const char *const bodies[] = { "protobuf", "json", "nestjs", NULL }; /* in the order of enum weft_body */

#define KEY(key, type, initial, help, ...)                                                                             \
    {                                                                                                                  \
        { key, help, initial, NULL, type, 0, 0, 0, 0 }, ##__VA_ARGS__, false                                           \
    }
#define RANGE(key, type, initial, min, max, help)                                                                      \
    {                                                                                                                  \
        { key, help, initial, NULL, type, 0, 0, min, max }, NULL, NULL, false                                          \
    }
#define CHOICE(key, initial, choices, help, ...)                                                                       \
    {                                                                                                                  \
        { key, help, initial, choices, WEFT_OPTION_CHOICE, 0, 0, 0, 0 }, ##__VA_ARGS__, false                          \
    }
#define URL(key, initial, help, variable, fallback)                                                                    \
    {                                                                                                                  \
        { key, help, initial, NULL, WEFT_OPTION_TEXT, WEFT_OPTION_SECRET, 0, 0, 0 }, variable, fallback, true          \
    }
#define SECRET(key, help)                                                                                              \
    {                                                                                                                  \
        { key, help, NULL, NULL, WEFT_OPTION_TEXT, WEFT_OPTION_SECRET, 0, 0, 0 }, NULL, NULL, false                    \
    }

static const struct weft_setting settings[] = {
    URL("transport", "memory:", "URL of the broker: amqp://host/vhost, or memory: within the process", "WEFT_TRANSPORT",
        "RABBITMQ_URI"),
    URL("cache", "memory:", "URL of the cache: redis://host/0, or memory: within the process", "WEFT_CACHE",
        "REDIS_URL"),
    URL("store", NULL, "URL of the database: postgres://host/db or sqlite:DIR/; default: sqlite: in data_dir",
        "WEFT_STORE", "DATABASE_URL"),

    KEY("grpc.listen", WEFT_OPTION_TEXT, "127.0.0.1:50051", "address and port of gRPC; port 0: any", NULL, NULL),
    RANGE("grpc.workers", WEFT_OPTION_INT, "16", 1, 1024, "threads that run handlers"),
    RANGE("grpc.max_workers", WEFT_OPTION_INT, "64", 1, 4096, "threads in all, those that wait for a store included"),
    RANGE("grpc.max_message", WEFT_OPTION_SIZE, "4M", KIB, GIB, "largest request"),
    RANGE("grpc.deadline", WEFT_OPTION_DURATION, "30s", MS, H, "deadline of calls that bring none"),
    KEY("admin.listen", WEFT_OPTION_TEXT, "127.0.0.1:8080", "address and port of the admin HTTP server, or off", NULL,
        NULL),
    SECRET("admin.token", "who shows it may act on the host; default: a random one in data_dir/admin.token"),
    CHOICE("log.level", "info", levels, "least severe lines to write", "WEFT_LOG_LEVEL", "LOG_LEVEL"),

    KEY("data_dir", WEFT_OPTION_TEXT, "./weft-data", "folder of the embedded stores", NULL, NULL),
    KEY("plugin_dir", WEFT_OPTION_TEXT, NULL,
        "folder of the plugins; default: ../lib/weft/plugins-1 beside the program", NULL, NULL),
    KEY("service_dir", WEFT_OPTION_TEXT, NULL,
        "folder of the services; default: ../lib/weft/services beside the program", NULL, NULL),
    KEY("instance", WEFT_OPTION_TEXT, NULL, "name of this process among its like; default: host name and process id",
        NULL, NULL),

    RANGE("drain.delay", WEFT_OPTION_DURATION, "0s", 0, H, "how long to accept calls after readiness went, at SIGTERM"),
    RANGE("drain.timeout", WEFT_OPTION_DURATION, "20s", MS, H, "how long calls, consumers and relays may take to end"),

    CHOICE("migrate", "auto", migrates,
           "at the start, tables are brought to their version (auto), checked, or left alone (off)", NULL, NULL),
    RANGE("store_sessions", WEFT_OPTION_INT, "16", 1, 1000, "database sessions of a service's requests, at most"),
    KEY("commit_groups", WEFT_OPTION_BOOL, "true", "transactions that only write are committed together", NULL, NULL),
    RANGE("cache_sessions", WEFT_OPTION_INT, "16", 1, 1000, "cache sessions, at most"),
    RANGE("idempotency_kept", WEFT_OPTION_DURATION, "24h", S, 90 * 24 * H,
          "how long the answer to a command with an idempotency key is given again"),
    RANGE("cache_timeout", WEFT_OPTION_DURATION, "200ms", MS, 60 * S, "how long a request waits for the cache"),

    RANGE("direct_kept", WEFT_OPTION_INT, "10000", 1, 1000000,
          "direct events of a service that wait for the broker in memory, and as many again in the cache's journal"),

    URL("services.*.store", NULL, "URL of this service's database; default: store", NULL, NULL),
    KEY("services.*.groups.*.paused", WEFT_OPTION_BOOL, "false", "the group's queue fills up and is not consumed", NULL,
        NULL),
    RANGE("services.*.groups.*.lanes", WEFT_OPTION_INT, "1", 1, 256,
          "workers of the group; more than one when its handlers wait for something, as batches get smaller"),
    RANGE("services.*.groups.*.batch", WEFT_OPTION_INT, "100", 1, 1000, "events a transaction, at most"),
    RANGE("services.*.groups.*.max_attempts", WEFT_OPTION_INT, NULL, 1, 1000,
          "tries before an event is dead; default: the group's own"),
    RANGE("services.*.groups.*.backoff_initial", WEFT_OPTION_DURATION, NULL, MS, 24 * H,
          "how long a failed event waits for its second try, doubled with each one; default: the group's own"),
    RANGE("services.*.groups.*.backoff_max", WEFT_OPTION_DURATION, NULL, MS, 24 * H,
          "how long it waits at most; default: the group's own"),
    RANGE("services.*.groups.*.backoff_jitter", WEFT_OPTION_INT, "10", 0, 100,
          "by how many percent a wait is longer or shorter, so that what failed together does not return together"),
    CHOICE("services.*.groups.*.on_dead", NULL, on_dead,
           "ordered groups: later events of a dead event's key go on, or are held; default: the group's own", NULL, NULL),
    CHOICE("topics.*.body", "protobuf", bodies, "how events of the topic are written", NULL, NULL),
    KEY("plugins.*.*", WEFT_OPTION_TEXT, NULL, "an option of a plugin: weft plugin info NAME shows them", NULL, NULL),
};

enum { N_SETTINGS = sizeof settings / sizeof *settings };

const struct weft_setting *weft_setting_table(size_t *ret_n)
{
    *ret_n = N_SETTINGS;
    return settings;
}

bool weft_setting_is_dynamic(const struct weft_setting *setting)
{
    return strchr(setting->option.name, '*') != NULL;
}

/* Does the key fit the pattern? `*` is one or more characters; without a dot unless it is a topic, whose names may have
 * them. */
static bool pattern_fits(const char *pattern, const char *key)
{
    const char *star = strchr(pattern, '*');
    if (star == NULL) return strcmp(pattern, key) == 0;
    size_t fixed = (size_t)(star - pattern);
    if (strncmp(pattern, key, fixed) != 0) return false;
    bool dots = strncmp(pattern, "topics.", 7) == 0;
    for (const char *rest = key + fixed; *rest != '\0' && (dots || *rest != '.'); rest++)
        if (pattern_fits(star + 1, rest + 1)) return true;
    return false;
}

const struct weft_setting *weft_setting_find(const char *key)
{
    for (size_t i = 0; i < N_SETTINGS; i++)
        if (pattern_fits(settings[i].option.name, key)) return &settings[i];
    return NULL;
}

/* The pattern with its stars replaced by the key's words at the same places. */
static void pattern_expand(const char *pattern, const char *key, char *ret_text, size_t size)
{
    size_t used = 0;
    for (const char *part = pattern; *part != '\0' && used < size;
         part += strcspn(part, ".") + (strchr(part, '.') != NULL)) {
        size_t length = strcspn(part, "."), word = strcspn(key, ".");
        bool star = *part == '*' && word > 0;
        used += (size_t)snprintf(ret_text + used, size - used, "%s%.*s", used > 0 ? "." : "",
                                 (int)(star ? word : length), star ? key : part);
        key += word + (key[word] == '.');
    }
}

const char *weft_setting_nearest(const char *key, char *ret_near, size_t size)
{
    char texts[N_SETTINGS][160];
    const char *candidates[N_SETTINGS + 1];
    for (size_t i = 0; i < N_SETTINGS; i++) {
        pattern_expand(settings[i].option.name, key, texts[i], sizeof texts[i]);
        candidates[i] = texts[i];
    }
    candidates[N_SETTINGS] = NULL;
    const char *near = weft_text_nearest(key, candidates);
    if (near == NULL) return NULL;
    snprintf(ret_near, size, "%s", near);
    return ret_near;
}

const char *weft_setting_variable(const char *key, char *ret_name, size_t size)
{
    snprintf(ret_name, size, "WEFT_%s", key);
    for (char *c = ret_name; *c != '\0'; c++)
        *c = *c == '.' || *c == '-' ? '_' : (char)toupper((unsigned char)*c);
    return ret_name;
}
