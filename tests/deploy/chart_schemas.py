#!/usr/bin/python3
"""The rendered chart against Kubernetes' own schemas, by kubeconform -strict. The schemas are those of the PyPI package
kubernetes-validate, whose references are made relative first. Custom resources (KEDA, the Prometheus
operator) have no schema there and are skipped by name."""

import os, pathlib, subprocess, sys, tempfile

from chart import VALUES, render, skip, tool

VERSIONS = ("1.27.0", "1.34.0")  # the oldest that the chart is for, and a new one
FOREIGN = "ServiceMonitor,PrometheusRule,ScaledObject,TriggerAuthentication"


def schemas_copy(source, target):
    target.mkdir()
    for file in source.glob("*.json"):
        text = file.read_text().replace('"$id"', '"$comment"').replace('"/api/_definitions.json', '"_definitions.json')
        (target / file.name).write_text(text)


def main():
    kubeconform = tool("WEFT_KUBECONFORM", "kubeconform")
    schemas = os.environ.get("WEFT_KUBERNETES_SCHEMAS")
    if not schemas:
        skip("no schemas: tests/deploy/tools.sh gets them, or set WEFT_KUBERNETES_SCHEMAS")
    failed = False
    with tempfile.TemporaryDirectory(prefix="weft-schemas-") as folder:
        for version in VERSIONS:
            schemas_copy(pathlib.Path(schemas) / f"v{version}-local-strict", pathlib.Path(folder) / version)
            place = f"{folder}/{version}/{{{{.ResourceKind}}}}{{{{.KindSuffix}}}}.json"
            everything = "\n---\n".join(render(values, "--kube-version", version) for values in VALUES.values())
            done = subprocess.run(
                [kubeconform, "-strict", "-summary", "-skip", FOREIGN, "-schema-location", place, "-"],
                input=everything,
                capture_output=True,
                text=True,
                timeout=300,
            )
            print(f"{version}: {done.stdout.strip()}{done.stderr.strip()}")
            failed |= done.returncode != 0
    sys.exit(1 if failed else 0)


main()
