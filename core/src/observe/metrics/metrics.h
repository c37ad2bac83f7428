/* observe/metrics/metrics.h - counters, gauges and histograms of a process. Whoever counts takes a series once, at its
 * start, and then adds to it: a relaxed atomic, no lock, no allocation. Any thread. */
#ifndef WEFT_OBSERVE_METRICS_METRICS_H
#define WEFT_OBSERVE_METRICS_METRICS_H

#include "base/buffer.h"
#include "observe/metrics/table.h"
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WEFT_METRIC_SYMBOL(symbol, ...) WEFT_METRIC_##symbol,
enum weft_metric { WEFT_METRIC_TABLE(WEFT_METRIC_SYMBOL) WEFT_METRIC_TABLE_PROCESS(WEFT_METRIC_SYMBOL) WEFT_METRICS };

enum weft_metric_type { WEFT_METRIC_COUNTER, WEFT_METRIC_GAUGE, WEFT_METRIC_HISTOGRAM };
enum weft_metric_unit { WEFT_UNIT_NONE, WEFT_UNIT_SECONDS, WEFT_UNIT_AGE, WEFT_UNIT_BYTES };

/* Series a metric may have: a guard, should a label ever have more values than it was thought to. Those beyond share
 * one series whose labels are all _OTHER. */
enum { WEFT_METRIC_SERIES = 1000, WEFT_METRIC_LABELS = 4, WEFT_METRIC_BUCKETS = 16 };

/* Upper bounds of a histogram's buckets, in nanoseconds; one more counts what is above them all. */
extern const uint64_t weft_metric_bounds[WEFT_METRIC_BUCKETS];

struct weft_metrics;

/* One metric with values for its labels. Lives as long as its metrics. */
struct weft_series {
    struct weft_series *_Atomic next; /* written once (release), read by the scrape (acquire) */
    const char *labels;               /* `event="x",result="y"`; "" if it has none */
    _Atomic int64_t value;            /* of a histogram: the sum */
    _Atomic uint64_t buckets[];       /* of a histogram: WEFT_METRIC_BUCKETS + 1, each for itself */
};

struct weft_metrics *weft_metrics_new(void);
void weft_metrics_free(struct weft_metrics *metrics); /* NULL is fine */

/* The series of these label values (in the table's order, `n` of them; NULL is ""), made at first use. Locks and
 * allocates: at starts, not where calls and events pass. NULL if metrics is. */
struct weft_series *weft_metrics_series(struct weft_metrics *metrics, enum weft_metric metric,
                                        const char *const *values, size_t n);
#define WEFT_SERIES(metrics, symbol, ...)                                                                              \
    weft_metrics_series(metrics, WEFT_METRIC_##symbol, (const char *const[]){ NULL, ##__VA_ARGS__ } + 1,               \
                        sizeof((const char *const[]){ NULL, ##__VA_ARGS__ }) / sizeof(char *) - 1)

/* Of no series (NULL) nothing is kept. */
static inline void weft_series_add(struct weft_series *series, int64_t n) /* less than 0 for gauges alone */
{
    if (series != NULL) atomic_fetch_add_explicit(&series->value, n, memory_order_relaxed);
}
static inline void weft_series_set(struct weft_series *series, int64_t value)
{
    if (series != NULL) atomic_store_explicit(&series->value, value, memory_order_relaxed);
}
static inline void weft_series_observe(struct weft_series *series, uint64_t ns)
{
    if (series == NULL) return;
    size_t bucket = 0;
    while (bucket < WEFT_METRIC_BUCKETS && ns > weft_metric_bounds[bucket])
        bucket++;
    atomic_fetch_add_explicit(&series->buckets[bucket], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&series->value, (int64_t)ns, memory_order_relaxed);
}

/* ---- text.c: what others read ------------------------------------------------------------------------------------ */

/* Appends all, in the text format 0.0.4 of Prometheus. */
void weft_metrics_text(struct weft_metrics *metrics, struct weft_buffer *buffer);
/* One more family and its samples, for what plugins count. */
void weft_metrics_family(struct weft_buffer *buffer, const char *name, enum weft_metric_type type, const char *help);
void weft_metrics_sample(struct weft_buffer *buffer, const char *name, const char *labels, int64_t value);
/* Appends `name="value"` with what must be escaped; a comma before it if something stands in the buffer. */
void weft_metrics_label(struct weft_buffer *buffer, const char *name, size_t name_size, const char *value);
/* Appends docs/metrics.md. */
void weft_metrics_page(struct weft_buffer *buffer);

/* ---- process.c --------------------------------------------------------------------------------------------------- */

/* Sets the process_* metrics and those of the log. */
void weft_metrics_read_process(struct weft_metrics *metrics);

/* The row of the table, for text.c. */
struct weft_metric_row {
    const char *name; /* with prefix */
    enum weft_metric_type type;
    enum weft_metric_unit unit;
    const char *labels; /* names, a space between them */
    const char *help;
};
extern const struct weft_metric_row weft_metric_rows[WEFT_METRICS];
struct weft_series *weft_metrics_first(struct weft_metrics *metrics, enum weft_metric metric);

#endif
