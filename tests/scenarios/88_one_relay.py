#!/usr/bin/python3
"""Two instances of a service share an outbox: one of them relays it, so no event leaves twice; when that one is killed the
other goes on."""
from weft_scenario import *

USERS, THREADS, QUEUE = 400, 8, "one-relay-listener"


def one_instance_relays():
    need_servers()
    import pika
    with clean_broker(QUEUE), Postgres() as database, folder() as path, contextlib.ExitStack() as stack:
        with contextlib.closing(pika_connection()) as connection:
            channel = connection.channel()
            channel.exchange_declare("user-events", "topic", durable=True)
            channel.queue_declare(QUEUE, durable=True)
            channel.queue_bind(QUEUE, "user-events", "#")
        users = [stack.enter_context(Weft(path, f"user-{n}", ["user-service"], three(database))).start() for n in (1, 2)]
        relaying = lambda: [weft for weft in users if "relays the outbox now" in weft.log.read_text()]
        wait_until(relaying, 20, "one of them relays")
        create(users)
        wait_until(lambda: database.value("SELECT count(*) FROM user_service.weft_outbox") == 0, 60, "the outbox is empty")
        ids = taken(USERS)
        expect_equal(len(ids) - len(set(ids)), 0, f"events that came more than once, of {len(ids)}")
        expect_equal(len(relaying()), 1, "instances that relay")

        first, = relaying()
        first.kill()
        create([weft for weft in users if weft is not first])
        wait_until(lambda: database.value("SELECT count(*) FROM user_service.weft_outbox") == 0, 60, "the other one relays")
        expect_equal(len(set(taken(USERS))), USERS, "events of after the kill")
        users.remove(first)
        expect_equal(users[0].stop(), 0, "exit status")


def create(users):
    clients = [Client(weft.address) for weft in users]

    def some(thread):
        for number in range(thread, USERS, THREADS):
            clients[number % len(clients)].create_user()
    threads = [threading.Thread(target=some, args=(n,)) for n in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    for client in clients:
        client.close()


def taken(least):
    """The message ids in the queue, which are taken out of it; there must be so many."""
    ids = []
    with contextlib.closing(pika_connection()) as connection:
        channel = connection.channel()
        wait_until(lambda: channel.queue_declare(QUEUE, passive=True).method.message_count >= least, 20, f"{least} messages")
        for method, properties, _ in channel.consume(QUEUE, auto_ack=True, inactivity_timeout=1):
            if method is None:
                break
            ids.append(properties.message_id)
    return ids


scenario(one_instance_relays)
