/* All users, a page at a time. A page begins behind the last id of the page before (keyset paging), so users that come
 * or go meanwhile shift nothing. Clients are told not to look into the token. */
#include "user_service.h"

enum { PAGE_DEFAULT = 50, PAGE_MAX = 1000 };

static const char before_all[] = "00000000-0000-0000-0000-000000000000";

weft_status user_list(weft_call *call, const User__V1__ListUsersRequest *in, User__V1__ListUsersResponse *out,
                      void *arg)
{
    (void)arg;
    const int32_t size = in->page_size == 0 ? PAGE_DEFAULT : in->page_size;
    const char *after = in->page_token[0] == '\0' ? before_all : weft_uuid_of(call, in->page_token);
    if (size < 0 || size > PAGE_MAX) weft_fail_field(call, "page_size", "is %d, want 1 to %d", size, PAGE_MAX);
    if (after == NULL) weft_fail_field(call, "page_token", "is none of ours; begin without one");
    if (size < 0 || size > PAGE_MAX || after == NULL) return WEFT_INVALID_ARGUMENT;

    weft_rows *rows;
    const weft_status status =
        weft_query(/* one more than the page tells whether there is another */
                   call, &rows, "SELECT id, email, name, created_at FROM users WHERE id > $1 ORDER BY id LIMIT $2",
                   after, size + 1);
    if (status != WEFT_OK) return status;

    out->users = weft_alloc(call, (size_t)size * sizeof *out->users);
    while (out->n_users < (size_t)size && weft_next(rows))
        out->users[out->n_users++] = user_from_row(call, rows);
    if (weft_next(rows)) out->next_page_token = out->users[out->n_users - 1]->id;
    return WEFT_OK;
}
