/* base/id.c - UUIDs of versions 7 and 5 (RFC 9562).
 *
 * Each request makes a few: random bytes are therefore drawn in blocks, a thread's own, and a fork voids them. Names
 * that are secrets (weft_id_random) always come straight from the kernel. */
#include "base/id.h"

#include "base/clock.h"
#include "base/memory.h"

#include <ctype.h>
#include <errno.h>
#include <openssl/sha.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define POOL_SIZE 512

static void random_fill(void *bytes, size_t size)
{
    ssize_t got;
    do
        got = getrandom(bytes, size, 0); /* up to 256 bytes are never cut short once the kernel's pool is ready */
    while (got < 0 && errno == EINTR);
    if (got != (ssize_t)size) abort(); /* without randomness no id is safe: there is no way on */
}

static atomic_uint forks;

static void pool_forked(void)
{
    atomic_fetch_add_explicit(&forks, 1, memory_order_relaxed);
}

static void pool_watch_forks(void)
{
    pthread_atfork(NULL, NULL, pool_forked);
}

static uint64_t pool_take(void)
{
    static pthread_once_t watched = PTHREAD_ONCE_INIT;
    static _Thread_local struct {
        uint64_t words[POOL_SIZE / 8];
        size_t left;
        unsigned forks;
    } pool;
    unsigned now = atomic_load_explicit(&forks, memory_order_relaxed);
    if (pool.left == 0 || pool.forks != now) {
        pthread_once(&watched, pool_watch_forks);
        random_fill(pool.words, POOL_SIZE / 2); /* in halves: see random_fill */
        random_fill((char *)pool.words + POOL_SIZE / 2, POOL_SIZE / 2);
        pool.left = POOL_SIZE / 8;
        pool.forks = now;
    }
    return pool.words[--pool.left];
}

/* Milliseconds since the epoch and 12 bits of their fraction (RFC 9562 section 6.2, method 3), always more than last
 * time, also when the clock stands or goes back. */
static uint64_t tick_next(void)
{
    static _Atomic uint64_t last;
    uint64_t us = (uint64_t)weft_clock_wall_us();
    uint64_t now = (us / 1000) << 12 | (us % 1000) * 4096 / 1000;
    uint64_t before = atomic_load_explicit(&last, memory_order_relaxed), next;
    do
        next = now > before ? now : before + 1;
    while (!atomic_compare_exchange_weak_explicit(&last, &before, next, memory_order_relaxed, memory_order_relaxed));
    return next;
}

static char *hex_write(char *at, const uint8_t *bytes, size_t size)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < size; i++) {
        *at++ = digits[bytes[i] >> 4];
        *at++ = digits[bytes[i] & 15];
    }
    return at;
}

static void uuid_format(const uint8_t bytes[16], char ret_id[WEFT_ID_SIZE])
{
    static const uint8_t groups[] = { 4, 2, 2, 2, 6 };
    char *at = ret_id;
    for (size_t i = 0; i < sizeof groups; i++) {
        if (i != 0) *at++ = '-';
        at = hex_write(at, bytes, groups[i]);
        bytes += groups[i];
    }
    *at = '\0';
}

static void uuid_mark(uint8_t bytes[16], uint8_t version)
{
    bytes[6] = (uint8_t)((bytes[6] & 0x0F) | version << 4);
    bytes[8] = (uint8_t)((bytes[8] & 0x3F) | 0x80); /* the variant of RFC 9562 */
}

void weft_id_v7(char ret_id[WEFT_ID_SIZE])
{
    uint8_t bytes[16];
    uint64_t tick = tick_next(), random = pool_take();
    for (int i = 0; i < 6; i++)
        bytes[i] = (uint8_t)(tick >> (52 - 8 * i));
    bytes[6] = (uint8_t)(tick >> 8 & 0x0F);
    bytes[7] = (uint8_t)tick;
    memcpy(bytes + 8, &random, 8);
    uuid_mark(bytes, 7);
    uuid_format(bytes, ret_id);
}

/* RFC 9562 section 5.5: SHA-1 over the namespace's bytes and the name. */
static void uuid_name(const uint8_t space[16], const char *name, uint8_t ret_bytes[16])
{
    uint8_t digest[SHA_DIGEST_LENGTH];
    size_t size = strlen(name);
    uint8_t *text = weft_memory_get(16 + size);
    memcpy(text, space, 16);
    memcpy(text + 16, name, size);
    SHA1(text, 16 + size, digest);
    free(text);
    memcpy(ret_bytes, digest, 16);
    uuid_mark(ret_bytes, 5);
}

void weft_id_v5(const char *source, const char *name, char ret_id[WEFT_ID_SIZE])
{
    static const uint8_t url_space[16] = { 0x6b, 0xa7, 0xb8, 0x11, 0x9d, 0xad, 0x11, 0xd1,
                                           0x80, 0xb4, 0x00, 0xc0, 0x4f, 0xd4, 0x30, 0xc8 };
    uint8_t space[16], bytes[16];
    uuid_name(url_space, source, space);
    uuid_name(space, name, bytes);
    uuid_format(bytes, ret_id);
}

void weft_id_random(char ret_hex[WEFT_ID_RANDOM_SIZE])
{
    uint8_t bytes[16];
    random_fill(bytes, sizeof bytes);
    *hex_write(ret_hex, bytes, sizeof bytes) = '\0';
}

bool weft_id_valid(const char *text)
{
    for (size_t i = 0; i < WEFT_ID_SIZE - 1; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash ? text[i] != '-' : !isxdigit((unsigned char)text[i])) return false;
    }
    return text[WEFT_ID_SIZE - 1] == '\0';
}
