"""Open loops: what was left open is listed with its owner and its time, across processes, until the platform shows its end."""

import json

import pytest
import topology as reading
from platform_sim import simulated
from road_desk import fullest_dead_letters, paste


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
