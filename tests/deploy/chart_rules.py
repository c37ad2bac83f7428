#!/usr/bin/python3
"""What holds for every object of the chart, whatever the values. A rule is a function that yields what breaks it; each
is tried on the rendered objects, and then on objects broken on purpose, which it has to notice."""

import copy, re, sys

from chart import CHART, VALUES, helm, objects, render

EXTERNAL_SECRETS = {
    "weft-rabbitmq",
    "weft-redis",
    "weft-postgresql",
    "weft-admin",
    "r",
    "c",
}  # of values-production.yaml and chart.py
WORKLOADS = ("Deployment", "StatefulSet")
STANDARD = {f"app.kubernetes.io/{key}" for key in ("name", "instance", "version", "managed-by")}
RULES = []


def rule(breaks):
    """`breaks` changes objects so that the rule no longer holds."""

    def add(check):
        RULES.append((check, breaks))
        return check

    return add


def name(thing):
    return f"{thing['kind']}/{thing['metadata']['name']}"


def of_kind(things, *kinds):
    return [thing for thing in things if thing["kind"] in kinds]


def workloads(things):
    return of_kind(things, *WORKLOADS)


def pod_of(thing):
    """The pod spec of whatever starts one, or None."""
    if thing["kind"] == "Pod":
        return thing["spec"]
    return thing["spec"]["template"]["spec"] if thing["kind"] in WORKLOADS + ("Job",) else None


def pods(things):
    return [(thing, pod_of(thing)) for thing in things if pod_of(thing)]


def containers(things):
    for thing, pod in pods(things):
        for container in pod["containers"] + pod.get("initContainers", []):
            yield thing, container


def is_weft(thing):
    return pod_of(thing)["containers"][0]["name"] == "weft"


def settings_of(things, thing):
    config = next(v["configMap"]["name"] for v in pod_of(thing)["volumes"] if "configMap" in v)
    found = next(c for c in of_kind(things, "ConfigMap") if c["metadata"]["name"] == config)
    return dict(re.findall(r'^(\S+): "(.*)"$', found["data"]["weft.yaml"], re.M))


def hook(thing):
    return thing["metadata"].get("annotations", {}).get("helm.sh/hook", "")


def first(things, *kinds):
    return (of_kind(things, *kinds) or things)[0]


def change(path, value, *kinds):
    """Breaks: sets (or, for None, removes) what `path` leads to in the first object of the kinds."""

    def act(things):
        at = first(things, *(kinds or WORKLOADS))
        for step in path[:-1]:
            at = at[step]
        if value is None:
            del at[path[-1]]
        else:
            at[path[-1]] = value

    return act


def container_change(path, value, *kinds):
    return change(["spec", "template", "spec", "containers", 0, *path], value, *kinds)


@rule(change(["metadata", "labels", "app.kubernetes.io/managed-by"], None, "ServiceAccount"))
def objects_and_pods_have_the_standard_labels(things):
    for thing in things:
        templates = [thing["spec"]["template"]] if thing["kind"] in WORKLOADS + ("Job",) else []
        for at in [thing] + templates:
            missing = STANDARD - set(at["metadata"].get("labels", {}))
            if missing:
                yield f"{name(thing)}: no label {missing}"


@rule(change(["spec", "selector", "matchLabels", "app.kubernetes.io/version"], "1"))
def selectors_are_stable_and_meet_their_pods(things):
    for thing in workloads(things):
        wanted, labels = thing["spec"]["selector"]["matchLabels"], thing["spec"]["template"]["metadata"]["labels"]
        if "app.kubernetes.io/version" in wanted or "helm.sh/chart" in {**wanted, **labels}:
            yield f"{name(thing)}: a version in the selector or a chart in the pods' labels"
        if not wanted.items() <= labels.items():
            yield f"{name(thing)}: its selector does not meet its own pods"
    everyone = [t["spec"]["template"]["metadata"]["labels"].items() for t in workloads(things)]
    for service in of_kind(things, "Service"):
        met = [labels for labels in everyone if service["spec"]["selector"].items() <= labels]
        if len(met) != 1:
            yield f"{name(service)}: selects the pods of {len(met)} workloads, want one"


@rule(change(["spec", "template", "spec", "securityContext", "runAsNonRoot"], False))
def every_pod_is_restricted(things):
    for thing, pod in pods(things):
        security = pod["securityContext"]
        if security.get("runAsNonRoot") is not True or security.get("runAsUser", 0) == 0:
            yield f"{name(thing)}: may run as root"
        if security.get("seccompProfile", {}).get("type") != "RuntimeDefault":
            yield f"{name(thing)}: no seccomp profile RuntimeDefault"
        if pod.get("automountServiceAccountToken") is not False:
            yield f"{name(thing)}: has a service account's token"
        if any(pod.get(key) for key in ("hostNetwork", "hostPID", "hostIPC")) or any(
            "hostPath" in v for v in pod.get("volumes", [])
        ):
            yield f"{name(thing)}: reaches into the node"


@rule(container_change(["securityContext", "readOnlyRootFilesystem"], False))
def every_container_is_restricted(things):
    for thing, container in containers(things):
        security = container.get("securityContext", {})
        wanted = {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "runAsNonRoot": True}
        if (
            not wanted.items() <= security.items()
            or security.get("capabilities") != {"drop": ["ALL"]}
            or security.get("privileged")
        ):
            yield f"{name(thing)}: container {container['name']} is not restricted: {security}"


@rule(container_change(["resources", "limits", "cpu"], "1"))
def resources_are_asked_for_without_a_cpu_limit(things):
    for thing, container in containers(things):
        resources = container.get("resources", {})
        if set(resources.get("requests", {})) != {"cpu", "memory"} or set(resources.get("limits", {})) != {"memory"}:
            yield f"{name(thing)}: resources of {container['name']} are {resources}"


def alive_as_ready(things):
    container = pod_of(first(things, *WORKLOADS))["containers"][0]
    container["livenessProbe"] = container["readinessProbe"]


@rule(alive_as_ready)
def workloads_have_three_probes_and_alive_is_not_ready(things):
    handler = lambda probe: {k: v for k, v in (probe or {}).items() if k in ("grpc", "httpGet", "tcpSocket", "exec")}
    for thing in workloads(things):
        for container in pod_of(thing)["containers"]:
            startup, ready, alive = (
                handler(container.get(f"{kind}Probe")) for kind in ("startup", "readiness", "liveness")
            )
            if not (startup and ready and alive) or ready == alive:
                yield f"{name(thing)}: probes are {startup}, {ready}, {alive}"
            if is_weft(thing) and not (
                "grpc" in startup and "grpc" in ready and alive.get("httpGet", {}).get("path") == "/livez"
            ):
                yield f"{name(thing)}: want startup and readiness by grpc, liveness by /livez"


@rule(change(["spec", "template", "spec", "terminationGracePeriodSeconds"], 10))
def grace_period_is_longer_than_stopping_takes(things):
    for thing in workloads(things):
        pod = pod_of(thing)
        needed = 5 + int(pod["containers"][0]["lifecycle"]["preStop"]["exec"]["command"][1])
        if is_weft(thing):
            settings = settings_of(things, thing)
            needed += sum(int(settings[f"drain.{part}"].rstrip("s")) for part in ("delay", "timeout"))
        if pod["terminationGracePeriodSeconds"] <= needed:
            yield f"{name(thing)}: grace of {pod['terminationGracePeriodSeconds']} s, want more than {needed}"


def unspread(things):
    pod_of(first(things, *WORKLOADS)).pop("topologySpreadConstraints")


@rule(unspread)
def workloads_are_spread(things):
    for thing in workloads(things):
        if not pod_of(thing).get("topologySpreadConstraints") and not pod_of(thing).get("affinity"):
            yield f"{name(thing)}: neither spread nor affinity"


def unsafe_rollout(things):
    for thing in workloads(things):
        thing["kind"], thing["spec"]["strategy"] = "Deployment", {"rollingUpdate": {"maxUnavailable": 1}}


@rule(unsafe_rollout)
def rollouts_take_no_instance_away_first(things):
    for thing in of_kind(things, "Deployment"):
        if thing["spec"]["strategy"].get("rollingUpdate", {}).get("maxUnavailable") != 0:
            yield f"{name(thing)}: maxUnavailable is not 0"


@rule(change(["spec", "template", "metadata", "annotations"], {}))
def pods_follow_their_configuration_by_checksum(things):
    for thing in workloads(things):
        annotations = thing["spec"]["template"]["metadata"].get("annotations", {})
        if not any(key.startswith("checksum/") for key in annotations):
            yield f"{name(thing)}: no checksum/ annotation"


def leak(things):
    pod_of(first(things, *WORKLOADS))["containers"][0].setdefault("env", []).append(
        {"name": "DATABASE_URL", "value": "postgres://me:pw@db/x"}
    )


@rule(leak)
def environment_holds_no_credentials(things):
    for thing, container in containers(things):
        for variable in container.get("env", []):
            secret = re.search(r"(PASS(WORD)?|SECRET|TOKEN|KEY|_UR[IL])$", variable["name"])
            if "value" in variable and (secret or re.search("://[^/]*:[^/]*@", variable["value"])):
                yield f"{name(thing)}: {variable['name']} stands in plain environment"


@rule(container_change(["image"], "weft:latest"))
def images_are_pinned(things):
    for thing, container in containers(things):
        if not re.search(r"(@sha256:[0-9a-f]{64}|:[^:/@]+)$", container["image"]) or container["image"].endswith(
            ":latest"
        ):
            yield f"{name(thing)}: image {container['image']}"


def two_scalers(things):
    target = {"kind": "Deployment", "name": first(things, *WORKLOADS)["metadata"]["name"]}
    things += [
        {"kind": "HorizontalPodAutoscaler", "metadata": {"name": n}, "spec": {"scaleTargetRef": target}} for n in "ab"
    ]


@rule(two_scalers)
def replicas_have_one_owner(things):
    scalers = of_kind(things, "HorizontalPodAutoscaler", "ScaledObject")
    targets = [scaler["spec"]["scaleTargetRef"]["name"] for scaler in scalers]
    for thing in workloads(things):
        owners = targets.count(thing["metadata"]["name"]) + ("replicas" in thing["spec"])
        if owners != 1:
            yield f"{name(thing)}: its replicas have {owners} owners, want one"


@rule(lambda things: [thing["spec"].update(minAvailable=1) for thing in of_kind(things, "PodDisruptionBudget")])
def disruption_budgets_say_max_unavailable(things):
    for thing in of_kind(things, "PodDisruptionBudget"):
        if "minAvailable" in thing["spec"] or "maxUnavailable" not in thing["spec"]:
            yield f"{name(thing)}: want maxUnavailable"


def hide(things):
    things[:] = [thing for thing in things if thing["kind"] != "Service" or thing["spec"].get("clusterIP") != "None"]


@rule(hide)
def hosts_are_reached_by_h2c_and_without_a_cluster_ip(things):
    services = of_kind(things, "Service")
    for service in services:
        for port in service["spec"]["ports"]:
            if port["name"] == "grpc" and port.get("appProtocol") != "kubernetes.io/h2c":
                yield f"{name(service)}: its gRPC port has no appProtocol kubernetes.io/h2c"
    for thing in [t for t in workloads(things) if is_weft(t)]:
        labels = thing["spec"]["template"]["metadata"]["labels"].items()
        if not any(s["spec"].get("clusterIP") == "None" and s["spec"]["selector"].items() <= labels for s in services):
            yield f"{name(thing)}: no headless Service"


def several_embedded(things):
    for thing in of_kind(things, "StatefulSet"):
        thing["spec"]["replicas"] = 2


@rule(several_embedded)
def a_volume_has_one_process(things):
    for thing in of_kind(things, "StatefulSet"):
        if thing["spec"]["replicas"] != 1:
            yield f"{name(thing)}: {thing['spec']['replicas']} replicas of an embedded store or a bundled server"


def references(pod):
    """(kind, name) of what a pod cannot start without."""
    if "serviceAccountName" in pod:
        yield "ServiceAccount", pod["serviceAccountName"]
    for volume in pod.get("volumes", []):
        for source in volume.get("projected", {}).get("sources", []) + [volume]:
            if "secret" in source:
                yield "Secret", source["secret"].get("secretName") or source["secret"]["name"]
            if "configMap" in source:
                yield "ConfigMap", source["configMap"]["name"]


@rule(change(["spec", "template", "spec", "serviceAccountName"], "nobody"))
def what_pods_need_is_there(things):
    made = {(thing["kind"], thing["metadata"]["name"]) for thing in things}
    for thing, pod in pods(things):
        for kind, wanted in references(pod):
            if (kind, wanted) not in made and not (kind == "Secret" and wanted in EXTERNAL_SECRETS):
                yield f"{name(thing)}: needs {kind}/{wanted}, which nobody makes"


def hook_needs_own(things):
    account = first(things, "ServiceAccount")["metadata"]["name"]
    job = {
        "kind": "Job",
        "metadata": {"name": "j", "annotations": {"helm.sh/hook": "pre-install,pre-upgrade"}},
        "spec": {"template": {"spec": {"serviceAccountName": account, "containers": []}}},
    }
    things.append(job)


@rule(hook_needs_own)
def migrations_run_before_upgrades_and_need_nothing_that_is_not_there_yet(things):
    made = {(thing["kind"], thing["metadata"]["name"]) for thing in things}
    for job in of_kind(things, "Job"):
        annotations = job["metadata"].get("annotations", {})
        if "pre-upgrade" not in hook(job) or "before-hook-creation" not in annotations.get(
            "helm.sh/hook-delete-policy", ""
        ):
            yield f"{name(job)}: is no pre-upgrade hook that can run again"
        if "pre-install" in hook(job):
            for needed in set(references(pod_of(job))) & made:
                yield f"{name(job)}: runs before {needed[0]}/{needed[1]} is made"
    stores = [t for t in workloads(things) if is_weft(t) and t["kind"] == "Deployment"]
    if len(of_kind(things, "Job")) < len(stores):
        yield "a service with a database has no migration before upgrades"


def untested(things):
    things[:] = [thing for thing in things if hook(thing) != "test"]


@rule(untested)
def helm_test_makes_a_round_trip(things):
    tests = [thing for thing in things if hook(thing) == "test"]
    if len(tests) != 1 or not all(
        word in tests[0]["spec"]["containers"][0]["command"][2] for word in ("CreateUser", "PlaceOrder")
    ):
        yield "helm test does no publish-consume round trip"


# ---- what is seen only over several renderings ------------------------------------------------------------------

REFUSED = {  # values that cannot be, and words of what helm says then
    "two instances on an embedded store": (
        ["--set", "services.user-service.replicas=2"],
        "more than one replica needs real servers",
    ),
    "scaling an embedded store": (
        ["--set", "defaults.autoscaling.mode=hpa"],
        "more than one replica needs real servers",
    ),
    "two instances with a cache in each": (
        ["--set", "rabbitmq.existingSecret=r,postgresql.existingSecret=p,defaults.replicas=2"],
        "redis is embedded",
    ),
    "a server both bundled and external": (["--set", "redis.existingSecret=x,redis.bundled.enabled=true"], "take one"),
    "an unknown value": (["--set", "replica=3"], "replica"),
    "an unknown value of a service": (["--set", "services.user-service.replica=3"], "replica"),
    "two scalers": (["--set", "defaults.autoscaling.mode=hpa+keda"], "mode"),
    "latest": (["--set", "image.tag=latest"], "tag"),
    "a cpu limit": (["--set", "defaults.resources.limits.cpu=1"], "cpu"),
    "a setting that is the chart's": (["--set", r"defaults.config.drain\.timeout=9s"], "is the chart's own"),
    "a password in the environment": (["--set", "defaults.env.DATABASE_URL=postgres://a:b@c/d"], "holds a password"),
    "a name that is too long": (
        [
            "--set",
            "services.a-service-with-a-very-long-name-indeed.replicas=1,fullnameOverride=an-application-with-a-long-name",
        ],
        "takes 63",
    ),
    "no service": (["--set", "services=null"], "services"),
}


def refusals():
    for what, (values, words) in REFUSED.items():
        done = helm("template", "rel", str(CHART), *values, check=False)
        if done.returncode == 0 or words not in done.stderr:
            yield f"{what} is not refused with '{words}': {done.returncode} {done.stderr[-300:]}"


def upgrades(label, values):
    """A second upgrade without change rolls no pod: the same comes out, at install and at upgrade."""
    templates = lambda text: {name(t): t["spec"]["template"] for t in workloads(objects(text))}
    if render(values) != render(values):
        yield f"{label}: rendered twice, it differs"
    if templates(render(values)) != templates(render(values, "--is-upgrade")):
        yield f"{label}: an upgrade changes pods"


def notes():
    said = helm("install", "rel", str(CHART), "--namespace", "space", "--dry-run=client").stdout.split("NOTES:")[-1]
    for wanted in (
        "kubectl -n space port-forward service/rel-weft-user-service 50051:50051 &",
        """grpcurl -plaintext -d '{"email":"ann@example.com","name":"Ann"}' 127.0.0.1:50051 user.v1.UserService/CreateUser""",
    ):
        if wanted not in said:
            yield f"NOTES do not say: {wanted}"


def broken(label, things):
    """Every rule notices its own breaking."""
    for check, breaks in RULES:
        changed = copy.deepcopy(things)
        breaks(changed)
        if changed != things and not list(check(changed)):
            yield f"{label}: the rule {check.__name__} does not notice when it is broken"


def main():
    found, tried = [], 0
    for label, values in VALUES.items():
        things = objects(render(values))
        for check, _ in RULES:
            tried += 1
            found += [f"{label}: {check.__name__}: {what}" for what in check(things)]
        found += list(broken(label, things)) + list(upgrades(label, values))
    found += list(refusals()) + list(notes())
    print(
        "\n".join(found)
        or f"{len(RULES)} rules hold for {len(VALUES)} sets of values, {len(REFUSED)} others are refused"
    )
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
