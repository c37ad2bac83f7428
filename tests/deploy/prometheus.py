#!/usr/bin/python3
"""deploy/prometheus with promtool: the rules parse, each alert fires when it should and not else, they speak of metrics that
there are, and what /metrics of a host says is the text format without a complaint."""
import os, pathlib, re, shutil, subprocess, sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/scenarios"))
from weft_scenario import *

RULES = ROOT / "deploy/prometheus"


def promtool(tool, *arguments, **named):
    found = subprocess.run([tool, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=RULES, **named)
    expect(found.returncode == 0, f"promtool {' '.join(arguments)}:\n{found.stdout}")


def metrics_text():
    with folder() as path, Weft(path, "host").start() as weft:
        client = Client(weft.address)
        user = client.create_user()
        wait_until(lambda: "result=\"handled\"} 1" in weft.http("/metrics")[1], 10, "the event is counted as handled")
        client.place_order(user.id)
        text = weft.http("/metrics")[1]
        client.close()
        weft.stop()
    return text


def rules_and_metrics_are_what_prometheus_takes():
    tool = os.environ.get("WEFT_PROMTOOL") or shutil.which("promtool")
    if not tool:
        skip("no promtool (Debian's package prometheus has it; tests/deploy/tools.sh gets it)")
    promtool(tool, "check", "rules", "weft-rules.yaml")
    promtool(tool, "test", "rules", "weft-rules-test.yaml")
    text = metrics_text()
    promtool(tool, "check", "metrics", input=text)
    known = set(re.findall(r"^# TYPE (\S+)", text, re.MULTILINE))
    used = set(re.findall(r"\bweft_[a-z_]+", (RULES / "weft-rules.yaml").read_text()))
    expect(used and used <= known, f"alerts speak of metrics that there are not: {used - known}")


scenario(rules_and_metrics_are_what_prometheus_takes)
