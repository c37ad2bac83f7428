#!/usr/bin/python3
"""Servers that are away or still booting mean waiting: live, not ready, ready when they come. Once ready, none of them ends
the process by going away. Refused at the first start means one line and a non-zero exit."""
import urllib.parse
from proxy import Proxy
from weft_scenario import *


def refused(path, environment, words):
    weft = Weft(path, "refused", ["user-service"], environment)
    weft.start(ready=0)
    try:
        status = weft.process.wait(20)
    except subprocess.TimeoutExpired:
        weft.kill()
        raise Failed(f"refused ({words}) but still running\n{weft.tail()}")
    lines = weft.log.read_text()
    weft.log.unlink()
    expect(status > 0, f"exit status {status}; want an error, not a crash\n{lines}")
    errors = [line for line in lines.splitlines() if '"level":"error"' in line or not line.startswith("{")]
    expect(len(errors) == 1, f"want one line that says why, got {len(errors)}:\n{lines}")
    expect(any(word in errors[0] for word in words), f"the line names none of {words}: {errors[0]}")


def queue_works():
    """The group's queue takes a message and its consumer acknowledges it."""
    import pika
    with contextlib.closing(pika_connection()) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        channel.basic_publish("order-events", "order.placed", b"", pika.BasicProperties(type="nobody.knows.Me", delivery_mode=2))
        wait_until(lambda: channel.queue_declare("user-service.order-events", passive=True).method.message_count == 0, 20,
                   "the message is consumed")


def serves(weft):
    return subprocess.run([str(WEFT), "health", weft.address], capture_output=True, timeout=10).returncode == 0


def waits_for_servers_and_survives_them():
    need_servers()
    with clean_broker(), Postgres() as database, folder() as path, contextlib.ExitStack() as stack:
        good = three(database)
        away = free_port()
        server_at = urllib.parse.urlsplit(database.url)
        late = good | {"DATABASE_URL": database.url.replace(f":{server_at.port}", f":{away}")}
        weft = stack.enter_context(Weft(path, "waiting", ["user-service"], late)).start(ready=0)
        wait_until(lambda: weft.http("/livez")[0] == 200, 5, "live although the database is away")
        expect_equal(weft.http("/readyz")[0], 503, "/readyz while the database is away")
        client = Client(weft.address)
        wait_until(lambda: status_of(client.create_user) == "UNAVAILABLE", 5, "calls are answered UNAVAILABLE")
        with Proxy(server_at.hostname, server_at.port, listen=away):
            weft.wait_ready(20)
            client.create_user()
        # The database is gone again.
        wait_until(lambda: status_of(client.create_user, timeout=3) in ("UNAVAILABLE", "DEADLINE_EXCEEDED"), 10, "UNAVAILABLE without database")
        expect(weft.process.poll() is None, "the process lives on without its database")
        wait_until(lambda: weft.http("/readyz")[0] == 503, 10, "not ready once the database is lost")
        expect("store" in weft.http("/readyz")[1], "/readyz says that it is the store")
        expect_equal(weft.http("/livez")[0], 200, "/livez while the database is away")
        expect(not serves(weft), "gRPC's health while the database is away")
        with Proxy(server_at.hostname, server_at.port, listen=away):
            wait_until(lambda: weft.http("/readyz")[0] == 200, 10, "ready again once the database is back")
            expect(serves(weft), "gRPC's health once the database is back")
            client.create_user()
        client.close()
        weft.kill()

        refused(path, good | {"DATABASE_URL": database.url + "_missing"}, ["does not exist"])
        refused(path, good | {"RABBITMQ_URI": good["RABBITMQ_URI"].replace("guest:guest", "guest:wrong-secret")}, ["ACCESS_REFUSED", "refused", "password"])
        refused(path, good | {"RABBITMQ_URI": good["RABBITMQ_URI"].rstrip("/") + "/no-such-vhost"}, ["vhost", "no-such-vhost"])

        weft = stack.enter_context(Weft(path, "broker-away", ["user-service"], good | QUEUE_SETTLES)).start()
        client = Client(weft.address)
        queue_works()
        server("kill", "rabbit")
        try:
            for _ in range(20):
                client.create_user()
            expect(weft.process.poll() is None, "the process lives on without its broker")
        finally:
            server("up", "rabbit")
        wait_until(lambda: database.value("SELECT count(*) FROM user_service.weft_outbox WHERE NOT held") == 0, 60, "events leave once the broker is back")
        client.close()
        expect_equal(weft.stop(), 0, "exit status after SIGTERM")


scenario(waits_for_servers_and_survives_them)
