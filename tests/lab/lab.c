/* lab.c - a service for tests alone: echoes a recursive message, counts the events that reach its handlers, and emits
 * direct events. Some events fail, or end the process, for as long as the table `healed` is empty. */
#include "lab/v1/lab.weft.h"

#include <lab_migrations.h>
#include <stdlib.h>
#include <string.h>
#include <weft/service.h>

static weft_status echo(weft_call *call, const Lab__V1__Node *in, Lab__V1__Node *out, void *arg)
{
    (void)arg;
    out->name = weft_strdup(call, in->name);
    out->child = in->child;
    return WEFT_OK;
}

static weft_status send_beat(weft_call *call, const Lab__V1__BeatRequest *in, Lab__V1__BeatResponse *out, void *arg)
{
    (void)out, (void)arg;
    lab_v1_beat_emit_direct(call, &(Lab__V1__Beat){ .source = in->source, .number = in->number });
    return WEFT_OK;
}

static bool is_healed(weft_event *event)
{
    weft_rows *rows;
    return weft_fetch(weft_event_tx(event), &rows, "SELECT id FROM healed") == WEFT_OK && weft_next(rows);
}

static bool begins(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

static weft_status on_node_seen(weft_event *event, const Lab__V1__NodeSeen *in, void *arg)
{
    (void)arg;
    if (begins(in->id, "fail") && !is_healed(event)) return weft_retry(event, "the lab has not been healed");
    if (begins(in->id, "abort") && !is_healed(event)) abort();
    return weft_exec(weft_event_tx(event), "INSERT INTO seen (id) VALUES ($1)", in->id);
}

static weft_status on_step_made(weft_event *event, const Lab__V1__StepMade *in, void *arg)
{
    (void)arg;
    if (in->step == 1 && !is_healed(event)) return weft_retry(event, "the lab has not been healed");
    return weft_exec(weft_event_tx(event), "INSERT INTO steps (id, step, place) SELECT $1, $2, count(*) FROM steps",
                     in->id, in->step);
}

static weft_status setup(weft_service *service)
{
    static const struct lab_v1_lab_service_handlers handlers = { .echo = echo, .send_beat = send_beat };
    static const struct weft_group_options ordered = { .ordered = true, .hold_on_dead = true };
    lab_v1_lab_service_register(service, &handlers, NULL);
    lab_v1_lab_declare(service);
    lab_v1_node_seen_on(weft_group_new(service, "lab-events", NULL), on_node_seen, NULL);
    lab_v1_step_made_on(weft_group_new(service, "lab-steps", &ordered), on_step_made, NULL);
    weft_service_add_migrations(service, lab_migrations, lab_migrations_count);
    return WEFT_OK;
}

WEFT_SERVICE("lab-service", "0.1.0", setup);
