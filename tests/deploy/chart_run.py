#!/usr/bin/python3
"""What the chart would start, started here: the migration Job's arguments, the hosts with the chart's weft.yaml, and
the script of `helm test`. Only ports and folders are changed to ones of our own."""

import contextlib, os, pathlib, signal, socket, subprocess, sys, tempfile, time, urllib.request

from chart import objects, render

BUILD = pathlib.Path(os.environ["WEFT_BUILD"])


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def container_of(things, kind, name):
    thing = next(t for t in things if t["kind"] == kind and t["metadata"]["name"] == name)
    spec = thing["spec"] if kind == "Pod" else thing["spec"]["template"]["spec"]
    return spec["containers"][0]


def weft(arguments, folder, **environment):
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("WEFT_", "RABBITMQ_", "REDIS_", "DATABASE_"))}
    clean["PATH"] = f"{BUILD / 'bin'}:{clean['PATH']}"
    return subprocess.Popen(
        arguments,
        env=clean | environment,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


def finish(process, what):
    said = process.communicate(timeout=60)[0]
    if process.returncode != 0:
        sys.exit(f"{what}: exit status {process.returncode}\n{said[-2000:]}")
    return said


def migrate(folder):
    """The Job finds its URL in the mounted file, and runs twice: it is idempotent."""
    things = objects(render(["--set", "rabbitmq.existingSecret=r,redis.existingSecret=c,postgresql.existingSecret=p"]))
    job = container_of(things, "Job", "rel-weft-user-service-migrate")
    store = next(v["name"] for v in job["env"] if v["value"] == "/run/weft/store")
    (folder / "store").write_text(f"sqlite:{folder}/data/\n")
    for _ in range(2):
        finish(weft(["weft", *job["args"]], folder, **{store: str(folder / "store")}), "the migration Job")


@contextlib.contextmanager
def host(folder, things):
    config = next(t for t in things if t["kind"] == "ConfigMap")["data"]["weft.yaml"]
    (folder / "weft.yaml").write_text(config)
    arguments = [
        a.replace("/etc/weft/weft.yaml", str(folder / "weft.yaml"))
        for a in container_of(things, "StatefulSet", "rel-weft-embedded")["args"]
    ]
    grpc, admin = free_port(), free_port()
    process = weft(
        ["weft", *arguments],
        folder,
        WEFT_GRPC_LISTEN=f"127.0.0.1:{grpc}",
        WEFT_ADMIN_LISTEN=f"127.0.0.1:{admin}",
        WEFT_DATA_DIR=str(folder / "data"),
        WEFT_DRAIN_DELAY="0s",
    )
    try:
        yield f"127.0.0.1:{grpc}", f"http://127.0.0.1:{admin}"
        process.send_signal(signal.SIGTERM)
        finish(process, "the host")
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def serving(address, folder, seconds=20):
    end = time.monotonic() + seconds
    while weft(["weft", "health", address], folder).wait(10) != 0:
        if time.monotonic() > end:
            sys.exit(f"the host at {address} does not serve within {seconds} s")


def main():
    things = objects(render([]))
    with tempfile.TemporaryDirectory(prefix="weft-chart-run-") as name:
        folder = pathlib.Path(name)
        migrate(folder)
        test = container_of(things, "Pod", "rel-weft-test")
        scraped = next(
            t for t in objects(render(["--set", "serviceMonitor.enabled=true"])) if t["kind"] == "ServiceMonitor"
        )
        alive = container_of(things, "StatefulSet", "rel-weft-embedded")["livenessProbe"]["httpGet"]["path"]
        with host(folder, things) as (address, admin):
            serving(address, folder)
            for path in (alive, scraped["spec"]["endpoints"][0]["path"]):
                urllib.request.urlopen(admin + path, timeout=5).read()
            said = finish(weft(test["command"], folder, **{v["name"]: address for v in test["env"]}), "helm test")
    if "the event went through" not in said:
        sys.exit(f"helm test said nothing of a round trip: {said}")
    print("migrations, hosts and helm test do what the chart says")


main()
