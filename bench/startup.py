#!/usr/bin/python3
"""How long until ready, and how much memory at rest: one service process on embedded defaults.

    bench/startup.py [RUNS]       prints the median of exec-to-ready (readyz polled every 2 ms) and the resident memory
"""
import pathlib, statistics, sys, time, urllib.error, urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tests" / "scenarios"))
from weft_scenario import Weft, folder


def ready(weft):
    try:
        return weft.http("/readyz")[0] == 200
    except (urllib.error.URLError, ConnectionError):
        return False


def measure(service):
    with folder() as path, Weft(path, service, [service]) as weft:
        started = time.monotonic()
        weft.start(ready=0)
        while not ready(weft):
            time.sleep(0.002)
        took = (time.monotonic() - started) * 1000
        time.sleep(1)
        memory = weft.rss_mib()
        weft.stop()
        return took, memory


runs = int(sys.argv[1]) if len(sys.argv) > 1 else 5
for service in ("user-service", "order-service"):
    found = [measure(service) for _ in range(runs)]
    print(f"{service}: ready in {statistics.median(t for t, _ in found):.0f} ms, "
          f"resident {statistics.median(m for _, m in found):.1f} MiB (medians of {runs})")
