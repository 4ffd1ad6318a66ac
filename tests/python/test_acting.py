"""What is done is done by the role that acts: named before, assumed for it, bound to it, and told when it cannot be had."""

import json

import pytest
import topology as reading
from platform_sim import simulated
from road_desk import act_words, finding, fullest_dead_letters, planned

ROLE = "arn:aws:iam::100200300400:role/quarterdeck-act"


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("acting")
    with simulated(folder / "sim", "dlq-fills", "--clock", "auto", "--speed", "5", "--seed", "3", "--pods", "40", "--regions", "1") as platform:
        platform.advance(16 * 60)
        text = platform.stack.read_text()
        platform.stack.write_text(text.replace("[[account]]\n", f'[[account]]\nact_role = "{ROLE}"\n', 1))
        yield platform, folder / "state", fullest_dead_letters(platform, folder / "state")


@pytest.fixture()
def desk(world):
    yield world
    world[0].heal()


def signed(platform) -> dict[str, set[str]]:
    """Who signed each action."""
    by: dict[str, set[str]] = {}
    for call in platform.get("/calls")["calls"]:
        by.setdefault(call["action"], set()).add(call["signer"].split("/")[1 if "/" in call["signer"] else 0])
    return by


def pressed(platform, state, plan) -> tuple[int, dict]:
    done = reading.qd(*act_words(platform, plan), state=state, timeout=240)
    last = json.loads(done.stdout.strip().splitlines()[-1])
    return done.returncode, last.get("receipt", last)


def test_a_role_that_may_not_be_assumed_is_said_before_the_press(desk, tmp_path):
    platform, _, queue = desk
    platform.fault("denied:sts:AssumeRole")
    for _ in range(6):
        plan = planned(platform, tmp_path, "redrive", queue["id"])
        if plan.get("blocked"):
            break
    found = finding(plan, "plan.rights")
    assert found["outcome"] == "fail" and f"sts:AssumeRole on {ROLE} is missing" in found["sentence"], found


@pytest.mark.parametrize(("fault", "words", "next"), [
    ("throttled:sts:AssumeRole", "the role that acts was not assumed: STS AssumeRole", "Plan it again"),
    ("expired:sts:AssumeRole", "was not sent: the role that acts was not assumed", "Renew the credentials of profile"),
])
def test_a_role_that_is_not_given_ends_the_run_with_nothing_done(desk, fault, words, next):
    platform, state, queue = desk
    plan = planned(platform, state, "redrive", queue["id"])
    assert plan["acts_as"] == ROLE
    platform.fault(fault)
    code, receipt = pressed(platform, state, plan)
    assert (code, receipt["verdict"]) == (5, "failed"), receipt["sentence"]
    assert words in receipt["sentence"] and next in receipt["next_step"], receipt
    assert "sqs:StartMessageMoveTask" not in signed(platform)


def test_the_profile_reads_and_the_role_acts(desk):
    platform, state, queue = desk
    plan = planned(platform, state, "redrive", queue["id"])
    code, receipt = pressed(platform, state, plan)
    assert code == 0, receipt["sentence"]
    by = signed(platform)
    assert by["sqs:StartMessageMoveTask"] == {"quarterdeck-act"} and by["sqs:ListMessageMoveTasks"] == {"operations"}, by


def test_a_look_into_a_queue_is_the_roles_too(desk):
    platform, state, queue = desk
    looked = reading.qd("peek", queue["id"], "--stack", str(platform.stack), "--json", state=state)
    assert looked.returncode == 0, looked.stderr
    assert signed(platform)["sqs:ReceiveMessage"] == {"quarterdeck-act"}


def test_an_action_with_a_role_of_its_own_is_done_by_that_and_every_other_by_the_common_one(desk):
    platform, state, queue = desk
    common = ROLE.replace("quarterdeck-act", "quarterdeck-common")
    own = platform.stack.with_name("own.toml")

    def roles(every: str, selected: str) -> None:
        named = f'act_role = "{every}"\nact_roles = {{ redrive-selected = "{selected}" }}'
        own.write_text(platform.stack.read_text().replace(f'act_role = "{ROLE}"', named, 1))

    def look():
        return reading.qd("peek", queue["id"], "--stack", str(own), "--json", state=state)

    roles(common, ROLE)
    acts_as = {verb: planned(platform, state, verb, queue["id"], stack=own)["acts_as"] for verb in ("redrive", "redrive-selected", "purge")}
    assert acts_as == {"redrive": common, "redrive-selected": ROLE, "purge": common}
    before = signed(platform).get("sqs:ReceiveMessage", set())
    looked = look()
    assert looked.returncode == 0, looked.stderr
    assert signed(platform)["sqs:ReceiveMessage"] == before | {"quarterdeck-act"}
    # Its own role is not there: the common one does not stand in.
    roles(ROLE, common)
    looked = look()
    assert looked.returncode != 0 and common in looked.stderr, looked.stderr
