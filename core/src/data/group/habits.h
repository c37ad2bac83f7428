/* data/group/habits.h - which kinds of transactions fail so often that they do their group more harm than good. A kind
 * is the list of its statements' texts. Not thread-safe. */
#ifndef WEFT_DATA_HABITS_H
#define WEFT_DATA_HABITS_H

#include "data/tx.h"

enum { HABITS = 128 };

struct weft_habit {
    uint64_t kind;
    uint32_t joined, failed; /* of late */
    uint64_t shunned_ns;     /* until then it goes alone */
};

struct weft_habits {
    struct weft_habit habits[HABITS]; /* by hash; two that meet share their fate */
};

/* The kind of a transaction: by where its texts are, which for literals is the same each time. */
uint64_t weft_habits_kind(const weft_tx *tx);
/* May it join now? Counts it if so. */
bool weft_habits_may_join(struct weft_habits *habits, uint64_t kind, uint64_t now_ns);
void weft_habits_failed(struct weft_habits *habits, uint64_t kind, uint64_t now_ns);

#endif
