/* event/consumer/letters.c - what lies in the broker's dead-letter queue of the group becomes dead rows, where it is
 * seen and can be replayed like any other.
 *
 * Events come there by the broker's delivery limit, which is far, and by a lane that could not write a row. They are
 * few: due's thread does them, one transaction each. The inbox decides whether an event has had its end already, so
 * each gets one row at most. What cannot be written stays in our hands, and with that in the broker's queue. */
#include "event/consumer/consumer_state.h"

#include "base/clock.h"
#include "observe/log.h"

#include <stdio.h>
#include <string.h>

static size_t letters_deliver(struct weft_delivery_sink *sink, const struct weft_delivery *const *deliveries, size_t n)
{
    struct weft_letters *letters = (struct weft_letters *)(void *)sink;
    struct weft_consumer *consumer = letters->consumer;
    if (weft_consumer_is_stopping(consumer)) return 0;
    pthread_mutex_lock(&consumer->mutex);
    size_t room = WEFT_LETTERS_MOST - letters->n, taken = n < room ? n : room;
    for (size_t i = 0; i < taken; i++)
        letters->in_hand[letters->n++] = deliveries[i];
    letters->fresh = true;
    pthread_cond_broadcast(&consumer->changed);
    pthread_mutex_unlock(&consumer->mutex);
    return taken;
}

/* ---- reading a dead letter --------------------------------------------------------------------------------------- */

static const char *header_text(const struct weft_message *message, const char *name)
{
    for (uint32_t i = 0; i < message->n_headers; i++) {
        const struct weft_header *header = &message->headers[i];
        if (header->name != NULL && strcmp(header->name, name) == 0) return header->value;
    }
    return NULL;
}

/* The routing key that it was published with, out of the JSON that x-death comes as. */
static const char *letter_routing_key(struct weft_arena *arena, const struct weft_message *message)
{
    static const char before[] = "\"routing-keys\":[\"";
    const char *deaths = header_text(message, "x-death");
    const char *last = NULL; /* the oldest death is the last one told */
    for (const char *at = deaths; at != NULL && (at = strstr(at, before)) != NULL; at += sizeof before - 1)
        last = at + sizeof before - 1;
    size_t size = last == NULL ? 0 : strcspn(last, "\"\\");
    return last == NULL || last[size] != '"' ? message->routing_key : weft_arena_format(arena, "%.*s", (int)size, last);
}

/* The item as it was before it died; its topic and routing key are those of its first queue. */
static void letter_read(struct weft_arena *arena, const struct weft_delivery *delivery, struct weft_message *message,
                        struct weft_item *item)
{
    *message = delivery->message;
    const char *reason = header_text(message, "x-first-death-reason");
    const char *topic = header_text(message, "x-first-death-exchange");
    if (topic != NULL) message->topic = topic;
    message->routing_key = letter_routing_key(arena, message);
    *item =
        (struct weft_item){ .delivery = delivery, .message = message, .cut = delivery->cut, .result = WEFT_ITEM_DEAD };
    weft_envelope_read(arena, message, &item->envelope);
    item->attempt = delivery->count + 1;
    if (reason == NULL)
        strcpy(item->reason, "broker: in the dead-letter queue");
    else if (strcmp(reason, "delivery_limit") == 0)
        strcpy(item->reason, "broker: delivery limit");
    else
        snprintf(item->reason, sizeof item->reason, "broker: %s", reason);
}

/* ---- writing it -------------------------------------------------------------------------------------------------- */

/* Without an id nobody can tell whether it has been seen. */
static bool letter_is_fresh(struct weft_consumer *consumer, weft_tx *tx, const struct weft_item *item)
{
    const char *id = item->envelope.id;
    const struct weft_rowset *fresh;
    if (*id == '\0') return true;
    const struct weft_value inbox[] = { weft_text(consumer->options.group), weft_texts(&id, 1) };
    return weft_tx_rows(tx, consumer->store->dialect->inbox_insert, inbox, 2, &fresh) == WEFT_OK && fresh->n_rows == 1;
}

static enum weft_batch_end letter_bury(struct weft_consumer *consumer, struct weft_arena *arena, struct weft_item *item)
{
    struct weft_tx_outcome outcome;
    struct weft_value params[WEFT_FAILED_INSERT_PARAMS];
    const struct weft_dialect *dialect = consumer->store->dialect;
    const char *id = item->envelope.id;
    const struct weft_value marker[] = { weft_text(consumer->options.group), weft_texts(&id, 1) };
    weft_tx *tx =
        weft_tx_new(arena, consumer->store, WEFT_SESSION_LANE, weft_clock_ns() + consumer->options.deadline_ns, NULL);
    if (letter_is_fresh(consumer, tx, item)) {
        weft_item_failed_insert(arena, item, consumer->options.group, true, item->attempt, 0, params);
        weft_tx_queue(tx, dialect->failed_insert, params, WEFT_FAILED_INSERT_PARAMS);
    } else {
        item->result = WEFT_ITEM_DUPLICATE;
    }
    if (*id != '\0') weft_tx_queue(tx, dialect->marker_clear, marker, 2);
    weft_tx_commit(tx, &outcome);
    return weft_batch_ended(&outcome);
}

static void letters_forget(struct weft_letters *letters, const struct weft_delivery *delivery)
{
    pthread_mutex_lock(&letters->consumer->mutex);
    size_t at = 0;
    while (letters->in_hand[at] != delivery)
        at++;
    letters->n--;
    memmove(letters->in_hand + at, letters->in_hand + at + 1, (letters->n - at) * sizeof *letters->in_hand);
    pthread_mutex_unlock(&letters->consumer->mutex);
}

/* Or it stays in hand, to be tried again. */
static void letter_settle(struct weft_letters *letters, struct weft_arena *arena, const struct weft_delivery *delivery)
{
    struct weft_consumer *consumer = letters->consumer;
    struct weft_message message;
    struct weft_item item;
    weft_arena_reset(arena);
    letter_read(arena, delivery, &message, &item);
    enum weft_batch_end end = letter_bury(consumer, arena, &item);
    if (end == WEFT_BATCH_BLAMED)
        weft_log_limited("letters", WEFT_LOG_ERROR, "consumer",
                         &(struct weft_log_fields){ .service = consumer->options.service,
                                                    .group = consumer->options.group,
                                                    .event_id = item.envelope.id,
                                                    .event_type = item.envelope.type },
                         "a dead event cannot be written to the store and stays in the broker's queue '%s.dead'",
                         consumer->options.queue);
    if (end != WEFT_BATCH_COMMITTED) return;
    weft_item_told(&consumer->lanes[0], &item);
    letters_forget(letters, delivery); /* first: once settled, the next may take its place */
    const struct weft_settle settle = { .delivery = delivery, .verdict = WEFT_VERDICT_ACK };
    weft_transport_settle(consumer->transport, &letters->sink, &settle, 1);
}

static size_t letters_take(struct weft_letters *letters, pthread_mutex_t *mutex,
                           const struct weft_delivery *ret_taken[])
{
    pthread_mutex_lock(mutex);
    size_t n = letters->n;
    memcpy(ret_taken, letters->in_hand, n * sizeof *ret_taken);
    letters->fresh = false;
    pthread_mutex_unlock(mutex);
    return n;
}

void weft_letters_bury(struct weft_consumer *consumer)
{
    struct weft_letters *letters = &consumer->letters;
    const struct weft_delivery *taken[WEFT_LETTERS_MOST];
    size_t n = letters_take(letters, &consumer->mutex, taken);
    if (n == 0) return;
    struct weft_arena *arena = weft_arena_new(4096);
    for (size_t i = 0; i < n && !weft_consumer_is_stopping(consumer); i++)
        letter_settle(letters, arena, taken[i]);
    weft_arena_free(arena);
}

bool weft_letters_wait(const struct weft_consumer *consumer)
{
    return consumer->letters.fresh;
}

/* ---- beginning and end ------------------------------------------------------------------------------------------- */

void weft_letters_subscribe(struct weft_consumer *consumer)
{
    struct weft_letters *letters = &consumer->letters;
    struct weft_fault fault;
    char queue[300];
    if (consumer->plain || (weft_transport_caps(consumer->transport) & WEFT_TRANSPORT_DEAD_LETTER) == 0) return;
    letters->sink.deliver = letters_deliver;
    letters->consumer = consumer;
    snprintf(queue, sizeof queue, "%s.dead", consumer->options.queue);
    const struct weft_subscription subscription = { .size = sizeof subscription,
                                                    .queue = queue,
                                                    .credit = WEFT_LETTERS_MOST };
    letters->subscribed =
        weft_transport_subscribe(consumer->transport, &subscription, &letters->sink, &fault) == WEFT_OK;
    if (letters->subscribed) return;
    weft_log(WEFT_LOG_WARN, "consumer",
             &(struct weft_log_fields){ .service = consumer->options.service, .group = consumer->options.group },
             "the broker's dead-letter queue is not drained: %s", fault.text);
}

void weft_letters_unsubscribe(struct weft_consumer *consumer)
{
    if (consumer->letters.subscribed) weft_transport_unsubscribe(consumer->transport, &consumer->letters.sink);
}

void weft_letters_return(struct weft_consumer *consumer)
{
    struct weft_letters *letters = &consumer->letters;
    for (size_t i = 0; i < letters->n; i++) {
        const struct weft_settle settle = { .delivery = letters->in_hand[i], .verdict = WEFT_VERDICT_REQUEUE };
        weft_transport_settle(consumer->transport, &letters->sink, &settle, 1);
    }
}
