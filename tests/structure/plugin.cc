/* A plugin written in C++11 from weft/plugin.h alone. */
#include <weft/plugin.h>

namespace {

struct Options {
    int64_t shelves;
};

int32_t session_open(void *self, void **ret_session, weft_error *)
{
    *ret_session = self;
    return WEFT_RC_OK;
}

void session_close(void *)
{
}

int32_t run(void *, const weft_cache_op *, size_t n, weft_cache_result *ret_results, uint64_t, weft_error *)
{
    for (size_t i = 0; i < n; i++)
        ret_results[i].rc = WEFT_RC_NOT_FOUND;
    return WEFT_RC_OK;
}

int32_t shelf_open(const weft_open *open, void **ret_self, weft_error *)
{
    if (WEFT_HAS(open->host, invalidate)) open->host->health(open->host, WEFT_HEALTH_UP, nullptr);
    *ret_self = const_cast<weft_open *>(open);
    return WEFT_RC_OK;
}

void shelf_close(void *, uint64_t)
{
}

const weft_cache_ops ops = { sizeof ops, WEFT_CACHE_LEASES, session_open, session_close, run };
const char *const schemes[] = { "shelf", nullptr };
const weft_option options[] = {
    { "shelves", "how many", "3", nullptr, WEFT_OPTION_INT, 0, offsetof(Options, shelves), 1, 100 },
};

WEFT_PLUGIN_NOTE("cache", "shelf", "shelf");

} // namespace

WEFT_EXPORT const struct weft_plugin weft_plugin = {
    WEFT_PLUGIN_HEADER, WEFT_KIND_CACHE, "shelf",     "1",     schemes, options, 1,
    sizeof(Options),    shelf_open,      shelf_close, nullptr, &ops,    nullptr, nullptr,
};
