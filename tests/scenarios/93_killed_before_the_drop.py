#!/usr/bin/python3
"""kill -9 between the commit of a change and the delete of the cached value: nobody reads the old value for long."""
from proxy import Proxy
from weft_scenario import *


def name_of(client, user_id):
    return client.users.GetUser(client.user_pb.GetUserRequest(id=user_id), timeout=5).user.name


def killed_in_between(path, redis, store, rows_left):
    gate = Proxy("127.0.0.1", redis.port)
    environment = store | {"REDIS_URL": f"redis://127.0.0.1:{gate.port}/0", "WEFT_CACHE_TIMEOUT": "20s"}
    with gate, Weft(path, "weft", ("user-service",), environment) as weft:
        weft.start()
        client = Client(weft.address)
        user = client.create_user(name="old").id
        expect_equal((name_of(client, user), name_of(client, user)), ("old", "old"), "the name, from the store and the cache")
        expect(redis.run("EXISTS", f"user:profile:{user}") == 1, "void: the profile is not cached")
        gate.silent = True  # what goes to Redis from now on never arrives, and nobody is told
        change = client.user_pb.UpdateUserRequest(id=user, name="new")
        caller = threading.Thread(target=status_of, args=(client.users.UpdateUser, change), kwargs={"timeout": 10}, daemon=True)
        caller.start()
        wait_until(rows_left, 10, "the change is committed, and the drop with it")
        weft.kill()
        caller.join(15)
        client.close()
        expect(redis.run("EXISTS", f"user:profile:{user}") == 1, "void: the old profile went all the same")

        weft.environment["REDIS_URL"] = redis.url
        weft.start()
        ready = time.monotonic()
        client = Client(weft.address)
        wait_until(lambda: name_of(client, user) == "new", 2, "the new name is read")
        print(f"  the new name is read {time.monotonic() - ready:.2f} s after ready")
        wait_until(lambda: not rows_left(), 10, "the row that stood for the drop is removed")
        expect_equal(name_of(client, user), "new", "the name, out of the cache")
        client.close()
        expect_equal(weft.stop(), 0, "exit status after SIGTERM")


def on_sqlite(path, redis):
    import sqlite3

    def rows_left():
        with contextlib.closing(sqlite3.connect(path / "data" / "user-service.db", timeout=5)) as db:
            return db.execute("SELECT count(*) FROM weft_cache_drop").fetchone()[0]
    killed_in_between(path, redis, {}, rows_left)


def on_postgres(path, redis):
    with Postgres() as database:
        killed_in_between(path, redis, {"DATABASE_URL": database.url},
                          lambda: database.value("SELECT count(*) FROM user_service.weft_cache_drop"))


def a_drop_outlives_its_process():
    with folder() as path, Redis(path) as redis:
        on_sqlite(path, redis)
    if not os.environ.get("DATABASE_URL"):
        skip("no private servers: DATABASE_URL not set")
    with folder() as path, Redis(path) as redis:
        on_postgres(path, redis)


scenario(a_drop_outlives_its_process)
