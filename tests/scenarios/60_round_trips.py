#!/usr/bin/python3
"""CreateUser is one round trip to PostgreSQL, and makes no cache and no broker call; with every worker waiting on a locked
table, health still answers."""
import urllib.parse
from concurrent.futures import ThreadPoolExecutor
from proxy import Proxy
from weft_scenario import *


def through(stack, url):
    """A proxy before the server of the URL, and the URL that goes through it."""
    parts = urllib.parse.urlsplit(url)
    proxy = stack.enter_context(Proxy(parts.hostname, parts.port))
    return proxy, url.replace(f":{parts.port}", f":{proxy.port}")


def health(channel):
    """grpc.health.v1 Check without generated code: an empty request, field 1 of the answer is 1 when SERVING."""
    call = channel.unary_unary("/grpc.health.v1.Health/Check", request_serializer=bytes, response_deserializer=bytes)
    return call(b"", timeout=2)


def create_user_is_one_round_trip():
    need_servers()
    with clean_broker(), Postgres() as database, folder() as path, contextlib.ExitStack() as stack:
        postgres, database_url = through(stack, database.url)
        redis, redis_url = through(stack, os.environ["REDIS_URL"])
        rabbit, rabbit_url = through(stack, os.environ["RABBITMQ_URI"])
        environment = {"RABBITMQ_URI": rabbit_url, "REDIS_URL": redis_url, "DATABASE_URL": database_url}
        weft = stack.enter_context(Weft(path, "user", ["user-service"], environment)).start()
        client = Client(weft.address)

        for in_flight, calls in ((1, 200), (50, 2000)):
            with ThreadPoolExecutor(in_flight) as pool:
                list(pool.map(lambda _: client.create_user(), range(max(100, in_flight * 4))))  # warm-up: connect, prepare
                before, cache_before = postgres.turns("/request"), redis.bytes()
                list(pool.map(lambda _: client.create_user(), range(calls)))
            turns = postgres.turns("/request") - before
            print(f"{calls} CreateUser, {in_flight} in flight: {turns} round trips; connections: {postgres.names()}")
            what = f"round trips of {calls} CreateUser, {in_flight} in flight"
            if in_flight == 1:
                expect_equal(turns, calls, what)
            else:  # what comes together is committed together
                expect(0 < turns <= calls, f"{what}: {turns}, want at most one a call")
            expect_equal(redis.bytes() - cache_before, 0, "bytes sent to the cache")

        rabbit.silent = True  # a broker that does not answer is not noticed by a request
        started = time.monotonic()
        for _ in range(50):
            client.create_user(timeout=2)
        print(f"50 CreateUser with a silent broker: {time.monotonic() - started:.2f} s")

        with contextlib.closing(database.connect()) as lock, lock.cursor() as cursor:
            cursor.execute("LOCK TABLE user_service.users IN ACCESS EXCLUSIVE MODE")
            waiting = [client.users.CreateUser.future(client.user_pb.CreateUserRequest(email=f"{uuid.uuid4()}@x.org", name="w"),
                                                      timeout=20) for _ in range(200)]
            time.sleep(1)
            started = time.monotonic()
            expect_equal(health(client.channels[0]), b"\x08\x01", "health while all workers wait: SERVING")
            took = time.monotonic() - started
            expect(took < 1, f"health took {took:.2f} s")
            expect_equal(weft.http("/livez")[0], 200, "/livez while all workers wait")
            lock.rollback()
        codes = [call.code().name for call in waiting]
        expect(set(codes) <= {"OK", "RESOURCE_EXHAUSTED"}, f"how the waiting calls ended: {sorted(set(codes))}")
        expect(codes.count("OK") > 0, "calls that waited are answered once the lock is gone")
        client.close()
        weft.kill()


scenario(create_user_is_one_round_trip)
