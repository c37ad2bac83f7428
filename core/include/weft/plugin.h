/* weft/plugin.h - the plugin ABI. A manual: read it top to bottom, then write your plugin; you need nothing else.
 *
 * A plugin is a `.so` of one of three kinds, found in one directory and chosen by the scheme of a URL:
 *
 *   transport   moves bytes       amqp://host/vhost        stream-shaped:  asynchronous, batches in, arrays out
 *   cache       forgets           redis://host/0           request-shaped: blocking, one session a thread
 *   store       remembers         postgres://host/db       request-shaped: blocking, one session a thread
 *
 * It exports one symbol, `weft_plugin`, a const struct weft_plugin, and carries an ELF note (WEFT_PLUGIN_NOTE) from
 * which the host reads kind, schemes and ABI before any of its code runs. It links nothing of weft's: what it needs of
 * the host comes as a table of functions (struct weft_host) at open.
 *
 * To build one: weft_add_plugin() of weft's CMake package, or
 *     cc -shared -fPIC -fvisibility=hidden -Wl,-z,defs,-z,now,-z,nodelete -o x.so x.c
 * The file goes into the plugin directory (setting plugin_dir); nobody but its owner may write to either.
 *
 * Rules that hold everywhere
 *  - Versions. ABI majors are equal or the plugin is refused. Minors only append to the tables that carry `size`;
 *    before reading a field newer than 1.0 ask WEFT_HAS(table, field). Structs that travel in arrays keep their size
 *    for the whole major and carry spare words, which are zero.
 *  - Instances. `open` may be called many times; keep no state outside the instance. A plugin is never unloaded.
 *  - Process manners. Never exit, abort, fork, install signal handlers, or write to stdout or stderr. Block signals in
 *    threads you start, but not SIGSEGV, SIGBUS, SIGILL, SIGFPE and SIGABRT, by which the host tells whose crash it was.
 *    Never log a value whose option is marked WEFT_OPTION_SECRET, nor the URL's password.
 *  - Time. Every wait has a deadline: `deadline_ns` is absolute on CLOCK_MONOTONIC, in nanoseconds; who had a
 *    second to it returns within 1.1 s.
 *  - Ownership. Who made it owns it: publish operations are the host's until completed, deliveries the plugin's until
 *    settled, results the session's until its next `run`. Nothing is freed on the other side.
 *  - Strings are UTF-8 and end in NUL unless a size stands beside them. NULL where the text says so.
 *  - Statuses. Functions return an enum weft_rc. It says what a retry may do; the text says what failed, with which
 *    value, and what to do.
 *
 * Changelog of the ABI
 *  1.0  first version.
 */
#ifndef WEFT_PLUGIN_H
#define WEFT_PLUGIN_H

#include <stddef.h>
#include <stdint.h>
#include <weft/value.h>

#ifdef __cplusplus
extern "C" {
#endif

#define WEFT_ABI_MAJOR 1
#define WEFT_ABI_MINOR 0
#define WEFT_PLUGIN_MAGIC 0x74666577u /* "weft" */

/* Does the table `p`, which carries its own size, reach as far as `field`? */
#define WEFT_HAS(p, field) ((size_t)(p)->size >= (size_t)((const char *)(&(p)->field + 1) - (const char *)(p)))

/* ---- statuses ---------------------------------------------------------------------------------------------------- */

enum weft_rc {
    WEFT_RC_OK = 0,
    /* Streams (publish). */
    WEFT_RC_NOT_SENT = 1,   /* nothing left: a retry cannot duplicate */
    WEFT_RC_MAYBE_SENT = 2, /* it may have arrived: a retry may duplicate. Stores: a COMMIT whose answer was lost */
    WEFT_RC_REFUSED = 3,    /* the other side said no for good (wrong password, too large): a retry will fail again */
    WEFT_RC_UNROUTED = 4,   /* nobody listens: no queue is bound */
    /* Requests (cache, store). */
    WEFT_RC_NOT_FOUND = 5,   /* cache: a miss, which is no error */
    WEFT_RC_CONFLICT = 6,    /* store: a constraint; `reason` says which. cache: SET_NEW found one, FILL's token is void */
    WEFT_RC_RETRY = 7,       /* store: rolled back by serialization, deadlock or lock timeout; may be run again as it is */
    WEFT_RC_TIMEOUT = 8,     /* the deadline passed or the run was cancelled; nothing was committed. A publish: not
                                confirmed in time though the other side is there; it may arrive, others go on meanwhile */
    WEFT_RC_UNAVAILABLE = 9, /* the backend is away or was lost before a COMMIT was sent; nothing was committed */
    WEFT_RC_INVALID = 10,    /* a bad argument, SQL the backend refuses, no permission: a bug or a wrong setting */
    WEFT_RC_CLOSED = 11      /* the instance or session is closed */
};

/* Why something failed, for a person. Outputs of functions that fail; untouched on success. */
struct weft_error {
    int32_t rc; /* enum weft_rc */
    char text[508];
};

/* ---- the host, as a plugin sees it ------------------------------------------------------------------------------- */

struct weft_host;
struct weft_publish;
struct weft_delivery;

enum weft_level { WEFT_LOG_DEBUG = 0, WEFT_LOG_INFO = 1, WEFT_LOG_WARN = 2, WEFT_LOG_ERROR = 3 };

enum weft_health {
    WEFT_HEALTH_CONNECTING = 0, /* not yet up; trying. The state after open */
    WEFT_HEALTH_UP = 1,         /* connected, and topology in place for a transport */
    WEFT_HEALTH_DOWN = 2,       /* was up or may come up; trying again by itself */
    WEFT_HEALTH_REFUSED = 3     /* wrong password, no such vhost or database, topology differs: trying again is idle */
};

/* How one publish ended. */
struct weft_completion {
    const struct weft_publish *operation;
    int32_t rc; /* OK confirmed, NOT_SENT, MAYBE_SENT, REFUSED, UNROUTED, TIMEOUT */
    uint32_t spare;
    const char *text; /* why, or NULL; valid during the call */
    void *spare_pointer;
};

/* Functions the host hands in at open. All may be called from any thread, also from inside a call of the host's; they
 * never block, never run service code and never call back into the plugin. The table lives as long as the instance.
 * `host` is always the table itself. */
struct weft_host {
    uint32_t size;
    uint16_t abi_major, abi_minor; /* the host's */
    void (*log)(const struct weft_host *host, int32_t level, const char *text); /* one line, without a newline */
    uint64_t (*now_ns)(const struct weft_host *host);                           /* CLOCK_MONOTONIC, or a test's clock */
    /* Adds to a counter, sets a gauge: `name` in snake case without prefix, the host adds weft_<plugin>_. */
    void (*count)(const struct weft_host *host, const char *name, uint64_t delta);
    void (*gauge)(const struct weft_host *host, const char *name, int64_t value);
    /* Reports a change of state; `text` says why (may be NULL when up). Transports must; stores and caches may. */
    void (*health)(const struct weft_host *host, int32_t health, const char *text);
    /* Transports: publishes ended, in any order. Each operation taken completes exactly once, also across close. */
    void (*complete)(const struct weft_host *host, const struct weft_completion *completions, size_t n);
    /* Transports: deliveries of the subscription `tag`. Returns how many were taken, a prefix. While the plugin keeps
     * to the subscription's credit the host takes all; what it does not take is to be offered again after a settle. */
    size_t (*deliver)(const struct weft_host *host, void *tag, const struct weft_delivery *const *deliveries, size_t n);
    /* Transports: there is room again after a publish that took fewer than offered. */
    void (*ready)(const struct weft_host *host);
    /* Caches that learn of changes made elsewhere: drop what is kept in the process under this key; NULL: all. */
    void (*invalidate)(const struct weft_host *host, const void *key, size_t size);
};

/* ---- options ----------------------------------------------------------------------------------------------------- */

enum weft_option_type {
    WEFT_OPTION_TEXT = 1,     /* const char *: NULL when unset */
    WEFT_OPTION_BOOL = 2,     /* bool: true|false|yes|no|on|off|1|0 */
    WEFT_OPTION_INT = 3,      /* int64_t */
    WEFT_OPTION_DURATION = 4, /* uint64_t, nanoseconds: 250ms, 30s, 5m, 1h */
    WEFT_OPTION_SIZE = 5,     /* uint64_t, bytes: 512, 64K, 2M, 1G */
    WEFT_OPTION_CHOICE = 6    /* int64_t: the index into `choices` */
};

enum { WEFT_OPTION_REQUIRED = 1, WEFT_OPTION_SECRET = 2 };

/* One option. The host parses it out of the URL's query, weft.yaml (plugins.<name>.<option>) and the environment
 * (WEFT_<NAME>_<OPTION>) into a struct of the plugin's own, refuses unknown and out-of-range ones, masks secrets, and
 * prints the reference from these tables. */
struct weft_option {
    const char *name; /* snake case */
    const char *help; /* one sentence with the unit */
    const char *initial;       /* the default, as text; NULL: zero */
    const char *const *choices; /* NULL-terminated; for CHOICE */
    uint32_t type;             /* enum weft_option_type */
    uint32_t flags;
    uint64_t offset;           /* offsetof in the plugin's struct */
    int64_t min, max;          /* inclusive, for INT, DURATION and SIZE; both 0: no bounds */
};

/* A URL taken apart and percent-decoded. Absent parts are NULL, an absent port is 0. For `sqlite:DIR/` and `memory:`
 * everything after the colon is `path`. A path keeps no leading slash: amqp://h and amqp://h/ both have path "". */
struct weft_url {
    const char *scheme, *user, *password, *host, *path;
    uint32_t port;
    uint32_t spare;
};

/* What open gets. Pointers live as long as the instance. */
struct weft_open {
    uint32_t size;
    uint32_t spare;
    const struct weft_host *host;
    const struct weft_url *url;
    const void *options;    /* the plugin's own struct, filled in; NULL if it has none */
    const char *service;    /* stores: the owner, for example "user-service"; else NULL */
    const char *instance;   /* names this process among its like, for example in application_name and consumer tags */
    const char *data_dir;   /* where embedded plugins keep files */
};

/* ---- the descriptor ---------------------------------------------------------------------------------------------- */

enum weft_kind { WEFT_KIND_TRANSPORT = 1, WEFT_KIND_CACHE = 2, WEFT_KIND_STORE = 3 };

struct weft_transport_ops;
struct weft_cache_ops;
struct weft_store_ops;

/* Who is told what `examine` found. The texts are one line each, and no secrets. */
enum weft_finding { WEFT_FINDING_OK = 0, WEFT_FINDING_WARNING = 1, WEFT_FINDING_FAILED = 2 };
struct weft_examiner {
    void (*say)(const struct weft_examiner *examiner, int32_t finding, const char *what, const char *text,
                const char *advice); /* what is looked at ("version"), what was found, and what to do (NULL: nothing) */
    void *arg;
};

/* The one exported symbol, for example
 *
 *     WEFT_PLUGIN_NOTE("cache", "shelf", "shelf");
 *     WEFT_EXPORT const struct weft_plugin weft_plugin = {
 *         WEFT_PLUGIN_HEADER, .kind = WEFT_KIND_CACHE, .name = "shelf", .version = "1.0.0", .schemes = schemes,
 *         .open = shelf_open, .close = shelf_close, .cache = &shelf_ops,
 *     };
 *
 * In C++, which has no such initialisers before C++20: all fields in their order. */
struct weft_plugin {
    uint32_t magic; /* WEFT_PLUGIN_MAGIC */
    uint32_t size;
    uint16_t abi_major, abi_minor;
    uint32_t kind;
    const char *name;            /* "amqp": its section in weft.yaml, its prefix in the environment and in metrics */
    const char *version;         /* of the plugin, free form */
    const char *const *schemes;  /* NULL-terminated: { "amqp", "amqps", NULL } */
    const struct weft_option *options;
    uint32_t n_options;
    uint32_t options_size; /* sizeof the plugin's options struct */
    /* Makes an instance. Checks the URL and the options and returns INVALID with a text for the wrong ones; does not
     * wait for the backend: connections are made by the I/O thread (transports) or by session_open (cache, store). */
    int32_t (*open)(const struct weft_open *open, void **ret_self, struct weft_error *ret_error);
    /* Ends it: completes what was taken, ends its threads, frees everything, deliveries in the host's hands included;
     * returns by the deadline, at most 5 s late. All sessions are closed before. */
    void (*close)(void *self, uint64_t deadline_ns);
    const struct weft_transport_ops *transport; /* the one of its kind; the others are NULL */
    const struct weft_cache_ops *cache;
    const struct weft_store_ops *store;
    /* NULL: nothing to say. What an operator should know of the backend - its version, a setting of it that loses or
     * drops what we keep there - for `weft doctor`: connects by itself, says each finding by `say`, returns by the
     * deadline. That it can be reached and does its work the host tries by the functions above. */
    void (*examine)(void *self, const struct weft_examiner *examiner, uint64_t deadline_ns);
};

#ifdef __cplusplus
#define WEFT_EXPORT extern "C" __attribute__((visibility("default"), used))
#else
#define WEFT_EXPORT __attribute__((visibility("default"), used))
#endif

/* The first fields of it, up to kind. */
#define WEFT_PLUGIN_HEADER WEFT_PLUGIN_MAGIC, sizeof(struct weft_plugin), WEFT_ABI_MAJOR, WEFT_ABI_MINOR

#define WEFT_STRINGIFY_(x) #x
#define WEFT_STRINGIFY(x) WEFT_STRINGIFY_(x)

/* The ELF note: kind, name and schemes as in the descriptor, schemes separated by commas. Once a plugin, at file scope:
 *     WEFT_PLUGIN_NOTE("transport", "amqp", "amqp,amqps");                                                           */
#define WEFT_PLUGIN_NOTE(kind, name, schemes)                                                                           \
    WEFT_NOTE_(weft_plugin_note, "abi=" WEFT_STRINGIFY(WEFT_ABI_MAJOR) "." WEFT_STRINGIFY(WEFT_ABI_MINOR) ";kind=" kind \
                                     ";name=" name ";schemes=" schemes)
#define WEFT_NOTE_(symbol, content)                                                                                     \
    static const struct {                                                                                               \
        uint32_t name_size, content_size, type;                                                                         \
        char name[8];                                                                                                   \
        char text[(sizeof(content) + 3) / 4 * 4];                                                                       \
    } symbol __attribute__((section(".note.weft"), aligned(4), used)) = { 5, sizeof(content), 1, "weft", content }

/* ---- transport: stream-shaped ------------------------------------------------------------------------------------ */
/*
 * Threads: the host calls one function of an instance at a time (its dispatcher serialises them); none of them blocks or
 * waits for the network: what takes time happens on the plugin's own I/O thread. The plugin calls the host from any
 * thread. A function below never has to be re-entrant from within a host call. The host holds no lock of its callbacks
 * while it calls, so a plugin may hold one of its own around deliver and take the same one in unsubscribe, to know that
 * the last delivery is over.
 *
 * Connections are the plugin's business: it connects after open, reconnects with back-off and jitter, declares the
 * topology and resumes the subscriptions again each time, and reports health.
 */

struct weft_header {
    const char *name;
    const char *value;
};

/* A message as both sides see it. What a broker has a property for stands in a field; the rest of the envelope
 * (CloudEvents attributes, trace context) is in `headers`, made and read by the host. On publish id, type, topic,
 * routing_key and content_type are set; on delivery anything foreign may be NULL. */
struct weft_message {
    const char *id;             /* event id: AMQP message-id */
    const char *type;           /* event type, for example user.v1.UserCreated */
    const char *topic;          /* where it goes: AMQP topic exchange */
    const char *routing_key;    /* dotted words, at most 255 bytes; subscriptions match with * and # as AMQP's topic exchange */
    const char *key;            /* aggregate id, or NULL: for transports that partition */
    const char *content_type;
    const char *correlation_id; /* or NULL */
    const char *source;         /* the producing service: AMQP app-id */
    const struct weft_header *headers;
    const void *payload;
    uint64_t payload_size;
    int64_t time_us;            /* when the event happened, microseconds since the epoch; 0 unknown */
    uint32_t n_headers;
    uint32_t spare;
    void *spare_pointer;
};

enum {
    WEFT_PUBLISH_MANDATORY = 1, /* with nobody listening it ends UNROUTED */
    WEFT_PUBLISH_TRANSIENT = 2  /* need not survive the broker; no confirm is waited for: OK when handed over */
};

struct weft_publish {
    struct weft_message message;
    uint32_t flags;
    uint32_t spare;
    void *host_data; /* not the plugin's */
};

enum { WEFT_DELIVERY_REDELIVERED = 1 };

/* What a message was that is too large to be handed over: then its payload holds the first WEFT_CUT_BYTES, its headers
 * are the first few. The host keeps it as a dead event; it reaches no handler. */
enum { WEFT_CUT_BYTES = 4096 };
struct weft_cut {
    uint64_t payload_size;      /* as it came */
    uint8_t payload_sha256[32]; /* of the whole, if the message has less of it */
    uint32_t n_headers;         /* as they came */
    uint32_t spare;
};

struct weft_delivery {
    struct weft_message message;
    const struct weft_cut *cut; /* NULL: the message is whole */
    uint32_t flags;
    uint32_t count;    /* how often the broker has delivered it before; 0 if first or not known */
    uint64_t token;    /* the plugin's */
    void *plugin_data; /* the plugin's */
    void *host_data;   /* the host's, from deliver to settle */
};

enum weft_verdict {
    WEFT_VERDICT_ACK = 1,
    WEFT_VERDICT_REQUEUE = 2, /* come back later, to anyone; counted as redelivery */
    WEFT_VERDICT_DEAD = 3     /* to the broker's dead-letter queue if it has one, else as ACK */
};

struct weft_settle {
    const struct weft_delivery *delivery;
    uint32_t verdict;
    uint32_t spare;
};

struct weft_binding {
    const char *topic;
    const char *routing_key; /* may hold * (one word) and # (any number of words) */
};

enum {
    WEFT_QUEUE_ORDERED = 1,  /* one active consumer at a time, the others stand by; order kept at hand-over */
    WEFT_QUEUE_BROADCAST = 2 /* this instance's own (though others may use the same name), gone with it, from the first
                                subscription on; holds nobody up: a slow reader loses the oldest */
};

struct weft_queue {
    const char *name; /* for example order-service.user-events: shared by all instances of the group */
    const struct weft_binding *bindings;
    uint32_t n_bindings;
    uint32_t flags;
};

struct weft_topology {
    uint32_t size;
    uint32_t n_topics;
    const char *const *topics; /* to be there, durable */
    const struct weft_queue *queues;
    uint32_t n_queues;
    uint32_t spare;
};

struct weft_subscription {
    uint32_t size;
    uint32_t flags;    /* as the queue's */
    const char *queue; /* one of the topology's */
    uint32_t credit;   /* deliveries unsettled at a time, at most; never exceeded */
    uint32_t spare;
};

/* What a transport can do. The conformance kit skips what is not claimed and fails what is claimed and does not hold. */
enum {
    WEFT_TRANSPORT_CONFIRMS = 1 << 0,      /* OK means stored */
    WEFT_TRANSPORT_UNROUTED = 1 << 1,      /* mandatory works */
    WEFT_TRANSPORT_SINGLE_ACTIVE = 1 << 2, /* ordered queues over several instances */
    WEFT_TRANSPORT_BROADCAST = 1 << 3,     /* queues of one instance, gone with it */
    WEFT_TRANSPORT_REQUEUE = 1 << 4,       /* WEFT_VERDICT_REQUEUE delivers again */
    WEFT_TRANSPORT_DEAD_LETTER = 1 << 5,   /* of a queue q: "q.dead", which may be subscribed without being declared */
    WEFT_TRANSPORT_DURABLE = 1 << 6,       /* survives the process */
    WEFT_TRANSPORT_PROCESSES = 1 << 7      /* reaches other processes */
};

struct weft_transport_ops {
    uint32_t size;
    uint32_t caps;
    /* Hands over the whole topology wanted (copied); again when it changes. Applied at each connect; health is UP only
     * once the first one is in place, REFUSED with a text that tells the difference if the broker has another. A queue
     * that does not answer while others do takes nobody down: UP with a text that names it. INVALID: a name that the
     * transport cannot have. A topic that is published to and was never declared is no error: nobody
     * listens there, or those that another program has bound. */
    int32_t (*declare)(void *self, const struct weft_topology *topology, struct weft_error *ret_error);
    /* Takes a prefix of the operations and returns its length; fewer than n means full until host->ready(). Each one
     * taken completes exactly once. Also when down: then it may take none, and what it has taken and cannot send ends
     * NOT_SENT at once, for the host keeps it better. */
    size_t (*publish)(void *self, const struct weft_publish *const *operations, size_t n);
    /* Starts deliveries, `tag` comes back with each; survives reconnects. */
    int32_t (*subscribe)(void *self, const struct weft_subscription *subscription, void *tag, struct weft_error *ret_error);
    /* Ends deliveries in the host's hands, each once. They are the plugin's again with this call. Those of an earlier
     * connection are only freed: the broker delivers them again; until then they count against the credit. Acknowledges
     * several at once only up to the lowest unsettled. */
    void (*settle)(void *self, void *tag, const struct weft_settle *settles, size_t n);
    /* Nothing is delivered once it returns; deliveries in the host's hands are still to be settled. Unordered: consuming
     * is cancelled, what was not delivered returns. Ordered: what is not settled yet returns as a whole and in order for
     * the next consumer; settling it afterwards only frees it. The tag is free again. */
    void (*unsubscribe)(void *self, void *tag);
};

/* ---- cache: request-shaped --------------------------------------------------------------------------------------- */
/*
 * Threads: session_open may be called from any thread; a session is used by one thread at a time. `run` blocks to its
 * deadline and does the whole batch in one round trip. A session that failed heals itself at a later run.
 *
 * ttl_ms 0 is no expiry, unless it says otherwise; 10^13 is the most. Every write (SET, SET_NEW that sets, DEL, INCR, FILL)
 * kills the lease of its key. Numbers are decimal text: GET reads what INCR wrote; INCR of anything else is INVALID.
 */

enum weft_cache_verb {
    WEFT_CACHE_GET = 1,          /* OK value | NOT_FOUND */
    WEFT_CACHE_SET = 2,          /* ttl_ms 0: none. Clears an earlier expiry. Kills leases of the key */
    WEFT_CACHE_SET_NEW = 3,      /* OK | CONFLICT if there is one */
    WEFT_CACHE_DEL = 4,          /* OK, integer: how many there were. Kills leases of the key */
    WEFT_CACHE_INCR = 5,         /* adds `integer`, a missing one counts as 0; integer: the sum; ttl_ms set when new */
    WEFT_CACHE_EXPIRE = 6,       /* sets ttl_ms: OK | NOT_FOUND */
    WEFT_CACHE_GET_OR_LEASE = 7, /* OK value | NOT_FOUND with integer: a token for FILL, or 0 if another holds the lease.
                                    A lease lasts `integer` ms of the operation */
    WEFT_CACHE_FILL = 8,         /* sets value with ttl_ms if the token in `integer` still holds: OK | CONFLICT */
    WEFT_CACHE_GET_EXPIRE = 9,   /* GET, and sets ttl_ms if there: sliding expiry */
    WEFT_CACHE_JOURNAL_APPEND = 10, /* see below, as the next two */
    WEFT_CACHE_JOURNAL_CLAIM = 11,
    WEFT_CACHE_JOURNAL_DONE = 12
};

/* Journals (WEFT_CACHE_JOURNAL): each is a list of entries under a key, oldest first; beside values, so that the same key
 * may have both. An entry is read by one at a time: who claims a journal has it alone, for as long as the claim lasts.
 *
 *   JOURNAL_APPEND  puts `value` at the end. `integer` is how many entries the journal keeps, 1 to 10^6: when there are
 *                   more, the oldest go. ttl_ms: the journal goes so long after its last append. OK, integer: how many
 *                   entries went to make room.
 *   JOURNAL_CLAIM   claims the journal for `value`, a name of 1 to 255 bytes, for ttl_ms (not 0), or renews that claim,
 *                   and reads its oldest entries, `integer` of them at most (1 to 1000) and no more than fit a MiB, but
 *                   one. Nothing is removed. OK | NOT_FOUND: it is empty, and nobody's | CONFLICT: another has claimed
 *                   it. The result's value holds the entries one behind the other, each after its size as 8 bytes, the
 *                   lowest first; integer: the place of the last one, greater for later entries.
 *   JOURNAL_DONE    removes all entries up to the place `integer`, those that went meanwhile do not count. OK | CONFLICT:
 *                   `value` has no claim (any more). The claim goes on; with the last entry it ends. */

struct weft_cache_op {
    uint32_t verb;
    uint32_t spare;
    const void *key; /* 1 to 1024 bytes, any */
    uint64_t key_size;
    const void *value; /* to 8 MiB, any */
    uint64_t value_size;
    uint64_t ttl_ms;
    int64_t integer;
};

struct weft_cache_result {
    int32_t rc; /* of this operation */
    uint32_t spare;
    const void *value; /* the session's until its next run */
    uint64_t value_size;
    int64_t integer;
};

enum {
    WEFT_CACHE_LEASES = 1 << 0,  /* has GET_OR_LEASE and FILL; without it the host uses GET and SET */
    WEFT_CACHE_JOURNAL = 1 << 1, /* has JOURNAL_APPEND, _CLAIM and _DONE; without it they are INVALID */
    WEFT_CACHE_SHARED = 1 << 2   /* by all processes: a run may wait. Without it a run never waits */
};

struct weft_cache_ops {
    uint32_t size;
    uint32_t caps;
    int32_t (*session_open)(void *self, void **ret_session, struct weft_error *ret_error); /* does not connect */
    void (*session_close)(void *session);
    /* Does the batch in order, one round trip, and fills n results. Returns OK if each has a result of its own;
     * UNAVAILABLE, TIMEOUT, REFUSED: the batch failed as a whole. After a time-out no late answer meets a later run. */
    int32_t (*run)(void *session, const struct weft_cache_op *ops, size_t n, struct weft_cache_result *ret_results,
                   uint64_t deadline_ns, struct weft_error *ret_error);
};

/* ---- store: request-shaped --------------------------------------------------------------------------------------- */
/*
 * Threads: as a cache; `cancel` and `wake` may be called from any thread while the session lives.
 *
 * A store plugin is a driver and a dialect. The driver runs batches of statements; the dialect is a table of SQL texts
 * for weft's own tables, whose logic lives in the host. One instance serves one service and keeps its data apart: a
 * schema or a file of its name.
 */

enum weft_purpose {
    WEFT_SESSION_REQUEST = 1, /* a handler's transaction */
    WEFT_SESSION_READER = 2,  /* reads outside a transaction; may be refused writes */
    WEFT_SESSION_RELAY = 3,   /* its commits may be lost by a crash of the backend: they only cost a duplicate */
    WEFT_SESSION_LANE = 4,    /* a consumer's transaction */
    WEFT_SESSION_LISTENER = 5,
    WEFT_SESSION_MIGRATE = 6, /* sees to it that the service's schema or file is there */
    WEFT_SESSION_ADMIN = 7,
    WEFT_SESSION_GROUP = 8 /* transactions of several handlers as one: where rows are locked singly, gives up a lock that
                              it does not get within some 10 ms (RETRY, LOCK_TIMEOUT) */
};

enum {
    WEFT_STATEMENT_BEGIN = 1,    /* begin a read-write transaction before it */
    WEFT_STATEMENT_COMMIT = 2,   /* commit after it */
    WEFT_STATEMENT_ROLLBACK = 4, /* roll back (sql is NULL) */
    WEFT_STATEMENT_ROWS = 8,     /* keep its rows; without it only the affected count is kept */
    WEFT_STATEMENT_SCRIPT = 16,  /* several statements in one text, no parameters, not prepared: migrations */
    WEFT_STATEMENT_ONCE = 32,    /* not worth preparing */
    WEFT_STATEMENT_UNCOUNTED = 64 /* nobody asks for its affected count, which may be anything: the store may do it and
                                     equal ones that follow at once, if the effect, and what fails, is the same */
};

/* A statement. Parameters are $1, $2, ...; a parameter may be used several times, and may carry a cast as in $1::uuid,
 * which stores without such types ignore. sql may be NULL for a mere BEGIN, COMMIT or ROLLBACK. Texts that themselves
 * begin or end a transaction are INVALID. */
struct weft_statement {
    const char *sql;
    const struct weft_value *params;
    uint32_t n_params;
    uint32_t flags;
};

struct weft_rowset {
    const struct weft_value *values; /* row-major, n_rows x n_columns; text and bytes are followed by a NUL */
    const char *const *columns;
    uint32_t n_rows, n_columns;
    int64_t affected; /* rows inserted, updated, deleted */
};

enum weft_reason {
    WEFT_REASON_NONE = 0,
    WEFT_REASON_UNIQUE = 1, /* rc CONFLICT: these four, `constraint` names it */
    WEFT_REASON_FOREIGN_KEY = 2,
    WEFT_REASON_CHECK = 3,
    WEFT_REASON_NOT_NULL = 4,
    WEFT_REASON_SERIALIZATION = 5, /* rc RETRY: these three */
    WEFT_REASON_DEADLOCK = 6,
    WEFT_REASON_LOCK_TIMEOUT = 7,
    WEFT_REASON_BAD_VALUE = 8 /* rc INVALID: a value its type cannot have, for example a malformed uuid */
};

/* How a run ended. Filled by the plugin; what it points to is the session's until the next run. */
struct weft_result {
    const struct weft_rowset *sets; /* one a statement, up to the failed one */
    uint32_t n_sets;
    uint32_t failed;        /* index of the statement that failed; n: the commit itself */
    uint32_t reason;        /* enum weft_reason */
    uint32_t spare;
    const char *constraint; /* "users_email_key"; "users.email" where it has no name: SQLite, NOT NULL; or NULL */
    const char *text;       /* the backend's message, without parameter values; or NULL */
    void *spare_pointer;
};

/* SQL texts for weft's own tables, with their parameters and columns. event ids are UUIDs as text, in lower case, on
 * both sides; times are WEFT_TYPE_TIME; payloads, hashes and responses are WEFT_TYPE_BYTES, an empty one may be NULL as a
 * parameter. `now` is the database's clock. Every text is one statement but for `bootstrap` and `schema`. */
struct weft_dialect {
    uint32_t size;
    uint32_t spare;
    const char *name; /* "pg", "sqlite": picks 0001_x.<name>.sql */

    /* Migrations. */
    const char *migrate_lock;   /* first in the migration's transaction; NULL: its BEGIN is lock enough */
    const char *bootstrap;      /* script: weft_migration and weft_owner, if not there */
    const char *const *schema;  /* NULL-terminated scripts: weft's own tables, version 1, 2, ... */
    const char *owner_claim;    /* $1 service; no effect if there is an owner */
    const char *owner_read;     /* -> service */
    const char *migration_list; /* $1 owner ("weft" or the service) -> version, name, checksum; ascending */
    const char *migration_done; /* $1 owner $2 version $3 name $4 checksum */

    /* Outbox. `id` ascends, is never reused, and within a key follows commit order. */
    const char *outbox_insert; /* $1 event_id $2 type $3 topic $4 routing_key $5 key|null $6 content_type $7 schema|null
                                  $8 correlation_id $9 causation_id|null $10 traceparent|null $11 tracestate|null
                                  $12 occurred_at $13 payload */
    const char *outbox_claim;  /* $1 INTS ids to leave out $2 TEXTS keys to leave out $3 limit -> id, event_id, type,
                                  topic, routing_key, key, content_type, schema, correlation_id, causation_id,
                                  traceparent, tracestate, occurred_at, payload; rows that are not held, by id */
    const char *outbox_done;   /* $1 INTS ids: removes them */
    const char *outbox_hold;   /* $1 TEXTS keys $2 INTS ids $3 reason: marks the rows of these keys and ids held */
    const char *outbox_probe;  /* $1 limit $2 after id -> as outbox_claim, ids greater than $2: the first held row of each
                                  held key, and held rows without key */
    const char *outbox_release; /* $1 TEXTS keys $2 INTS ids: rows of these keys and ids are no longer held */
    const char *outbox_retry;  /* no row is held any longer */
    const char *outbox_held_keys; /* -> key: distinct keys with held rows */
    const char *outbox_stats;  /* -> pending, held, oldest occurred_at */
    const char *lease_take;    /* $1 name $2 holder $3 ms: takes or renews -> one row if held by $2, none if by another */
    const char *lease_release; /* $1 name $2 holder */
    const char *notify;        /* $1 channel: wakes the sessions that wait for it, at commit; NULL: in-process only */

    /* Inbox. */
    const char *inbox_insert; /* $1 consumer_group $2 TEXTS event ids -> event_id: those that were new */
    const char *inbox_add;    /* $1 consumer_group $2 TEXTS event ids $3 TEXTS keys $4 hold (bool): adds them all; fails with
                                 UNIQUE if one is not new or failed_keys would give one of the keys */
    const char *inbox_purge;  /* $1 before $2 limit */

    /* Parked and dead events: table weft_failed_event. state is "parked" or "dead". `seq` ascends. A reason begins with
     * its cause and a colon: "crashed: ...". A message that was too large has full_size and full_sha256, and a payload
     * that is its beginning. Of selectors one that is null selects all. */
    const char *failed_insert; /* $1 consumer_group $2 event_id $3 type $4 topic $5 routing_key $6 key|null
                                  $7 content_type|null $8 correlation_id $9 headers (JSON object) $10 payload
                                  $11 state $12 attempts $13 due_at $14 reason $15 full_size|null $16 full_sha256|null;
                                  no effect if (group, event) is there */
    const char *failed_keys;   /* $1 consumer_group $2 TEXTS keys $3 hold (bool) -> key: those that have a parked row,
                                  with hold also those that have a dead one */
    const char *failed_due;    /* $1 consumer_group $2 limit $3 ordered (bool) $4 hold (bool) -> seq, event_id, type, topic,
                                  routing_key, key, content_type, correlation_id, headers, payload, state, attempts,
                                  due_at, reason, first_failed_at, full_size, full_sha256; parked and due by now, by seq;
                                  ordered: only the first parked row of each key; hold: none of keys that have a dead
                                  row */
    const char *failed_next;   /* $1 consumer_group $2 ordered (bool) $3 hold (bool) -> due_at of the earliest of the rows
                                  that failed_due would give if all were due; no row if none */
    const char *failed_update; /* $1 seq $2 state $3 attempts $4 due_at $5 reason */
    const char *failed_delete; /* $1 seq */
    const char *failed_list;   /* $1 state $2 consumer_group $3 type $4 cause $5 event_id $6 limit -> consumer_group and
                                  the columns of failed_due, by seq; $2 to $5 select */
    const char *failed_causes; /* $1 to $5 as failed_list -> consumer_group, type, cause, count, oldest first_failed_at,
                                  how many are whole; the most frequent first */
    const char *failed_replay; /* $1 to $5 as failed_list $6 distance in us: makes whole rows parked, without attempts,
                                  due now, by seq, each that much later than the one before it */
    const char *failed_drop;   /* $1 to $5 as failed_list: removes them */
    const char *failed_stats;  /* -> consumer_group, state, count */

    /* Markers of events that were under way when a process ended: table weft_marker. */
    const char *marker_list;  /* $1 consumer_group $2 TEXTS event ids -> event_id, count: of those that have one */
    const char *marker_first; /* $1 consumer_group $2 TEXTS event ids: a count of 1 for those that have none */
    const char *marker_add;   /* $1 consumer_group $2 TEXTS event ids -> event_id, count: adds 1 to each, from 0 */
    const char *marker_clear; /* $1 consumer_group $2 TEXTS event ids: removes them */

    /* Events that are to be emitted later: table weft_scheduled. */
    const char *scheduled_insert; /* $1 name|null $2 due_at $3 to $15 as outbox_insert's $1 to $13; takes the place of one
                                     of the same name */
    const char *scheduled_cancel; /* $1 name: removes it */
    const char *scheduled_move;   /* $1 now $2 limit: puts those that are due into the outbox, by due_at ... */
    const char *scheduled_moved;  /* $1 now $2 limit: ... and, next in its transaction, removes them; NULL: it has */
    const char *scheduled_stats;  /* -> count, due_at of the next */
    const char *scheduled_next;   /* -> due_at of the next; no row if none */

    /* Idempotent commands: table weft_request. drop and insert go first in the handler's transaction. */
    const char *request_find;   /* $1 method $2 principal $3 key -> request_hash, response; not expired */
    const char *request_drop;   /* $1 method $2 principal $3 key: removes it if expired */
    const char *request_insert; /* $1 method $2 principal $3 key $4 request_hash $5 response $6 expires_at; fails with
                                   UNIQUE if it is there */
    const char *request_answer; /* $1 method $2 principal $3 key $4 response: fills the row in, before its commit */
    const char *request_purge;  /* $1 limit: removes expired ones */

    /* Drops of cache keys that are not known to be done: table weft_cache_drop. All three NULL: a process that dies at the
     * wrong moment leaves old values in a shared cache. */
    const char *cache_drop_insert; /* $1 id (a UUID) $2 TEXTS keys: a row a key, in the handler's transaction; twice the
                                      same key is no error */
    const char *cache_drop_claim;  /* $1 ms $2 limit -> id, key: rows that are older, by id */
    const char *cache_drop_done;   /* $1 TEXTS ids: removes their rows */

    /* Transactions. */
    const char *key_lock; /* $1 key: waits for other transactions that locked it, holds it to the end of this one; NULL:
                             a BEGIN is lock enough */
};

enum {
    WEFT_STORE_READERS = 1 << 0, /* reads want sessions of their own (WEFT_SESSION_READER) */
    WEFT_STORE_NOTIFY = 1 << 1,  /* wait() hears other processes; without it the host polls */
    WEFT_STORE_LOCK = 1 << 2,    /* lock()/unlock() instead of lease rows: dies with the process */
    WEFT_STORE_SHARED = 1 << 3   /* several processes may serve one service */
};

struct weft_store_ops {
    uint32_t size;
    uint32_t caps;
    const struct weft_dialect *dialect;
    /* Connects. UNAVAILABLE: try again; REFUSED: wrong password, no such database. */
    int32_t (*session_open)(void *self, uint32_t purpose, uint64_t deadline_ns, void **ret_session,
                            struct weft_error *ret_error);
    void (*session_close)(void *session);
    /* Runs the batch in order, in one round trip, up to the first failure; OK gives n sets. When it fails inside a
     * transaction the plugin rolls back before it returns; a transaction left open (BEGIN without COMMIT) goes on with
     * the next run. Statements outside BEGIN/COMMIT commit one by one or together, as the store prefers; none after a
     * failed one is run. A BEGIN within a transaction and a COMMIT outside of one are INVALID; a ROLLBACK with nothing
     * open does nothing. With a deadline that has passed nothing is sent: TIMEOUT. After UNAVAILABLE, TIMEOUT or
     * MAYBE_SENT the session is lost: further runs are CLOSED, session_close is all that is left. */
    int32_t (*run)(void *session, const struct weft_statement *statements, size_t n, struct weft_result *ret_result,
                   uint64_t deadline_ns);
    /* [any thread] A run under way ends with TIMEOUT, or MAYBE_SENT if its commit is on its way; none under way:
     * nothing, also to the next. */
    void (*cancel)(void *session);
    /* Waits until the channel is notified, or woken, or the deadline passes (TIMEOUT). Notices between waits are kept.
     * The first wait after a (re)connect returns at once. Session purpose LISTENER. */
    int32_t (*wait)(void *session, const char *channel, uint64_t deadline_ns);
    void (*wake)(void *session); /* [any thread] ends a wait, or the next one */
    /* With WEFT_STORE_LOCK, else NULL. OK | CONFLICT: another process has it. Held until unlock or the end of the
     * process. */
    int32_t (*lock)(void *self, const char *name, struct weft_error *ret_error);
    void (*unlock)(void *self, const char *name);
};

#ifdef __cplusplus
}
#endif
#endif
