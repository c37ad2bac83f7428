/* table.h - the keys and values of one instance: a hash table with expiry, leases and a limit in bytes. Not locked. */
#ifndef CACHE_MEMORY_TABLE_H
#define CACHE_MEMORY_TABLE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* uthash must not end the process when memory is out: table_enter() returns NULL then. */
#define HASH_NONFATAL_OOM         1
#define uthash_nonfatal_oom(item) ((item)->lost = true)
#include <uthash.h>

/* A value. It never changes and is counted, so that a reader keeps what it was given while writers go on. */
struct blob {
    atomic_size_t references;
    size_t size;
    char bytes[]; /* a NUL follows */
};

struct blob *blob_new(const void *bytes, size_t size); /* one reference; bytes NULL: to be written; NULL: no memory */
struct blob *blob_hold(struct blob *blob);
void blob_release(struct blob *blob); /* NULL is fine */

/* A key with a value, or with a lease for who will fill it, or both for a moment. */
struct entry {
    UT_hash_handle hh;
    struct entry *prev, *next; /* by use, the latest first */
    struct blob *value;        /* NULL: only a lease */
    uint64_t expires_ns;       /* of the value; UINT64_MAX: never */
    uint64_t lease_ends_ns;
    int64_t lease; /* the token; 0: none */
    bool lost;
    uint32_t key_size;
    char key[];
};

struct table {
    struct entry *entries; /* uthash's head */
    struct entry *used;    /* the list's head */
    size_t bytes, max_bytes;
};

/* The entry of the key if it has a value or a lease that lasts; what has run out is removed on the way. */
struct entry *table_find(struct table *table, const void *key, size_t size, uint64_t now_ns);
/* The same, made if it is not there. NULL: out of memory. */
struct entry *table_enter(struct table *table, const void *key, size_t size, uint64_t now_ns);
/* Takes over the reference to `value`; ends the lease, as every write does. */
void table_set(struct table *table, struct entry *entry, struct blob *value, uint64_t expires_ns);
void table_remove(struct table *table, struct entry *entry);
/* Removes what was not used for longest until the limit holds. Returns how many. */
size_t table_trim(struct table *table);
void table_clear(struct table *table);

#endif
