/* observe/metrics/table.h - all metrics there are: /metrics and docs/metrics.md come from this table, and one that does
 * not stand here cannot be made. Plugins' own counters, weft_<plugin>_<name>, are theirs to name.
 *
 * M(symbol, name without "weft_", type, unit, labels, help). Values in SECONDS are held in nanoseconds, an AGE as the
 * wall clock's microseconds of its beginning (0: none): so it grows while nobody reads it anew. A label whose value is
 * empty is left out. Labels have few values by nature, or by WEFT_METRIC_SERIES. */
#ifndef WEFT_OBSERVE_METRICS_TABLE_H
#define WEFT_OBSERVE_METRICS_TABLE_H

/* clang-format off */
#define WEFT_METRIC_TABLE(M) \
    M(BUILD_INFO, "build_info", GAUGE, NONE, "version", \
      "Always 1; its label tells which weft this is.") \
    M(PLUGIN_INFO, "plugin_info", GAUGE, NONE, "kind name version build_id", \
      "Always 1 for each plugin in use.") \
    M(READY, "ready", GAUGE, NONE, "", \
      "1 while /readyz answers 200.") \
    M(PLUGIN_UP, "plugin_up", GAUGE, NONE, "kind name service", \
      "1 while the plugin's backend answers; service for stores.") \
    M(RECONNECTS, "reconnects_total", COUNTER, NONE, "kind name service", \
      "Times that a backend was up again after it had been lost.") \
    M(GRPC_HANDLED, "grpc_server_handled_total", COUNTER, NONE, "method code", \
      "Calls answered, by gRPC method and status code; unknown methods are _OTHER.") \
    M(GRPC_SECONDS, "grpc_server_handling_seconds", HISTOGRAM, SECONDS, "method", \
      "From the arrival of a call to the end of its answer.") \
    M(HANDLER_SECONDS, "handler_duration_seconds", HISTOGRAM, SECONDS, "method service group event", \
      "From a handler's begin to its return, without the commit.") \
    M(INFLIGHT, "inflight", GAUGE, NONE, "kind", \
      "Under way now: calls of gRPC, events published and not confirmed, events delivered and not settled.") \
    M(COMMIT_GROUPS, "commit_groups_total", COUNTER, NONE, "service", \
      "Transactions of the store in which those of calls that only write were committed together.") \
    M(GROUPED_COMMITS, "grouped_commits_total", COUNTER, NONE, "service result", \
      "Transactions of calls that were taken for a group: committed in one, or alone (sent away to commit by itself).") \
    M(DIRECT_EVENTS, "direct_events_total", COUNTER, NONE, "service result", \
      "Direct events: confirmed, unrouted, refused, again (to be repeated), journaled (waiting in the cache), drained, lost.") \
    M(DIRECT_BEHIND, "direct_behind", GAUGE, NONE, "service", \
      "1 while direct events go through the cache's journal, as the transport is away or the journal is not empty.") \
    M(PUBLISHED, "events_published_total", COUNTER, NONE, "event result", \
      "Outbox events by what the broker said: confirmed, unrouted (nobody listens), refused, again (to be repeated).") \
    M(CONFIRM_SECONDS, "publish_confirm_seconds", HISTOGRAM, SECONDS, "service", \
      "From handing an event to the transport to its confirm.") \
    M(OUTBOX_PENDING, "outbox_pending", GAUGE, NONE, "service", \
      "Outbox rows that wait to be published, as the instance that relays last read them.") \
    M(OUTBOX_HELD, "outbox_held", GAUGE, NONE, "service", \
      "Outbox rows held back: nobody listened to them, or the broker refused them, or they stand behind such a one.") \
    M(OUTBOX_AGE, "outbox_oldest_age_seconds", GAUGE, AGE, "service", \
      "Age of the oldest outbox row; 0 if there is none.") \
    M(RELAY_ACTIVE, "relay_active", GAUGE, NONE, "service", \
      "1 on the instance that relays the service's outbox.") \
    M(RELAY_TAKEOVERS, "relay_takeovers_total", COUNTER, NONE, "service", \
      "Times that this instance began to relay.") \
    M(RELAY_TRIPS, "relay_trips_total", COUNTER, NONE, "service", \
      "Round trips of the relay to its store.") \
    M(CONSUMED, "events_consumed_total", COUNTER, NONE, "service group event result", \
      "Events by how they ended: handled, duplicate, unknown (no handler), parked, behind (a parked one), dead.") \
    M(GROUP_ACTIVE, "group_active", GAUGE, NONE, "service group", \
      "1 while this instance consumes for the group; 0 if the group is paused by its setting.") \
    M(GROUP_TRANSACTIONS, "group_transactions_total", COUNTER, NONE, "service group", \
      "Transactions committed for a group; events handled by transactions is the size of a batch.") \
    M(GROUP_PAUSES, "group_pauses_total", COUNTER, NONE, "service group", \
      "Times that a group waited for its store and kept its events.") \
    M(PARKED, "parked", GAUGE, NONE, "service group", \
      "Events that wait for their next try, as the group last read them.") \
    M(DEAD, "dead", GAUGE, NONE, "service group", \
      "Events that have no try left and wait for a person.") \
    M(CACHE_REQUESTS, "cache_requests_total", COUNTER, NONE, "result", \
      "hit, miss, damaged of look-ups; fill, drop, replay (a drop repeated) of keys; error, skipped (left alone) of runs.") \
    M(LOG_LINES, "log_lines_total", COUNTER, NONE, "level", \
      "Lines written to the log.") \
    M(LOG_DROPPED, "log_lines_dropped_total", COUNTER, NONE, "", \
      "Lines lost because the log's reader was too slow.")

/* Under their usual names, without our prefix. */
#define WEFT_METRIC_TABLE_PROCESS(M) \
    M(PROCESS_CPU, "process_cpu_seconds_total", COUNTER, SECONDS, "", \
      "User and system time spent.") \
    M(PROCESS_MEMORY, "process_resident_memory_bytes", GAUGE, BYTES, "", \
      "Resident memory.") \
    M(PROCESS_FDS, "process_open_fds", GAUGE, NONE, "", \
      "Open file descriptors.") \
    M(PROCESS_MAX_FDS, "process_max_fds", GAUGE, NONE, "", \
      "File descriptors that may be open.") \
    M(PROCESS_THREADS, "process_threads", GAUGE, NONE, "", \
      "Threads.") \
    M(PROCESS_START, "process_start_time_seconds", GAUGE, SECONDS, "", \
      "Start of the process since the epoch.")
/* clang-format on */

#endif
