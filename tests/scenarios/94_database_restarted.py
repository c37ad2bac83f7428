#!/usr/bin/python3
"""PostgreSQL killed and started again under load: UNAVAILABLE meanwhile, healed within five seconds, nothing lost."""
import grpc
from weft_scenario import *

ALLOWED = {"OK", "UNAVAILABLE"}


def the_service_heals_by_itself():
    need_servers()
    with Postgres() as database, folder() as path:
        with Weft(path, "weft", ("user-service",), {"DATABASE_URL": database.url}) as weft:
            weft.start()
            client, seen, created = Client(weft.address), set(), []

            def work(number):
                try:
                    created.append(client.create_user().id)
                    seen.add("OK")
                except grpc.RpcError as error:
                    seen.add(error.code().name)
                    raise
                return True

            load = Load(work).start()
            wait_until(lambda: len(created) > 100, 20, "users are created")
            server("kill", "pg")
            wait_until(lambda: "UNAVAILABLE" in seen, 10, "calls are told UNAVAILABLE")
            server("up", "pg")
            wait_until(lambda: database.value("SELECT 1") == 1, 20, "the database answers")
            back, before = time.monotonic(), len(created)
            wait_until(lambda: len(created) > before + 50, 5, "users are created again")
            print(f"  healed {time.monotonic() - back:.2f} s after the database answered")
            load.stop()
            expect(seen <= ALLOWED, f"statuses {sorted(seen)}, want {sorted(ALLOWED)} only")
            kept = set(database.column("SELECT id::text FROM user_service.users"))
            expect(not set(created) - kept, f"{len(set(created) - kept)} acknowledged users are gone")
            client.close()
            expect_equal(weft.stop(), 0, "exit status after SIGTERM")


scenario(the_service_heals_by_itself)
