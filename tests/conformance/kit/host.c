/* host.c - keeps what a plugin tells. */
#include "host.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static struct kit_host *host_of(const struct weft_host *table)
{
    return (struct kit_host *)(uintptr_t)table;
}

static void host_note(struct kit_host *host, const char *text)
{
    size_t size = strlen(text);
    if (size > KIT_LOG_BYTES / 4) size = KIT_LOG_BYTES / 4;
    if (host->log_size + size + 2 > KIT_LOG_BYTES) {
        memmove(host->log, host->log + KIT_LOG_BYTES / 2, KIT_LOG_BYTES / 2);
        host->log_size -= KIT_LOG_BYTES / 2;
    }
    memcpy(host->log + host->log_size, text, size);
    host->log_size += size;
    host->log[host->log_size++] = '\n';
    host->log[host->log_size] = '\0';
}

static void host_log(const struct weft_host *table, int32_t level, const char *text)
{
    struct kit_host *host = host_of(table);
    (void)level;
    pthread_mutex_lock(&host->lock);
    host_note(host, text);
    pthread_mutex_unlock(&host->lock);
}

static uint64_t host_now_ns(const struct weft_host *table)
{
    (void)table;
    return kit_now_ns();
}

static void host_count(const struct weft_host *table, const char *name, uint64_t delta)
{
    (void)table, (void)name, (void)delta;
}

static void host_gauge(const struct weft_host *table, const char *name, int64_t value)
{
    (void)table, (void)name, (void)value;
}

static void host_health(const struct weft_host *table, int32_t health, const char *text)
{
    struct kit_host *host = host_of(table);
    pthread_mutex_lock(&host->lock);
    host->health = health;
    host->health_changes++;
    snprintf(host->health_text, sizeof host->health_text, "%s", text != NULL ? text : "");
    host_note(host, host->health_text);
    pthread_cond_broadcast(&host->changed);
    pthread_mutex_unlock(&host->lock);
}

static void host_invalidate(const struct weft_host *table, const void *key, size_t size)
{
    (void)table, (void)key, (void)size;
}

void kit_host_init(struct kit_host *host)
{
    pthread_condattr_t attributes;
    memset(host, 0, sizeof *host);
    host->table = (struct weft_host){
        .size = sizeof host->table,
        .abi_major = WEFT_ABI_MAJOR,
        .abi_minor = WEFT_ABI_MINOR,
        .log = host_log,
        .now_ns = host_now_ns,
        .count = host_count,
        .gauge = host_gauge,
        .health = host_health,
        .invalidate = host_invalidate,
    };
    pthread_mutex_init(&host->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&host->changed, &attributes);
    pthread_condattr_destroy(&attributes);
}

void kit_host_destroy(struct kit_host *host)
{
    pthread_cond_destroy(&host->changed);
    pthread_mutex_destroy(&host->lock);
}

bool kit_host_wait(struct kit_host *host, uint64_t deadline_ns)
{
    struct timespec until = { .tv_sec = (time_t)(deadline_ns / 1000000000u),
                              .tv_nsec = (long)(deadline_ns % 1000000000u) };
    pthread_cond_timedwait(&host->changed, &host->lock, &until);
    return kit_now_ns() < deadline_ns;
}

bool kit_host_wait_health(struct kit_host *host, int32_t health, double seconds)
{
    uint64_t deadline_ns = kit_deadline(seconds);
    pthread_mutex_lock(&host->lock);
    while (host->health != health && kit_host_wait(host, deadline_ns))
        ;
    bool reached = host->health == health;
    pthread_mutex_unlock(&host->lock);
    return reached;
}

uint32_t kit_host_health_changes(struct kit_host *host)
{
    pthread_mutex_lock(&host->lock);
    uint32_t changes = host->health_changes;
    pthread_mutex_unlock(&host->lock);
    return changes;
}

bool kit_host_wait_health_change(struct kit_host *host, uint32_t before, double seconds)
{
    uint64_t deadline_ns = kit_deadline(seconds);
    pthread_mutex_lock(&host->lock);
    while (host->health_changes == before && kit_host_wait(host, deadline_ns))
        ;
    bool changed = host->health_changes != before;
    pthread_mutex_unlock(&host->lock);
    return changed;
}

bool kit_host_logged(struct kit_host *host, const char *text)
{
    pthread_mutex_lock(&host->lock);
    bool found = strstr(host->log, text) != NULL;
    pthread_mutex_unlock(&host->lock);
    return found;
}
