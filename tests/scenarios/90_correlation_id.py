#!/usr/bin/python3
"""A correlation id that a client sends is found wherever its request leads: in both services' logs, in the outbox row, in the
message on the broker. One that is none is replaced by a fresh one, and is found nowhere."""
import re
from weft_scenario import *

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
HOSTILE = '{"level":"error"}\\u0000";DROP'
INVALID = ["", "x" * 129, "two words"]


def outbox_noted(database):
    """From now on a trigger notes each row that the outbox ever had."""
    with contextlib.closing(database.connect()) as connection, connection.cursor() as cursor:
        cursor.execute("""CREATE TABLE user_service.noted (correlation_id text, traceparent text);
            CREATE FUNCTION user_service.note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
              INSERT INTO user_service.noted VALUES (NEW.correlation_id, NEW.traceparent); RETURN NEW; END $$;
            CREATE TRIGGER note AFTER INSERT ON user_service.weft_outbox FOR EACH ROW EXECUTE FUNCTION user_service.note()""")
        connection.commit()


def lines_with(weft, id, count):
    """The log lines of a correlation id, once there are so many; also of a host that gathers them for a moment."""
    found = lambda: [line for line in weft.log_lines() if line.get("correlationId") == id]
    wait_until(lambda: len(found()) >= count, 10, f"{count} lines of {weft.name} with correlationId {id!r}")
    return found()


def message_with(channel, queue, id):
    """The properties of the message of that correlation id."""
    def found():
        method, properties, _ = channel.basic_get(queue, auto_ack=True)
        return properties if method and properties.correlation_id == id else None
    return wait_until(found, 10, f"a message with correlation-id {id!r}")


def followed(client, users, orders, channel, queue, database, id):
    parent = f"00-{TRACE}-{SPAN}-01"
    client.create_user(metadata=(("x-correlation-id", id), ("traceparent", parent)))
    call = lines_with(users, id, 1)[0]
    expect_equal((call["service"], call["method"], call["code"]), ("user-service", "/user.v1.UserService/CreateUser", "OK"), "the call's line")
    event = lines_with(orders, id, 1)[0]
    expect_equal((event["service"], event["group"], event["result"], event["eventType"]),
                 ("order-service", "user-events", "handled", "user.v1.UserCreated"), "the event's line")
    for line in (call, event):
        expect_equal((line["traceId"], line["spanId"]), (TRACE, SPAN), "the trace in the line")
        expect(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", line["timestamp"]), f"timestamp {line['timestamp']!r}")
        expect(line["level"] == "info" and line["message"] and line["context"], f"level, message, context of {line}")
    properties = message_with(channel, queue, id)
    expect_equal(properties.message_id, event["eventId"], "message-id")
    expect_equal(properties.headers["traceparent"], parent, "traceparent on the wire")
    expect_equal(database.rows("SELECT traceparent FROM user_service.noted WHERE correlation_id = %s", id), [(parent,)], "outbox rows")


def replaced(client, users, database, id):
    before = database.value("SELECT count(*) FROM user_service.noted")
    client.create_user(metadata=(("x-correlation-id", id),))
    fresh = wait_until(lambda: database.rows("SELECT correlation_id FROM user_service.noted OFFSET %s", before), 5, "its outbox row")
    expect(uuid.UUID(fresh[0][0]), f"the id that takes the place of {id!r} is no UUID: {fresh}")
    lines_with(users, fresh[0][0], 1)
    if id:
        expect(id not in users.log.read_text(), f"the invalid id {id!r} stands in the log")


def a_correlation_id_is_found_wherever_its_request_leads():
    need_servers()
    queue = f"correlation-{uuid.uuid4().hex[:8]}"
    with clean_broker(), Postgres() as database, folder() as path, contextlib.ExitStack() as stack:
        users = stack.enter_context(Weft(path, "user", ["user-service"], three(database))).start()
        orders = stack.enter_context(Weft(path, "order", ["order-service"], three(database))).start()
        outbox_noted(database)
        channel = stack.enter_context(contextlib.closing(pika_connection())).channel()
        channel.queue_declare(queue, exclusive=True)
        channel.queue_bind(queue, "user-events", "#")
        client = Client(users.address)
        for id in ("order-4711", "~" * 128, HOSTILE):
            followed(client, users, orders, channel, queue, database, id)
        for id in INVALID:
            replaced(client, users, database, id)
        client.close()
        expect_equal((users.stop(), orders.stop()), (0, 0), "exit statuses")


scenario(a_correlation_id_is_found_wherever_its_request_leads)
