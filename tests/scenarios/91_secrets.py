#!/usr/bin/python3
"""Passwords and what the contract marks sensitive are found nowhere: not in a log at debug level, not in what a host or a
command prints, not on a command line, not in the text of an error about them."""
import base64, urllib.parse
from weft_scenario import *

BROKER, CACHE, STORE, TOKEN = "plantedBroker1", "plantedCache22", "plantedStore333", "plantedToken:4444-55"
EMAIL = "planted.person@example.com"
COMMANDS = (["config"], ["doctor"], ["outbox", "status"], ["dead", "list"], ["plugin", "list"], ["run", "--help"], ["--help"], ["migrate"])


def forms(secret):
    """As itself, percent-encoded, and as SASL PLAIN or a header would carry it."""
    return {secret, urllib.parse.quote(secret, safe=""), base64.b64encode(secret.encode()).decode().rstrip("=")}


PLANTED = set().union(*(forms(secret) for secret in (BROKER, CACHE, STORE, TOKEN))) | {EMAIL}


def clean(where, text):
    for secret in PLANTED:
        expect(secret not in text, f"{secret!r} is found in {where}: ...{text[max(0, text.find(secret) - 120):][:300]!r}")


def with_password(url, user, password):
    parts = urllib.parse.urlsplit(url)
    return parts._replace(netloc=f"{user}:{password}@{parts.hostname}:{parts.port}").geturl()


def redis(*words):
    """One command to the private Redis."""
    where = urllib.parse.urlsplit(os.environ["REDIS_URL"])
    request = f"*{len(words)}\r\n" + "".join(f"${len(word)}\r\n{word}\r\n" for word in words)
    with socket.create_connection((where.hostname, where.port), 5) as connection:
        connection.sendall(request.encode())
        answer = connection.recv(200).decode()
    expect(answer.startswith(("+OK", ":")), f"redis {words[:2]}: {answer}")


@contextlib.contextmanager
def users_planted():
    """A user of each private server, with a planted password."""
    name = f"planted{os.getpid()}"
    try:
        server("ctl", "add_user", name, BROKER)
        server("ctl", "set_permissions", name, ".*", ".*", ".*")
        redis("ACL", "SETUSER", name, "on", f">{CACHE}", "~*", "&*", "+@all")
        yield name
    finally:
        server("ctl", "delete_user", name)
        redis("ACL", "DELUSER", name)


def commands_are_clean(environment, path):
    for command in COMMANDS:
        run = subprocess.run([str(WEFT), *command], env=environment, cwd=path, text=True, timeout=60, stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        expect(run.stdout, f"weft {' '.join(command)} printed nothing")
        clean(f"weft {' '.join(command)}", run.stdout)


def refused_is_clean(path, name, environment):
    """A host that cannot start with what it is given: it ends, or waits and says so."""
    weft = Weft(path, f"refused-{name}", ["user-service"], environment)
    with weft.start(ready=0):
        wait_until(lambda: weft.process.poll() is not None or "waiting" in weft.log.read_text() or "down" in weft.log.read_text()
                   or "refused" in weft.log.read_text(), 20, f"{name} is told")
        clean(f"the log of the host with {name}", weft.log.read_text())
        with contextlib.suppress(OSError):  # it may be ending
            clean(f"/health with {name}", weft.http("/health")[1])
            clean(f"/readyz with {name}", weft.http("/readyz")[1])
        weft.kill()


def at_work_is_clean(weft, database):
    client = Client(weft.address)
    client.create_user(email=EMAIL)
    expect_equal(status_of(client.create_user, email=EMAIL), "ALREADY_EXISTS", "the same user again")
    expect_equal(status_of(client.create_user, email=EMAIL + "@"), "INVALID_ARGUMENT", "a bad email")
    wait_until(lambda: database.value("SELECT count(*) FROM order_service.customers") == 1, 10, "the event is handled")
    client.close()
    for route in ("/metrics", "/health", "/readyz", "/log/level", "/nothing"):
        clean(route, weft.http(route)[1])
    clean("the process' command line", pathlib.Path(f"/proc/{weft.process.pid}/cmdline").read_text())


def secrets_are_found_nowhere():
    need_servers()
    if "WEFT_SERVICES_DIR" not in os.environ:
        skip("WEFT_SERVICES_DIR is not set: no user can be made on the private broker")
    with clean_broker(), Postgres() as database, folder() as path, users_planted() as name:
        good = {"RABBITMQ_URI": with_password(os.environ["RABBITMQ_URI"], name, BROKER), "WEFT_AMQP_QUEUE_SETTLE": "0s",
                "REDIS_URL": with_password(os.environ["REDIS_URL"], name, CACHE),
                "DATABASE_URL": with_password(database.url, "weft", STORE), "WEFT_ADMIN_TOKEN": TOKEN, "WEFT_LOG_LEVEL": "debug"}
        with Weft(path, "host", environment=good).start() as weft:
            at_work_is_clean(weft, database)
            commands_are_clean(weft.environment, path)
            expect_equal(weft.stop(), 0, "exit status")
        clean("the log at debug level", weft.log.read_text())
        expect(not (path / "data/admin.token").exists(), "a token was made although one is set")
        wrong = {"broker's password": {"RABBITMQ_URI": with_password(os.environ["RABBITMQ_URI"], "guest", BROKER)},
                 "broker's port": {"RABBITMQ_URI": f"amqp://guest:{BROKER}@127.0.0.1:port/"},
                 "cache's password": {"REDIS_URL": with_password(os.environ["REDIS_URL"], "nobody", CACHE), "WEFT_GRPC_WORKERS": "0"},
                 "cache's url": {"REDIS_URL": f"redis://:{CACHE}@["},
                 "store's database": {"DATABASE_URL": with_password(database.url, "nobody", STORE)},
                 "store's url": {"DATABASE_URL": f"postgres:weft:{STORE}@127.0.0.1/weft"},
                 "store's option": {"DATABASE_URL": database.url + f"?pasword={STORE}"},
                 "token": {"WEFT_ADMIN_TOKEN": f"{TOKEN} with spaces"}}
        for what, environment in wrong.items():
            refused_is_clean(path, what, good | environment)


scenario(secrets_are_found_nowhere)
