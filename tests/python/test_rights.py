"""Rights asked beforehand: what is denied is named before the press, and what cannot be asked is said."""

import json

import pytest
import topology as reading
from platform_sim import simulated
from road_desk import act_words, finding, fullest_dead_letters, kubectl, paste, planned


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("rights")
    with simulated(folder / "sim", "dlq-fills", "--clock", "auto", "--speed", "1", "--seed", "3", "--pods", "40", "--regions", "1") as platform:
        platform.advance(16 * 60)
        yield platform, folder / "state", fullest_dead_letters(platform, folder / "state")


@pytest.fixture()
def desk(world):
    yield world
    world[0].heal()


def checked(platform, state, node):
    """The plan of a redrive whose rights were asked for: a busy machine may need more than the seconds IAM has."""
    for _ in range(6):
        plan = planned(platform, state, "redrive", node)
        found = finding(plan, "plan.rights")
        if "could not be checked" not in found["sentence"]:
            break
    return plan, found


START = "sqs:StartMessageMoveTask"


def test_a_right_we_have_is_said(desk):
    platform, state, queue = desk
    _, found = checked(platform, state, queue["id"])
    assert (found["severity"], found["outcome"]) == ("block", "pass"), found
    assert START in found["sentence"] and queue["facts"]["arn"] in found["sentence"]
    assert 0 <= found["age"] < 300


def test_a_missing_right_is_named_in_offer_plan_and_press_as_the_service_denies_it(desk):
    platform, state, queue = desk
    before = planned(platform, state, "redrive", queue["id"])
    platform.fault("denied:sqs:StartMessageMoveTask")
    offers = reading.qd("offers", queue["id"], "--stack", str(platform.stack), "--json", state=state)
    offer = next(o for o in json.loads(offers.stdout) if o["action"] == "redrive")
    assert offer["colour"] == "red" and any(START in f["sentence"] for f in offer["findings"] if f["id"] == "plan.rights"), offer
    plan, found = checked(platform, state, queue["id"])
    assert plan.get("blocked") and (found["severity"], found["outcome"]) == ("block", "fail"), found
    assert f"missing: {START} on {queue['facts']['arn']}" in found["sentence"], found
    assert found["next_step"]
    done = reading.qd(*act_words(platform, before), state=state)
    assert done.returncode == 4 and START in done.stderr, (done.returncode, done.stderr)
    # The service agrees: the line of the plan is denied.
    line = next(c["cli"] for c in before["calls"] if c["operation"] == START)
    pasted = paste(line, platform)
    assert pasted.returncode != 0 and "AccessDenied" in pasted.stderr, pasted.stderr


@pytest.mark.parametrize("fault", ["denied:iam", "silent:iam", "malformed:iam"])
def test_what_cannot_be_asked_is_said_and_blocks_nothing(desk, fault):
    platform, state, queue = desk
    platform.fault(fault)
    plan = planned(platform, state, "redrive", queue["id"])
    found = finding(plan, "plan.rights")
    assert (found["severity"], found["outcome"]) == ("info", "pass"), found
    assert "could not be checked beforehand" in found["sentence"] and not plan.get("blocked", False), found


def test_a_denied_right_of_kubernetes_denies_review_and_call_alike(desk):
    platform, state, _ = desk
    deployment = reading.read(platform.stack, state).of("deployment")[0]
    name, namespace = deployment["name"], deployment["scope"]["namespace"]
    may = lambda: kubectl(platform, "auth", "can-i", "patch", "deployments.apps/" + name, "--subresource=scale", "-n", namespace).stdout.strip()
    write = lambda: kubectl(platform, "patch", "deployment", name, "-n", namespace, "--subresource=scale", "--type=merge", "-p", '{"spec":{"replicas":3}}')
    assert may() == "yes"
    platform.fault("denied:kubernetes/patch/deployments/scale")
    assert may() == "no"
    refused = write()
    assert refused.returncode != 0 and "forbidden" in refused.stderr, refused.stderr
    platform.heal()
    assert may() == "yes" and write().returncode == 0
