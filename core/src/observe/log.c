/* observe/log.c - lines: what stands in them, and which are let through.
 *
 * A line is put together on the caller's stack, without a lock and without memory from the heap; only the finished line
 * is handed to the sink. Texts are cut so that any line fits. */
#include "observe/log.h"

#include "base/clock.h"
#include "base/text.h"
#include "observe/log_sink.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define MESSAGE_MAX 2048 /* bytes before escaping */
#define FIELD_MAX   384  /* bytes escaped */
#define LINE_SIZE   (2 * MESSAGE_MAX + 12 * (FIELD_MAX + 24) + 256)

struct line {
    size_t size;
    char text[LINE_SIZE];
};

static const char *const level_names[WEFT_LOG_LEVELS] = { "debug", "info", "warn", "error" };

#define N_LEVELS WEFT_LOG_LEVELS

static _Atomic int32_t log_level = WEFT_LOG_INFO;
static _Atomic uint64_t n_lines[WEFT_LOG_LEVELS];

/* The fields that are text, in the order in which they are printed, with what stands before them. */
#define TEXT_FIELD(name, field)                                                                                        \
    {                                                                                                                  \
        ",\"" name "\":\"", sizeof(",\"" name "\":\"") - 1, offsetof(struct weft_log_fields, field)                    \
    }

static const struct {
    const char *prefix;
    size_t prefix_size, offset;
} text_fields[] = {
    TEXT_FIELD("correlationId", correlation_id),
    TEXT_FIELD("service", service),
    TEXT_FIELD("method", method),
    TEXT_FIELD("code", code),
    TEXT_FIELD("eventId", event_id),
    TEXT_FIELD("eventType", event_type),
    TEXT_FIELD("group", group),
    TEXT_FIELD("result", result),
    TEXT_FIELD("plugin", plugin),
};

static void line_add(struct line *line, const char *bytes, size_t size)
{
    memcpy(line->text + line->size, bytes, size);
    line->size += size;
}

#define line_literal(line, literal) line_add(line, literal, sizeof(literal) - 1)

/* The text, escaped and cut at `room`, and the quote that ends it. */
static void line_quoted(struct line *line, const char *text, size_t size, size_t room)
{
    size_t taken;
    line->size += weft_text_escape(line->text + line->size, room, text, size, &taken);
    line_literal(line, "\"");
}

static void line_number(struct line *line, uint64_t number, int min_digits)
{
    char digits[20];
    int n = 0;
    do {
        digits[sizeof digits - 1 - (size_t)n++] = (char)('0' + number % 10);
        number /= 10;
    } while (number != 0 || n < min_digits);
    line_add(line, digits + sizeof digits - n, (size_t)n);
}

/* traceparent is 00-<32 hex digits>-<16 hex digits>-<flags> (W3C Trace Context, section 3.2). */
static void line_trace(struct line *line, const char *traceparent)
{
    enum { TRACE_AT = 3, TRACE_SIZE = 32, SPAN_AT = 36, SPAN_SIZE = 16 };
    if (strnlen(traceparent, SPAN_AT + SPAN_SIZE) < SPAN_AT + SPAN_SIZE) return;
    if (traceparent[TRACE_AT - 1] != '-' || traceparent[SPAN_AT - 1] != '-') return;
    line_literal(line, ",\"traceId\":\"");
    line_quoted(line, traceparent + TRACE_AT, TRACE_SIZE, FIELD_MAX);
    line_literal(line, ",\"spanId\":\"");
    line_quoted(line, traceparent + SPAN_AT, SPAN_SIZE, FIELD_MAX);
}

static void line_fields(struct line *line, const struct weft_log_fields *fields)
{
    for (size_t i = 0; i < sizeof text_fields / sizeof text_fields[0]; i++) {
        const char *text = *(const char *const *)((const char *)fields + text_fields[i].offset);
        if (text == NULL) continue;
        line_add(line, text_fields[i].prefix, text_fields[i].prefix_size);
        line_quoted(line, text, strlen(text), FIELD_MAX);
    }
    if (fields->traceparent != NULL) line_trace(line, fields->traceparent);
    if (fields->duration_us > 0) {
        line_literal(line, ",\"duration_ms\":");
        line_number(line, (uint64_t)fields->duration_us / 1000, 1);
        line_literal(line, ".");
        line_number(line, (uint64_t)fields->duration_us % 1000, 3);
    }
    if (fields->attempt != 0) {
        line_literal(line, ",\"attempt\":");
        line_number(line, fields->attempt, 1);
    }
}

static void line_start(struct line *line, int32_t level)
{
    char now[28];
    weft_clock_format(weft_clock_wall_us(), now);
    line->size = 0;
    line_literal(line, "{\"timestamp\":\"");
    line_add(line, now, sizeof now - 1);
    line_literal(line, "\",\"level\":\"");
    line_add(line, level_names[level], strlen(level_names[level]));
    line_literal(line, "\",\"message\":\"");
}

static void log_write(int32_t level, const char *context, const struct weft_log_fields *fields, const char *message,
                      size_t size)
{
    struct line line;
    atomic_fetch_add_explicit(&n_lines[level], 1, memory_order_relaxed);
    line_start(&line, level);
    line_quoted(&line, message, size, 2 * MESSAGE_MAX);
    if (context != NULL) {
        line_literal(&line, ",\"context\":\"");
        line_quoted(&line, context, strlen(context), FIELD_MAX);
    }
    if (fields != NULL) line_fields(&line, fields);
    line_literal(&line, "}\n");
    weft_log_sink_add(line.text, line.size, level >= WEFT_LOG_WARN);
}

/* vsnprintf's result as the size of what stands in a buffer of `room`: at most all but the NUL, whole characters. */
static size_t formatted_size(const char *text, int printed, size_t room)
{
    if (printed < 0) return 0;
    if ((size_t)printed < room) return (size_t)printed;
    size_t size = room - 1;
    while (size > room - 4 && weft_text_character(text + size - 1, 1) == 0)
        size--;
    return size;
}

static void log_vwrite(int32_t level, const char *context, const struct weft_log_fields *fields, uint64_t n_left_out,
                       const char *format, va_list args)
{
    char message[MESSAGE_MAX];
    size_t size = formatted_size(message, vsnprintf(message, sizeof message, format, args), sizeof message);
    if (n_left_out != 0) {
        size_t room = sizeof message - size;
        int printed = snprintf(message + size, room, " (%llu more like it left out)", (unsigned long long)n_left_out);
        size += formatted_size(message + size, printed, room);
    }
    log_write(level, context, fields, message, size);
}

static int32_t level_known(int32_t level)
{
    return level < 0 ? 0 : level >= N_LEVELS ? N_LEVELS - 1 : level;
}

void weft_log_start(int fd, int32_t level)
{
    weft_log_level(level);
    weft_log_sink_start(fd);
}

void weft_log_stop(void)
{
    weft_log_sink_stop();
}

void weft_log_flush(void)
{
    weft_log_sink_flush();
}

void weft_log_end(void)
{
    weft_log_sink_end();
}

const char *weft_log_level_name(int32_t level)
{
    return level_names[level_known(level)];
}

/* ---- the level, for good and for a time -------------------------------------------------------------------------- */

static struct {
    pthread_mutex_t mutex;
    int32_t lasting;  /* the level once no time runs */
    uint64_t back_ns; /* when it comes back; 0: no time runs */
} setting = { .mutex = PTHREAD_MUTEX_INITIALIZER, .lasting = WEFT_LOG_INFO };

static void level_come_back(void)
{
    pthread_mutex_lock(&setting.mutex);
    bool due = setting.back_ns != 0 && setting.back_ns <= weft_clock_ns(); /* else another time runs by now */
    if (due) {
        setting.back_ns = 0;
        atomic_store_explicit(&log_level, setting.lasting, memory_order_relaxed);
    }
    pthread_mutex_unlock(&setting.mutex);
    if (due) weft_log(WEFT_LOG_INFO, "log", NULL, "the level is %s again", level_names[setting.lasting]);
}

void weft_log_level_for(int32_t level, uint64_t for_ns)
{
    pthread_mutex_lock(&setting.mutex);
    if (for_ns == 0) setting.lasting = level_known(level);
    setting.back_ns = for_ns != 0 ? weft_clock_ns() + for_ns : 0;
    atomic_store_explicit(&log_level, level, memory_order_relaxed);
    if (for_ns != 0) weft_log_sink_alarm(setting.back_ns, level_come_back);
    pthread_mutex_unlock(&setting.mutex);
}

void weft_log_level(int32_t level)
{
    weft_log_level_for(level, 0);
}

struct weft_log_state weft_log_state(void)
{
    pthread_mutex_lock(&setting.mutex);
    uint64_t now = weft_clock_ns();
    struct weft_log_state state = { .level = atomic_load_explicit(&log_level, memory_order_relaxed),
                                    .then = setting.lasting,
                                    .left_ns = setting.back_ns > now ? setting.back_ns - now : 0 };
    pthread_mutex_unlock(&setting.mutex);
    return state;
}

struct weft_log_counters weft_log_counters(void)
{
    struct weft_log_counters counters = { .dropped = weft_log_sink_dropped() };
    for (int32_t level = 0; level < N_LEVELS; level++)
        counters.lines[level] = atomic_load_explicit(&n_lines[level], memory_order_relaxed);
    return counters;
}

bool weft_log_enabled(int32_t level)
{
    return level >= atomic_load_explicit(&log_level, memory_order_relaxed);
}

int32_t weft_log_parse_level(const char *name)
{
    for (int32_t level = 0; level < N_LEVELS; level++)
        if (strcmp(name, level_names[level]) == 0) return level;
    return -1;
}

void weft_log(int32_t level, const char *context, const struct weft_log_fields *fields, const char *format, ...)
{
    if (!weft_log_enabled(level)) return;
    va_list args;
    va_start(args, format);
    log_vwrite(level_known(level), context, fields, 0, format, args);
    va_end(args);
}

void weft_log_audit(const char *context, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    log_vwrite(WEFT_LOG_INFO, context, NULL, 0, format, args);
    va_end(args);
}

/* ---- limited ----------------------------------------------------------------------------------------------------- */

#define LIMIT_PERIOD (10 * WEFT_SECOND)
#define LIMIT_KEYS   64

struct limit {
    const char *key;
    uint64_t next_ns; /* silent up to then */
    uint64_t n_left_out;
};

/* The key's entry, or the one that has been silent for longest. */
static struct limit *limit_find(struct limit limits[LIMIT_KEYS], const char *key)
{
    struct limit *oldest = limits;
    for (struct limit *limit = limits; limit < limits + LIMIT_KEYS; limit++) {
        if (limit->key != NULL && strcmp(limit->key, key) == 0) return limit;
        if (limit->next_ns < oldest->next_ns) oldest = limit;
    }
    *oldest = (struct limit){ key, 0, 0 };
    return oldest;
}

/* May a line of this key be written now? Then *ret_left_out is how many were not since the last. */
static bool limit_pass(const char *key, uint64_t *ret_left_out)
{
    static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    static struct limit limits[LIMIT_KEYS];
    uint64_t now = weft_clock_ns();
    pthread_mutex_lock(&mutex);
    struct limit *limit = limit_find(limits, key);
    bool pass = now >= limit->next_ns;
    if (pass) {
        *ret_left_out = limit->n_left_out;
        limit->n_left_out = 0;
        limit->next_ns = now + LIMIT_PERIOD;
    } else {
        limit->n_left_out++;
    }
    pthread_mutex_unlock(&mutex);
    return pass;
}

void weft_log_limited(const char *key, int32_t level, const char *context, const struct weft_log_fields *fields,
                      const char *format, ...)
{
    uint64_t n_left_out;
    if (!weft_log_enabled(level) || !limit_pass(key, &n_left_out)) return;
    va_list args;
    va_start(args, format);
    log_vwrite(level_known(level), context, fields, n_left_out, format, args);
    va_end(args);
}
