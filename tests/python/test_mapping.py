"""Event source mappings through `qd`: pause with its curve and its end, resume, concurrency, and what is blocked."""

import botocore.exceptions
import pytest

import aws_line
from desk import Terminal, failing
from platform_sim import simulated
from test_simulator_aws import client, code


@pytest.fixture()
def calm(tmp_path):
    options = ("--clock", "auto", "--speed", "20", "--seed", "41", "--pods", "60", "--regions", "1")
    with simulated(tmp_path / "sim", "calm", *options) as platform:
        platform.advance(180)
        yield Terminal(platform, tmp_path / "state")


def mapping(terminal) -> dict:
    return min(terminal.picture().of("mapping"), key=lambda node: node["id"])


def of_lambda(terminal, node) -> dict:
    return client(terminal.platform, "lambda").get_event_source_mapping(UUID=node["name"])


def test_a_pause_is_verified_leaves_a_loop_and_is_undone_by_the_resume(calm):
    node = mapping(calm)
    exit_code, plan = calm.plan("pause", node["id"], **{"for": "30m"})
    assert exit_code == 0 and plan["level"] == "L2", [f for f in plan["findings"] if f["outcome"] != "pass"]
    assert any("messages/s" in s and "after 30 min" in s for s in plan["blast"]["sentences"]), plan["blast"]
    exit_code, receipt = calm.act(plan)
    assert exit_code == 0 and receipt["verdict"] == "verified", receipt["sentence"]
    assert receipt["left_open"]["seconds"] == 1800 and receipt["left_open"]["close"]["action"] == "resume"
    assert of_lambda(calm, node)["State"] == "Disabled"
    back = receipt["undo_request"]
    exit_code, plan = calm.plan(back["action"], back["node"])
    assert exit_code == 0, failing(plan, "block")
    exit_code, receipt = calm.act(plan)
    assert exit_code == 0 and receipt["verdict"] == "verified", receipt["sentence"]
    assert of_lambda(calm, node)["State"] == "Enabled"


def test_a_concurrency_is_set_and_set_back(calm):
    node = mapping(calm)
    before = node["facts"]["maximum_concurrency"]
    exit_code, plan = calm.plan("concurrency", node["id"], max=5)
    assert exit_code == 0, failing(plan, "block")
    exit_code, receipt = calm.act(plan)
    assert exit_code == 0, receipt["sentence"]
    assert of_lambda(calm, node)["ScalingConfig"]["MaximumConcurrency"] == 5
    back = receipt["undo_request"]
    _, plan = calm.plan(back["action"], back["node"], **back["settings"])
    exit_code, receipt = calm.act(plan)
    assert exit_code == 0, receipt["sentence"]
    assert of_lambda(calm, node)["ScalingConfig"]["MaximumConcurrency"] == before


@pytest.fixture()
def still(tmp_path):
    options = ("--clock", "explicit", "--seed", "41", "--pods", "60", "--regions", "1")
    with simulated(tmp_path / "sim", "calm", *options) as platform:
        platform.advance(180)
        yield Terminal(platform, tmp_path / "state")


def test_the_pasted_lines_do_the_same_calls(still):
    node = mapping(still)
    _, plan = still.plan("pause", node["id"])
    assert aws_line.run(plan["calls"][0]["cli"], still.platform.aws)["State"] == "Disabling"
    still.platform.advance(20)
    _, plan = still.plan("resume", node["id"])
    assert aws_line.run(plan["calls"][0]["cli"], still.platform.aws)["State"] == "Enabling"
    still.platform.advance(20)
    _, plan = still.plan("concurrency", node["id"], max=7)
    answer = aws_line.run(plan["calls"][0]["cli"], still.platform.aws)
    assert answer["ScalingConfig"] == {"MaximumConcurrency": 7}
    still.platform.advance(20)
    _, plan = still.plan("concurrency", node["id"], max="off")
    answer = aws_line.run(plan["calls"][0]["cli"], still.platform.aws)
    assert "MaximumConcurrency" not in answer.get("ScalingConfig", {})


def test_in_transition_it_is_blocked_and_lambda_would_refuse(still):
    node = mapping(still)
    client(still.platform, "lambda").update_event_source_mapping(UUID=node["name"], BatchSize=5)
    exit_code, plan = still.plan("pause", node["id"])
    assert exit_code == 4 and "mapping.steady" in failing(plan, "block")
    with pytest.raises(botocore.exceptions.ClientError) as refused:
        aws_line.run(plan["calls"][0]["cli"], still.platform.aws)
    assert code(refused) == "ResourceInUseException"


def test_more_than_is_reserved_is_warned_of(still):
    node = mapping(still)
    functions = client(still.platform, "lambda")
    functions.put_function_concurrency(FunctionName=node["facts"]["function_name"], ReservedConcurrentExecutions=30)
    _, plan = still.plan("concurrency", node["id"], max=40)
    assert "mapping.reserved" in failing(plan, "warn") and plan["level"] == "L3"
    _, plan = still.plan("concurrency", node["id"], max=10)
    assert "mapping.reserved" not in failing(plan, "warn")


def test_a_forgotten_pause_is_called_for(still):
    node = mapping(still)
    client(still.platform, "lambda").update_event_source_mapping(UUID=node["name"], Enabled=False)
    still.platform.advance(120)
    offers = {offer["action"]: offer for offer in still.offers(node["id"])}
    assert "resume" in offers and "pause" not in offers
    assert offers["resume"]["colour"] == "green", offers["resume"]["why"]
