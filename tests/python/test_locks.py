"""The lock other consoles honour: one Lease per blast domain, between operators who share nothing but the cluster."""

import datetime
import hashlib
import json
import os
import subprocess
import time

import pytest
import topology as reading
from platform_sim import simulated
from road_desk import act_words, finding, fullest_dead_letters, kubectl, planned

SPEED = 20


@pytest.fixture()
def desk(tmp_path):
    with simulated(tmp_path / "sim", "dlq-fills", "--clock", "auto", "--speed", str(SPEED), "--seed", "3", "--pods", "40", "--regions", "1") as platform:
        platform.advance(16 * 60)
        yield platform, fullest_dead_letters(platform, tmp_path / "one")["id"], tmp_path


def lease_name(plan: dict) -> str:
    return "quarterdeck-" + hashlib.sha256(plan["domain"].encode()).hexdigest()[:16]


def lease(platform, name: str) -> dict | None:
    done = kubectl(platform, "get", "lease", name, "-n", "default", "-o", "json")
    return json.loads(done.stdout) if done.returncode == 0 else None


def hold(platform, name: str, age: int) -> None:
    """Another console's lease, last renewed `age` platform seconds ago."""
    now = datetime.datetime.fromisoformat(platform_time(platform))
    at = (now - datetime.timedelta(seconds=age)).strftime("%Y-%m-%dT%H:%M:%S.000000Z")
    spec = {"holderIdentity": "ben@desk", "acquireTime": at, "renewTime": at, "leaseDurationSeconds": 3600, "leaseTransitions": 4}
    body = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": name, "namespace": "default"}, "spec": spec}
    kubectl(platform, "delete", "lease", name, "-n", "default")
    done = kubectl(platform, "create", "-f", "-", "--validate=false", stdin=json.dumps(body))
    assert done.returncode == 0, done.stderr


def platform_time(platform) -> str:
    done = kubectl(platform, "get", "--raw", "/version", "-v=8")
    date = next(line.split("Date:", 1)[1].strip() for line in done.stderr.splitlines() if "Date:" in line)
    return datetime.datetime.strptime(date, "%a, %d %b %Y %H:%M:%S GMT").isoformat()


def start(platform, plan: dict, state) -> subprocess.Popen:
    environment = {**os.environ, "XDG_STATE_HOME": str(state)}
    words = [reading.QD, *act_words(platform, plan)]
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)


def test_held_is_refused_lapsed_is_taken_over_and_two_consoles_are_one_run(desk):
    platform, node, folder = desk
    fast = ("--set", "rate=500")
    plan = planned(platform, folder / "one", "redrive", node, *fast)
    name = lease_name(plan)
    hold(platform, name, age=0)
    done = reading.qd(*act_words(platform, plan), state=folder / "one")
    assert done.returncode == 4 and "ben@desk is acting on it since" in done.stderr and name in done.stderr, (done.returncode, done.stderr)
    # Its holder has gone: it lapsed.
    hold(platform, name, age=7_200)
    plan = planned(platform, folder / "one", "redrive", node, *fast)
    first = start(platform, plan, folder / "one")
    deadline = time.monotonic() + 20
    while (found := lease(platform, name)) is None or found["spec"]["holderIdentity"] == "ben@desk":
        assert first.poll() is None and time.monotonic() < deadline, first.communicate()
        time.sleep(0.1)
    said = found["metadata"]["annotations"]["quarterdeck/doing"]
    assert said.startswith(plan["label"]) and "reason: " in said, said
    assert found["spec"]["leaseTransitions"] == 5 and found["metadata"]["annotations"]["quarterdeck/domain"] == plan["domain"]
    # An operator with another state folder: nothing but the Lease is shared.
    second = start(platform, plan, folder / "two")
    out, err = second.communicate(timeout=60)
    assert second.returncode == 4 and ("is acting on it since" in err or "not as it was shown" in err), (second.returncode, err)
    out, err = first.communicate(timeout=120)
    receipt = json.loads(out.splitlines()[-1])
    assert first.returncode == 0 and receipt["verdict"] == "verified", (first.returncode, err, receipt.get("sentence"))
    assert "Other consoles keep off" in finding(receipt, "plan.lock")["sentence"]
    assert lease(platform, name) is None, "it is given back at the end"


def test_where_no_lease_can_be_had_that_is_said(desk):
    platform, node, folder = desk
    platform.fault("denied:kubernetes/create/leases")
    plan = planned(platform, folder / "one", "redrive", node, "--set", "rate=500")
    first = start(platform, plan, folder / "one")
    line = first.stdout.readline()
    sentence = finding(json.loads(line)["receipt"], "plan.lock")["sentence"]
    assert "Other consoles see no lock" in sentence and "we may not" in sentence, sentence
    first.kill()
    first.wait()


def test_a_lock_that_somebody_else_takes_in_mid_run_stops_the_run(desk):
    platform, node, folder = desk
    plan = planned(platform, folder / "one", "redrive", node, "--set", "rate=1")
    run = start(platform, plan, folder / "one")
    for line in run.stdout:
        said = json.loads(line)
        if said.get("receipt", {}).get("progress", {}).get("moved", 0) > 0:
            break
    hold(platform, lease_name(plan), age=0)
    out, err = run.communicate(timeout=60)
    receipt = json.loads(out.splitlines()[-1])
    assert receipt["verdict"] == "aborted", (receipt["verdict"], receipt["sentence"], err)
    assert receipt["sentence"].startswith("The lock was lost: ben@desk "), receipt["sentence"]
    assert "Another console has the lock now." in receipt["sentence"] and "operator" not in receipt["sentence"], receipt["sentence"]
    assert lease(platform, lease_name(plan))["spec"]["holderIdentity"] == "ben@desk", "it is not given back for somebody else"
    assert reading.qd("audit", "verify", state=folder / "one").returncode == 0
    queue = next(q for q in reading.read(platform.stack, folder / "two").of("queue") if q["id"] == node)
    assert queue["facts"]["move_task_status"] != "RUNNING", "the task goes on under nobody's lock"
