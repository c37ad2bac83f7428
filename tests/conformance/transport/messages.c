/* messages.c - what goes in comes out, to the byte. */
#include "tests.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Sends bytes of that size through a queue and compares. */
static void check_size(struct station *station, struct reader *reader, size_t size)
{
    unsigned char *payload = malloc(size + 1);
    for (size_t i = 0; i < size; i++)
        payload[i] = (unsigned char)((i * 31 + i / 256) & 0xff);
    struct sent *sent = station_publish(station, "t", "x", payload, size, WEFT_PUBLISH_MANDATORY);
    const struct weft_delivery *delivery = reader_need(reader, 10);
    KIT_CHECK(delivery->message.payload_size == size, "sent %zu bytes, got %zu", size,
              (size_t)delivery->message.payload_size);
    KIT_CHECK(size == 0 || memcmp(delivery->message.payload, payload, size) == 0, "%zu bytes came differently", size);
    reader_settle(reader, delivery, WEFT_VERDICT_ACK);
    KIT_CHECK(sent_wait(sent, 10) == WEFT_RC_OK, "the publish of %zu bytes ended with %d %s", size, sent->rc,
              sent->text);
    free(payload);
}

static void payloads_of_all_sizes_come_back_byte_by_byte(const struct kit *kit)
{
    static const size_t sizes[] = { 0, 1, 255, 256, 4096, 65536, 131071, 131072, 131073, 1 << 20, 8 << 20 };
    struct station *station = station_open(kit, NULL);
    station_simple(station, 0);
    struct reader *reader = station_subscribe(station, "q", 0, 10);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        check_size(station, reader, sizes[i]);
    station_close(station);
}

static void same_text(const char *what, const char *want, const char *got)
{
    KIT_CHECK(got != NULL && strcmp(want, got) == 0, "%s: sent '%s', got '%s'", what, want, got != NULL ? got : "NULL");
}

static void all_fields_come_back(const struct kit *kit)
{
    struct station *station = station_open(kit, NULL);
    station_simple(station, 0);
    struct reader *reader = station_subscribe(station, "q", 0, 10);
    struct sent *sent = sent_new(station, "t", "user.created", "body", 4, WEFT_PUBLISH_MANDATORY);
    sent->operation.message.correlation_id = "corr-\xc3\xa4";
    sent->operation.message.time_us = 1700000000 * INT64_C(1000000);
    station_send(station, &sent, 1);

    const struct weft_message *got = &reader_need(reader, 5)->message;
    same_text("id", sent->id, got->id);
    same_text("type", "kit.v1.Tested", got->type);
    same_text("topic", sent->topic, got->topic);
    same_text("routing key", "user.created", got->routing_key);
    same_text("content type", "application/octet-stream", got->content_type);
    same_text("correlation id", "corr-\xc3\xa4", got->correlation_id);
    same_text("source", "kit", got->source);
    KIT_CHECK(got->time_us / 1000000 == 1700000000, "the time came as %lld us", (long long)got->time_us);
    station_close(station);
}

static const char *header_of(const struct weft_message *message, const char *name)
{
    for (uint32_t i = 0; i < message->n_headers; i++) {
        if (strcmp(message->headers[i].name, name) == 0) return message->headers[i].value;
    }
    return NULL;
}

static void sixty_four_headers_come_back(const struct kit *kit)
{
    char names[64][32], values[64][1200];
    struct weft_header headers[64];
    struct station *station = station_open(kit, NULL);
    station_simple(station, 0);
    struct reader *reader = station_subscribe(station, "q", 0, 10);
    for (int i = 0; i < 64; i++) {
        snprintf(names[i], sizeof names[i], "cloudEvents:h%d", i);
        memset(values[i], 'a' + i % 26, (size_t)i * 16);
        strcpy(values[i] + i * 16, "\xe2\x82\xac \"\r\n");
        headers[i] = (struct weft_header){ names[i], values[i] };
    }
    struct sent *sent = sent_new(station, "t", "x", "body", 4, WEFT_PUBLISH_MANDATORY);
    sent->operation.message.headers = headers;
    sent->operation.message.n_headers = 64;
    station_send(station, &sent, 1);
    const struct weft_delivery *delivery = reader_need(reader, 5);
    for (int i = 0; i < 64; i++) {
        const char *value = header_of(&delivery->message, names[i]);
        KIT_CHECK(value != NULL && strcmp(value, values[i]) == 0, "header %s came as '%s'", names[i],
                  value != NULL ? value : "NULL");
    }
    station_close(station);
}

static void absent_fields_stay_absent(const struct kit *kit)
{
    struct station *station = station_open(kit, NULL);
    station_simple(station, 0);
    struct reader *reader = station_subscribe(station, "q", 0, 10);
    station_text(station, "t", "x", "bare");
    const struct weft_message *got = &reader_need(reader, 5)->message;
    KIT_CHECK(got->correlation_id == NULL, "a correlation id came: %s", got->correlation_id);
    KIT_CHECK(got->n_headers == 0, "%u headers came", got->n_headers);
    KIT_CHECK(got->time_us == 0, "a time came");
    station_close(station);
}

const struct kit_test messages_tests[] = {
    { "payloads_of_all_sizes_come_back_byte_by_byte", payloads_of_all_sizes_come_back_byte_by_byte, KIT_BASIC, 0, 60 },
    { "all_fields_come_back", all_fields_come_back, KIT_BASIC, 0, 0 },
    { "sixty_four_headers_come_back", sixty_four_headers_come_back, KIT_BASIC, 0, 0 },
    { "absent_fields_stay_absent", absent_fields_stay_absent, KIT_BASIC, 0, 0 },
    { NULL, NULL, 0, 0, 0 },
};
