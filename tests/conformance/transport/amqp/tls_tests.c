/* tls_tests.c - amqps: through a front that speaks TLS before the broker. */
#include "tests.h"
#include "tls.h"
#include "url.h"

#include <stdio.h>
#include <string.h>

struct secured {
    struct tls_front *front;
    char url[256];
    char option[160];
    struct kit_setup setup;
};

static void secured_begin(struct secured *secured, const struct kit *kit, const char *host)
{
    struct kit_url url;
    KIT_CHECK(kit_url_parse(kit->url, &url), "the URL cannot be read");
    secured->front = tls_front_new(url.parts.host, url.parts.port != 0 ? url.parts.port : 5672);
    if (secured->front == NULL) kit_skip("no certificates could be made: is the openssl command installed?");
    snprintf(secured->url, sizeof secured->url, "amqps://%s:%s@%s:%u/",
             url.parts.user != NULL ? url.parts.user : "guest",
             url.parts.password != NULL ? url.parts.password : "guest", host, tls_front_port(secured->front));
    snprintf(secured->option, sizeof secured->option, "cacert=%s", tls_front_authority(secured->front));
    secured->setup = (struct kit_setup){ .url = secured->url, .option = secured->option };
}

static void messages_go_over_tls(const struct kit *kit)
{
    enum { N = 500 };
    static char large[1 << 20];
    struct secured secured;
    secured_begin(&secured, kit, "localhost");
    struct station *station = station_open(kit, &secured.setup);
    station_simple(station, 0);
    struct reader *reader = station_subscribe(station, "q", 0, 100);
    for (int i = 0; i < N; i++) {
        char text[16];
        snprintf(text, sizeof text, "%d", i);
        station_text(station, "t", "x", text);
    }
    for (int i = 0; i < N; i++) {
        const struct weft_delivery *delivery = reader_need(reader, 10);
        KIT_CHECK(delivery_number(delivery) == i, "want %d, got %ld", i, delivery_number(delivery));
        reader_settle(reader, delivery, WEFT_VERDICT_ACK);
    }
    memset(large, 'L', sizeof large);
    station_publish(station, "t", "x", large, sizeof large, WEFT_PUBLISH_MANDATORY);
    const struct weft_delivery *delivery = reader_need(reader, 10);
    KIT_CHECK(delivery->message.payload_size == sizeof large &&
                  memcmp(delivery->message.payload, large, sizeof large) == 0,
              "a megabyte came differently");
    station_wait_all(station, 10);
    station_close(station);
    tls_front_free(secured.front);
}

static void need_refused(const struct kit *kit, const struct secured *secured)
{
    struct station *station = station_open(kit, &secured->setup);
    station_declare(station);
    bool refused = kit_host_wait_health(&station->host, WEFT_HEALTH_REFUSED, 10);
    KIT_CHECK(refused, "health is %d, %s", station->host.health, station->host.health_text);
    KIT_CHECK(*station->host.health_text != '\0', "there is no text");
    station_close(station);
}

static void an_unknown_authority_is_refused(const struct kit *kit)
{
    struct secured secured;
    secured_begin(&secured, kit, "localhost");
    snprintf(secured.option, sizeof secured.option, "cacert=%s", tls_front_other_authority(secured.front));
    need_refused(kit, &secured);
    tls_front_free(secured.front);
}

static void a_certificate_for_another_host_is_refused(const struct kit *kit)
{
    struct secured secured;
    secured_begin(&secured, kit, "127.0.0.1");
    need_refused(kit, &secured);
    tls_front_free(secured.front);
}

static void without_verification_any_certificate_will_do(const struct kit *kit)
{
    struct secured secured;
    secured_begin(&secured, kit, "127.0.0.1");
    snprintf(secured.option, sizeof secured.option, "verify=false");
    struct station *station = station_open(kit, &secured.setup);
    station_simple(station, 0);
    station_close(station);
    tls_front_free(secured.front);
}

const struct kit_test tls_tests[] = {
    { "messages_go_over_tls", messages_go_over_tls, KIT_SEMANTIC, 0, 40 },
    { "an_unknown_authority_is_refused", an_unknown_authority_is_refused, KIT_SEMANTIC, 0, 30 },
    { "a_certificate_for_another_host_is_refused", a_certificate_for_another_host_is_refused, KIT_SEMANTIC, 0, 30 },
    { "without_verification_any_certificate_will_do", without_verification_any_certificate_will_do, KIT_SEMANTIC, 0,
      30 },
    { NULL, NULL, 0, 0, 0 },
};
