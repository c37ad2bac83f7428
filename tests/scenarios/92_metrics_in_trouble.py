#!/usr/bin/python3
"""What an operator sees while the broker, then the database is away: the outbox grows and ages, the plugin is down, the host
is not ready, and says why; then all is well again and the reconnects are counted. Pages answer all the time."""
import re, urllib.parse
from proxy import Proxy
from weft_scenario import *


def metric(weft, series):
    """The value of a series; fails if there is none."""
    text = weft.http("/metrics")[1]
    found = re.search(rf"^{re.escape(series)} (\S+)$", text, re.MULTILINE)
    expect(found, f"no series {series}")
    return float(found[1])


def becomes(weft, series, fits, seconds=20):
    wait_until(lambda: fits(metric(weft, series)), seconds, f"{series} is as it should be")


def part(weft, name):
    return next(each for each in json.loads(weft.http("/health")[1])["parts"] if each["part"] == name)


def behind(url, stack):
    """A proxy before the URL's server, and the URL that leads through it."""
    parts = urllib.parse.urlsplit(url)
    proxy = stack.enter_context(Proxy(parts.hostname, parts.port))
    user = parts.netloc.rpartition("@")[0]
    return proxy, (parts.hostname, parts.port), parts._replace(netloc=f"{user}@127.0.0.1:{proxy.port}").geturl()


UP = 'weft_plugin_up{kind="%s",name="%s"%s}'


def broker_away(weft, client, proxy, target):
    up, pending = UP % ("transport", "amqp", ""), 'weft_outbox_pending{service="user-service"}'
    age, confirmed = 'weft_outbox_oldest_age_seconds{service="user-service"}', 'weft_events_published_total{event="user.v1.UserCreated",result="confirmed"}'
    client.create_user()
    becomes(weft, confirmed, lambda value: value == 1)
    expect_equal((metric(weft, up), metric(weft, age)), (1, 0), "plugin_up and age while all is well")
    proxy.close()
    for _ in range(5):
        client.create_user()
    becomes(weft, up, lambda value: value == 0)
    becomes(weft, pending, lambda value: value == 5)
    becomes(weft, age, lambda value: value > 1)
    expect_equal(weft.http("/readyz")[0], 200, "/readyz without the broker: writes go on")
    transport = part(weft, "transport")
    expect(transport["state"] == "down" and transport["why"] and transport["since"].endswith("Z"), f"transport in /health: {transport}")
    with Proxy(*target, listen=proxy.port):
        becomes(weft, confirmed, lambda value: value == 6, 30)
        becomes(weft, pending, lambda value: value == 0)
        becomes(weft, age, lambda value: value == 0)
        becomes(weft, up, lambda value: value == 1)
        expect_equal(metric(weft, 'weft_reconnects_total{kind="transport",name="amqp"}'), 1, "reconnects")
        expect_equal(metric(weft, 'weft_publish_confirm_seconds_count{service="user-service"}'), 6, "confirms measured")


def database_away(weft, client, proxy, target):
    up = UP % ("store", "pg", ',service="user-service"')
    expect_equal((metric(weft, up), metric(weft, "weft_ready")), (1, 1), "plugin_up and ready while all is well")
    proxy.close()
    wait_until(lambda: weft.http("/readyz")[0] == 503, 20, "not ready without the database")
    expect_equal((metric(weft, up), metric(weft, "weft_ready")), (0, 0), "plugin_up and ready without the database")
    reason = json.loads(weft.http("/readyz")[1])["reasons"][0]
    expect(reason["part"] == "store" and reason["service"] == "user-service" and reason["reason"], f"the reason: {reason}")
    store = part(weft, "store")
    expect(store["state"] == "down" and store["why"] and store["since"].endswith("Z"), f"store in /health: {store}")
    expect_equal(weft.http("/livez"), (200, '{"live":true}\n'), "/livez asks nobody")
    expect_equal(status_of(client.create_user), "UNAVAILABLE", "a call without the database")
    with Proxy(*target, listen=proxy.port):
        wait_until(lambda: weft.http("/readyz")[0] == 200, 20, "ready again")
        expect_equal((metric(weft, up), part(weft, "store")["state"]), (1, "up"), "the store is up")
        expect(metric(weft, 'weft_reconnects_total{kind="store",name="pg",service="user-service"}') >= 1, "reconnects of the store")
        client.create_user()
        expect_equal(metric(weft, 'weft_grpc_server_handled_total{method="/user.v1.UserService/CreateUser",code="UNAVAILABLE"}'), 1,
                     "calls that failed")
        expect_equal(metric(weft, 'weft_grpc_server_handled_total{method="/user.v1.UserService/CreateUser",code="OK"}'), 7, "calls that did not")
        weft.stop()


def trouble_is_seen_in_metrics_and_health():
    need_servers()
    queue = f"metrics-{uuid.uuid4().hex[:8]}"
    with clean_broker(), Postgres() as database, folder() as path, contextlib.ExitStack() as stack:
        channel = stack.enter_context(contextlib.closing(pika_connection())).channel()
        channel.exchange_declare("user-events", "topic", durable=True)
        channel.queue_declare(queue, exclusive=True)
        channel.queue_bind(queue, "user-events", "#")  # somebody listens, or the events would be held
        broker, broker_at, broker_url = behind(os.environ["RABBITMQ_URI"], stack)
        store, store_at, store_url = behind(database.url, stack)
        environment = three(database) | {"RABBITMQ_URI": broker_url, "DATABASE_URL": store_url}
        weft = stack.enter_context(Weft(path, "host", ["user-service"], environment)).start()
        client = Client(weft.address)
        broker_away(weft, client, broker, broker_at)
        database_away(weft, client, store, store_at)
        client.close()


scenario(trouble_is_seen_in_metrics_and_health)
