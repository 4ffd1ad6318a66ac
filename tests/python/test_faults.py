"""Whatever one service does, it fails alone, in a sentence, and the rest stays live."""

import contextlib
import json
import os
import re
import subprocess
import time

import pytest

import topology as reading
from fault_proxy import broken
from platform_sim import simulated

# The service of the SigV4 scope, and the name its sources carry.
SERVICES = {
    "route53": "route53",
    "cloudfront": "cloudfront",
    "elasticloadbalancing": "elb",
    "ec2": "ec2",
    "eks": "eks",
    "rds": "rds",
    "sqs": "sqs",
    "lambda": "lambda",
    "monitoring": "cloudwatch",
    "pricing": "pricing",
    "arc-zonal-shift": "arc-zonal-shift",
}
# What its sources are called in sentences, where figures wait for them.
LABELS = {"elasticloadbalancing": "Load balancing", "eks": "EKS", "rds": "RDS", "sqs": "SQS", "lambda": "Lambda"}
FAULTS = ["hang", "throttled", "expired", "html", "garbage", "reset"]


@pytest.fixture(scope="module")
def platform(tmp_path_factory):
    folder = tmp_path_factory.mktemp("faults")
    options = ("--clock", "explicit", "--seed", "11", "--regions", "1", "--pods", "60")
    with simulated(folder / "sim", "calm", *options) as platform:
        yield platform


def through(platform, url: str, folder):
    """The simulator's own stack file, with the proxy in the way."""
    for name in ("quarterdeck.toml", "kubeconfig"):
        (folder / name).write_text((platform.folder / name).read_text())
    (folder / "aws").mkdir()
    for name in ("config", "credentials"):
        (folder / "aws" / name).write_text((platform.folder / "aws" / name).read_text().replace(platform.aws, url))
    return folder / "quarterdeck.toml"


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("service", SERVICES)
def test_a_service_fails_alone(platform, tmp_path, service, fault):
    with broken(platform.aws, service, fault) as proxy:
        stack = through(platform, proxy.url, tmp_path)
        picture = reading.read(stack, tmp_path / "state", timeout=8)
        assert proxy.broken > 0, "the fault was never met"
    reading.assert_sound(picture)
    # A picture without prices, or without zonal shifts, is whole.
    assert picture.code == (0 if service in ("pricing", "arc-zonal-shift") else 3)
    mine = [s for s in picture.document["sources"] if s["service"] == SERVICES[service]]
    assert any(s["state"] == "failed" for s in mine), mine
    for source in mine:
        if source["state"] == "failed":
            assert re.search(r"[A-Za-z]{3}.*\.$", source["error"]), source
    others = [s for s in picture.document["sources"] if s["service"] != SERVICES[service]]
    hung = service if fault == "hang" else None
    failed = [(s["id"], s["error"]) for s in others if s["state"] != "ok" and not waits(s, mine, hung)]
    assert not failed, failed


def waits(source, mine, hung) -> bool:
    """Figures of things are asked for once the things are known: with the service that lists them hung,
    they say whom they wait for."""
    found = re.search(r": no answer in 8 s, for it was not asked yet; it waits for (.+), which did not answer in 8 s\. .*look at (.+) first\.$", source["error"])
    if not hung or not found:
        return False
    region = source["scope"].get("region")  # none where it asks for the things of every region
    there = [s for s in mine if region in (None, s["scope"].get("region"))]
    silent = {f"{LABELS[hung]} {s['part']} in {s['scope'].get('region')}" for s in there if s["state"] == "failed"}
    return found[1] == found[2] and set(found[1].split(" and ")) <= silent


@contextlib.contextmanager
def watched(stack, state):
    """The lines of `qd watch`, as they come, folded by the test."""
    command = [reading.QD, "watch", "--stack", str(stack), "--json"]
    env = {**os.environ, "XDG_STATE_HOME": str(state)}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=env)
    try:
        yield process.stdout
    finally:
        process.terminate()
        process.wait(20)


def pictures(lines, within: float):
    """Folds updates into (identity, sources, nodes) for so many seconds."""
    identity, sources, nodes, end = None, {}, {}, time.monotonic() + within
    for line in lines:
        update = json.loads(line)
        part = update.get("snapshot", update)
        identity = part.get("identity") or identity
        sources.update({s["id"]: s for s in part.get("sources", [])})
        nodes.update({n["id"]: n for n in part.get("nodes", [])})
        for gone in part.get("sources_gone", []):
            del sources[gone]
        for gone in part.get("gone", []):
            del nodes[gone]
        yield identity, sources, nodes
        assert time.monotonic() < end, "it did not become true in time"
    raise AssertionError("the watch ended")


def test_what_turns_out_to_be_of_another_account_is_taken_off_the_screen(tmp_path):
    with simulated(tmp_path / "sim", "calm", "--pods", "60", "--regions", "1", "--fault", "silent:sts") as platform:
        text = platform.stack.read_text()
        platform.stack.write_text(text.replace("[[account]]\n", '[[account]]\nid = "999988887777"\n'))
        with watched(platform.stack, tmp_path / "state") as lines:
            steps = pictures(lines, within=90)
            for identity, _, nodes in steps:
                if any(n["kind"] == "queue" and n["standing"] == "read" for n in nodes.values()):
                    break
            # Nobody says which account it is: it is not called the one of the stack file.
            assert not any("999988887777" in i for i in nodes), sorted(nodes)[:5]
            platform.heal()
            for identity, sources, nodes in steps:
                aws = [s for s in sources.values() if (s["service"], s["part"]) in (("sts", "identity"), ("sqs", "queues"), ("rds", "clusters"))]
                if len(aws) == 3 and all(s["state"] == "failed" for s in aws):
                    break
            assert all("999988887777" in s["error"] for s in aws), aws
            assert not [n["id"] for n in nodes.values() if n["kind"] in ("queue", "dbcluster", "loadbalancer") and n["standing"] == "read"]


def test_sts_that_hangs_at_start_delays_nothing_and_is_corrected_without_a_restart(tmp_path):
    with simulated(tmp_path / "sim", "calm", "--pods", "60", "--regions", "1", "--fault", "silent:sts") as platform:
        began = time.monotonic()
        with watched(platform.stack, tmp_path / "state") as lines:
            steps = pictures(lines, within=90)
            # Everything but STS is live, under the name of the profile.
            for identity, sources, nodes in steps:
                states = {s["id"]: s["state"] for s in sources.values() if s["service"] != "sts"}
                if states and set(states.values()) == {"ok"}:
                    break
            live = time.monotonic() - began
            assert any(i.startswith("queue/profile:") for i in nodes), sorted(nodes)[:5]
            assert not identity["simulated"] and not identity["accounts"], identity
            # The source says what failed.
            for _, sources, _ in steps:
                sts = next(s for s in sources.values() if s["service"] == "sts")
                if sts["state"] == "failed":
                    break
            assert "STS" in sts["error"] and "GetCallerIdentity" in sts["error"], sts
            platform.heal()
            for identity, sources, nodes in steps:
                if identity["simulated"]:
                    break
            account = identity["accounts"][0]
            # One step from the stand-in to the account: nothing is blank, nothing is twice.
            assert all("profile:" not in i for i in [*nodes, *sources]), sorted(nodes)[:5]
            assert any(i.startswith(f"queue/{account}/") for i in nodes)
            assert {s["state"] for s in sources.values()} == {"ok"}
        assert live < 20, f"{live:.1f} s until all but STS was read"
