/* tls.c - one connection after the other gets a thread; both directions are pumped with poll. */
#include "tls.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LINKS = 32, CHUNK = 16384 };

struct link {
    struct tls_front *front;
    pthread_t thread;
    int client, server;
    bool used;
};

struct tls_front {
    SSL_CTX *context;
    struct sockaddr_storage target;
    socklen_t target_size;
    int listener;
    bool stopping;
    pthread_t thread;
    struct link links[LINKS];
    size_t n_links;
    char folder[64], authority[96], other[96];
};

static bool run(const char *folder, const char *command)
{
    char line[1024];
    snprintf(line, sizeof line, "cd %s && (%s) >/dev/null 2>&1", folder, command);
    return system(line) == 0;
}

static bool certificates_make(struct tls_front *front)
{
    strcpy(front->folder, "/tmp/weft-kit-tls-XXXXXX");
    if (mkdtemp(front->folder) == NULL) return false;
    snprintf(front->authority, sizeof front->authority, "%s/ca.pem", front->folder);
    snprintf(front->other, sizeof front->other, "%s/other.pem", front->folder);
    return run(front->folder,
               "k='-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes';"
               "openssl req -x509 $k -keyout ca.key -out ca.pem -days 2 -subj /CN=kit-authority &&"
               "openssl req -x509 $k -keyout other.key -out other.pem -days 2 -subj /CN=kit-other &&"
               "openssl req $k -keyout server.key -out server.csr -subj /CN=localhost &&"
               "echo subjectAltName=DNS:localhost > san &&"
               "openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile san"
               "  -out server.pem");
}

static bool context_make(struct tls_front *front)
{
    char certificate[128], key[128];
    snprintf(certificate, sizeof certificate, "%s/server.pem", front->folder);
    snprintf(key, sizeof key, "%s/server.key", front->folder);
    front->context = SSL_CTX_new(TLS_server_method());
    return front->context != NULL && SSL_CTX_use_certificate_file(front->context, certificate, SSL_FILETYPE_PEM) == 1 &&
           SSL_CTX_use_PrivateKey_file(front->context, key, SSL_FILETYPE_PEM) == 1;
}

/* What the TLS side has goes to the plain one. false: the end. */
static bool pump_in(SSL *ssl, int server)
{
    char bytes[CHUNK];
    int n = SSL_read(ssl, bytes, sizeof bytes);
    return n > 0 && send(server, bytes, (size_t)n, MSG_NOSIGNAL) == n;
}

static bool pump_out(SSL *ssl, int server)
{
    char bytes[CHUNK];
    ssize_t n = recv(server, bytes, sizeof bytes, 0);
    return n > 0 && SSL_write(ssl, bytes, (int)n) == n;
}

static void *link_pump(void *arg)
{
    struct link *link = arg;
    sigset_t pipe_signal;
    sigemptyset(&pipe_signal);
    sigaddset(&pipe_signal, SIGPIPE); /* OpenSSL writes without MSG_NOSIGNAL */
    pthread_sigmask(SIG_BLOCK, &pipe_signal, NULL);
    SSL *ssl = SSL_new(link->front->context);
    SSL_set_fd(ssl, link->client);
    bool open = SSL_accept(ssl) == 1;
    while (open) {
        struct pollfd waiting[2] = { { .fd = link->client, .events = POLLIN },
                                     { .fd = link->server, .events = POLLIN } };
        if (SSL_pending(ssl) == 0 && poll(waiting, 2, -1) < 0) break;
        if (SSL_pending(ssl) > 0 || waiting[0].revents != 0) open = pump_in(ssl, link->server);
        if (open && waiting[1].revents != 0) open = pump_out(ssl, link->server);
    }
    SSL_free(ssl);
    shutdown(link->client, SHUT_RDWR);
    shutdown(link->server, SHUT_RDWR);
    return NULL;
}

static void *front_accept(void *arg)
{
    struct tls_front *front = arg;
    while (front->n_links < LINKS) {
        int client = accept(front->listener, NULL, NULL);
        if (client < 0) break; /* shut down */
        struct link *link = &front->links[front->n_links++];
        *link = (struct link){ .front = front, .client = client, .used = true };
        link->server = socket(front->target.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (connect(link->server, (struct sockaddr *)&front->target, front->target_size) < 0)
            shutdown(client, SHUT_RDWR);
        pthread_create(&link->thread, NULL, link_pump, link);
    }
    return NULL;
}

static bool front_listen(struct tls_front *front, const char *host, uint32_t port)
{
    char service[16];
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *found = NULL;
    struct sockaddr_in any = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    snprintf(service, sizeof service, "%u", port);
    if (getaddrinfo(host, service, &hints, &found) != 0) return false;
    memcpy(&front->target, found->ai_addr, found->ai_addrlen);
    front->target_size = found->ai_addrlen;
    freeaddrinfo(found);
    front->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return bind(front->listener, (struct sockaddr *)&any, sizeof any) == 0 && listen(front->listener, 16) == 0 &&
           pthread_create(&front->thread, NULL, front_accept, front) == 0;
}

struct tls_front *tls_front_new(const char *host, uint32_t port)
{
    struct tls_front *front = calloc(1, sizeof *front);
    if (front != NULL && certificates_make(front) && context_make(front) && front_listen(front, host, port))
        return front;
    free(front);
    return NULL;
}

void tls_front_free(struct tls_front *front)
{
    shutdown(front->listener, SHUT_RDWR);
    pthread_join(front->thread, NULL);
    for (size_t i = 0; i < front->n_links; i++) {
        shutdown(front->links[i].client, SHUT_RDWR);
        shutdown(front->links[i].server, SHUT_RDWR);
        pthread_join(front->links[i].thread, NULL);
        close(front->links[i].client);
        close(front->links[i].server);
    }
    close(front->listener);
    SSL_CTX_free(front->context);
    run(front->folder, "rm -f ca.* other.* server.* san; rmdir \"$PWD\"");
    free(front);
}

uint32_t tls_front_port(const struct tls_front *front)
{
    struct sockaddr_in address;
    socklen_t size = sizeof address;
    return getsockname(front->listener, (struct sockaddr *)&address, &size) == 0 ? ntohs(address.sin_port) : 0;
}

const char *tls_front_authority(const struct tls_front *front)
{
    return front->authority;
}

const char *tls_front_other_authority(const struct tls_front *front)
{
    return front->other;
}
