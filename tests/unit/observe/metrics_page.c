/* Prints docs/metrics.md as the table has it: what is committed is compared with it, and made by it. */
#include "observe/metrics/metrics.h"

#include <stdio.h>

int main(void)
{
    struct weft_buffer page __attribute__((cleanup(weft_buffer_free))) = WEFT_BUFFER_EMPTY;
    weft_metrics_page(&page);
    return fwrite(page.data, 1, page.size, stdout) == page.size && fflush(stdout) == 0 ? 0 : 1;
}
