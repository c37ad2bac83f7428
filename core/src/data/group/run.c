/* data/group/run.c - one group.
 *
 * A run that fails has been rolled back by the plugin, so the next one goes out without any round trip in between. The
 * member whose statement failed leaves: also one that gave up a lock soon (sessions of groups wait 10 ms at most), for
 * a group that waits makes all of its members wait. What is nobody's fault, a constraint checked at the commit or a
 * time that ran out, sends everybody away: alone it will show. */
#include "data/group/run.h"

#include "base/clock.h"
#include "data/tx_state.h"

#include <string.h>
#include <strings.h>

enum { GROUP_EVICTIONS = 4 }; /* in a run; then everybody goes alone */
#define GROUP_RUN_MOST_NS (10 * WEFT_SECOND)

static const struct tx_statement *tx_statements(const weft_tx *tx)
{
    return tx->statements.items;
}

/* Others are in the same transaction, so nothing may be in it that takes locks of its own, changes settings, or has an
 * effect that the store does not undo. */
static bool only_writes(const char *sql)
{
    sql += strspn(sql, " \t\r\n");
    return strncasecmp(sql, "INSERT", 6) == 0 || strncasecmp(sql, "UPDATE", 6) == 0 ||
           strncasecmp(sql, "DELETE", 6) == 0;
}

uint32_t weft_group_size(const weft_tx *tx)
{
    return tx->statements.n + tx->rows.n;
}

bool weft_group_fits(const weft_tx *tx)
{
    if (tx->state != TX_FRESH || tx->alone || weft_tx_failed(tx) || tx->drops.n > 0) return false;
    if (weft_group_size(tx) == 0 || weft_group_size(tx) > WEFT_JOIN_STATEMENTS) return false;
    for (uint32_t i = 0; i < tx->statements.n; i++)
        if (!only_writes(tx_statements(tx)[i].statement.sql)) return false;
    return true;
}

/* ---- what is sent ------------------------------------------------------------------------------------------------ */

struct group_batch {
    struct weft_statement *statements;
    uint32_t *members; /* whose each one is */
    uint32_t n;
};

static void batch_add(struct group_batch *batch, uint32_t member, const struct tx_list *list)
{
    const struct tx_statement *from = list->items;
    for (uint32_t i = 0; i < list->n; i++) {
        batch->members[batch->n] = member;
        batch->statements[batch->n++] = from[i].statement;
    }
}

/* The outbox rows of all come last: by then every member's own rows are locked, so that within a key ids follow the
 * order of the members here, and of commits among groups and others. */
static struct group_batch batch_make(const struct weft_group_run *run)
{
    uint32_t size = 1;
    struct weft_statement notify;
    for (uint32_t i = 0; i < run->n_members; i++)
        size += weft_group_size(run->members[i]->tx);
    struct group_batch batch = { weft_arena_alloc(run->arena, size * sizeof *batch.statements),
                                 weft_arena_alloc(run->arena, size * sizeof *batch.members), 0 };
    for (uint32_t i = 0; i < run->n_members; i++)
        batch_add(&batch, i, &run->members[i]->tx->statements);
    for (uint32_t i = 0; i < run->n_members; i++)
        batch_add(&batch, i, &run->members[i]->tx->rows);
    for (uint32_t i = 0; i < run->n_members; i++) {
        if (!weft_tx_notifies(run->members[i]->tx, &notify)) continue;
        batch.members[batch.n] = UINT32_MAX;
        batch.statements[batch.n++] = notify; /* one for all */
        break;
    }
    batch.statements[0].flags |= WEFT_STATEMENT_BEGIN;
    batch.statements[batch.n - 1].flags |= WEFT_STATEMENT_COMMIT;
    return batch;
}

/* ---- who leaves -------------------------------------------------------------------------------------------------- */

static void member_leaves(struct weft_group_run *run, uint32_t at, enum weft_join_end end)
{
    run->members[at]->end = end;
    run->left[run->n_left++] = run->members[at];
    run->n_members--;
    memmove(&run->members[at], &run->members[at + 1], (run->n_members - at) * sizeof run->members[0]);
}

static void members_leave(struct weft_group_run *run)
{
    while (run->n_members > 0)
        member_leaves(run, run->n_members - 1, WEFT_JOIN_ALONE);
}

/* Those whose time is up end here: nothing of theirs is sent. Returns until when the rest may take: as long as the most
 * patient, for a client that wants its answer sooner does not wait for us. */
static uint64_t members_in_time(struct weft_group_run *run)
{
    const uint64_t now = weft_clock_ns();
    uint64_t latest = 0;
    for (uint32_t i = run->n_members; i-- > 0;) {
        weft_tx *tx = run->members[i]->tx;
        if (tx->deadline_ns > latest) latest = tx->deadline_ns;
        if (now < tx->deadline_ns) continue;
        weft_tx_late(tx);
        weft_tx_end(tx);
        member_leaves(run, i, WEFT_JOIN_ENDED);
    }
    return latest < now + GROUP_RUN_MOST_NS ? latest : now + GROUP_RUN_MOST_NS;
}

static void members_break(struct weft_group_run *run, int32_t rc, const struct weft_result *result)
{
    for (uint32_t i = 0; i < run->n_members; i++)
        weft_tx_break(run->members[i]->tx, rc, result, NULL);
}

/* The run failed. False: it is over, for all. */
static bool group_failed(struct weft_group_run *run, const struct group_batch *batch, int32_t rc,
                         const struct weft_result *result)
{
    switch (rc) {
    case WEFT_RC_UNAVAILABLE:
    case WEFT_RC_MAYBE_SENT: /* nobody knows, of nobody: never run again */
    case WEFT_RC_CLOSED:
        members_break(run, rc, result);
        return false;
    case WEFT_RC_CONFLICT:
    case WEFT_RC_INVALID:
    case WEFT_RC_RETRY:
        if (result->failed >= batch->n || batch->members[result->failed] == UINT32_MAX) break;
        if (run->n_left >= GROUP_EVICTIONS) break;
        run->members[batch->members[result->failed]]->blamed = true;
        member_leaves(run, batch->members[result->failed], WEFT_JOIN_ALONE);
        return run->n_members > 0;
    default:
        break;
    }
    members_leave(run);
    return false;
}

/* ---- a run ------------------------------------------------------------------------------------------------------- */

static bool group_send(struct weft_group_run *run, struct weft_session **session, uint64_t deadline_ns)
{
    for (;;) {
        struct weft_result result;
        weft_arena_reset(run->arena);
        const struct group_batch batch = batch_make(run);
        const int32_t rc = weft_session_run_first(session, batch.statements, batch.n, &result, deadline_ns);
        if (rc == WEFT_RC_OK) return true;
        if (!group_failed(run, &batch, rc, &result)) return false;
    }
}

bool weft_group_run(struct weft_group_run *run)
{
    struct weft_session *session;
    struct weft_fault fault;
    const uint64_t deadline_ns = members_in_time(run);
    if (run->n_members == 0) return false;
    if (weft_store_acquire(run->store, WEFT_SESSION_GROUP, deadline_ns, &session, &fault) != WEFT_OK) {
        for (uint32_t i = 0; i < run->n_members; i++)
            weft_tx_stay(run->members[i]->tx, &fault);
        return false;
    }
    const bool committed = group_send(run, &session, deadline_ns);
    if (session != NULL) weft_store_release(session);
    for (uint32_t i = 0; i < run->n_members && committed; i++)
        weft_tx_end(run->members[i]->tx);
    return committed;
}
