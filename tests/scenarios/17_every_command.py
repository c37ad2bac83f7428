#!/usr/bin/python3
"""Every command of `weft` as its --help says: the list comes from the program itself, so a new one wants a try here."""
import pty, re, select, sqlite3
from weft_scenario import *

CLEAN = {k: v for k, v in os.environ.items() if not k.startswith(SETTINGS) and k not in ("NO_COLOR", "TERM")}


class Place:
    """A folder with a host of both services, and commands that are told where it is."""

    def __init__(self, path):
        self.path, self.host = path, Weft(path, "host")
        self.environment = CLEAN | {k: v for k, v in self.host.environment.items() if k.startswith("WEFT_")}

    def weft(self, *arguments, stdin="", status=0, environment=None):
        done = subprocess.run([str(WEFT), *arguments], env=self.environment | (environment or {}), cwd=self.path, input=stdin,
                              capture_output=True, text=True, timeout=30)
        said = f"weft {' '.join(arguments)}: {done.stdout[-300:]}{done.stderr[-300:]}"
        if status is not None:
            expect_equal(done.returncode, status, said)
        expect("\x1b" not in done.stdout + done.stderr, f"escape codes without a terminal: {said}")
        return done

    def rows(self, *arguments, status=0, environment=None):
        """What --json prints: one object a line."""
        return [json.loads(line) for line in
                self.weft(*arguments, "--json", status=status, environment=environment).stdout.splitlines()]

    def fails(self, status, part, *arguments, **more):
        """Ends with this status and one line on stderr that has `part`."""
        done = self.weft(*arguments, status=status, **more)
        expect(part in done.stderr and done.stderr.count("\n") == 1, f"{arguments}: want one line with '{part}': {done.stderr}")


# ---- a try of each: what it is for, and how it fails ---------------------------------------------------------------------

def run(at):
    checks = at.rows("run", "--check")
    expect({"settings", "plugins", "service", "host", "transport", "cache"} <= {c["check"] for c in checks}, f"checks: {checks}")
    expect(all(c["state"] != "failed" for c in checks), f"nothing fails: {checks}")
    failed = [c for c in at.rows("run", "--check", "--set", "topics.user-evnts.body=json", status=1) if c["state"] == "failed"]
    expect("did you mean 'user-events'" in failed[0]["found"], f"{failed}")
    at.fails(4, "no service 'no-such'", "run", "--service", "no-such")


def call(at):
    create, address = "user.v1.UserService/CreateUser", at.host.address
    made = json.loads(at.weft("call", address, create, "-", "-H", "x-correlation-id: c-1", stdin='{"email":"a@b.de","name":"Ann"}').stdout)
    expect_equal(made["user"]["name"], "Ann", "the answer")
    at.weft("call", address, create, "--data", '{"email":"b@b.de","name":"Bo"}', "--compact")
    at.fails(1, "INVALID_ARGUMENT", "call", address, create, '{"email":"","name":"x"}')
    at.fails(1, "ALREADY_EXISTS", "call", address, create, '{"email":"a@b.de","name":"x"}')
    at.fails(2, "'not' is not JSON", "call", address, create, "{not json}")
    at.fails(2, 'no field "emial"', "call", address, create, '{"emial":"x"}')
    at.fails(2, "given twice", "call", address, create, "{}", "-d", "{}")
    at.fails(2, "want 'name: value'", "call", address, create, "{}", "-H", "nocolon")
    at.fails(4, "is it", "call", address, "user.v1.UserService/CreateUsr")
    at.fails(4, "NOT_FOUND", "call", address, "user.v1.UserService/GetUser", json.dumps({"id": ZERO_ID}))
    at.fails(3, "UNAVAILABLE", "call", f"127.0.0.1:{free_port()}", create, "-t", "2s")
    watched = at.weft("call", address, "grpc.health.v1.Health/Watch", "-t", "700ms", status=3)
    expect_equal(json.loads(watched.stdout.splitlines()[0]), {"status": "SERVING"}, "a stream is an object a line")


def health(at):
    expect_equal(at.weft("health", at.host.address).stdout, "SERVING\n", "health")
    at.weft("health", f"127.0.0.1:{free_port()}", status=1)


def tail_and_publish(at):
    """An event by hand: seen by tail with its sensitive field masked, and handled by the other service."""
    user = str(uuid.uuid4())
    other = at.host.admin
    tail = subprocess.Popen([str(WEFT), "tail", "user.v1.*", "--count", "2", "--for", "20s", "--admin", f"127.0.0.1:{other}"],
                            env=at.environment, cwd=at.path, stdout=subprocess.PIPE, text=True)
    published = []

    def listening():  # tail shows what comes after its first question: publish until it has ended
        published.append(at.weft("publish", "user.v1.UserCreated", "-", "--correlation-id", "by-hand",
                                 stdin=json.dumps({"userId": user, "email": "eve@example.com", "name": "Eve"})).stdout.strip())
        with contextlib.suppress(subprocess.TimeoutExpired):
            tail.wait(0.3)
        return tail.returncode is not None

    wait_until(listening, 20, "tail has seen two events")
    expect_equal(tail.returncode, 0, "tail's exit status")
    seen = [json.loads(line) for line in tail.stdout.read().splitlines()]
    expect_equal(len(seen), 2, "tail --count 2")
    for event in seen:
        expect(event["id"] in published, f"{event['id']} is one of {published}")
        expect_equal((event["type"], event["key"], event["data"]["userId"], event["data"]["email"], event["correlationId"]),
                     ("user.v1.UserCreated", user, user, "***", "by-hand"), "what tail shows")
    order = json.dumps({"userId": user, "item": "book", "quantity": 1, "amount": 5})
    wait_until(lambda: at.weft("call", at.host.address, "order.v1.OrderService/PlaceOrder", order, status=None).returncode == 0,
               10, "order-service knows the user")
    expect_equal(at.weft("tail", "--for", "300ms").stdout, "", "nothing more")
    at.fails(3, "", "tail", "--admin", f"127.0.0.1:{free_port()}")
    at.fails(2, "no admin address", "tail", "--admin", "nowhere")
    at.fails(5, "admin.token", "tail", "--set", "admin.token=not-the-token-at-all")
    at.fails(4, "is it user.v1.UserCreated?", "publish", "user.v1.UserCreatd", "{}")
    at.fails(2, "no field", "publish", "user.v1.UserCreated", '{"usr":1}')
    at.fails(2, "key", "publish", "user.v1.UserCreated", "{}")
    at.fails(4, "does not emit", "publish", "user.v1.UserCreated", "{}", "--service", "order-service")
    at.fails(5, "admin.token", "publish", "user.v1.UserCreated", "{}", environment={"WEFT_ADMIN_TOKEN": "not-the-token-at-all"})
    at.fails(3, "", "publish", "user.v1.UserCreated", "{}", "--admin", f"127.0.0.1:{free_port()}")


def config(at):
    (at.path / "some.yaml").write_text("grpc:\n  workers: 4\nplugins:\n  sqlite:\n    cache_size: 1M\n")
    (at.path / "secret").write_text("amqp://me:hunter2@h/?heartbeat=5s\n")
    rows = {r["key"]: r for r in at.rows("config", "--config", "some.yaml", "--set", "grpc.max_workers=8",
                                         environment={"WEFT_TRANSPORT_FILE": str(at.path / "secret")})}
    found = {key: (rows[key]["value"], rows[key]["from"]) for key in
             ("grpc.workers", "grpc.max_workers", "transport", "plugins.amqp.heartbeat", "plugins.sqlite.cache_size", "migrate")}
    expect_equal(found, {"grpc.workers": ("4", "some.yaml:2"), "grpc.max_workers": ("8", "--set"),
                         "transport": ("amqp://me:***@h/?heartbeat=5s", "WEFT_TRANSPORT_FILE"),
                         "plugins.amqp.heartbeat": ("5s", "WEFT_TRANSPORT_FILE"),
                         "plugins.sqlite.cache_size": ("1M", "some.yaml:5"), "migrate": ("auto", "default")}, "values and origins")
    expect("| `grpc.workers` | `WEFT_GRPC_WORKERS` | 1 to 1024 |" in at.weft("config", "--reference").stdout, "the reference")
    at.fails(2, "did you mean 'grpc.workers'", "config", "--set", "grpc.wrokers=1")
    at.fails(4, "none.yaml", "config", "--config", "none.yaml")


def doctor(at):
    found = {row["check"]: row for row in at.rows("doctor")}
    expect(all(row["state"] != "failed" for row in found.values()), f"all is well: {found}")
    expect({"clock", "data_dir", "grpc.listen", "transport", "cache", "store of user-service"} <= set(found), f"{list(found)}")
    bad = [row for row in at.rows("doctor", "-t", "1s", "--set", f"cache=redis://127.0.0.1:{free_port()}/0", status=1)
           if row["state"] == "failed"]
    expect_equal([row["check"] for row in bad], ["cache"], "what failed")
    expect(bad[0]["advice"], f"and what to do: {bad}")


def migrate(at):
    empty = {"WEFT_DATA_DIR": str(at.path / "empty")}
    states = {row["state"] for row in at.rows("migrate", "status", status=1, environment=empty)}
    expect_equal(states, {"pending"}, "a new store")
    expect("CREATE TABLE" in at.weft("migrate", "print", environment=empty).stdout.upper(), "the SQL")
    at.weft("migrate", "up", environment=empty)
    states = {row["state"] for row in at.rows("migrate", "status", environment=empty)}
    expect_equal(states, {"applied"}, "migrated")
    expect_equal(at.weft("migrate", "print", environment=empty).stdout, "", "nothing is left")
    expect("0001_users" in at.weft("migrate", "print", "--all", environment=empty).stdout, "--all")
    with contextlib.closing(sqlite3.connect(at.path / "empty" / "user-service.db")) as db:
        db.execute("UPDATE weft_migration SET checksum = 'other' WHERE name = '0001_users'")
        db.commit()
    expect("changed" in {row["state"] for row in at.rows("migrate", "status", status=1, environment=empty)}, "an edited one")


def outbox(at):
    expect_equal({row["service"] for row in at.rows("outbox", "status")}, {"order-service", "user-service"}, "outbox status")
    at.rows("outbox", "retry")


def dead(at):
    """Two dead events, put where a consumer would: listed, shown, one replayed, one dropped."""
    letters = {"WEFT_DATA_DIR": str(at.path / "letters")}
    one, two = "00000000-0000-7000-8000-000000000001", "00000000-0000-7000-8000-000000000002"
    at.weft("migrate", "up", environment=letters)
    with contextlib.closing(sqlite3.connect(at.path / "letters" / "order-service.db")) as db:
        for event in (one, two):
            db.execute("""INSERT INTO weft_failed_event (consumer_group, event_id, type, topic, routing_key, key, correlation_id,
                          headers, payload, state, attempts, due_at, reason, first_failed_at)
                          VALUES ('user-events', ?, 'user.v1.UserCreated', 'user-events', 'user.created', 'k', 'c-1', '{}', x'',
                          'dead', 3, 0, 'hurts', 0)""", (event,))
        db.commit()

    def listed():
        return {row["eventId"] for row in at.rows("dead", "list", "--events", environment=letters)}
    expect_equal(listed(), {one, two}, "dead list --events")
    expect("user-events" in json.dumps(at.rows("dead", "list", environment=letters)), "dead list")
    expect(one in json.dumps(at.rows("dead", "show", one, environment=letters)), "dead show")
    at.weft("dead", "show", ZERO_ID, status=4, environment=letters)
    at.weft("dead", "replay", status=2, environment=letters)
    at.weft("dead", "replay", one, "--dry-run", environment=letters)
    expect_equal(listed(), {one, two}, "--dry-run changes nothing")
    at.weft("dead", "replay", one, environment=letters)
    expect_equal(listed(), {two}, "dead replay")
    at.weft("dead", "drop", status=2, environment=letters)
    at.weft("dead", "drop", two, environment=letters)
    expect_equal(at.rows("dead", "list", environment=letters), [], "dead drop")
    at.fails(2, "1 to 10000", "dead", "list", "--limit", "0")


def plugin_list(at):
    expect({"amqp", "redis", "sqlite"} <= {row["name"] for row in at.rows("plugin", "list")}, "plugins")
    at.fails(4, "nowhere", "plugin", "list", "--set", "plugin_dir=/nowhere")


def plugin_info(at):
    options = {row["option"]: row for row in at.rows("plugin", "info", "amqp")}
    expect_equal((options["heartbeat"]["default"], options["heartbeat"]["environment"]), ("10s", "WEFT_AMQP_HEARTBEAT"), "an option")
    at.fails(4, "did you mean 'amqp'", "plugin", "info", "amq")


def completion(at):
    script = at.weft("completion", "bash").stdout

    def completed(*words):
        ask = script + f"\nCOMP_WORDS=(weft {' '.join(words)}); COMP_CWORD={len(words)}; _weft; printf '%s\\n' \"${{COMPREPLY[@]}}\""
        return subprocess.run(["bash", "-c", ask], capture_output=True, text=True, check=True, timeout=10).stdout.split()

    expect_equal(completed("compl"), ["completion"], "a command")
    expect("status" in completed("migrate", "s"), "a verb")
    expect("--timeout" in completed("call", "--ti"), "an option")
    expect("--limit" in completed("dead", "list", "--"), "an option of a verb")


TRIES = {"run": run, "call": call, "health": health, "tail": tail_and_publish, "publish": tail_and_publish, "config": config,
         "doctor": doctor, "migrate status": migrate, "migrate print": migrate, "migrate up": migrate,
         "outbox status": outbox, "outbox retry": outbox,
         "dead list": dead, "dead show": dead, "dead replay": dead, "dead drop": dead, "plugin list": plugin_list, "plugin info": plugin_info,
         "completion bash": completion}


# ---- what holds for all --------------------------------------------------------------------------------------------------

def commands(at):
    listed = re.findall(r"^  ([a-z]+(?: [a-z]+)?)  +\S", at.weft("--help").stdout, re.MULTILINE)
    expect(len(listed) >= 15, f"commands: {listed}")
    return listed


def help_is_whole(at, command):
    """Usage, options, exit statuses and an example; unknown options and too many words are wrong usage, on one line."""
    text = at.weft(*command.split(), "--help").stdout
    expect(text.startswith(f"usage: weft {command} [OPTIONS]"), f"{command} --help: {text[:100]}")
    for part in ("\nOptions:\n", "\nExit status:\n  0  ", "\nExample:\n  ", "\n  -h, --help", "--no-color"):
        expect(part in text, f"{command} --help lacks {part!r}")
    expect_equal(at.weft("help", *command.split()).stdout, text, f"weft help {command}")
    at.fails(2, "did you mean --no-color?", *command.split(), "--no-colr")
    at.fails(2, "no option -?", *command.split(), "-?")
    at.weft(*command.split(), *["word"] * 9, status=2)
    if "--config" in text:
        at.fails(2, "--config wants FILE", *command.split(), "--config")


def colours_are_for_terminals(at):
    """The same command on a terminal, on one that wants none, and in a pipe."""
    def on_terminal(*arguments, **environment):
        leader, follower = pty.openpty()
        process = subprocess.Popen([str(WEFT), *arguments], env=at.environment | {"TERM": "xterm"} | environment, cwd=at.path,
                                   stdin=subprocess.DEVNULL, stdout=follower, stderr=follower)
        os.close(follower)
        text = b""
        while select.select([leader], [], [], 20)[0]:
            try:
                piece = os.read(leader, 65536)
            except OSError:
                break
            if not piece:
                break
            text += piece
        os.close(leader)
        expect_equal(process.wait(20), 0, f"on a terminal: {text!r}")
        return text
    expect(b"\x1b[1m" in on_terminal("plugin", "list"), "a terminal has colours")
    expect(b"\x1b[32m" in on_terminal("run", "--check"), "and good news is green")
    for more in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        expect(b"\x1b" not in on_terminal("plugin", "list", **more), f"none with {more}")
    expect(b"\x1b" not in on_terminal("plugin", "list", "--no-color"), "none with --no-color")
    expect(b"\x1b" not in on_terminal("plugin", "list", "--json"), "none in JSON")


def usage_errors_name_the_nearest(at):
    at.fails(2, "did you mean 'run'", "rnu")
    at.fails(2, "did you mean 'plugin list'", "plugin", "lits")
    at.weft(status=2)
    at.weft("migrate", status=2)
    expect("migrate up" in at.weft("migrate", "--help").stdout, "a group's verbs")
    expect(at.weft("--version").stdout.startswith("weft "), "--version")


def every_command_does_what_its_help_says():
    with folder() as path:
        at = Place(path)
        listed = commands(at)
        expect_equal(sorted(set(listed) - set(TRIES)), [], "commands without a try in this scenario")
        expect_equal(sorted(set(TRIES) - set(listed)), [], "tries of commands there are not")
        for command in listed:
            help_is_whole(at, command)
        usage_errors_name_the_nearest(at)
        colours_are_for_terminals(at)
        with at.host:
            at.host.start()
            for attempt in dict.fromkeys(TRIES.values()):
                attempt(at)
            expect_equal(at.host.stop(), 0, "the host's exit status")
            at.host.log_lines()


scenario(every_command_does_what_its_help_says)
