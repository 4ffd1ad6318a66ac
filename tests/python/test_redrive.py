"""The whole road of one action: blocked while the consumer fails, then offered, run and verified."""

import json
import pathlib
import signal
import subprocess
import os

import pytest

import topology as reading
from platform_sim import simulated

REASON = "drill"


def plan(platform, state: pathlib.Path, node: str, *sets: str) -> tuple[int, dict]:
    done = reading.qd("plan", "redrive", node, "--stack", str(platform.stack), "--json", *sets, state=state)
    assert done.returncode in (0, 4), done.stderr
    return done.returncode, json.loads(done.stdout)


def filled(picture) -> str:
    """The dead-letter queue that holds most."""
    dlqs = [q for q in picture.of("queue") if q["facts"].get("is_dead_letter_queue")]
    return max(dlqs, key=lambda q: q["facts"].get("messages_visible", 0))["id"]


def act_command(platform, made: dict, *extra: str) -> list[str]:
    return [
        reading.QD, "act", "redrive", made["node"], "--reason", REASON, "--confirm", made["confirm"],
        "--digest", made["digest"], "--stack", str(platform.stack), "--json", *extra,
    ]


@pytest.fixture()
def recovered(tmp_path):
    """dlq-fills, ten world-minutes later: the pipeline has rolled the consumer back."""
    with simulated(tmp_path / "sim", "dlq-fills", "--clock", "auto", "--speed", "20", "--seed", "3") as platform:
        platform.advance(16 * 60)
        yield platform


def test_blocked_while_the_consumer_fails_then_verified(tmp_path):
    with simulated(tmp_path / "sim", "dlq-fills", "--clock", "explicit", "--seed", "5") as platform:
        state = tmp_path / "state"
        picture = reading.read(platform.stack, state)
        dlq = filled(picture)
        code, blocked = plan(platform, state, dlq)
        assert code == 4
        failing = {f["id"] for f in blocked["findings"] if f["severity"] == "block" and f["outcome"] == "fail"}
        assert failing, blocked["findings"]
        refused = subprocess.run(
            act_command(platform, blocked), capture_output=True, text=True, timeout=120,
            env={**os.environ, "XDG_STATE_HOME": str(state)},
        )
        assert refused.returncode == 4, refused.stderr
        platform.advance(16 * 60)
        code, clear = plan(platform, state, dlq)
        assert code == 0, [f for f in clear["findings"] if f["outcome"] != "pass"]


def test_runs_to_a_verified_receipt(recovered, tmp_path):
    state = tmp_path / "state"
    dlq = filled(reading.read(recovered.stack, state))
    code, made = plan(recovered, state, dlq, "--set", "rate=500")
    assert code == 0, [f for f in made["findings"] if f["outcome"] != "pass"]
    done = subprocess.run(
        act_command(recovered, made, "--set", "rate=500"), capture_output=True, text=True, timeout=400,
        env={**os.environ, "XDG_STATE_HOME": str(state)},
    )
    receipt = json.loads(done.stdout.splitlines()[-1])
    assert done.returncode == 0, (done.stderr, receipt.get("sentence"))
    assert receipt["run"] and receipt["verdict"] == "verified"
    assert all(p["holds"] for p in receipt["predicates"])
    audit = reading.qd("audit", "verify", state=state)
    assert audit.returncode == 0, audit.stderr


def test_killed_half_way_it_is_resumed_and_nothing_starts_twice(recovered, tmp_path):
    state = tmp_path / "state"
    env = {**os.environ, "XDG_STATE_HOME": str(state)}
    dlq = filled(reading.read(recovered.stack, state))
    _, made = plan(recovered, state, dlq, "--set", "rate=20")
    running = subprocess.Popen(act_command(recovered, made, "--set", "rate=20"), stdout=subprocess.PIPE, text=True, env=env)
    for line in running.stdout:
        event = json.loads(line)
        if event.get("receipt", {}).get("progress", {}).get("moved", 0) > 0:
            break
    running.send_signal(signal.SIGKILL)
    running.wait()
    known = json.loads(reading.qd("runs", "--json", state=state).stdout)
    assert len(known) == 1 and known[0]["phase"] == "interrupted", known
    done = reading.qd("resume", known[0]["run"], "--stack", str(recovered.stack), "--json", state=state, timeout=400)
    receipt = json.loads(done.stdout.splitlines()[-1])
    assert receipt["verdict"], receipt
    assert json.loads(reading.qd("runs", "--json", state=state).stdout) == []
    assert reading.qd("audit", "verify", state=state).returncode == 0


def begun(recovered, state: pathlib.Path) -> subprocess.Popen:
    """A slow redrive that has moved something."""
    dlq = filled(reading.read(recovered.stack, state))
    _, made = plan(recovered, state, dlq, "--set", "rate=20")
    running = subprocess.Popen(
        act_command(recovered, made, "--set", "rate=20"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "XDG_STATE_HOME": str(state)},
    )
    for line in running.stdout:
        if json.loads(line).get("receipt", {}).get("progress", {}).get("moved", 0) > 0:
            return running
    raise AssertionError(running.stderr.read())


def test_an_interrupt_stops_it_as_its_plan_says(recovered, tmp_path):
    running = begun(recovered, tmp_path)
    running.send_signal(signal.SIGINT)
    said, errors = running.communicate(timeout=120)
    receipt = json.loads(said.splitlines()[-1])
    assert running.returncode == 7 and receipt["verdict"] in ("aborted", "partial"), (errors, receipt["sentence"])
    assert f"qd resume {receipt['run']}" in errors
    assert json.loads(reading.qd("runs", "--json", state=tmp_path).stdout) == []
    assert reading.qd("audit", "verify", state=tmp_path).returncode == 0
