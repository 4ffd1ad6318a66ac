"""Incident 2 through `qd`: the writer's host is sick and a reader must be chosen; and load is no host."""

import json
import os
import subprocess

import topology as reading
from platform_sim import simulated


class Desk:
    """One operator beside one simulated platform."""

    def __init__(self, platform, state):
        self.platform, self.state = platform, state
        self.picture = reading.read(platform.stack, state)
        clusters = [c for c in self.picture.of("dbcluster") if "global_cluster" not in c["facts"]]
        self.cluster = clusters[0]["id"]
        self.members = {i["name"]: i["facts"] for i in self.picture.of("dbinstance") if i["name"].startswith(clusters[0]["name"])}
        self.writer = next(n for n, f in self.members.items() if f["role"] == "writer")

    def qd(self, *words: str) -> subprocess.CompletedProcess:
        return reading.qd(*words, "--stack", str(self.platform.stack), "--json", state=self.state)

    def choices(self) -> tuple[dict, list[dict]]:
        offers = json.loads(self.qd("offers", self.cluster).stdout)
        offer = next(o for o in offers if o["action"] == "failover")
        (setting,) = offer["settings"]
        assert setting["default"] == "", "nobody is chosen by default"
        return offer, setting["ask"]["choices"]

    def plan(self, action: str, node: str, *sets: str) -> tuple[int, dict]:
        done = self.qd("plan", action, node, *[w for s in sets for w in ("--set", s)])
        assert done.returncode in (0, 4), done.stderr
        return done.returncode, json.loads(done.stdout)

    def start(self, plan: dict) -> subprocess.Popen:
        words = [reading.QD, "act", plan["action"], plan["node"], "--reason", "drill", "--confirm", plan["confirm"],
                 "--digest", plan["digest"], "--stack", str(self.platform.stack), "--json"]
        words += [w for name, value in plan["settings"].items() for w in ("--set", f"{name}={value}")]
        env = {**os.environ, "XDG_STATE_HOME": str(self.state)}
        return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env)


def failing(plan: dict) -> set[str]:
    return {f["id"] for f in plan["findings"] if f["outcome"] != "pass" and f["severity"] != "info"}


def finding(plan: dict, name: str) -> dict:
    return next(f for f in plan["findings"] if f["id"] == name)


def test_nobody_is_chosen_by_default_and_every_reader_says_how_it_fits(tmp_path):
    options = ("--clock", "explicit", "--seed", "3", "--pods", "60", "--regions", "1")
    with simulated(tmp_path / "sim", "writer-sick", *options) as platform:
        desk = Desk(platform, tmp_path / "state")
        offer, choices = desk.choices()
        assert offer["colour"] == "red" and "AWS would promote" in offer["why"], "no target, no failover"
        assert any("vCPU" in f for f in choices[0]["facts"]) and any(f.startswith("lag ") for f in choices[0]["facts"])

        code, nobody = desk.plan("failover", desk.cluster)
        assert code == 4 and "failover.target-chosen" in failing(nobody)
        _, small = desk.plan("failover", desk.cluster, f"target={choices[-1]['value']}")
        assert "failover.target-size" in failing(small), failing(small)
        assert finding(small, "failover.target-size")["severity"] == "warn"

        code, plan = desk.plan("failover", desk.cluster, f"target={choices[0]['value']}")
        assert (code, plan["level"]) == (0, "L3"), failing(plan)
        assert finding(plan, "failover.load-or-host")["value"] == "host"
        assert plan["undo_request"]["settings"]["target"] == desk.writer


def test_load_is_said_and_raises_the_level(tmp_path):
    options = ("--clock", "explicit", "--seed", "3", "--pods", "60", "--regions", "1")
    with simulated(tmp_path / "sim", "writer-load", *options) as platform:
        desk = Desk(platform, tmp_path / "state")
        _, choices = desk.choices()
        code, plan = desk.plan("failover", desk.cluster, f"target={choices[0]['value']}")
        evidence = finding(plan, "failover.load-or-host")
        assert (evidence["outcome"], evidence["value"]) == ("fail", "load")
        assert "Failover moves the problem" in evidence["sentence"]
        assert plan["level"] == "L4"
        run = desk.start(plan)
        run.communicate(timeout=120)
        assert run.returncode == 4, "level 4 is not pressed by one person"


def restart_what_clings(desk: Desk, run: subprocess.Popen) -> tuple[dict, subprocess.Popen, list[str]]:
    """Reads a failover's lines to its receipt; restarts what it says is still on the old writer as soon as it says so."""
    restart, named = None, []
    for line in run.stdout:
        said = json.loads(line)
        if "receipt" not in said:
            return said, restart, named
        follow_ups = said["receipt"].get("follow_ups", [])
        named += [f["node"] for f in follow_ups if f["node"] not in named]
        if follow_ups and restart is None:
            code, plan = desk.plan(follow_ups[0]["action"], follow_ups[0]["node"])
            if code == 0:
                restart = desk.start(plan)
    raise AssertionError(run.stderr.read())


def test_the_failover_is_verified_once_what_clings_to_the_old_writer_is_restarted(tmp_path):
    """Incident 2 to its end. Pools that only had a cached name are not named; the failover's run goes on beside the restart."""
    options = ("--clock", "auto", "--speed", "4", "--seed", "3", "--pods", "60", "--regions", "1")
    with simulated(tmp_path / "sim", "writer-sick", *options) as platform:
        desk = Desk(platform, tmp_path / "state")
        _, choices = desk.choices()
        code, plan = desk.plan("failover", desk.cluster, f"target={choices[0]['value']}")
        assert code == 0, failing(plan)
        receipt, restart, named = restart_what_clings(desk, desk.start(plan))
        assert [node.rsplit("/", 1)[1] for node in named] == ["accounts"], named
        assert receipt["verdict"] == "verified", receipt["sentence"]
        parts = {p["part"]: p["seconds"] for p in receipt["recovery_parts"]}
        assert parts["role"] < parts["endpoint"] < parts["application"], parts
        assert not receipt.get("follow_ups"), receipt["follow_ups"]
        out, err = restart.communicate(timeout=60)
        assert json.loads(out.splitlines()[-1])["verdict"] == "verified", out.splitlines()[-1]
        assert reading.qd("audit", "verify", state=desk.state).returncode == 0
