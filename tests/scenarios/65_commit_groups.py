#!/usr/bin/python3
"""Fifty callers whose transactions are committed together: one in twenty violates a constraint, all race for one row, one
waits for a lock that somebody else holds. Every answer is the caller's own, and each user that was answered has its event."""
from concurrent.futures import ThreadPoolExecutor
from weft_scenario import *

CALLERS, CALLS, RACES = 50, 40, 20


def everyone_gets_an_answer_of_their_own():
    need_servers()
    with clean_broker(), Postgres() as database, folder() as path, contextlib.ExitStack() as stack:
        weft = stack.enter_context(Weft(path, "both", environment=three(database))).start()
        client = Client(weft.address)
        pool = stack.enter_context(ThreadPoolExecutor(CALLERS))
        create = lambda email, timeout=20: status_of(client.create_user, email=email, timeout=timeout)
        expect_equal(create("taken@x.org"), "OK", "the first user")

        def calls(caller):
            """(want, found) of each call: one in twenty wants an email that is taken."""
            answers = []
            for number in range(CALLS):
                taken = (caller + number) % 20 == 0
                email = "taken@x.org" if taken else f"{caller}-{number}@x.org"
                answers.append(("ALREADY_EXISTS" if taken else "OK", create(email)))
            return answers
        answers = [answer for caller in pool.map(calls, range(CALLERS)) for answer in caller]
        expect_equal([answer for answer in answers if answer[0] != answer[1]], [], "answers that are another's")
        created = 1 + sum(want == "OK" for want, _ in answers)
        expect_equal(database.value("SELECT count(*) FROM user_service.users"), created, "users")

        for race in range(RACES):  # one row, fifty writers: one wins, each of the others is told
            codes = list(pool.map(lambda _: create(f"race-{race}@x.org"), range(CALLERS)))
            expect_equal((codes.count("OK"), codes.count("ALREADY_EXISTS")), (1, CALLERS - 1), f"race {race}: {set(codes)}")
        created += RACES

        with contextlib.closing(database.connect()) as other, other.cursor() as cursor:
            cursor.execute("INSERT INTO user_service.users (id, email, name, created_at)"
                           " VALUES (gen_random_uuid(), 'locked@x.org', 'x', now()), (gen_random_uuid(), 'late@x.org', 'x', now())")
            waiting, late = pool.submit(create, "locked@x.org"), pool.submit(create, "late@x.org", 1)
            started = time.monotonic()
            codes = list(pool.map(lambda n: create(f"beside-{n}@x.org", 5), range(500)))
            print(f"500 calls beside a foreign lock: {time.monotonic() - started:.2f} s")
            expect_equal(set(codes), {"OK"}, "calls beside one that waits for a lock")
            expect(late.result(10) in ("DEADLINE_EXCEEDED", "UNAVAILABLE"), f"the call whose time ran out: {late.result()}")
            wait_until(lambda: database.value("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'") == 1, 10,
                       "the store gives up for the call whose time ran out")
            expect(not waiting.done(), "the call with more time waits on")
            other.rollback()
            expect_equal(waiting.result(20), "OK", "the call that waited, once the lock is gone")
        created += 501
        expect_equal(database.value("SELECT count(*) FROM user_service.users WHERE email = 'late@x.org'"), 0, "late users")
        expect_equal(database.value("SELECT count(*) FROM user_service.users"), created, "users")
        wait_until(lambda: database.value("SELECT count(*) FROM order_service.customers") == created, 60,
                   "each user has become a customer: its event was committed with it")
        expect_equal(database.value("SELECT count(*) FROM order_service.weft_inbox"), created, "events")
        client.close()
        expect_equal(weft.stop(), 0, "exit status")


scenario(everyone_gets_an_answer_of_their_own)
