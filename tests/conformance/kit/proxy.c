/* proxy.c - one thread with poll over the listener and up to 64 pairs of sockets; commands come under the lock and a
 * pipe wakes the thread. What one side sent and the other cannot take yet waits in the pair's buffer, and the sender is
 * not read meanwhile. */
#include "proxy.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { PAIRS = 64, CHUNK = 65536 };

/* One direction: what was read from `from` and not yet written to `to`. */
struct flow {
    char bytes[CHUNK];
    size_t size;
};

struct pair {
    int client, server; /* -1: free */
    struct flow to_server, to_client;
};

struct kit_proxy {
    pthread_t thread;
    pthread_mutex_t lock; /* all below */
    pthread_cond_t moved; /* after each round of the thread */
    int listener;
    int wake[2];
    bool stopping;
    enum kit_proxy_mode mode;
    struct sockaddr_storage target;
    socklen_t target_size;
    struct pair pairs[PAIRS];
};

static void pair_close(struct pair *pair, bool reset)
{
    struct linger now = { .l_onoff = 1, .l_linger = 0 };
    if (reset && pair->client >= 0) setsockopt(pair->client, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    if (pair->client >= 0) close(pair->client);
    if (pair->server >= 0) close(pair->server);
    pair->client = pair->server = -1;
    pair->to_client.size = pair->to_server.size = 0;
}

static void proxy_accept(struct kit_proxy *proxy)
{
    int one = 1;
    int client = accept4(proxy->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (client < 0) return;
    struct pair *pair = NULL;
    for (size_t i = 0; i < PAIRS && pair == NULL; i++)
        pair = proxy->pairs[i].client < 0 ? &proxy->pairs[i] : NULL;
    if (pair == NULL || proxy->mode == KIT_PROXY_REFUSE) {
        close(client);
        return;
    }
    pair->client = client;
    setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (proxy->mode == KIT_PROXY_BLACK_HOLE) return;
    pair->server = socket(proxy->target.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(pair->server, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (connect(pair->server, (struct sockaddr *)&proxy->target, proxy->target_size) < 0) pair_close(pair, false);
}

/* Reads into the flow. false: the connection has ended. */
static bool flow_fill(struct flow *flow, int from)
{
    ssize_t n = recv(from, flow->bytes + flow->size, CHUNK - flow->size, MSG_DONTWAIT);
    if (n > 0) flow->size += (size_t)n;
    return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

static bool flow_drain(struct flow *flow, int to)
{
    ssize_t n = send(to, flow->bytes, flow->size, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n < 0) return errno == EAGAIN || errno == EINTR;
    flow->size -= (size_t)n;
    memmove(flow->bytes, flow->bytes + n, flow->size);
    return true;
}

static short events_of(const struct flow *in, const struct flow *out)
{
    return (short)((in->size < CHUNK ? POLLIN : 0) | (out->size > 0 ? POLLOUT : 0));
}

static void pair_move(struct pair *pair, short client_events, short server_events)
{
    bool good = true;
    if ((client_events & (POLLIN | POLLHUP | POLLERR)) != 0 && pair->to_server.size < CHUNK)
        good = flow_fill(&pair->to_server, pair->client);
    if (good && (server_events & (POLLIN | POLLHUP | POLLERR)) != 0 && pair->to_client.size < CHUNK)
        good = flow_fill(&pair->to_client, pair->server);
    /* What was read before the end is passed on first. */
    bool sent = pair->to_server.size == 0 || flow_drain(&pair->to_server, pair->server);
    sent = (pair->to_client.size == 0 || flow_drain(&pair->to_client, pair->client)) && sent;
    if (!good || !sent) pair_close(pair, false);
}

/* Fills the array for poll; a black hole does not look at its pairs. */
static size_t proxy_watch(struct kit_proxy *proxy, struct pollfd *waiting, struct pair **pairs)
{
    size_t n = 0;
    waiting[n++] = (struct pollfd){ .fd = proxy->wake[0], .events = POLLIN };
    waiting[n++] = (struct pollfd){ .fd = proxy->listener, .events = POLLIN };
    if (proxy->mode == KIT_PROXY_BLACK_HOLE) return n;
    for (size_t i = 0; i < PAIRS; i++) {
        struct pair *pair = &proxy->pairs[i];
        if (pair->client < 0 || pair->server < 0) continue;
        pairs[n] = pair;
        waiting[n++] = (struct pollfd){ .fd = pair->client, .events = events_of(&pair->to_server, &pair->to_client) };
        waiting[n++] = (struct pollfd){ .fd = pair->server, .events = events_of(&pair->to_client, &pair->to_server) };
    }
    return n;
}

static void proxy_handle(struct kit_proxy *proxy, const struct pollfd *ready, struct pair *const *pairs, size_t n)
{
    char wakes[64];
    if ((ready[0].revents & POLLIN) != 0 && read(proxy->wake[0], wakes, sizeof wakes) < 0) return;
    if ((ready[1].revents & POLLIN) != 0) proxy_accept(proxy);
    for (size_t i = 2; i < n; i += 2) {
        /* A command may have closed the pair since poll returned. */
        if (pairs[i]->client == ready[i].fd && proxy->mode == KIT_PROXY_PASS)
            pair_move(pairs[i], ready[i].revents, ready[i + 1].revents);
    }
}

static void *proxy_loop(void *arg)
{
    struct kit_proxy *proxy = arg;
    struct pollfd waiting[2 + 2 * PAIRS];
    struct pair *pairs[2 + 2 * PAIRS];

    pthread_mutex_lock(&proxy->lock);
    while (!proxy->stopping) {
        size_t n = proxy_watch(proxy, waiting, pairs);
        pthread_mutex_unlock(&proxy->lock);
        int rc = poll(waiting, n, 1000);
        pthread_mutex_lock(&proxy->lock);
        if (rc > 0) proxy_handle(proxy, waiting, pairs, n);
    }
    pthread_mutex_unlock(&proxy->lock);
    return NULL;
}

static void proxy_wake(struct kit_proxy *proxy)
{
    if (write(proxy->wake[1], "w", 1) < 0) perror("proxy");
}

static void proxy_close_pairs(struct kit_proxy *proxy, bool reset)
{
    for (size_t i = 0; i < PAIRS; i++)
        pair_close(&proxy->pairs[i], reset);
}

static bool proxy_resolve(struct kit_proxy *proxy, const char *host, uint32_t port)
{
    char service[16];
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *found = NULL;
    snprintf(service, sizeof service, "%u", port);
    if (getaddrinfo(host, service, &hints, &found) != 0) return false;
    memcpy(&proxy->target, found->ai_addr, found->ai_addrlen);
    proxy->target_size = found->ai_addrlen;
    freeaddrinfo(found);
    return true;
}

static bool proxy_listen(struct kit_proxy *proxy)
{
    struct sockaddr_in any = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    proxy->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    return proxy->listener >= 0 && bind(proxy->listener, (struct sockaddr *)&any, sizeof any) == 0 &&
           listen(proxy->listener, 64) == 0 && pipe(proxy->wake) == 0;
}

struct kit_proxy *kit_proxy_new(const char *host, uint32_t port)
{
    struct kit_proxy *proxy = calloc(1, sizeof *proxy);
    if (proxy == NULL) return NULL;
    for (size_t i = 0; i < PAIRS; i++)
        proxy->pairs[i].client = proxy->pairs[i].server = -1;
    pthread_mutex_init(&proxy->lock, NULL);
    pthread_cond_init(&proxy->moved, NULL);
    if (proxy_resolve(proxy, host, port) && proxy_listen(proxy) &&
        pthread_create(&proxy->thread, NULL, proxy_loop, proxy) == 0)
        return proxy;
    free(proxy);
    return NULL;
}

void kit_proxy_free(struct kit_proxy *proxy)
{
    pthread_mutex_lock(&proxy->lock);
    proxy->stopping = true;
    proxy_wake(proxy);
    pthread_mutex_unlock(&proxy->lock);
    pthread_join(proxy->thread, NULL);
    proxy_close_pairs(proxy, false);
    close(proxy->listener);
    close(proxy->wake[0]);
    close(proxy->wake[1]);
    pthread_cond_destroy(&proxy->moved);
    pthread_mutex_destroy(&proxy->lock);
    free(proxy);
}

uint32_t kit_proxy_port(const struct kit_proxy *proxy)
{
    struct sockaddr_in address;
    socklen_t size = sizeof address;
    return getsockname(proxy->listener, (struct sockaddr *)&address, &size) == 0 ? ntohs(address.sin_port) : 0;
}

void kit_proxy_set_mode(struct kit_proxy *proxy, enum kit_proxy_mode mode)
{
    pthread_mutex_lock(&proxy->lock);
    proxy->mode = mode;
    if (mode == KIT_PROXY_REFUSE) proxy_close_pairs(proxy, false);
    for (size_t i = 0; i < PAIRS && mode == KIT_PROXY_PASS; i++) {
        if (proxy->pairs[i].server < 0) /* accepted while it was a black hole */
            pair_close(&proxy->pairs[i], true);
    }
    proxy_wake(proxy);
    pthread_mutex_unlock(&proxy->lock);
}

void kit_proxy_cut(struct kit_proxy *proxy)
{
    pthread_mutex_lock(&proxy->lock);
    proxy_close_pairs(proxy, true);
    proxy_wake(proxy);
    pthread_mutex_unlock(&proxy->lock);
}

void kit_proxy_inject(struct kit_proxy *proxy, const void *bytes, size_t size)
{
    pthread_mutex_lock(&proxy->lock);
    for (size_t i = 0; i < PAIRS; i++) {
        struct flow *flow = &proxy->pairs[i].to_client;
        if (proxy->pairs[i].server < 0 || flow->size + size > CHUNK) continue;
        memcpy(flow->bytes + flow->size, bytes, size);
        flow->size += size;
    }
    proxy_wake(proxy);
    pthread_mutex_unlock(&proxy->lock);
}

static unsigned proxy_count(const struct kit_proxy *proxy)
{
    unsigned n = 0;
    for (size_t i = 0; i < PAIRS; i++)
        n += proxy->pairs[i].client >= 0;
    return n;
}

bool kit_proxy_wait_connections(struct kit_proxy *proxy, unsigned n, double seconds)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += (time_t)seconds;
    pthread_mutex_lock(&proxy->lock);
    while (proxy_count(proxy) != n && pthread_cond_clockwait(&proxy->moved, &proxy->lock, CLOCK_MONOTONIC, &until) == 0)
        ;
    bool reached = proxy_count(proxy) == n;
    pthread_mutex_unlock(&proxy->lock);
    return reached;
}
