"""The chart as the checks see it: rendered by helm, one list of objects a set of values."""

import os, pathlib, shutil, subprocess, sys

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
CHART = ROOT / "deploy/helm/weft"
VALUES = {  # every set of values that the checks look at
    "no values": [],
    "development": ["-f", str(ROOT / "deploy/helm/values-dev.yaml")],
    "production": ["-f", str(ROOT / "deploy/helm/values-production.yaml")],
    "embedded store beside a real broker": ["--set", "rabbitmq.existingSecret=r,redis.existingSecret=c"],
}


def skip(why):
    print(f"SKIP deploy_{pathlib.Path(sys.argv[0]).stem}: {why}")
    sys.exit(77)


def tool(variable, name):
    found = os.environ.get(variable) or shutil.which(name)
    if not found:
        skip(f"no {name}: tests/deploy/tools.sh gets it, or set {variable}")
    return found


def helm(*arguments, check=True):
    return subprocess.run(
        [tool("WEFT_HELM", "helm"), *arguments], capture_output=True, text=True, check=check, timeout=120
    )


def render(values, *more):
    return helm("template", "rel", str(CHART), "--namespace", "space", *values, *more).stdout


def objects(text):
    return [document for document in yaml.safe_load_all(text) if document]
