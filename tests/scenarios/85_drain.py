#!/usr/bin/python3
"""SIGTERM under load, each instance of two in turn: clients that repeat what is UNAVAILABLE see no failed call, nothing is
lost or doubled, the process ends with 0 within its grace period, and the other instance relays within a second."""
import collections
from weft_scenario import *

ROUNDS = int(os.environ.get("WEFT_ROUNDS", "2"))
GRACE = 10  # seconds: drain.delay and what follows


class Balanced:
    """A client of two instances: repeats what is UNAVAILABLE on the other one, with the key of the command."""

    def __init__(self, instances):
        self.clients = [Client(user.address, order.address) for user, order in instances]
        self.lock, self.failed, self.repeated = threading.Lock(), [], 0

    def __call__(self, number, call):
        import grpc
        key, end = str(uuid.uuid4()), time.monotonic() + 20
        while True:
            try:
                return call(self.clients[number % 2], metadata=[("idempotency-key", key)])
            except grpc.RpcError as error:
                with self.lock:
                    self.repeated += 1
                    if error.code() != grpc.StatusCode.UNAVAILABLE or time.monotonic() > end:
                        self.failed.append(f"{error.code().name}: {error.details()}")
                        raise
                number += 1
                time.sleep(0.01)

    def close(self):
        for client in self.clients:
            client.close()


def pair(path, number, environment):
    return [Weft(path, f"{name}{number}", [f"{name}-service"], environment | {"WEFT_DRAIN_DELAY": "500ms"})
            for name in ("user", "order")]


def relays_since(weft):
    """When this instance took the outbox over, the last time, by its log; "" if it never did."""
    return max((line["timestamp"] for line in weft.log_lines() if "relays the outbox now" in line["message"]), default="")


def sigterm_is_not_noticed():
    need_servers()
    with clean_broker(), Postgres() as database, folder() as path, contextlib.ExitStack() as stack:
        environment = three(database) | {"WEFT_AMQP_QUEUE_TYPE": "classic"}
        instances = [pair(path, number, environment) for number in (1, 2)]
        for weft in sum(instances, []):
            stack.enter_context(weft).start()
        call, created, placed = Balanced(instances), [], []

        def create(number):
            created.append(call(number, lambda client, **named: client.create_user(**named)).id)

        def place(number):
            known = customers[number % len(customers)]
            placed.append(call(number, lambda client, **named: client.place_order(known, **named)).id)

        for number in range(8):
            create(number)
        wait_until(lambda: database.value("SELECT count(*) FROM order_service.customers") == 8, 20, "8 customers")
        customers = list(created)
        loads = [Load(create, 4).start(), Load(place, 4).start()]
        for number in range(2 * ROUNDS):
            for kind in range(2):
                weft, other = instances[number % 2][kind], instances[(number + 1) % 2][kind]
                time.sleep(0.5)
                one_ends(weft, other, lambda: len(created))
        for load in loads:
            load.stop()
        print(f"{len(created)} users, {len(placed)} orders, {call.repeated} calls repeated, {len(call.failed)} failed")
        expect(not call.failed and not sum(load.errors for load in loads), f"calls that failed: {collections.Counter(call.failed)}")
        expect(len(created) > 200 and len(placed) > 200 and call.repeated, "void: too little load, or no call met a drain")
        check(database, created, placed)
        call.close()
        for weft in sum(instances, []):
            expect_equal(weft.stop(), 0, f"exit status of {weft.name}")


def one_ends(weft, other, done):
    """SIGTERM under load: not ready at once, calls go on, exit 0 in time; then it starts again."""
    taken = relays_since(other)
    held = relays_since(weft) > taken
    weft.process.terminate()
    began = time.monotonic()
    wait_until(lambda: weft.process.poll() is not None or weft.http("/readyz")[0] == 503, 2, f"{weft.name} is not ready any more")
    weft.process.wait(GRACE)
    took = time.monotonic() - began
    expect_equal(weft.process.returncode, 0, f"exit status of {weft.name}")
    before = done()
    wait_until(lambda: done() > before, 5, "calls go on meanwhile")
    drained = [line["message"] for line in weft.log_lines() if line.get("message", "").startswith("drained after")]
    print(f"{weft.name}: {took:.2f} s, {drained[-1] if drained else 'no word of a drain'}{', held the relay' if held else ''}")
    expect(drained, f"{weft.name} says that it has drained")
    if held:
        wait_until(lambda: relays_since(other) > taken, 1.5, f"{other.name} relays within a second of {weft.name}'s end")
    weft.start()


def check(database, created, placed):
    expect_equal(len(set(created)), len(created), "ids of users, each once")
    for service in ("user_service", "order_service"):
        wait_until(lambda: database.value(f"SELECT count(*) FROM {service}.weft_outbox") == 0, 30, f"outbox of {service} empty")
    expect_equal(database.value("SELECT count(*) FROM user_service.users"), len(created), "users")
    expect_equal(sorted(database.column("SELECT id::text FROM order_service.orders")), sorted(placed), "orders")
    wait_until(lambda: database.value("SELECT count(*) FROM order_service.customers") == len(created), 30, "a customer each")
    wait_until(lambda: database.value("SELECT sum(order_count) FROM user_service.users") == len(placed), 30, "each order counted")
    time.sleep(0.5)
    expect_equal(database.value("SELECT sum(order_count) FROM user_service.users"), len(placed), "orders counted, each once")
    for service in ("user_service", "order_service"):
        expect_equal(database.value(f"SELECT count(*) FROM {service}.weft_failed_event"), 0, f"parked or dead events in {service}")


scenario(sigterm_is_not_noticed)
