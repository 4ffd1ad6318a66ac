"""Broken glass: one person alone passes what guards.md marks with a dagger, by name and on the record, and nothing else."""

import json
import subprocess

import topology as reading
from platform_sim import simulated


def act(platform, state, plan: dict, *extra: str) -> subprocess.CompletedProcess:
    settings = [word for name, value in plan["settings"].items() if value for word in ("--set", f"{name}={value}")]
    return reading.qd("act", plan["action"], plan["node"], *settings, "--reason", "drill", "--confirm", plan["confirm"],
                      "--digest", plan["digest"], "--stack", str(platform.stack), "--json", *extra, state=state, timeout=240)


def planned(platform, state, action: str, node: str) -> dict:
    done = reading.qd("plan", action, node, "--stack", str(platform.stack), "--json", state=state)
    assert done.returncode == 4, done.stderr
    return json.loads(done.stdout)


def pressed(platform, state, node: str) -> subprocess.CompletedProcess:
    """Breaks the glass over what is shown now. Who is told that it is no longer so looks again, as it says."""
    for _ in range(3):
        done = act(platform, state, planned(platform, state, "redrive", node), "--break-glass", "nobody answers")
        if done.stdout:
            break
    assert done.stdout, done.stderr
    return done


def test_it_passes_the_consumer_that_fails_on_the_record_and_no_other_block(tmp_path):
    state = tmp_path / "state"
    options = ("--clock", "auto", "--speed", "10", "--seed", "3", "--pods", "60", "--regions", "1")
    with simulated(tmp_path / "sim", "dlq-fills", *options) as platform:
        picture = reading.read(platform.stack, state)
        dead = [q for q in picture.of("queue") if q["facts"].get("is_dead_letter_queue")]
        plan = planned(platform, state, "redrive", max(dead, key=lambda q: q["facts"].get("messages_visible", 0))["id"])
        assert plan["blocked"] and plan["breakable"]
        for words in ((), ("--break-glass", "  ")):
            refused = act(platform, state, plan, *words)
            assert refused.returncode == 4 and "Blocked." in refused.stderr, refused.stderr

        nobody = planned(platform, state, "failover", picture.of("dbcluster")[0]["id"])
        assert nobody["blocked"] and not nobody.get("breakable")
        refused = act(platform, state, nobody, "--break-glass", "nobody answers")
        assert refused.returncode == 4 and "target" in refused.stderr, refused.stderr
        assert '"opened"' not in reading.qd("audit", "export", state=state).stdout

        receipt = json.loads(pressed(platform, state, plan["node"]).stdout.splitlines()[-1])
        assert receipt["break_glass"] == "nobody answers" and receipt["verdict"], receipt["sentence"]
        rows = [json.loads(line) for line in reading.qd("audit", "export", state=state).stdout.splitlines()]
        (opened,) = [row for row in rows if row["kind"] == "opened"]
        assert opened["sentence"].startswith("Glass broken (nobody answers).")
        assert reading.qd("audit", "verify", state=state).returncode == 0
