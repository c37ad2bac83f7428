#!/usr/bin/python3
"""The chart's values and their schema tell of the same things: each value is described, nothing else is allowed. Alerts
and dashboard are the ones of deploy/, and ask for metrics that there are. Needs no helm."""

import json, pathlib, re, sys

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
CHART = ROOT / "deploy/helm/weft"


def undescribed(schema, path=""):
    if not schema.get("description"):
        yield f"{path or 'values'}: no description"
    if "properties" in schema and schema.get("additionalProperties") is not False:
        yield f"{path}: other properties are allowed"
    inner = {**schema.get("properties", {}), **schema.get("patternProperties", {})}
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), dict):
            inner[f"({key})"] = schema[key]
    for key, value in inner.items():
        yield from undescribed(value, f"{path}.{key}".lstrip("."))


def unexplained(value, schema, path=""):
    """Values that the schema does not know, and those that it knows and values.yaml does not show."""
    if not isinstance(value, dict) or "properties" not in schema:
        return
    for key in value.keys() - schema["properties"].keys():
        yield f"{path}.{key}: in a values file, but not in the schema"
    for key, inner in schema["properties"].items():
        if key in value:
            yield from unexplained(value[key], inner, f"{path}.{key}")


def unmeasured(page):
    """Metrics that a page of alerts or panels asks for, and docs/metrics.md does not have."""
    text, inside = page.read_text(), CHART / "files" / page.name
    if inside.read_text() != text:
        yield f"{page.name}: the chart has another; its files/{page.name} is to be a link"
    known = set(re.findall(r"^\| `(\w+)` \|", (ROOT / "docs/metrics.md").read_text(), re.M))
    for name in sorted(set(re.findall(r"\b((?:weft|process)_[a-z_]+)\b", text))):
        if re.sub("_(bucket|sum|count)$", "", name) not in known:
            yield f"{page.name}: asks for {name}, which docs/metrics.md does not have"


def main():
    schema = json.loads((CHART / "values.schema.json").read_text())
    found = list(undescribed(schema))
    for file in (CHART / "values.yaml", *sorted((ROOT / "deploy/helm").glob("values-*.yaml"))):
        found += [f"{file.name}{what}" for what in unexplained(yaml.safe_load(file.read_text()), schema)]
    known = yaml.safe_load((CHART / "values.yaml").read_text())
    found += [
        f"{key}: in the schema, but not in values.yaml"
        for key in schema["properties"].keys() - known.keys() - {"global"}
    ]
    for page in ("prometheus/weft-rules.yaml", "grafana/weft-dashboard.json"):
        found += unmeasured(ROOT / "deploy" / page)
    print("\n".join(found) or "values and schema agree")
    sys.exit(1 if found else 0)


main()
