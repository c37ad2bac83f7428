/* address.c - getaddrinfo() with a deadline.
 *
 * getaddrinfo() itself has none: with a name server away it blocks for its own ten seconds. getaddrinfo_a() (glibc)
 * does it on a thread of the C library's, and can be waited for to a deadline. A lookup that is given up cannot always
 * be cancelled: it is kept until it has ended, and no further one is started beside it. */
#include "address.h"

#include "clock.h"
#include "error.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct address {
    char name[320]; /* "host:port" */
    char host[256];
    char port[8];
    struct addrinfo hints;
    pthread_mutex_t mutex;
    struct gaicb *pending; /* given up and not ended; NULL: none */
};

struct address *address_new(const char *host, uint32_t port)
{
    struct address *address = calloc(1, sizeof *address);
    if (address == NULL) return NULL;
    snprintf(address->host, sizeof address->host, "%s", host);
    snprintf(address->port, sizeof address->port, "%u", (unsigned)port);
    snprintf(address->name, sizeof address->name, "%s:%s", address->host, address->port);
    address->hints = (struct addrinfo){ .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM };
    pthread_mutex_init(&address->mutex, NULL);
    return address;
}

static void lookup_free(struct gaicb *lookup)
{
    if (lookup == NULL) return;
    if (gai_error(lookup) == 0 && lookup->ar_result != NULL) freeaddrinfo(lookup->ar_result);
    free(lookup);
}

void address_free(struct address *address)
{
    if (address == NULL) return;
    /* One that still runs points into us: then both are left to it. */
    if (address->pending != NULL && gai_error(address->pending) == EAI_INPROGRESS) return;
    lookup_free(address->pending);
    pthread_mutex_destroy(&address->mutex);
    free(address);
}

const char *address_name(const struct address *address)
{
    return address->name;
}

static struct gaicb *lookup_start(struct address *address)
{
    struct gaicb *lookup = calloc(1, sizeof *lookup);
    if (lookup == NULL) return NULL;
    lookup->ar_name = address->host;
    lookup->ar_service = address->port;
    lookup->ar_request = &address->hints;
    struct gaicb *list[] = { lookup };
    if (getaddrinfo_a(GAI_NOWAIT, list, 1, NULL) == 0) return lookup;
    free(lookup);
    return NULL;
}

/* The one given up before if it has ended or still runs, else a new one. */
static struct gaicb *lookup_take(struct address *address)
{
    pthread_mutex_lock(&address->mutex);
    struct gaicb *lookup = address->pending;
    address->pending = NULL;
    pthread_mutex_unlock(&address->mutex);
    return lookup != NULL ? lookup : lookup_start(address);
}

static void lookup_give_up(struct address *address, struct gaicb *lookup)
{
    if (gai_cancel(lookup) == EAI_CANCELED) {
        free(lookup);
        return;
    }
    pthread_mutex_lock(&address->mutex);
    struct gaicb *other = address->pending;
    address->pending = lookup;
    pthread_mutex_unlock(&address->mutex);
    if (other != NULL && gai_error(other) != EAI_INPROGRESS) lookup_free(other);
}

static int32_t lookup_wait(struct address *address, uint64_t deadline_ns, struct addrinfo **ret_list,
                           struct weft_error *ret_error)
{
    struct gaicb *lookup = lookup_take(address);
    if (lookup == NULL)
        return error_set(ret_error, WEFT_RC_UNAVAILABLE, "redis %s: cannot look up its name", address->name);
    const struct gaicb *list[] = { lookup };
    uint64_t now_ns = clock_now_ns();
    while (gai_error(lookup) == EAI_INPROGRESS && now_ns < deadline_ns) {
        struct timespec left = clock_timespec(deadline_ns - now_ns);
        gai_suspend(list, 1, &left);
        now_ns = clock_now_ns();
    }
    int failed = gai_error(lookup);
    if (failed == EAI_INPROGRESS) {
        lookup_give_up(address, lookup);
        return error_set(ret_error, WEFT_RC_TIMEOUT, "redis %s: its name was not found in time", address->name);
    }
    if (failed == 0) {
        *ret_list = lookup->ar_result;
        lookup->ar_result = NULL;
    }
    lookup_free(lookup);
    if (failed == 0) return WEFT_RC_OK;
    return error_set(ret_error, WEFT_RC_UNAVAILABLE, "redis %s: %s", address->name, gai_strerror(failed));
}

int32_t address_find(struct address *address, uint64_t deadline_ns, struct addrinfo **ret_list,
                     struct weft_error *ret_error)
{
    struct addrinfo numeric = address->hints;
    numeric.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
#if defined(__SANITIZE_THREAD__)
    numeric.ai_flags =
        0; /* the C library's own threads crash under the thread sanitizer, which does not know of them */
#endif
    if (getaddrinfo(address->host, address->port, &numeric, ret_list) == 0) return WEFT_RC_OK;
    return lookup_wait(address, deadline_ns, ret_list, ret_error);
}
