#!/usr/bin/python3
"""What the broker gave up, by its delivery limit or at a consumer's wish, becomes dead rows of the consuming service, each
once, with the reason and where it came from."""
from weft_scenario import *

QUEUE, LIMIT, EVENTS = "order-service.user-events", 3, 30


def what_the_broker_gave_up_is_seen():
    need_servers()
    with clean_broker(), Postgres() as database, folder() as path, contextlib.ExitStack() as stack:
        environment = three(database) | {"WEFT_AMQP_QUEUE_TYPE": "quorum", "WEFT_AMQP_DELIVERY_LIMIT": str(LIMIT)}
        paused = {"WEFT_SERVICES_ORDER_SERVICE_GROUPS_USER_EVENTS_PAUSED": "true"}
        users = stack.enter_context(Weft(path, "user", ["user-service"], environment)).start()
        orders = stack.enter_context(Weft(path, "order", ["order-service"], environment | paused)).start()
        client = Client(users.address)
        for _ in range(EVENTS):
            client.create_user()
        client.close()
        rejected, exhausted = give_up()
        expect_equal(orders.stop(), 0, "exit status")

        with Weft(path, "order-awake", ["order-service"], environment) as awake:
            awake.start()
            dead = lambda: dict(database.rows("SELECT event_id::text, reason FROM order_service.weft_failed_event WHERE state = 'dead'"))
            wanted = {event: "broker: rejected" for event in rejected} | {event: "broker: delivery limit" for event in exhausted}
            wait_until(lambda: dead() == wanted, 30, f"{len(wanted)} dead rows with their reasons")
            wait_until(lambda: depth(f"{QUEUE}.dead") == 0, 20, "the broker's dead-letter queue is empty")
            awake.kill()

        again(rejected[0])
        with Weft(path, "order-again", ["order-service"], environment) as awake:
            awake.start()
            wait_until(lambda: depth(f"{QUEUE}.dead") == 0, 20, "what came again is taken")
            expect_equal(dead(), wanted, "dead rows after one came again")
            where = database.rows("SELECT DISTINCT type, topic, routing_key FROM order_service.weft_failed_event")
            expect_equal(where, [("user.v1.UserCreated", "user-events", "user.created")], "where dead events came from")
            wait_until(lambda: database.value("SELECT count(*) FROM order_service.customers") == EVENTS - len(wanted), 20, "the others")
            expect_equal(awake.stop(), 0, "exit status")
        expect_equal(users.stop(), 0, "exit status")


def depth(queue):
    with contextlib.closing(pika_connection()) as connection:
        return connection.channel().queue_declare(queue, passive=True).method.message_count


def give_up():
    """Rejects some messages and gives others back until the broker has had enough; their ids."""
    with contextlib.closing(pika_connection()) as connection:
        channel = connection.channel()
        wait_until(lambda: channel.queue_declare(QUEUE, passive=True).method.message_count == EVENTS, 20, "events wait")
        seen, rejected, exhausted = [], [], []
        for method, properties, _ in channel.consume(QUEUE, inactivity_timeout=2):
            if method is None:
                break
            event = properties.message_id
            if event not in seen:
                seen.append(event)
                (rejected if len(seen) <= 5 else exhausted if len(seen) <= 8 else []).append(event)
            if event in rejected + exhausted:
                channel.basic_nack(method.delivery_tag, requeue=event in exhausted)
            # the others are held, and return when the connection ends
    return rejected, exhausted


def again(event_id):
    """A copy of a dead letter, as after an acknowledgement that was lost."""
    import pika
    with contextlib.closing(pika_connection()) as connection:
        connection.channel().basic_publish("", f"{QUEUE}.dead", b"", pika.BasicProperties(
            message_id=event_id, type="user.v1.UserCreated", delivery_mode=2,
            headers={"x-first-death-reason": "rejected", "x-first-death-exchange": "user-events"}))


scenario(what_the_broker_gave_up_is_seen)
