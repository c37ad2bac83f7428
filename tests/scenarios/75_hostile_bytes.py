#!/usr/bin/python3
"""Protobuf nested 100,000 deep, truncated or of the wrong type, in a request and in an event: refused or dead with a reason;
healthy events around them are handled, and the process lives."""
from weft_scenario import *
from wire import nested, text_field, varint

DEPTH = 100_000
LAB = {"WEFT_SERVICE_DIR": str(BUILD / "lib" / "weft" / "lab")}


def hostile_requests(weft):
    import grpc
    with grpc.insecure_channel(weft.address) as channel:
        call = channel.unary_unary("/lab.v1.LabService/Echo", request_serializer=bytes, response_deserializer=bytes)
        expect_equal(status_of(call, nested(2, DEPTH), timeout=10), "INVALID_ARGUMENT", f"a request {DEPTH} deep")
        expect_equal(status_of(call, nested(2, 1000), timeout=10), "INVALID_ARGUMENT", "a request 1,000 deep")
        expect_equal(status_of(call, nested(2, 50), timeout=10), "OK", "a request 50 deep")
        expect_equal(status_of(call, b"\x0a\x02\xff\xfe", timeout=10), "INVALID_ARGUMENT", "invalid UTF-8")


def hostile_events(weft, database):
    import pika
    bodies = {"deep": nested(3, DEPTH), "deep node": b"\x0a\x01x" + b"\x12" + varint(len(nested(2, 5000))) + nested(2, 5000),
              "truncated": b"\x0a\x7fabc", "wrong type": b"\x08\x05", "invalid UTF-8": b"\x0a\x02\xff\xfe"}
    ids = {}
    with contextlib.closing(pika_connection()) as connection:
        channel = connection.channel()
        def send(body, event_id):
            channel.basic_publish("lab-events", "node.seen", body, pika.BasicProperties(
                message_id=event_id, type="lab.v1.NodeSeen", content_type="application/protobuf", delivery_mode=2))
        for number in range(200):
            send(text_field(1, f"healthy-{number}"), str(uuid.uuid4()))
            if number % 40 == 20:
                name = list(bodies)[number // 40]
                ids[name] = str(uuid.uuid4())
                send(bodies[name], ids[name])
    wait_until(lambda: database.value("SELECT count(*) FROM lab_service.seen") == 200, 30, "200 healthy events handled")
    dead = lambda: dict(database.rows("SELECT event_id::text, reason FROM lab_service.weft_failed_event WHERE state = 'dead'"))
    wait_until(lambda: set(dead()) == set(ids.values()), 30, f"each hostile event is dead, found {dead()}, want {ids}")
    for name, event_id in ids.items():
        expect(dead()[event_id], f"reason of {name}")
        print(f"  {name}: {dead()[event_id]}")
    listed = subprocess.run([str(WEFT), "dead", "list", "--events", "--service", "lab-service", "--json"], capture_output=True, text=True,
                            timeout=20, env=weft.environment)
    expect_equal(listed.returncode, 0, f"weft dead list: {listed.stderr}")
    for event_id in ids.values():
        expect(event_id in listed.stdout, f"weft dead list shows {event_id}: {listed.stdout}{listed.stderr}")


def hostile_bytes_do_no_harm():
    need_servers()
    with clean_broker("lab-service.lab-events", "lab-service.lab-steps", "lab-events"), Postgres() as database, folder() as path:
        with Weft(path, "lab", ["lab-service"], three(database) | LAB) as weft:
            weft.start()
            hostile_requests(weft)
            hostile_events(weft, database)
            expect_equal(weft.stop(), 0, "exit status")
            weft.log_lines()


scenario(hostile_bytes_do_no_harm)
