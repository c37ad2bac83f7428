#!/usr/bin/python3
"""kill -9 of the embedded whole while hundreds of acknowledged users wait in the outbox: all become customers."""
import sqlite3
from weft_scenario import *

USERS = 600


def count(path, service, sql):
    with contextlib.closing(sqlite3.connect(path / "data" / f"{service}.db", timeout=5)) as db:
        return db.execute(sql).fetchone()[0]


def acknowledged_users_survive_kill_9():
    with folder() as path, Weft(path, "weft") as weft:
        held = "WEFT_SERVICES_ORDER_SERVICE_GROUPS_USER_EVENTS_PAUSED"
        weft.environment[held] = "true"
        weft.start()
        client = Client(weft.address)
        load = Load(lambda n: client.create_user().id).start()
        wait_until(lambda: len(load.done) >= USERS, 60, f"{USERS} users acknowledged")
        weft.kill()
        acknowledged = load.stop()
        client.close()
        waiting = len(acknowledged) - count(path, "order-service", "SELECT count(*) FROM customers")
        expect(waiting >= 500, f"void: only {waiting} acknowledged users were not yet customers at the kill, want 500")

        del weft.environment[held]
        weft.start()
        users = count(path, "user-service", "SELECT count(*) FROM users")
        expect(users >= len(acknowledged), f"{users} users kept of {len(acknowledged)} acknowledged")
        wait_until(lambda: count(path, "order-service", "SELECT count(*) FROM customers") >= users, 60, "all are customers")
        with contextlib.closing(sqlite3.connect(path / "data" / "order-service.db", timeout=5)) as db:
            customers = {row[0] for row in db.execute("SELECT id FROM customers")}
        expect(not set(acknowledged) - customers, "every acknowledged user is a customer")
        expect_equal(len(customers), users, "customers for users")
        wait_until(lambda: count(path, "user-service", "SELECT count(*) FROM weft_outbox") == 0, 10, "the outbox is empty")
        expect_equal(weft.stop(), 0, "exit status after SIGTERM")


scenario(acknowledged_users_survive_kill_9)
