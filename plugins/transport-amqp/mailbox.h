/* mailbox.h - what the host's calls leave for the I/O thread. All fields are under the lock; an eventfd wakes the
 * thread, once for all that comes before it has looked. */
#ifndef WEFT_AMQP_MAILBOX_H
#define WEFT_AMQP_MAILBOX_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <weft/plugin.h>

struct incoming;
struct subscription;
struct topology;

struct settlement {
    struct incoming *incoming;
    uint32_t verdict;
};

/* A subscription to begin or to end. It keeps its place among the settlements: what is settled after an ordered
 * subscription has ended must not be told to the broker before that. */
struct request {
    struct subscription *subscription;
    size_t n_settled; /* settlements that came before it */
    bool begin;
};

/* Arrays that grow and are handed over by swapping. */
struct mail {
    const struct weft_publish **publishes; /* at most the window */
    size_t n_publishes;
    struct settlement *settlements; /* at most all credit */
    size_t n_settlements, settlements_capacity;
    struct request *requests;
    size_t n_requests, requests_capacity;
    struct topology *topology; /* the latest declared; NULL: no new one */
    bool closing;
    uint64_t close_deadline_ns;
};

struct mailbox {
    pthread_mutex_t lock;
    int event_fd;
    bool woken; /* the eventfd is set */
    struct mail mail;
    pthread_cond_t ended; /* the I/O thread has `finished` */
    bool finished;

    /* The window: counted up by publish, down by the I/O thread. */
    size_t window;
    size_t n_outstanding; /* taken and not completed */
    bool accepting;       /* connected, and not blocked by the broker */
    bool ready_due;       /* publish took less than offered */
};

bool rabbit_mailbox_init(struct mailbox *mailbox, size_t window);
void rabbit_mailbox_destroy(struct mailbox *mailbox);
bool rabbit_mail_init(struct mail *mail, size_t window);
void rabbit_mail_free(struct mail *mail); /* not what the entries point to */

/* The host's calls. */
size_t rabbit_mailbox_publish(struct mailbox *mailbox, const struct weft_publish *const *operations, size_t n);
void rabbit_mailbox_settle(struct mailbox *mailbox, const struct weft_settle *settles, size_t n);
void rabbit_mailbox_request(struct mailbox *mailbox, struct subscription *subscription, bool begin);
/* Takes ownership; returns the one that it replaces before the I/O thread saw it, to be freed, or NULL. */
struct topology *rabbit_mailbox_declare(struct mailbox *mailbox, struct topology *topology);
void rabbit_mailbox_close(struct mailbox *mailbox, uint64_t deadline_ns);
/* Waits until the I/O thread is done; false: not by then. */
bool rabbit_mailbox_wait_finished(struct mailbox *mailbox, uint64_t deadline_ns);

/* The I/O thread: swaps `mail`, whose arrays must be empty, for what has come. */
void rabbit_mailbox_take(struct mailbox *mailbox, struct mail *mail);
void rabbit_mailbox_finish(struct mailbox *mailbox); /* it is done */
/* n operations are completed. true: ready() is due. */
bool rabbit_mailbox_completed(struct mailbox *mailbox, size_t n);
/* May publish take anything? true: ready() is due. */
bool rabbit_mailbox_accept(struct mailbox *mailbox, bool accepting);

#endif
