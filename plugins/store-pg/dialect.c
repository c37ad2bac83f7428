/* dialect.c - weft's own tables and every statement about them. What each text must do is said in weft/plugin.h.
 *
 * They live in the service's schema, the first of the session's search_path. Arrays are cast, since nothing else tells
 * their type. "NOT IN (SELECT unnest(...))" and not "<> ALL (...)": the first becomes a hash also in a generic plan,
 * the second compares each row with each element (measured with 1,000 ids: 1 ms against 6). */
#include "pg.h"

/* clang-format off */

/* Taken first, so that several starters bring the schema up once, one after the other. */
static const char migrate_lock[] =
    "SELECT pg_advisory_xact_lock(hashtextextended('weft.migrate.' || current_schema(), 0))";

/* weft_migration: what has been applied; owner "weft" or the service. weft_owner: the one service whose schema this is. */
static const char bootstrap[] =
    "CREATE TABLE IF NOT EXISTS weft_migration ("
    " owner text NOT NULL, version integer NOT NULL, name text NOT NULL, checksum text NOT NULL,"
    " applied_at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (owner, version));"
    "CREATE TABLE IF NOT EXISTS weft_owner ("
    " only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one), service text NOT NULL,"
    " claimed_at timestamptz NOT NULL DEFAULT now());";

/* weft_outbox: events on their way out. Published: any program that inserts type, topic, routing_key and payload into it
 * is a producer. Rows come and go by the thousand: vacuum starts at a fixed number of dead ones, or the claim would walk
 * over their remains. One index is all that an event pays for: with `held` before the id it serves the claim, which
 * never meets what is held, and the removal by id alike; weft_outbox_held costs only what is held.
 * weft_lease: who may act for all instances, and until when; updated in place (HOT), for which its pages keep room. */
static const char outbox_schema[] =
    "CREATE TABLE weft_outbox ("
    " id bigint GENERATED ALWAYS AS IDENTITY, event_id uuid NOT NULL DEFAULT gen_random_uuid(),"
    " held boolean NOT NULL DEFAULT false, held_reason text,"
    " type text NOT NULL, topic text NOT NULL, routing_key text NOT NULL, key text,"
    " content_type text NOT NULL DEFAULT 'application/protobuf', schema text,"
    " correlation_id text NOT NULL DEFAULT gen_random_uuid()::text, causation_id text,"
    " traceparent text, tracestate text, occurred_at timestamptz NOT NULL DEFAULT clock_timestamp(),"
    " payload bytea NOT NULL, PRIMARY KEY (held, id))"
    " WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000,"
    " autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 10000, autovacuum_vacuum_cost_delay = 0);"
    "CREATE INDEX weft_outbox_held ON weft_outbox (key, id) WHERE held;"
    "CREATE TABLE weft_lease ("
    " name text PRIMARY KEY, holder text NOT NULL, expires_at timestamptz NOT NULL) WITH (fillfactor = 50);";

/* weft_inbox: what a group has handled; received_at serves the purge. weft_marker: events that were under way when a
 * process ended. */
static const char inbox_schema[] =
    "CREATE TABLE weft_inbox ("
    " consumer_group text NOT NULL, event_id uuid NOT NULL, received_at timestamptz NOT NULL DEFAULT now(),"
    " PRIMARY KEY (consumer_group, event_id));"
    "CREATE INDEX weft_inbox_received ON weft_inbox (received_at);"
    "CREATE TABLE weft_marker ("
    " consumer_group text NOT NULL, event_id uuid NOT NULL, count integer NOT NULL,"
    " PRIMARY KEY (consumer_group, event_id));";

/* weft_failed_event: parked ones wait for due_at, dead ones for a person. One index finds what is due and counts, the
 * other says whether a key is held up. headers is text and no jsonb, which would refuse what a foreign producer may send.
 * full_size and full_sha256 are of messages too large to be kept: payload is their beginning.
 * weft_request: answers to commands that carried an idempotency key. */
static const char failed_schema[] =
    "CREATE TABLE weft_failed_event ("
    " seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, consumer_group text NOT NULL, event_id uuid NOT NULL,"
    " state text NOT NULL CHECK (state IN ('parked', 'dead')), attempts integer NOT NULL, due_at timestamptz,"
    " reason text, first_failed_at timestamptz NOT NULL DEFAULT now(),"
    " type text, topic text, routing_key text, key text, content_type text, correlation_id text,"
    " headers text NOT NULL DEFAULT '{}', payload bytea NOT NULL, full_size bigint, full_sha256 bytea,"
    " UNIQUE (consumer_group, event_id));"
    "CREATE INDEX weft_failed_event_due ON weft_failed_event (consumer_group, state, due_at);"
    "CREATE INDEX weft_failed_event_key ON weft_failed_event (consumer_group, key, state, seq) WHERE key IS NOT NULL;"
    "CREATE TABLE weft_request ("
    " method text NOT NULL, principal text NOT NULL, key text NOT NULL, request_hash bytea NOT NULL,"
    " response bytea NOT NULL, expires_at timestamptz NOT NULL, PRIMARY KEY (method, principal, key));"
    "CREATE INDEX weft_request_expires ON weft_request (expires_at);";

/* weft_cache_drop: keys to be deleted from the cache, until that is known to be done. A row lives for a moment. */
static const char cache_schema[] =
    "CREATE TABLE weft_cache_drop ("
    " id uuid NOT NULL, key text NOT NULL, created_at timestamptz NOT NULL DEFAULT clock_timestamp(),"
    " PRIMARY KEY (id, key))"
    " WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000,"
    " autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 10000, autovacuum_vacuum_cost_delay = 0);";

/* weft_scheduled: events on their way into the outbox, once due_at has come. */
static const char scheduled_schema[] =
    "CREATE TABLE weft_scheduled ("
    " id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text UNIQUE, due_at timestamptz NOT NULL,"
    " event_id uuid NOT NULL, type text NOT NULL, topic text NOT NULL, routing_key text NOT NULL, key text,"
    " content_type text NOT NULL, schema text, correlation_id text NOT NULL, causation_id text,"
    " traceparent text, tracestate text, occurred_at timestamptz NOT NULL, payload bytea NOT NULL);"
    "CREATE INDEX weft_scheduled_due ON weft_scheduled (due_at, id);";

static const char *const schema[] = { outbox_schema, inbox_schema, failed_schema, cache_schema, scheduled_schema, NULL };

/* What an event is, in outbox and schedule alike, in the order of outbox_insert's parameters. */
#define EVENT_COLUMNS                                                                                                   \
    "event_id, type, topic, routing_key, key, content_type, schema, correlation_id, causation_id, traceparent,"         \
    " tracestate, occurred_at, payload"

#define OUTBOX_COLUMNS "id, " EVENT_COLUMNS

#define FAILED_COLUMNS                                                                                                  \
    "f.seq, f.event_id, f.type, f.topic, f.routing_key, f.key, f.content_type, f.correlation_id, f.headers, f.payload," \
    " f.state, f.attempts, f.due_at, f.reason, f.first_failed_at, f.full_size, f.full_sha256"

/* Rows of weft_failed_event f by $1 state, $2 group, $3 type, $4 cause, $5 event id. */
#define FAILED_CAUSE "split_part(coalesce(f.reason, ''), ':', 1)"
#define FAILED_SELECTED                                                                                                 \
    "f.state = $1 AND ($2::text IS NULL OR f.consumer_group = $2) AND ($3::text IS NULL OR f.type = $3)"                \
    " AND ($4::text IS NULL OR " FAILED_CAUSE " = $4) AND ($5::uuid IS NULL OR f.event_id = $5::uuid)"

/* A row with a key that is not among those of the parameter; elements that are NULL do not count. */
#define KEY_NOT_IN(parameter)                                                                                           \
    "(key IS NULL OR key NOT IN (SELECT k FROM unnest(" parameter "::text[]) k WHERE k IS NOT NULL))"

/* Of a parked row f: is nothing of its key before it (ordered), and nothing of it dead (hold)? */
#define FAILED_FREE(group, ordered, hold)                                                                               \
    "(NOT " ordered "::boolean OR f.key IS NULL OR NOT EXISTS (SELECT FROM weft_failed_event e"                         \
    " WHERE e.consumer_group = " group " AND e.key = f.key AND e.state = 'parked' AND e.seq < f.seq))"                  \
    " AND (NOT " hold "::boolean OR f.key IS NULL OR NOT EXISTS (SELECT FROM weft_failed_event e"                       \
    " WHERE e.consumer_group = " group " AND e.key = f.key AND e.state = 'dead'))"

const struct weft_dialect weft_pg_dialect = {
    .size = sizeof(struct weft_dialect),
    .name = "pg",

    .migrate_lock = migrate_lock,
    .bootstrap = bootstrap,
    .schema = schema,
    .owner_claim = "INSERT INTO weft_owner (service) VALUES ($1) ON CONFLICT DO NOTHING",
    .owner_read = "SELECT service FROM weft_owner",
    .migration_list = "SELECT version, name, checksum FROM weft_migration WHERE owner = $1 ORDER BY version",
    .migration_done = "INSERT INTO weft_migration (owner, version, name, checksum) VALUES ($1, $2, $3, $4)",

    .outbox_insert =
        "INSERT INTO weft_outbox (" EVENT_COLUMNS ")"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, coalesce($13::bytea, ''))",
    .outbox_claim =
        "SELECT " OUTBOX_COLUMNS " FROM weft_outbox"
        " WHERE NOT held AND id NOT IN (SELECT unnest($1::bigint[])) AND " KEY_NOT_IN("$2")
        " ORDER BY id LIMIT $3",
    .outbox_done = "DELETE FROM weft_outbox WHERE held = ANY ('{f,t}') AND id = ANY ($1::bigint[])",
    /* By key this reads all rows that are not held: it is the exception, and an index by key would cost each event. */
    .outbox_hold =
        "UPDATE weft_outbox SET held = true, held_reason = $3"
        " WHERE NOT held AND (key IN (SELECT unnest($1::text[])) OR id IN (SELECT unnest($2::bigint[])))",
    .outbox_probe =
        "SELECT " OUTBOX_COLUMNS " FROM weft_outbox WHERE held AND id > $2 AND id IN ("
        "SELECT min(id) FROM weft_outbox WHERE held AND key IS NOT NULL GROUP BY key"
        " UNION ALL SELECT id FROM weft_outbox WHERE held AND key IS NULL)"
        " ORDER BY id LIMIT $1",
    .outbox_release =
        "UPDATE weft_outbox SET held = false, held_reason = NULL"
        " WHERE held AND (key IN (SELECT unnest($1::text[])) OR id IN (SELECT unnest($2::bigint[])))",
    .outbox_retry = "UPDATE weft_outbox SET held = false, held_reason = NULL WHERE held",
    .outbox_held_keys = "SELECT DISTINCT key FROM weft_outbox WHERE held AND key IS NOT NULL",
    /* The oldest is one with a lowest id: near enough, and no scan. */
    .outbox_stats =
        "SELECT (SELECT count(*) FROM weft_outbox WHERE NOT held) AS pending,"
        " (SELECT count(*) FROM weft_outbox WHERE held) AS held,"
        " least((SELECT occurred_at FROM weft_outbox WHERE NOT held ORDER BY id LIMIT 1),"
        " (SELECT occurred_at FROM weft_outbox WHERE held ORDER BY id LIMIT 1)) AS oldest",
    .lease_take =
        "INSERT INTO weft_lease AS l (name, holder, expires_at)"
        " VALUES ($1, $2, clock_timestamp() + $3::bigint * interval '1 millisecond')"
        " ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, expires_at = excluded.expires_at"
        " WHERE l.holder = excluded.holder OR l.expires_at <= clock_timestamp() RETURNING name",
    .lease_release = "DELETE FROM weft_lease WHERE name = $1 AND holder = $2",
    .notify = "SELECT pg_notify(current_schema() || '.' || $1, '')",

    .inbox_insert =
        "INSERT INTO weft_inbox (consumer_group, event_id) SELECT $1::text, unnest($2::uuid[])"
        " ON CONFLICT DO NOTHING RETURNING event_id",
    /* With a key that is held up the first id comes twice. */
    .inbox_add =
        "INSERT INTO weft_inbox (consumer_group, event_id) SELECT $1::text, unnest($2::uuid[])"
        " UNION ALL SELECT $1::text, ($2::uuid[])[1] WHERE EXISTS (SELECT 1 FROM weft_failed_event"
        " WHERE consumer_group = $1 AND key = ANY ($3::text[]) AND (state = 'parked' OR $4::boolean))",
    .inbox_purge =
        "DELETE FROM weft_inbox WHERE ctid = ANY (ARRAY("
        "SELECT ctid FROM weft_inbox WHERE received_at < $1 ORDER BY received_at LIMIT $2))",

    .failed_insert =
        "INSERT INTO weft_failed_event (consumer_group, event_id, type, topic, routing_key, key, content_type,"
        " correlation_id, headers, payload, state, attempts, due_at, reason, full_size, full_sha256)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, coalesce($9::text, '{}'), coalesce($10::bytea, ''), $11, $12, $13, $14,"
        " $15, $16)"
        " ON CONFLICT (consumer_group, event_id) DO NOTHING",
    .failed_keys =
        "SELECT DISTINCT key FROM weft_failed_event WHERE consumer_group = $1 AND key = ANY ($2::text[])"
        " AND (state = 'parked' OR $3::boolean)",
    .failed_due =
        "SELECT " FAILED_COLUMNS " FROM weft_failed_event f"
        " WHERE f.consumer_group = $1 AND f.state = 'parked' AND f.due_at <= clock_timestamp()"
        " AND " FAILED_FREE("$1", "$3", "$4") " ORDER BY f.seq LIMIT $2",
    .failed_next =
        "SELECT f.due_at FROM weft_failed_event f WHERE f.consumer_group = $1 AND f.state = 'parked'"
        " AND " FAILED_FREE("$1", "$2", "$3") " ORDER BY f.due_at LIMIT 1",
    .failed_update = "UPDATE weft_failed_event SET state = $2, attempts = $3, due_at = $4, reason = $5 WHERE seq = $1",
    .failed_delete = "DELETE FROM weft_failed_event WHERE seq = $1",
    .failed_list =
        "SELECT f.consumer_group, " FAILED_COLUMNS " FROM weft_failed_event f WHERE " FAILED_SELECTED
        " ORDER BY f.seq LIMIT $6",
    .failed_causes =
        "SELECT f.consumer_group, f.type, " FAILED_CAUSE " AS cause, count(*) AS count, min(f.first_failed_at) AS oldest,"
        " count(*) - count(f.full_size) AS whole"
        " FROM weft_failed_event f WHERE " FAILED_SELECTED
        " GROUP BY f.consumer_group, f.type, cause ORDER BY count(*) DESC, f.consumer_group, f.type, cause",
    .failed_replay =
        "UPDATE weft_failed_event e SET state = 'parked', attempts = 0,"
        " due_at = statement_timestamp() + (s.n - 1) * $6::bigint * interval '1 microsecond'"
        " FROM (SELECT f.seq, row_number() OVER (ORDER BY f.seq) AS n FROM weft_failed_event f WHERE " FAILED_SELECTED
        " AND f.full_size IS NULL) s WHERE e.seq = s.seq AND e.state = $1",
    .failed_drop = "DELETE FROM weft_failed_event f WHERE " FAILED_SELECTED,
    .failed_stats = "SELECT consumer_group, state, count(*) AS count FROM weft_failed_event GROUP BY consumer_group, state",

    .marker_list = "SELECT event_id, count FROM weft_marker WHERE consumer_group = $1 AND event_id = ANY ($2::uuid[])",
    .marker_first =
        "INSERT INTO weft_marker (consumer_group, event_id, count)"
        " SELECT DISTINCT $1::text, e, 1 FROM unnest($2::uuid[]) e ORDER BY e ON CONFLICT DO NOTHING",
    .marker_add =
        "INSERT INTO weft_marker AS m (consumer_group, event_id, count)"
        " SELECT DISTINCT $1::text, e, 1 FROM unnest($2::uuid[]) e ORDER BY e"
        " ON CONFLICT (consumer_group, event_id) DO UPDATE SET count = m.count + 1 RETURNING event_id, count",
    .marker_clear = "DELETE FROM weft_marker WHERE consumer_group = $1 AND event_id = ANY ($2::uuid[])",

    .scheduled_insert =
        "INSERT INTO weft_scheduled (name, due_at, " EVENT_COLUMNS ")"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, coalesce($15::bytea, ''))"
        " ON CONFLICT (name) DO UPDATE SET due_at = excluded.due_at, event_id = excluded.event_id, type = excluded.type,"
        " topic = excluded.topic, routing_key = excluded.routing_key, key = excluded.key,"
        " content_type = excluded.content_type, schema = excluded.schema, correlation_id = excluded.correlation_id,"
        " causation_id = excluded.causation_id, traceparent = excluded.traceparent, tracestate = excluded.tracestate,"
        " occurred_at = excluded.occurred_at, payload = excluded.payload",
    .scheduled_cancel = "DELETE FROM weft_scheduled WHERE name = $1",
    /* The sort is below the insert, so that ids ascend with it. */
    .scheduled_move =
        "WITH due AS (DELETE FROM weft_scheduled WHERE id IN"
        " (SELECT id FROM weft_scheduled WHERE due_at <= $1 ORDER BY due_at, id LIMIT $2) RETURNING *)"
        " INSERT INTO weft_outbox (" EVENT_COLUMNS ") SELECT " EVENT_COLUMNS " FROM due ORDER BY due_at, id",
    .scheduled_moved = NULL,
    .scheduled_stats = "SELECT count(*) AS count, min(due_at) AS next FROM weft_scheduled",
    .scheduled_next = "SELECT due_at FROM weft_scheduled ORDER BY due_at, id LIMIT 1",

    .request_find =
        "SELECT request_hash, response FROM weft_request WHERE method = $1 AND principal = $2 AND key = $3"
        " AND expires_at > clock_timestamp()",
    .request_drop =
        "DELETE FROM weft_request WHERE method = $1 AND principal = $2 AND key = $3 AND expires_at <= clock_timestamp()",
    .request_insert =
        "INSERT INTO weft_request (method, principal, key, request_hash, response, expires_at)"
        " VALUES ($1, $2, $3, coalesce($4::bytea, ''), coalesce($5::bytea, ''), $6)",
    .request_answer =
        "UPDATE weft_request SET response = coalesce($4::bytea, '') WHERE method = $1 AND principal = $2 AND key = $3",
    .request_purge =
        "DELETE FROM weft_request WHERE ctid = ANY (ARRAY("
        "SELECT ctid FROM weft_request WHERE expires_at <= clock_timestamp() ORDER BY expires_at LIMIT $1))",

    .cache_drop_insert =
        "INSERT INTO weft_cache_drop (id, key) SELECT $1::uuid, unnest($2::text[]) ON CONFLICT DO NOTHING",
    .cache_drop_claim =
        "SELECT id, key FROM weft_cache_drop"
        " WHERE created_at <= clock_timestamp() - $1::bigint * interval '1 millisecond' ORDER BY id LIMIT $2",
    .cache_drop_done = "DELETE FROM weft_cache_drop WHERE id = ANY ($1::uuid[])",

    .key_lock = "SELECT pg_advisory_xact_lock(hashtextextended(current_schema() || '.' || $1, 0))",
};
