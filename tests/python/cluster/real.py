"""Reading and acting on a real Kubernetes control plane: API server, controllers and scheduler that are not ours.

`make test-cluster` runs it; pytest does not collect it by its name, so `make test` needs no Kubernetes binaries. AWS is
moto's, and has nothing. kubectl is the independent witness.
"""

import contextlib
import json
import os
import pathlib
import subprocess
import sys

import pytest

HERE = pathlib.Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import topology as reading  # noqa: E402
from control_plane import control_plane  # noqa: E402
from emulators import moto, stack_file  # noqa: E402
from fronts import Authority  # noqa: E402
from kubelets import kubelets  # noqa: E402
from objects import NAMESPACE, platform as objects, workload  # noqa: E402
from programs_desk import Program, plugin  # noqa: E402
from test_faults import pictures, watched  # noqa: E402
from test_scaling import Bench, finding, verified  # noqa: E402
from test_simulator_kubernetes import Kubectl  # noqa: E402

REGION = "us-east-1"


class Place:
    """A desk before the cluster: a stack file, and a kubeconfig of one user."""

    def __init__(self, plane, aws: str, folder: pathlib.Path, more: str = ""):
        self.plane, self.folder, self.state = plane, folder, folder / "state"
        self.stack = stack_file(folder, aws, [REGION], f'kubeconfig = "kubeconfig"\n\n[[cluster]]\nregion = "{REGION}"\ncontext = "real"\nname = "real"\n{more}')

    def user(self, user: dict) -> "Place":
        self.plane.kubeconfig("given", user).replace(self.folder / "kubeconfig")
        return self

    def acts_as(self, user: str) -> None:
        text = self.stack.read_text()
        self.stack.write_text(text.replace("[[account]]\n", f'[[account]]\nact_user = "{user}"\n'))

    def read(self, timeout: int = 40) -> reading.Topology:
        return reading.read(self.stack, self.state, timeout)

    def approve(self, *words: str) -> dict:
        done = reading.qd("approve", *words, "--stack", str(self.stack), "--json", state=self.state)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


@pytest.fixture(scope="session")
def plane(tmp_path_factory):
    with control_plane(tmp_path_factory.mktemp("plane")) as plane, kubelets(plane):
        yield plane


@pytest.fixture(scope="session")
def aws():
    with moto() as url:
        yield url


class Admin(Kubectl):
    def __init__(self, plane):
        self.platform, self.context, self.file = plane, "real", plane.admin

    def command(self, *words: str) -> list[str]:
        return ["kubectl", "--kubeconfig", str(self.file), *words]

    def apply(self, text: str) -> None:
        subprocess.run(self.command("apply", "-f", "-"), input=text, text=True, check=True, capture_output=True, timeout=60)


@pytest.fixture(scope="session")
def admin(plane):
    admin = Admin(plane)
    admin.apply(objects())
    for kind, name in (("deploy", "order-api"), ("deploy", "risk-engine"), ("deploy", "ledger"), ("sts", "matching-engine")):
        admin("rollout", "status", kind, name, "-n", NAMESPACE, "--timeout=60s")
    return admin


class Operator(Bench):
    def __init__(self, place: Place, admin: Admin):
        super().__init__(place, place.state)
        self.kubectl = admin

    def owned(self, kind: str, name: str) -> tuple[str, dict]:
        node = self.read().named(kind, name)["id"]
        return node, self.plan("scale", node)

    @contextlib.contextmanager
    def acting(self, plan: dict):
        """The lines of a run; in the end nobody watches it any more."""
        sets = [word for name, value in plan["settings"].items() for word in ("--set", f"{name}={value}")]
        words = ("act", plan["action"], plan["node"], *sets, "--reason", "drill", "--confirm", plan["confirm"])
        words = (*words, "--digest", plan["digest"], "--stack", self.stack, "--json")
        env = {**os.environ, "XDG_STATE_HOME": str(self.state)}
        run = subprocess.Popen([reading.QD, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env)
        try:
            first = run.stdout.readline()
            assert first, run.stderr.read()
            yield run.stdout
        finally:
            run.kill()
            run.communicate(timeout=60)

    def replicas(self, kind: str, name: str) -> int:
        return self.kubectl.json("get", kind, name, "-n", NAMESPACE)["spec"]["replicas"]


@pytest.fixture
def place(plane, aws, tmp_path):
    def place(user: dict, more: str = "") -> Place:
        return Place(plane, aws, tmp_path, more).user(user)

    return place


@pytest.fixture
def operator(place, plane, admin):
    return Operator(place(plane.certificate("operator", "system:masters")), admin)


def test_the_picture_is_what_kubectl_shows(operator, admin):
    picture = operator.read()
    reading.assert_sound(picture)
    assert {s["state"] for s in picture.source("kubernetes")} == {"ok"}, picture.source("kubernetes")
    for kind, plural in (("deployment", "deploy"), ("statefulset", "sts"), ("pod", "pods"), ("node", "nodes"), ("hpa", "hpa")):
        shown = {n["name"] for n in picture.of(kind)}
        assert shown == {i["metadata"]["name"] for i in admin.items(plural, "-A")}, kind
    bound = {p["metadata"]["name"]: p["spec"]["nodeName"] for p in admin.items("pods", "-A")}
    assert {n["name"]: n["facts"]["node_name"] for n in picture.of("pod")} == bound


def test_what_nobody_owns_is_scaled_and_scaled_back_by_its_undo(operator):
    node, plan = operator.owned("deployment", "order-api")
    wanted = int(plan["settings"]["replicas"])
    receipt = verified(operator.act(plan))
    assert operator.replicas("deploy", "order-api") == wanted
    undo = receipt["undo_request"]
    verified(operator.act(operator.plan(undo["action"], undo["node"], **undo["settings"])))
    assert operator.replicas("deploy", "order-api") == plan["before"]["replicas"]


def test_replicas_with_an_order_are_scaled(operator):
    node, plan = operator.owned("statefulset", "matching-engine")
    receipt = verified(operator.act(plan))
    assert operator.replicas("sts", "matching-engine") == int(plan["settings"]["replicas"])
    undo = receipt["undo_request"]
    verified(operator.act(operator.plan(undo["action"], undo["node"], **undo["settings"])))


def test_what_an_autoscaler_owns_goes_to_the_autoscaler_and_stays(operator, admin):
    node, plan = operator.owned("deployment", "risk-engine")
    assert plan["before"]["owner"].startswith("HPA "), plan["before"]
    wanted = int(plan["settings"]["replicas"])
    receipt = verified(operator.act(plan))
    assert operator.replicas("deploy", "risk-engine") >= wanted
    assert admin.json("get", "hpa", "risk-engine", "-n", NAMESPACE)["spec"]["minReplicas"] == wanted
    undo = receipt["undo_request"]
    verified(operator.act(operator.plan(undo["action"], undo["node"], **undo["settings"])))


def test_somebody_elses_change_is_a_changed_answer(operator, admin):
    node, plan = operator.owned("deployment", "ledger")
    admin("scale", "deploy", "ledger", "-n", NAMESPACE, "--replicas=3")
    try:
        operator.refused(plan)
        assert operator.replicas("deploy", "ledger") == 3
    finally:
        admin("scale", "deploy", "ledger", "-n", NAMESPACE, "--replicas=2")


def test_copied_lines_do_what_the_plan_says_once(operator):
    node, plan = operator.owned("deployment", "ledger")
    line = plan["calls"][0]["cli"]
    operator.paste(line)
    assert operator.replicas("deploy", "ledger") == int(plan["settings"]["replicas"])
    operator.paste(line, code=1)
    operator.kubectl("scale", "deploy", "ledger", "-n", NAMESPACE, "--replicas=2")


def test_a_restart_is_rolled_out_and_a_revision_is_undone(operator, admin):
    node = operator.read().named("deployment", "ledger")["id"]
    verified(operator.act(operator.plan("restart", node)))
    admin("set", "image", "deploy/ledger", "main=registry.invalid/ledger:2.0.0", "-n", NAMESPACE)
    admin("rollout", "status", "deploy", "ledger", "-n", NAMESPACE, "--timeout=60s")
    receipt = verified(operator.act(operator.plan("undo", node)))
    image = admin.json("get", "deploy", "ledger", "-n", NAMESPACE)["spec"]["template"]["spec"]["containers"][0]["image"]
    assert image.endswith(":1.0.0"), receipt["sentence"]


def test_no_more_pods_than_nodes_have_room_for(operator, admin):
    """Three nodes of two cores: the scheduler leaves what does not fit pending, and the run says so while it waits."""
    big = workload("Deployment", "pricing", 1)
    big["spec"]["template"]["spec"]["containers"][0]["resources"]["requests"]["cpu"] = "1500m"
    admin.apply(json.dumps(big))
    try:
        admin("rollout", "status", "deploy", "pricing", "-n", NAMESPACE, "--timeout=60s")
        node = operator.read().named("deployment", "pricing")["id"]
        with operator.acting(operator.plan("scale", node, replicas=5)) as lines:
            assert any("Insufficient cpu" in line for line in lines), "the run ended and did not say why"
    finally:
        admin("delete", "deploy", "pricing", "-n", NAMESPACE)


READ, ACT = "quarterdeck-read", "quarterdeck-act"


@pytest.fixture(scope="session")
def roles(admin):
    """The README's ClusterRoles; whoever is of the group `on-call` reads."""
    readme = (HERE.parents[2] / "README.md").read_text()
    admin.apply(readme.split("```yaml\n")[1].split("```")[0])
    admin("create", "clusterrolebinding", READ, f"--clusterrole={READ}", "--group=on-call")


@pytest.fixture(scope="session")
def account(admin, roles):
    """A service account that reads."""
    admin("create", "serviceaccount", "desk", "-n", NAMESPACE)
    admin("create", "clusterrolebinding", "desk", f"--clusterrole={READ}", f"--serviceaccount={NAMESPACE}:desk")
    return "desk"


@pytest.fixture
def token(admin, account):
    return admin("create", "token", account, "-n", NAMESPACE, "--duration=10m").strip()


def test_who_may_only_read_sees_all_and_is_told_what_is_missing_before_the_press(place, plane, admin, roles):
    operator = Operator(place(plane.certificate("kim", "on-call")), admin)
    picture = operator.read()
    assert {s["state"] for s in picture.source("kubernetes")} == {"ok"}, picture.source("kubernetes")
    plan = operator.plan("scale", picture.named("deployment", "order-api")["id"])
    right = finding(plan, "plan.rights")
    assert plan["blocked"] and "patch deployments/scale.apps order-api" in right["sentence"], right
    operator.refused(plan)


def test_who_reads_acts_as_a_user_of_its_own(place, plane, admin, roles):
    at = place(plane.certificate("kim", "on-call"))
    at.acts_as(ACT)
    operator = Operator(at, admin)
    node, plan = operator.owned("deployment", "order-api")
    assert plan["acts_as"] == ACT and f"--as {ACT}" in plan["calls"][0]["cli"], plan
    assert finding(plan, "plan.rights")["outcome"] == "pass", finding(plan, "plan.rights")
    assert not [f for f in plan["findings"] if f["id"] == "plan.lock"], "there is a lock to be had, and nobody has it"
    with operator.acting(plan) as lines:
        (lease,) = admin.items("leases", "-n", "quarterdeck")
        assert lease["metadata"]["annotations"]["quarterdeck/domain"] == plan["domain"]
        *_, last = lines
    assert json.loads(last)["verdict"] == "verified", json.loads(last)["sentence"]
    assert admin.items("leases", "-n", "quarterdeck") == [], "the lock was not let go"
    back = operator.plan("scale", node, replicas=plan["before"]["replicas"])
    operator.paste(back["calls"][0]["cli"])
    assert operator.replicas("deploy", "order-api") == plan["before"]["replicas"]
    operator.paste(operator.plan("restart", node)["calls"][0]["cli"])
    admin("rollout", "status", "deploy", "order-api", "-n", NAMESPACE, "--timeout=60s")
    operator.paste(operator.plan("undo", node)["calls"][0]["cli"])
    admin("rollout", "status", "deploy", "order-api", "-n", NAMESPACE, "--timeout=60s")


def test_who_may_not_act_as_that_user_is_told_before_the_press(place, plane, admin, roles):
    at = place(plane.certificate("kim", "on-call"))
    at.acts_as("somebody-else")
    operator = Operator(at, admin)
    node, plan = operator.owned("deployment", "order-api")
    right = finding(plan, "plan.rights")
    assert plan["blocked"] and "may not impersonate somebody-else" in right["sentence"], right
    operator.refused(plan)


def test_what_may_not_be_listed_is_named_and_the_rest_goes_on(place, plane, admin):
    rule = ("create", "clusterrole", "few", "--verb=list,watch", "--resource=pods,deployments.apps,namespaces,services")
    admin(*rule)
    admin("create", "clusterrolebinding", "few", "--clusterrole=few", "--user=few")
    picture = place(plane.certificate("few")).read()
    assert picture.of("deployment") and picture.of("pod")
    refused = [s["error"] for s in picture.source("kubernetes") if s["state"] != "ok"]
    assert refused and all(error.endswith(".") for error in refused)
    assert any("list nodes" in error for error in refused), refused


def test_a_token_of_a_service_account_reads_and_a_wrong_one_is_a_sentence(place, token):
    at = place({"token": token})
    picture = at.read()
    assert {s["state"] for s in picture.source("kubernetes")} == {"ok"} and picture.of("pod")
    wrong = at.user({"token": token[:-6] + "AAAAAA"}).read()
    refused = {s["error"] for s in wrong.source("kubernetes") if s["state"] == "failed"}
    assert len(refused) > 10 and not wrong.of("pod")
    for error in refused:
        assert "did not accept our credentials (401)" in error and token not in error and error.endswith("."), error


def test_a_program_that_gives_a_token_is_asked_about_and_runs(place, token, tmp_path):
    program = Program(tmp_path / "bin")
    program.answers(token=token)
    at = place(plugin(program))
    assert not at.read().of("pod") and program.runs() == 0, "it was not approved"
    (waiting,) = at.approve()["waiting"]
    at.approve(waiting["hash"])
    assert at.read().of("pod") and program.runs() == 1


def read_as(place, plane, user: dict, **cluster) -> reading.Topology:
    at = place(user)
    file = at.folder / "kubeconfig"
    whole = json.loads(file.read_text())
    whole["clusters"][0]["cluster"].update(cluster)
    file.write_text(json.dumps(whole))
    return at.read(20)


def told(picture) -> str:
    """What the nodes' source says, or the one there is."""
    failed = [s for s in picture.source("kubernetes") if s["state"] != "ok"]
    assert failed and not picture.of("pod"), [n["name"] for n in picture.of("pod")]
    return next((s["error"] for s in failed if s["id"].endswith("/nodes")), failed[0]["error"])


def test_a_token_file_with_a_line_end_is_read_and_read_again_when_it_is_written(place, token, tmp_path):
    file = tmp_path / "token"
    file.write_text("no token of anybody\n".replace(" ", "-"))
    at = place({"tokenFile": str(file)})
    with watched(at.stack, at.state) as lines:
        steps = pictures(lines, within=60)
        next(1 for _, sources, _ in steps if any("(401)" in s.get("error", "") for s in sources.values()))
        file.write_text(f"{token}\n")
        next(1 for _, _, nodes in steps if any(n["kind"] == "pod" for n in nodes.values()))


def test_a_server_without_a_scheme_is_reached(place, plane, admin):
    user = plane.certificate("kim", "system:masters")
    assert read_as(place, plane, user, server=plane.server.removeprefix("https://")).of("pod")


@pytest.mark.parametrize("user", [{}, {"token": ""}, {"username": "kim", "password": "of-long-ago"}])
def test_who_signs_in_with_nothing_is_told_so(place, plane, admin, user):
    assert "nobody is signed in" in told(read_as(place, plane, user))


@pytest.mark.parametrize(
    ("cluster", "says"),
    [
        ({"certificate-authority": "STRANGER"}, "See that certificate-authority"),
        ({"tls-server-name": "other.example"}, "tls-server-name"),
        ({"server": "HTTP"}, "Client sent an HTTP request to an HTTPS server"),
    ],
)
def test_what_is_the_matter_with_the_way_to_the_server_is_told(place, plane, admin, tmp_path, cluster, says):
    (tmp_path / "stranger").mkdir()
    named = {"STRANGER": str(Authority(tmp_path / "stranger").file), "HTTP": plane.server.replace("https", "http")}
    cluster = {key: named.get(value, value) for key, value in cluster.items()}
    assert says in told(read_as(place, plane, plane.certificate("kim", "system:masters"), **cluster))


def test_a_token_that_no_header_takes_is_a_sentence_and_not_repeated(place, plane, admin):
    error = told(read_as(place, plane, {"token": "part-one\npart-two"}))
    assert "characters that no token has" in error and "part-one" not in error, error


def test_the_server_is_killed_and_comes_back_and_so_does_the_picture(place, plane, admin, roles):
    at = place(plane.certificate("kim", "on-call"))
    with watched(at.stack, at.state) as lines:
        steps = pictures(lines, within=180)
        next(1 for _, _, nodes in steps if any(n["kind"] == "pod" for n in nodes.values()))
        plane.kill("kube-apiserver")
        for _, sources, _ in steps:
            told = [s for s in sources.values() if s["service"] == "kubernetes" and s["state"] != "ok"]
            if told:
                break
        assert all(s["error"].endswith(".") for s in told if s.get("error")), told
        plane.revive("kube-apiserver")
        admin("scale", "deploy", "ledger", "-n", NAMESPACE, "--replicas=3")
        ledger = lambda nodes: [n["facts"].get("replicas") for n in nodes.values() if n["kind"] == "deployment" and n["name"] == "ledger"]
        next(1 for _, _, nodes in steps if ledger(nodes) == [3])
    admin("scale", "deploy", "ledger", "-n", NAMESPACE, "--replicas=2")
