#!/usr/bin/python3
"""The command line: exit statuses, what commands print, and what signals do to a host."""
import sqlite3
from weft_scenario import *


def weft(*arguments, environment=None, cwd=None, stdin=None):
    clean = {k: v for k, v in os.environ.items() if not k.startswith(SETTINGS)}
    return subprocess.run([str(WEFT), *arguments], env=clean | (environment or {}), cwd=cwd, input=stdin or "",
                          capture_output=True, text=True, timeout=20)


def usage_is_told_and_has_its_status():
    expect_equal(weft().returncode, 2, "no command")
    expect_equal(weft("--help").returncode, 0, "--help")
    done = weft("rnu")
    expect_equal((done.returncode, "did you mean 'run'" in done.stderr), (2, True), f"a near miss: {done.stderr}")
    for command in ("run", "call", "config", "dead list", "health", "migrate up", "outbox status", "plugin list"):
        done = weft(*command.split(), "--help")
        expect_equal(done.returncode, 0, f"{command} --help")
        expect(done.stdout.startswith(f"usage: weft {command} "), f"{command} --help: {done.stdout[:80]}")
        expect_equal(weft(*command.split(), "--no-such-option").returncode, 2, f"{command} --no-such-option")


def settings_and_plugins_are_listed():
    done = weft("config", environment={"RABBITMQ_URI": "amqp://me:hunter2@broker/"})
    expect(done.returncode == 0 and "amqp://me:***@broker/" in done.stdout and "hunter2" not in done.stdout, done.stdout)
    plugins = {(p["kind"], p["name"]) for p in map(json.loads, weft("plugin", "list", "--json").stdout.splitlines())}
    expect({("transport", "amqp"), ("cache", "redis"), ("store", "sqlite")} <= plugins, f"plugins: {plugins}")


def dead_and_waiting_events_are_shown(path):
    data = {"WEFT_DATA_DIR": str(path / "data")}
    expect_equal(weft("migrate", "status", environment=data, cwd=path).returncode, 1, "nothing is there yet")
    expect_equal(weft("migrate", "up", environment=data, cwd=path).returncode, 0, "migrate up")
    expect_equal(weft("migrate", "status", environment=data, cwd=path).returncode, 0, "all is in place")
    expect_equal(weft("dead", "list", environment=data, cwd=path).stdout, "no dead events\n", "no dead events")
    with contextlib.closing(sqlite3.connect(path / "data" / "order-service.db")) as db:
        db.execute("""INSERT INTO weft_failed_event (consumer_group, event_id, type, topic, routing_key, key, correlation_id,
                      headers, payload, state, attempts, due_at, reason, first_failed_at)
                      VALUES ('user-events', ?, 'user.v1.UserCreated', 'user-events', 'user.created', 'k', 'c-1', '{}', x'00',
                      'dead', 3, 0, 'it "hurts"', 0)""", (ZERO_ID,))
        db.commit()
    done = weft("dead", "list", "--events", "--json", environment=data, cwd=path)
    row = json.loads(done.stdout)
    expect_equal((row["service"], row["group"], row["attempts"], row["reason"], row["eventId"]),
                 ("order-service", "user-events", 3, 'it "hurts"', ZERO_ID), f"the dead event: {done.stdout}{done.stderr}")
    expect('it "hurts"' in weft("dead", "list", "--events", "--service", "order-service", environment=data, cwd=path).stdout, "as a table")
    expect_equal(weft("dead", "list", "--service", "user-service", environment=data, cwd=path).stdout, "no dead events\n", "of another")
    status = [json.loads(line) for line in weft("outbox", "status", "--json", environment=data, cwd=path).stdout.splitlines()]
    expect_equal(status[0], {"service": "order-service", "pending": 0, "held": 0, "oldest": None, "scheduled": 0, "nextDue": None}, "outbox status")


def calls_take_headers_and_stdin(path):
    with Weft(path, "called") as host:
        host.start()
        called = weft("call", "--compact", "-H", "x-correlation-id: from-the-test", host.address, "user.v1.UserService/CreateUser", "-",
                      stdin='{"email": "eve@example.com", "name": "Eve"}')
        expect_equal(json.loads(called.stdout)["user"]["name"], "Eve", f"answer: {called.stderr}")
        wait_until(lambda: '"correlationId":"from-the-test"' in host.log.read_text(), 5, "the correlation id is in the log")
        done = weft("call", host.address, "user.v1.UserService/CreateUser", '{"email": "", "name": "x"}')
        expect_equal((done.returncode, "INVALID_ARGUMENT" in done.stderr, "email" in done.stderr), (1, True, True), done.stderr)
        expect_equal(host.stop(), 0, "exit status")


def consumer_without_a_producer_is_warned(path):
    with Weft(path, "alone", ["order-service"]) as host:
        host.start()
        warned = [line for line in host.log_lines() if line["level"] == "warn"]
        expect(any("WEFT_TRANSPORT" in line["message"] and "user.v1.UserCreated" in line["message"] for line in warned), f"{warned}")
        expect_equal(host.stop(), 0, "exit status")


def second_signal_ends_at_once(path):
    with Weft(path, "impatient", ["user-service"], {"WEFT_DRAIN_DELAY": "30s"}) as host:
        host.start()
        expect_equal((weft("health", host.address).stdout, weft("health", "-S", "no.such.Service", host.address).returncode),
                     ("SERVING\n", 1), "health")
        host.process.send_signal(signal.SIGINT)
        wait_until(lambda: host.http("/readyz")[0] == 503, 5, "not ready while it drains")
        done = weft("health", host.address)
        expect_equal((done.stdout, done.returncode), ("NOT_SERVING\n", 1), f"health while it drains: {done.stderr}")
        client = Client(host.address)
        client.create_user()  # balancers have not noticed yet
        client.close()
        time.sleep(0.4)  # signals that come together are one wish
        started = time.monotonic()
        host.process.send_signal(signal.SIGINT)
        expect_equal(host.process.wait(5), 128 + signal.SIGINT, "exit status")
        expect(time.monotonic() - started < 2, "at once")
        host.log_lines()


def commands_do_what_they_say():
    usage_is_told_and_has_its_status()
    settings_and_plugins_are_listed()
    for case in (dead_and_waiting_events_are_shown, calls_take_headers_and_stdin, consumer_without_a_producer_is_warned,
                 second_signal_ends_at_once):
        with folder() as path:
            case(path)


scenario(commands_do_what_they_say)
