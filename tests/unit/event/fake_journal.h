/* fake_journal.h - a cache that has one journal and nothing else, and can be taken away. Any thread. */
#ifndef FAKE_JOURNAL_H
#define FAKE_JOURNAL_H

#include "data/cache/cache.h"

struct fake_journal;

struct fake_journal *fake_journal_new(void);
void fake_journal_free(struct fake_journal *fake);
struct weft_cache *fake_journal_open(struct fake_journal *fake); /* several share the journal */

void fake_journal_away(struct fake_journal *fake, bool away);
size_t fake_journal_entries(struct fake_journal *fake);
void fake_journal_put(struct fake_journal *fake, const void *entry, size_t size);
void fake_journal_steal(struct fake_journal *fake, const char *claimer, uint64_t ms); /* the claim */

#endif
