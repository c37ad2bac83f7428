/* mailbox.c - short critical sections, no allocation for publishes. */
#include "mailbox.h"

#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

bool rabbit_mail_init(struct mail *mail, size_t window)
{
    *mail = (struct mail){ .publishes = calloc(window, sizeof *mail->publishes) };
    return mail->publishes != NULL;
}

void rabbit_mail_free(struct mail *mail)
{
    free(mail->publishes);
    free(mail->settlements);
    free(mail->requests);
}

bool rabbit_mailbox_init(struct mailbox *mailbox, size_t window)
{
    *mailbox = (struct mailbox){ .window = window, .event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC) };
    pthread_mutex_init(&mailbox->lock, NULL);
    pthread_cond_init(&mailbox->ended, NULL);
    return mailbox->event_fd >= 0 && rabbit_mail_init(&mailbox->mail, window);
}

void rabbit_mailbox_destroy(struct mailbox *mailbox)
{
    rabbit_mail_free(&mailbox->mail);
    if (mailbox->event_fd >= 0) close(mailbox->event_fd);
    pthread_cond_destroy(&mailbox->ended);
    pthread_mutex_destroy(&mailbox->lock);
}

/* The lock is held. */
static void mailbox_wake(struct mailbox *mailbox)
{
    uint64_t one = 1;
    if (mailbox->woken) return;
    mailbox->woken = write(mailbox->event_fd, &one, sizeof one) == sizeof one;
}

/* Room for `more` elements. The host ends the process when memory is out; so does this: what it could not note would be
 * lost in silence. */
static void *array_reserve(void *array, size_t n, size_t more, size_t *capacity, size_t element)
{
    if (n + more <= *capacity) return array;
    *capacity = (n + more) * 2;
    return reallocarray(array, *capacity, element);
}

size_t rabbit_mailbox_publish(struct mailbox *mailbox, const struct weft_publish *const *operations, size_t n)
{
    pthread_mutex_lock(&mailbox->lock);
    struct mail *mail = &mailbox->mail;
    size_t room = mailbox->accepting ? mailbox->window - mailbox->n_outstanding : 0;
    size_t taken = n < room ? n : room;
    if (taken > 0) {
        memcpy(mail->publishes + mail->n_publishes, operations, taken * sizeof *operations);
        mail->n_publishes += taken;
        mailbox->n_outstanding += taken;
        mailbox_wake(mailbox);
    }
    mailbox->ready_due = mailbox->ready_due || taken < n;
    pthread_mutex_unlock(&mailbox->lock);
    return taken;
}

void rabbit_mailbox_settle(struct mailbox *mailbox, const struct weft_settle *settles, size_t n)
{
    if (n == 0) return;
    pthread_mutex_lock(&mailbox->lock);
    struct mail *mail = &mailbox->mail;
    mail->settlements = array_reserve(mail->settlements, mail->n_settlements, n, &mail->settlements_capacity,
                                      sizeof *mail->settlements);
    for (size_t i = 0; i < n; i++)
        mail->settlements[mail->n_settlements++] =
            (struct settlement){ .incoming = settles[i].delivery->plugin_data, .verdict = settles[i].verdict };
    mailbox_wake(mailbox);
    pthread_mutex_unlock(&mailbox->lock);
}

void rabbit_mailbox_request(struct mailbox *mailbox, struct subscription *subscription, bool begin)
{
    pthread_mutex_lock(&mailbox->lock);
    struct mail *mail = &mailbox->mail;
    mail->requests =
        array_reserve(mail->requests, mail->n_requests, 1, &mail->requests_capacity, sizeof *mail->requests);
    mail->requests[mail->n_requests++] =
        (struct request){ .subscription = subscription, .n_settled = mail->n_settlements, .begin = begin };
    mailbox_wake(mailbox);
    pthread_mutex_unlock(&mailbox->lock);
}

struct topology *rabbit_mailbox_declare(struct mailbox *mailbox, struct topology *topology)
{
    pthread_mutex_lock(&mailbox->lock);
    struct topology *replaced = mailbox->mail.topology;
    mailbox->mail.topology = topology;
    mailbox_wake(mailbox);
    pthread_mutex_unlock(&mailbox->lock);
    return replaced;
}

void rabbit_mailbox_close(struct mailbox *mailbox, uint64_t deadline_ns)
{
    pthread_mutex_lock(&mailbox->lock);
    mailbox->mail.closing = true;
    mailbox->mail.close_deadline_ns = deadline_ns;
    mailbox->accepting = false;
    mailbox_wake(mailbox);
    pthread_mutex_unlock(&mailbox->lock);
}

bool rabbit_mailbox_wait_finished(struct mailbox *mailbox, uint64_t deadline_ns)
{
    struct timespec until = { .tv_sec = (time_t)(deadline_ns / 1000000000),
                              .tv_nsec = (long)(deadline_ns % 1000000000) };
    int error = 0;
    pthread_mutex_lock(&mailbox->lock);
    while (!mailbox->finished && error == 0)
        error = pthread_cond_clockwait(&mailbox->ended, &mailbox->lock, CLOCK_MONOTONIC, &until);
    bool finished = mailbox->finished;
    pthread_mutex_unlock(&mailbox->lock);
    return finished;
}

void rabbit_mailbox_finish(struct mailbox *mailbox)
{
    pthread_mutex_lock(&mailbox->lock);
    mailbox->finished = true;
    pthread_cond_signal(&mailbox->ended);
    pthread_mutex_unlock(&mailbox->lock);
}

void rabbit_mailbox_take(struct mailbox *mailbox, struct mail *mail)
{
    uint64_t wakes;
    pthread_mutex_lock(&mailbox->lock);
    struct mail empty = *mail;
    *mail = mailbox->mail;
    mailbox->mail = empty;
    mailbox->mail.topology = NULL;
    mailbox->mail.closing = mail->closing;
    mailbox->mail.close_deadline_ns = mail->close_deadline_ns;
    if (mailbox->woken && read(mailbox->event_fd, &wakes, sizeof wakes) == sizeof wakes) mailbox->woken = false;
    pthread_mutex_unlock(&mailbox->lock);
}

/* Waiting until half of the window is free wakes the publisher once for many messages. The lock is held. */
static bool mailbox_ready(struct mailbox *mailbox)
{
    if (!mailbox->ready_due || !mailbox->accepting || mailbox->n_outstanding > mailbox->window / 2) return false;
    mailbox->ready_due = false;
    return true;
}

bool rabbit_mailbox_completed(struct mailbox *mailbox, size_t n)
{
    pthread_mutex_lock(&mailbox->lock);
    mailbox->n_outstanding -= n;
    bool ready = mailbox_ready(mailbox);
    pthread_mutex_unlock(&mailbox->lock);
    return ready;
}

bool rabbit_mailbox_accept(struct mailbox *mailbox, bool accepting)
{
    pthread_mutex_lock(&mailbox->lock);
    mailbox->accepting = accepting && !mailbox->mail.closing;
    bool ready = mailbox_ready(mailbox);
    pthread_mutex_unlock(&mailbox->lock);
    return ready;
}
