#!/usr/bin/python3
"""The same binaries over RabbitMQ, Redis and PostgreSQL: two processes, a foreign AMQP reader, bodies in protobuf and JSON."""
from weft_scenario import *

NAME = "Ann Ä"


def follow(correlation, *, database, orders_database, body=None):
    """One user from gRPC to the other service's table; returns the message a foreign client saw."""
    with folder() as path, contextlib.ExitStack() as stack:
        extra = {"WEFT_TOPICS_USER_EVENTS_BODY": body} if body else {}
        users = stack.enter_context(Weft(path, "user", ["user-service"], three(database) | extra)).start()
        orders = stack.enter_context(Weft(path, "order", ["order-service"], three(orders_database) | extra)).start()
        seen = stack.enter_context(contextlib.closing(pika_connection())).channel()
        queue = seen.queue_declare("", exclusive=True).method.queue
        seen.queue_bind(queue, "user-events", "user.created")
        client = Client(users.address, orders.address)

        user = client.create_user(name=NAME, metadata=(("x-correlation-id", correlation),))
        order = wait_until(lambda: client.place_order(user.id), 20, "order-service knows the user")
        message = wait_until(lambda: next(m for m in [seen.basic_get(queue, auto_ack=True)] if m[0]), 10, "a copy of the event")
        expect_equal(orders_database.value("SELECT email FROM order_service.customers WHERE id = %s", user.id), user.email, "customer")
        expect_equal(orders_database.value("SELECT count(*) FROM order_service.weft_inbox WHERE event_id = %s",
                                           message[1].message_id), 1, "inbox rows of the event")
        wait_until(lambda: database.value("SELECT order_count FROM user_service.users WHERE id = %s", user.id) == 1, 10,
                   "OrderPlaced came back into order_count")
        profile = client.users.GetUser(client.user_pb.GetUserRequest(id=user.id)).user
        expect_equal((profile.email, profile.name), (user.email, NAME), "GetUser")
        expect_equal(client.orders.GetOrder(client.order_pb.GetOrderRequest(id=order.id)).order.item, "book", "GetOrder")
        for weft in (users, orders):
            expect(weft.rss_mib() > 0, "resident")
            print(f"resident memory of {weft.name}: {weft.rss_mib():.1f} MiB")
            expect_equal(weft.stop(), 0, f"exit status of {weft.name}")
            expect(any(line.get("correlationId") == correlation for line in weft.log_lines()),
                   f"{weft.name} logs the correlation id")
        client.close()
        return user, message[1], message[2]


def check_properties(properties, correlation, user):
    uuid.UUID(properties.message_id)
    expect_equal(properties.type, "user.v1.UserCreated", "type")
    expect_equal(properties.delivery_mode, 2, "delivery mode")
    expect_equal(properties.correlation_id, correlation, "correlation id")
    expect_equal(properties.app_id, "user-service", "app id")
    headers = properties.headers
    expect_equal(headers.get("cloudEvents:id"), properties.message_id, "cloudEvents:id")
    expect_equal(headers.get("cloudEvents:type"), "user.v1.UserCreated", "cloudEvents:type")
    expect_equal(headers.get("cloudEvents:subject"), user.id, "cloudEvents:subject is the key")
    expect_equal(headers.get("cloudEvents:specversion"), "1.0", "cloudEvents:specversion")
    expect(headers.get("cloudEvents:source") and headers.get("cloudEvents:time"), f"source and time in {headers}")


def events_cross_real_servers():
    need_servers()
    with clean_broker(), Postgres() as one:
        user, properties, body = follow("one-database", database=one, orders_database=one)
        check_properties(properties, "one-database", user)
        from user.v1 import events_pb2
        event = events_pb2.UserCreated.FromString(body)
        expect_equal((event.user_id, event.email, event.name), (user.id, user.email, NAME), "protobuf body")
    with clean_broker(), Postgres() as first, Postgres() as second:
        user, properties, body = follow("two-databases", database=first, orders_database=second, body="json")
        check_properties(properties, "two-databases", user)
        expect_equal(properties.content_type, "application/json", "content type")
        expect_equal(json.loads(body), {"userId": user.id, "email": user.email, "name": NAME}, "JSON body")


scenario(events_cross_real_servers)
