/* tls.h - TLS before a server that has none, with certificates of its own: a thread that decrypts and passes on. */
#ifndef WEFT_KIT_TLS_H
#define WEFT_KIT_TLS_H

#include <stdint.h>

struct tls_front;

/* Makes an authority and, signed by it, a certificate for "localhost"; a second authority that has signed nothing.
 * Listens on a free port of loopback. NULL: something failed. */
struct tls_front *tls_front_new(const char *host, uint32_t port);
void tls_front_free(struct tls_front *front); /* removes the files */
uint32_t tls_front_port(const struct tls_front *front);
const char *tls_front_authority(const struct tls_front *front);
const char *tls_front_other_authority(const struct tls_front *front);

#endif
