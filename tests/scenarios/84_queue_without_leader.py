#!/usr/bin/python3
"""A quorum queue loses its leader: its consumer waits, everything else goes on, also across a restart; what the health says to
do brings it back. Then it hangs and confirms nothing: the others go on over the same connection, though more events are for
the hanging one than the window has room for. Nothing is lost."""
import re
from weft_scenario import *

BROKEN, USERS = "order-service.user-events", 60


def others_go_on_without_a_queue():
    need_servers()
    with clean_broker(), Postgres() as database, folder() as path, contextlib.ExitStack() as stack:
        environment = {"WEFT_AMQP_QUEUE_TYPE": "quorum", "WEFT_AMQP_WINDOW": "16", "WEFT_AMQP_CONFIRM_TIMEOUT": "2s"}
        weft = stack.enter_context(Weft(path, "both", environment=three(database) | environment)).start()
        client = Client(weft.address)
        old = client.create_user()
        customers = lambda: database.value("SELECT count(*) FROM order_service.customers")
        counted = lambda: database.value("SELECT order_count FROM user_service.users WHERE id = %s", old.id)
        wait_until(lambda: customers() == 1, 20, "the first customer")

        server("ctl", "eval", f"ra:stop_server(quorum_queues, {{'%2F_{BROKEN}', node()}}).")
        weft.kill()
        weft.start(ready=30)
        client.close()
        client = Client(weft.address)
        for _ in range(USERS):
            client.create_user()
        for placed in range(1, 4):
            client.place_order(old.id)
            wait_until(lambda: counted() == placed, 20, "orders go the other way, over the other queue")
        text = wait_until(lambda: transport_why(weft), 60, "the health tells of the queue")
        expect(BROKEN in text, f"the text names the queue: {text}")
        expect("ra:trigger_election" in text and "delete the queue" in text, f"the text says what to do: {text}")
        client.place_order(old.id)
        wait_until(lambda: counted() == 4, 20, "orders still go the other way")
        expect_equal(customers(), 1, "customers while the queue has no leader")

        server("ctl", "eval", f"ra:restart_server(quorum_queues, {{'%2F_{BROKEN}', node()}}), " +
               re.search(r'"(ra:trigger_election.*?)"', text).group(1))
        wait_until(lambda: customers() == 1 + USERS, 60, "all customers once the queue is back")
        wait_until(lambda: transport_why(weft) == "", 30, "and nothing to tell")

        process = f"whereis('%2F_{BROKEN}')"
        server("ctl", "eval", f"sys:suspend({process}).")
        for _ in range(USERS):
            client.create_user()
        client.place_order(old.id)
        wait_until(lambda: counted() == 5, 20, "orders go the other way while a queue hangs")
        expect(customers() < 1 + 2 * USERS, "void: the queue does not hang")
        server("ctl", "eval", f"sys:resume({process}).")
        wait_until(lambda: customers() == 1 + 2 * USERS, 60, "all customers once the queue goes on")
        client.close()
        expect_equal(weft.stop(), 0, "exit status")


def transport_why(weft):
    parts = json.loads(weft.http("/health")[1])["parts"]
    return next(part for part in parts if part["part"] == "transport").get("why", "")


scenario(others_go_on_without_a_queue)
