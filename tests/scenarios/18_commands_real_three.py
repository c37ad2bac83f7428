#!/usr/bin/python3
"""doctor, migrate, run --check and tail on RabbitMQ, Redis and PostgreSQL: right lines for what is wrong, and nothing hangs."""
from weft_scenario import *

CLEAN = {k: v for k, v in os.environ.items() if not k.startswith(SETTINGS)}


def weft(path, environment, *arguments, status=0):
    done = subprocess.run([str(WEFT), *arguments], env=CLEAN | {"WEFT_GRPC_LISTEN": "127.0.0.1:0", "WEFT_ADMIN_LISTEN": "127.0.0.1:0"} | environment,
                          cwd=path, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    if status is not None:
        expect_equal(done.returncode, status, f"weft {' '.join(arguments)}: {done.stdout[-600:]}{done.stderr[-300:]}")
    return [json.loads(line) for line in done.stdout.splitlines()] if "--json" in arguments else done


def doctor(path, environment, status=0):
    return {row["check"]: row for row in weft(path, environment, "doctor", "--json", "-t", "2s", "-S", "user-service", status=status)}


def doctor_names_what_is_wrong(path, real, database):
    rows = doctor(path, real)
    expect({"transport", "cache", "cache version", "cache eviction", "store of user-service", "store of user-service version",
            "store of user-service durability"} <= set(rows), f"checks: {list(rows)}")
    expect(all(row["state"] == "ok" for row in rows.values()), f"all is well: {rows}")
    rabbit = real["RABBITMQ_URI"]
    server = database.url.rsplit("/", 1)[0]
    wrong = [  # what is set, which check fails, what it says, what to do
        ({"RABBITMQ_URI": rabbit.replace(":guest@", ":wrong-one@")}, "transport", "ACCESS_REFUSED", "user and password"),
        ({"RABBITMQ_URI": rabbit.rstrip("/") + "/no-such-vhost"}, "transport", "no-such-vhost not found", "vhost"),
        ({"RABBITMQ_URI": f"amqp://guest:guest@127.0.0.1:{free_port()}/"}, "transport", "cannot connect", "running"),
        ({"REDIS_URL": f"redis://127.0.0.1:{free_port()}/0"}, "cache", "Connection refused", "running"),
        ({"REDIS_URL": real["REDIS_URL"].replace("redis://", "redis://:wrong-one@")}, "cache", "refuses us", "password"),
        ({"DATABASE_URL": server + "/no_such_database"}, "store of user-service", "does not exist", "create the database"),
        ({"DATABASE_URL": server.replace("//weft@", "//stranger:wrong-one@") + "/" + database.name}, "store of user-service",
         "stranger", "DATABASE_URL"),
        ({"DATABASE_URL": f"postgres://weft@127.0.0.1:{free_port()}/weft"}, "store of user-service", "Connection refused", "running"),
    ]
    for change, check, found, advice in wrong:
        rows = doctor(path, real | change, status=1)
        bad = {name: row for name, row in rows.items() if row["state"] == "failed"}
        expect_equal(list(bad), [check], f"{change} breaks one check: {bad}")
        expect(found in bad[check]["found"] and advice in bad[check]["advice"], f"{change}: {bad[check]}")
        expect("wrong-one" not in json.dumps(rows), f"no password is shown: {rows}")


def doctor_tries_rights_and_settings(path, real, database):
    import psycopg2
    role = database.name + "_reader"
    with contextlib.closing(psycopg2.connect(database.url)) as connection:
        connection.autocommit = True
        connection.cursor().execute(f'CREATE ROLE "{role}" LOGIN')
        try:
            row = doctor(path, real | {"DATABASE_URL": database.url.replace("//weft@", f"//{role}@")}, status=1)["store of user-service"]
            expect("permission denied" in row["found"] and "grant" in row["advice"], f"no right to make a schema: {row}")
        finally:
            connection.cursor().execute(f'DROP ROLE "{role}"')
    expect_equal(database.column("SELECT tablename FROM pg_tables WHERE schemaname = 'user_service'"), [],
                 "doctor takes back the tables it makes")

    def redis(*words):
        host, port = real["REDIS_URL"].split("//")[1].split("/")[0].rsplit(":", 1)
        with socket.create_connection((host, int(port)), 5) as link:
            link.sendall((" ".join(words) + "\r\n").encode())
            expect(link.recv(100).startswith(b"+OK"), f"redis {words}")
    redis("CONFIG SET maxmemory 200mb")
    redis("CONFIG SET maxmemory-policy allkeys-lru")
    try:
        row = doctor(path, real)["cache eviction"]
        expect_equal((row["state"], "volatile" in row["advice"]), ("warning", True), f"eviction: {row}")
    finally:
        redis("CONFIG SET maxmemory 0")
        redis("CONFIG SET maxmemory-policy noeviction")


def migrations_are_shown_checked_and_applied_once(path, real):
    expect_equal({row["state"] for row in weft(path, real, "migrate", "status", "--json", status=1)}, {"pending"}, "a new database")
    checks = weft(path, real | {"WEFT_MIGRATE": "check"}, "run", "--check", "--json", status=1)
    expect_equal([row["check"] for row in checks if row["state"] == "failed"],
                 ["migrations of order-service", "migrations of user-service"], "run --check with migrate: check")
    weft(path, real, "run", "--check")  # auto: the start will do it
    both = [subprocess.Popen([str(WEFT), "migrate", "up"], env=CLEAN | real, cwd=path, stdout=subprocess.DEVNULL) for _ in range(3)]
    expect_equal([process.wait(60) for process in both], [0, 0, 0], "three at once")
    expect_equal({row["state"] for row in weft(path, real, "migrate", "status", "--json")}, {"applied"}, "migrated")
    weft(path, real | {"WEFT_MIGRATE": "check"}, "run", "--check")


class Tail:
    """`weft tail` of several hosts; what it has printed so far."""

    def __init__(self, path, hosts):
        admins = [word for host in hosts for word in ("--admin", f"127.0.0.1:{host.admin}")]
        self.out, self.err = open(path / "tail.out", "w+"), open(path / "tail.err", "w+")
        self.process = subprocess.Popen([str(WEFT), "tail", *admins], env=CLEAN | {"WEFT_DATA_DIR": str(path / "data")}, cwd=path,
                                        stdout=self.out, stderr=self.err)

    def events(self):
        return [json.loads(line) for line in open(self.out.name).read().splitlines()]

    def said(self):
        return open(self.err.name).read()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.out.close()
        self.err.close()


def tail_shows_all_hosts_and_listens_for_nobody(path, real):
    with Weft(path, "users", ["user-service"], real) as users, Weft(path, "orders", ["order-service"], real) as orders:
        users.start()
        client = Client(users.address, orders.address)
        with Tail(path, [users]) as tail:
            time.sleep(0.5)  # its first question is on its way; what comes before it is not shown
            client.create_user("alone@example.com")
            wait_until(lambda: held(path, real) == 1, 15, "the event is held: nobody listens")
            expect_equal(tail.events(), [], "held is not published")
            orders.start()
            wait_until(lambda: len(tail.events()) == 1, 20, "once somebody listens it is published, and shown")
            expect_equal(tail.events()[0]["data"]["email"], "***", "masked")
            users.kill()
            wait_until(lambda: "no host answers" in tail.said(), 10, "the host's death is told")
            users.start()
            wait_until(lambda: "is back" in tail.said(), 10, "and that it is back")
        client.close()  # its connection went with the host
        client = Client(users.address, orders.address)
        with Tail(path, [users, orders]) as tail:
            time.sleep(0.5)
            user = client.create_user()
            wait_until(lambda: status_of(client.place_order, user.id) == "OK", 10, "an order")
            wait_until(lambda: {event["type"] for event in tail.events()} == {"user.v1.UserCreated", "order.v1.OrderPlaced"}, 10,
                       "events of both hosts")
            expect(all(event["key"] == user.id for event in tail.events()), "of this user")
        client.close()
        expect_equal((users.stop(), orders.stop()), (0, 0), "exit statuses")


def held(path, real):
    return {row["service"]: row["held"] for row in weft(path, real, "outbox", "status", "--json", "-S", "user-service")}["user-service"]


def commands_find_what_is_wrong_with_the_real_three():
    need_servers()
    with folder() as path, Postgres() as database, clean_broker("weft-doctor"):
        real = three(database)
        doctor_names_what_is_wrong(path, real, database)
        doctor_tries_rights_and_settings(path, real, database)
        migrations_are_shown_checked_and_applied_once(path, real)
        tail_shows_all_hosts_and_listens_for_nobody(path, real)


scenario(commands_find_what_is_wrong_with_the_real_three)
