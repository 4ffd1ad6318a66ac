"""Every line a plan offers to copy is pasted into a shell, and does exactly the plan's call.

Whatever is offered in these worlds is tried: a new action is covered by being offered."""

import json
import re

import pytest
import topology as reading
from platform_sim import simulated
from recording_proxy import recorded
from road_desk import paste

# In which world which kinds of node are tried, and for how long it runs before. Every kind that can be acted on is in one.
WORLDS = {
    "dlq-fills": (16 * 60, ("queue", "mapping", "scaledobject")),
    "spot-storm": (0, ("deployment", "statefulset", "hpa", "nodegroup")),
    "writer-sick": (0, ("dbcluster", "dbinstance", "dbglobal", "cachegroup")),
}
# Nodes of a kind that are looked at for one that something can be done to.
LOOKED_AT = 4


@pytest.fixture(params=WORLDS)
def world(request, tmp_path):
    options = ("--clock", "auto", "--speed", "1", "--seed", "3", "--pods", "40", "--regions", "1")
    with simulated(tmp_path / "sim", request.param, *options) as platform:
        before, kinds = WORLDS[request.param]
        if before:
            platform.advance(before)
        yield platform, tmp_path / "state", kinds


def plans(platform, state, kinds):
    """One plan of every action that is offered on nodes of these kinds."""
    calm = lambda node: node["health"]["level"] == "ok"
    order = lambda node: (not node["facts"].get("is_dead_letter_queue", False), calm(node), -node["facts"].get("messages_visible", 0), node["id"])
    topology = reading.read(platform.stack, state)
    for kind in kinds:
        for node in sorted(topology.of(kind), key=order)[:LOOKED_AT]:
            seen = set()
            # Lines that were pasted change what is offered: after a pause, its end is.
            for _ in range(2):
                new = [offer for offer in offered(platform, state, node) if offer["action"] not in seen]
                seen |= {offer["action"] for offer in new}
                for offer in new:
                    yield (offer["action"], kind), planned(platform, state, node, offer)
            if seen:
                break


def offered(platform, state, node) -> list[dict]:
    done = reading.qd("offers", node["id"], "--stack", str(platform.stack), "--json", state=state)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def first_choice(setting) -> str:
    """What must be chosen has no default: the first, which fits best."""
    choices = setting["ask"].get("choices", [])
    return choices[0]["value"] if choices else ""


def planned(platform, state, node, offer) -> dict:
    taken = [(s["name"], s["default"] or first_choice(s)) for s in offer["settings"]]
    settings = [word for name, value in taken if value for word in ("--set", f"{name}={value}")]
    done = reading.qd("plan", offer["action"], node["id"], *settings, "--stack", str(platform.stack), "--json", state=state)
    assert done.returncode in (0, 4), (offer["action"], node["id"], done.stderr)
    return json.loads(done.stdout)


# What is known only when the call is made: a task's handle, a client token.
PLACEHOLDER = re.compile(r"^(of the |made with |<)")


def sent_as(call: dict, name: str, value):
    """What a call sent under a name; a dot leads into it, and REST sends some of it in its path."""
    at = call["given"]
    for part in [name] if name in at else name.split("."):
        at = at.get(part) if isinstance(at, dict) else None
    return value if at is None and str(value) in call["path"] else at


def assert_same(key, call: dict, sent: list[dict]) -> None:
    """Among what the line sent is the plan's call with the plan's parameters."""
    operation = call["operation"].split(":", 1)[-1]
    named = [c for c in sent if c["operation"] == operation]
    if not named:  # REST: the protocol names no operation
        named = [c for c in sent if c["operation"] is None and c["method"] not in ("GET", "HEAD")]
    assert named, (key, call["cli"], [(c["method"], c["path"], c["operation"]) for c in sent])
    for name, value in call["parameters"].items():
        # A word in small letters is ours: what is selected, and not what is called.
        if PLACEHOLDER.match(str(value)) or name[0].islower():
            continue
        plain = lambda what: str(what).lower()
        fits = lambda c: plain(sent_as(c, name, value)) == plain(value)
        assert any(fits(c) for c in named), (key, name, value, [c["given"] for c in named])


def test_every_line_does_its_plans_call(world):
    platform, state, kinds = world
    tried = set()
    with recorded(platform.aws) as proxy:
        for key, plan in plans(platform, state, kinds):
            assert plan["calls"] or plan.get("blocked"), key
            tried.add(key)
            for call in plan["calls"]:
                tool = call["cli"].split()[0]
                assert tool in ("aws", "kubectl"), (key, call["cli"])
                proxy.taken()
                pasted = paste(call["cli"], platform, endpoint=proxy.url)
                if tool == "aws":
                    # 254 and 255: the service refused, as a plan that is blocked lets expect.
                    assert pasted.returncode in ((0, 254, 255) if plan.get("blocked") else (0,)), (key, call["cli"], pasted.stderr)
                    assert_same(key, call, proxy.taken())
                else:
                    refused = plan.get("blocked") and "Error from server" in pasted.stderr
                    assert pasted.returncode == 0 or refused, (key, call["cli"], pasted.stderr)
                platform.advance(30)
    assert tried or "queue" not in kinds, "a full dead-letter queue can be redriven"
