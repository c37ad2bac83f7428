/* dialect.c - weft's own tables and every statement about them. What each text must do is said in weft/plugin.h.
 *
 * Arrays arrive as JSON texts: json_each(). weft_now() is ours (connection.c), so it stands in no table's definition:
 * other programs open the file as well. Times are microseconds since the epoch. */
#include "dialect.h"

/* clang-format off */

/* For defaults, where weft_now() may not stand. */
#define NOW "(CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER))"

/* weft_migration: what has been applied; owner "weft" or the service. weft_owner: the one service whose file this is. */
static const char bootstrap[] =
    "CREATE TABLE IF NOT EXISTS weft_migration ("
    " owner TEXT NOT NULL, version INTEGER NOT NULL, name TEXT NOT NULL, checksum TEXT NOT NULL,"
    " applied_at TIMESTAMPTZ NOT NULL DEFAULT " NOW ", PRIMARY KEY (owner, version)) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS weft_owner ("
    " only_one INTEGER PRIMARY KEY CHECK (only_one = 1), service TEXT NOT NULL,"
    " claimed_at TIMESTAMPTZ NOT NULL DEFAULT " NOW ");";

/* weft_outbox: events on their way out. Published: any program that inserts type, topic, routing_key, payload and an
 * event_id into it is a producer. AUTOINCREMENT: an id is never used twice, even when the table has been empty.
 * The claim walks weft_outbox_ready by id and meets no held row; what is held costs its index only while it is.
 * held stands before the payload: SQLite reads a row from its front, and a large payload lies on other pages. */
static const char outbox_schema[] =
    "CREATE TABLE weft_outbox ("
    " id INTEGER PRIMARY KEY AUTOINCREMENT, event_id TEXT NOT NULL, held BOOLEAN NOT NULL DEFAULT 0, held_reason TEXT,"
    " type TEXT NOT NULL, topic TEXT NOT NULL, routing_key TEXT NOT NULL, key TEXT,"
    " content_type TEXT NOT NULL DEFAULT 'application/protobuf', schema TEXT,"
    " correlation_id TEXT NOT NULL DEFAULT (lower(hex(randomblob(16)))), causation_id TEXT,"
    " traceparent TEXT, tracestate TEXT, occurred_at TIMESTAMPTZ NOT NULL DEFAULT " NOW ", payload BLOB NOT NULL);"
    "CREATE INDEX weft_outbox_ready ON weft_outbox (id, key) WHERE held = 0;"
    "CREATE INDEX weft_outbox_held ON weft_outbox (key, id) WHERE held = 1;"

/* weft_lease: who may act for all instances, and until when. */
    "CREATE TABLE weft_lease ("
    " name TEXT PRIMARY KEY, holder TEXT NOT NULL, expires_at TIMESTAMPTZ NOT NULL) WITHOUT ROWID;";

/* weft_inbox: what a group has handled. The primary key is the table; received_at serves the purge. */
static const char inbox_schema[] =
    "CREATE TABLE weft_inbox ("
    " consumer_group TEXT NOT NULL, event_id TEXT NOT NULL, received_at TIMESTAMPTZ NOT NULL,"
    " PRIMARY KEY (consumer_group, event_id)) WITHOUT ROWID;"
    "CREATE INDEX weft_inbox_received ON weft_inbox (received_at);"

/* weft_marker: events that were under way when a process ended. */
    "CREATE TABLE weft_marker ("
    " consumer_group TEXT NOT NULL, event_id TEXT NOT NULL, count INTEGER NOT NULL,"
    " PRIMARY KEY (consumer_group, event_id)) WITHOUT ROWID;";

/* weft_failed_event: parked ones wait for due_at, dead ones for a person. One index finds what is due and counts, the
 * other says whether a key is held up. full_size and full_sha256 are of messages too large to be kept: payload is their
 * beginning. */
static const char failed_schema[] =
    "CREATE TABLE weft_failed_event ("
    " seq INTEGER PRIMARY KEY AUTOINCREMENT, consumer_group TEXT NOT NULL, event_id TEXT NOT NULL,"
    " state TEXT NOT NULL CHECK (state IN ('parked', 'dead')), attempts INTEGER NOT NULL, due_at TIMESTAMPTZ,"
    " reason TEXT, first_failed_at TIMESTAMPTZ NOT NULL DEFAULT " NOW ","
    " type TEXT, topic TEXT, routing_key TEXT, key TEXT, content_type TEXT, correlation_id TEXT,"
    " headers TEXT NOT NULL DEFAULT '{}', full_size INTEGER, full_sha256 BLOB, payload BLOB NOT NULL,"
    " UNIQUE (consumer_group, event_id));"
    "CREATE INDEX weft_failed_event_due ON weft_failed_event (consumer_group, state, due_at);"
    "CREATE INDEX weft_failed_event_key ON weft_failed_event (consumer_group, key, state, seq) WHERE key IS NOT NULL;"

/* weft_request: answers to commands that carried an idempotency key. */
    "CREATE TABLE weft_request ("
    " method TEXT NOT NULL, principal TEXT NOT NULL, key TEXT NOT NULL, request_hash BLOB NOT NULL,"
    " response BLOB NOT NULL, expires_at TIMESTAMPTZ NOT NULL, PRIMARY KEY (method, principal, key)) WITHOUT ROWID;"
    "CREATE INDEX weft_request_expires ON weft_request (expires_at);";

/* weft_cache_drop: keys to be deleted from the cache, until that is known to be done. */
static const char cache_schema[] =
    "CREATE TABLE weft_cache_drop ("
    " id TEXT NOT NULL, key TEXT NOT NULL, created_at TIMESTAMPTZ NOT NULL, PRIMARY KEY (id, key)) WITHOUT ROWID;";

/* weft_scheduled: events on their way into the outbox, once due_at has come. */
static const char scheduled_schema[] =
    "CREATE TABLE weft_scheduled ("
    " id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE, due_at TIMESTAMPTZ NOT NULL,"
    " event_id TEXT NOT NULL, type TEXT NOT NULL, topic TEXT NOT NULL, routing_key TEXT NOT NULL, key TEXT,"
    " content_type TEXT NOT NULL, schema TEXT, correlation_id TEXT NOT NULL, causation_id TEXT,"
    " traceparent TEXT, tracestate TEXT, occurred_at TIMESTAMPTZ NOT NULL, payload BLOB NOT NULL);"
    "CREATE INDEX weft_scheduled_due ON weft_scheduled (due_at, id);";

static const char *const schema[] = { outbox_schema, inbox_schema, failed_schema, cache_schema, scheduled_schema, NULL };

/* What an event is, in outbox and schedule alike, in the order of outbox_insert's parameters. */
#define EVENT_COLUMNS                                                                                                   \
    "event_id, type, topic, routing_key, key, content_type, schema, correlation_id, causation_id, traceparent,"         \
    " tracestate, occurred_at, payload"
#define OUTBOX_COLUMNS "id, " EVENT_COLUMNS

#define FAILED_COLUMNS                                                                                                  \
    "seq, event_id, type, topic, routing_key, key, content_type, correlation_id, headers, payload, state, attempts,"    \
    " due_at, reason, first_failed_at, full_size, full_sha256"

/* Rows of weft_failed_event by $1 state, $2 group, $3 type, $4 cause, $5 event id. */
#define FAILED_CAUSE "substr(coalesce(reason, ''), 1, instr(coalesce(reason, '') || ':', ':') - 1)"
#define FAILED_SELECTED                                                                                                 \
    "state = $1 AND ($2 IS NULL OR consumer_group = $2) AND ($3 IS NULL OR type = $3)"                                  \
    " AND ($4 IS NULL OR " FAILED_CAUSE " = $4) AND ($5 IS NULL OR event_id = $5)"

#define INTS(parameter) "(SELECT value FROM json_each(" parameter "))"
#define TEXTS(parameter) "(SELECT value FROM json_each(" parameter ") WHERE type = 'text')"

/* Of a parked row f: is nothing of its key before it (ordered), and nothing of it dead (hold)? */
#define FAILED_FREE(group, ordered, hold)                                                                               \
    "(NOT " ordered " OR f.key IS NULL OR NOT EXISTS (SELECT 1 FROM weft_failed_event e"                                \
    " WHERE e.consumer_group = " group " AND e.key = f.key AND e.state = 'parked' AND e.seq < f.seq))"                  \
    " AND (NOT " hold " OR f.key IS NULL OR NOT EXISTS (SELECT 1 FROM weft_failed_event e"                              \
    " WHERE e.consumer_group = " group " AND e.key = f.key AND e.state = 'dead'))"

const struct weft_dialect weft_sqlite_dialect = {
    .size = sizeof(struct weft_dialect),
    .name = "sqlite",

    .migrate_lock = NULL,
    .bootstrap = bootstrap,
    .schema = schema,
    .owner_claim = "INSERT INTO weft_owner (only_one, service) VALUES (1, $1) ON CONFLICT DO NOTHING",
    .owner_read = "SELECT service FROM weft_owner",
    .migration_list = "SELECT version, name, checksum FROM weft_migration WHERE owner = $1 ORDER BY version",
    .migration_done = "INSERT INTO weft_migration (owner, version, name, checksum) VALUES ($1, $2, $3, $4)",

    .outbox_insert =
        "INSERT INTO weft_outbox (" EVENT_COLUMNS ")"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, coalesce($13, x''))",
    .outbox_claim =
        "SELECT " OUTBOX_COLUMNS " FROM weft_outbox INDEXED BY weft_outbox_ready"
        " WHERE held = 0 AND id NOT IN " INTS("$1") " AND (key IS NULL OR key NOT IN " TEXTS("$2") ")"
        " ORDER BY id LIMIT $3",
    .outbox_done = "DELETE FROM weft_outbox WHERE id IN " INTS("$1"),
    /* By key this reads the keys of all rows that are not held, out of the index: it is the exception, and an index by
     * key would cost each event. */
    .outbox_hold =
        "UPDATE weft_outbox SET held = 1, held_reason = $3 WHERE id IN (SELECT id FROM weft_outbox INDEXED BY"
        " weft_outbox_ready WHERE held = 0 AND (key IN " TEXTS("$1") " OR id IN " INTS("$2") "))",
    .outbox_probe =
        "SELECT " OUTBOX_COLUMNS " FROM weft_outbox WHERE id IN ("
        "SELECT min(id) FROM weft_outbox WHERE held = 1 AND key IS NOT NULL GROUP BY key"
        " UNION ALL SELECT id FROM weft_outbox WHERE held = 1 AND key IS NULL)"
        " AND id > $2 ORDER BY id LIMIT $1",
    .outbox_release =
        "UPDATE weft_outbox SET held = 0, held_reason = NULL"
        " WHERE held = 1 AND (key IN " TEXTS("$1") " OR id IN " INTS("$2") ")",
    .outbox_retry = "UPDATE weft_outbox SET held = 0, held_reason = NULL WHERE held = 1",
    .outbox_held_keys = "SELECT DISTINCT key FROM weft_outbox WHERE held = 1 AND key IS NOT NULL",
    /* The oldest is the one with the lowest id: near enough, and no scan. A sub-select keeps the column's type. */
    .outbox_stats =
        "SELECT (SELECT count(*) FROM weft_outbox WHERE held = 0) AS pending,"
        " (SELECT count(*) FROM weft_outbox WHERE held = 1) AS held,"
        " (SELECT occurred_at FROM weft_outbox ORDER BY id LIMIT 1) AS oldest",
    .lease_take =
        "INSERT INTO weft_lease (name, holder, expires_at) VALUES ($1, $2, weft_now() + $3 * 1000)"
        " ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, expires_at = excluded.expires_at"
        " WHERE holder = excluded.holder OR expires_at <= weft_now() RETURNING name",
    .lease_release = "DELETE FROM weft_lease WHERE name = $1 AND holder = $2",
    .notify = NULL,

    /* "WHERE true" keeps the parser from reading ON as a join's. */
    .inbox_insert =
        "INSERT INTO weft_inbox (consumer_group, event_id, received_at)"
        " SELECT $1, value, weft_now() FROM json_each($2) WHERE true ON CONFLICT DO NOTHING RETURNING event_id",
    /* With a key that is held up the first id comes twice. */
    .inbox_add =
        "INSERT INTO weft_inbox (consumer_group, event_id, received_at)"
        " SELECT $1, value, weft_now() FROM json_each($2)"
        " UNION ALL SELECT $1, json_extract($2, '$[0]'), weft_now() WHERE EXISTS (SELECT 1 FROM weft_failed_event"
        " WHERE consumer_group = $1 AND key IN " TEXTS("$3") " AND (state = 'parked' OR $4))",
    .inbox_purge =
        "DELETE FROM weft_inbox WHERE (consumer_group, event_id) IN (SELECT consumer_group, event_id FROM weft_inbox"
        " WHERE received_at < $1 ORDER BY received_at LIMIT $2)",

    .failed_insert =
        "INSERT INTO weft_failed_event (consumer_group, event_id, type, topic, routing_key, key, content_type,"
        " correlation_id, headers, payload, state, attempts, due_at, reason, full_size, full_sha256, first_failed_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, coalesce($9, '{}'), coalesce($10, x''), $11, $12, $13, $14, $15, $16,"
        " weft_now())"
        " ON CONFLICT (consumer_group, event_id) DO NOTHING",
    .failed_keys =
        "SELECT DISTINCT key FROM weft_failed_event WHERE consumer_group = $1 AND key IN " TEXTS("$2")
        " AND (state = 'parked' OR $3)",
    .failed_due =
        "SELECT " FAILED_COLUMNS " FROM weft_failed_event WHERE seq IN (SELECT f.seq FROM weft_failed_event f"
        " WHERE f.consumer_group = $1 AND f.state = 'parked' AND f.due_at <= weft_now()"
        " AND " FAILED_FREE("$1", "$3", "$4") " ORDER BY f.seq LIMIT $2) ORDER BY seq",
    .failed_next =
        "SELECT f.due_at FROM weft_failed_event f WHERE f.consumer_group = $1 AND f.state = 'parked'"
        " AND " FAILED_FREE("$1", "$2", "$3") " ORDER BY f.due_at LIMIT 1",
    .failed_update = "UPDATE weft_failed_event SET state = $2, attempts = $3, due_at = $4, reason = $5 WHERE seq = $1",
    .failed_delete = "DELETE FROM weft_failed_event WHERE seq = $1",
    .failed_list =
        "SELECT consumer_group, " FAILED_COLUMNS " FROM weft_failed_event WHERE " FAILED_SELECTED " ORDER BY seq LIMIT $6",
    /* The oldest is its row's: SQLite takes bare columns from the row of min(), and a column keeps its type. */
    .failed_causes =
        "SELECT consumer_group, type, " FAILED_CAUSE " AS cause, count(*) AS count, first_failed_at AS oldest,"
        " count(*) - count(full_size) AS whole, min(first_failed_at)"
        " FROM weft_failed_event WHERE " FAILED_SELECTED
        " GROUP BY consumer_group, type, cause ORDER BY count(*) DESC, consumer_group, type, cause",
    .failed_replay =
        "UPDATE weft_failed_event SET state = 'parked', attempts = 0, due_at = (SELECT weft_now()) + (s.n - 1) * $6"
        " FROM (SELECT seq AS chosen, row_number() OVER (ORDER BY seq) AS n FROM weft_failed_event WHERE " FAILED_SELECTED
        " AND full_size IS NULL) s WHERE seq = s.chosen",
    .failed_drop = "DELETE FROM weft_failed_event WHERE " FAILED_SELECTED,
    .failed_stats = "SELECT consumer_group, state, count(*) AS count FROM weft_failed_event GROUP BY consumer_group, state",

    .marker_list = "SELECT event_id, count FROM weft_marker WHERE consumer_group = $1 AND event_id IN " TEXTS("$2"),
    .marker_first =
        "INSERT INTO weft_marker (consumer_group, event_id, count) SELECT DISTINCT $1, value, 1 FROM json_each($2)"
        " WHERE true ON CONFLICT DO NOTHING",
    .marker_add =
        "INSERT INTO weft_marker (consumer_group, event_id, count) SELECT DISTINCT $1, value, 1 FROM json_each($2)"
        " WHERE true ON CONFLICT DO UPDATE SET count = count + 1 RETURNING event_id, count",
    .marker_clear = "DELETE FROM weft_marker WHERE consumer_group = $1 AND event_id IN " TEXTS("$2"),

    .scheduled_insert =
        "INSERT INTO weft_scheduled (name, due_at, " EVENT_COLUMNS ")"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, coalesce($15, x''))"
        " ON CONFLICT (name) DO UPDATE SET due_at = excluded.due_at, event_id = excluded.event_id, type = excluded.type,"
        " topic = excluded.topic, routing_key = excluded.routing_key, key = excluded.key,"
        " content_type = excluded.content_type, schema = excluded.schema, correlation_id = excluded.correlation_id,"
        " causation_id = excluded.causation_id, traceparent = excluded.traceparent, tracestate = excluded.tracestate,"
        " occurred_at = excluded.occurred_at, payload = excluded.payload",
    .scheduled_cancel = "DELETE FROM weft_scheduled WHERE name = $1",
    .scheduled_move =
        "INSERT INTO weft_outbox (" EVENT_COLUMNS ") SELECT " EVENT_COLUMNS " FROM weft_scheduled"
        " WHERE due_at <= $1 ORDER BY due_at, id LIMIT $2",
    .scheduled_moved =
        "DELETE FROM weft_scheduled WHERE id IN"
        " (SELECT id FROM weft_scheduled WHERE due_at <= $1 ORDER BY due_at, id LIMIT $2)",
    .scheduled_stats =
        "SELECT (SELECT count(*) FROM weft_scheduled) AS count,"
        " (SELECT due_at FROM weft_scheduled ORDER BY due_at, id LIMIT 1) AS next",
    .scheduled_next = "SELECT due_at FROM weft_scheduled ORDER BY due_at, id LIMIT 1",

    .request_find =
        "SELECT request_hash, response FROM weft_request WHERE method = $1 AND principal = $2 AND key = $3"
        " AND expires_at > weft_now()",
    .request_drop =
        "DELETE FROM weft_request WHERE method = $1 AND principal = $2 AND key = $3 AND expires_at <= weft_now()",
    .request_insert =
        "INSERT INTO weft_request (method, principal, key, request_hash, response, expires_at)"
        " VALUES ($1, $2, $3, coalesce($4, x''), coalesce($5, x''), $6)",
    .request_answer =
        "UPDATE weft_request SET response = coalesce($4, x'') WHERE method = $1 AND principal = $2 AND key = $3",
    .request_purge =
        "DELETE FROM weft_request WHERE (method, principal, key) IN (SELECT method, principal, key FROM weft_request"
        " WHERE expires_at <= weft_now() ORDER BY expires_at LIMIT $1)",

    .cache_drop_insert =
        "INSERT OR IGNORE INTO weft_cache_drop (id, key, created_at) SELECT $1, value, weft_now() FROM json_each($2)",
    .cache_drop_claim =
        "SELECT id, key FROM weft_cache_drop WHERE created_at <= weft_now() - $1 * 1000 ORDER BY id LIMIT $2",
    .cache_drop_done = "DELETE FROM weft_cache_drop WHERE id IN " TEXTS("$1"),

    .key_lock = NULL,
};
