/* observe/metrics/metrics.c - series are only ever added, at the end of their metric's list, so the scrape reads the
 * lists without a lock. */
#include "observe/metrics/metrics.h"

#include "base/memory.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define US 1000ull
#define MS (1000 * US)
#define S  (1000 * MS)

/* From what a cache answers in to what nobody waits for any more. */
const uint64_t weft_metric_bounds[WEFT_METRIC_BUCKETS] = { 100 * US,   250 * US,  500 * US, MS,
                                                           5 * MS / 2, 5 * MS,    10 * MS,  25 * MS,
                                                           50 * MS,    100 * MS,  250 * MS, 500 * MS,
                                                           S,          5 * S / 2, 5 * S,    10 * S };

#define ROW(symbol, name, type, unit, labels, help)                                                                    \
    [WEFT_METRIC_##symbol] = { "weft_" name, WEFT_METRIC_##type, WEFT_UNIT_##unit, labels, help },
#define ROW_PROCESS(symbol, name, type, unit, labels, help)                                                            \
    [WEFT_METRIC_##symbol] = { name, WEFT_METRIC_##type, WEFT_UNIT_##unit, labels, help },

const struct weft_metric_row weft_metric_rows[WEFT_METRICS] = { WEFT_METRIC_TABLE(ROW)
                                                                    WEFT_METRIC_TABLE_PROCESS(ROW_PROCESS) };

struct weft_metrics {
    pthread_mutex_t mutex; /* guards the making of series */
    struct weft_series *_Atomic first[WEFT_METRICS];
    uint32_t n_series[WEFT_METRICS];
};

struct weft_metrics *weft_metrics_new(void)
{
    struct weft_metrics *metrics = weft_memory_zeroed(1, sizeof *metrics);
    pthread_mutex_init(&metrics->mutex, NULL);
    return metrics;
}

void weft_metrics_free(struct weft_metrics *metrics)
{
    if (metrics == NULL) return;
    for (size_t i = 0; i < WEFT_METRICS; i++)
        for (struct weft_series *series = metrics->first[i], *next; series != NULL; series = next) {
            next = series->next;
            free((char *)(uintptr_t)series->labels);
            free(series);
        }
    pthread_mutex_destroy(&metrics->mutex);
    free(metrics);
}

struct weft_series *weft_metrics_first(struct weft_metrics *metrics, enum weft_metric metric)
{
    return atomic_load_explicit(&metrics->first[metric], memory_order_acquire);
}

/* The label names of the table with these values, or with _OTHER for all. */
static void labels_format(struct weft_buffer *buffer, const char *names, const char *const *values, size_t n)
{
    const char *name = names;
    for (size_t i = 0; i < n; i++) {
        size_t size = strcspn(name, " ");
        const char *value = values != NULL ? values[i] : "_OTHER";
        assert(size > 0); /* more values than the metric has labels */
        if (value != NULL && value[0] != '\0') weft_metrics_label(buffer, name, size, value);
        name += size + (name[size] == ' ');
    }
    assert(*name == '\0'); /* fewer */
}

static struct weft_series *series_new(enum weft_metric metric, const char *labels)
{
    bool histogram = weft_metric_rows[metric].type == WEFT_METRIC_HISTOGRAM;
    size_t buckets = histogram ? (WEFT_METRIC_BUCKETS + 1) * sizeof(uint64_t) : 0;
    struct weft_series *series = weft_memory_zeroed(1, sizeof *series + buckets);
    series->labels = weft_memory_text(labels);
    return series;
}

/* With the mutex: the one of these labels, or a new one at the end. */
static struct weft_series *series_get(struct weft_metrics *metrics, enum weft_metric metric, const char *labels)
{
    struct weft_series *_Atomic *place = &metrics->first[metric];
    for (struct weft_series *series; (series = *place) != NULL; place = &series->next)
        if (strcmp(series->labels, labels) == 0) return series;
    if (metrics->n_series[metric] > WEFT_METRIC_SERIES) return NULL;
    struct weft_series *made = series_new(metric, labels);
    metrics->n_series[metric]++;
    atomic_store_explicit(place, made, memory_order_release);
    return made;
}

struct weft_series *weft_metrics_series(struct weft_metrics *metrics, enum weft_metric metric,
                                        const char *const *values, size_t n)
{
    if (metrics == NULL) return NULL;
    struct weft_buffer labels __attribute__((cleanup(weft_buffer_free))) = WEFT_BUFFER_EMPTY;
    const char *names = weft_metric_rows[metric].labels;
    labels_format(&labels, names, values, n);
    pthread_mutex_lock(&metrics->mutex);
    struct weft_series *series = NULL;
    if (metrics->n_series[metric] < WEFT_METRIC_SERIES || n == 0)
        series = series_get(metrics, metric, labels.data != NULL ? labels.data : "");
    if (series == NULL) { /* full: it may be there, else all the others are one */
        struct weft_buffer other __attribute__((cleanup(weft_buffer_free))) = WEFT_BUFFER_EMPTY;
        labels_format(&other, names, NULL, n);
        for (series = metrics->first[metric]; series != NULL; series = series->next)
            if (strcmp(series->labels, labels.data) == 0) break;
        if (series == NULL) series = series_get(metrics, metric, other.data);
    }
    pthread_mutex_unlock(&metrics->mutex);
    return series;
}
