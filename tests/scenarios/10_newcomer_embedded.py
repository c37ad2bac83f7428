#!/usr/bin/python3
"""A newcomer, with nothing installed but weft: a created user crosses to the other service, and may order."""
from weft_scenario import *


def newcomer_creates_a_user_who_then_orders():
    with folder() as path, Weft(path, "weft") as weft:
        weft.start()
        client = Client(weft.address)
        user = client.create_user("ann@example.com", "Ann Ä")
        expect(user.id and user.created_at_ms > 0, f"user has id and time: {user}")
        order = wait_until(lambda: client.place_order(user.id), 10, "order-service knows the user")
        expect_equal(order.amount, 1250, "amount of the order")

        def counted():
            return client.users.GetUser(client.user_pb.GetUserRequest(id=user.id), timeout=2).user.email == "ann@example.com"
        expect(counted(), "GetUser gives the user")
        expect_equal(status_of(client.create_user, "ann@example.com"), "ALREADY_EXISTS", "same email again")
        expect_equal(status_of(client.users.GetUser, client.user_pb.GetUserRequest(id=ZERO_ID)), "NOT_FOUND", "unknown id")
        listed = client.orders.ListOrders(client.order_pb.ListOrdersRequest(user_id=user.id)).orders
        expect_equal([o.id for o in listed], [order.id], "orders of the user")

        answer = subprocess.run([str(WEFT), "call", weft.address, "user.v1.UserService/CreateUser",
                                 '{"email":"bob@example.com","name":"Bob"}'], capture_output=True, text=True, timeout=20)
        expect_equal(answer.returncode, 0, f"weft call: {answer.stdout}{answer.stderr}")
        expect_equal(json.loads(answer.stdout)["user"]["email"], "bob@example.com", "weft call prints the answer as JSON")

        expect_equal(weft.http("/livez")[0], 200, "/livez")
        client.close()
        expect_equal(weft.stop(), 0, "exit status after SIGTERM")
        weft.log_lines()


scenario(newcomer_creates_a_user_who_then_orders)
