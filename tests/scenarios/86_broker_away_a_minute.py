#!/usr/bin/python3
"""The broker is gone for 60 s under load: no write fails or waits for it, and afterwards everything arrives, in order per
user. WEFT_OUTAGE sets another number of seconds."""
import statistics
from weft_scenario import *

OUTAGE = int(os.environ.get("WEFT_OUTAGE", "60"))
BEFORE, THREADS, PAUSE = 8, 4, 0.02


class Writer:
    """One thread's users, created and renamed 1, 2, 3 ...; how long each CreateUser took, by phase."""

    def __init__(self, client):
        self.client, self.names, self.took = client, {}, {"before": [], "away": []}
        self.failed = []

    def turn(self, phase):
        import grpc
        try:
            started = time.monotonic()
            user = self.client.create_user(name="0").id
            if phase in self.took:
                self.took[phase].append(time.monotonic() - started)
            self.names[user] = 0
            for known in list(self.names)[-3:]:
                request = self.client.user_pb.UpdateUserRequest(id=known, name=str(self.names[known] + 1))
                self.client.users.UpdateUser(request, timeout=5)
                self.names[known] += 1
        except grpc.RpcError as error:
            self.failed.append(f"{phase}: {error.code().name} {error.details()}")


def p99(times):
    return statistics.quantiles(times, n=100)[98] * 1000


def writes_go_on_without_a_broker():
    need_servers()
    with clean_broker(), Postgres() as database, folder() as path, contextlib.ExitStack() as stack:
        start = lambda name: Weft(path, name, [f"{name}-service"], three(database) | QUEUE_SETTLES)
        users, orders = (stack.enter_context(start(name)).start() for name in ("user", "order"))
        note_applied(database)
        client, phase = Client(users.address, orders.address), ["warm"]
        writers = [Writer(client) for _ in range(THREADS)]

        def work(number):
            writers[number].turn(phase[0])
            time.sleep(PAUSE)
        load = Load(work, THREADS).start()
        time.sleep(2)
        phase[0] = "before"
        time.sleep(BEFORE)
        server("kill", "rabbit")
        phase[0] = "away"
        time.sleep(OUTAGE)
        phase[0] = "back"
        server("up", "rabbit")
        time.sleep(2)
        load.stop()

        before, away = (p99(sum((w.took[p] for w in writers), [])) for p in ("before", "away"))
        names = {user: last for writer in writers for user, last in writer.names.items()}
        print(f"CreateUser p99 {before:.1f} ms before, {away:.1f} ms without broker, over {sum(len(w.took['away']) for w in writers)} calls")
        failed = sum((writer.failed for writer in writers), [])
        expect(not failed, f"{len(failed)} writes failed, for example {failed[:3]}")
        expect(away < max(5 * before, 100), f"p99 without broker is {away:.1f} ms, {before:.1f} ms before")
        expect(away < 1000, f"p99 without broker is {away:.1f} ms: somebody waits for it")

        wait_until(lambda: database.value("SELECT count(*) FROM user_service.weft_outbox") == 0, 60, "the outbox is empty")
        latest = lambda: dict(database.rows("SELECT id::text, name FROM order_service.customers"))
        wanted = {user: str(last) for user, last in names.items()}
        wait_until(lambda: latest() == wanted, 60, f"{len(wanted)} customers with their latest names")
        for user, applied in applied_names(database).items():
            expect_equal(applied, list(range(names[user] + 1)), f"changes of user {user}")
        client.close()
        for weft in (users, orders):
            expect_equal(weft.stop(), 0, f"exit status of {weft.name}")


scenario(writes_go_on_without_a_broker)
