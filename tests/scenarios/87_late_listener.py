#!/usr/bin/python3
"""user-service runs alone, so nobody listens: its events are held in the outbox, seen, and told of once. order-service comes
later and gets all of them, in order."""
from weft_scenario import *

USERS, THREADS = 1000, 8


def who_comes_later_gets_everything():
    need_servers()
    with clean_broker(), Postgres() as database, folder() as path, contextlib.ExitStack() as stack:
        users = stack.enter_context(Weft(path, "user", ["user-service"], three(database))).start()
        client, names, lock = Client(users.address), {}, threading.Lock()

        def create(thread):
            for number in range(thread, USERS, THREADS):
                user, name = client.create_user(name="first").id, "first"
                if number % 2:
                    name = f"latest {number}"
                    client.users.UpdateUser(client.user_pb.UpdateUserRequest(id=user, name=name), timeout=5)
                with lock:
                    names[user] = name
        threads = [threading.Thread(target=create, args=(n,)) for n in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(120)
        expect_equal(len(names), USERS, "users created")

        events = USERS + USERS // 2
        wait_until(lambda: outbox(database) == (0, events), 60, f"{events} events are held, none waits")
        warned = [line["eventType"] for line in users.log_lines() if "nobody listens" in line["message"]]
        expect_equal(warned, ["user.v1.UserCreated"], "types warned of")

        orders = stack.enter_context(Weft(path, "order", ["order-service"], three(database))).start()
        wait_until(lambda: outbox(database) == (0, 0), 90, "nothing is held any more")
        latest = lambda: dict(database.rows("SELECT id::text, name FROM order_service.customers"))
        wait_until(lambda: latest() == names, 60, f"{USERS} customers with their latest names")
        client.close()
        for weft in (users, orders):
            expect_equal(weft.stop(), 0, f"exit status of {weft.name}")


def outbox(database):
    """How many events wait and how many are held, as `weft outbox status` says."""
    environment = os.environ | {"WEFT_STORE": database.url}
    done = subprocess.run([str(WEFT), "outbox", "status", "--service", "user-service", "--json"], env=environment, capture_output=True,
                          text=True, timeout=20)
    expect_equal(done.returncode, 0, f"exit status of outbox status: {done.stderr}")
    status = json.loads(done.stdout.splitlines()[0])
    return status["pending"], status["held"]


scenario(who_comes_later_gets_everything)
