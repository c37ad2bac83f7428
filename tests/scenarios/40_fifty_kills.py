#!/usr/bin/python3
"""50 kills (-9) of user-service, order-service and the broker at random moments under load: nothing lost, nothing doubled.

WEFT_KILLS sets another number, WEFT_SEED repeats a run, WEFT_QUEUE_TYPE=classic takes classic queues.
"""
import random
from weft_scenario import *

KILLS = int(os.environ.get("WEFT_KILLS", "50"))
QUEUES_OF = {"WEFT_AMQP_QUEUE_TYPE": os.environ.get("WEFT_QUEUE_TYPE", "quorum")} | QUEUE_SETTLES
SEED = int(os.environ.get("WEFT_SEED", str(random.randrange(1 << 30))))


def nothing_is_lost_or_doubled_through_kills():
    need_servers()
    print(f"seed {SEED}, {KILLS} kills")
    chance = random.Random(SEED)
    with clean_broker(), Postgres() as database, folder() as path, contextlib.ExitStack() as stack:
        users = stack.enter_context(Weft(path, "user", ["user-service"], three(database) | QUEUES_OF)).start()
        orders = stack.enter_context(Weft(path, "order", ["order-service"], three(database) | QUEUES_OF)).start()
        client = Client(users.address, orders.address)
        created, placed, lock = [], [], threading.Lock()

        def create(_):
            user = client.create_user(timeout=2)
            with lock:
                created.append(user.id)
            time.sleep(0.004)

        def place(_):
            with lock:
                user = random.choice(created) if created else None
            if user is None:
                time.sleep(0.05)
                return
            order = client.place_order(user, timeout=2)
            with lock:
                placed.append((order.id, user))

        # Orders are many, so that every kill of a relay meets some that are confirmed and not yet removed: they come again.
        loads = [Load(create, 2).start(), Load(place, 12).start()]
        kills = {"user": 0, "order": 0, "broker": 0}
        for number in range(KILLS):
            time.sleep(chance.uniform(0.05, 0.6))
            # A broker's crash takes seconds to come back from: one in ten.
            victim = "broker" if number % 10 == 9 else chance.choice(("user", "order"))
            kills[victim] += 1
            if victim == "broker":
                server("kill", "rabbit")
                server("up", "rabbit")
            else:
                weft = users if victim == "user" else orders
                weft.kill()
                weft.start(ready=0)
                if chance.random() < 0.5:
                    weft.wait_ready(60)
        for weft in (users, orders):
            weft.wait_ready(60)
        time.sleep(1)
        for load in loads:
            load.stop()
        print(f"kills {kills}, {len(created)} users and {len(placed)} orders acknowledged, {sum(l.errors for l in loads)} calls failed")
        expect(len(created) > 200 and len(placed) > 50, "void: too little load between the kills")
        check(database, created, placed)
        client.close()
        for weft in (users, orders):
            expect_equal(weft.stop(), 0, f"exit status of {weft.name}")


def check(database, created, placed):
    total = database.value("SELECT count(*) FROM user_service.users")
    wait_until(lambda: database.value("SELECT count(*) FROM user_service.weft_outbox") == 0 and
               database.value("SELECT count(*) FROM order_service.weft_outbox") == 0, 90, "both outboxes empty")
    wait_until(lambda: database.value("SELECT count(*) FROM order_service.customers") >= total, 60, f"{total} customers")
    customers = set(database.column("SELECT id::text FROM order_service.customers"))
    expect(not set(created) - customers, f"acknowledged users that are no customers: {len(set(created) - customers)}")
    expect_equal(len(customers), total, "customers for users")

    def counted():
        wanted = dict(database.rows("SELECT user_id::text, count(*) FROM order_service.orders GROUP BY 1"))
        found = dict(database.rows("SELECT id::text, order_count FROM user_service.users WHERE order_count <> 0"))
        return wanted == found
    try:
        wait_until(counted, 60, "order_count equals rows in orders")
    except Failed:
        wrong = database.rows("""SELECT u.id::text, u.order_count, (SELECT count(*) FROM order_service.orders o WHERE o.user_id = u.id)
            FROM user_service.users u WHERE u.order_count <> (SELECT count(*) FROM order_service.orders o WHERE o.user_id = u.id)""")
        raise Failed(f"order_count differs from rows in orders for {len(wrong)} users, for example {wrong[:3]}")
    time.sleep(1)
    expect(counted(), "order_count stays equal to the rows in orders")
    orders = set(database.column("SELECT id::text FROM order_service.orders"))
    lost = [order for order, _ in placed if order not in orders]
    expect(not lost, f"acknowledged orders that are gone: {lost[:3]}")
    for service in ("user_service", "order_service"):
        expect_equal(database.value(f"SELECT count(*) FROM {service}.weft_failed_event"), 0, f"parked or dead events in {service}")


scenario(nothing_is_lost_or_doubled_through_kills)
