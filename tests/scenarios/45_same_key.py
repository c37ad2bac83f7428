#!/usr/bin/python3
"""PlaceOrder, repeated with its idempotency key through 30 kills (-9) of order-service and PostgreSQL: one order a key, and
the same answer each time. WEFT_KILLS sets another number, WEFT_SEED repeats a run."""
import collections, random
from weft_scenario import *

KILLS = int(os.environ.get("WEFT_KILLS", "30"))
SEED = int(os.environ.get("WEFT_SEED", str(random.randrange(1 << 30))))
QUEUES_OF = {"WEFT_AMQP_QUEUE_TYPE": "classic"}


class Shopper:
    """Places orders, each with a key of its own, until it is answered, and then once more: as if the answer were lost."""

    def __init__(self, client, users):
        self.client, self.users, self.lock = client, users, threading.Lock()
        self.answers = collections.defaultdict(list)  # key: ids of orders that were answered
        self.tries, self.codes, self.ending = 0, collections.Counter(), threading.Event()

    def once(self, key, user, quantity):
        import grpc
        with self.lock:
            self.tries += 1
        try:
            order = self.client.place_order(user, quantity=quantity, timeout=1, metadata=[("idempotency-key", key)])
        except grpc.RpcError as error:
            with self.lock:
                self.codes[error.code().name] += 1
            return False
        with self.lock:
            self.answers[key].append(order.id)
        return True

    def run(self, number):
        while not self.ending.is_set():
            key, user, quantity = str(uuid.uuid4()), self.users[number % len(self.users)], random.randint(1, 5)
            both = [threading.Thread(target=self.once, args=(key, user, quantity)) for _ in range(2 if number % 2 else 1)]
            for thread in both:  # an impatient client asks twice at a time
                thread.start()
            for thread in both:
                thread.join()
            while not self.once(key, user, quantity):
                time.sleep(0.02)


def one_order_a_key_through_kills():
    need_servers()
    print(f"seed {SEED}, {KILLS} kills")
    chance = random.Random(SEED)
    with clean_broker(), Postgres() as database, folder() as path, contextlib.ExitStack() as stack:
        users = stack.enter_context(Weft(path, "user", ["user-service"], three(database) | QUEUES_OF)).start()
        orders = stack.enter_context(Weft(path, "order", ["order-service"], three(database) | QUEUES_OF)).start()
        client = Client(users.address, orders.address)
        ids = [client.create_user().id for _ in range(4)]
        wait_until(lambda: database.value("SELECT count(*) FROM order_service.customers") == 4, 20, "4 customers")

        shopper = Shopper(client, ids)
        threads = [threading.Thread(target=shopper.run, args=(n,), daemon=True) for n in range(8)]
        for thread in threads:
            thread.start()
        kills = collections.Counter()
        for number in range(KILLS):
            time.sleep(chance.uniform(0.05, 0.5))
            victim = "postgres" if number % 10 == 9 else "order-service"
            kills[victim] += 1
            if victim == "postgres":
                server("kill", "pg")
                server("up", "pg")
            else:
                orders.kill()
                orders.start(ready=0)
                if chance.random() < 0.7:
                    orders.wait_ready(60)
        orders.wait_ready(60)
        time.sleep(0.5)
        shopper.ending.set()
        for thread in threads:
            thread.join(60)
            expect(not thread.is_alive(), "a client is never answered")
        print(f"{dict(kills)}: {len(shopper.answers)} keys, {shopper.tries} tries, errors {dict(shopper.codes)}")
        check(database, shopper)
        told = [call_by_hand(orders, ids[0]) for _ in range(2)]
        expect(told[0] == told[1] and told[0], f"weft call, twice with one key: {told}")
        client.close()
        for weft in (users, orders):
            expect_equal(weft.stop(), 0, f"exit status of {weft.name}")


def call_by_hand(orders, user):
    """The id of the order that the command line places, always with the same key."""
    request = json.dumps({"user_id": user, "item": "pen", "quantity": 1, "amount": 100})
    command = [str(WEFT), "call", "-H", "idempotency-key: by-hand", orders.address, "order.v1.OrderService/PlaceOrder", request]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=20)
    expect_equal(answer.returncode, 0, f"weft call: {answer.stderr}")
    return json.loads(answer.stdout)["order"]["id"]


def check(database, shopper):
    expect(len(shopper.answers) > 50 and shopper.codes, "void: too little load, or no call met a kill")
    several = {key: set(ids) for key, ids in shopper.answers.items() if len(set(ids)) != 1}
    expect(not several, f"{len(several)} keys with more than one answer, for example {list(several.items())[:2]}")
    wanted = sorted(ids[0] for ids in shopper.answers.values())
    found = sorted(database.column("SELECT id::text FROM order_service.orders"))
    expect_equal(len(found), len(wanted), "orders for keys")
    expect_equal(found, wanted, "the orders that were answered are those that are there")
    expect_equal(database.value("SELECT count(*) FROM order_service.weft_request"), len(wanted), "answers kept")
    allowed = {"UNAVAILABLE", "DEADLINE_EXCEEDED", "RESOURCE_EXHAUSTED", "CANCELLED", "ABORTED"}
    expect(set(shopper.codes) <= allowed, f"only errors that say try again: {dict(shopper.codes)}")
    wait_until(lambda: database.value("SELECT sum(order_count) FROM user_service.users") == len(wanted), 60,
               f"{len(wanted)} orders counted by user-service, each once")


scenario(one_order_a_key_through_kills)
