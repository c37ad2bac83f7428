/* contract/json/json_scan.h - JSON's grammar (RFC 8259), strictly: a cursor over one document. What is read is the
 * document's own bytes or the arena's; nesting and memory have limits. The owner's thread. */
#ifndef WEFT_CONTRACT_JSON_SCAN_H
#define WEFT_CONTRACT_JSON_SCAN_H

#include "base/arena.h"
#include "base/fault.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum weft_json_kind {
    WEFT_JSON_OBJECT,
    WEFT_JSON_ARRAY,
    WEFT_JSON_STRING,
    WEFT_JSON_NUMBER,
    WEFT_JSON_TRUE,
    WEFT_JSON_FALSE,
    WEFT_JSON_NULL,
    WEFT_JSON_BAD
};

struct weft_json_text { /* no NUL follows */
    const char *data;
    size_t size;
};

struct weft_json_scan {
    const char *start, *at, *end;
    struct weft_arena *arena;
    size_t arena_before; /* what the arena had handed out when we began */
    uint32_t depth;
    const char *message, *field; /* whose value is being read, for errors; or NULL */
    struct weft_fault *fault;
};

void weft_json_scan_init(struct weft_json_scan *scan, const char *text, size_t size, struct weft_arena *arena,
                         struct weft_fault *fault);

/* INVALID_ARGUMENT with line, column and field of where the cursor stands. */
weft_status weft_json_scan_fail(struct weft_json_scan *scan, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* What begins here, white space passed over. The value is not checked yet. */
enum weft_json_kind weft_json_scan_peek(struct weft_json_scan *scan);
const char *weft_json_kind_name(enum weft_json_kind kind); /* "a string" */

/* All fail when something else stands here. A string's escapes are resolved; valid UTF-8. */
weft_status weft_json_scan_string(struct weft_json_scan *scan, struct weft_json_text *ret_text);
weft_status weft_json_scan_number(struct weft_json_scan *scan, struct weft_json_text *ret_text); /* as it is spelt */
weft_status weft_json_scan_bool(struct weft_json_scan *scan, bool *ret_value);
weft_status weft_json_scan_null(struct weft_json_scan *scan);
weft_status weft_json_scan_skip(struct weft_json_scan *scan); /* any value */
weft_status weft_json_scan_end(struct weft_json_scan *scan);  /* nothing but white space is left */

/* for (open; next, *ret_more; ) ...: the bracket, then each member or element, the closing bracket with ret_more false.
 */
weft_status weft_json_scan_open(struct weft_json_scan *scan, enum weft_json_kind kind);
weft_status weft_json_scan_element(struct weft_json_scan *scan, bool first, bool *ret_more);
weft_status weft_json_scan_member(struct weft_json_scan *scan, bool first, struct weft_json_text *ret_name,
                                  bool *ret_more);

bool weft_json_text_is(struct weft_json_text text, const char *wanted);

#endif
