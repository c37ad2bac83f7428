/* journal.c - uthash for the journals, utlist for the entries of each. */
#include "journal.h"

#include "operation.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

enum { CLAIM_BYTES = 1 << 20, SIZE_BYTES = 8 };

struct journal_entry {
    struct journal_entry *prev, *next;
    int64_t place;
    size_t size;
    char bytes[];
};

struct journal {
    UT_hash_handle hh;
    struct journal_entry *entries; /* the oldest first */
    int64_t n;
    uint64_t expires_ns, claim_ends_ns;
    bool lost;
    uint8_t claim_size; /* 0: nobody's */
    char claim[OPERATION_NAME_MAX];
    uint32_t key_size;
    char key[];
};

/* ---- journals ---------------------------------------------------------------------------------------------------- */

static void journal_drop_oldest(struct journals *journals, struct journal *journal)
{
    struct journal_entry *oldest = journal->entries;
    DL_DELETE(journal->entries, oldest);
    journal->n--;
    journals->bytes -= sizeof *oldest + oldest->size;
    free(oldest);
}

static void journal_remove(struct journals *journals, struct journal *journal)
{
    while (journal->entries != NULL)
        journal_drop_oldest(journals, journal);
    HASH_DEL(journals->all, journal);
    free(journal);
}

/* What has run out is removed on the way. */
static struct journal *journal_find(struct journals *journals, const struct weft_cache_op *op, uint64_t now_ns)
{
    struct journal *journal;
    HASH_FIND(hh, journals->all, op->key, op->key_size, journal);
    if (journal == NULL || journal->expires_ns > now_ns) return journal;
    journal_remove(journals, journal);
    return NULL;
}

static struct journal *journal_enter(struct journals *journals, const struct weft_cache_op *op, uint64_t now_ns)
{
    struct journal *journal = journal_find(journals, op, now_ns);
    if (journal != NULL) return journal;
    journal = calloc(1, sizeof *journal + op->key_size);
    if (journal == NULL) return NULL;
    journal->key_size = (uint32_t)op->key_size;
    memcpy(journal->key, op->key, op->key_size);
    HASH_ADD_KEYPTR(hh, journals->all, journal->key, journal->key_size, journal);
    if (!journal->lost) return journal;
    free(journal);
    return NULL;
}

static bool journal_claimed_by(const struct journal *journal, const struct weft_cache_op *op)
{
    return journal->claim_size == op->value_size && memcmp(journal->claim, op->value, op->value_size) == 0;
}

/* ---- verbs ------------------------------------------------------------------------------------------------------- */

static struct journal_entry *entry_new(struct journals *journals, const struct weft_cache_op *op)
{
    struct journal_entry *entry = malloc(sizeof *entry + op->value_size);
    if (entry == NULL) return NULL;
    entry->place = ++journals->last_place;
    entry->size = op->value_size;
    if (op->value_size != 0) memcpy(entry->bytes, op->value, op->value_size);
    return entry;
}

void journal_append(struct journals *journals, const struct weft_cache_op *op, uint64_t now_ns,
                    struct weft_cache_result *result)
{
    struct journal *journal = journal_enter(journals, op, now_ns);
    struct journal_entry *entry = journal != NULL ? entry_new(journals, op) : NULL;
    result->rc = entry != NULL ? WEFT_RC_OK : WEFT_RC_UNAVAILABLE;
    if (entry == NULL) {
        if (journal != NULL && journal->entries == NULL) journal_remove(journals, journal);
        return;
    }
    DL_APPEND(journal->entries, entry);
    journal->n++;
    journals->bytes += sizeof *entry + entry->size;
    journal->expires_ns = op->ttl_ms != 0 ? now_ns + op->ttl_ms * 1000000u : UINT64_MAX;
    for (; journal->n > 1 && (journal->n > op->integer || journals->bytes > journals->max_bytes); result->integer++)
        journal_drop_oldest(journals, journal);
}

/* How many of the oldest go into one answer, and how many bytes they take there. */
static int64_t claim_measure(const struct journal *journal, int64_t most, size_t *ret_size)
{
    int64_t n = 0;
    size_t size = 0;
    for (const struct journal_entry *at = journal->entries; at != NULL && n < most; at = at->next, n++) {
        if (n > 0 && size + at->size > CLAIM_BYTES) break;
        size += at->size;
    }
    *ret_size = size + (size_t)n * SIZE_BYTES;
    return n;
}

/* Each behind its size, the lowest byte first. */
static struct blob *claim_write(const struct journal *journal, int64_t n, size_t size, int64_t *ret_place)
{
    struct blob *blob = blob_new(NULL, size);
    if (blob == NULL) return NULL;
    char *to = blob->bytes;
    for (const struct journal_entry *at = journal->entries; n > 0; at = at->next, n--) {
        for (unsigned byte = 0; byte < SIZE_BYTES; byte++)
            *to++ = (char)(at->size >> (8 * byte));
        memcpy(to, at->bytes, at->size);
        to += at->size;
        *ret_place = at->place;
    }
    return blob;
}

struct blob *journal_claim(struct journals *journals, const struct weft_cache_op *op, uint64_t now_ns,
                           struct weft_cache_result *result)
{
    struct journal *journal = journal_find(journals, op, now_ns);
    if (journal == NULL) return NULL;
    if (journal->claim_size != 0 && journal->claim_ends_ns > now_ns && !journal_claimed_by(journal, op)) {
        result->rc = WEFT_RC_CONFLICT;
        return NULL;
    }
    size_t size;
    int64_t n = claim_measure(journal, op->integer, &size);
    struct blob *entries = claim_write(journal, n, size, &result->integer);
    result->rc = entries != NULL ? WEFT_RC_OK : WEFT_RC_UNAVAILABLE;
    if (entries == NULL) return NULL;
    journal->claim_size = (uint8_t)op->value_size;
    memcpy(journal->claim, op->value, op->value_size);
    journal->claim_ends_ns = now_ns + op->ttl_ms * 1000000u;
    return entries;
}

void journal_done(struct journals *journals, const struct weft_cache_op *op, uint64_t now_ns,
                  struct weft_cache_result *result)
{
    struct journal *journal = journal_find(journals, op, now_ns);
    result->rc = WEFT_RC_CONFLICT;
    if (journal == NULL || journal->claim_ends_ns <= now_ns || !journal_claimed_by(journal, op)) return;
    while (journal->entries != NULL && journal->entries->place <= op->integer)
        journal_drop_oldest(journals, journal);
    if (journal->entries == NULL) journal_remove(journals, journal);
    result->rc = WEFT_RC_OK;
}

void journals_clear(struct journals *journals)
{
    struct journal *journal, *next;
    HASH_ITER(hh, journals->all, journal, next)
    {
        journal_remove(journals, journal);
    }
}
