"""Open loops: what was left open is listed with its owner and its time, across processes, until the platform shows its end."""

import json

import pytest
import topology as reading
from platform_sim import simulated
from road_desk import act_words, fullest_dead_letters, paste, planned


@pytest.fixture()
def desk(tmp_path):
    with simulated(tmp_path / "sim", "dlq-fills", "--clock", "auto", "--speed", "20", "--seed", "3", "--pods", "40", "--regions", "1") as platform:
        platform.advance(16 * 60)
        yield platform, tmp_path / "state"


def loops(platform, state) -> tuple[int, list[dict]]:
    done = reading.qd("loops", "--stack", str(platform.stack), "--json", state=state)
    assert done.returncode in (0, 1), (done.returncode, done.stderr)
    return done.returncode, json.loads(done.stdout)


def aws(platform, words: str) -> dict:
    region = reading.read(platform.stack, platform.folder / "other").of("cluster")[0]["scope"]["region"]
    done = paste(f"aws {words} --region {region}", platform)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout or "{}")


def test_a_move_task_of_somebody_else_is_listed_until_it_ends(desk):
    platform, state = desk
    queue = fullest_dead_letters(platform, state)
    assert loops(platform, state) == (0, [])
    arn = queue["facts"]["arn"]
    handle = aws(platform, f"sqs start-message-move-task --source-arn {arn} --max-number-of-messages-per-second 1")["TaskHandle"]
    code, found = loops(platform, state)
    assert code == 0 and [l["node"] for l in found] == [queue["id"]], found
    assert "owner" not in found[0] and "move task is running" in found[0]["sentence"] and found[0]["since"]
    status = reading.qd("status", "--stack", str(platform.stack), state=state)
    assert "Left open:" in status.stdout and queue["name"] in status.stdout.split("Left open:")[1], status.stdout
    aws(platform, f"sqs cancel-message-move-task --task-handle {handle}")
    platform.advance(60)
    assert loops(platform, state) == (0, [])


def act(platform, state, verb: str, node: str, *more: str) -> dict:
    plan = planned(platform, state, verb, node, *more)
    assert not plan.get("blocked"), [f for f in plan["findings"] if f["outcome"] != "pass"]
    done = reading.qd(*act_words(platform, plan), state=state)
    assert done.returncode == 0, (done.returncode, done.stderr, done.stdout[-600:])
    return json.loads(done.stdout.splitlines()[-1])


def enabled_mapping(platform, state) -> dict:
    mappings = [m for m in reading.read(platform.stack, state).of("mapping") if m["facts"].get("state_word") == "Enabled"]
    assert mappings, "no mapping is enabled in this world"
    return mappings[0]


def test_a_pause_is_open_with_its_owner_until_resumed_and_alarms_when_overdue(desk):
    platform, state = desk
    mapping = enabled_mapping(platform, state)
    receipt = act(platform, state, "pause", mapping["id"], "--set", "for=30m")
    assert receipt["left_open"]["close"]["action"] == "resume" and receipt["undo_request"]["action"] == "resume"
    assert (state / "quarterdeck" / "loops.db").stat().st_mode & 0o777 == 0o600
    code, (found,) = loops(platform, state)
    assert (code, found["state"], found["run"], found["reason"]) == (0, "open", receipt["run"], "drill"), found
    assert found["owner"] and found["until"] > found["since"] and found["close"]["node"] == mapping["id"]
    platform.advance(45 * 60)
    code, (found,) = loops(platform, state)
    assert (code, found["state"]) == (1, "expired") and "was to be closed" in found["sentence"], found
    status = reading.qd("status", "--stack", str(platform.stack), state=state)
    assert "OVERDUE" in status.stdout and status.returncode in (1, 2, 3), status.stdout
    undo = reading.qd("undo", receipt["run"], "--stack", str(platform.stack), "--json", state=state)
    assert json.loads(undo.stdout)["action"] == "resume", undo
    act(platform, state, "resume", mapping["id"])
    assert loops(platform, state) == (0, [])


def test_a_pause_of_somebody_else_is_listed_and_ours_ends_by_whoever_ends_it(desk):
    platform, state = desk
    mapping = enabled_mapping(platform, state)
    uuid = mapping["facts"].get("uuid") or mapping["name"]
    aws(platform, f"lambda update-event-source-mapping --uuid {uuid} --no-enabled")
    platform.advance(120)
    code, found = loops(platform, state)
    assert code == 0 and [(l["node"], l["close"]["action"]) for l in found] == [(mapping["id"], "resume")], found
    assert "owner" not in found[0] and "not known" in found[0]["sentence"]
    aws(platform, f"lambda update-event-source-mapping --uuid {uuid} --enabled")
    platform.advance(120)
    assert loops(platform, state) == (0, [])
    act(platform, state, "pause", mapping["id"], "--set", "for=30m")
    assert len(loops(platform, state)[1]) == 1
    aws(platform, f"lambda update-event-source-mapping --uuid {uuid} --enabled")
    platform.advance(120)
    assert loops(platform, state) == (0, []), "the platform shows that it is over"
