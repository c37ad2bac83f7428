/* host/admin/metrics.c - /metrics: what was counted where it happened, what the parts say of themselves, and what
 * plugins count. */
#include "data/group/committer.h"
#include "host/admin/pages.h"
#include "host/admin/state.h"
#include "host/crash.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { METRICS_NAME = 128, METRICS_PLUGINS_MOST = 512 };

static void state_set(void *arg, const struct weft_part_state *state)
{
    struct weft_process *process = arg;
    struct weft_metrics *metrics = process->metrics;
    if (state->plugin == NULL) return;
    const char *name = state->plugin->name;
    weft_series_set(WEFT_SERIES(metrics, PLUGIN_UP, state->part, name, state->service), state->up);
    weft_series_set(WEFT_SERIES(metrics, RECONNECTS, state->part, name, state->service), (int64_t)state->n_healed);
    weft_series_set(WEFT_SERIES(metrics, PLUGIN_INFO, state->part, name, state->plugin->version,
                                weft_crash_build_id("plugin", name)),
                    1);
}

static void cache_set(struct weft_process *process)
{
    const struct weft_cache_counters counters = weft_cache_counters(process->cache);
    const struct {
        const char *result;
        uint64_t n;
    } results[] = { { "hit", counters.hits },     { "miss", counters.misses },       { "damaged", counters.damaged },
                    { "fill", counters.fills },   { "drop", counters.drops },        { "replay", counters.replays },
                    { "error", counters.errors }, { "skipped", counters.left_alone } };
    for (size_t i = 0; i < sizeof results / sizeof *results; i++)
        weft_series_set(WEFT_SERIES(process->metrics, CACHE_REQUESTS, results[i].result), (int64_t)results[i].n);
}

static void commits_set(struct weft_process *process, const struct weft_part *part)
{
    struct weft_metrics *metrics = process->metrics;
    if (part->store == NULL || part->store->committer == NULL) return;
    const struct weft_committer_counters counters = weft_committer_counters(part->store->committer);
    const char *service = part->service->name;
    weft_series_set(WEFT_SERIES(metrics, COMMIT_GROUPS, service), (int64_t)counters.groups);
    weft_series_set(WEFT_SERIES(metrics, GROUPED_COMMITS, service, "committed"), (int64_t)counters.committed);
    weft_series_set(WEFT_SERIES(metrics, GROUPED_COMMITS, service, "alone"), (int64_t)counters.evicted);
}

/* With the mutex, as a drain takes it away. */
static void direct_set(struct weft_process *process, const struct weft_part *part)
{
    if (part->direct == NULL) return;
    const struct weft_direct_counters counters = weft_direct_counters(part->direct);
    const struct {
        const char *result;
        uint64_t n;
    } results[] = { { "confirmed", counters.confirmed },
                    { "unrouted", counters.unrouted },
                    { "refused", counters.refused },
                    { "again", counters.again },
                    { "journaled", counters.journaled },
                    { "drained", counters.drained },
                    { "lost", counters.lost } };
    for (size_t i = 0; i < sizeof results / sizeof *results; i++)
        weft_series_set(WEFT_SERIES(process->metrics, DIRECT_EVENTS, part->service->name, results[i].result),
                        (int64_t)results[i].n);
    weft_series_set(WEFT_SERIES(process->metrics, DIRECT_BEHIND, part->service->name),
                    weft_direct_behind(part->direct));
}

static void directs_set(struct weft_process *process)
{
    pthread_mutex_lock(&process->mutex);
    for (size_t i = 0; i < process->n_parts; i++)
        direct_set(process, &process->parts[i]);
    pthread_mutex_unlock(&process->mutex);
}

/* ---- what plugins count ------------------------------------------------------------------------------------------ */

/* A metric of one plugin's instance. */
struct sample {
    char name[METRICS_NAME];
    const char *plugin, *service;
    int64_t value;
    bool is_counter;
};

struct samples {
    struct sample *list;
    size_t n;
    const char *plugin, *service; /* of the instance that is being read */
};

/* weft_<plugin>_<name>, counters with _total; other characters than those of a metric's name become '_'. */
static void sample_name(char ret_name[METRICS_NAME], const char *plugin, const char *name, bool is_counter)
{
    size_t size = strlen(name);
    bool total = size >= 6 && strcmp(name + size - 6, "_total") == 0;
    snprintf(ret_name, METRICS_NAME, "weft_%s_%s%s", plugin, name, is_counter && !total ? "_total" : "");
    for (char *c = ret_name; *c != '\0'; c++)
        if (!isalnum((unsigned char)*c)) *c = '_';
}

static void sample_add(void *arg, const char *name, int64_t value, bool is_counter)
{
    struct samples *samples = arg;
    if (samples->n == METRICS_PLUGINS_MOST) return;
    struct sample *sample = &samples->list[samples->n++];
    *sample = (struct sample){ "", samples->plugin, samples->service, value, is_counter };
    sample_name(sample->name, samples->plugin, name, is_counter);
}

static void instance_read(struct samples *samples, struct weft_instance *instance, const char *service)
{
    if (instance == NULL) return;
    samples->plugin = weft_instance_plugin(instance)->name;
    samples->service = service;
    weft_instance_metrics(instance, sample_add, samples);
}

static int sample_compare(const void *a, const void *b)
{
    return strcmp(((const struct sample *)a)->name, ((const struct sample *)b)->name);
}

static void sample_write(struct weft_buffer *body, const struct sample *sample)
{
    struct weft_buffer labels __attribute__((cleanup(weft_buffer_free))) = WEFT_BUFFER_EMPTY;
    if (sample->service != NULL) weft_metrics_label(&labels, "service", strlen("service"), sample->service);
    weft_metrics_sample(body, sample->name, labels.data != NULL ? labels.data : "", sample->value);
}

/* Those of one name stand together, as the format wants. */
static void plugins_write(struct weft_process *process, struct weft_buffer *body)
{
    struct samples samples = { .list = calloc(METRICS_PLUGINS_MOST, sizeof *samples.list) };
    if (samples.list == NULL) return;
    instance_read(&samples, process->transport_instance, NULL);
    instance_read(&samples, process->cache_instance, NULL);
    for (size_t i = 0; i < process->n_parts; i++)
        instance_read(&samples, process->parts[i].store_instance, process->parts[i].service->name);
    qsort(samples.list, samples.n, sizeof *samples.list, sample_compare);
    for (size_t i = 0; i < samples.n; i++) {
        const struct sample *sample = &samples.list[i];
        char help[METRICS_NAME];
        snprintf(help, sizeof help, "Counted by the plugin %.64s itself.", sample->plugin);
        if (i == 0 || strcmp(samples.list[i - 1].name, sample->name) != 0)
            weft_metrics_family(body, sample->name, sample->is_counter ? WEFT_METRIC_COUNTER : WEFT_METRIC_GAUGE, help);
        sample_write(body, sample);
    }
    free(samples.list);
}

/* ---- the page ---------------------------------------------------------------------------------------------------- */

unsigned weft_page_metrics(void *arg, const struct weft_admin_request *request, struct weft_buffer *body)
{
    (void)request;
    struct weft_process *process = arg;
    struct weft_buffer why __attribute__((cleanup(weft_buffer_free))) = WEFT_BUFFER_EMPTY;
    weft_series_set(WEFT_SERIES(process->metrics, BUILD_INFO, WEFT_VERSION), 1);
    weft_series_set(WEFT_SERIES(process->metrics, READY), weft_process_readiness(process, &why));
    weft_states_each(process, state_set, process);
    cache_set(process);
    directs_set(process);
    for (size_t i = 0; i < process->n_parts; i++)
        commits_set(process, &process->parts[i]);
    weft_metrics_read_process(process->metrics);
    weft_metrics_text(process->metrics, body);
    plugins_write(process, body);
    return 200;
}
