/* data/group/habits.c - counts that fade: the last few hundred transactions of a kind decide. */
#include "data/group/habits.h"

#include "base/clock.h"
#include "data/tx_state.h"

enum {
    HABIT_WINDOW = 256, /* then both counts are halved */
    HABIT_FEW = 5,      /* failures that say nothing yet */
    HABIT_BAD = 20      /* one failure in so many is too much: an eviction costs the others a round trip */
};
#define HABIT_SHUN_NS (5 * WEFT_SECOND)

uint64_t weft_habits_kind(const weft_tx *tx)
{
    const struct tx_statement *statements = tx->statements.items;
    uint64_t kind = tx->statements.n;
    for (uint32_t i = 0; i < tx->statements.n; i++) {
        kind = (kind ^ (uintptr_t)statements[i].statement.sql) * 0x9e3779b97f4a7c15u; /* 2^64 / phi */
        kind ^= kind >> 29;
    }
    return kind;
}

static struct weft_habit *habit_of(struct weft_habits *habits, uint64_t kind)
{
    struct weft_habit *habit = &habits->habits[kind % HABITS];
    if (habit->kind != kind) *habit = (struct weft_habit){ .kind = kind };
    return habit;
}

bool weft_habits_may_join(struct weft_habits *habits, uint64_t kind, uint64_t now_ns)
{
    struct weft_habit *habit = habit_of(habits, kind);
    if (now_ns < habit->shunned_ns) return false;
    if (++habit->joined > HABIT_WINDOW) {
        habit->joined /= 2;
        habit->failed /= 2;
    }
    return true;
}

void weft_habits_failed(struct weft_habits *habits, uint64_t kind, uint64_t now_ns)
{
    struct weft_habit *habit = habit_of(habits, kind);
    habit->failed++;
    if (habit->failed <= HABIT_FEW || habit->failed * HABIT_BAD <= habit->joined) return;
    *habit = (struct weft_habit){ .kind = kind, .shunned_ns = now_ns + HABIT_SHUN_NS };
}
