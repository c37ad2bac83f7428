/* observe/metrics/text.c - the table and its values as text: for Prometheus (text format 0.0.4,
 * prometheus.io/docs/instrumenting/exposition_formats) and as a page for people. */
#include "observe/metrics/metrics.h"

#include "base/clock.h"
#include "base/text.h"

#include <inttypes.h>
#include <string.h>

enum { TEXT_LABEL_MAX = 128 };

static const char *type_name(enum weft_metric_type type)
{
    static const char *const names[] = { "counter", "gauge", "histogram" };
    return names[type];
}

/* Backslash, quote and line end are escaped; what is no UTF-8 becomes '?'. */
void weft_metrics_label(struct weft_buffer *buffer, const char *name, size_t name_size, const char *value)
{
    if (buffer->size != 0) weft_buffer_byte(buffer, ',');
    weft_buffer_add(buffer, name, name_size);
    weft_buffer_text(buffer, "=\"");
    size_t rest = strnlen(value, TEXT_LABEL_MAX);
    for (size_t size; rest != 0; value += size, rest -= size) {
        size = weft_text_character(value, rest);
        if (*value == '\\' || *value == '"' || *value == '\n')
            weft_buffer_text(buffer, *value == '\n' ? "\\n" : *value == '"' ? "\\\"" : "\\\\");
        else
            weft_buffer_add(buffer, size != 0 ? value : "?", size != 0 ? size : 1);
        size = size != 0 ? size : 1;
    }
    weft_buffer_byte(buffer, '"');
}

void weft_metrics_family(struct weft_buffer *buffer, const char *name, enum weft_metric_type type, const char *help)
{
    weft_buffer_format(buffer, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type_name(type));
}

static void name_write(struct weft_buffer *buffer, const char *name, const char *suffix, const char *labels)
{
    weft_buffer_text(buffer, name);
    weft_buffer_text(buffer, suffix);
    if (labels[0] != '\0') weft_buffer_format(buffer, "{%s}", labels);
    weft_buffer_byte(buffer, ' ');
}

void weft_metrics_sample(struct weft_buffer *buffer, const char *name, const char *labels, int64_t value)
{
    name_write(buffer, name, "", labels);
    weft_buffer_format(buffer, "%" PRId64 "\n", value);
}

/* Nanoseconds as seconds, without rounding. */
static void seconds_write(struct weft_buffer *buffer, int64_t ns)
{
    uint64_t size = ns < 0 ? 0 - (uint64_t)ns : (uint64_t)ns;
    weft_buffer_format(buffer, "%s%" PRIu64 ".%09" PRIu64 "\n", ns < 0 ? "-" : "", size / 1000000000,
                       size % 1000000000);
}

/* The count is what the buckets held when they were read, so a scrape never contradicts itself. */
static void histogram_write(struct weft_buffer *buffer, const char *name, struct weft_series *series)
{
    const char *comma = series->labels[0] != '\0' ? "," : "";
    uint64_t total = 0;
    int64_t sum = atomic_load_explicit(&series->value, memory_order_relaxed);
    for (size_t i = 0; i <= WEFT_METRIC_BUCKETS; i++) {
        total += atomic_load_explicit(&series->buckets[i], memory_order_relaxed);
        if (i < WEFT_METRIC_BUCKETS)
            weft_buffer_format(buffer, "%s_bucket{%s%sle=\"%g\"} %" PRIu64 "\n", name, series->labels, comma,
                               (double)weft_metric_bounds[i] / 1e9, total);
        else
            weft_buffer_format(buffer, "%s_bucket{%s%sle=\"+Inf\"} %" PRIu64 "\n", name, series->labels, comma, total);
    }
    name_write(buffer, name, "_sum", series->labels);
    seconds_write(buffer, sum);
    name_write(buffer, name, "_count", series->labels);
    weft_buffer_format(buffer, "%" PRIu64 "\n", total);
}

static int64_t age_ns(int64_t since_us)
{
    int64_t now_us = weft_clock_wall_us();
    return since_us == 0 || now_us < since_us ? 0 : (now_us - since_us) * 1000;
}

static void series_write(struct weft_buffer *buffer, const struct weft_metric_row *row, struct weft_series *series)
{
    int64_t value = atomic_load_explicit(&series->value, memory_order_relaxed);
    if (row->type == WEFT_METRIC_HISTOGRAM) {
        histogram_write(buffer, row->name, series);
    } else if (row->unit == WEFT_UNIT_SECONDS || row->unit == WEFT_UNIT_AGE) {
        name_write(buffer, row->name, "", series->labels);
        seconds_write(buffer, row->unit == WEFT_UNIT_AGE ? age_ns(value) : value);
    } else {
        weft_metrics_sample(buffer, row->name, series->labels, value);
    }
}

void weft_metrics_text(struct weft_metrics *metrics, struct weft_buffer *buffer)
{
    for (enum weft_metric metric = 0; metric < WEFT_METRICS; metric++) {
        const struct weft_metric_row *row = &weft_metric_rows[metric];
        weft_metrics_family(buffer, row->name, row->type, row->help);
        for (struct weft_series *series = weft_metrics_first(metrics, metric); series != NULL;
             series = atomic_load_explicit(&series->next, memory_order_acquire))
            series_write(buffer, row, series);
    }
}

/* ---- docs/metrics.md --------------------------------------------------------------------------------------------- */

static void page_row(struct weft_buffer *buffer, const struct weft_metric_row *row)
{
    static const char *const units[] = { "", "seconds", "seconds", "bytes" };
    weft_buffer_format(buffer, "| `%s` | %s | %s | ", row->name, type_name(row->type), units[row->unit]);
    for (const char *at = row->labels; *at != '\0';) {
        size_t size = strcspn(at, " ");
        weft_buffer_format(buffer, "%s`%.*s`", at != row->labels ? ", " : "", (int)size, at);
        at += size + (at[size] == ' ');
    }
    weft_buffer_format(buffer, " | %s |\n", row->help);
}

void weft_metrics_page(struct weft_buffer *buffer)
{
    weft_buffer_text(
        buffer,
        "# Metrics\n\n"
        "What `GET /metrics` of the admin server shows (text format 0.0.4 of Prometheus). This page comes from the "
        "table "
        "in\n`core/src/observe/metrics/table.h`; a test holds it to that. `deploy/prometheus/` has alert rules on "
        "them.\n\n"
        "A scrape asks no broker, no cache and no database: gauges that live in a store are read by the relay and the\n"
        "groups, every few seconds, on their own sessions. Labels are never ids; a label without a value is left out. "
        "Where\nservices of several hosts are added up, note that only the instance that relays shows its outbox, and "
        "that every\ninstance of a group shows the same `weft_parked` and `weft_dead`: take the maximum.\n"
        "Prometheus' own label `service`, where targets have one, must not replace weft's: scrape with `honor_labels: "
        "true`, as\nthe chart does.\n\n"
        "| name | type | unit | labels | meaning |\n| --- | --- | --- | --- | --- |\n");
    for (enum weft_metric metric = 0; metric < WEFT_METRICS; metric++)
        page_row(buffer, &weft_metric_rows[metric]);
    weft_buffer_text(buffer, "\nHistograms have buckets up to");
    for (size_t i = 0; i < WEFT_METRIC_BUCKETS; i++)
        weft_buffer_format(buffer, "%s %g", i != 0 ? "," : "", (double)weft_metric_bounds[i] / 1e9);
    weft_buffer_text(buffer, " seconds.\n\nPlugins add what they count themselves as `weft_<plugin>_<name>`, with the "
                             "label `service` for stores.\n");
}
