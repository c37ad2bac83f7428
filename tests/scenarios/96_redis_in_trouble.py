#!/usr/bin/python3
"""Redis frozen, killed, flushed and filled with garbage under load: every read is right, only slower."""
import random
from weft_scenario import *

USERS, TIMEOUT = 40, 0.2  # cache_timeout is 200 ms
STORE = 0.6  # for the read of the store, on a machine that does other things as well


class Readers:
    """Threads that read and rename users of their own and compare with what they last wrote."""

    def __init__(self, client, users):
        self.client, self.users, self.wrong, self.times = client, users, [], []
        self.load = Load(self.work, threads=6)

    def work(self, number):
        user = random.choice(self.users[number::6])
        if random.random() < 0.1:
            user["name"] = uuid.uuid4().hex
            self.client.users.UpdateUser(self.client.user_pb.UpdateUserRequest(id=user["id"], name=user["name"]), timeout=5)
        began = time.monotonic()
        found = self.client.users.GetUser(self.client.user_pb.GetUserRequest(id=user["id"]), timeout=5).user.name
        self.times.append(time.monotonic() - began)
        if found != user["name"]:
            self.wrong.append((found, user["name"]))
        return True

    def p99(self):
        times, self.times = sorted(self.times), []
        expect(len(times) >= 100, f"void: only {len(times)} reads")
        return times[len(times) * 99 // 100]


def phase(readers, name, seconds):
    readers.times = []
    time.sleep(seconds)  # the load of this phase
    found = readers.p99()
    print(f"  {name}: p99 {found * 1000:.1f} ms")
    expect(found <= TIMEOUT + STORE, f"{name}: p99 of GetUser is {found:.3f} s")
    expect(not readers.wrong, f"{name}: read and wanted {readers.wrong[:3]}")
    expect_equal(readers.load.errors, 0, f"{name}: calls that failed")


def garbage(redis):
    keys = redis.run("KEYS", "user:profile:*")
    other = redis.run("GET", keys[0])
    for n, key in enumerate(keys):
        value = redis.run("GET", key) or b""
        redis.run("SET", key, [b"\xff\x00garbage", b"", value[:len(value) // 2], other + b"x", b"\x0a\x7f" * 3000000][n % 5])
    return len(keys)


def reads_stay_right_whatever_becomes_of_redis():
    with folder() as path, Redis(path) as redis, Weft(path, "weft", ("user-service",), {"REDIS_URL": redis.url}) as weft:
        weft.start()
        client = Client(weft.address)
        users = [{"id": client.create_user(name="Ann").id, "name": "Ann"} for _ in range(USERS)]
        readers = Readers(client, users)
        readers.load.start()
        wait_until(lambda: len(readers.times) > 200, 20, "the load runs")
        phase(readers, "healthy", 1)
        redis.signal(signal.SIGSTOP)
        phase(readers, "frozen", 3)
        redis.signal(signal.SIGCONT)
        phase(readers, "thawed", 2)
        redis.kill()
        phase(readers, "killed", 2)
        redis.start()
        phase(readers, "back, empty", 2)
        wait_until(lambda: len(redis.run("KEYS", "user:profile:*")) > 5, 10, "profiles are cached again")
        redis.run("FLUSHALL")
        phase(readers, "flushed", 1)
        wait_until(lambda: len(redis.run("KEYS", "user:profile:*")) > 5, 10, "profiles are cached again")
        expect(garbage(redis) > 5, "void: nothing was damaged")
        phase(readers, "garbage", 2)
        readers.load.stop()
        client.close()
        expect_equal(weft.stop(), 0, "exit status after SIGTERM")


scenario(reads_stay_right_whatever_becomes_of_redis)
