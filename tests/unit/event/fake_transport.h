/* fake_transport.h - a transport whose completions are the test's to give. Any thread. */
#ifndef FAKE_TRANSPORT_H
#define FAKE_TRANSPORT_H

#include "event/transport.h"

#define FAKE_PUBLISHES 8192

struct fake_publish { /* one that was taken */
    const struct weft_publish *operation;
    int64_t sequence; /* the row's id */
    char key[64], topic[64];
    uint32_t flags;
    bool completed;
};

struct fake_transport;

struct fake_transport *fake_transport_new(void);
void fake_transport_free(struct fake_transport *fake); /* completes what is left with MAYBE_SENT first */
struct weft_transport *fake_transport_host(struct fake_transport *fake);

/* How publishes complete from now on: at once with rc, or (-1) by fake_transport_complete. */
void fake_transport_answer(struct fake_transport *fake, int32_t rc);
void fake_transport_limit(struct fake_transport *fake, size_t under_way); /* takes no more than these; 0: any */
void fake_transport_ready(struct fake_transport *fake);

size_t fake_transport_published(struct fake_transport *fake); /* so far */
struct fake_publish fake_transport_at(struct fake_transport *fake, size_t index);
void fake_transport_complete(struct fake_transport *fake, size_t index, int32_t rc);
/* Waits until so many were published; false: not within 5 s. */
bool fake_transport_wait(struct fake_transport *fake, size_t published);

/* Deliveries to the one subscription that is there. They are numbered as they come, from 0, and stay the fake's. */
struct fake_event {
    const char *id, *key, *email; /* of a user.v1.UserCreated */
    const char *type;             /* NULL: that */
    const char *payload;          /* NULL: a good one */
    uint32_t flags;
    const struct weft_cut *cut;
    const char *note; /* the value of a header; NULL: there is none */
};
void fake_transport_deliver(struct fake_transport *fake, const struct fake_event *events, size_t n);
size_t fake_transport_settled(struct fake_transport *fake);
uint32_t fake_transport_verdict(struct fake_transport *fake, size_t delivery); /* 0: not settled */
bool fake_transport_subscribed(struct fake_transport *fake);

#endif
