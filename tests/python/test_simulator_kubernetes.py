"""The simulated Kubernetes API asked by kubectl, which knows nothing of it."""

import gzip
import json
import os
import re
import subprocess
import time
import urllib.error
import urllib.request

import pytest

from platform_sim import simulated


class Kubectl:
    def __init__(self, platform, context: str):
        self.platform, self.context = platform, context

    def command(self, *words: str) -> list[str]:
        kubeconfig = str(self.platform.folder / "kubeconfig")
        return ["kubectl", "--kubeconfig", kubeconfig, "--context", self.context, *words]

    def __call__(self, *words: str, code: int = 0) -> str:
        env = {**os.environ, "HOME": str(self.platform.folder)}
        done = subprocess.run(self.command(*words), capture_output=True, text=True, timeout=60, env=env)
        assert done.returncode == code, f"{words}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout if code == 0 else done.stderr

    def json(self, *words: str) -> dict:
        return json.loads(self(*words, "-o", "json"))

    def items(self, *words: str) -> list[dict]:
        return self.json("get", *words)["items"]


def contexts(platform) -> list[str]:
    kubeconfig = str(platform.folder / "kubeconfig")
    listed = subprocess.run(
        ["kubectl", "--kubeconfig", kubeconfig, "config", "get-contexts", "-o", "name"], capture_output=True, text=True
    )
    return listed.stdout.split()


@pytest.fixture(scope="module")
def calm(tmp_path_factory):
    folder = tmp_path_factory.mktemp("calm")
    with simulated(folder / "sim", "calm", "--clock", "explicit", "--seed", "31", "--pods", "120") as platform:
        yield platform


@pytest.fixture(scope="module")
def kubectl(calm):
    return Kubectl(calm, contexts(calm)[0])


@pytest.fixture()
def fresh(tmp_path):
    with simulated(tmp_path / "sim", "calm", "--clock", "explicit", "--seed", "32", "--pods", "80") as platform:
        yield Kubectl(platform, contexts(platform)[0])


def rows(text: str) -> list[dict[str, str]]:
    """A table of kubectl as dictionaries by its headings."""
    lines = text.splitlines()
    starts = [m.start() for m in re.finditer(r"\S+(?: \S+)*", lines[0])]
    names = re.findall(r"\S+(?: \S+)*", lines[0])
    cut = list(zip(starts, [*starts[1:], None]))
    return [{n: line[a:b].strip() for n, (a, b) in zip(names, cut)} for line in lines[1:]]


def test_there_is_a_context_for_every_cluster(calm):
    assert len(contexts(calm)) == len(calm.ready["kubernetes"]) == 2


def test_discovery_knows_what_is_served(kubectl):
    kinds = {line.split()[-1] for line in kubectl("api-resources", "--no-headers").splitlines()}
    assert {"Pod", "Node", "Deployment", "HorizontalPodAutoscaler", "ScaledObject", "TargetGroupBinding"} <= kinds
    assert "Server Version: v1." in kubectl("version")


def test_the_table_agrees_with_the_objects(kubectl):
    objects = {p["metadata"]["name"]: p for p in kubectl.items("pods", "-A")}
    table = rows(kubectl("get", "pods", "-A", "-o", "wide"))
    assert len(table) == len(objects) >= 100
    for row in table:
        pod = objects[row["NAME"]]
        status = pod["status"]["containerStatuses"][0]
        assert row["NAMESPACE"] == pod["metadata"]["namespace"]
        assert row["READY"] == ("1/1" if status["ready"] else "0/1")
        assert row["STATUS"] == pod["status"]["phase"] == "Running"
        assert row["IP"] == pod["status"]["podIP"] and row["NODE"] == pod["spec"]["nodeName"]
        assert row["RESTARTS"].split()[0] == str(status["restartCount"])


def test_every_pod_has_an_owner_a_node_and_an_address_of_its_own(kubectl):
    nodes = {n["metadata"]["name"]: n for n in kubectl.items("nodes")}
    owners = {o["metadata"]["uid"] for kind in ("replicasets", "statefulsets") for o in kubectl.items(kind, "-A")}
    pods = kubectl.items("pods", "-A")
    assert len({p["status"]["podIP"] for p in pods}) == len(pods)
    for pod in pods:
        assert pod["metadata"]["ownerReferences"][0]["uid"] in owners
        assert pod["status"]["hostIP"] == nodes[pod["spec"]["nodeName"]]["status"]["addresses"][0]["address"]
    zones = {n["metadata"]["labels"]["topology.kubernetes.io/zone"] for n in nodes.values()}
    assert len(zones) == 3
    for node in nodes.values():
        zone = node["metadata"]["labels"]["topology.kubernetes.io/zone"]
        assert re.fullmatch(rf"aws:///{zone}/i-[0-9a-f]{{17}}", node["spec"]["providerID"])


def test_small_chunks_give_the_same_list(kubectl):
    whole = kubectl.json("get", "pods", "-A", "--chunk-size=0")
    paged = kubectl.json("get", "pods", "-A", "--chunk-size=7")
    assert paged["items"] == whole["items"]


def test_deployments_add_up(kubectl):
    pods = kubectl.items("pods", "-A")
    for deployment in kubectl.items("deployments", "-A"):
        labels = deployment["spec"]["selector"]["matchLabels"].items()
        own = [p for p in pods if labels <= p["metadata"]["labels"].items()]
        assert len(own) == deployment["spec"]["replicas"] == deployment["status"]["readyReplicas"]
        revision = deployment["metadata"]["annotations"]["deployment.kubernetes.io/revision"]
        selector = ",".join(f"{k}={v}" for k, v in labels)
        sets = kubectl.items("rs", "-n", deployment["metadata"]["namespace"], "-l", selector)
        running = [s for s in sets if s["spec"]["replicas"]]
        assert [s["metadata"]["annotations"]["deployment.kubernetes.io/revision"] for s in running] == [revision]


def test_endpoints_are_the_ready_pods_of_the_service(kubectl):
    pods = {p["status"]["podIP"]: p for p in kubectl.items("pods", "-A")}
    slices = kubectl.items("endpointslices", "-A")
    assert slices
    for endpoint in (e for s in slices for e in s["endpoints"]):
        assert endpoint["conditions"]["ready"] and endpoint["targetRef"]["name"] == pods[endpoint["addresses"][0]]["metadata"]["name"]


def test_selectors_narrow_and_refuse(kubectl):
    pod = kubectl.items("pods", "-A")[0]
    node = pod["spec"]["nodeName"]
    there = kubectl.items("pods", "-A", "--field-selector", f"spec.nodeName={node}")
    assert there and {p["spec"]["nodeName"] for p in there} == {node}
    name = pod["metadata"]["labels"]["app.kubernetes.io/name"]
    same = kubectl.items("pods", "-A", "-l", f"app.kubernetes.io/name in ({name}),!nobody")
    assert {p["metadata"]["labels"]["app.kubernetes.io/name"] for p in same} == {name}
    assert "field label not supported: spec.foo" in kubectl(
        "get", "pods", "-A", "--field-selector", "spec.foo=bar", code=1
    )


def test_describe_and_logs_and_top(kubectl):
    pod = kubectl.items("pods", "-A")[0]["metadata"]
    described = kubectl("describe", "pod", "-n", pod["namespace"], pod["name"])
    assert re.search(r"Controlled By:\s+(ReplicaSet|StatefulSet)/", described) and "Readiness:" in described
    assert len(kubectl("logs", "-n", pod["namespace"], pod["name"], "--tail=4").splitlines()) == 4
    node = kubectl.items("nodes")[0]["metadata"]["name"]
    assert "Allocated resources" in kubectl("describe", "node", node)
    assert len(rows(kubectl("top", "pods", "-A"))) == len(kubectl.items("pods", "-A"))


def test_an_unknown_token_and_an_unknown_object(calm, kubectl):
    request = urllib.request.Request(calm.ready["kubernetes"][0] + "/api/v1/pods", headers={"authorization": "Bearer no"})
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=10)
    assert refused.value.code == 401 and json.load(refused.value)["reason"] == "Unauthorized"
    assert '(NotFound): pods "nope" not found' in kubectl("get", "pod", "nope", code=1)


def test_a_long_list_comes_compressed(calm):
    request = urllib.request.Request(calm.ready["kubernetes"][0] + "/api/v1/pods", headers={"accept-encoding": "gzip"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        assert answer.headers["content-encoding"] == "gzip"
        packed = answer.read()
    assert len(json.loads(gzip.decompress(packed))["items"]) >= 100


def until(output, seen, timeout=30):
    """The lines of a file that another process writes, when `seen` of them is true."""
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        lines = output.read_text().splitlines()
        if seen(lines):
            return lines
        time.sleep(0.05)
    raise AssertionError(f"not seen: {lines[-5:]}")


def test_a_watch_follows_a_restart_to_its_end(fresh, tmp_path):
    deployment = fresh.items("deployments", "-A")[0]
    namespace, name = deployment["metadata"]["namespace"], deployment["metadata"]["name"]
    replicas = deployment["spec"]["replicas"]
    old = {p["metadata"]["name"] for p in fresh.items("pods", "-n", namespace, "-l", f"app.kubernetes.io/name={name}")}
    output = tmp_path / "watched"
    with open(output, "w") as file:
        watching = ("get", "pods", "-n", namespace, "-l", f"app.kubernetes.io/name={name}", "-w", "--no-headers")
        watch = subprocess.Popen(fresh.command(*watching), stdout=file)
    try:
        until(output, lambda lines: len(lines) >= replicas)
        fresh("rollout", "restart", "-n", namespace, f"deployment/{name}")
        fresh.platform.advance(240)
        words = until(output, lambda lines: sum("Running" in x and "1/1" in x for x in lines) >= replicas)
    finally:
        watch.terminate()
        watch.wait(10)
    assert any("ContainerCreating" in x for x in words) and any("Terminating" in x for x in words)
    fresh("rollout", "status", "-n", namespace, f"deployment/{name}", "--timeout=20s")
    new = {p["metadata"]["name"] for p in fresh.items("pods", "-n", namespace, "-l", f"app.kubernetes.io/name={name}")}
    assert len(new) == replicas and not new & old
    revision = int(deployment["metadata"]["annotations"]["deployment.kubernetes.io/revision"])
    fresh("rollout", "undo", "-n", namespace, f"deployment/{name}")
    fresh.platform.advance(240)
    history = fresh("rollout", "history", "-n", namespace, f"deployment/{name}")
    assert re.search(rf"^{revision + 2}\b", history, re.M) and not re.search(rf"^{revision}\b", history, re.M)


def test_an_autoscaler_takes_back_what_a_hand_scaled(fresh):
    hpa = next(h for h in fresh.items("hpa", "-A") if h["spec"]["metrics"][0]["type"] == "Resource")
    namespace, name = hpa["metadata"]["namespace"], hpa["spec"]["scaleTargetRef"]["name"]
    bound = hpa["spec"]["maxReplicas"]
    fresh("scale", "-n", namespace, f"deployment/{name}", f"--replicas={bound + 7}")
    assert fresh.json("get", "deployment", "-n", namespace, name)["spec"]["replicas"] == bound + 7
    fresh.platform.advance(16)
    assert fresh.json("get", "deployment", "-n", namespace, name)["spec"]["replicas"] <= bound


def test_a_node_is_drained_within_the_budgets(fresh):
    node = fresh.items("nodes")[0]["metadata"]["name"]
    there = ("pods", "-A", "--field-selector", f"spec.nodeName={node}")
    assert fresh.items(*there)
    drain = subprocess.Popen(fresh.command("drain", node, "--timeout=40s"), stdout=subprocess.PIPE, text=True)
    while drain.poll() is None:
        fresh.platform.advance(2)
    assert drain.returncode == 0
    assert fresh.items(*there) == []
    assert "SchedulingDisabled" in fresh("get", "node", node)
    fresh("uncordon", node)
    assert "SchedulingDisabled" not in fresh("get", "node", node)


def test_a_paused_scaled_object_says_so(fresh):
    scaled = fresh.items("scaledobjects", "-A")[0]["metadata"]
    where = ("-n", scaled["namespace"], f"scaledobject/{scaled['name']}")
    fresh("annotate", *where, "autoscaling.keda.sh/paused=true")
    fresh.platform.advance(2)
    assert rows(fresh("get", *where))[0]["PAUSED"] == "True"
    fresh("annotate", *where, "autoscaling.keda.sh/paused-")
    fresh.platform.advance(2)
    assert rows(fresh("get", *where))[0]["PAUSED"] == "False"


def test_a_faulty_release_is_seen_crashing(tmp_path):
    with simulated(tmp_path / "sim", "dlq-fills", "--clock", "explicit", "--seed", "33", "--pods", "120") as platform:
        crashing = {}
        for context in contexts(platform):
            kubectl = Kubectl(platform, context)
            for pod in kubectl.items("pods", "-A"):
                if pod["status"]["containerStatuses"][0]["restartCount"] >= 3:  # two can be chance
                    crashing.setdefault(pod["metadata"]["labels"]["app.kubernetes.io/name"], []).append(pod)
            if crashing:
                events = kubectl.items("events", "-A")
                break
        assert len(crashing) == 1
        name, pods = crashing.popitem()
        assert len({p["metadata"]["labels"]["pod-template-hash"] for p in pods}) == 1
        assert any(p["status"]["containerStatuses"][0]["lastState"].get("terminated") for p in pods)
        said = {e["reason"] for e in events if e["involvedObject"]["name"].startswith(name)}
        assert {"ScalingReplicaSet", "SuccessfulCreate", "Scheduled", "BackOff"} <= said


def test_faults_reach_the_wire(fresh):
    fresh.platform.fault("denied:kubernetes")
    assert "Forbidden" in fresh("get", "--raw", "/api/v1/pods", code=1)
    fresh.platform.heal()
    fresh.platform.fault("throttled:kubernetes")
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(fresh.platform.ready["kubernetes"][0] + "/api/v1/pods", timeout=10)
    assert refused.value.code == 429 and refused.value.headers["retry-after"] == "1"
    fresh.platform.heal()
    assert fresh.items("nodes")
