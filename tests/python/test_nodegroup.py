"""Incident 5: spot instances are taken back as the market opens; the prepared nodegroup is scaled and it is verified."""

import botocore.exceptions
import pytest

import aws_line
from desk import Terminal, failing
from platform_sim import simulated
from test_simulator_aws import client, code


# Amazon EC2 instance types guide, general purpose.
VCPUS = {"large": 2, "xlarge": 4, "2xlarge": 8, "4xlarge": 16}


@pytest.fixture()
def storm(tmp_path):
    options = ("--clock", "auto", "--speed", "20", "--seed", "8", "--pods", "120", "--regions", "1")
    with simulated(tmp_path / "sim", "spot-storm", *options) as platform:
        yield Terminal(platform, tmp_path / "state")


@pytest.fixture()
def calm(tmp_path):
    options = ("--clock", "explicit", "--seed", "41", "--pods", "60", "--regions", "1")
    with simulated(tmp_path / "sim", "calm", *options) as platform:
        yield Terminal(platform, tmp_path / "state")


def kept(picture) -> dict:
    """The on-demand group that is kept empty."""
    empty = [g for g in picture.of("nodegroup") if g["facts"]["desired"] == 0 and g["facts"]["capacity_type"] == "ON_DEMAND"]
    assert len(empty) == 1
    return empty[0]


def running(picture) -> dict:
    return max(picture.of("nodegroup"), key=lambda group: group["facts"]["desired"])


def waiting(picture) -> list[dict]:
    def waits(facts):
        return facts.get("phase") == "Pending" and "Insufficient" in facts.get("message", "")

    return [pod for pod in picture.of("pod") if waits(pod["facts"])]


def test_the_prepared_group_is_called_for_scaled_and_verified(storm):
    storm.platform.advance(60)
    picture = storm.picture()
    assert waiting(picture), "nothing waits for room"
    short = [c for c in picture.document["causes"] if c["rule"] == "capacity-short"]
    assert short and "Pending" in short[0]["sentence"] and short[0]["signals"], picture.document["causes"]
    group = kept(picture)
    assert any(t == group["id"] or t.startswith("cluster/") for t in short[0]["targets"]), short[0]
    offered = [offer for offer in storm.offers(group["id"]) if offer["action"] == "scale"]
    assert len(offered) == 1 and offered[0]["colour"] != "red", offered
    exit_code, plan = storm.plan("scale", group["id"])
    assert exit_code == 0 and plan["level"] == "L2", [f for f in plan["findings"] if f["outcome"] != "pass"]
    found = {f["id"]: f for f in plan["findings"]}
    addresses = found["nodegroup.free-addresses"]
    assert addresses["outcome"] == "pass" and addresses["source"].startswith("ec2/"), addresses
    quota = found["nodegroup.vcpu-quota"]
    assert quota["outcome"] == "pass" and quota["source"].startswith("cloudwatch"), quota
    wanted = int(plan["settings"]["desired"])
    assert 1 <= wanted <= group["facts"]["max"]
    # Demand still rises: one node more than what waits now needs.
    exit_code, plan = storm.plan("scale", group["id"], desired=wanted + 1)
    exit_code, receipt = storm.act(plan)
    assert exit_code == 0 and receipt["verdict"] == "verified", receipt["sentence"]
    assert receipt["recovery_seconds"] > 60, "nodes take time"
    assert receipt["undo_request"]["settings"]["desired"] == "0"
    after = storm.picture()
    assert not waiting(after)
    nodes = [n for n in after.of("node") if n["facts"].get("nodegroup") == group["name"]]
    assert len(nodes) == wanted + 1 and all(n["facts"]["ready"] for n in nodes)


def test_the_pasted_line_does_the_same_call(calm):
    group = kept(calm.picture())
    _, plan = calm.plan("scale", group["id"], desired=2)
    answer = aws_line.run(plan["calls"][0]["cli"], calm.platform.aws)
    assert answer["update"]["params"] == [{"type": "DesiredSize", "value": "2"}]
    eks = client(calm.platform, "eks")
    here = {"clusterName": group["scope"]["cluster"], "nodegroupName": group["name"]}
    assert eks.describe_nodegroup(**here)["nodegroup"]["scalingConfig"]["desiredSize"] == 2


def test_while_an_update_is_under_way_it_is_blocked_and_eks_would_refuse(calm):
    group = kept(calm.picture())
    eks = client(calm.platform, "eks")
    here = {"clusterName": group["scope"]["cluster"], "nodegroupName": group["name"]}
    eks.update_nodegroup_config(**here, scalingConfig={"maxSize": group["facts"]["max"] + 1})
    exit_code, plan = calm.plan("scale", group["id"], desired=2)
    assert exit_code == 4 and "nodegroup.active" in failing(plan, "block")
    with pytest.raises(botocore.exceptions.ClientError) as refused:
        aws_line.run(plan["calls"][0]["cli"], calm.platform.aws)
    assert code(refused) == "ResourceInUseException"


def test_sizes_that_contradict_each_other_are_blocked_and_eks_would_refuse(calm):
    group = kept(calm.picture())
    exit_code, plan = calm.plan("scale", group["id"], desired=group["facts"]["max"] + 1)
    assert exit_code == 4 and "nodegroup.within-bounds" in failing(plan, "block")
    with pytest.raises(botocore.exceptions.ClientError) as refused:
        aws_line.run(plan["calls"][0]["cli"], calm.platform.aws)
    assert code(refused) == "InvalidParameterException"


def test_beyond_the_quota_of_vcpus_it_is_blocked_and_ec2_gives_no_more(calm):
    group = kept(calm.picture())
    here = {"clusterName": group["scope"]["cluster"], "nodegroupName": group["name"]}
    quota, used = group["facts"]["vcpu_quota"], group["facts"]["vcpu_quota_used"]
    assert 0 < used < quota
    each = VCPUS[group["facts"]["instance_types"].rsplit(".", 1)[1]]
    most = (quota - used) // each
    _, plan = calm.plan("scale", group["id"], desired=most, max=most + 1)
    assert "nodegroup.vcpu-quota" not in failing(plan, "block")
    exit_code, plan = calm.plan("scale", group["id"], desired=most + 1, max=most + 1)
    assert exit_code == 4 and "nodegroup.vcpu-quota" in failing(plan, "block")
    assert f"{quota:,}" in next(f["value"] for f in plan["findings"] if f["id"] == "nodegroup.vcpu-quota")
    aws_line.run(plan["calls"][0]["cli"], calm.platform.aws)
    calm.platform.advance(600)
    after = calm.picture()
    nodes = [n for n in after.of("node") if n["facts"].get("nodegroup") == group["name"]]
    assert len(nodes) == most
    issues = client(calm.platform, "eks").describe_nodegroup(**here)["nodegroup"]["health"]["issues"]
    assert [i["code"] for i in issues] == ["AsgInstanceLaunchFailures"] and "VcpuLimitExceeded" in issues[0]["message"]
    again = after.nodes[group["id"]]["facts"]
    assert again["health_issues"] and again["vcpu_quota_used"] == used + most * each


def test_down_is_level_three_and_the_last_nodes_are_not_taken(calm):
    group = running(calm.picture())
    size = group["facts"]["desired"]
    _, plan = calm.plan("scale", group["id"], desired=size - 1)
    assert plan["level"] in ("L3", "L4")
    assert any(f["id"] == "nodegroup.terminates" for f in plan["findings"])
    _, plan = calm.plan("scale", group["id"], desired=0, min=0)
    assert "nodegroup.room" in failing(plan, "warn"), "the rest has no room for all pods"


def test_bounds_alone_are_changed_and_undone(tmp_path):
    options = ("--clock", "auto", "--speed", "20", "--seed", "41", "--pods", "60", "--regions", "1")
    with simulated(tmp_path / "sim", "calm", *options) as platform:
        terminal = Terminal(platform, tmp_path / "state")
        group = kept(terminal.picture())
        most = group["facts"]["max"]
        _, plan = terminal.plan("scale", group["id"], max=most + 3)
        exit_code, receipt = terminal.act(plan)
        assert exit_code == 0, receipt["sentence"]
        back = receipt["undo_request"]
        exit_code, plan = terminal.plan(back["action"], back["node"], **back["settings"])
        exit_code, receipt = terminal.act(plan)
        assert exit_code == 0, receipt["sentence"]
        assert kept(terminal.picture())["facts"]["max"] == most
