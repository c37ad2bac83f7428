/* test/events.c - events into a service, and out of its outbox. */
#include "base/clock.h"
#include "base/id.h"
#include "data/tx.h"
#include "data/work.h"
#include "test/host.h"

#include <stdio.h>
#include <string.h>

enum { TEST_EMITTED_MAX = 10000 };

/* Columns of the dialect's outbox_claim. */
enum {
    OUTBOX_ID,
    OUTBOX_EVENT_ID,
    OUTBOX_TYPE,
    OUTBOX_TOPIC,
    OUTBOX_ROUTING_KEY,
    OUTBOX_KEY,
    OUTBOX_CORRELATION_ID = 8,
    OUTBOX_CAUSATION_ID = 9,
    OUTBOX_PAYLOAD = 13
};

/* ---- in ---------------------------------------------------------------------------------------------------------- */

static struct weft_work *work_new(struct weft_test *test, const struct weft_group *group,
                                  const struct weft_event_type *type, const char *id, const char *key)
{
    struct weft_work_event *event = weft_arena_alloc(test->arena, sizeof *event);
    *event = (struct weft_work_event){ .id = id, .type = type->type, .key = key, .group = group->name, .attempt = 1 };
    struct weft_work *work = weft_arena_alloc(test->arena, sizeof *work);
    *work = (struct weft_work){ .arena = test->arena,
                                .service = test->service->name,
                                .store = test->store,
                                .cache = test->cache,
                                .deadline_ns = weft_test_deadline(),
                                .correlation_id = id,
                                .causation_id = id,
                                .event = event,
                                .session_purpose = WEFT_SESSION_LANE };
    return work;
}

/* Was the event new to the group? Its id is in the inbox now, as part of the work's transaction. */
static bool inbox_add(struct weft_work *work)
{
    const char *const ids[] = { work->event->id };
    const struct weft_value params[] = { weft_text(work->event->group), weft_texts(ids, 1) };
    const struct weft_rowset *set;
    return weft_tx_rows(weft_event_tx(work), work->store->dialect->inbox_insert, params, 2, &set) == WEFT_OK &&
           set->n_rows == 1;
}

static weft_status handler_run(struct weft_test *test, const struct weft_group *group,
                               const struct weft_event_handler *handler, const char *id, const struct weft_bytes *bytes)
{
    ProtobufCMessage *in = weft_test_unpack(test, handler->type->message->descriptor, bytes->data, bytes->size);
    if (in == NULL) return test->fault.status;
    struct weft_work *work = work_new(test, group, handler->type, id, weft_message_key(test->arena, handler->type, in));
    weft_status status = WEFT_OK;
    if (inbox_add(work)) status = handler->trampoline(handler->handler, work, in, handler->arg);
    status = weft_work_finish(work, status);
    if (test->fault.status == WEFT_OK) test->fault = work->fault;
    return status;
}

static const struct weft_event_handler *handler_find(const struct weft_group *group, const char *type)
{
    for (size_t i = 0; i < group->n_handlers; i++) {
        if (strcmp(group->handlers[i].type->type, type) == 0) return &group->handlers[i];
    }
    return NULL;
}

weft_status weft_test_deliver_message(weft_test *test, const struct weft_event_type *type, const char *id,
                                      const ProtobufCMessage *in)
{
    weft_test_begin(test);
    struct weft_bytes bytes;
    if (!weft_test_pack(test, type->message->descriptor, in, &bytes)) return test->fault.status;
    char *own_id = weft_arena_alloc(test->arena, WEFT_ID_SIZE);
    weft_id_v7(own_id);
    size_t n_groups = 0;
    for (const struct weft_group *group = test->service->groups; group != NULL; group = group->next) {
        const struct weft_event_handler *handler = handler_find(group, type->type);
        if (handler == NULL) continue;
        n_groups++;
        handler_run(test, group, handler, id != NULL ? id : own_id, &bytes);
    }
    if (n_groups == 0)
        weft_fault_set(&test->fault, WEFT_UNIMPLEMENTED, "%s handles no %s", test->service->name, type->type);
    return test->fault.status;
}

/* ---- out --------------------------------------------------------------------------------------------------------- */

/* The outbox, in order; rows and their values last until the session is given back. NULL: it cannot be read. */
static struct weft_session *outbox_open(struct weft_test *test, struct weft_rowset *ret_set)
{
    const struct weft_value params[] = { weft_ints(NULL, 0), weft_texts(NULL, 0), weft_int(TEST_EMITTED_MAX) };
    struct weft_session *session;
    struct weft_result result;
    struct weft_fault fault;
    if (weft_store_acquire(test->store, WEFT_SESSION_ADMIN, weft_test_deadline(), &session, &fault) != WEFT_OK) {
        fprintf(stderr, "weft_test: %s\n", fault.text);
        return NULL;
    }
    if (weft_session_one(session, test->store->dialect->outbox_claim, params, 3, &result, weft_test_deadline()) ==
        WEFT_RC_OK) {
        *ret_set = result.sets[0];
        return session;
    }
    fprintf(stderr, "weft_test: the outbox: %s\n", result.text != NULL ? result.text : "cannot be read");
    weft_store_release(session);
    return NULL;
}

static const struct weft_value *row_of(const struct weft_rowset *set, size_t index)
{
    return index < set->n_rows ? &set->values[index * set->n_columns] : NULL;
}

static const char *cell_copy(struct weft_test *test, const struct weft_value *value)
{
    return value->type == WEFT_TYPE_TEXT ? weft_arena_strdup(test->arena, value->as.text) : "";
}

ProtobufCMessage *weft_test_emitted_message(weft_test *test, size_t index, const struct weft_event_type *type)
{
    struct weft_rowset set;
    struct weft_session *session = outbox_open(test, &set);
    if (session == NULL) return NULL;
    const struct weft_value *row = row_of(&set, index);
    ProtobufCMessage *message = NULL;
    if (row != NULL && strcmp(cell_copy(test, &row[OUTBOX_TYPE]), type->type) == 0) {
        const struct weft_value *payload = &row[OUTBOX_PAYLOAD];
        const void *bytes = weft_arena_copy(test->arena, payload->as.bytes, payload->size);
        message = weft_test_unpack(test, type->message->descriptor, bytes, payload->size);
    }
    weft_store_release(session);
    return message;
}

bool weft_test_emitted_envelope(weft_test *test, size_t index, struct weft_test_envelope *ret_envelope)
{
    struct weft_rowset set;
    struct weft_session *session = outbox_open(test, &set);
    if (session == NULL) return false;
    const struct weft_value *row = row_of(&set, index);
    if (row != NULL)
        *ret_envelope = (struct weft_test_envelope){ .id = cell_copy(test, &row[OUTBOX_EVENT_ID]),
                                                     .type = cell_copy(test, &row[OUTBOX_TYPE]),
                                                     .topic = cell_copy(test, &row[OUTBOX_TOPIC]),
                                                     .routing_key = cell_copy(test, &row[OUTBOX_ROUTING_KEY]),
                                                     .key = cell_copy(test, &row[OUTBOX_KEY]),
                                                     .correlation_id = cell_copy(test, &row[OUTBOX_CORRELATION_ID]),
                                                     .causation_id = cell_copy(test, &row[OUTBOX_CAUSATION_ID]) };
    weft_store_release(session);
    return row != NULL;
}

size_t weft_test_emitted_count(weft_test *test)
{
    struct weft_rowset set;
    struct weft_session *session = outbox_open(test, &set);
    if (session == NULL) return 0;
    weft_store_release(session);
    return set.n_rows;
}

void weft_test_emitted_clear(weft_test *test)
{
    struct weft_rowset set;
    struct weft_session *session = outbox_open(test, &set);
    if (session == NULL) return;
    int64_t *ids = weft_arena_alloc(test->arena, (set.n_rows + 1) * sizeof *ids);
    for (size_t i = 0; i < set.n_rows; i++)
        ids[i] = row_of(&set, i)[OUTBOX_ID].as.integer;
    const struct weft_value param = weft_ints(ids, set.n_rows);
    struct weft_result result;
    if (weft_session_one(session, test->store->dialect->outbox_done, &param, 1, &result, weft_test_deadline()) !=
        WEFT_RC_OK)
        fprintf(stderr, "weft_test: the outbox: %s\n", result.text != NULL ? result.text : "cannot be emptied");
    weft_store_release(session);
}

void weft_test_emit_due(struct weft_test *test)
{
    const struct weft_dialect *dialect = test->store->dialect;
    const struct weft_value params[] = { weft_time_us(weft_clock_wall_us()), weft_int(TEST_EMITTED_MAX) };
    const struct weft_statement both[] = { { dialect->scheduled_move, params, 2, WEFT_STATEMENT_BEGIN },
                                           { dialect->scheduled_moved, params, 2, WEFT_STATEMENT_COMMIT } };
    struct weft_session *session;
    struct weft_result result = { 0 };
    struct weft_fault fault;
    if (weft_store_acquire(test->store, WEFT_SESSION_ADMIN, weft_test_deadline(), &session, &fault) != WEFT_OK) return;
    if (weft_session_run(session, both, 2, &result, weft_test_deadline()) != WEFT_RC_OK)
        fprintf(stderr, "weft_test: the schedule: %s\n", result.text != NULL ? result.text : "cannot be read");
    weft_store_release(session);
}
