"""What Karpenter may still buy: counted where pods find no room on the nodes, and named where its limit is the reason.

kubectl is the independent witness: it says what the NodePool has, and moves its limit.
"""

import json

from desk import Terminal
from platform_sim import simulated
from test_simulator_kubernetes import Kubectl, contexts


def desk(tmp_path, scenario, seed):
    options = ("--clock", "explicit", "--seed", seed, "--pods", "120", "--regions", "1")
    return simulated(tmp_path / "sim", scenario, *options), tmp_path / "state"


def limit(kubectl, cores):
    """Sets what the only NodePool may have; returns its name and what it has."""
    (pool,) = kubectl.items("nodepools")
    name, has = pool["metadata"]["name"], int(pool["status"]["resources"]["cpu"])
    patch = json.dumps({"spec": {"limits": {"cpu": str(cores(has))}}})
    kubectl("patch", "nodepool", name, "--type=merge", "-p", patch)
    return name, has


def nodes(terminal, workload, replicas):
    _, plan = terminal.plan("scale", workload["id"], replicas=replicas)
    return next(f for f in plan["findings"] if f["id"] == "scale.nodes")


def test_the_picture_has_the_pool_with_its_limit_and_the_nodes_it_bought(tmp_path):
    platform, state = desk(tmp_path, "calm", "41")
    with platform as platform:
        kubectl, picture = Kubectl(platform, contexts(platform)[0]), Terminal(platform, state).picture()
        (there,), (pool,) = kubectl.items("nodepools"), picture.of("nodepool")
        facts = pool["facts"]
        assert pool["name"] == there["metadata"]["name"] and facts["ready"] is True and facts["capacity_type"] == "SPOT"
        assert facts["cpu_limit_millicores"] == int(there["spec"]["limits"]["cpu"]) * 1000
        assert facts["cpu_provisioned_millicores"] == int(there["status"]["resources"]["cpu"]) * 1000
        own = [n for n in picture.of("node") if n["facts"].get("nodepool") == pool["name"]]
        assert len(own) == facts["nodes"] == int(there["status"]["resources"]["nodes"]) > 0
        assert Terminal(platform, state).offers(pool["id"]) == [], "it is no nodegroup"


def test_a_scale_the_nodes_do_not_hold_asks_what_karpenter_may_buy(tmp_path):
    platform, state = desk(tmp_path, "calm", "41")
    with platform as platform:
        kubectl, terminal = Kubectl(platform, contexts(platform)[0]), Terminal(platform, state)
        workload = max(terminal.picture().of("deployment"), key=lambda d: d["facts"].get("cpu_request_millicores", 0))
        now = workload["facts"]["replicas"]
        held = int(nodes(terminal, workload, now + 999)["value"].split()[2].replace(",", ""))
        name, has = limit(kubectl, lambda has: has + 64)
        bought = nodes(terminal, workload, now + held + 2)
        assert bought["outcome"] == "pass", bought
        assert f"NodePool {name} may still buy 64 of its limit of {has + 64} CPU (spot only)" in bought["sentence"]
        limit(kubectl, lambda has: has)
        full = nodes(terminal, workload, now + held + 2)
        assert full["outcome"] == "fail" and full["severity"] == "warn", full
        assert f"2 stay Pending until nodes are added. NodePool {name} is at its limit: {has} of {has} CPU." in full["sentence"]
        assert nodes(terminal, workload, now + held)["outcome"] == "pass", "the nodes hold these"


def test_in_a_spot_storm_the_pool_whose_limit_is_reached_is_named(tmp_path):
    platform, state = desk(tmp_path, "spot-storm", "8")
    with platform as platform:
        kubectl, terminal = Kubectl(platform, contexts(platform)[0]), Terminal(platform, state)
        platform.advance(60)

        def short():
            (cause,) = [c for c in terminal.picture().document["causes"] if c["rule"] == "capacity-short"]
            return cause

        assert "NodePool" not in short()["sentence"], "spot has run out, not the limit"
        name, has = limit(kubectl, lambda has: has)
        words = f"NodePool {name} is at its limit: {has} of {has} CPU"
        cause = short()
        assert words in cause["sentence"], cause["sentence"]
        assert any(s["sentence"] == f"{words}." and s["node"].startswith("nodepool/") for s in cause["signals"])
