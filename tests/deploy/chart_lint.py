#!/usr/bin/python3
"""helm lint --strict and helm package: for every set of values the chart is one that helm takes."""

import sys, tempfile

from chart import CHART, VALUES, helm

found = []
for label, values in VALUES.items():
    done = helm("lint", "--strict", str(CHART), *values, check=False)
    if done.returncode != 0:
        found.append(f"{label}: {done.stdout}{done.stderr}")
with tempfile.TemporaryDirectory(prefix="weft-chart-") as folder:
    done = helm("package", str(CHART), "--destination", folder, check=False)
    if done.returncode != 0:
        found.append(done.stderr)
print("\n".join(found) or "helm takes the chart")
sys.exit(1 if found else 0)
