/* What plugin ABI 1 fixes: structs that travel in arrays by value keep their size for the major; tables begin with the
 * field that carries theirs; nothing is padded (compiled with -Wpadded). A change here is a new major, or a mistake. */
#include <weft/plugin.h>

#if UINTPTR_MAX == UINT64_MAX
_Static_assert(sizeof(struct weft_value) == 24, "weft_value");
_Static_assert(sizeof(struct weft_error) == 512, "weft_error");
_Static_assert(sizeof(struct weft_completion) == 32, "weft_completion");
_Static_assert(sizeof(struct weft_option) == 64, "weft_option");
_Static_assert(sizeof(struct weft_header) == 16, "weft_header");
_Static_assert(sizeof(struct weft_message) == 112, "weft_message");
_Static_assert(sizeof(struct weft_publish) == 128, "weft_publish");
_Static_assert(sizeof(struct weft_delivery) == 152, "weft_delivery");
_Static_assert(sizeof(struct weft_cut) == 48, "weft_cut");
_Static_assert(sizeof(struct weft_settle) == 16, "weft_settle");
_Static_assert(sizeof(struct weft_binding) == 16, "weft_binding");
_Static_assert(sizeof(struct weft_queue) == 24, "weft_queue");
_Static_assert(sizeof(struct weft_cache_op) == 56, "weft_cache_op");
_Static_assert(sizeof(struct weft_cache_result) == 32, "weft_cache_result");
_Static_assert(sizeof(struct weft_statement) == 24, "weft_statement");
_Static_assert(sizeof(struct weft_rowset) == 32, "weft_rowset");
_Static_assert(sizeof(struct weft_result) == 48, "weft_result");
_Static_assert(sizeof(struct weft_url) == 48, "weft_url");
#endif

/* The last field that each table has in 1.0: later ones come behind it. */
#define ENDS_WITH(table, field, bytes)                                                                                 \
    _Static_assert(offsetof(struct table, field) + sizeof(void *) == (bytes), #table " of 1.0 ends with " #field);     \
    _Static_assert(sizeof(struct table) >= (bytes), #table)

#if UINTPTR_MAX == UINT64_MAX
ENDS_WITH(weft_host, invalidate, 80);
ENDS_WITH(weft_open, data_dir, 56);
ENDS_WITH(weft_plugin, examine, 104);
ENDS_WITH(weft_transport_ops, unsubscribe, 48);
ENDS_WITH(weft_cache_ops, run, 32);
ENDS_WITH(weft_store_ops, unlock, 80);
ENDS_WITH(weft_dialect, key_lock, 432);
#endif

_Static_assert(offsetof(struct weft_plugin, magic) == 0 && offsetof(struct weft_plugin, size) == 4 &&
                   offsetof(struct weft_plugin, abi_major) == 8,
               "what a host reads of a plugin of any major");
_Static_assert(WEFT_ABI_MAJOR == 1, "this is what major 1 fixes");
