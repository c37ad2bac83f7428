"""What scenarios are made of: weft processes, the private servers, typed clients, and waiting with a deadline.

A scenario is a program of its own (ctest runs it, serially). It owns its ports, folder and database, stops what it starts
by pid, and ends with 0 (passed), 1 (failed, with the expectation that did not hold) or 77 (skipped, with the reason).
"""
import atexit, contextlib, functools, json, os, pathlib, shutil, signal, socket, subprocess, sys, tempfile, threading, time, urllib.request
import urllib.error, uuid

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("WEFT_BUILD", ROOT / "build" / "release"))
WEFT = BUILD / "bin" / "weft"
URLS = ("RABBITMQ_URI", "REDIS_URL", "DATABASE_URL")
SETTINGS = ("WEFT_", "RABBITMQ_", "REDIS_", "DATABASE_", "LOG_LEVEL")
ZERO_ID = "00000000-0000-0000-0000-000000000000"


class Failed(Exception):
    pass


def expect(truth, what):
    if not truth:
        raise Failed(what)


def expect_equal(found, wanted, what):
    expect(found == wanted, f"{what}: found {found!r}, want {wanted!r}")


def wait_until(condition, seconds, what):
    """Polls a condition until it holds; returns its value. An exception inside counts as 'not yet'."""
    end, last = time.monotonic() + seconds, None
    while True:
        try:
            value = condition()
            if value:
                return value
        except Exception as error:  # the thing asked is still coming up
            last = error
        if time.monotonic() > end:
            raise Failed(f"not within {seconds} s: {what}" + (f" (last: {last!r})" if last else ""))
        time.sleep(0.02)


def skip(why):
    print(f"SKIP {pathlib.Path(sys.argv[0]).stem}: {why}")
    sys.exit(77)


def need_servers():
    missing = [url for url in URLS if not os.environ.get(url)]
    if missing:
        skip(f"no private servers: {', '.join(missing)} not set")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def folder():
    path = pathlib.Path(tempfile.mkdtemp(prefix="weft-scenario-"))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


class Weft:
    """One `weft run` process. Its log lines are kept in a file and checked to be JSON at the end."""

    def __init__(self, path, name, services=("user-service", "order-service"), environment=None, arguments=()):
        self.name, self.services, self.arguments = name, services, list(arguments)
        self.grpc, self.admin = free_port(), free_port()
        self.path, self.log = path, path / f"{name}.log"
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith(SETTINGS)}
        self.environment.update(WEFT_GRPC_LISTEN=f"127.0.0.1:{self.grpc}", WEFT_ADMIN_LISTEN=f"127.0.0.1:{self.admin}",
                                WEFT_DATA_DIR=str(path / "data"))
        self.environment.update(environment or {})
        self.process, self.kills = None, 0

    @property
    def address(self):
        return f"127.0.0.1:{self.grpc}"

    def start(self, ready=20):
        command = [str(WEFT), "run"]
        for service in self.services:
            command += ["--service", service]
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(command + self.arguments, env=self.environment, cwd=self.path,
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        if ready:
            self.wait_ready(ready)
        return self

    def wait_ready(self, seconds=20):
        def ready():
            if self.process.poll() is not None:
                raise SystemExit(f"{self.name} ended with {self.process.returncode}:\n{self.tail()}")
            return self.http("/readyz")[0] == 200
        wait_until(ready, seconds, f"{self.name} ready\n{self.tail()}")

    def http(self, path):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.admin}{path}", timeout=2) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def kill(self, number=signal.SIGKILL):
        if self.process and self.process.poll() is None:
            self.kills += 1
            self.process.send_signal(number)
            self.process.wait(30)

    def stop(self, seconds=30):
        """SIGTERM; returns the exit status."""
        if self.process is None:
            return None
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(seconds)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise Failed(f"{self.name} did not end within {seconds} s of SIGTERM\n{self.tail()}")
        if self.process.returncode == 0:
            self.log_lines()
        return self.process.returncode

    def tail(self, lines=15):
        with contextlib.suppress(FileNotFoundError):
            return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])
        return ""

    def log_lines(self):
        """Every line, parsed: one that is not a JSON object fails the scenario, but for those that kill -9 has cut."""
        parsed, cut = [], self.kills
        for line in self.log.read_text(errors="strict").split("\n"):
            if not line:
                continue
            try:
                entry = json.loads(line)
            except ValueError:
                entry, cut = None, cut - 1
            expect(isinstance(entry, dict) or cut >= 0, f"{self.name} logged a line that is not one JSON object: {line[:200]!r}")
            if entry is not None:
                parsed.append(entry)
        return parsed

    def rss_mib(self):
        for line in pathlib.Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1024

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        if kind is not None:
            sys.stderr.write(f"--- last lines of {self.name}\n{self.tail(40)}\n")
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()


# ---- typed clients -----------------------------------------------------------------------------------------------------

@functools.lru_cache(None)
def contracts():
    """Python modules generated from the contracts, once a process: what any foreign client would do."""
    out = tempfile.mkdtemp(prefix="weft-contracts-")
    atexit.register(shutil.rmtree, out, True)
    protos = ["weft/options.proto", "user/v1/session.proto"] + [f"{d}/v1/{f}.proto" for d in ("user", "order") for f in (d, "events")]
    subprocess.run(["protoc", f"-I{ROOT / 'proto'}", f"--python_out={out}"] + protos, check=True)
    sys.path.insert(0, out)


class Stub:
    """A service's methods as callables, from its descriptor."""

    def __init__(self, channel, module, service):
        from google.protobuf import message_factory
        descriptor = module.DESCRIPTOR.services_by_name[service]
        for method in descriptor.methods:
            answer = message_factory.MessageFactory().GetPrototype(method.output_type)
            setattr(self, method.name, channel.unary_unary(f"/{descriptor.full_name}/{method.name}",
                    request_serializer=lambda message: message.SerializeToString(), response_deserializer=answer.FromString))


class Client:
    """Both services over one or two channels. Calls raise grpc.RpcError."""

    def __init__(self, user_address, order_address=None):
        contracts()
        import grpc
        from user.v1 import session_pb2, user_pb2, events_pb2 as user_events
        from order.v1 import order_pb2
        self.user_pb, self.order_pb, self.user_events, self.session_pb = user_pb2, order_pb2, user_events, session_pb2
        options = [("grpc.initial_reconnect_backoff_ms", 50), ("grpc.max_reconnect_backoff_ms", 200),
                   ("grpc.use_local_subchannel_pool", 1)]
        self.channels = [grpc.insecure_channel(a, options=options) for a in (user_address, order_address or user_address)]
        self.users = Stub(self.channels[0], user_pb2, "UserService")
        self.sessions = Stub(self.channels[0], session_pb2, "SessionService")
        self.orders = Stub(self.channels[1], order_pb2, "OrderService")

    def create_user(self, email=None, name="Ann", timeout=5, **call):
        email = email or f"{uuid.uuid4()}@example.com"
        return self.users.CreateUser(self.user_pb.CreateUserRequest(email=email, name=name), timeout=timeout, **call).user

    def place_order(self, user_id, item="book", quantity=1, amount=1250, timeout=5, **call):
        request = self.order_pb.PlaceOrderRequest(user_id=user_id, item=item, quantity=quantity, amount=amount)
        return self.orders.PlaceOrder(request, timeout=timeout, **call).order

    def close(self):
        for channel in self.channels:
            channel.close()


def status_of(call, *arguments, **named):
    """The gRPC status name of a call: 'OK' or the error's."""
    import grpc
    try:
        call(*arguments, **named)
        return "OK"
    except grpc.RpcError as error:
        return error.code().name


class Load:
    """Threads that call `work(thread_number)` until stopped; work returns None or what to remember."""

    def __init__(self, work, threads=8):
        self.done, self.errors, self.lock, self.ending = [], 0, threading.Lock(), threading.Event()
        self.threads = [threading.Thread(target=self._run, args=(work, n), daemon=True) for n in range(threads)]

    def _run(self, work, number):
        import grpc
        while not self.ending.is_set():
            try:
                result = work(number)
            except grpc.RpcError:
                with self.lock:
                    self.errors += 1
                time.sleep(0.01)
                continue
            if result is not None:
                with self.lock:
                    self.done.append(result)

    def start(self):
        for thread in self.threads:
            thread.start()
        return self

    def stop(self):
        self.ending.set()
        for thread in self.threads:
            thread.join(30)
        return self.done


# ---- the private servers -----------------------------------------------------------------------------------------------

class Postgres:
    """A database of the scenario's own on the private server."""

    def __init__(self, name=None):
        import psycopg2
        self.psycopg2, self.server = psycopg2, os.environ["DATABASE_URL"]
        self.name = name or f"weft_{os.getpid()}_{uuid.uuid4().hex[:8]}"
        self.url = self.server.rsplit("/", 1)[0] + "/" + self.name

    def __enter__(self):
        self._admin(f'CREATE DATABASE "{self.name}"')
        return self

    def __exit__(self, *_):
        self._admin(f'DROP DATABASE IF EXISTS "{self.name}" WITH (FORCE)')

    def _admin(self, sql):
        connection = self.psycopg2.connect(self.server)
        connection.autocommit = True
        with contextlib.closing(connection), connection.cursor() as cursor:
            cursor.execute(sql)

    def connect(self):
        return self.psycopg2.connect(self.url)

    def rows(self, sql, *parameters):
        with contextlib.closing(self.connect()) as connection, connection.cursor() as cursor:
            cursor.execute(sql, parameters)
            return cursor.fetchall()

    def execute(self, sql, *parameters):
        with contextlib.closing(self.connect()) as connection, connection.cursor() as cursor:
            cursor.execute(sql, parameters)
            connection.commit()

    def value(self, sql, *parameters):
        return self.rows(sql, *parameters)[0][0]

    def column(self, sql, *parameters):
        return [row[0] for row in self.rows(sql, *parameters)]


def note_applied(database):
    """From now on a trigger notes every change of a customer, in the order in which it was applied."""
    with contextlib.closing(database.connect()) as connection, connection.cursor() as cursor:
        cursor.execute("""CREATE TABLE order_service.applied (seq bigserial, id uuid, name text);
            CREATE FUNCTION order_service.note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
              INSERT INTO order_service.applied (id, name) VALUES (NEW.id, NEW.name); RETURN NEW; END $$;
            CREATE TRIGGER note AFTER INSERT OR UPDATE ON order_service.customers
              FOR EACH ROW EXECUTE FUNCTION order_service.note()""")
        connection.commit()


def applied_names(database):
    """By customer: the names it was given, which are numbers, in that order."""
    applied = {}
    for user, name in database.rows("SELECT id::text, name FROM order_service.applied ORDER BY seq"):
        applied.setdefault(user, []).append(int(name))
    return applied


def pika_connection(url=None):
    import pika
    return pika.BlockingConnection(pika.URLParameters((url or os.environ["RABBITMQ_URI"]).rstrip("/") + "/%2F"))


QUEUES = ("order-service.user-events", "user-service.order-events")
TOPICS = ("user-events", "order-events")


@contextlib.contextmanager
def clean_broker(*others):
    """Before and after: none of the services' queues and exchanges, nor the others named, on the private broker."""
    def clean():
        with contextlib.closing(pika_connection()) as connection:
            for name in QUEUES + tuple(f"{queue}.dead" for queue in QUEUES) + others:
                channel = connection.channel()
                channel.queue_delete(name)
                channel.close()
            for name in TOPICS + others:
                channel = connection.channel()
                channel.exchange_delete(name)
                channel.close()
    clean()
    try:
        yield
    finally:
        clean()


def server(verb, *names):
    """kill or up of one of the private servers; ctl with rabbitmqctl's arguments. Returns what it printed."""
    run = subprocess.run([str(ROOT / "tools/dev/services.sh"), verb, os.environ["WEFT_SERVICES_DIR"], *names], check=True,
                         stdout=subprocess.PIPE, text=True, timeout=120)
    return run.stdout


class Redis:
    """A Redis of the scenario's own, which it may kill, freeze and fill with garbage."""

    def __init__(self, path):
        self.path, self.port, self.process = path, free_port(), None
        self.url = f"redis://127.0.0.1:{self.port}/0"

    def start(self):
        self.process = subprocess.Popen(["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", "",
                                         "--dir", str(self.path)], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        wait_until(lambda: self.run("PING") == b"PONG", 10, "redis answers")
        return self

    def signal(self, number):
        self.process.send_signal(number)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def run(self, *words):
        """One command; text as bytes, a list for an array, None for nothing."""
        words = [word if isinstance(word, bytes) else str(word).encode() for word in words]
        with socket.create_connection(("127.0.0.1", self.port), 5) as link, link.makefile("rb") as answer:
            link.sendall(b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in words))
            return self._read(answer)

    def _read(self, answer):
        kind, rest = (line := answer.readline())[:1], line[1:-2]
        if kind in b"+:":
            return rest if kind == b"+" else int(rest)
        if kind == b"$":
            return None if rest == b"-1" else answer.read(int(rest) + 2)[:-2]
        if kind == b"*":
            return [self._read(answer) for _ in range(int(rest))]
        raise Failed(f"redis: {line!r}")

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.kill()


def three(database):
    """The environment of a process on the real three. New queues are bound at once, unless a scenario kills the broker."""
    return {"RABBITMQ_URI": os.environ["RABBITMQ_URI"], "REDIS_URL": os.environ["REDIS_URL"], "DATABASE_URL": database.url,
            "WEFT_AMQP_QUEUE_SETTLE": "0s"}


# For processes that meet a broker which is killed: the plugin's default. A younger queue would go with the broker.
QUEUE_SETTLES = {"WEFT_AMQP_QUEUE_SETTLE": "2500ms"}


def scenario(run):
    """Runs the scenario and turns how it ended into an exit status."""
    started = time.monotonic()
    try:
        run()
    except Failed as failure:
        print(f"FAILED {run.__name__}: {failure}")
        sys.exit(1)
    print(f"passed {run.__name__} in {time.monotonic() - started:.1f} s")
