#!/usr/bin/python3
"""What poison costs: events a second that the lab service handles, healthy ones alone and with 1 % that always fail, after
a look into the store: the dear case, in which the transaction of the batch is lost with the event.

    eval "$(tools/dev/services.sh up DIR)"; WEFT_BUILD=build/release bench/poison.py [ROUNDS [EVENTS]]

Each round fills the queue while the group is paused, then measures from the start of the host to the last healthy event in
the store; the two kinds take turns. Prints medians and their ratio as JSON."""
import pathlib, statistics, sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tests" / "scenarios"))
from weft_scenario import *
from poison import *

PAUSED = {"WEFT_SERVICES_LAB_SERVICE_GROUPS_LAB_EVENTS_PAUSED": "true"}


def fill(events, every):
    with contextlib.closing(pika_connection()) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        for number in range(events):
            publish(channel, node_seen(f"healthy-{number}"))
            if every and number % every == 0:
                publish(channel, node_seen(f"fail-{number}"))


def rate(events, every):
    """Healthy events a second."""
    with clean_broker("lab-service.lab-events", "lab-service.lab-steps", "lab-events"), Postgres() as database, \
            folder() as path:
        environment = three(database) | LAB | {"WEFT_LOG_LEVEL": "error"}
        with Weft(path, "declares", ["lab-service"], environment | PAUSED) as host:
            host.start()
            fill(events, every)
            host.stop()
        with Weft(path, "handles", ["lab-service"], environment) as host:
            host.start()
            started = time.monotonic()
            wait_until(lambda: database.value("SELECT count(*) FROM lab_service.seen") == events, 120, "all handled")
            took = time.monotonic() - started
            if every:
                wait_until(lambda: database.value("SELECT count(*) FROM lab_service.weft_failed_event WHERE state = 'dead'")
                           == (events + every - 1) // every, 60, "all poison is dead")
            host.stop()
        return events / took


def main():
    need_servers()
    rounds, events = (int(word) for word in (sys.argv[1:] + ["3", "20000"][len(sys.argv) - 1:]))
    rates = {"healthy": [], "one_percent": []}
    for _ in range(rounds):
        rates["healthy"].append(rate(events, 0))
        rates["one_percent"].append(rate(events, 100))
    medians = {name: round(statistics.median(values)) for name, values in rates.items()}
    print(json.dumps(medians | {"ratio": round(medians["one_percent"] / medians["healthy"], 2), "rounds": rounds}))


main()
