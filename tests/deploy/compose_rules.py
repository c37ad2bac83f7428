#!/usr/bin/python3
"""What holds for every service of deploy/compose.yaml. With `schema`: the file against the Compose specification."""

import os, pathlib, re, shutil, subprocess, sys, tempfile

import yaml

FILE = pathlib.Path(__file__).resolve().parents[2] / "deploy/compose.yaml"


def seconds(text):
    return int(re.fullmatch(r"(\d+)s", text)[1])


def broken(name, service, secrets):
    """Yields what is not as it should be."""
    if "test" not in service.get("healthcheck", {}):
        yield "no health check"
    if service.get("init") is not True:
        yield "no init"
    for server, how in service.get("depends_on", {}).items():
        if how.get("condition") != "service_healthy":
            yield f"does not wait until {server} is healthy"
    environment = service.get("environment", {})
    drain = seconds(environment.get("WEFT_DRAIN_TIMEOUT", "20s"))
    if seconds(service.get("stop_grace_period", "0s")) <= drain + 5:
        yield f"stop_grace_period is not above drain ({drain} s) and 5 s"
    if service["image"].split(":")[-1] in (service["image"], "latest"):
        yield f"image {service['image']} has no tag"
    for variable, value in environment.items():
        if "://" in str(value) or (re.search("PASS|SECRET|TOKEN|UR[IL]", variable) and not variable.endswith("_FILE")):
            yield f"{variable} stands in plain environment"
    for secret in service.get("secrets", []):
        if (secret if isinstance(secret, str) else secret["source"]) not in secrets:
            yield f"secret {secret} is not declared"


def rules():
    compose = yaml.safe_load(FILE.read_text())
    found = [
        f"{name}: {what}"
        for name, service in compose["services"].items()
        for what in broken(name, service, compose["secrets"])
    ]
    wanted = {"rabbitmq", "redis", "postgres", "user-service", "order-service"}
    found += [f"no service {name}" for name in wanted - compose["services"].keys()]
    for name in ("user-service", "order-service"):
        found += [
            f"{name} does not wait for {s}"
            for s in {"rabbitmq", "redis", "postgres"} - compose["services"][name]["depends_on"].keys()
        ]
    return found + list(secrets())


def secrets():
    """secrets.sh makes what is mounted; again, it changes nothing; who may not enter the folder reads none of it."""
    with tempfile.TemporaryDirectory(prefix="weft-secrets-") as name:
        folder, seen = pathlib.Path(name), []
        shutil.copy(FILE.parent / "secrets.sh", folder)
        for _ in range(2):
            subprocess.run([str(folder / "secrets.sh")], check=True, capture_output=True, timeout=20)
            seen.append({file.name: file.read_text() for file in (folder / "secrets").iterdir()})
        if seen[0] != seen[1]:
            yield "secrets.sh makes other secrets the second time"
        if (folder / "secrets").stat().st_mode & 0o077:
            yield "others may enter the folder of secrets"
        declared = yaml.safe_load(FILE.read_text())["secrets"]
        for missing in {pathlib.Path(how["file"]).name for how in declared.values()} - seen[0].keys():
            yield f"secrets.sh does not make {missing}"


def schema():
    checker = os.environ.get("WEFT_CHECK_JSONSCHEMA") or shutil.which("check-jsonschema")
    if not checker:
        print(
            "SKIP deploy_compose_schema: no check-jsonschema: tests/deploy/tools.sh gets it, or set WEFT_CHECK_JSONSCHEMA"
        )
        sys.exit(77)
    done = subprocess.run(
        [checker, "--builtin-schema", "vendor.compose-spec", str(FILE)], capture_output=True, text=True, timeout=60
    )
    return [] if done.returncode == 0 else [done.stdout + done.stderr]


found = schema() if sys.argv[1:] == ["schema"] else rules()
print("\n".join(found) or "compose.yaml is as it should be")
sys.exit(1 if found else 0)
