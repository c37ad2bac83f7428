#!/usr/bin/python3
"""A plugin crashes, in a call and in a thread of its own: the last line of the log says which plugin it was, and with a good
one everything that was acknowledged is there."""
import re, sqlite3
from weft_scenario import *

CRASHING = BUILD / "tests" / "cache-crashing.so"


def build_id(file):
    """As readelf prints it."""
    notes = subprocess.run(["readelf", "-n", str(file)], check=True, capture_output=True, text=True).stdout
    return re.search(r"Build ID: ([0-9a-f]+)", notes).group(1)


def plugins_with_the_crashing_one(path):
    plugins = path / "plugins"
    shutil.copytree(BUILD / "lib" / "weft" / "plugins-1", plugins)
    shutil.copy(CRASHING, plugins)
    return plugins


def crashes(path, place):
    """A host dies of the plugin under load; which users it acknowledged."""
    environment = {"WEFT_PLUGIN_DIR": str(path / "plugins"), "WEFT_CACHE": f"crashing:?after=300&place={place}"}
    with Weft(path, f"crash-in-{place}", environment=environment) as weft:
        weft.start()
        client, known = Client(weft.address), []

        def work(_):
            user = client.create_user().id
            known.append(user)
            client.users.GetUser(client.user_pb.GetUserRequest(id=user), timeout=5)
        load = Load(work, 4).start()
        wait_until(lambda: weft.process.poll() is not None, 30, "the host dies")
        load.stop()
        client.close()
        expect_equal(weft.process.returncode, -signal.SIGSEGV, "what the host died of")
        last = weft.log_lines()[-1]
        expect_equal({name: last.get(name) for name in ("context", "message", "plugin", "version", "buildId")},
                     {"context": "crash", "message": "SIGSEGV in plugin crashing", "plugin": "crashing", "version": "6.6.6",
                      "buildId": build_id(CRASHING)}, "the last line of the log")
        return known


def a_crash_is_attributed_and_loses_nothing():
    if not CRASHING.exists():
        skip(f"{CRASHING} is not built")
    with folder() as path:
        plugins_with_the_crashing_one(path)
        acknowledged = set(crashes(path, "call") + crashes(path, "thread"))
        expect(len(acknowledged) > 100, f"void: only {len(acknowledged)} users acknowledged before the crashes")
        with Weft(path, "good") as weft:
            weft.start()
            client = Client(weft.address)
            for user in list(acknowledged)[:20]:
                expect_equal(client.users.GetUser(client.user_pb.GetUserRequest(id=user), timeout=5).user.id, user, "user")
            wait_until(lambda: not acknowledged - customers(path), 30, "every acknowledged user is a customer")
            client.close()
            expect_equal(weft.stop(), 0, "exit status after SIGTERM")


def customers(path):
    with contextlib.closing(sqlite3.connect(path / "data" / "order-service.db", timeout=5)) as db:
        return {row[0] for row in db.execute("SELECT id FROM customers")}


scenario(a_crash_is_attributed_and_loses_nothing)
