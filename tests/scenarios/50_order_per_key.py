#!/usr/bin/python3
"""Two instances of each service, 200 users x 50 updates, one instance of each killed midway: per user, changes are applied
in commit order, as a trigger on the customers table records it."""
from weft_scenario import *

USERS, UPDATES, THREADS = 200, 50, 10


def changes_of_a_user_are_applied_in_commit_order():
    need_servers()
    with clean_broker(), Postgres() as database, folder() as path, contextlib.ExitStack() as stack:
        start = lambda name, service: stack.enter_context(Weft(path, name, [service], three(database))).start()
        users = [start("user-1", "user-service"), start("user-2", "user-service")]
        orders = [start("order-1", "order-service"), start("order-2", "order-service")]
        note_applied(database)
        clients = [Client(weft.address, orders[0].address) for weft in users]
        ids = [clients[0].create_user(name="0").id for _ in range(USERS)]

        def update(thread):
            """Each thread owns its users: so the order in which it was answered is the commit order."""
            import grpc
            for number in range(1, UPDATES + 1):
                for at, user in enumerate(ids[thread::THREADS]):
                    request = clients[0].user_pb.UpdateUserRequest(id=user, name=str(number))
                    for attempt in range(200):
                        try:
                            clients[(at + attempt) % 2].users.UpdateUser(request, timeout=3)
                            break
                        except grpc.RpcError:
                            time.sleep(0.05)
                    else:
                        return
        threads = [threading.Thread(target=update, args=(n,)) for n in range(THREADS)]
        for thread in threads:
            thread.start()
        half = USERS * UPDATES // 2
        wait_until(lambda: database.value("SELECT count(*) FROM order_service.applied") > half, 180, "half of the changes")
        orders[0].kill()
        users[1].kill()
        for thread in threads:
            thread.join(240)
        expect(not any(thread.is_alive() for thread in threads), "all updates answered")

        final = "SELECT count(*) FROM order_service.customers WHERE name = %s"
        wait_until(lambda: database.value(final, str(UPDATES)) == USERS, 60, "all customers have the last name")
        wait_until(lambda: database.value("SELECT count(*) FROM user_service.weft_outbox") == 0, 30, "outbox empty")
        applied = applied_names(database)
        expect_equal(len(applied), USERS, "users with changes")
        for user, names in applied.items():
            # A call whose answer was lost in the kill is repeated by the client: the same name twice in a row is two commits.
            expect(names == sorted(names), f"user {user} was changed in the order {names}")
            expect_equal(sorted(set(names)), list(range(UPDATES + 1)), f"changes of {user}")
        for client in clients:
            client.close()


scenario(changes_of_a_user_are_applied_in_commit_order)
