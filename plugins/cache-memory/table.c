/* table.c - uthash for finding, utlist for the order of use. */
#include "table.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

struct blob *blob_new(const void *bytes, size_t size)
{
    struct blob *blob = malloc(sizeof *blob + size + 1);
    if (blob == NULL) return NULL;
    atomic_init(&blob->references, 1);
    blob->size = size;
    if (bytes != NULL) memcpy(blob->bytes, bytes, size);
    blob->bytes[size] = '\0';
    return blob;
}

struct blob *blob_hold(struct blob *blob)
{
    atomic_fetch_add_explicit(&blob->references, 1, memory_order_relaxed);
    return blob;
}

void blob_release(struct blob *blob)
{
    /* Release: our reads are done before another frees it. Acquire: the others' reads are done before we free it. */
    if (blob != NULL && atomic_fetch_sub_explicit(&blob->references, 1, memory_order_acq_rel) == 1) free(blob);
}

/* What a limit in bytes has to count: a million small keys are mostly this. */
static size_t entry_bytes(const struct entry *entry)
{
    size_t value = entry->value != NULL ? sizeof *entry->value + entry->value->size + 1 : 0;
    return sizeof *entry + entry->key_size + value;
}

static void entry_drop_value(struct table *table, struct entry *entry)
{
    table->bytes -= entry_bytes(entry);
    blob_release(entry->value);
    entry->value = NULL;
    table->bytes += entry_bytes(entry);
}

void table_remove(struct table *table, struct entry *entry)
{
    table->bytes -= entry_bytes(entry);
    HASH_DEL(table->entries, entry);
    DL_DELETE(table->used, entry);
    blob_release(entry->value);
    free(entry);
}

static struct entry *entry_lookup(struct table *table, const void *key, size_t size)
{
    struct entry *entry;
    HASH_FIND(hh, table->entries, key, size, entry);
    return entry;
}

struct entry *table_find(struct table *table, const void *key, size_t size, uint64_t now_ns)
{
    struct entry *entry = entry_lookup(table, key, size);
    if (entry == NULL) return NULL;
    if (entry->lease_ends_ns <= now_ns) entry->lease = 0;
    if (entry->value != NULL && entry->expires_ns <= now_ns) entry_drop_value(table, entry);
    if (entry->value == NULL && entry->lease == 0) {
        table_remove(table, entry);
        return NULL;
    }
    if (entry != table->used) {
        DL_DELETE(table->used, entry);
        DL_PREPEND(table->used, entry);
    }
    return entry;
}

struct entry *table_enter(struct table *table, const void *key, size_t size, uint64_t now_ns)
{
    struct entry *entry = table_find(table, key, size, now_ns);
    if (entry != NULL) return entry;
    entry = calloc(1, sizeof *entry + size);
    if (entry == NULL) return NULL;
    entry->key_size = (uint32_t)size;
    memcpy(entry->key, key, size);
    HASH_ADD_KEYPTR(hh, table->entries, entry->key, size, entry);
    if (entry->lost) {
        free(entry);
        return NULL;
    }
    DL_PREPEND(table->used, entry);
    table->bytes += entry_bytes(entry);
    return entry;
}

void table_set(struct table *table, struct entry *entry, struct blob *value, uint64_t expires_ns)
{
    table->bytes -= entry_bytes(entry);
    blob_release(entry->value);
    entry->value = value;
    entry->expires_ns = expires_ns;
    entry->lease = 0;
    table->bytes += entry_bytes(entry);
}

size_t table_trim(struct table *table)
{
    size_t n = 0;
    /* The head's prev is the list's tail. */
    for (; table->bytes > table->max_bytes && table->used != NULL; n++)
        table_remove(table, table->used->prev);
    return n;
}

void table_clear(struct table *table)
{
    while (table->used != NULL)
        table_remove(table, table->used);
}
