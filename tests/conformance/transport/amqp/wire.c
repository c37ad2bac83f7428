/* wire.c - weft's messages as other AMQP programs see them, and theirs as weft does. */
#include "tests.h"

#include <stdio.h>
#include <string.h>

static bool bytes_are(amqp_bytes_t bytes, const char *text)
{
    return bytes.len == strlen(text) && memcmp(bytes.bytes, text, bytes.len) == 0;
}

static const amqp_table_entry_t *header_find(const amqp_table_t *headers, const char *name)
{
    for (int i = 0; i < headers->num_entries; i++) {
        if (bytes_are(headers->entries[i].key, name)) return &headers->entries[i];
    }
    return NULL;
}

static void a_foreign_program_reads_properties_and_headers(const struct kit *kit)
{
    struct weft_header header = { "cloudEvents:source", "kit" };
    struct fetched got;
    struct station *station = station_open(kit, NULL);
    station_simple(station, 0);
    struct sent *sent = sent_new(station, "t", "user.created", "body", 4, WEFT_PUBLISH_MANDATORY);
    sent->operation.message.headers = &header;
    sent->operation.message.n_headers = 1;
    sent->operation.message.correlation_id = "corr-1";
    sent->operation.message.time_us = 1700000000123456;
    station_send(station, &sent, 1);
    KIT_CHECK(sent_wait(sent, 5) == WEFT_RC_OK, "the publish ended with %d", sent->rc);

    struct broker broker = broker_open(kit);
    KIT_CHECK(broker_get(&broker, "q", &got), "the queue is empty");
    KIT_CHECK(got.size == 4 && memcmp(got.body, "body", 4) == 0, "the body differs");
    KIT_CHECK(got.properties->delivery_mode == 2, "it is not persistent");
    KIT_CHECK(bytes_are(got.properties->message_id, sent->id), "message-id differs");
    KIT_CHECK(bytes_are(got.properties->type, "kit.v1.Tested"), "type differs");
    KIT_CHECK(bytes_are(got.properties->correlation_id, "corr-1"), "correlation-id differs");
    KIT_CHECK(bytes_are(got.properties->app_id, "kit"), "app-id differs");
    KIT_CHECK(bytes_are(got.properties->content_type, "application/octet-stream"), "content-type differs");
    KIT_CHECK(got.properties->timestamp == 1700000000, "timestamp differs");
    const amqp_table_entry_t *entry = header_find(&got.properties->headers, "cloudEvents:source");
    KIT_CHECK(entry != NULL, "the header did not come");
    KIT_CHECK(entry->value.kind == AMQP_FIELD_KIND_UTF8, "the header is of kind %c", entry->value.kind);
    KIT_CHECK(bytes_are(entry->value.value.bytes, "kit"), "the header differs");
    broker_close(&broker);
    station_close(station);
}

static amqp_table_entry_t entry_of(const char *name, uint8_t kind)
{
    amqp_table_entry_t entry = { .key = amqp_cstring_bytes(name) };
    entry.value.kind = kind;
    return entry;
}

static void header_is(const struct weft_message *message, const char *name, const char *want)
{
    for (uint32_t i = 0; i < message->n_headers; i++) {
        if (strcmp(message->headers[i].name, name) != 0) continue;
        KIT_CHECK(strcmp(message->headers[i].value, want) == 0, "header %s is '%s', want '%s'", name,
                  message->headers[i].value, want);
        return;
    }
    kit_fail(__FILE__, __LINE__, "header %s did not come", name);
}

static void headers_of_every_type_become_text(const struct kit *kit)
{
    amqp_table_entry_t inner[] = { entry_of("say \"x\"", AMQP_FIELD_KIND_UTF8) };
    inner[0].value.value.bytes = amqp_cstring_bytes("a\nb");
    amqp_field_value_t items[] = { { .kind = AMQP_FIELD_KIND_I32 }, { .kind = AMQP_FIELD_KIND_TABLE } };
    items[0].value.i32 = -7;
    items[1].value.table = (amqp_table_t){ .num_entries = 1, .entries = inner };
    amqp_table_entry_t entries[] = {
        entry_of("bool", AMQP_FIELD_KIND_BOOLEAN), entry_of("i64", AMQP_FIELD_KIND_I64),
        entry_of("f64", AMQP_FIELD_KIND_F64),      entry_of("time", AMQP_FIELD_KIND_TIMESTAMP),
        entry_of("void", AMQP_FIELD_KIND_VOID),    entry_of("array", AMQP_FIELD_KIND_ARRAY),
        entry_of("text", AMQP_FIELD_KIND_UTF8),    entry_of("i8", AMQP_FIELD_KIND_I8),
    };
    entries[0].value.value.boolean = 1;
    entries[1].value.value.i64 = INT64_C(-9000000000);
    entries[2].value.value.f64 = 0.5;
    entries[3].value.value.u64 = 1700000000;
    entries[5].value.value.array = (amqp_array_t){ .num_entries = 2, .entries = items };
    entries[6].value.value.bytes = amqp_cstring_bytes("plain");
    entries[7].value.value.i8 = -3;
    amqp_basic_properties_t properties = { ._flags = AMQP_BASIC_HEADERS_FLAG };
    properties.headers = (amqp_table_t){ .num_entries = sizeof entries / sizeof *entries, .entries = entries };

    struct station *station = station_open(kit, NULL);
    station_simple(station, 0);
    struct reader *reader = station_subscribe(station, "q", 0, 10);
    struct broker broker = broker_open(kit);
    broker_publish(&broker, "t", "x", &properties, "foreign");
    const struct weft_delivery *delivery = reader_need(reader, 5);
    header_is(&delivery->message, "bool", "true");
    header_is(&delivery->message, "i64", "-9000000000");
    header_is(&delivery->message, "f64", "0.5");
    header_is(&delivery->message, "time", "1700000000");
    header_is(&delivery->message, "void", "null");
    header_is(&delivery->message, "array", "[-7,{\"say \\u0022x\\u0022\":\"a\\u000ab\"}]");
    header_is(&delivery->message, "text", "plain");
    header_is(&delivery->message, "i8", "-3");
    broker_close(&broker);
    station_close(station);
}

static void a_bare_foreign_message_has_no_fields(const struct kit *kit)
{
    struct station *station = station_open(kit, NULL);
    station_simple(station, 0);
    struct reader *reader = station_subscribe(station, "q", 0, 10);
    struct broker broker = broker_open(kit);
    broker_publish(&broker, "t", "some.key", NULL, "bare");
    const struct weft_message *got = &reader_need(reader, 5)->message;
    KIT_CHECK(got->id == NULL && got->type == NULL && got->content_type == NULL && got->source == NULL &&
                  got->correlation_id == NULL && got->n_headers == 0 && got->time_us == 0,
              "a field came out of nothing");
    KIT_CHECK(strcmp(got->routing_key, "some.key") == 0, "the routing key is '%s'", got->routing_key);
    broker_close(&broker);
    station_close(station);
}

static void overlong_fields_are_refused_and_nothing_else_suffers(const struct kit *kit)
{
    static char overlong[300], huge[140000];
    struct weft_header header = { "huge", huge };
    struct station *station = station_open(kit, NULL);
    memset(overlong, 'o', sizeof overlong - 1);
    memset(huge, 'h', sizeof huge - 1);
    station_simple(station, 0);
    struct sent *batch[4];
    for (int i = 0; i < 4; i++)
        batch[i] = sent_new(station, "t", "x", "body", 4, WEFT_PUBLISH_MANDATORY);
    batch[1]->operation.message.correlation_id = overlong;
    batch[2]->operation.message.headers = &header;
    batch[2]->operation.message.n_headers = 1;
    station_send(station, batch, 4);
    for (int i = 0; i < 4; i++) {
        int32_t want = i == 1 || i == 2 ? WEFT_RC_REFUSED : WEFT_RC_OK;
        KIT_CHECK(sent_wait(batch[i], 5) == want, "message %d ended with %d %s", i, batch[i]->rc, batch[i]->text);
    }
    KIT_CHECK(station->host.health == WEFT_HEALTH_UP, "the connection suffered: %s", station->host.health_text);
    station_close(station);
}

static void a_payload_above_the_option_is_refused(const struct kit *kit)
{
    static char payload[5000];
    struct kit_setup setup = { .option = "max_message_bytes=4K" };
    struct station *station = station_open(kit, &setup);
    station_simple(station, 0);
    struct sent *sent = station_publish(station, "t", "x", payload, sizeof payload, WEFT_PUBLISH_MANDATORY);
    KIT_CHECK(sent_wait(sent, 5) == WEFT_RC_REFUSED, "it ended with %d", sent->rc);
    KIT_CHECK(strstr(sent->text, "max_message_bytes") != NULL, "the text does not say what to do: %s", sent->text);
    station_close(station);
}

static void of_a_received_payload_above_the_option_the_beginning_comes_with_size_and_digest(const struct kit *kit)
{
    static const uint8_t digest[32] = { 0xc5, 0x9d, 0x3c, 0x04, 0x80, 0xcc, 0x2d, 0x71, 0xd8, 0xf6, 0x46,
                                        0xe7, 0x35, 0xe9, 0x2d, 0xa6, 0x54, 0x50, 0x31, 0x1e, 0xec, 0x46,
                                        0xe8, 0x1a, 0x5d, 0xb8, 0xc7, 0xe6, 0xe8, 0xa9, 0x20, 0x54 };
    static char body[5001];
    static const amqp_basic_properties_t none;
    struct kit_setup setup = { .option = "max_message_bytes=4K" };
    struct station *station = station_open(kit, &setup);
    struct broker broker = broker_open(kit);
    memset(body, 'x', sizeof body - 1);
    station_simple(station, 0);
    struct reader *reader = station_subscribe(station, "q", 0, 10);
    broker_publish(&broker, "t", "x", &none, body);
    broker_publish(&broker, "t", "x", &none, "whole");
    const struct weft_delivery *delivery = reader_need(reader, 5);
    KIT_CHECK(delivery->cut != NULL && delivery->cut->payload_size == 5000, "it does not say what it was");
    KIT_CHECK(delivery->message.payload_size == WEFT_CUT_BYTES, "%llu bytes came",
              (unsigned long long)delivery->message.payload_size);
    KIT_CHECK(memcmp(delivery->message.payload, body, WEFT_CUT_BYTES) == 0, "the beginning differs");
    KIT_CHECK(memcmp(delivery->cut->payload_sha256, digest, sizeof digest) == 0, "the digest differs");
    reader_settle(reader, delivery, WEFT_VERDICT_ACK);
    delivery = reader_need(reader, 5);
    KIT_CHECK(delivery->cut == NULL && delivery_is(delivery, "whole"), "the next one suffered");
    reader_settle(reader, delivery, WEFT_VERDICT_ACK);
    broker_close(&broker);
    station_close(station);
}

static void of_two_thousand_headers_the_first_come_and_their_number(const struct kit *kit)
{
    enum { HEADERS = 2000 };
    static amqp_table_entry_t entries[HEADERS];
    struct station *station = station_open(kit, NULL);
    struct broker broker = broker_open(kit);
    station_simple(station, 0);
    struct reader *reader = station_subscribe(station, "q", 0, 10);
    for (int i = 0; i < HEADERS; i++) {
        entries[i] = entry_of("h", AMQP_FIELD_KIND_I32);
        entries[i].value.value.i32 = i;
    }
    const amqp_basic_properties_t properties = { ._flags = AMQP_BASIC_HEADERS_FLAG,
                                                 .headers = { .num_entries = HEADERS, .entries = entries } };
    broker_publish(&broker, "t", "x", &properties, "body");
    const struct weft_delivery *delivery = reader_need(reader, 5);
    KIT_CHECK(delivery->cut != NULL && delivery->cut->n_headers == HEADERS, "it does not say how many there were");
    KIT_CHECK(delivery->message.n_headers > 0 && delivery->message.n_headers < HEADERS, "%u headers came",
              delivery->message.n_headers);
    KIT_CHECK(delivery_is(delivery, "body") && delivery->cut->payload_size == 4, "the body differs");
    reader_settle(reader, delivery, WEFT_VERDICT_ACK);
    broker_close(&broker);
    station_close(station);
}

const struct kit_test wire_tests[] = {
    { "a_foreign_program_reads_properties_and_headers", a_foreign_program_reads_properties_and_headers, KIT_SEMANTIC, 0,
      0 },
    { "headers_of_every_type_become_text", headers_of_every_type_become_text, KIT_SEMANTIC, 0, 0 },
    { "a_bare_foreign_message_has_no_fields", a_bare_foreign_message_has_no_fields, KIT_SEMANTIC, 0, 0 },
    { "overlong_fields_are_refused_and_nothing_else_suffers", overlong_fields_are_refused_and_nothing_else_suffers,
      KIT_SEMANTIC, 0, 0 },
    { "a_payload_above_the_option_is_refused", a_payload_above_the_option_is_refused, KIT_SEMANTIC, 0, 0 },
    { "of_a_received_payload_above_the_option_the_beginning_comes_with_size_and_digest",
      of_a_received_payload_above_the_option_the_beginning_comes_with_size_and_digest, KIT_SEMANTIC, 0, 0 },
    { "of_two_thousand_headers_the_first_come_and_their_number",
      of_two_thousand_headers_the_first_come_and_their_number, KIT_SEMANTIC, 0, 0 },
    { NULL, NULL, 0, 0, 0 },
};
