#include "base/id.h"
#include "event/envelope.h"
#include "event_test.h"

#include <string.h>

static struct weft_arena *arena;

static void setup(void)
{
    arena = weft_arena_new(4096);
}
static void teardown(void)
{
    weft_arena_free(arena);
}

static struct weft_envelope read_message(struct weft_message message)
{
    struct weft_envelope envelope;
    weft_envelope_read(arena, &message, &envelope);
    return envelope;
}

static struct weft_message json_message(const char *body)
{
    return (struct weft_message){ .content_type = "application/json", .payload = body, .payload_size = strlen(body) };
}

START_TEST(envelope_reads_both_spellings_of_the_prefix)
{
    static const char *const prefixes[] = { "cloudEvents:", "cloudEvents_" };
    for (size_t i = 0; i < 2; i++) {
        const struct weft_header headers[] = {
            { weft_arena_format(arena, "%sid", prefixes[i]), "018F2C5E-0000-7000-8000-000000000001" },
            { weft_arena_format(arena, "%stype", prefixes[i]), "user.v1.UserCreated" },
            { weft_arena_format(arena, "%ssubject", prefixes[i]), "u1" },
            { weft_arena_format(arena, "%ssource", prefixes[i]), "user-service" },
            { weft_arena_format(arena, "%stime", prefixes[i]), "2024-05-01T12:00:00.250+02:00" },
            { "traceparent", "00-aa" },
            { "causationid", "c" },
        };
        struct weft_envelope envelope = read_message((struct weft_message){ .headers = headers, .n_headers = 7 });
        ck_assert_str_eq(envelope.id, "018f2c5e-0000-7000-8000-000000000001");
        ck_assert_str_eq(envelope.type, "user.v1.UserCreated");
        ck_assert_str_eq(envelope.key, "u1");
        ck_assert_str_eq(envelope.source, "user-service");
        ck_assert_str_eq(envelope.traceparent, "00-aa");
        ck_assert_str_eq(envelope.causation_id, "c");
        ck_assert_int_eq(envelope.time_us, 1714557600250000);
        ck_assert_int_eq(envelope.body, WEFT_BODY_PROTOBUF);
    }
}
END_TEST

START_TEST(envelope_reads_what_it_wrote)
{
    struct weft_header headers[WEFT_ENVELOPE_HEADERS];
    const struct weft_envelope_attributes attributes = { .id = "018f2c5e-0000-7000-8000-000000000002",
                                                         .source = "user-service",
                                                         .type = "user.v1.UserCreated",
                                                         .time = "2024-05-01T10:00:00.000001Z",
                                                         .sequence = "00000000000000000007",
                                                         .key = "u1",
                                                         .schema = "weft:user.v1.UserCreated/1/00",
                                                         .causation_id = "cause" };
    uint32_t n = weft_envelope_headers(&attributes, headers);
    struct weft_envelope envelope = read_message((struct weft_message){ .headers = headers, .n_headers = n });
    ck_assert_str_eq(envelope.id, attributes.id);
    ck_assert_str_eq(envelope.key, "u1");
    ck_assert_str_eq(envelope.schema, attributes.schema);
    ck_assert_str_eq(envelope.causation_id, "cause");
    ck_assert_ptr_null(envelope.traceparent);
    ck_assert_int_eq(envelope.time_us, 1714557600000001);
}
END_TEST

START_TEST(envelope_of_a_foreign_id_is_the_same_uuid_each_time)
{
    struct weft_message message = { .id = "order-17", .source = "legacy", .type = "t" };
    struct weft_envelope first = read_message(message), second = read_message(message);
    ck_assert(weft_id_valid(first.id));
    ck_assert_str_eq(first.id, second.id);
    message.source = "other";
    ck_assert_str_ne(read_message(message).id, first.id);
    message.id = NULL;
    ck_assert_str_eq(read_message(message).id, "");
}
END_TEST

START_TEST(envelope_takes_the_pattern_of_a_nestjs_body_as_type)
{
    struct weft_envelope envelope =
        read_message(json_message("{\"pattern\":\"user.created\",\"data\":{\"user_id\":\"u\"}}"));
    ck_assert_int_eq(envelope.body, WEFT_BODY_NESTJS);
    ck_assert_str_eq(envelope.type, "user.created");
    struct weft_message message = json_message("{\"pattern\":\"user.created\",\"data\":{}}");
    message.type = "user.v1.UserCreated";
    ck_assert_str_eq(read_message(message).type, "user.v1.UserCreated");
    ck_assert_int_eq(read_message(json_message("{\"data\":{}}")).body, WEFT_BODY_JSON);
    ck_assert_int_eq(read_message(json_message("{\"pattern\":1,\"data\":2,\"x\":3}")).body, WEFT_BODY_JSON);
}
END_TEST

START_TEST(envelope_survives_what_is_no_text)
{
    const struct weft_header headers[] = { { "cloudEvents:type", "\xff\xfe" },
                                           { NULL, "x" },
                                           { "cloudEvents:id", NULL } };
    struct weft_envelope envelope = read_message((struct weft_message){ .headers = headers,
                                                                        .n_headers = 3,
                                                                        .type = "\xc3",
                                                                        .correlation_id = "has space",
                                                                        .payload = "{",
                                                                        .payload_size = 1 });
    ck_assert_str_eq(envelope.type, "");
    ck_assert_str_eq(envelope.id, "");
    ck_assert(weft_id_valid(envelope.correlation_id));
    ck_assert_int_eq(envelope.body, WEFT_BODY_JSON);
}
END_TEST

TCase *envelope_case(void)
{
    TCase *tcase = tcase_create("envelope");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, envelope_reads_both_spellings_of_the_prefix);
    tcase_add_test(tcase, envelope_reads_what_it_wrote);
    tcase_add_test(tcase, envelope_of_a_foreign_id_is_the_same_uuid_each_time);
    tcase_add_test(tcase, envelope_takes_the_pattern_of_a_nestjs_body_as_type);
    tcase_add_test(tcase, envelope_survives_what_is_no_text);
    return tcase;
}
