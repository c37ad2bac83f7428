#!/usr/bin/python3
"""A quorum queue loses its leader: its consumer waits, everything else goes on, also across a restart; what its health says
to do brings it back, and nothing is lost."""
import re
from weft_scenario import *

BROKEN = "order-service.user-events"


def others_go_on_without_a_queue():
    need_servers()
    with clean_broker(), Postgres() as database, folder() as path, contextlib.ExitStack() as stack:
        start = lambda name: Weft(path, name, [f"{name}-service"], three(database) | {"WEFT_AMQP_QUEUE_TYPE": "quorum"})
        users, orders = (stack.enter_context(start(name)).start() for name in ("user", "order"))
        client = Client(users.address, orders.address)
        old = client.create_user()
        customers = lambda: database.value("SELECT count(*) FROM order_service.customers")
        counted = lambda: database.value("SELECT order_count FROM user_service.users WHERE id = %s", old.id)
        wait_until(lambda: customers() == 1, 20, "the first customer")

        server("ctl", "eval", f"ra:stop_server(quorum_queues, {{'%2F_{BROKEN}', node()}}).")
        for weft in (users, orders):
            weft.kill()
            weft.start(ready=30)
        client.close()
        client = Client(users.address, orders.address)
        new = [client.create_user().id for _ in range(20)]
        for placed in range(1, 4):
            client.place_order(old.id)
            wait_until(lambda: counted() == placed, 20, "orders go the other way, over the other queue")
        text = wait_until(lambda: transport_text(orders), 60, "the health of order-service tells of the queue")
        expect(BROKEN in text, f"the text names the queue: {text}")
        expect("ra:trigger_election" in text and "delete the queue" in text, f"the text says what to do: {text}")
        client.place_order(old.id)
        wait_until(lambda: counted() == 4, 20, "orders still go the other way")
        expect_equal(customers(), 1, "customers while the queue has no leader")

        server("ctl", "eval", f"ra:restart_server(quorum_queues, {{'%2F_{BROKEN}', node()}}), " +
               re.search(r'"(ra:trigger_election.*?)"', text).group(1))
        wait_until(lambda: customers() == 1 + len(new), 60, "all customers once the queue is back")
        wait_until(lambda: transport_text(orders) == "", 30, "and nothing to tell")
        client.close()
        for weft in (users, orders):
            expect_equal(weft.stop(), 0, f"exit status of {weft.name}")


def transport_text(weft):
    parts = json.loads(weft.http("/health")[1])["parts"]
    return next(part for part in parts if part["part"] == "transport").get("text", "")


scenario(others_go_on_without_a_queue)
