#!/usr/bin/python3
"""Sessions in Redis: they expire, reading one moves its end on, two instances share them; Redis away is UNAVAILABLE and no
missing session; no log line holds an id."""
import urllib.parse
from proxy import Proxy
from weft_scenario import *


def sessions_live_in_redis():
    need_servers()
    with clean_broker(), Postgres() as database, folder() as path, contextlib.ExitStack() as stack:
        redis, away = urllib.parse.urlsplit(os.environ["REDIS_URL"]), free_port()
        environment = three(database) | {"REDIS_URL": os.environ["REDIS_URL"].replace(f":{redis.port}", f":{away}")}
        opened = []
        with Proxy(redis.hostname, redis.port, listen=away):
            one, two = [stack.enter_context(Weft(path, name, ["user-service"], environment)).start() for name in ("one", "two")]
            clients = [Client(weft.address) for weft in (one, two)]
            user = clients[0].create_user()

            def create(ttl):
                request = clients[0].session_pb.CreateSessionRequest(user_id=user.id, ttl_seconds=ttl)
                session = clients[0].sessions.CreateSession(request, timeout=5).session
                opened.append(session.id)
                return session

            def get(session, client=0):
                request = clients[client].session_pb.GetSessionRequest(id=session.id)
                return status_of(clients[client].sessions.GetSession, request, timeout=5)

            # Expiry, and reading as what puts it off.
            read, unread = create(2), create(2)
            began = time.monotonic()
            while time.monotonic() < began + 3:
                expect_equal(get(read), "OK", "a session that is read all the time, also after its first ttl")
                time.sleep(0.1)
            expect_equal(get(unread), "NOT_FOUND", "a session that nobody read for longer than its ttl")
            wait_until(lambda: time.sleep(2.2) or get(read) == "NOT_FOUND", 5, "the other one expires as well")

            # Another instance knows it, and forgets it.
            shared = create(60)
            expect_equal(get(shared, 1), "OK", "a session on the other instance")
            delete = clients[1].session_pb.DeleteSessionRequest(id=shared.id)
            clients[1].sessions.DeleteSession(delete, timeout=5)
            expect_equal(get(shared), "NOT_FOUND", "a session that was deleted on the other instance")
            kept = create(60)

        expect_equal(get(kept), "UNAVAILABLE", "a session while Redis is away")
        request = clients[0].session_pb.CreateSessionRequest(user_id=user.id)
        expect_equal(status_of(clients[0].sessions.CreateSession, request, timeout=5), "UNAVAILABLE", "a new one meanwhile")
        with Proxy(redis.hostname, redis.port, listen=away):
            wait_until(lambda: get(kept) == "OK", 10, "the session is there again once Redis is")
        for client in clients:
            client.close()
        for weft in (one, two):
            expect_equal(weft.stop(), 0, f"exit status of {weft.name}")
            log = weft.log.read_text()
            expect(not [session for session in opened if session[:32] in log], f"{weft.name} logs a session's id")
            expect("GetSession" in log, f"{weft.name} logs calls")


scenario(sessions_live_in_redis)
