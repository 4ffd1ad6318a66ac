"""Scaling, pausing and undoing through `qd` on the simulated platform: the write goes to whoever owns replicas.

kubectl is the independent witness: it makes somebody else's changes, runs the copied lines and says what became of them.
"""

import json
import os
import pathlib
import shlex
import subprocess

import pytest

import topology as reading
from platform_sim import simulated
from test_simulator_kubernetes import Kubectl, contexts


class Bench:
    """One operator on one simulated platform."""

    def __init__(self, platform, state: pathlib.Path):
        self.platform, self.state = platform, state
        self.stack = str(platform.stack)
        self.kubectl = Kubectl(platform, contexts(platform)[0])

    def read(self) -> reading.Topology:
        return reading.read(pathlib.Path(self.stack), self.state)

    def plan(self, verb: str, node: str, **settings: object) -> dict:
        sets = [word for name, value in settings.items() for word in ("--set", f"{name.rstrip('_')}={value}")]
        done = reading.qd("plan", verb, node, *sets, "--stack", self.stack, "--json", state=self.state)
        assert done.returncode in (0, 4), (done.returncode, done.stderr)
        plan = json.loads(done.stdout)
        assert plan.get("blocked", False) == (done.returncode == 4)
        return plan

    def act(self, plan: dict) -> dict:
        """Presses a plan; its receipt."""
        sets = [word for name, value in plan["settings"].items() for word in ("--set", f"{name}={value}")]
        done = reading.qd(
            "act", plan["action"], plan["node"], *sets, "--reason", "drill", "--confirm", plan["confirm"], "--digest",
            plan["digest"], "--stack", self.stack, "--json", state=self.state, timeout=300,
        )
        assert done.stdout, (done.returncode, done.stderr)
        receipt = json.loads(done.stdout.splitlines()[-1])
        assert reading.qd("audit", "verify", state=self.state).returncode == 0
        return {**receipt, "exit": done.returncode}

    def refused(self, plan: dict) -> str:
        """Presses a plan that is refused; why."""
        sets = [word for name, value in plan["settings"].items() for word in ("--set", f"{name}={value}")]
        done = reading.qd(
            "act", plan["action"], plan["node"], *sets, "--reason", "drill", "--confirm", plan["confirm"], "--digest",
            plan["digest"], "--stack", self.stack, "--json", state=self.state, timeout=120,
        )
        assert done.returncode == 4, (done.returncode, done.stdout, done.stderr)
        return done.stderr

    def owned_by(self, *words: str) -> tuple[str, dict]:
        """A workload whose plan names such an owner, and the plan."""
        picture = self.read()
        for node in picture.of("deployment") + picture.of("statefulset"):
            plan = self.plan("scale", node["id"])
            if all(word in plan["label"] for word in words):
                return node["id"], plan
        raise AssertionError(f"nobody is owned by {words}")

    def paste(self, line: str, code: int = 0) -> str:
        """Runs a copied line as it stands."""
        env = {**os.environ, "KUBECONFIG": str(self.platform.folder / "kubeconfig"), "HOME": str(self.platform.folder)}
        done = subprocess.run(line, shell=True, capture_output=True, text=True, timeout=60, env=env)
        assert done.returncode == code, (line, done.stdout, done.stderr)
        return done.stdout + done.stderr

    def loops(self) -> list[dict]:
        done = reading.qd("loops", "--stack", self.stack, "--json", state=self.state)
        assert done.returncode in (0, 1), done.stderr
        return json.loads(done.stdout)

    def place(self, node: str) -> list[str]:
        """kubectl's words for an object: namespace and name."""
        *_, namespace, name = node.split("/")
        return ["-n", namespace, name]


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scaling")
    options = ("--clock", "auto", "--speed", "20", "--seed", "41", "--pods", "60", "--regions", "1")
    with simulated(folder / "sim", "calm", *options) as platform:
        yield Bench(platform, folder / "state")


def finding(plan: dict, name: str) -> dict:
    return next(f for f in plan["findings"] if f["id"] == name)


def verified(receipt: dict) -> dict:
    assert (receipt["exit"], receipt["verdict"]) == (0, "verified"), receipt["sentence"]
    assert all(p["holds"] and p["held_seconds"] >= p["dwell_seconds"] for p in receipt["predicates"])
    return receipt


def test_what_nobody_owns_is_scaled_and_scaled_back_by_its_undo(bench):
    node, plan = bench.owned_by("nobody else")
    before, wanted = plan["before"]["replicas"], int(plan["settings"]["replicas"])
    receipt = verified(bench.act(plan))
    kind = node.split("/")[0]
    assert bench.kubectl.json("get", kind, *bench.place(node))["spec"]["replicas"] == wanted
    undo = receipt["undo_request"]
    assert (undo["action"], undo["settings"]) == ("scale", {"replicas": str(before)})
    back = bench.plan(undo["action"], undo["node"], **undo["settings"])
    assert back["level"] >= "L2", "downwards is a level higher"
    verified(bench.act(back))
    assert bench.kubectl.json("get", kind, *bench.place(node))["spec"]["replicas"] == before


def test_what_an_autoscaler_owns_goes_to_the_autoscaler_and_stays(bench):
    node, plan = bench.owned_by("HPA")
    wanted = int(plan["settings"]["replicas"])
    assert plan["before"]["owner"].startswith("HPA ") and "scale deployments" not in plan["calls"][0]["cli"]
    receipt = verified(bench.act(plan))
    deployment = bench.kubectl.json("get", "deploy", *bench.place(node))
    assert deployment["spec"]["replicas"] >= wanted and deployment["status"]["readyReplicas"] >= wanted
    hpa = bench.kubectl.json("get", "hpa", *bench.place(receipt["undo_request"]["node"]))
    assert hpa["spec"]["minReplicas"] == wanted
    undo = receipt["undo_request"]
    assert undo["action"] == "bounds"
    verified(bench.act(bench.plan("bounds", undo["node"], **undo["settings"])))
    hpa = bench.kubectl.json("get", "hpa", *bench.place(undo["node"]))
    assert hpa["spec"]["minReplicas"] == plan["before"]["min"]


def test_what_keda_owns_goes_to_the_scaled_object_and_its_own_autoscaler_is_refused(bench):
    node, plan = bench.owned_by("KEDA ScaledObject")
    receipt = verified(bench.act(plan))
    scaled = receipt["undo_request"]["node"]
    assert scaled.startswith("scaledobject/")
    name = bench.place(scaled)[2]
    own = next(h for h in bench.read().of("hpa") if h["name"] == f"keda-hpa-{name}")
    wrong = bench.plan("bounds", own["id"])
    assert wrong["blocked"] and finding(wrong, "bounds.owner")["outcome"] == "fail"
    assert name in finding(wrong, "bounds.owner")["sentence"]
    undo = receipt["undo_request"]
    verified(bench.act(bench.plan("bounds", scaled, **undo["settings"])))


@pytest.mark.parametrize(("owner", "manager"), [("Argo CD", "argocd-controller"), ("Flux", "kustomize-controller")])
def test_what_git_owns_is_warned_of_and_the_revert_is_seen(bench, owner, manager):
    node, plan = bench.owned_by(owner)
    assert "reverts it in ≤" in plan["label"] and plan["level"] == "L2"
    assert finding(plan, "scale.gitops")["outcome"] == "fail"
    receipt = bench.act(plan)
    assert (receipt["exit"], receipt["verdict"]) == (6, "unverified"), receipt["sentence"]
    assert manager in receipt["sentence"], receipt["sentence"]
    assert bench.kubectl.json("get", "deploy", *bench.place(node))["spec"]["replicas"] == plan["before"]["replicas"]


@pytest.mark.parametrize("kind", ["application", "kustomization"])
def test_what_git_owns_stays_scaled_while_its_keeper_is_paused_and_is_put_back_after(bench, kind):
    keeper, node = next(
        (e["from"], e["to"]) for e in bench.read().document["edges"]
        if e["relation"] == "deploys" and e["from"].startswith(f"{kind}/") and "reverts it in" in bench.plan("scale", e["to"])["label"]
    )
    pause = bench.plan("pause", keeper, for_="20m")
    assert pause["level"] == "L2" and node in pause["targets"] and pause["leaves"]["seconds"] == 1200
    verified(bench.act(pause))
    (loop,) = [loop for loop in bench.loops() if loop["node"] == keeper]
    assert loop["state"] == "open" and loop["close"]["action"] == "resume", loop
    plan = bench.plan("scale", node)
    assert "does not revert it by itself" in plan["label"] and finding(plan, "scale.gitops")["outcome"] == "pass"
    assert plan["level"] == "L1", "nobody puts it back"
    verified(bench.act(plan))
    resume = bench.plan("resume", keeper)
    assert any("put back" in sentence for sentence in resume["blast"]["sentences"])
    verified(bench.act(resume))
    assert bench.loops() == []
    deployment = node.split("/")[0]
    assert bench.kubectl.json("get", deployment, *bench.place(node))["spec"]["replicas"] == plan["before"]["replicas"]
    bench.paste(bench.plan("pause", keeper)["calls"][0]["cli"])
    paused = bench.plan("resume", keeper)
    assert not paused.get("blocked"), finding(paused, "resume.state")
    bench.paste(paused["calls"][0]["cli"])


def test_below_what_load_asks_for_nothing_is_written_and_zero_is_refused(bench):
    node, _ = bench.owned_by("HPA")
    replicas = bench.read().nodes[node]["facts"]["replicas"]
    zero = bench.plan("scale", node, replicas=0)
    assert zero["blocked"] and finding(zero, "scale.to-zero")["outcome"] == "fail"
    assert "at zero" in bench.refused(zero)
    hpa = next(h for h in bench.read().of("hpa") if h["facts"]["scale_target"].endswith("/" + bench.place(node)[2]))
    low = bench.plan("bounds", hpa["id"], min=1, max=max(1, replicas - 1))
    assert low["blocked"] and finding(low, "bounds.max")["outcome"] == "fail"


def test_somebody_elses_change_is_a_changed_answer(bench):
    node, plan = bench.owned_by("HPA")
    hpa = next(t for t in plan["targets"] if t.startswith("hpa/"))
    above = plan["before"]["max"] + 3
    bench.kubectl("patch", "hpa", *bench.place(hpa), "--type=merge", "-p", json.dumps({"spec": {"maxReplicas": above}}))
    assert bench.plan("scale", node, **plan["settings"])["digest"] != plan["digest"]
    bench.refused(plan)


def test_copied_lines_do_what_the_plan_says_once(bench):
    node, plan = bench.owned_by("HPA")
    line = plan["calls"][0]["cli"]
    bench.paste(line)
    hpa = next(t for t in plan["targets"] if t.startswith("hpa/"))
    wanted = int(plan["settings"]["replicas"])
    assert bench.kubectl.json("get", "hpa", *bench.place(hpa))["spec"]["minReplicas"] == wanted
    # The same precondition holds for the line: it does not apply twice.
    bench.paste(line, code=1)
    node, plan = bench.owned_by("nobody else")
    line = plan["calls"][0]["cli"]
    assert "--current-replicas=" in shlex.split(line)[-2]
    bench.paste(line)
    wanted = int(plan["settings"]["replicas"])
    assert bench.kubectl.json("get", node.split("/")[0], *bench.place(node))["spec"]["replicas"] == wanted
    bench.paste(line, code=1)


def test_a_pause_leaves_a_loop_that_the_resume_closes(bench):
    scaled = bench.read().of("scaledobject")[0]["id"]
    plan = bench.plan("pause", scaled, for_="10m")
    assert plan["level"] == "L2" and plan["leaves"]["seconds"] == 600
    receipt = verified(bench.act(plan))
    assert receipt["left_open"]["close"]["action"] == "resume"
    assert [loop["node"] for loop in bench.loops()] == [scaled]
    marks = bench.kubectl.json("get", "scaledobject", *bench.place(scaled))["metadata"]["annotations"]
    assert marks["autoscaling.keda.sh/paused-scale-in"] == "true"
    again = bench.plan("pause", scaled)
    assert again["blocked"] and finding(again, "pause.state")["outcome"] == "fail"
    verified(bench.act(bench.plan("resume", scaled)))
    marks = bench.kubectl.json("get", "scaledobject", *bench.place(scaled))["metadata"].get("annotations", {})
    assert not any("paused" in mark for mark in marks)
    assert bench.loops() == []


def test_pausing_everything_is_a_level_higher_and_the_autoscaler_comes_back(bench):
    scaled = bench.read().of("scaledobject")[0]["id"]
    plan = bench.plan("pause", scaled, what="all")
    assert plan["level"] == "L3"
    verified(bench.act(plan))
    receipt = verified(bench.act(bench.plan("resume", scaled)))
    assert any(p["id"] == "resume.autoscaler" for p in receipt["predicates"])
    line = bench.plan("pause", scaled)["calls"][0]["cli"]
    bench.paste(line)
    bench.paste(bench.plan("resume", scaled)["calls"][0]["cli"])


def test_scaling_out_alone_is_paused_and_comes_back(bench):
    scaled = bench.read().of("scaledobject")[0]["id"]
    plan = bench.plan("pause", scaled, what="scale-out")
    assert finding(plan, "pause.scale-out")["outcome"] == "fail" and plan["level"] == "L3"
    verified(bench.act(plan))
    name = bench.kubectl.json("get", "scaledobject", *bench.place(scaled))["status"]["hpaName"]
    rules = bench.kubectl.json("get", "hpa", name, *bench.place(scaled)[:2])["spec"]["behavior"]
    assert rules["scaleUp"]["selectPolicy"] == "Disabled" and rules["scaleDown"]["selectPolicy"] != "Disabled"
    verified(bench.act(bench.plan("resume", scaled)))
    assert bench.loops() == []


def test_incident_one_the_blamed_revision_is_undone_and_what_died_goes_back(tmp_path):
    options = ("--clock", "auto", "--speed", "20", "--seed", "3", "--pods", "60", "--regions", "1")
    with simulated(tmp_path / "sim", "dlq-fills", *options) as platform:
        bench = Bench(platform, tmp_path / "state")
        picture = bench.read()
        cause = next(c for c in picture.document["causes"] if c["rule"] == "consumer-revision")
        consumer = cause["targets"][0]
        dlqs = [q for q in picture.of("queue") if q["facts"].get("is_dead_letter_queue")]
        dlq = max(dlqs, key=lambda q: q["facts"].get("messages_visible", 0))["id"]
        assert bench.plan("redrive", dlq)["blocked"], "the wrong order: the consumer is not mended"
        plan = bench.plan("undo", consumer)
        assert plan["level"] == "L2" and finding(plan, "undo.blamed")["outcome"] == "pass"
        verified(bench.act(plan))
        for _ in range(60):
            redrive = bench.plan("redrive", dlq, rate=500)
            if not redrive.get("blocked"):
                break
            platform.advance(20)
        verified(bench.act(redrive))


def test_a_rollback_that_nothing_speaks_for_is_thought_over(bench):
    old = next(d for d in bench.read().of("deployment") if d["facts"].get("revision", 1) > 1)
    plan = bench.plan("undo", old["id"])
    assert plan["level"] >= "L3" and finding(plan, "undo.blamed")["outcome"] == "fail"
