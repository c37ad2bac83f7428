/* examine.c - what an operator should know of the server: its version, its clock, and settings that lose commits. */
#include "pg.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define CLOCK_APART_US 2000000

static const char question[] = "SELECT current_setting('server_version'), current_setting('fsync'), "
                               "current_setting('synchronous_commit'), current_setting('max_connections'), "
                               "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint";

static const char *cell(const struct weft_value *value)
{
    return value->type == WEFT_TYPE_TEXT ? value->as.text : "?";
}

static bool is_off(const struct weft_value *value)
{
    const char *text = cell(value);
    return text[0] == 'o' && text[1] == 'f';
}

/* Leases and due times are told by the database's clock, events by ours. */
static void clock_say(const struct weft_examiner *examiner, int64_t theirs_us)
{
    char text[80];
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    int64_t apart_us = theirs_us - ((int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000);
    bool far = apart_us > CLOCK_APART_US || apart_us < -CLOCK_APART_US;
    snprintf(text, sizeof text, "the server's is %+.3f s from ours", (double)apart_us / 1e6);
    examiner->say(examiner, far ? WEFT_FINDING_WARNING : WEFT_FINDING_OK, "clock", text,
                  far ? "let both be set by NTP" : NULL);
}

static void settings_say(const struct weft_examiner *examiner, const struct weft_value *row)
{
    char text[120];
    snprintf(text, sizeof text, "PostgreSQL %.60s, max_connections %.20s", cell(&row[0]), cell(&row[3]));
    examiner->say(examiner, WEFT_FINDING_OK, "version", text, NULL);
    snprintf(text, sizeof text, "fsync %.10s, synchronous_commit %.20s", cell(&row[1]), cell(&row[2]));
    bool risky = is_off(&row[1]) || is_off(&row[2]);
    examiner->say(examiner, risky ? WEFT_FINDING_WARNING : WEFT_FINDING_OK, "durability", text,
                  risky ? "committed events may be lost when the server crashes: set both on" : NULL);
    clock_say(examiner, row[4].as.integer);
}

void pg_examine(void *self, const struct weft_examiner *examiner, uint64_t deadline_ns)
{
    void *session = NULL;
    struct weft_error error = { .rc = WEFT_RC_OK };
    struct weft_result result = { .text = NULL };
    const struct weft_statement statement = { question, NULL, 0, WEFT_STATEMENT_ROWS | WEFT_STATEMENT_ONCE };
    if (pg_session_open(self, WEFT_SESSION_ADMIN, deadline_ns, &session, &error) != WEFT_RC_OK) {
        examiner->say(examiner, WEFT_FINDING_FAILED, "version", error.text, NULL);
        return;
    }
    if (pg_run(session, &statement, 1, &result, deadline_ns) == WEFT_RC_OK && result.sets[0].n_rows == 1)
        settings_say(examiner, result.sets[0].values);
    else
        examiner->say(examiner, WEFT_FINDING_WARNING, "version", result.text != NULL ? result.text : "no answer", NULL);
    pg_session_close(session);
}
