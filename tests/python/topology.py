"""Reading `qd topology --json` as a stranger would: nodes, edges, walks."""

import json
import os
import pathlib
import subprocess
import time

QD = os.environ.get("QD_BIN", str(pathlib.Path(__file__).parents[2] / "target/debug/qd"))


class Topology:
    def __init__(self, document: dict, code: int):
        self.document, self.code = document, code
        self.nodes = {node["id"]: node for node in document["nodes"]}
        self.out: dict[str, list[dict]] = {}
        for edge in document["edges"]:
            self.out.setdefault(edge["from"], []).append(edge)

    def named(self, kind: str, name: str) -> dict:
        found = [n for n in self.nodes.values() if n["kind"] == kind and n["name"] == name]
        assert len(found) == 1, f"{kind} {name}: {len(found)} nodes"
        return found[0]

    def of(self, kind: str) -> list[dict]:
        return [n for n in self.nodes.values() if n["kind"] == kind]

    def reach(self, start: str) -> set[str]:
        """Every node a walk along the edges can come to."""
        seen, todo = {start}, [start]
        while todo:
            for edge in self.out.get(todo.pop(), []):
                if edge["to"] not in seen:
                    seen.add(edge["to"])
                    todo.append(edge["to"])
        return seen

    def kinds_reached(self, start: str) -> set[str]:
        return {self.nodes[i]["kind"] for i in self.reach(start) if i in self.nodes}

    def source(self, part: str) -> list[dict]:
        return [s for s in self.document["sources"] if part in s["id"]]


def qd(*args: str, state: pathlib.Path, timeout: float = 90, env: dict | None = None) -> subprocess.CompletedProcess:
    return subprocess.run(
        [QD, *args],
        capture_output=True,
        text=True,
        timeout=timeout,
        env={**os.environ, "XDG_STATE_HOME": str(state), **(env or {})},
    )


def outlasting(one, least: float) -> tuple[Topology, float]:
    """A reading, and seconds that outlast some more of it here and now, beside whatever else runs."""
    began = time.monotonic()
    return one(), round(least + 3 * (time.monotonic() - began))


def read(stack: pathlib.Path, state: pathlib.Path, timeout: int = 40) -> Topology:
    done = qd("topology", "--stack", str(stack), "--json", "--timeout", str(timeout), state=state)
    assert done.returncode in (0, 3), f"exit {done.returncode}: {done.stderr}"
    return Topology(json.loads(done.stdout), done.returncode)


def assert_sound(topology: Topology) -> None:
    """What must hold of every topology, whoever serves it."""
    ids = [node["id"] for node in topology.document["nodes"]]
    assert len(ids) == len(set(ids)), "a node appears twice"
    for edge in topology.document["edges"]:
        assert edge["from"] in topology.nodes and edge["to"] in topology.nodes, f"a dangling edge: {edge}"
        assert edge["provenance"], f"an edge without provenance: {edge}"
    keys = [(e["from"], e["to"], e["relation"]) for e in topology.document["edges"]]
    assert len(keys) == len(set(keys)), "an edge appears twice"
    for source in topology.document["sources"]:
        assert source["state"] in ("ok", "stale", "failed"), source
        if source["state"] != "ok":
            assert source["error"].strip().endswith((".", "!")), f"no sentence: {source}"
    for node in topology.nodes.values():
        for value in node["facts"].values():
            assert isinstance(value, (str, int, float, bool)), f"a fact that is no scalar: {node}"
