#!/usr/bin/python3
"""Poison among 5,000 healthy events: each ends in `weft dead` once, with reason and attempts; every healthy event is
applied; after a fix `weft dead replay` applies what failed, in order where the group is ordered."""
from weft_scenario import *
from poison import *

HEALTHY = 5000


class Supervised(Weft):
    """Started again whenever it ends by itself, as a supervisor would."""
    ends = 0
    done = False

    def watch(self):
        while not self.done:
            if self.process.poll() is not None:
                self.ends += 1
                self.start(ready=0)
            time.sleep(0.05)

    def __enter__(self):
        self.start()
        self.watcher = threading.Thread(target=self.watch, daemon=True)
        self.watcher.start()
        return self

    def __exit__(self, *error):
        self.done = True
        self.watcher.join(10)
        return super().__exit__(*error)


def command(host, *words):
    done = subprocess.run([str(WEFT), *words], capture_output=True, text=True, timeout=30, env=host.environment)
    return done.returncode, done.stdout, done.stderr


def dead_of(host):
    status, out, err = command(host, "dead", "list", "--service", "lab-service", "--events", "--json")
    expect_equal(status, 0, f"weft dead list: {err}")
    return [json.loads(line) for line in out.splitlines()]


def send_all(bodies):
    """Healthy ones with a bad one now and then; steps of two keys, of which the first step fails. The ids by name."""
    ids = {}
    with contextlib.closing(pika_connection()) as connection:
        channel = connection.channel()
        for key in ("left", "right"):
            for step in (1, 2, 3):
                publish(channel, step_made(key, step), type="lab.v1.StepMade", routing_key="step.made",
                        headers={"cloudEvents:subject": key})
        for number in range(HEALTHY):
            publish(channel, node_seen(f"healthy-{number}"))
            if number % 500 == 250 and bodies:
                name, (body, properties) = bodies.pop(0)
                ids[name] = publish(channel, body, **properties)
        publish(channel, b"whatever", type="lab.v1.NobodyKnows")
        publish(channel, node_seen("no-id"), message_id=None)
    expect_equal(bodies, [], "all sent")
    return ids


def poison_ends_in_dead_once(host, database, ids):
    applied = lambda: database.value("SELECT count(DISTINCT id) FROM lab_service.seen WHERE id LIKE 'healthy-%%' OR id = 'no-id'")
    wait_until(lambda: applied() == HEALTHY + 1, 60, "all healthy events applied")
    wanted = set(ids.values())
    found = lambda: {row["eventId"] for row in dead_of(host) if row["group"] == "lab-events"}
    wait_until(lambda: found() == wanted, 40, f"exactly the poison is dead, want {ids}")
    rows = {row["eventId"]: row for row in dead_of(host) if row["group"] == "lab-events"}
    expect_equal(len([r for r in dead_of(host) if r["group"] == "lab-events"]), len(ids), "each once")
    for name, event_id in ids.items():
        cause, attempts = CAUSES[name]
        row = rows[event_id]
        print(f"  {name}: {row['reason']} ({row['attempts']})")
        expect(row["reason"].startswith(cause + ":"), f"reason of {name}: {row['reason']}")
        expect_equal(row["attempts"], attempts, f"attempts of {name}")
    expect_equal(rows[ids["17 MB"]]["fullSize"], len(big_body()), "size of the oversized one")
    expect_equal(database.value("SELECT count(*) FROM lab_service.seen"), HEALTHY + 1, "healthy ones are applied once")
    expect(host.ends >= 4, f"the process was ended {host.ends} times by the event that aborts")
    expect_equal(queue_depth("lab-service.lab-events"), 0, "left in the queue")


def big_is_kept_with_its_digest(host, ids):
    import hashlib
    status, out, err = command(host, "dead", "show", ids["17 MB"], "--service", "lab-service")
    expect_equal(status, 0, f"weft dead show: {err}")
    shown = json.loads(out)
    expect_equal((shown["fullSha256"], shown["payloadSize"]), (hashlib.sha256(big_body()).hexdigest(), 4096), "what is kept")


def replay_applies_what_failed(host, database, ids):
    steps = lambda: database.rows("SELECT id, step FROM lab_service.steps ORDER BY place")
    wait_until(lambda: len([r for r in dead_of(host) if r["group"] == "lab-steps"]) == 2, 30, "the first steps are dead")
    expect_equal(steps(), [], "steps that were held")
    database.execute("INSERT INTO lab_service.healed VALUES ('yes')")
    expect_equal(command(host, "dead", "replay", "--service", "lab-service")[0], 2, "replay without a selector")
    status, out, _ = command(host, "dead", "replay", "--service", "lab-service", "--reason", "RETRY", "--dry-run", "--json")
    expect_equal((status, json.loads(out)["events"]), (0, 3), "what would be replayed")
    started = time.monotonic()
    status, out, err = command(host, "dead", "replay", "--service", "lab-service", "--reason", "RETRY", "--json")
    expect_equal((status, json.loads(out)["events"]), (0, 3), f"what was replayed {err}")
    expect('replayed 3 events of lab-service' in err, f"the audit line: {err}")
    expect_equal(command(host, "dead", "replay", "--service", "lab-service", ids["handler aborts"])[0], 0, "replay by id")
    wait_until(lambda: len(steps()) == 6, 10, "all steps made")
    wait_until(lambda: database.value("SELECT count(*) FROM lab_service.seen WHERE id LIKE 'fail%%' OR id LIKE 'abort%%'") == 2,
               10, "what failed is applied")
    print(f"  replayed and applied after {time.monotonic() - started:.1f} s")
    for key in ("left", "right"):
        expect_equal([step for found, step in steps() if found == key], [1, 2, 3], f"order of {key}")
    left = {row["eventId"] for row in dead_of(host)}
    expect_equal(left, set(ids.values()) - {ids["handler fails"], ids["handler aborts"]}, "still dead")


def the_rest_is_dropped(host):
    before = len(dead_of(host))
    status, out, _ = command(host, "dead", "drop", "--service", "lab-service", "--type", "lab.v1.NodeSeen", "--json")
    expect_equal((status, json.loads(out)["events"]), (0, before), "dropped")
    expect_equal(dead_of(host), [], "left")


def poison_hurts_nobody():
    need_servers()
    with clean_broker("lab-service.lab-events", "lab-service.lab-steps", "lab-events"), Postgres() as database, \
            folder() as path:
        with Supervised(path, "lab", ["lab-service"], three(database) | LAB) as host:
            ids = send_all(poison())
            poison_ends_in_dead_once(host, database, ids)
            big_is_kept_with_its_digest(host, ids)
            replay_applies_what_failed(host, database, ids)
            the_rest_is_dropped(host)
            host.done = True
            host.watcher.join(10)
            expect_equal(host.stop(), 0, "exit status")


scenario(poison_hurts_nobody)
