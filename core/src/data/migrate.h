/* data/migrate.h - brings weft's own tables and a service's to their newest version, under a lock, once each. */
#ifndef WEFT_DATA_MIGRATE_H
#define WEFT_DATA_MIGRATE_H

#include "base/fault.h"
#include "data/store.h"
#include <weft/service.h>

enum weft_migrate { WEFT_MIGRATE_OFF, WEFT_MIGRATE_CHECK, WEFT_MIGRATE_AUTO };

/* AUTO applies what is missing; CHECK: FAILED_PRECONDITION if something is. UNAVAILABLE: try again; PERMISSION_DENIED:
 * the store refuses us; FAILED_PRECONDITION: another owner, a changed checksum, a version unknown to this build by the
 * service's own list. Safe to run from several processes at once. */
weft_status weft_migrate_run(struct weft_store *store, const struct weft_migration *migrations, size_t n,
                             enum weft_migrate mode, uint64_t deadline_ns, struct weft_fault *ret_fault);

/* Unknown: applied, and this build does not know it (a newer one's); changed: applied with other content. */
enum weft_migration_state {
    WEFT_MIGRATION_APPLIED,
    WEFT_MIGRATION_PENDING,
    WEFT_MIGRATION_CHANGED,
    WEFT_MIGRATION_UNKNOWN
};
struct weft_migration_entry {
    const char *owner; /* "weft", or the service */
    int64_t version;
    const char *name;
    const char *sql; /* NULL: unknown */
    enum weft_migration_state state;
};

/* Calls `each` with every migration, weft's own first, ascending; changes nothing. A new store has all pending.
 * Statuses as above. */
weft_status weft_migrate_list(struct weft_store *store, const struct weft_migration *migrations, size_t n,
                              void (*each)(void *arg, const struct weft_migration_entry *entry), void *arg,
                              uint64_t deadline_ns, struct weft_fault *ret_fault);

#endif
